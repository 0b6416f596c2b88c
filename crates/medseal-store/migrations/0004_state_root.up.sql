-- The state root over the rows of all tables that are inside it (spec/state-root.md).

ALTER TABLE store_state ADD COLUMN state_root BLOB; -- 32 bytes; NULL until the map has begun
ALTER TABLE store_state ADD COLUMN state_mac BLOB; -- 32 bytes: authenticates epoch and root
ALTER TABLE store_state ADD COLUMN bucket_hashes BLOB; -- 256 hashes, whose hash is the root

-- The MACs of the rows, by the hashes of their places. A bucket without rows has no row here.
CREATE TABLE state_buckets (
    bucket  BIGINT NOT NULL PRIMARY KEY, -- 0 to 255
    entries BLOB   NOT NULL -- 64 bytes a row, ascending: place, MAC
);

DROP TABLE state_buckets;
ALTER TABLE store_state DROP COLUMN bucket_hashes;
ALTER TABLE store_state DROP COLUMN state_mac;
ALTER TABLE store_state DROP COLUMN state_root;

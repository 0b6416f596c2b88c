-- Every row of the tables below `store_state` carries `row_version` (1, 2, 3 …) and `row_mac`, an
-- HMAC over table, primary key, version and all columns (spec/envelope.md, Rows).
-- Times are seconds since 1970-01-01T00:00:00Z. Text is compared and ordered by its bytes.

-- One row: which store this is, and how often a security row has changed.
CREATE TABLE store_state (
    only_row       INTEGER PRIMARY KEY CHECK (only_row = 1), -- always 1
    store_id       TEXT    NOT NULL,   -- immutable: a UUID
    schema_version INTEGER NOT NULL,   -- the last migration
    epoch          BIGINT  NOT NULL    -- +1 with every change
);

-- How the KWK is wrapped, and what the home is for.
CREATE TABLE root (
    name        TEXT   NOT NULL PRIMARY KEY, -- always 'root'
    environment TEXT   NOT NULL,             -- development | production
    kind        TEXT   NOT NULL,             -- keyfile | passphrase | env
    parameters  TEXT   NOT NULL,             -- of the kind; never a secret
    kwk_version BIGINT NOT NULL,             -- 1, 2, 3 …: which KWK this is
    wrapped_kwk BLOB   NOT NULL,             -- stored secret under the root
    created_at  BIGINT NOT NULL,             -- when the home was made
    row_version BIGINT NOT NULL,             -- +1 with every change of the row
    row_mac     BLOB   NOT NULL              -- 32 bytes
);

-- Keys: what they are for and when they turn over. Their state is on their versions.
CREATE TABLE keys (
    tenant           TEXT   NOT NULL, -- immutable
    name             TEXT   NOT NULL, -- immutable: unique in the tenant
    purpose          TEXT   NOT NULL, -- immutable: field | file
    primary_version  BIGINT NOT NULL, -- the version that encrypts
    rotation_period  BIGINT,          -- seconds a primary serves
    next_rotation_at BIGINT,          -- a fixed moment for the next version
    max_messages     BIGINT,          -- messages a primary encrypts
    max_bytes        BIGINT,          -- bytes a primary encrypts
    created_at       BIGINT NOT NULL, -- immutable
    reason           TEXT,            -- of the last change
    row_version      BIGINT NOT NULL, -- +1 with every change of the row
    row_mac          BLOB   NOT NULL, -- 32 bytes
    PRIMARY KEY (tenant, name)
);

-- Versions of keys. A row is never deleted: what was destroyed stays as a tombstone.
CREATE TABLE key_versions (
    tenant         TEXT   NOT NULL, -- immutable
    name           TEXT   NOT NULL, -- immutable
    number         TEXT   NOT NULL, -- immutable: ten digits, so that text order is number order
    key_version_id TEXT   NOT NULL UNIQUE, -- immutable: 16 hexadecimal digits, never reused
    suite          TEXT   NOT NULL, -- immutable
    state          TEXT   NOT NULL, -- pre-active | active | … | destroyed
    cause          TEXT,            -- of a revocation
    created_at     BIGINT NOT NULL, -- immutable
    activated_at   BIGINT,          -- when it last became primary
    destroy_after  BIGINT,          -- end of the waiting period, while one runs
    reason         TEXT,            -- of the last change
    row_version    BIGINT NOT NULL, -- +1 with every change of the row
    row_mac        BLOB   NOT NULL, -- 32 bytes
    PRIMARY KEY (tenant, name, number)
);

-- KEKs. A destroyed version has no row here and keeps its row above as a tombstone.
CREATE TABLE key_secrets (
    key_version_id TEXT   NOT NULL PRIMARY KEY, -- immutable
    month          BIGINT NOT NULL, -- YYYYMM of the epoch key that guards it
    secret         BLOB   NOT NULL, -- stored secret, bound to this row and version
    row_version    BIGINT NOT NULL, -- +1 with every change of the row
    row_mac        BLOB   NOT NULL  -- 32 bytes
);

-- What must be bound is never the envelope's to say.
CREATE TABLE field_definitions (
    tenant      TEXT   NOT NULL, -- immutable, as everything here
    collection  TEXT   NOT NULL, -- logical name, never a physical table
    field       TEXT   NOT NULL, -- logical name
    key_name    TEXT   NOT NULL, -- the key of its values
    class       TEXT   NOT NULL, -- what policies speak of
    flags       BIGINT NOT NULL, -- the flag byte every envelope must have
    token_index TEXT,            -- reserved for search
    placement   TEXT   NOT NULL, -- where its envelopes stand in a document
    profile     TEXT,            -- which profile registered it
    created_at  BIGINT NOT NULL, -- when it was defined
    row_version BIGINT NOT NULL, -- +1 with every change of the row
    row_mac     BLOB   NOT NULL, -- 32 bytes
    PRIMARY KEY (tenant, collection, field)
);

-- Counters, not security rows: they decide when rotation is due and nothing else.
CREATE TABLE key_usage (
    key_version_id TEXT   NOT NULL PRIMARY KEY, -- immutable
    messages       BIGINT NOT NULL, -- encrypted so far
    bytes          BIGINT NOT NULL  -- of plaintext, encrypted so far
);

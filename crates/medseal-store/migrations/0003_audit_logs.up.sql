-- The keys of audit logs (spec/audit-log.md, Keys). A node has one log.
CREATE TABLE audit_logs (
    node        TEXT   NOT NULL PRIMARY KEY, -- immutable: which node writes it
    log_id      TEXT   NOT NULL, -- immutable: 32 hexadecimal digits
    ed25519     BLOB   NOT NULL, -- immutable: public key
    ml_dsa_87   BLOB   NOT NULL, -- immutable: public key
    seed        BLOB   NOT NULL, -- stored secret, bound to this row and version
    created_at  BIGINT NOT NULL, -- immutable
    row_version BIGINT NOT NULL, -- +1 with every change of the row
    row_mac     BLOB   NOT NULL  -- 32 bytes
);

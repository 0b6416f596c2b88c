-- Ids that gave way to pseudonyms, such as patients' ids in references. Rows are never updated.
CREATE TABLE pseudonyms (
    tenant      TEXT   NOT NULL, -- immutable, as everything here
    pseudonym   TEXT   NOT NULL, -- what stands in documents: a UUID
    original    BLOB   NOT NULL, -- stored secret: the id, bound to this row
    created_at  BIGINT NOT NULL, -- when the id was first met
    row_version BIGINT NOT NULL, -- always 1
    row_mac     BLOB   NOT NULL, -- 32 bytes
    PRIMARY KEY (tenant, pseudonym)
);

-- Subjects (patients). A row is made when something is first encrypted for a subject, moves on to each
-- month's epoch key, and goes when the subject is erased. Outside the state root: there are many, and
-- every application makes them.
CREATE TABLE subjects (
    tenant      TEXT   NOT NULL, -- immutable
    handle      TEXT   NOT NULL, -- immutable: keyed pseudonym of the subject's id, 32 hexadecimal digits
    month       BIGINT NOT NULL, -- YYYYMM of the epoch key that guards it
    secret      BLOB   NOT NULL, -- stored secret: S32, A32 and the id, bound to this row and version
    created_at  BIGINT NOT NULL, -- immutable
    row_version BIGINT NOT NULL, -- +1 with every change of the row
    row_mac     BLOB   NOT NULL, -- 32 bytes
    PRIMARY KEY (tenant, handle)
);
CREATE INDEX subjects_by_month ON subjects (month);

-- Subjects that were erased. Rows are never updated or deleted: an erased id never comes back.
CREATE TABLE subject_tombstones (
    tenant      TEXT   NOT NULL, -- immutable, as everything here
    handle      TEXT   NOT NULL, -- as in subjects
    erased_at   BIGINT NOT NULL, -- from when on the subject's data opens in no live store
    certificate TEXT   NOT NULL, -- the signed certificate (spec/erasure-certificate.md)
    row_version BIGINT NOT NULL, -- always 1
    row_mac     BLOB   NOT NULL, -- 32 bytes
    PRIMARY KEY (tenant, handle)
);

-- Legal holds: while a subject has one, it is not erased.
CREATE TABLE subject_holds (
    tenant      TEXT   NOT NULL, -- immutable, as everything here
    handle      TEXT   NOT NULL, -- as in subjects
    name        TEXT   NOT NULL, -- by which it is released
    reason      TEXT   NOT NULL, -- why it was placed
    principal   TEXT   NOT NULL, -- who placed it
    placed_at   BIGINT NOT NULL, -- when
    row_version BIGINT NOT NULL, -- always 1
    row_mac     BLOB   NOT NULL, -- 32 bytes
    PRIMARY KEY (tenant, handle, name)
);

-- Public keys of approvers. Rows are never deleted: how many there ever were says whether a quorum exists.
CREATE TABLE approver_keys (
    principal_id  TEXT   NOT NULL PRIMARY KEY, -- immutable: whose
    vkeys         TEXT   NOT NULL, -- both verifier keys (spec/approvals.md)
    registered_by TEXT   NOT NULL, -- who registered them
    registered_at BIGINT NOT NULL, -- when
    row_version   BIGINT NOT NULL, -- +1 with every change of the row
    row_mac       BLOB   NOT NULL  -- 32 bytes
);

-- Requests for approvals. Rows are never deleted.
CREATE TABLE approval_requests (
    request_id  TEXT   NOT NULL PRIMARY KEY, -- immutable: 32 hexadecimal digits
    request     BLOB   NOT NULL, -- immutable: what is asked for (spec/approvals.md)
    state       TEXT   NOT NULL, -- open | executed | withdrawn
    closed_by   TEXT,            -- who carried it out or withdrew it
    closed_at   BIGINT,          -- when
    row_version BIGINT NOT NULL, -- +1 with every change of the row
    row_mac     BLOB   NOT NULL  -- 32 bytes
);

-- What approvers said. Rows are never deleted.
CREATE TABLE approvals (
    request_id   TEXT   NOT NULL, -- immutable: about which request
    principal_id TEXT   NOT NULL, -- immutable: who
    statement    TEXT   NOT NULL, -- what was signed, with both signatures
    reason       TEXT,            -- why
    given_at     BIGINT NOT NULL, -- when
    row_version  BIGINT NOT NULL, -- +1 with every change of the row
    row_mac      BLOB   NOT NULL, -- 32 bytes
    PRIMARY KEY (request_id, principal_id)
);

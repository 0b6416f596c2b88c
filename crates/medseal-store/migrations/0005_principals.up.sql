-- Who a home knows. Rows are never deleted: who may do nothing any more stays as a tombstone.
-- From here on `root.environment` may end in ` governed`: an admin has replaced the built-in owner.
CREATE TABLE principals (
    name         TEXT   NOT NULL PRIMARY KEY, -- immutable
    principal_id TEXT   NOT NULL, -- immutable: 16 hexadecimal digits, never given again
    kind         TEXT   NOT NULL, -- immutable: person | service | os-user
    tenant       TEXT,            -- immutable: the one tenant it belongs to, else every tenant
    os_user      BIGINT,          -- immutable: user id of the operating system
    state        TEXT   NOT NULL, -- active | disabled
    created_at   BIGINT NOT NULL, -- immutable
    reason       TEXT,            -- of the last change
    row_version  BIGINT NOT NULL, -- +1 with every change of the row
    row_mac      BLOB   NOT NULL  -- 32 bytes
);

-- Roles of principals. What was revoked stays as a tombstone.
CREATE TABLE role_grants (
    principal_id TEXT   NOT NULL, -- immutable
    role         TEXT   NOT NULL, -- immutable
    state        TEXT   NOT NULL, -- granted | revoked
    changed_by   TEXT   NOT NULL, -- who made the last change
    changed_at   BIGINT NOT NULL, -- when
    row_version  BIGINT NOT NULL, -- +1 with every change of the row
    row_mac      BLOB   NOT NULL, -- 32 bytes
    PRIMARY KEY (principal_id, role)
);

-- Access tokens, of which only a MAC is kept. What was revoked stays as a tombstone.
CREATE TABLE access_tokens (
    token_mac    TEXT   NOT NULL PRIMARY KEY, -- immutable: HMAC of the token, 64 hexadecimal digits
    token_id     TEXT   NOT NULL, -- immutable: 16 hexadecimal digits, by which it is revoked
    principal_id TEXT   NOT NULL, -- immutable: who shows it
    created_at   BIGINT NOT NULL, -- immutable
    expires_at   BIGINT NOT NULL, -- immutable
    revoked_at   BIGINT,          -- when it was revoked
    row_version  BIGINT NOT NULL, -- +1 with every change of the row
    row_mac      BLOB   NOT NULL  -- 32 bytes
);

-- Who went past the policy in an emergency. Rows are never deleted.
CREATE TABLE break_glass (
    grant_id     TEXT   NOT NULL PRIMARY KEY, -- immutable: 16 hexadecimal digits
    principal_id TEXT   NOT NULL, -- immutable: who
    opened_at    BIGINT NOT NULL, -- immutable
    ends_at      BIGINT NOT NULL, -- immutable: end of the time box
    reason       BLOB   NOT NULL, -- stored secret, bound to this row and version
    reviewed_by  TEXT,            -- who looked at it afterwards
    reviewed_at  BIGINT,          -- when
    row_version  BIGINT NOT NULL, -- +1 with every change of the row
    row_mac      BLOB   NOT NULL  -- 32 bytes
);

-- Counters, not security rows: what principals spent of their budgets, in slots of time.
CREATE TABLE budget_usage (
    principal_id TEXT   NOT NULL, -- whose
    budget       TEXT   NOT NULL, -- the budget's id in the policy
    slot         BIGINT NOT NULL, -- end of the slot, in seconds since 1970
    spent        BIGINT NOT NULL, -- values or records in this slot
    PRIMARY KEY (principal_id, budget, slot)
);

-- One row: the policy in force. Its row version counts the policies that were set.
CREATE TABLE policies (
    name        TEXT   NOT NULL PRIMARY KEY, -- always 'policy'
    document    TEXT   NOT NULL, -- TOML (spec/policy.md)
    set_by      TEXT   NOT NULL, -- who set it
    set_at      BIGINT NOT NULL, -- when
    row_version BIGINT NOT NULL, -- +1 with every change of the row
    row_mac     BLOB   NOT NULL  -- 32 bytes
);

//! The tables, described once: backends build their statements from here, rows are authenticated in
//! this column order. A test holds the descriptions against the migrations.

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// A 64-bit integer.
    Integer,
    /// Bytes.
    Bytes,
}

/// Whether the rows of a table are in the state root (`spec/state-root.md`). There is no default:
/// whoever describes a table decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In it: old, foreign and deleted rows are found.
    Inside {
        /// How many of the first key columns a list asks for.
        group_columns: usize,
    },
    /// Not in it: too many, or written by too many at once. An old row put back and a deleted row
    /// are not found.
    Outside,
}

/// A table of security rows. Behind these columns stand `row_version` and `row_mac`.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// How many of the first columns are the primary key; they are text.
    pub key_columns: usize,
    /// Whether its rows are in the state root.
    pub standing: Standing,
    /// Its columns in order.
    pub columns: &'static [(&'static str, Kind)],
}

impl Table {
    /// The names of the primary key's columns.
    pub fn key(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().take(self.key_columns).map(|(name, _)| *name)
    }
}

use Kind::{Bytes, Integer, Text};
use Standing::{Inside, Outside};

/// How the KWK is wrapped.
pub static ROOT: Table = Table {
    name: "root",
    key_columns: 1,
    standing: Inside { group_columns: 0 },
    columns: &[
        ("name", Text),
        ("environment", Text),
        ("kind", Text),
        ("parameters", Text),
        ("kwk_version", Integer),
        ("wrapped_kwk", Bytes),
        ("created_at", Integer),
    ],
};

/// Keys.
pub static KEYS: Table = Table {
    name: "keys",
    key_columns: 2,
    standing: Inside { group_columns: 1 },
    columns: &[
        ("tenant", Text),
        ("name", Text),
        ("purpose", Text),
        ("primary_version", Integer),
        ("rotation_period", Integer),
        ("next_rotation_at", Integer),
        ("max_messages", Integer),
        ("max_bytes", Integer),
        ("created_at", Integer),
        ("reason", Text),
    ],
};

/// Versions of keys.
pub static KEY_VERSIONS: Table = Table {
    name: "key_versions",
    key_columns: 3,
    standing: Inside { group_columns: 2 },
    columns: &[
        ("tenant", Text),
        ("name", Text),
        ("number", Text),
        ("key_version_id", Text),
        ("suite", Text),
        ("state", Text),
        ("cause", Text),
        ("created_at", Integer),
        ("activated_at", Integer),
        ("destroy_after", Integer),
        ("reason", Text),
    ],
};

/// Wrapped KEKs.
pub static KEY_SECRETS: Table = Table {
    name: "key_secrets",
    key_columns: 1,
    standing: Inside { group_columns: 1 },
    columns: &[("key_version_id", Text), ("month", Integer), ("secret", Bytes)],
};

/// Field definitions.
pub static FIELD_DEFINITIONS: Table = Table {
    name: "field_definitions",
    key_columns: 3,
    standing: Inside { group_columns: 1 },
    columns: &[
        ("tenant", Text),
        ("collection", Text),
        ("field", Text),
        ("key_name", Text),
        ("class", Text),
        ("flags", Integer),
        ("token_index", Text),
        ("placement", Text),
        ("profile", Text),
        ("created_at", Integer),
    ],
};

/// Ids that gave way to pseudonyms.
pub static PSEUDONYMS: Table = Table {
    name: "pseudonyms",
    key_columns: 2,
    standing: Outside,
    columns: &[("tenant", Text), ("pseudonym", Text), ("original", Bytes), ("created_at", Integer)],
};

/// Keys of audit logs.
pub static AUDIT_LOGS: Table = Table {
    name: "audit_logs",
    key_columns: 1,
    standing: Inside { group_columns: 0 },
    columns: &[
        ("node", Text),
        ("log_id", Text),
        ("ed25519", Bytes),
        ("ml_dsa_87", Bytes),
        ("seed", Bytes),
        ("created_at", Integer),
    ],
};

/// Who a home knows.
pub static PRINCIPALS: Table = Table {
    name: "principals",
    key_columns: 1,
    standing: Inside { group_columns: 0 },
    columns: &[
        ("name", Text),
        ("principal_id", Text),
        ("kind", Text),
        ("tenant", Text),
        ("os_user", Integer),
        ("state", Text),
        ("created_at", Integer),
        ("reason", Text),
    ],
};

/// Roles of principals.
pub static ROLE_GRANTS: Table = Table {
    name: "role_grants",
    key_columns: 2,
    standing: Inside { group_columns: 0 },
    columns: &[
        ("principal_id", Text),
        ("role", Text),
        ("state", Text),
        ("changed_by", Text),
        ("changed_at", Integer),
    ],
};

/// Access tokens.
pub static ACCESS_TOKENS: Table = Table {
    name: "access_tokens",
    key_columns: 1,
    standing: Inside { group_columns: 0 },
    columns: &[
        ("token_mac", Text),
        ("token_id", Text),
        ("principal_id", Text),
        ("created_at", Integer),
        ("expires_at", Integer),
        ("revoked_at", Integer),
    ],
};

/// The policy in force.
pub static POLICIES: Table = Table {
    name: "policies",
    key_columns: 1,
    standing: Inside { group_columns: 0 },
    columns: &[("name", Text), ("document", Text), ("set_by", Text), ("set_at", Integer)],
};

/// Who went past the policy in an emergency.
pub static BREAK_GLASS: Table = Table {
    name: "break_glass",
    key_columns: 1,
    standing: Inside { group_columns: 0 },
    columns: &[
        ("grant_id", Text),
        ("principal_id", Text),
        ("opened_at", Integer),
        ("ends_at", Integer),
        ("reason", Bytes),
        ("reviewed_by", Text),
        ("reviewed_at", Integer),
    ],
};

/// Subjects: there are many, and every application makes them.
pub static SUBJECTS: Table = Table {
    name: "subjects",
    key_columns: 2,
    standing: Outside,
    columns: &[
        ("tenant", Text),
        ("handle", Text),
        ("month", Integer),
        ("secret", Bytes),
        ("created_at", Integer),
    ],
};

/// Subjects that were erased: a missing one would let a subject come back.
pub static SUBJECT_TOMBSTONES: Table = Table {
    name: "subject_tombstones",
    key_columns: 2,
    standing: Inside { group_columns: 1 },
    columns: &[("tenant", Text), ("handle", Text), ("erased_at", Integer), ("certificate", Text)],
};

/// Legal holds: a missing one would let a subject be erased.
pub static SUBJECT_HOLDS: Table = Table {
    name: "subject_holds",
    key_columns: 3,
    standing: Inside { group_columns: 2 },
    columns: &[
        ("tenant", Text),
        ("handle", Text),
        ("name", Text),
        ("reason", Text),
        ("principal", Text),
        ("placed_at", Integer),
    ],
};

/// Public keys of approvers.
pub static APPROVER_KEYS: Table = Table {
    name: "approver_keys",
    key_columns: 1,
    standing: Inside { group_columns: 0 },
    columns: &[
        ("principal_id", Text),
        ("vkeys", Text),
        ("registered_by", Text),
        ("registered_at", Integer),
    ],
};

/// Requests for approvals: a missing one would let it be carried out again.
pub static APPROVAL_REQUESTS: Table = Table {
    name: "approval_requests",
    key_columns: 1,
    standing: Inside { group_columns: 0 },
    columns: &[
        ("request_id", Text),
        ("request", Bytes),
        ("state", Text),
        ("closed_by", Text),
        ("closed_at", Integer),
    ],
};

/// What approvers said: a missing one could be a denial.
pub static APPROVALS: Table = Table {
    name: "approvals",
    key_columns: 2,
    standing: Inside { group_columns: 1 },
    columns: &[
        ("request_id", Text),
        ("principal_id", Text),
        ("statement", Text),
        ("reason", Text),
        ("given_at", Integer),
    ],
};

/// Every table of security rows.
pub static ALL: [&Table; 18] = [
    &ROOT,
    &KEYS,
    &KEY_VERSIONS,
    &KEY_SECRETS,
    &FIELD_DEFINITIONS,
    &PSEUDONYMS,
    &AUDIT_LOGS,
    &PRINCIPALS,
    &ROLE_GRANTS,
    &ACCESS_TOKENS,
    &POLICIES,
    &BREAK_GLASS,
    &SUBJECTS,
    &SUBJECT_TOMBSTONES,
    &SUBJECT_HOLDS,
    &APPROVER_KEYS,
    &APPROVAL_REQUESTS,
    &APPROVALS,
];

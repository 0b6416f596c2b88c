//! The records of each table.

mod access_token;
mod approval;
mod audit_log;
mod break_glass;
mod field;
mod key;
mod key_secret;
mod key_version;
mod policy;
mod principal;
mod pseudonym;
mod role_grant;
mod root;
mod subject;

pub use access_token::AccessTokenRecord;
pub use approval::{ApprovalRecord, ApprovalRequestRecord, ApproverKeyRecord, RequestState};
pub use audit_log::AuditLogRecord;
pub use break_glass::BreakGlassRecord;
pub use field::FieldRecord;
pub use key::{KeyRecord, keyring};
pub use key_secret::KeySecretRecord;
pub use key_version::KeyVersionRecord;
pub use policy::PolicyRecord;
pub use principal::{PrincipalRecord, PrincipalState};
pub use pseudonym::PseudonymRecord;
pub use role_grant::RoleGrantRecord;
pub use root::RootRecord;
pub use subject::{SubjectHoldRecord, SubjectRecord, SubjectTombstoneRecord};

//! The records of each table.

mod audit_log;
mod field;
mod key;
mod key_secret;
mod key_version;
mod pseudonym;
mod root;
mod subject;

pub use audit_log::AuditLogRecord;
pub use field::FieldRecord;
pub use key::{KeyRecord, keyring};
pub use key_secret::KeySecretRecord;
pub use key_version::KeyVersionRecord;
pub use pseudonym::PseudonymRecord;
pub use root::RootRecord;
pub use subject::{SubjectHoldRecord, SubjectRecord, SubjectTombstoneRecord};

//! The keys of one node's audit log.

use crate::row::{Columns, text};
use crate::schema::{AUDIT_LOGS, Table};
use crate::{Record, StoreError};
use medseal_core::row_mac::Column;

/// A row of `audit_logs`. The seed is bound to the row's own version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLogRecord {
    /// The node.
    pub node: String,
    /// The log's id, 32 hexadecimal digits.
    pub log_id: String,
    /// The Ed25519 public key.
    pub ed25519: Vec<u8>,
    /// The ML-DSA-87 public key.
    pub ml_dsa_87: Vec<u8>,
    /// The stored secret that the private keys come from.
    pub seed: Vec<u8>,
    /// When the log was made.
    pub created_at: i64,
}

impl Record for AuditLogRecord {
    fn table() -> &'static Table {
        &AUDIT_LOGS
    }

    fn to_columns(&self) -> Vec<Column> {
        vec![
            text(&self.node),
            text(&self.log_id),
            Column::Bytes(self.ed25519.clone()),
            Column::Bytes(self.ml_dsa_87.clone()),
            Column::Bytes(self.seed.clone()),
            Column::Integer(self.created_at),
        ]
    }

    fn from_columns(columns: Vec<Column>) -> Result<Self, StoreError> {
        let mut c = Columns::new(&AUDIT_LOGS, columns);
        Ok(Self {
            node: c.text()?,
            log_id: c.text()?,
            ed25519: c.bytes()?,
            ml_dsa_87: c.bytes()?,
            seed: c.bytes()?,
            created_at: c.integer()?,
        })
    }
}

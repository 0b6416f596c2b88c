//! The wrapped KEK of one key version.

use crate::row::{Columns, text};
use crate::schema::{KEY_SECRETS, Table};
use crate::{Record, StoreError};
use medseal_core::row_mac::Column;

/// A row of `key_secrets`. The secret is bound to the row's own version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySecretRecord {
    /// The key version, 16 hexadecimal digits.
    pub key_version_id: String,
    /// `YYYYMM` of the epoch key that guards it.
    pub month: i64,
    /// The stored secret.
    pub secret: Vec<u8>,
}

impl Record for KeySecretRecord {
    fn table() -> &'static Table {
        &KEY_SECRETS
    }

    fn to_columns(&self) -> Vec<Column> {
        let secret = Column::Bytes(self.secret.clone());
        vec![text(&self.key_version_id), Column::Integer(self.month), secret]
    }

    fn from_columns(columns: Vec<Column>) -> Result<Self, StoreError> {
        let mut c = Columns::new(&KEY_SECRETS, columns);
        Ok(Self { key_version_id: c.text()?, month: c.integer()?, secret: c.bytes()? })
    }
}

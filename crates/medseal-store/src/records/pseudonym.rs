//! The id behind a pseudonym.

use crate::row::{Columns, text};
use crate::schema::{PSEUDONYMS, Table};
use crate::{Record, StoreError};
use medseal_core::row_mac::Column;

/// A row of `pseudonyms`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PseudonymRecord {
    /// The tenant.
    pub tenant: String,
    /// What stands in documents.
    pub pseudonym: String,
    /// The id as a stored secret.
    pub original: Vec<u8>,
    /// When the id was first met.
    pub created_at: i64,
}

impl Record for PseudonymRecord {
    fn table() -> &'static Table {
        &PSEUDONYMS
    }

    fn to_columns(&self) -> Vec<Column> {
        let original = Column::Bytes(self.original.clone());
        let created_at = Column::Integer(self.created_at);
        vec![text(&self.tenant), text(&self.pseudonym), original, created_at]
    }

    fn from_columns(columns: Vec<Column>) -> Result<Self, StoreError> {
        let mut c = Columns::new(&PSEUDONYMS, columns);
        Ok(Self {
            tenant: c.text()?,
            pseudonym: c.text()?,
            original: c.bytes()?,
            created_at: c.integer()?,
        })
    }
}

//! The policy in force.

use crate::row::{Columns, text};
use crate::schema::{POLICIES, Table};
use crate::{Record, StoreError};
use medseal_core::row_mac::Column;

/// The row of `policies`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRecord {
    /// Always [`PolicyRecord::NAME`].
    pub name: String,
    /// TOML.
    pub document: String,
    /// Who set it.
    pub set_by: String,
    /// When.
    pub set_at: i64,
}

impl PolicyRecord {
    /// The key of the only row.
    pub const NAME: &str = "policy";
}

impl Record for PolicyRecord {
    fn table() -> &'static Table {
        &POLICIES
    }

    fn to_columns(&self) -> Vec<Column> {
        let set_at = Column::Integer(self.set_at);
        vec![text(&self.name), text(&self.document), text(&self.set_by), set_at]
    }

    fn from_columns(columns: Vec<Column>) -> Result<Self, StoreError> {
        let mut c = Columns::new(&POLICIES, columns);
        Ok(Self { name: c.text()?, document: c.text()?, set_by: c.text()?, set_at: c.integer()? })
    }
}

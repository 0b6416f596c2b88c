//! A role of a principal.

use crate::row::{Columns, text};
use crate::schema::{ROLE_GRANTS, Table};
use crate::{Record, StoreError};
use medseal_core::row_mac::Column;

/// A row of `role_grants`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleGrantRecord {
    /// Whose.
    pub principal_id: String,
    /// The role.
    pub role: String,
    /// Whether the principal has it, or had it.
    pub granted: bool,
    /// Who made the last change.
    pub changed_by: String,
    /// When.
    pub changed_at: i64,
}

impl Record for RoleGrantRecord {
    fn table() -> &'static Table {
        &ROLE_GRANTS
    }

    fn to_columns(&self) -> Vec<Column> {
        vec![
            text(&self.principal_id),
            text(&self.role),
            text(if self.granted { "granted" } else { "revoked" }),
            text(&self.changed_by),
            Column::Integer(self.changed_at),
        ]
    }

    fn from_columns(columns: Vec<Column>) -> Result<Self, StoreError> {
        let mut c = Columns::new(&ROLE_GRANTS, columns);
        Ok(Self {
            principal_id: c.text()?,
            role: c.text()?,
            granted: match c.text()?.as_str() {
                "granted" => true,
                "revoked" => false,
                _ => return Err(c.corrupt()),
            },
            changed_by: c.text()?,
            changed_at: c.integer()?,
        })
    }
}

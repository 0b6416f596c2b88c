//! An emergency in which somebody went past the policy.

use crate::row::{Columns, optional_integer, optional_text, text};
use crate::schema::{BREAK_GLASS, Table};
use crate::{Record, StoreError};
use medseal_core::row_mac::Column;

/// A row of `break_glass`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakGlassRecord {
    /// Its id, 16 hexadecimal digits.
    pub grant_id: String,
    /// Who.
    pub principal_id: String,
    /// Since when.
    pub opened_at: i64,
    /// Until when.
    pub ends_at: i64,
    /// Why, as a stored secret: it can name a patient.
    pub reason: Vec<u8>,
    /// Who looked at it afterwards.
    pub reviewed_by: Option<String>,
    /// When.
    pub reviewed_at: Option<i64>,
}

impl Record for BreakGlassRecord {
    fn table() -> &'static Table {
        &BREAK_GLASS
    }

    fn to_columns(&self) -> Vec<Column> {
        vec![
            text(&self.grant_id),
            text(&self.principal_id),
            Column::Integer(self.opened_at),
            Column::Integer(self.ends_at),
            Column::Bytes(self.reason.clone()),
            optional_text(self.reviewed_by.as_deref()),
            optional_integer(self.reviewed_at),
        ]
    }

    fn from_columns(columns: Vec<Column>) -> Result<Self, StoreError> {
        let mut c = Columns::new(&BREAK_GLASS, columns);
        Ok(Self {
            grant_id: c.text()?,
            principal_id: c.text()?,
            opened_at: c.integer()?,
            ends_at: c.integer()?,
            reason: c.bytes()?,
            reviewed_by: c.optional_text()?,
            reviewed_at: c.optional_integer()?,
        })
    }
}

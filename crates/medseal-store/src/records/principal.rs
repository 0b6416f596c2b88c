//! Who a home knows.

use crate::row::{Columns, optional_integer, optional_text, text};
use crate::schema::{PRINCIPALS, Table};
use crate::{Record, StoreError};
use medseal_core::row_mac::Column;

/// A row of `principals`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrincipalRecord {
    /// Its name.
    pub name: String,
    /// Its id, 16 hexadecimal digits.
    pub principal_id: String,
    /// What it is.
    pub kind: String,
    /// The one tenant it belongs to.
    pub tenant: Option<String>,
    /// The user of the operating system that it is.
    pub os_user: Option<i64>,
    /// Whether it is in use.
    pub state: PrincipalState,
    /// When it was made.
    pub created_at: i64,
    /// Of the last change.
    pub reason: Option<String>,
}

/// Whether a principal is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrincipalState {
    /// It is.
    Active,
    /// It may do nothing.
    Disabled,
}

impl PrincipalState {
    /// The name in the store.
    pub fn name(self) -> &'static str {
        match self {
            PrincipalState::Active => "active",
            PrincipalState::Disabled => "disabled",
        }
    }
}

impl Record for PrincipalRecord {
    fn table() -> &'static Table {
        &PRINCIPALS
    }

    fn to_columns(&self) -> Vec<Column> {
        vec![
            text(&self.name),
            text(&self.principal_id),
            text(&self.kind),
            optional_text(self.tenant.as_deref()),
            optional_integer(self.os_user),
            text(self.state.name()),
            Column::Integer(self.created_at),
            optional_text(self.reason.as_deref()),
        ]
    }

    fn from_columns(columns: Vec<Column>) -> Result<Self, StoreError> {
        let mut c = Columns::new(&PRINCIPALS, columns);
        Ok(Self {
            name: c.text()?,
            principal_id: c.text()?,
            kind: c.text()?,
            tenant: c.optional_text()?,
            os_user: c.optional_integer()?,
            state: match c.text()?.as_str() {
                "active" => PrincipalState::Active,
                "disabled" => PrincipalState::Disabled,
                _ => return Err(c.corrupt()),
            },
            created_at: c.integer()?,
            reason: c.optional_text()?,
        })
    }
}

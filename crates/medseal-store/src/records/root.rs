//! How the KWK is wrapped, and what the home is for.

use crate::row::{Columns, text};
use crate::schema::{ROOT, Table};
use crate::{Record, StoreError};
use medseal_core::row_mac::Column;

/// The one row of `root`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootRecord {
    /// Always `root`.
    pub name: String,
    /// `development` or `production`.
    pub environment: String,
    /// The provider's kind.
    pub kind: String,
    /// What the provider needs; never a secret.
    pub parameters: String,
    /// The version of the KWK.
    pub kwk_version: i64,
    /// The KWK under the root.
    pub wrapped_kwk: Vec<u8>,
    /// When it was made.
    pub created_at: i64,
}

impl Record for RootRecord {
    fn table() -> &'static Table {
        &ROOT
    }

    fn to_columns(&self) -> Vec<Column> {
        vec![
            text(&self.name),
            text(&self.environment),
            text(&self.kind),
            text(&self.parameters),
            Column::Integer(self.kwk_version),
            Column::Bytes(self.wrapped_kwk.clone()),
            Column::Integer(self.created_at),
        ]
    }

    fn from_columns(columns: Vec<Column>) -> Result<Self, StoreError> {
        let mut c = Columns::new(&ROOT, columns);
        Ok(Self {
            name: c.text()?,
            environment: c.text()?,
            kind: c.text()?,
            parameters: c.text()?,
            kwk_version: c.integer()?,
            wrapped_kwk: c.bytes()?,
            created_at: c.integer()?,
        })
    }
}

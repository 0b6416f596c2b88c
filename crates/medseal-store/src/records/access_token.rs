//! An access token, of which the store has a MAC alone.

use crate::row::{Columns, optional_integer, text};
use crate::schema::{ACCESS_TOKENS, Table};
use crate::{Record, StoreError};
use medseal_core::row_mac::Column;

/// A row of `access_tokens`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessTokenRecord {
    /// The token's MAC, 64 hexadecimal digits.
    pub token_mac: String,
    /// By which it is listed and revoked, 16 hexadecimal digits.
    pub token_id: String,
    /// Who shows it.
    pub principal_id: String,
    /// When it was made.
    pub created_at: i64,
    /// From when on it is refused.
    pub expires_at: i64,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
}

impl Record for AccessTokenRecord {
    fn table() -> &'static Table {
        &ACCESS_TOKENS
    }

    fn to_columns(&self) -> Vec<Column> {
        vec![
            text(&self.token_mac),
            text(&self.token_id),
            text(&self.principal_id),
            Column::Integer(self.created_at),
            Column::Integer(self.expires_at),
            optional_integer(self.revoked_at),
        ]
    }

    fn from_columns(columns: Vec<Column>) -> Result<Self, StoreError> {
        let mut c = Columns::new(&ACCESS_TOKENS, columns);
        Ok(Self {
            token_mac: c.text()?,
            token_id: c.text()?,
            principal_id: c.text()?,
            created_at: c.integer()?,
            expires_at: c.integer()?,
            revoked_at: c.optional_integer()?,
        })
    }
}

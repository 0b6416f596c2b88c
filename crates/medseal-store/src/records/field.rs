//! A field definition.

use crate::row::{Columns, optional_text, text};
use crate::schema::{FIELD_DEFINITIONS, Table};
use crate::{Record, StoreError};
use medseal_core::row_mac::Column;

/// A row of `field_definitions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldRecord {
    /// The tenant.
    pub tenant: String,
    /// The collection.
    pub collection: String,
    /// The field.
    pub field: String,
    /// The key of its values.
    pub key_name: String,
    /// The class that policies speak of.
    pub class: String,
    /// The flag byte every envelope must have.
    pub flags: i64,
    /// The index whose token its envelopes carry.
    pub token_index: Option<String>,
    /// The placement in documents.
    pub placement: String,
    /// The profile that registered it.
    pub profile: Option<String>,
    /// When.
    pub created_at: i64,
}

impl Record for FieldRecord {
    fn table() -> &'static Table {
        &FIELD_DEFINITIONS
    }

    fn to_columns(&self) -> Vec<Column> {
        vec![
            text(&self.tenant),
            text(&self.collection),
            text(&self.field),
            text(&self.key_name),
            text(&self.class),
            Column::Integer(self.flags),
            optional_text(self.token_index.as_deref()),
            text(&self.placement),
            optional_text(self.profile.as_deref()),
            Column::Integer(self.created_at),
        ]
    }

    fn from_columns(columns: Vec<Column>) -> Result<Self, StoreError> {
        let mut c = Columns::new(&FIELD_DEFINITIONS, columns);
        Ok(Self {
            tenant: c.text()?,
            collection: c.text()?,
            field: c.text()?,
            key_name: c.text()?,
            class: c.text()?,
            flags: c.integer()?,
            token_index: c.optional_text()?,
            placement: c.text()?,
            profile: c.optional_text()?,
            created_at: c.integer()?,
        })
    }
}

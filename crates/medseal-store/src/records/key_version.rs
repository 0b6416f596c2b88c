//! One version of a key.

use crate::row::{Columns, optional_integer, optional_text, text};
use crate::schema::{KEY_VERSIONS, Table};
use crate::{Record, StoreError};
use medseal_core::keyring::{Cause, KeyVersion, State};
use medseal_core::row_mac::Column;
use medseal_core::{KeyVersionId, Suite};

/// A row of `key_versions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyVersionRecord {
    /// The tenant.
    pub tenant: String,
    /// The key's name.
    pub name: String,
    /// The version, with its id, suite and state.
    pub version: KeyVersion,
    /// Why it was last changed.
    pub reason: Option<String>,
}

impl KeyVersionRecord {
    /// The row of one version of `tenant`'s key `name`.
    pub fn new(tenant: &str, name: &str, version: &KeyVersion, reason: Option<&str>) -> Self {
        Self {
            tenant: tenant.to_owned(),
            name: name.to_owned(),
            version: version.clone(),
            reason: reason.map(str::to_owned),
        }
    }
}

impl Record for KeyVersionRecord {
    fn table() -> &'static Table {
        &KEY_VERSIONS
    }

    fn to_columns(&self) -> Vec<Column> {
        let v = &self.version;
        vec![
            text(&self.tenant),
            text(&self.name),
            text(&number_text(v.number)),
            text(&v.id.to_string()),
            text(v.suite.name()),
            text(v.state.name()),
            optional_text(v.cause.map(Cause::name)),
            Column::Integer(v.created_at),
            optional_integer(v.activated_at),
            optional_integer(v.destroy_after),
            optional_text(self.reason.as_deref()),
        ]
    }

    fn from_columns(columns: Vec<Column>) -> Result<Self, StoreError> {
        let mut c = Columns::new(&KEY_VERSIONS, columns);
        let (tenant, name, number, id) = (c.text()?, c.text()?, c.text()?, c.text()?);
        let (suite, state, cause) = (c.text()?, c.text()?, c.optional_text()?);
        let version = KeyVersion {
            number: parse_number(&number).ok_or_else(|| c.corrupt())?,
            id: KeyVersionId::from_hex(&id).ok_or_else(|| c.corrupt())?,
            suite: Suite::from_name(&suite).ok_or_else(|| c.corrupt())?,
            state: State::from_name(&state).ok_or_else(|| c.corrupt())?,
            cause: cause
                .map(|cause| Cause::from_name(&cause).ok_or_else(|| c.corrupt()))
                .transpose()?,
            created_at: c.integer()?,
            activated_at: c.optional_integer()?,
            destroy_after: c.optional_integer()?,
        };
        Ok(Self { tenant, name, version, reason: c.optional_text()? })
    }
}

/// Ten digits, so that the order of text is the order of numbers and the key stays all text.
fn number_text(number: u32) -> String {
    format!("{number:010}")
}

/// Reads what [`number_text`] writes and nothing else.
fn parse_number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number| number_text(*number) == text)
}

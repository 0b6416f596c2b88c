//! A key, and the keyring that it and its versions make.

use super::KeyVersionRecord;
use crate::row::{Columns, optional_integer, optional_text, text};
use crate::schema::{KEYS, Table};
use crate::{Record, StoreError};
use medseal_core::keyring::{Keyring, Purpose, RotationPolicy};
use medseal_core::row_mac::Column;

/// A row of `keys`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The tenant.
    pub tenant: String,
    /// The name.
    pub name: String,
    /// What it is for.
    pub purpose: Purpose,
    /// The version that encrypts.
    pub primary: u32,
    /// When a new version is due.
    pub policy: RotationPolicy,
    /// When it was made.
    pub created_at: i64,
    /// Why it was last changed.
    pub reason: Option<String>,
}

impl KeyRecord {
    /// The row of `tenant`'s key `name`.
    pub fn new(
        tenant: &str,
        name: &str,
        keyring: &Keyring,
        created_at: i64,
        reason: Option<&str>,
    ) -> Self {
        Self {
            tenant: tenant.to_owned(),
            name: name.to_owned(),
            purpose: keyring.purpose,
            primary: keyring.primary,
            policy: keyring.policy,
            created_at,
            reason: reason.map(str::to_owned),
        }
    }
}

/// Puts a key and its versions together.
///
/// # Errors
/// [`StoreError::Corrupt`] when versions are missing, doubled or out of order, or the primary is
/// not among them: a deleted row must not pass for a key with fewer versions.
pub fn keyring(key: &KeyRecord, versions: &[KeyVersionRecord]) -> Result<Keyring, StoreError> {
    let numbered = versions.iter().zip(1u32..).all(|(row, n)| row.version.number == n);
    if !numbered || key.primary == 0 || versions.len() < key.primary as usize {
        return Err(StoreError::Corrupt { table: KEYS.name });
    }
    Ok(Keyring {
        purpose: key.purpose,
        primary: key.primary,
        versions: versions.iter().map(|row| row.version.clone()).collect(),
        policy: key.policy,
    })
}

impl Record for KeyRecord {
    fn table() -> &'static Table {
        &KEYS
    }

    fn to_columns(&self) -> Vec<Column> {
        let limit =
            |n: Option<u64>| optional_integer(n.map(|n| i64::try_from(n).unwrap_or(i64::MAX)));
        vec![
            text(&self.tenant),
            text(&self.name),
            text(self.purpose.name()),
            Column::Integer(i64::from(self.primary)),
            optional_integer(self.policy.period),
            optional_integer(self.policy.next_time),
            limit(self.policy.max_messages),
            limit(self.policy.max_bytes),
            Column::Integer(self.created_at),
            optional_text(self.reason.as_deref()),
        ]
    }

    fn from_columns(columns: Vec<Column>) -> Result<Self, StoreError> {
        let mut c = Columns::new(&KEYS, columns);
        let (tenant, name, purpose) = (c.text()?, c.text()?, c.text()?);
        Ok(Self {
            tenant,
            name,
            purpose: Purpose::from_name(&purpose).ok_or_else(|| c.corrupt())?,
            primary: u32::try_from(c.integer()?).map_err(|_| c.corrupt())?,
            policy: RotationPolicy {
                period: c.optional_integer()?,
                next_time: c.optional_integer()?,
                max_messages: limit(&mut c)?,
                max_bytes: limit(&mut c)?,
            },
            created_at: c.integer()?,
            reason: c.optional_text()?,
        })
    }
}

/// A limit that cannot be read must not become none.
fn limit(columns: &mut Columns) -> Result<Option<u64>, StoreError> {
    let value = columns.optional_integer()?;
    value.map(|n| u64::try_from(n).map_err(|_| columns.corrupt())).transpose()
}

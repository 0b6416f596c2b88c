//! A subject's secrets, its tombstone, and the holds on it.

use crate::row::{Columns, text};
use crate::schema::{SUBJECT_HOLDS, SUBJECT_TOMBSTONES, SUBJECTS, Table};
use crate::{Record, StoreError};
use medseal_core::row_mac::Column;

/// A row of `subjects`. The secret is bound to the row's own version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectRecord {
    /// The tenant.
    pub tenant: String,
    /// What stands for the subject's id.
    pub handle: String,
    /// `YYYYMM` of the epoch key that guards it.
    pub month: i64,
    /// The stored secret.
    pub secret: Vec<u8>,
    /// When something was first encrypted for the subject.
    pub created_at: i64,
}

impl Record for SubjectRecord {
    fn table() -> &'static Table {
        &SUBJECTS
    }

    fn to_columns(&self) -> Vec<Column> {
        vec![
            text(&self.tenant),
            text(&self.handle),
            Column::Integer(self.month),
            Column::Bytes(self.secret.clone()),
            Column::Integer(self.created_at),
        ]
    }

    fn from_columns(columns: Vec<Column>) -> Result<Self, StoreError> {
        let mut c = Columns::new(&SUBJECTS, columns);
        Ok(Self {
            tenant: c.text()?,
            handle: c.text()?,
            month: c.integer()?,
            secret: c.bytes()?,
            created_at: c.integer()?,
        })
    }
}

/// A row of `subject_tombstones`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectTombstoneRecord {
    /// The tenant.
    pub tenant: String,
    /// What stands for the subject's id.
    pub handle: String,
    /// When it was erased.
    pub erased_at: i64,
    /// The signed certificate.
    pub certificate: String,
}

impl Record for SubjectTombstoneRecord {
    fn table() -> &'static Table {
        &SUBJECT_TOMBSTONES
    }

    fn to_columns(&self) -> Vec<Column> {
        let erased_at = Column::Integer(self.erased_at);
        vec![text(&self.tenant), text(&self.handle), erased_at, text(&self.certificate)]
    }

    fn from_columns(columns: Vec<Column>) -> Result<Self, StoreError> {
        let mut c = Columns::new(&SUBJECT_TOMBSTONES, columns);
        Ok(Self {
            tenant: c.text()?,
            handle: c.text()?,
            erased_at: c.integer()?,
            certificate: c.text()?,
        })
    }
}

/// A row of `subject_holds`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectHoldRecord {
    /// The tenant.
    pub tenant: String,
    /// What stands for the subject's id.
    pub handle: String,
    /// By which it is released.
    pub name: String,
    /// Why it was placed.
    pub reason: String,
    /// Who placed it.
    pub principal: String,
    /// When.
    pub placed_at: i64,
}

impl Record for SubjectHoldRecord {
    fn table() -> &'static Table {
        &SUBJECT_HOLDS
    }

    fn to_columns(&self) -> Vec<Column> {
        vec![
            text(&self.tenant),
            text(&self.handle),
            text(&self.name),
            text(&self.reason),
            text(&self.principal),
            Column::Integer(self.placed_at),
        ]
    }

    fn from_columns(columns: Vec<Column>) -> Result<Self, StoreError> {
        let mut c = Columns::new(&SUBJECT_HOLDS, columns);
        Ok(Self {
            tenant: c.text()?,
            handle: c.text()?,
            name: c.text()?,
            reason: c.text()?,
            principal: c.text()?,
            placed_at: c.integer()?,
        })
    }
}

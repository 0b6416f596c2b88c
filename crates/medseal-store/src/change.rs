//! A change: which rows, from which versions, at which epoch.

use crate::row::key_texts;
use crate::schema::Table;
use crate::{RawRow, Record, StoreError};
use medseal_core::row_mac::{RowMacKey, primary_key};

/// One row of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// A row that must not exist yet.
    Insert(&'static Table, RawRow),
    /// A row whose version is one below the new row's.
    Update(&'static Table, RawRow),
    /// A row by its key, which must have this version.
    Delete(&'static Table, Vec<String>, u64),
}

/// Rows to be written together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The epoch on which it was planned.
    pub expected_epoch: u64,
    /// The rows.
    pub writes: Vec<Write>,
}

impl Change {
    /// Nothing yet, planned at `expected_epoch`.
    pub fn new(expected_epoch: u64) -> Self {
        Self { expected_epoch, writes: Vec::new() }
    }

    /// Inserts a record.
    ///
    /// # Errors
    /// None that can occur; the signature follows the encoder's.
    pub fn insert<R: Record>(&mut self, record: &R, key: &RowMacKey) -> Result<(), StoreError> {
        self.writes.push(Write::Insert(R::table(), row(record, 1, key)?));
        Ok(())
    }

    /// Replaces a record that has version `current`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] after 2^64 - 1 updates.
    pub fn update<R: Record>(
        &mut self,
        current: u64,
        record: &R,
        key: &RowMacKey,
    ) -> Result<(), StoreError> {
        let next = current.checked_add(1).ok_or(StoreError::Conflict)?;
        self.writes.push(Write::Update(R::table(), row(record, next, key)?));
        Ok(())
    }

    /// Deletes a record that has version `current`.
    ///
    /// # Errors
    /// None; for symmetry.
    pub fn delete<R: Record>(&mut self, key: &[&str], current: u64) -> Result<(), StoreError> {
        let key = key.iter().map(|part| (*part).to_owned()).collect();
        self.writes.push(Write::Delete(R::table(), key, current));
        Ok(())
    }
}

fn row<R: Record>(record: &R, version: u64, key: &RowMacKey) -> Result<RawRow, StoreError> {
    let (table, columns) = (R::table(), record.to_columns());
    let pk = primary_key(&key_texts(table, &columns));
    let mac = key
        .mac(table.name, &pk, version, &columns)
        .map_err(|_| StoreError::Corrupt { table: table.name })?;
    Ok(RawRow { columns, version, row_mac: mac.to_vec() })
}

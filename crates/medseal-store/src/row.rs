//! Rows, and the step from a row that was read to a record that may be used.

use crate::StoreError;
use crate::schema::Table;
use medseal_core::row_mac::{Column, RowMacKey, primary_key};

/// A row as a backend holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRow {
    /// The columns in the table's order.
    pub columns: Vec<Column>,
    /// 1 when inserted, +1 with every update.
    pub version: u64,
    /// The MAC over all of it.
    pub row_mac: Vec<u8>,
}

/// A type that is stored as rows of one table.
pub trait Record: Sized + Send {
    /// The table.
    fn table() -> &'static Table;

    /// The columns in the table's order.
    fn to_columns(&self) -> Vec<Column>;

    /// Reads the columns.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    fn from_columns(columns: Vec<Column>) -> Result<Self, StoreError>;
}

/// A record that was authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<R> {
    /// The record.
    pub record: R,
    /// Its row's version.
    pub version: u64,
}

/// A record that a database administrator may have edited.
#[derive(Debug)]
pub struct Unverified<R> {
    record: R,
    row: RawRow,
}

impl<R: Record> Unverified<R> {
    /// Takes a row that was asked for by the first columns of its key. A row that cannot be read,
    /// or stands under another key, is as good as altered: whoever owns the database can make a
    /// query answer with an authentic row of somebody else.
    pub(crate) fn from_row(row: RawRow, asked: &[&str]) -> Result<Self, StoreError> {
        let table = R::table();
        let key = key_texts(table, &row.columns);
        let rejected = StoreError::RowRejected { table: table.name, key: key.join("/") };
        if !key.starts_with(asked) {
            return Err(rejected);
        }
        match R::from_columns(row.columns.clone()) {
            Ok(record) => Ok(Self { record, row }),
            Err(_) => Err(rejected),
        }
    }

    /// Gives up the record if its row is what was written for this very key and version. Whether
    /// it is the newest, the map must say: [`crate::Rows`].
    ///
    /// # Errors
    /// [`StoreError::RowRejected`], which names the row.
    pub(crate) fn verify(self, key: &RowMacKey) -> Result<Stored<R>, StoreError> {
        let table = R::table();
        let texts = key_texts(table, &self.row.columns);
        let pk = primary_key(&texts);
        let RawRow { columns, version, row_mac } = &self.row;
        key.verify(table.name, &pk, *version, columns, row_mac)
            .map_err(|_| StoreError::RowRejected { table: table.name, key: texts.join("/") })?;
        Ok(Stored { record: self.record, version: self.row.version })
    }

    /// The record before it is authenticated: only for what is needed to get at the key.
    pub fn unauthenticated(&self) -> &R {
        &self.record
    }
}

/// The primary key's columns as text.
pub(crate) fn key_texts<'c>(table: &Table, columns: &'c [Column]) -> Vec<&'c str> {
    let keys = columns.iter().take(table.key_columns);
    keys.map(|column| if let Column::Text(text) = column { text.as_str() } else { "" }).collect()
}

/// Takes columns one by one, each as the type it must have.
pub(crate) struct Columns {
    table: &'static Table,
    columns: std::vec::IntoIter<Column>,
}

impl Columns {
    pub(crate) fn new(table: &'static Table, columns: Vec<Column>) -> Self {
        Self { table, columns: columns.into_iter() }
    }

    pub(crate) fn corrupt(&self) -> StoreError {
        StoreError::Corrupt { table: self.table.name }
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        self.optional_text()?.ok_or_else(|| self.corrupt())
    }

    pub(crate) fn optional_text(&mut self) -> Result<Option<String>, StoreError> {
        match self.columns.next() {
            Some(Column::Text(text)) => Ok(Some(text)),
            Some(Column::Null) => Ok(None),
            _ => Err(self.corrupt()),
        }
    }

    pub(crate) fn integer(&mut self) -> Result<i64, StoreError> {
        self.optional_integer()?.ok_or_else(|| self.corrupt())
    }

    pub(crate) fn optional_integer(&mut self) -> Result<Option<i64>, StoreError> {
        match self.columns.next() {
            Some(Column::Integer(n)) => Ok(Some(n)),
            Some(Column::Null) => Ok(None),
            _ => Err(self.corrupt()),
        }
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, StoreError> {
        match self.columns.next() {
            Some(Column::Bytes(bytes)) => Ok(bytes),
            _ => Err(self.corrupt()),
        }
    }
}

pub(crate) fn text(value: &str) -> Column {
    Column::Text(value.to_owned())
}

pub(crate) fn optional_text(value: Option<&str>) -> Column {
    value.map_or(Column::Null, text)
}

pub(crate) fn optional_integer(value: Option<i64>) -> Column {
    value.map_or(Column::Null, Column::Integer)
}

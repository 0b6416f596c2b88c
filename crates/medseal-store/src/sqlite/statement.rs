//! SQL text and values of one table, built from its description.

use crate::schema::Table;
use crate::{RawRow, StoreError};
use medseal_core::row_mac::Column;
use rusqlite::Row;
use rusqlite::types::{Value, ValueRef};

/// Builds the statements of one table. Names come from constants, never from input.
pub(super) struct Statements {
    table: &'static Table,
}

impl Statements {
    pub(super) fn of(table: &'static Table) -> Self {
        Self { table }
    }

    fn columns(&self) -> Vec<&'static str> {
        let own = self.table.columns.iter().map(|(name, _)| *name);
        own.chain(["row_version", "row_mac"]).collect()
    }

    /// By the first `keys` columns of the primary key, in its order.
    pub(super) fn select(&self, keys: usize) -> String {
        let conditions: Vec<String> = self.table.key().take(keys).map(equals).collect();
        let filter = if keys == 0 { String::new() } else { where_all(&conditions) };
        let order: Vec<&str> = self.table.key().collect();
        format!("{}{filter} ORDER BY {}", self.select_all(), order.join(", "))
    }

    pub(super) fn select_where(&self, column: &'static str) -> String {
        format!("{}{}", self.select_all(), where_all(&[equals(column)]))
    }

    /// By a column of integers that is in a range, and at most so many.
    pub(super) fn select_within(&self, column: &'static str) -> String {
        format!("{} WHERE {column} >= ? AND {column} < ? LIMIT ?", self.select_all())
    }

    fn select_all(&self) -> String {
        format!("SELECT {} FROM {}", self.columns().join(", "), self.table.name)
    }

    pub(super) fn insert(&self) -> String {
        let columns = self.columns();
        let marks = vec!["?"; columns.len()].join(", ");
        format!("INSERT INTO {} ({}) VALUES ({marks})", self.table.name, columns.join(", "))
    }

    /// All columns, then the key's, then the version that is replaced.
    pub(super) fn update(&self) -> String {
        let sets: Vec<String> = self.columns().into_iter().map(equals).collect();
        format!("UPDATE {} SET {}{}", self.table.name, sets.join(", "), self.one_row())
    }

    pub(super) fn delete(&self) -> String {
        format!("DELETE FROM {}{}", self.table.name, self.one_row())
    }

    fn one_row(&self) -> String {
        let conditions: Vec<String> = self.table.key().chain(["row_version"]).map(equals).collect();
        where_all(&conditions)
    }
}

fn equals(column: &'static str) -> String {
    format!("{column} = ?")
}

fn where_all(conditions: &[String]) -> String {
    format!(" WHERE {}", conditions.join(" AND "))
}

/// All columns of a row, with version and MAC.
pub(super) fn values(row: &RawRow) -> Vec<Value> {
    let mut out: Vec<Value> = row.columns.iter().map(value).collect();
    out.push(super::to_i64(row.version).into());
    out.push(row.row_mac.clone().into());
    out
}

/// The columns of a row's primary key.
pub(super) fn key_values(table: &Table, row: &RawRow) -> Vec<Value> {
    row.columns.iter().take(table.key_columns).map(value).collect()
}

fn value(column: &Column) -> Value {
    match column {
        Column::Null => Value::Null,
        Column::Integer(n) => Value::Integer(*n),
        Column::Text(text) => Value::Text(text.clone()),
        Column::Bytes(bytes) => Value::Blob(bytes.clone()),
    }
}

/// Reads what [`values`] wrote. Types are the row's own: a wrong one fails authentication, and what
/// cannot even be read as a value was altered too.
pub(super) fn raw_row(table: &'static Table, row: &Row<'_>) -> Result<RawRow, StoreError> {
    try_raw_row(table, row).ok_or_else(|| StoreError::RowRejected {
        table: table.name,
        key: key_for_people(table, row),
    })
}

fn try_raw_row(table: &'static Table, row: &Row<'_>) -> Option<RawRow> {
    let count = table.columns.len();
    let columns = (0..count).map(|i| match row.get_ref(i).ok()? {
        ValueRef::Null => Some(Column::Null),
        ValueRef::Integer(n) => Some(Column::Integer(n)),
        ValueRef::Text(text) => Some(Column::Text(std::str::from_utf8(text).ok()?.to_owned())),
        ValueRef::Blob(bytes) => Some(Column::Bytes(bytes.to_vec())),
        ValueRef::Real(_) => None,
    });
    let columns = columns.collect::<Option<_>>()?;
    let version: i64 = row.get(count).ok()?;
    let row_mac = row.get(count + 1).ok()?;
    Some(RawRow { columns, version: u64::try_from(version).ok()?, row_mac })
}

fn key_for_people(table: &Table, row: &Row<'_>) -> String {
    let part = |i| match row.get_ref(i) {
        Ok(ValueRef::Text(text)) => String::from_utf8_lossy(text).into_owned(),
        _ => "?".to_owned(),
    };
    (0..table.key_columns).map(part).collect::<Vec<_>>().join("/")
}

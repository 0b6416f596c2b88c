//! SQLite stores in directories of their own, and the hand of whoever owns the file.

use medseal_core::StoreId;
use medseal_core::row_mac::Column;
use medseal_store::conformance::Fixture;
use medseal_store::schema::Table;
use medseal_store::{RawRow, SqliteStore, Store};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;
use tempfile::TempDir;

/// The id of every store here.
pub(crate) fn store_id() -> StoreId {
    StoreId::parse("0a1b2c3d-0000-4000-8000-0123456789ab").unwrap()
}

/// A place for a store.
pub(crate) fn home() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    (directory, path)
}

/// A connection that knows nothing of Medseal.
pub(crate) fn outsider(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(30)).unwrap();
    connection
}

/// A store and an outsider in one file.
pub(crate) struct SqliteFixture {
    store: SqliteStore,
    outsider: Mutex<Connection>,
    _directory: TempDir,
}

impl SqliteFixture {
    pub(crate) fn new() -> Self {
        let (directory, path) = home();
        let store = SqliteStore::create(&path, &store_id()).unwrap();
        Self { store, outsider: Mutex::new(outsider(&path)), _directory: directory }
    }
}

impl Fixture for SqliteFixture {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn edit(&self, table: &'static Table, key: &[&str], row: Option<&RawRow>) {
        let connection = self.outsider.lock().unwrap();
        let conditions: Vec<String> = table.key().map(|name| format!("{name} = ?")).collect();
        let delete = format!("DELETE FROM {} WHERE {}", table.name, conditions.join(" AND "));
        connection.execute(&delete, params_from_iter(key)).unwrap();
        if let Some(row) = row {
            let marks = vec!["?"; row.columns.len() + 2].join(", ");
            let insert = format!("INSERT INTO {} VALUES ({marks})", table.name);
            connection.execute(&insert, params_from_iter(values(row))).unwrap();
        }
    }
}

fn values(row: &RawRow) -> Vec<Value> {
    let columns = row.columns.iter().map(|column| match column {
        Column::Null => Value::Null,
        Column::Integer(n) => Value::Integer(*n),
        Column::Text(text) => Value::Text(text.clone()),
        Column::Bytes(bytes) => Value::Blob(bytes.clone()),
    });
    let version = i64::try_from(row.version).unwrap();
    columns.chain([Value::Integer(version), Value::Blob(row.row_mac.clone())]).collect()
}

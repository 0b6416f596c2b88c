//! SQLite stores in directories of their own, and the hand of whoever owns the file.

use medseal_core::StoreId;
use medseal_core::row_mac::Column;
use medseal_core::row_mac::RowMacKey;
use medseal_core::secret::Kwk;
use medseal_store::conformance::{Fixture, StateEdit};
use medseal_store::schema::Table;
use medseal_store::{Change, RawRow, Rows, SqliteStore, StateMemory, Store, StoreError};
use pollster::block_on;
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

/// The key of every store's rows here.
pub(crate) fn mac_key() -> RowMacKey {
    Kwk::from_slice(&[7; 32]).unwrap().row_mac_key(&store_id())
}

/// Plans and commits, as a process that knows nothing of the store yet.
pub(crate) fn commit(store: &dyn Store, change: Change) -> Result<u64, StoreError> {
    let (key, memory) = (mac_key(), StateMemory::new());
    let rows = Rows { store, key: &key, memory: &memory };
    block_on(rows.commit(block_on(rows.plan(change))?))
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

    fn edit_state(&self, edit: &StateEdit) {
        let connection = self.outsider.lock().unwrap();
        let blob = |bytes: &Option<Vec<u8>>| bytes.clone().map_or(Value::Null, Value::Blob);
        let (column, value) = match edit {
            StateEdit::Epoch(epoch) => ("epoch", Value::Integer(i64::try_from(*epoch).unwrap())),
            StateEdit::Root(root) => ("state_root", blob(root)),
            StateEdit::Mac(mac) => ("state_mac", Value::Blob(mac.clone())),
            StateEdit::Hashes(hashes) => ("bucket_hashes", Value::Blob(hashes.clone())),
            StateEdit::Bucket(number, entries) => {
                let delete = "DELETE FROM state_buckets WHERE bucket = ?1";
                connection.execute(delete, [number]).unwrap();
                if let Some(entries) = entries {
                    let insert = "INSERT INTO state_buckets VALUES (?1, ?2)";
                    connection.execute(insert, (number, entries)).unwrap();
                }
                return;
            }
        };
        let update = format!("UPDATE store_state SET {column} = ?1");
        assert_eq!(connection.execute(&update, [value]), Ok(1));
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

//! Whoever owns the file may change more than rows: tables, views, triggers, types.

use crate::fixture::{commit, home, mac_key, outsider, store_id};
use medseal_store::{
    Change, FieldRecord, Rows, SqliteStore, StateMemory, Store, StoreError, Stored,
};
use pollster::block_on;
use rusqlite::Connection;
use std::path::Path;
use tempfile::TempDir;

fn field(name: &str, flags: i64) -> FieldRecord {
    FieldRecord {
        tenant: "t".to_owned(),
        collection: "c".to_owned(),
        field: name.to_owned(),
        key_name: "default".to_owned(),
        class: "phi".to_owned(),
        flags,
        token_index: None,
        placement: "inline".to_owned(),
        profile: None,
        created_at: 0,
    }
}

/// A store with the fields `f` and `g`, after `edit` by its owner.
fn edited(edit: impl FnOnce(&Connection)) -> (TempDir, SqliteStore) {
    let (directory, path) = home();
    insert_fields(&path);
    edit(&outsider(&path));
    (directory, SqliteStore::open(&path).unwrap())
}

fn insert_fields(path: &Path) {
    let store = SqliteStore::create(path, &store_id()).unwrap();
    let mut change = Change::new(0);
    change.insert(&field("f", 3), &mac_key()).unwrap();
    change.insert(&field("g", 0), &mac_key()).unwrap();
    commit(&store, change).unwrap();
}

fn verified(store: &SqliteStore, name: &str) -> Result<Stored<FieldRecord>, StoreError> {
    let (key, memory) = (mac_key(), StateMemory::new());
    let rows = Rows { store, key: &key, memory: &memory };
    Ok(block_on(rows.get::<FieldRecord>(&["t", "c", name]))?.unwrap())
}

fn rejected(name: &str) -> StoreError {
    StoreError::RowRejected { table: "field_definitions", key: format!("t/c/{name}") }
}

#[test]
fn values_that_nobody_can_read_are_named() {
    let cases = [
        "flags = 1.5",
        "flags = 'three'",
        "flags = NULL",
        "key_name = CAST(x'ff' AS TEXT)",
        "key_name = x'00'",
        "key_name = NULL",
        "row_version = 'one'",
        "row_version = -1",
        "row_version = 1.5",
        "row_mac = 'mac'",
        "row_mac = NULL",
        "created_at = x'00'",
    ];
    for case in cases {
        let (_directory, store) = edited(|connection| {
            loosen(connection, "");
            let sql = format!("UPDATE field_definitions SET {case} WHERE field = 'f'");
            assert_eq!(connection.execute(&sql, []), Ok(1));
        });
        assert_eq!(verified(&store, "f"), Err(rejected("f")), "{case}");
        let (key, memory) = (mac_key(), StateMemory::new());
        let rows = Rows { store: &store, key: &key, memory: &memory };
        let listed = block_on(rows.all::<FieldRecord>(&["t"]));
        assert_eq!(listed, Err(rejected("f")), "{case}");
        assert_eq!(verified(&store, "g").unwrap().record, field("g", 0), "{case}");
    }
}

/// The same table without constraints and with another comparison of text.
fn loosen(connection: &Connection, collation: &str) {
    let sql = format!(
        "CREATE TABLE copy (tenant TEXT, collection TEXT, field TEXT {collation}, key_name TEXT,
         class TEXT, flags BIGINT, token_index TEXT, placement TEXT, profile TEXT,
         created_at BIGINT, row_version BIGINT, row_mac BLOB);
         INSERT INTO copy SELECT * FROM field_definitions;
         DROP TABLE field_definitions;
         ALTER TABLE copy RENAME TO field_definitions;"
    );
    connection.execute_batch(&sql).unwrap();
}

/// An authentic row must not answer for another key: its MAC is right, its place is not.
#[test]
fn a_table_that_answers_with_somebody_elses_row_is_found() {
    let (_directory, store) = edited(|connection| loosen(connection, "COLLATE NOCASE"));
    assert_eq!(verified(&store, "F"), Err(rejected("f")));
    assert_eq!(verified(&store, "f").unwrap().record, field("f", 3));
}

#[test]
fn a_view_in_the_place_of_a_table_answers_nothing() {
    let (_directory, store) = edited(|connection| {
        let sql = "ALTER TABLE field_definitions RENAME TO real;
             CREATE VIEW field_definitions AS SELECT tenant, collection, 'f' AS field, key_name,
             class, flags, token_index, placement, profile, created_at, row_version, row_mac
             FROM real WHERE field = 'g'";
        connection.execute_batch(sql).unwrap();
    });
    assert_eq!(verified(&store, "f").unwrap_err().code(), "STORE_UNAVAILABLE");
    assert_eq!(block_on(store.state()).unwrap().epoch, 1, "the rest still answers");
}

#[test]
fn triggers_do_not_fire() {
    let (_directory, store) = edited(|connection| {
        let sql = "CREATE TRIGGER back AFTER UPDATE ON field_definitions BEGIN
             UPDATE field_definitions SET flags = 0; UPDATE store_state SET epoch = 0; END;
             CREATE TRIGGER gone AFTER INSERT ON field_definitions BEGIN
             DELETE FROM field_definitions; END;";
        connection.execute_batch(sql).unwrap();
    });
    let mut change = Change::new(1);
    change.update(1, &field("f", 1), &mac_key()).unwrap();
    change.insert(&field("h", 1), &mac_key()).unwrap();
    assert_eq!(commit(&store, change), Ok(2));
    assert_eq!(block_on(store.state()).unwrap().epoch, 2);
    for (name, version, flags) in [("f", 2, 1), ("g", 1, 0), ("h", 1, 1)] {
        let expected = Stored { record: field(name, flags), version };
        assert_eq!(verified(&store, name), Ok(expected));
    }
}

#[test]
fn a_missing_table_is_an_error() {
    let (_directory, store) =
        edited(|connection| connection.execute_batch("DROP TABLE field_definitions").unwrap());
    assert_eq!(verified(&store, "f").unwrap_err().code(), "STORE_UNAVAILABLE");
}

/// A counter is no security row, but an edited one must not stop encryption for a reason nobody
/// understands, nor overflow.
#[test]
fn counters_stop_at_their_largest_value() {
    use medseal_core::KeyVersionId;
    use medseal_core::keyring::Usage;
    let (_directory, path) = home();
    let store = SqliteStore::create(&path, &store_id()).unwrap();
    let id = KeyVersionId([1; 8]);
    let largest = Usage { messages: i64::MAX as u64, bytes: i64::MAX as u64 };
    for _ in 0..2 {
        block_on(store.add_usage(id, Usage { messages: u64::MAX, bytes: u64::MAX })).unwrap();
        assert_eq!(block_on(store.usage(id)), Ok(largest));
    }
    outsider(&path).execute("UPDATE key_usage SET messages = -5, bytes = 1", []).unwrap();
    block_on(store.add_usage(id, Usage { messages: 2, bytes: 2 })).unwrap();
    assert_eq!(block_on(store.usage(id)), Ok(Usage { messages: 2, bytes: 3 }));
}

//! What a connection must be set to; none of it shows from outside until the power fails.

use super::*;

fn pragma(connection: &Connection, name: &str) -> String {
    let value = connection.pragma_query_value(None, name, |row| row.get::<_, Value>(0)).unwrap();
    match value {
        Value::Text(text) => text,
        other => format!("{other:?}"),
    }
}

#[test]
fn new_and_reopened_stores_are_durable_and_forget() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.sqlite");
    let id = StoreId::parse("00000000-0000-4000-8000-000000000000").unwrap();
    let created = SqliteStore::create(&path, &id).unwrap();
    let reopened = SqliteStore::open(&path).unwrap();
    // counting use is not synced; what comes after it is
    let used = Usage { messages: 1, bytes: 2 };
    pollster::block_on(reopened.add_usage(KeyVersionId([1; 8]), used)).unwrap();
    for store in [&created, &reopened] {
        let connection = store.connection();
        let expected = [
            ("journal_mode", "wal"),
            ("synchronous", "Integer(2)"), // FULL
            ("secure_delete", "Integer(1)"),
            ("trusted_schema", "Integer(0)"),
            ("foreign_keys", "Integer(1)"),
            ("busy_timeout", "Integer(30000)"),
            ("application_id", "Integer(1835299692)"),
        ];
        for (name, value) in expected {
            assert_eq!(pragma(&connection, name), value, "{name}");
        }
    }
}

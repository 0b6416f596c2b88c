//! The schema: up, down, against its description, by many at once.

use super::*;
use crate::schema::{ALL, Kind};

#[test]
fn migrations_go_up_and_down_and_up_again() {
    let connection = Connection::open_in_memory().unwrap();
    for _ in 0..2 {
        MIGRATIONS.iter().for_each(|m| connection.execute_batch(m.up).unwrap());
        MIGRATIONS.iter().rev().for_each(|m| connection.execute_batch(m.down).unwrap());
        let sql = "SELECT count(*) FROM sqlite_master WHERE type = 'table'";
        let left: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0);
    }
}

#[test]
fn the_descriptions_are_the_tables() {
    let connection = Connection::open_in_memory().unwrap();
    MIGRATIONS.iter().for_each(|m| connection.execute_batch(m.up).unwrap());
    for table in ALL {
        let sql = format!("SELECT name, type, pk FROM pragma_table_info('{}')", table.name);
        let mut prepared = connection.prepare(&sql).unwrap();
        let found: Vec<(String, String, usize)> = prepared
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)? as usize)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let described = table.columns.iter().enumerate().map(|(i, (name, kind))| {
            let sql_type = match kind {
                Kind::Text => "TEXT",
                Kind::Integer => "BIGINT",
                Kind::Bytes => "BLOB",
            };
            let pk = if i < table.key_columns { i + 1 } else { 0 };
            ((*name).to_owned(), sql_type.to_owned(), pk)
        });
        let implied = [("row_version", "BIGINT"), ("row_mac", "BLOB")];
        let implied = implied.map(|(name, kind)| (name.to_owned(), kind.to_owned(), 0));
        assert_eq!(found, described.chain(implied).collect::<Vec<_>>(), "{}", table.name);
    }
}

/// The real migrations and one more, as the next release will have.
fn next_release() -> Vec<Migration> {
    let next = Migration {
        up: "CREATE TABLE later (n BIGINT NOT NULL); INSERT INTO later VALUES (1);",
        down: "DROP TABLE later;",
    };
    MIGRATIONS.into_iter().chain([next]).collect()
}

fn store_in(directory: &tempfile::TempDir) -> std::path::PathBuf {
    let path = directory.path().join("store.sqlite");
    let id = StoreId::parse("00000000-0000-4000-8000-000000000000").unwrap();
    drop(crate::SqliteStore::create(&path, &id).unwrap());
    path
}

#[test]
fn an_old_store_is_brought_up_to_date_once_by_many_at_once() {
    const OPENERS: usize = 8;
    let directory = tempfile::tempdir().unwrap();
    let path = store_in(&directory);
    let start = std::sync::Barrier::new(OPENERS);
    std::thread::scope(|scope| {
        for _ in 0..OPENERS {
            scope.spawn(|| {
                let mut connection = super::super::connect(&path).unwrap();
                start.wait();
                upgrade_to(&mut connection, &next_release()).unwrap();
            });
        }
    });
    let connection = super::super::connect(&path).unwrap();
    let known = count(&MIGRATIONS);
    assert_eq!(state(&connection).unwrap().schema_version, known + 1);
    let rows: i64 =
        connection.query_row("SELECT count(*) FROM later", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
    // and this release now leaves it alone
    let newer = crate::SqliteStore::open(&path).err();
    assert_eq!(newer, Some(StoreError::SchemaNewer { found: known + 1, known }));
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = store_in(&directory);
    let mut connection = super::super::connect(&path).unwrap();
    let mut migrations = next_release();
    migrations.push(Migration { up: "CREATE TABLE half (n BIGINT); nonsense;", down: "" });
    assert!(upgrade_to(&mut connection, &migrations).is_err());
    assert_eq!(state(&connection).unwrap().schema_version, count(&MIGRATIONS));
    for table in ["later", "half"] {
        let sql = "SELECT count(*) FROM sqlite_master WHERE name = ?1";
        let found: i64 = connection.query_row(sql, [table], |row| row.get(0)).unwrap();
        assert_eq!(found, 0, "{table}");
    }
}

/// Whoever reads the schema alone must be able to tell what a column holds.
#[test]
fn every_column_is_commented() {
    for migration in &MIGRATIONS {
        let lines = migration.up.lines().map(str::trim);
        let is_column = |line: &&str| {
            line.split_whitespace().nth(1).is_some_and(|t| {
                ["TEXT", "BIGINT", "INTEGER", "BLOB"].contains(&t.trim_end_matches(','))
            })
        };
        for line in lines.filter(is_column) {
            assert!(line.contains("-- "), "{line}");
        }
    }
}

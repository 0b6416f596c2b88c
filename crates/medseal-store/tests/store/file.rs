//! The file: who may read it, what is refused as no store, and what deletion leaves in it.

use crate::fixture::{commit, home, mac_key, outsider, store_id};
use medseal_store::{Change, KeySecretRecord, Rows, SqliteStore, StateMemory, Store, StoreError};
use pollster::block_on;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Barrier;

/// "mdsl", as `docs` and `file(1)` know it.
const APPLICATION_ID: i32 = 0x6d64_736c;

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

fn refusal(path: &Path) -> StoreError {
    SqliteStore::open(path).err().unwrap()
}

#[test]
fn every_file_of_a_store_is_its_owners_alone() {
    let (_directory, path) = home();
    let store = SqliteStore::create(&path, &store_id()).unwrap();
    insert_secret(&store, b"anything");
    for suffix in ["", "-wal", "-shm"] {
        let mode = fs::metadata(beside(&path, suffix)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{suffix:?}");
    }
}

#[test]
fn a_new_store_is_at_epoch_0_and_is_found_again() {
    let (_directory, path) = home();
    let made = block_on(SqliteStore::create(&path, &store_id()).unwrap().state()).unwrap();
    assert_eq!((made.epoch, &made.store_id), (0, &store_id()));
    assert_eq!(block_on(SqliteStore::open(&path).unwrap().state()), Ok(made));
}

#[test]
fn nothing_that_exists_is_overwritten() {
    let (_directory, path) = home();
    drop(SqliteStore::create(&path, &store_id()).unwrap());
    let before = fs::read(&path).unwrap();
    assert_eq!(SqliteStore::create(&path, &store_id()).err(), Some(StoreError::Exists));
    assert_eq!(fs::read(&path).unwrap(), before);
    for content in [&b""[..], b"somebody's notes"] {
        let (_directory, path) = home();
        fs::write(&path, content).unwrap();
        assert_eq!(SqliteStore::create(&path, &store_id()).err(), Some(StoreError::Exists));
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}

#[test]
fn what_cannot_be_opened_is_unavailable() {
    let (directory, path) = home();
    assert_eq!(refusal(&path).code(), "STORE_UNAVAILABLE");
    assert!(!path.exists(), "opening makes no file");
    assert_eq!(refusal(directory.path()).code(), "STORE_UNAVAILABLE");
    let nowhere = directory.path().join("no").join("store.db");
    assert_eq!(
        SqliteStore::create(&nowhere, &store_id()).err().unwrap().code(),
        "STORE_UNAVAILABLE"
    );
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_as_it_was() {
    let header = b"SQLite format 3\0";
    let cases = [
        Vec::new(),
        vec![0],
        vec![0; 4096],
        vec![0xff; 10_000],
        b"PK\x03\x04 something else entirely".repeat(200),
        header.to_vec(),
        [&header[..], &[0xff; 4080]].concat(),
    ];
    for content in cases {
        let (_directory, path) = home();
        fs::write(&path, &content).unwrap();
        assert_eq!(refusal(&path), StoreError::NotAStore, "{} bytes", content.len());
        assert_eq!(fs::read(&path).unwrap(), content, "changed");
    }
}

#[test]
fn other_programs_databases_are_refused_and_left_as_they_were() {
    for (id, sql) in [
        (0, "CREATE TABLE t (x)"),
        (1, "CREATE TABLE store_state (only_row, store_id, schema_version, epoch)"),
        (APPLICATION_ID, "CREATE TABLE t (x)"),
        (APPLICATION_ID, "CREATE TABLE store_state (only_row, store_id, schema_version, epoch)"),
    ] {
        let (_directory, path) = home();
        let connection = outsider(&path);
        connection.execute_batch(sql).unwrap();
        connection.pragma_update(None, "application_id", id).unwrap();
        drop(connection);
        let before = fs::read(&path).unwrap();
        assert_eq!(refusal(&path), StoreError::NotAStore, "{id} {sql}");
        assert!(id == APPLICATION_ID || fs::read(&path).unwrap() == before, "{sql} was changed");
    }
}

#[test]
fn another_application_id_is_no_store() {
    for id in [0, APPLICATION_ID + 1, -1] {
        let (_directory, path) = home();
        drop(SqliteStore::create(&path, &store_id()).unwrap());
        outsider(&path).pragma_update(None, "application_id", id).unwrap();
        assert_eq!(refusal(&path), StoreError::NotAStore, "{id}");
    }
}

const PAGE: usize = 4096;

/// SQLite itself refuses a file that lacks a page. A last page that was cut it fills with zeros; then
/// the row's MAC must speak.
#[test]
fn a_truncated_store_is_refused_or_its_rows_are() {
    let (_directory, path) = home();
    insert_secret(&SqliteStore::create(&path, &store_id()).unwrap(), &[5; 9000]);
    let whole = fs::read(&path).unwrap();
    assert!(SqliteStore::open(&path).is_ok());
    for len in (0..whole.len()).step_by(509).chain([1, 99, 100, 511, 512, 4096, whole.len() - 1]) {
        let (_directory, path) = home();
        fs::write(&path, &whole[..len]).unwrap();
        match SqliteStore::open(&path) {
            Ok(store) => {
                assert!(len + PAGE > whole.len(), "{len} bytes were opened");
                is_whole_or_refused(&store, &[5; 9000]);
            }
            Err(error) => {
                let expected = ["STORE_NOT_A_STORE", "STORE_CORRUPT"].contains(&error.code());
                assert!(expected, "{len} bytes: {error:?}");
            }
        }
    }
}

fn is_whole_or_refused(store: &SqliteStore, secret: &[u8]) {
    let (key, memory) = (mac_key(), StateMemory::new());
    let rows = Rows { store, key: &key, memory: &memory };
    match block_on(rows.get::<KeySecretRecord>(&["00000000000000aa"])) {
        Ok(stored) => assert_eq!(stored.unwrap().record.secret, secret),
        Err(error) => assert!(error.code().starts_with("STORE_"), "{error:?}"),
    }
}

#[test]
fn damaged_pages_never_panic() {
    let (_directory, path) = home();
    insert_secret(&SqliteStore::create(&path, &store_id()).unwrap(), &[5; 900]);
    let whole = fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(97) {
        let (_directory, path) = home();
        let mut damaged = whole.clone();
        let end = damaged.len().min(at + 40);
        damaged[at..end].fill(0xff);
        fs::write(&path, &damaged).unwrap();
        // opening may well succeed: what is in the rows is for their MACs to judge
        if let Ok(store) = SqliteStore::open(&path) {
            for table in medseal_store::schema::ALL {
                drop(block_on(store.list(table, &[])));
            }
        }
    }
}

#[test]
fn an_unreadable_state_is_refused() {
    for sql in [
        "DELETE FROM store_state",
        "UPDATE store_state SET epoch = -1",
        "UPDATE store_state SET epoch = 'soon'",
        "UPDATE store_state SET store_id = 'ours'",
        "UPDATE store_state SET store_id = x'00ff'",
        "UPDATE store_state SET schema_version = -1",
        "DROP TABLE store_state",
    ] {
        let (_directory, path) = home();
        drop(SqliteStore::create(&path, &store_id()).unwrap());
        outsider(&path).execute_batch(sql).unwrap();
        assert_eq!(refusal(&path), StoreError::NotAStore, "{sql}");
    }
}

#[test]
fn a_newer_schema_is_refused() {
    let (_directory, path) = home();
    let known = block_on(SqliteStore::create(&path, &store_id()).unwrap().state()).unwrap();
    let known = known.schema_version;
    for found in [known + 1, 4_000_000_000] {
        outsider(&path).execute("UPDATE store_state SET schema_version = ?1", [found]).unwrap();
        let refused = refusal(&path);
        assert_eq!(refused, StoreError::SchemaNewer { found, known });
        assert_eq!(refused.code(), "STORE_SCHEMA_NEWER");
    }
}

fn insert_secret(store: &SqliteStore, secret: &[u8]) {
    let key = mac_key();
    let record = KeySecretRecord {
        key_version_id: "00000000000000aa".to_owned(),
        month: 202_611,
        secret: secret.to_vec(),
    };
    let mut change = Change::new(block_on(store.state()).unwrap().epoch);
    change.insert(&record, &key).unwrap();
    commit(store, change).unwrap();
}

fn delete_secret(store: &SqliteStore) {
    let mut change = Change::new(block_on(store.state()).unwrap().epoch);
    change.delete::<KeySecretRecord>(&["00000000000000aa"], 1).unwrap();
    commit(store, change).unwrap();
}

/// Which of the store's files hold `needle`.
fn holders(path: &Path, needle: &[u8]) -> Vec<&'static str> {
    let holds = |suffix: &&str| {
        let content = fs::read(beside(path, suffix)).unwrap_or_default();
        content.windows(needle.len()).any(|window| window == needle)
    };
    ["", "-wal", "-shm", "-journal"].into_iter().filter(holds).collect()
}

fn checkpoint(path: &Path) {
    let connection = outsider(path);
    let busy: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
    assert_eq!(busy, 0);
}

const NEEDLE: &[u8; 24] = b"a wrap that must vanish!";

#[test]
fn a_deleted_secret_is_in_no_file_after_a_checkpoint() {
    // in one page, and spread over pages of their own that become free
    for copies in [1, 1000] {
        let (_directory, path) = home();
        let store = SqliteStore::create(&path, &store_id()).unwrap();
        insert_secret(&store, &NEEDLE.repeat(copies));
        checkpoint(&path);
        assert_eq!(holders(&path, NEEDLE), [""], "the search finds what is there");
        delete_secret(&store);
        checkpoint(&path);
        assert!(holders(&path, NEEDLE).is_empty(), "{copies} copies");
    }
}

/// A copy of the files, taken right after the deletion, must not carry the secret away.
#[test]
fn a_deleted_secret_is_in_no_file_at_once_when_nobody_reads() {
    let (_directory, path) = home();
    let store = SqliteStore::create(&path, &store_id()).unwrap();
    insert_secret(&store, &NEEDLE.repeat(100));
    assert_eq!(holders(&path, NEEDLE), ["-wal"], "the search finds what is there");
    delete_secret(&store);
    assert_eq!(holders(&path, NEEDLE), [""; 0]);
}

#[test]
fn a_deleted_secret_is_in_no_file_after_closing() {
    let (_directory, path) = home();
    let store = SqliteStore::create(&path, &store_id()).unwrap();
    insert_secret(&store, &NEEDLE.repeat(1000));
    delete_secret(&store);
    drop(store);
    assert_eq!(holders(&path, NEEDLE), [""; 0]);
    assert!(!beside(&path, "-wal").exists());
}

const THREADS: usize = 8;

#[test]
fn many_open_at_once() {
    let (_directory, path) = home();
    drop(SqliteStore::create(&path, &store_id()).unwrap());
    let barrier = Barrier::new(THREADS);
    let open = || {
        barrier.wait();
        block_on(SqliteStore::open(&path).unwrap().state()).unwrap().store_id
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(open)).collect();
        threads.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), store_id()));
    });
}

#[test]
fn of_many_that_create_at_once_one_does() {
    let (_directory, path) = home();
    let barrier = Barrier::new(THREADS);
    let create = || {
        barrier.wait();
        SqliteStore::create(&path, &store_id()).err()
    };
    let answers: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(create)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|answer| answer.is_none()).count(), 1);
    assert!(answers.iter().flatten().all(|error| *error == StoreError::Exists), "{answers:?}");
    assert!(SqliteStore::open(&path).is_ok());
}

/// Connections of their own, as processes have: the compare-and-set holds between them too.
#[test]
fn committers_with_files_of_their_own_lose_nothing() {
    let (_directory, path) = home();
    drop(SqliteStore::create(&path, &store_id()).unwrap());
    let commit = || {
        let store = SqliteStore::open(&path).unwrap();
        for _ in 0..10 {
            while commit_nothing(&store) == Err(StoreError::Conflict) {}
        }
    };
    std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(commit))));
    assert_eq!(block_on(SqliteStore::open(&path).unwrap().state()).unwrap().epoch, 40);
}

fn commit_nothing(store: &SqliteStore) -> Result<u64, StoreError> {
    let answer = commit(store, Change::new(block_on(store.state())?.epoch));
    assert!(matches!(answer, Ok(_) | Err(StoreError::Conflict)), "{answer:?}");
    answer
}

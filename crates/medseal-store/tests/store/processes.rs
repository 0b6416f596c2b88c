//! Real processes on one file: locks between threads of one process are another mechanism.

use crate::fixture::{commit, home, store_id};
use medseal_core::KeyVersionId;
use medseal_core::keyring::Usage;
use medseal_store::{Change, SqliteStore, Store, StoreError};
use pollster::block_on;
use std::path::Path;
use std::process::{Child, Command};

const PROCESSES: u64 = 8;
const COMMITS: u64 = 5;
/// More than commits: adding reads before it writes.
const USES: u64 = 40;
const VARIABLE: &str = "MEDSEAL_TEST_STORE";
const ID: KeyVersionId = KeyVersionId([1; 8]);

#[test]
fn processes_at_once_open_and_commit_and_lose_nothing() {
    let (_directory, path) = home();
    drop(SqliteStore::create(&path, &store_id()).unwrap());
    let children: Vec<Child> = (0..PROCESSES).map(|_| start(&path)).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(block_on(store.state()).unwrap().epoch, PROCESSES * COMMITS);
    let total = PROCESSES * USES;
    let usage = Usage { messages: total, bytes: 2 * total };
    assert_eq!(block_on(store.usage(ID)), Ok(usage));
}

fn start(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::one_of_the_processes", "--nocapture"])
        .env(VARIABLE, path)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap()
}

/// What each process runs; on its own it has nothing to do.
#[test]
fn one_of_the_processes() {
    let Some(path) = std::env::var_os(VARIABLE) else { return };
    let store = SqliteStore::open(Path::new(&path)).unwrap();
    for _ in 0..COMMITS {
        while commit_nothing(&store) == Err(StoreError::Conflict) {}
    }
    for _ in 0..USES {
        block_on(store.add_usage(ID, Usage { messages: 1, bytes: 2 })).unwrap();
    }
}

fn commit_nothing(store: &SqliteStore) -> Result<u64, StoreError> {
    let epoch = block_on(store.state()).unwrap().epoch;
    let answer = commit(store, Change::new(epoch));
    assert!(matches!(answer, Ok(_) | Err(StoreError::Conflict)), "{answer:?}");
    answer
}

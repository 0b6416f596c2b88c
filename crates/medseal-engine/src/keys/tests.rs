//! A key is read in several statements; what others commit between them must not show half.

use crate::{Engine, EngineError, Home, Options, RootChoice};
use async_trait::async_trait;
use medseal_core::KeyVersionId;
use medseal_core::keyring::Usage;
use medseal_store::schema::{KEY_VERSIONS, Table};
use medseal_store::{Change, RawRow, SqliteStore, Store, StoreError, StoreState};
use pollster::block_on;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// A store on which another process commits just before the versions of a key are read.
struct Interrupted {
    inner: Box<dyn Store>,
    other: Mutex<Engine>,
    rotations_left: AtomicU32,
}

impl Interrupted {
    fn interrupt(&self) {
        let left = self.rotations_left.load(Ordering::SeqCst);
        if left > 0 {
            self.rotations_left.store(left - 1, Ordering::SeqCst);
            let other = self.other.lock().unwrap();
            block_on(other.rotate_key("default", "default", None, None)).unwrap();
        }
    }
}

#[async_trait]
impl Store for Interrupted {
    async fn state(&self) -> Result<StoreState, StoreError> {
        self.inner.state().await
    }

    async fn read(
        &self,
        table: &'static Table,
        key: &[&str],
    ) -> Result<Option<RawRow>, StoreError> {
        self.inner.read(table, key).await
    }

    async fn list(
        &self,
        table: &'static Table,
        key_prefix: &[&str],
    ) -> Result<Vec<RawRow>, StoreError> {
        if table.name == KEY_VERSIONS.name {
            self.interrupt();
        }
        self.inner.list(table, key_prefix).await
    }

    async fn find_key_version(&self, id: KeyVersionId) -> Result<Option<RawRow>, StoreError> {
        self.inner.find_key_version(id).await
    }

    async fn commit(&self, change: Change) -> Result<u64, StoreError> {
        self.inner.commit(change).await
    }

    async fn add_usage(&self, id: KeyVersionId, added: Usage) -> Result<(), StoreError> {
        self.inner.add_usage(id, added).await
    }

    async fn usage(&self, id: KeyVersionId) -> Result<Usage, StoreError> {
        self.inner.usage(id).await
    }
}

fn interrupted(rotations: u32) -> (tempfile::TempDir, Engine) {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::at(directory.path().join("home"));
    block_on(home.init(RootChoice::KeyFile, crate::Environment::Development)).unwrap();
    let open = || {
        let nobody = || Err(EngineError::PassphraseNeeded);
        block_on(home.open(nobody, Options::default())).unwrap()
    };
    let mut engine = open();
    let inner = SqliteStore::open(&home.store_file()).unwrap();
    engine.store = Box::new(Interrupted {
        inner: Box::new(inner),
        other: Mutex::new(open()),
        rotations_left: AtomicU32::new(rotations),
    });
    (directory, engine)
}

#[test]
fn a_rotation_between_two_reads_of_a_key_is_seen_whole() {
    for rotations in [1, 2, 7] {
        let (_directory, engine) = interrupted(rotations);
        let key = block_on(engine.read_key("default", "default")).unwrap();
        assert_eq!(key.keyring.primary, 1 + rotations);
        let version = key.encrypting().unwrap();
        assert_eq!(version.number, key.keyring.primary);
    }
}

#[test]
fn a_key_that_never_stands_still_is_refused_and_not_read_half() {
    let (_directory, engine) = interrupted(u32::MAX);
    let read = block_on(engine.read_key("default", "default"));
    assert_eq!(read.err().map(|error| error.code()), Some("STORE_CONFLICT"));
}

//! What the store is asked for, and when: a key is read whole or not at all, and a cached key is
//! fetched again only when a limit has ended it.

use crate::clock::Clock;
use crate::fields::Target;
use crate::{Engine, EngineError, Environment, Home, Options, RootChoice};
use async_trait::async_trait;
use medseal_core::KeyVersionId;
use medseal_core::context::{Binding, Scope};
use medseal_core::envelope::Value;
use medseal_core::keyring::{UnixSeconds, Usage};
use medseal_store::schema::{KEY_SECRETS, KEY_VERSIONS, Table};
use medseal_store::{
    Charge, Planned, PlannedBeside, RawRow, Spent, SqliteStore, Store, StoreError, StoreState,
};
use pollster::block_on;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// Counts what the store is asked for; another process may commit just before the versions of a
/// key are read.
struct Watched {
    inner: SqliteStore,
    other: Mutex<Engine>,
    rotations_left: AtomicU32,
    secrets_read: Arc<AtomicU32>,
}

impl Watched {
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
impl Store for Watched {
    async fn state(&self) -> Result<StoreState, StoreError> {
        self.inner.state().await
    }

    async fn read(
        &self,
        table: &'static Table,
        key: &[&str],
    ) -> Result<Option<RawRow>, StoreError> {
        if table.name == KEY_SECRETS.name {
            self.secrets_read.fetch_add(1, Ordering::SeqCst);
        }
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

    async fn bucket_hashes(&self) -> Result<Vec<u8>, StoreError> {
        self.inner.bucket_hashes().await
    }

    async fn bucket(&self, number: u8) -> Result<Vec<u8>, StoreError> {
        self.inner.bucket(number).await
    }

    async fn commit(&self, planned: Planned) -> Result<u64, StoreError> {
        self.inner.commit(planned).await
    }

    async fn commit_beside(&self, change: PlannedBeside) -> Result<(), StoreError> {
        self.inner.commit_beside(change).await
    }

    async fn list_within(
        &self,
        table: &'static Table,
        column: &'static str,
        range: Range<i64>,
        limit: u32,
    ) -> Result<Vec<RawRow>, StoreError> {
        self.inner.list_within(table, column, range, limit).await
    }

    async fn add_usage(&self, id: KeyVersionId, added: Usage) -> Result<(), StoreError> {
        self.inner.add_usage(id, added).await
    }

    async fn spend(&self, charges: &[Charge], now: i64) -> Result<Vec<Spent>, StoreError> {
        self.inner.spend(charges, now).await
    }

    async fn usage(&self, id: KeyVersionId) -> Result<Usage, StoreError> {
        self.inner.usage(id).await
    }
}

/// Stands still until a test moves it.
struct ManualClock(Arc<AtomicI64>);

impl Clock for ManualClock {
    fn now(&self) -> UnixSeconds {
        1_773_532_800
    }

    fn monotonic_millis(&self) -> u64 {
        self.0.load(Ordering::SeqCst).unsigned_abs()
    }
}

struct Fixture {
    engine: Engine,
    millis: Arc<AtomicI64>,
    secrets_read: Arc<AtomicU32>,
    _directory: tempfile::TempDir,
}

fn fixture(rotations: u32, options: Options) -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::at(directory.path().join("home"));
    block_on(home.init(RootChoice::KeyFile, Environment::Development)).unwrap();
    let millis = Arc::new(AtomicI64::new(0));
    let open = || {
        let nobody = || Err(EngineError::PassphraseNeeded);
        let clock = Box::new(ManualClock(Arc::clone(&millis)));
        block_on(home.open_with_clock(nobody, options, clock)).unwrap()
    };
    let mut engine = open();
    let secrets_read = Arc::new(AtomicU32::new(0));
    engine.store = Box::new(Watched {
        inner: SqliteStore::open(&home.store_file()).unwrap(),
        other: Mutex::new(open()),
        rotations_left: AtomicU32::new(rotations),
        secrets_read: Arc::clone(&secrets_read),
    });
    Fixture { engine, millis, secrets_read, _directory: directory }
}

#[test]
fn a_rotation_between_two_reads_of_a_key_is_seen_whole() {
    for rotations in [1, 2, 7] {
        let f = fixture(rotations, Options::default());
        let key = block_on(f.engine.read_key("default", "default")).unwrap();
        assert_eq!(key.keyring.primary, 1 + rotations);
        let version = key.encrypting().unwrap();
        assert_eq!(version.number, key.keyring.primary);
    }
}

#[test]
fn a_key_that_never_stands_still_is_refused_and_not_read_half() {
    let f = fixture(u32::MAX, Options::default());
    let read = block_on(f.engine.read_key("default", "default"));
    assert_eq!(read.err().map(|error| error.code()), Some("STORE_CONFLICT"));
}

/// Encrypts three bytes `values` times, `pause` milliseconds apart; says how often the key was
/// fetched.
fn fetches(options: Options, values: u32, pause: i64) -> u32 {
    let f = fixture(0, options);
    let scope = Scope::new("default", "patients", "last_name").unwrap();
    let target =
        Target { scope: &scope, binding: Binding::record("r"), subject: None, no_record: false };
    for _ in 0..values {
        block_on(f.engine.encrypt_value(&target, None, &Value::string("Doe"))).unwrap();
        f.millis.fetch_add(pause, Ordering::SeqCst);
    }
    f.secrets_read.load(Ordering::SeqCst)
}

#[test]
fn a_cached_key_is_fetched_again_at_its_age_messages_and_bytes_and_not_before() {
    assert_eq!(fetches(Options::default(), 6, 1), 1);
    let age = Options { cache_ttl_millis: 100, ..Options::default() };
    assert_eq!(fetches(age, 6, 0), 1);
    assert_eq!(fetches(age, 6, 50), 3, "it ends 100 ms after it was fetched, used or not");
    assert_eq!(fetches(age, 6, 100), 6);
    let messages = Options { cache_max_messages: 2, ..Options::default() };
    assert_eq!(fetches(messages, 6, 0), 3);
    let bytes = Options { cache_max_bytes: 7, ..Options::default() };
    assert_eq!(fetches(bytes, 6, 0), 2, "three values of three bytes reach seven");
}

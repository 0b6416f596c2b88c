//! A month passes, with everything that it asks for, in the middle of somebody else's operation: rows
//! move on and old epoch keys go between two of its steps.

use crate::clock::Clock;
use crate::fields::Target;
use crate::{Engine, EngineError, Environment, Home, Options, RootChoice};
use async_trait::async_trait;
use medseal_core::KeyVersionId;
use medseal_core::context::{Binding, Scope};
use medseal_core::envelope::Value;
use medseal_core::keyring::{UnixSeconds, Usage};
use medseal_store::schema::{KEY_SECRETS, SUBJECTS, Table};
use medseal_store::{
    Charge, Planned, PlannedBeside, RawRow, Spent, SqliteStore, Store, StoreError, StoreState,
};
use pollster::block_on;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

const HALF_A_YEAR: i64 = 180 * 86_400;

/// Where another process comes in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// Behind the reading of a row of this table.
    Read(&'static str),
    /// Before the rows of subjects are committed.
    Commit,
    /// The disk is full from the moment on at which nothing is left.
    FullDisk,
}

/// Lets time pass, and another process start, at one moment, as often as it is told.
struct Interrupted {
    inner: SqliteStore,
    home: Home,
    clock: Arc<AtomicI64>,
    moment: Moment,
    left: Arc<AtomicU32>,
    seconds: i64,
    /// Opened while the other one writes.
    others: Mutex<Vec<Engine>>,
}

impl Interrupted {
    fn pass(&self, moment: Moment) {
        if moment != self.moment || self.left.load(Ordering::SeqCst) == 0 {
            return;
        }
        self.left.fetch_sub(1, Ordering::SeqCst);
        self.clock.fetch_add(self.seconds, Ordering::SeqCst);
        self.others.lock().unwrap().push(open(&self.home, &self.clock));
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
        let read = self.inner.read(table, key).await;
        self.pass(Moment::Read(table.name));
        read
    }

    async fn list(
        &self,
        table: &'static Table,
        key_prefix: &[&str],
    ) -> Result<Vec<RawRow>, StoreError> {
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

    async fn commit(&self, change: Planned) -> Result<u64, StoreError> {
        self.inner.commit(change).await
    }

    async fn commit_beside(&self, change: PlannedBeside) -> Result<(), StoreError> {
        if self.moment == Moment::FullDisk {
            let left = self.left.load(Ordering::SeqCst);
            self.left.store(left.saturating_sub(1), Ordering::SeqCst);
            return match left {
                0 => Err(StoreError::Unavailable("the disk is full")),
                _ => self.inner.commit_beside(change).await,
            };
        }
        self.pass(Moment::Commit);
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

struct SharedClock(Arc<AtomicI64>);

impl Clock for SharedClock {
    fn now(&self) -> UnixSeconds {
        self.0.load(Ordering::SeqCst)
    }

    /// Stands still: whatever is cached stays cached.
    fn monotonic_millis(&self) -> u64 {
        0
    }
}

fn open(home: &Home, clock: &Arc<AtomicI64>) -> Engine {
    let nobody = || Err(EngineError::PassphraseNeeded);
    let clock = Box::new(SharedClock(Arc::clone(clock)));
    block_on(home.open_with_clock(nobody, Options::default(), clock)).unwrap()
}

/// Encrypts and decrypts for a patient while half a year passes at `moment`, `times` over; then a
/// fresh process must open what was sealed.
fn survives(moment: Moment, times: u32, known_before: bool) {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::at(directory.path().join("home"));
    block_on(home.init(RootChoice::KeyFile, Environment::Development)).unwrap();
    // 2046: later than the real clock, by which the home was made
    let clock = Arc::new(AtomicI64::new(2_404_252_800));
    let scope = Scope::new("default", "patients", "name").unwrap();
    let binding = Binding::record("r");
    let target = Target { scope: &scope, binding, subject: Some("jane"), no_record: false };
    let seal = |engine: &Engine| {
        block_on(engine.encrypt_value(&target, None, &Value::string("Doe"))).unwrap()
    };
    let before = known_before.then(|| seal(&open(&home, &clock)));
    let mut engine = open(&home, &clock);
    let left = Arc::new(AtomicU32::new(times));
    engine.store = Box::new(Interrupted {
        inner: SqliteStore::open(&home.store_file()).unwrap(),
        home: home.clone(),
        clock: Arc::clone(&clock),
        moment,
        left: Arc::clone(&left),
        seconds: HALF_A_YEAR,
        others: Mutex::default(),
    });
    let sealed = seal(&engine);
    assert_eq!(left.load(Ordering::SeqCst), 0, "the months have passed");
    clock.fetch_add(HALF_A_YEAR, Ordering::SeqCst);
    let fresh = open(&home, &clock);
    for envelope in before.iter().chain([&sealed]) {
        for engine in [&engine, &fresh] {
            let opened = block_on(engine.decrypt_value(&target, envelope)).unwrap();
            assert_eq!(opened.as_bytes(), b"Doe");
        }
    }
}

#[test]
fn a_row_that_moved_on_after_it_was_read_is_read_again() {
    survives(Moment::Read(SUBJECTS.name), 1, true);
    survives(Moment::Read(SUBJECTS.name), 3, true);
    survives(Moment::Read(KEY_SECRETS.name), 1, false);
    survives(Moment::Read(KEY_SECRETS.name), 3, true);
}

#[test]
fn a_row_that_was_planned_before_half_a_year_passed_is_planned_anew() {
    survives(Moment::Commit, 1, false);
    survives(Moment::Commit, 3, false);
}

/// A process whose clock lags by months makes the key of its month anew. While it plans a row under
/// it, another one finds the key overdue, finds no row under it, and destroys it: without the step of
/// the epoch the row would be written under a key that is gone.
#[test]
fn a_row_that_was_planned_under_a_key_that_has_gone_is_planned_anew() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::at(directory.path().join("home"));
    block_on(home.init(RootChoice::KeyFile, Environment::Development)).unwrap();
    let (lagging, clock) = (2_404_252_800, Arc::new(AtomicI64::new(2_404_252_800)));
    let mut engine = open(&home, &Arc::new(AtomicI64::new(lagging)));
    clock.fetch_add(HALF_A_YEAR, Ordering::SeqCst);
    drop(open(&home, &clock));
    engine.store = Box::new(Interrupted {
        inner: SqliteStore::open(&home.store_file()).unwrap(),
        home: home.clone(),
        clock: Arc::clone(&clock),
        moment: Moment::Commit,
        left: Arc::new(AtomicU32::new(1)),
        seconds: 0,
        others: Mutex::default(),
    });
    let scope = Scope::new("default", "patients", "name").unwrap();
    let binding = Binding::record("r");
    let target = Target { scope: &scope, binding, subject: Some("jane"), no_record: false };
    let sealed = block_on(engine.encrypt_value(&target, None, &Value::string("Doe"))).unwrap();
    for _ in 0..2 {
        let fresh = open(&home, &clock);
        let opened = block_on(fresh.decrypt_value(&target, &sealed)).unwrap();
        assert_eq!(opened.as_bytes(), b"Doe");
        clock.fetch_add(HALF_A_YEAR, Ordering::SeqCst);
    }
}

/// More subjects than one transaction moves on, and a process that ends in the middle of it.
#[test]
fn moving_many_on_goes_on_where_it_stopped() {
    const SUBJECTS_OF_MANY: usize = 2500;
    let directory = tempfile::tempdir().unwrap();
    let home = Home::at(directory.path().join("home"));
    block_on(home.init(RootChoice::KeyFile, Environment::Development)).unwrap();
    let clock = Arc::new(AtomicI64::new(2_404_252_800));
    let ids: Vec<String> = (0..SUBJECTS_OF_MANY).map(|n| format!("patient-{n}")).collect();
    let mut engine = open(&home, &clock);
    let all = ids.iter().map(String::as_str).collect();
    block_on(engine.ensure_subjects("default", &all)).unwrap();
    let within = |engine: &Engine, months: Range<i64>| {
        let found = block_on(engine.store.list_within(&SUBJECTS, "month", months, 10_000));
        found.unwrap().len()
    };
    assert_eq!(within(&engine, 204_603..204_604), SUBJECTS_OF_MANY);
    engine.store = Box::new(Interrupted {
        inner: SqliteStore::open(&home.store_file()).unwrap(),
        home: home.clone(),
        clock: Arc::clone(&clock),
        moment: Moment::FullDisk,
        left: Arc::new(AtomicU32::new(1)),
        seconds: 0,
        others: Mutex::default(),
    });
    clock.fetch_add(HALF_A_YEAR, Ordering::SeqCst);
    let failed = block_on(engine.begin()).err().map(|error| error.code());
    assert_eq!(failed, Some("STORE_UNAVAILABLE"));
    let (moved, left) = (within(&engine, 204_609..204_610), within(&engine, 204_603..204_604));
    assert!(moved > 0 && left > 0 && moved + left == SUBJECTS_OF_MANY, "{moved} and {left}");
    assert!(block_on(engine.overdue_epoch_keys()).unwrap().len() == 1, "the key is still there");
    let fresh = open(&home, &clock);
    assert_eq!(within(&fresh, 204_609..204_610), SUBJECTS_OF_MANY);
    assert!(block_on(fresh.overdue_epoch_keys()).unwrap().is_empty());
    for id in ids.iter().step_by(97) {
        let keys = block_on(fresh.subject("default", id)).unwrap();
        assert_eq!(keys.subject().as_str(), id);
    }
}

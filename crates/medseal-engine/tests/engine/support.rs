//! A home, an engine and a clock for each test.

use medseal_engine::clock::Clock;
use medseal_engine::fields::Target;
use medseal_engine::ledger::{EntryFilter, list_entries};
use medseal_engine::{
    Binding, Engine, EngineError, Environment, Home, Options, RootChoice, Scope, Value,
};
use pollster::block_on;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// 2026-03-15T00:00:00Z.
pub(crate) const START: i64 = 1_773_532_800;
pub(crate) const DAY: i64 = 86_400;

/// Stands still until a test moves it.
#[derive(Clone)]
pub(crate) struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    fn monotonic_millis(&self) -> u64 {
        u64::try_from(self.now() * 1000).unwrap()
    }
}

pub(crate) struct Fixture {
    pub(crate) engine: Engine,
    pub(crate) home: Home,
    pub(crate) clock: ManualClock,
    _directory: tempfile::TempDir,
}

pub(crate) fn fixture() -> Fixture {
    with(Environment::Development, Options::default())
}

pub(crate) fn with(environment: Environment, options: Options) -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::at(directory.path().join("home"));
    block_on(home.init(RootChoice::KeyFile, environment)).unwrap();
    let clock = ManualClock(Arc::new(AtomicI64::new(START)));
    let engine = open(&home, &clock, options).unwrap();
    Fixture { engine, home, clock, _directory: directory }
}

pub(crate) fn open(
    home: &Home,
    clock: &ManualClock,
    options: Options,
) -> Result<Engine, EngineError> {
    let nobody = || Err(EngineError::PassphraseNeeded);
    block_on(home.open_with_clock(nobody, options, Box::new(clock.clone())))
}

pub(crate) fn scope(collection: &str, field: &str) -> Scope {
    Scope::new("default", collection, field).unwrap()
}

pub(crate) fn bound<'a>(scope: &'a Scope, record: &'a str) -> Target<'a> {
    Target { scope, binding: Binding::record(record), subject: None, no_record: false }
}

pub(crate) fn encrypt(engine: &Engine, target: &Target<'_>, text: &str) -> Vec<u8> {
    block_on(engine.encrypt_value(target, None, &Value::string(text))).unwrap()
}

pub(crate) fn decrypt(
    engine: &Engine,
    target: &Target<'_>,
    envelope: &[u8],
) -> Result<String, &'static str> {
    block_on(engine.decrypt_value(target, envelope))
        .map(|plaintext| String::from_utf8(plaintext.as_bytes().to_vec()).unwrap())
        .map_err(|error| error.code())
}

pub(crate) fn code<T>(result: Result<T, EngineError>) -> &'static str {
    result.err().map_or("OK", |error| error.code())
}

/// The operations in the audit log, oldest first.
pub(crate) fn operations(home: &Home) -> Vec<String> {
    let mut operations = Vec::new();
    list_entries(&home.audit(), &EntryFilter::default(), |entry| {
        operations.push(entry.operation);
        Ok(())
    })
    .unwrap();
    operations
}

/// Takes the audit log away.
pub(crate) fn lose_log(home: &Home) {
    let segments = home.audit().join("segments");
    std::fs::rename(&segments, segments.with_extension("away")).unwrap();
}

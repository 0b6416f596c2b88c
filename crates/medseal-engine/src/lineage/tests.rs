//! Homes from before there was a state root, and kills at each moment of a change.

use crate::ledger::{AuditReport, LogStore, VerifyRequest, verify_log};
use crate::{Engine, EngineError, Environment, Home, Options, RootChoice};
use async_trait::async_trait;
use medseal_core::KeyVersionId;
use medseal_core::keyring::Usage;
use medseal_store::schema::Table;
use medseal_store::{
    Charge, Planned, PlannedBeside, RawRow, Spent, SqliteStore, Store, StoreError, StoreState,
};
use pollster::block_on;
use rusqlite::Connection;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

fn home() -> (TempDir, Home) {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::at(directory.path().join("home"));
    block_on(home.init(RootChoice::KeyFile, Environment::Development)).unwrap();
    (directory, home)
}

fn open(home: &Home) -> Result<Engine, EngineError> {
    block_on(home.open(|| Err(EngineError::PassphraseNeeded), Options::default()))
}

fn edit(home: &Home, sql: &str) {
    Connection::open(home.store_file()).unwrap().execute_batch(sql).unwrap();
}

/// A home as the release before made it: another schema, and a log of the same keys whose entries
/// name no root.
fn home_from_before() -> (TempDir, Home) {
    let (directory, home) = home();
    let engine = open(&home).unwrap();
    let keys = LogStore { rows: engine.rows(), store_id: &engine.store_id, kwk: &engine.kwk };
    let log = block_on(keys.open_or_create(&home.audit_files(), 0)).unwrap();
    drop(engine);
    fs::remove_dir_all(home.audit()).unwrap();
    fs::create_dir(home.audit()).unwrap();
    crate::ledger::create_log(&home.audit_files(), log).unwrap();
    edit(&home, include_str!("../../../medseal-store/migrations/0007_approvals.down.sql"));
    edit(&home, include_str!("../../../medseal-store/migrations/0006_subjects.down.sql"));
    edit(&home, include_str!("../../../medseal-store/migrations/0005_principals.down.sql"));
    edit(&home, include_str!("../../../medseal-store/migrations/0004_state_root.down.sql"));
    edit(&home, "UPDATE store_state SET schema_version = 3");
    (directory, home)
}

fn entries(home: &Home) -> Vec<(String, Option<String>, Option<u64>)> {
    let mut entries = Vec::new();
    crate::ledger::list_entries(&home.audit(), &Default::default(), |entry| {
        entries.push((entry.operation, entry.note, entry.store_epoch));
        Ok(())
    })
    .unwrap();
    entries
}

fn verified(home: &Home) -> AuditReport {
    let engine = open(home).unwrap();
    let (directory, keys) = (home.audit(), engine.audit_keys());
    verify_log(&VerifyRequest { directory: &directory, keys, kept: &[] }).unwrap()
}

#[test]
fn a_home_from_before_begins_its_root_once_and_says_so() {
    let (_directory, home) = home_from_before();
    assert_eq!(entries(&home).len(), 1);
    let epoch = {
        let store = SqliteStore::open(&home.store_file()).unwrap();
        block_on(store.state()).unwrap().epoch
    };
    for _ in 0..3 {
        let engine = open(&home).unwrap();
        block_on(engine.rows().examine()).unwrap();
        let begin = Some("begin the state root".to_owned());
        let expected = [
            ("boot".to_owned(), None, None),
            ("maintain".to_owned(), begin, Some(epoch)),
            ("store-state".to_owned(), None, Some(epoch + 1)),
        ];
        assert_eq!(entries(&home), expected);
    }
    assert_eq!(verified(&home).entries, 3);
    // and from now on it is missed
    edit(&home, "UPDATE store_state SET state_root = NULL");
    assert_eq!(open(&home).err().map(|error| error.code()), Some("STORE_ROLLED_BACK"));
}

#[test]
fn of_many_that_open_a_home_from_before_at_once_one_begins() {
    let (_directory, home) = home_from_before();
    std::thread::scope(|scope| {
        (0..6).for_each(|_| drop(scope.spawn(|| open(&home).map(drop).unwrap())));
    });
    let states = entries(&home).iter().filter(|(name, ..)| name == "store-state").count();
    assert_eq!(states, 1);
    block_on(open(&home).unwrap().rows().examine()).unwrap();
    verified(&home);
}

#[test]
fn an_edited_row_of_a_home_from_before_does_not_get_in() {
    let (_directory, home) = home_from_before();
    edit(&home, "UPDATE key_versions SET state = 'suspended' WHERE name = 'files'");
    assert_eq!(open(&home).err().map(|error| error.code()), Some("STORE_ROW_REJECTED"));
    assert_eq!(entries(&home).len(), 1, "nothing has begun");
}

/// A process that dies at a moment of a commit; for the others it is as after `kill -9`.
struct Dying {
    inner: SqliteStore,
    moment: Moment,
    log: PathBuf,
}

#[derive(Clone, Copy, PartialEq)]
enum Moment {
    /// The change's entry stands, its commit has not begun.
    BeforeTheCommit,
    /// The commit is done, the entry that says so is not written.
    AfterTheCommit,
}

#[async_trait]
impl Store for Dying {
    async fn state(&self) -> Result<StoreState, StoreError> {
        self.inner.state().await
    }

    async fn read(&self, t: &'static Table, key: &[&str]) -> Result<Option<RawRow>, StoreError> {
        self.inner.read(t, key).await
    }

    async fn list(&self, t: &'static Table, key: &[&str]) -> Result<Vec<RawRow>, StoreError> {
        self.inner.list(t, key).await
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
        if self.moment == Moment::BeforeTheCommit {
            return Err(StoreError::Unavailable("killed"));
        }
        let epoch = self.inner.commit(planned).await?;
        fs::rename(&self.log, self.log.with_extension("away")).unwrap();
        Ok(epoch)
    }

    async fn commit_beside(&self, planned: PlannedBeside) -> Result<(), StoreError> {
        self.inner.commit_beside(planned).await
    }

    async fn list_within(
        &self,
        table: &'static Table,
        column: &'static str,
        range: std::ops::Range<i64>,
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

/// Rotates in a process that dies; says what the log's last entry is then.
fn rotate_and_die(home: &Home, moment: Moment) -> (String, Option<String>, Option<u64>) {
    let mut engine = open(home).unwrap();
    let (inner, log) =
        (SqliteStore::open(&home.store_file()).unwrap(), home.audit().join("segments"));
    engine.store = Box::new(Dying { inner, moment, log: log.clone() });
    let rotated = block_on(engine.rotate_key("default", "default", None, None));
    assert_eq!(rotated.is_ok(), moment == Moment::AfterTheCommit);
    drop(engine);
    if moment == Moment::AfterTheCommit {
        fs::rename(log.with_extension("away"), &log).unwrap();
    }
    entries(home).pop().unwrap()
}

#[test]
fn a_kill_at_any_moment_of_a_change_leaves_a_store_that_is_accepted() {
    for (moment, epoch_after, versions) in
        [(Moment::BeforeTheCommit, 4, 1), (Moment::AfterTheCommit, 5, 2)]
    {
        let (_directory, home) = home();
        let (operation, note, epoch) = rotate_and_die(&home, moment);
        assert_eq!(operation, "change-keys");
        assert_eq!(note.as_deref(), Some("rotate default/default"));
        assert_eq!(epoch, Some(4), "the entry names the epoch that it was planned on");
        let engine = open(&home).unwrap();
        assert_eq!(block_on(engine.begin()).unwrap(), epoch_after);
        let key = block_on(engine.show_key("default", "default")).unwrap();
        assert_eq!(key.versions.len(), versions);
        block_on(engine.rotate_key("default", "default", None, None)).unwrap();
        assert_eq!(entries(&home).pop().unwrap().2, Some(epoch_after + 1));
        block_on(engine.rows().examine()).unwrap();
        drop(engine);
        verified(&home);
    }
}

//! Mistakes of ours and lies of a backend: neither may pass for somebody else's change.

use crate::fixture::{commit, home, mac_key, store_id};
use async_trait::async_trait;
use medseal_core::KeyVersionId;
use medseal_core::keyring::Usage;
use medseal_core::row_mac::Column;
use medseal_core::secret::Kwk;
use medseal_store::schema::{KEY_SECRETS, Table};
use medseal_store::{
    Change, Charge, KeySecretRecord, Planned, PlannedBeside, RawRow, Record, Rows, Spent,
    SqliteStore, StateMemory, Store, StoreError, StoreState, Write, all, get,
};
use pollster::block_on;
use std::ops::Range;

fn secret(id: &str) -> KeySecretRecord {
    KeySecretRecord { key_version_id: id.to_owned(), month: 202_611, secret: vec![1] }
}

/// Answers every question with the same rows, each of them authentic.
struct Liar(Vec<RawRow>);

#[async_trait]
impl Store for Liar {
    async fn state(&self) -> Result<StoreState, StoreError> {
        Ok(StoreState { store_id: store_id(), epoch: 0, root: None, schema_version: 4 })
    }

    async fn read(&self, _: &'static Table, _: &[&str]) -> Result<Option<RawRow>, StoreError> {
        Ok(self.0.first().cloned())
    }

    async fn list(&self, _: &'static Table, _: &[&str]) -> Result<Vec<RawRow>, StoreError> {
        Ok(self.0.clone())
    }

    async fn find_key_version(&self, _: KeyVersionId) -> Result<Option<RawRow>, StoreError> {
        Ok(self.0.first().cloned())
    }

    async fn bucket_hashes(&self) -> Result<Vec<u8>, StoreError> {
        Ok(Vec::new())
    }

    async fn bucket(&self, _: u8) -> Result<Vec<u8>, StoreError> {
        Ok(Vec::new())
    }

    async fn commit(&self, _: Planned) -> Result<u64, StoreError> {
        Err(StoreError::Conflict)
    }

    async fn commit_beside(&self, _: PlannedBeside) -> Result<(), StoreError> {
        Err(StoreError::Conflict)
    }

    async fn list_within(
        &self,
        _: &'static Table,
        _: &'static str,
        _: Range<i64>,
        _: u32,
    ) -> Result<Vec<RawRow>, StoreError> {
        Ok(self.0.clone())
    }

    async fn add_usage(&self, _: KeyVersionId, _: Usage) -> Result<(), StoreError> {
        Ok(())
    }

    async fn spend(&self, _: &[Charge], _: i64) -> Result<Vec<Spent>, StoreError> {
        Ok(Vec::new())
    }

    async fn usage(&self, _: KeyVersionId) -> Result<Usage, StoreError> {
        Ok(Usage::default())
    }
}

fn authentic(id: &str) -> RawRow {
    let mut change = Change::new(0);
    change.insert(&secret(id), &mac_key()).unwrap();
    match change.writes.remove(0) {
        Write::Insert(_, row) => row,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn an_authentic_row_of_another_key_is_rejected() {
    let liar = Liar(vec![authentic("aa"), authentic("ab")]);
    let rejected =
        |key: &str| StoreError::RowRejected { table: "key_secrets", key: key.to_owned() };
    let asked =
        |key: &str| block_on(get::<KeySecretRecord>(&liar, &[key])).map(|row| row.is_some());
    assert_eq!(asked("aa"), Ok(true));
    for other in ["ab", "AA", "a", "", "aaa"] {
        assert_eq!(asked(other), Err(rejected("aa")), "`{other}`");
    }
    let listed = |prefix: &[&str]| block_on(all::<KeySecretRecord>(&liar, prefix)).map(|r| r.len());
    assert_eq!(listed(&[]), Ok(2));
    assert_eq!(listed(&["aa"]), Err(rejected("ab")));
}

#[test]
fn another_stores_row_and_another_kwks_row_are_rejected() {
    let liar = Liar(vec![authentic("aa")]);
    let elsewhere = medseal_core::StoreId::parse("11111111-0000-4000-8000-000000000000").unwrap();
    let keys = [
        (mac_key(), true),
        (Kwk::from_slice(&[7; 32]).unwrap().row_mac_key(&elsewhere), false),
        (Kwk::from_slice(&[8; 32]).unwrap().row_mac_key(&store_id()), false),
    ];
    for (key, accepted) in keys {
        let memory = StateMemory::new();
        let rows = Rows { store: &liar, key: &key, memory: &memory };
        assert_eq!(block_on(rows.get::<KeySecretRecord>(&["aa"])).is_ok(), accepted);
    }
}

/// A missing value is not a race: trying again would go on for ever.
#[test]
fn a_row_that_breaks_a_rule_is_no_conflict() {
    let (_directory, path) = home();
    let store = SqliteStore::create(&path, &store_id()).unwrap();
    let mut row = authentic("aa");
    row.columns[2] = Column::Null;
    let change = Change { expected_epoch: 0, writes: vec![Write::Insert(&KEY_SECRETS, row)] };
    assert_eq!(commit(&store, change).unwrap_err().code(), "STORE_UNAVAILABLE");
    assert_eq!(block_on(store.state()).unwrap().epoch, 0);
    assert_eq!(block_on(store.list(&KEY_SECRETS, &[])), Ok(vec![]));
}

#[test]
fn the_last_version_cannot_be_updated() {
    let mut change = Change::new(0);
    let answer = change.update(u64::MAX, &secret("aa"), &mac_key());
    assert_eq!((answer, change.writes.len()), (Err(StoreError::Conflict), 0));
}

#[test]
fn numbers_and_limits_have_one_spelling() {
    use medseal_store::{KeyRecord, KeyVersionRecord};
    let version = medseal_core::keyring::KeyVersion {
        number: 7,
        id: KeyVersionId([1; 8]),
        suite: medseal_core::Suite::Aes256Gcm,
        state: medseal_core::keyring::State::Active,
        cause: None,
        created_at: 0,
        activated_at: None,
        destroy_after: None,
    };
    for text in ["7", "+000000007", "00000000007", " 000000007"] {
        let mut columns = KeyVersionRecord::new("t", "k", &version, None).to_columns();
        columns[2] = Column::Text(text.to_owned());
        assert!(KeyVersionRecord::from_columns(columns).is_err(), "`{text}`");
    }
    let ring = medseal_core::keyring::Keyring {
        purpose: medseal_core::keyring::Purpose::Field,
        primary: 1,
        versions: vec![],
        policy: Default::default(),
    };
    for limit in [6, 7] {
        let mut columns = KeyRecord::new("t", "k", &ring, 0, None).to_columns();
        columns[limit] = Column::Integer(-1);
        assert!(KeyRecord::from_columns(columns).is_err(), "a negative limit is not none");
    }
}

//! Old, foreign and deleted rows, edited states and whole stores put back: each is found, and no
//! honest reader is accused because somebody else was faster.

use super::{Bench, Fixture, audit_log, field, hold, key_record, key_version, pseudonym, root};
use super::{secret, tombstone};
use crate::schema::{self, Standing, Table};
use crate::{
    Change, FieldRecord, KeySecretRecord, Planned, PseudonymRecord, RawRow, Record, RolledBack,
    Rows, StateMemory, StoreError, StoreState, Stored,
};
use medseal_core::keyring::State;
use medseal_core::row_mac::RowMacKey;
use medseal_core::secret::Kwk;
use medseal_core::state_root::{Bucket, BucketHashes, LeafKey, StateRoot};
use std::fmt::Debug;

/// What a database administrator may do to the state, past the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateEdit {
    /// Another epoch.
    Epoch(u64),
    /// Another root, or none.
    Root(Option<Vec<u8>>),
    /// Another MAC of epoch and root.
    Mac(Vec<u8>),
    /// Other hashes of the buckets.
    Hashes(Vec<u8>),
    /// Another bucket, or none.
    Bucket(u8, Option<Vec<u8>>),
}

pub(super) async fn run(new: &impl AsyncFn() -> Box<dyn Fixture>) {
    old_foreign_and_deleted_rows_are_found(&*new().await).await;
    the_root_is_that_of_the_rows(&*new().await).await;
    edits_of_the_state_are_found(&*new().await).await;
    a_store_put_back_is_found_by_who_saw_a_newer_one(&*new().await).await;
    a_second_root_for_one_epoch_is_found(&*new().await).await;
    rows_outside_advance_the_epoch_alone(&*new().await).await;
    a_store_without_a_map_begins_one(&*new().await).await;
    a_change_planned_on_another_root_is_refused(&*new().await).await;
    nobody_is_accused_because_others_are_faster(&*new().await).await;
}

impl Bench<'_> {
    /// The same store as another process sees it.
    fn elsewhere(&self, look: impl FnOnce(Rows<'_>)) {
        let memory = StateMemory::new();
        look(Rows { memory: &memory, ..self.rows() });
    }

    async fn update<R: Record>(&self, key: &[&str], record: &R) -> Result<u64, StoreError> {
        let version = self.rows().get::<R>(key).await?.unwrap().version;
        let mut change = Change::new(self.epoch().await);
        change.update(version, record, &self.key)?;
        self.commit(change).await
    }

    async fn delete<R: Record>(&self, key: &[&str]) -> Result<u64, StoreError> {
        let version = self.rows().get::<R>(key).await?.unwrap().version;
        let mut change = Change::new(self.epoch().await);
        change.delete::<R>(key, version)?;
        self.commit(change).await
    }
}

async fn old_foreign_and_deleted_rows_are_found(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    let (one, two) = (key_version("k", 1, State::Active), key_version("k", 1, State::Compromised));
    row_attacks_are_found(&bench, [&one, &two], &["t", "k", "0000000001"]).await;
    let (old, mut new) = (key_record("k", &[]), key_record("k", &[]));
    new.primary = 2;
    row_attacks_are_found(&bench, [&old, &new], &["t", "k"]).await;
    let (old, mut new) = (field("t", "c", "f"), field("t", "c", "f"));
    new.flags = 1;
    row_attacks_are_found(&bench, [&old, &new], &["t", "c", "f"]).await;
    let (old, mut new) = (secret("aa"), secret("aa"));
    new.month += 1;
    row_attacks_are_found(&bench, [&old, &new], &["aa"]).await;
    let (old, mut new) = (root(), root());
    new.environment = "development".to_owned();
    row_attacks_are_found(&bench, [&old, &new], &["root"]).await;
    let (old, mut new) = (audit_log("local"), audit_log("local"));
    new.seed = vec![7];
    row_attacks_are_found(&bench, [&old, &new], &["local"]).await;
    let (old, mut new) = (tombstone("aa"), tombstone("aa"));
    new.certificate = "another".to_owned();
    row_attacks_are_found(&bench, [&old, &new], &["t", "aa"]).await;
    let (old, mut new) = (hold("case-1"), hold("case-1"));
    new.reason = "another".to_owned();
    row_attacks_are_found(&bench, [&old, &new], &["t", "aa", "case-1"]).await;
    assert_eq!(bench.rows().examine().await, Ok(()));
}

/// An old row in the place of a newer one, no row, and a row that was deleted and came back; each
/// for who has read the map and for who has not.
async fn row_attacks_are_found<R>(bench: &Bench<'_>, [old, new]: [&R; 2], key: &[&str])
where
    R: Record + Clone + PartialEq + Debug,
{
    let table = R::table();
    bench.insert(std::slice::from_ref(old)).await.unwrap();
    let first = bench.row(table, key).await;
    bench.update(key, new).await.unwrap();
    let second = bench.row(table, key).await;
    let name = key.join("/");
    let outside = RolledBack::RowOutside { table: table.name, key: name.clone() };
    let missing = RolledBack::RowMissing { table: table.name, key: name };
    put::<R>(bench, key, Some(&first), Err(outside.clone())).await;
    put::<R>(bench, key, None, Err(missing)).await;
    put::<R>(bench, key, Some(&second), Ok(new)).await;
    bench.delete::<R>(key).await.unwrap();
    put::<R>(bench, key, Some(&second), Err(outside)).await;
    bench.fixture.edit(table, key, None);
    assert_eq!(bench.rows().get::<R>(key).await, Ok(None));
    bench.insert(std::slice::from_ref(new)).await.unwrap();
}

async fn put<R>(bench: &Bench<'_>, key: &[&str], row: Option<&RawRow>, says: Result<&R, RolledBack>)
where
    R: Record + Clone + PartialEq + Debug,
{
    let table = R::table();
    bench.fixture.edit(table, key, row);
    let says = says.cloned().map_err(StoreError::RolledBack);
    let memory = StateMemory::new();
    for rows in [bench.rows(), Rows { memory: &memory, ..bench.rows() }] {
        let one = rows.get::<R>(key).await.map(|stored| stored.unwrap().record);
        assert_eq!(one, says);
        for prefix in [&key[..key.len() - 1], &[]] {
            let list = rows.all::<R>(prefix).await;
            is_about(list.as_ref().err(), table, says.is_err());
            let holds = |list: &Vec<Stored<R>>| list.iter().any(|s| Ok(&s.record) == says.as_ref());
            assert!(list.is_err() || list.as_ref().is_ok_and(holds));
        }
        is_about(rows.examine().await.err().as_ref(), table, says.is_err());
    }
}

/// Whether there is an error, and if so that it names the table.
fn is_about(error: Option<&StoreError>, table: &'static Table, expected: bool) {
    let rolled_back = error.filter(|error| error.code() == "STORE_ROLLED_BACK");
    assert_eq!(error, rolled_back);
    assert_eq!(error.is_some(), expected, "{error:?}");
    let named = |e: &StoreError| e.to_string().contains(&format!("`{}`", table.name));
    assert!(error.is_none_or(named), "{error:?}");
}

/// The root from all rows at once, as the specification says it.
async fn root_of_rows(bench: &Bench<'_>) -> StateRoot {
    let mut leaves = std::collections::BTreeMap::<u8, Bucket>::new();
    for table in schema::ALL {
        let Standing::Inside { group_columns } = table.standing else { continue };
        for row in bench.store().list(table, &[]).await.unwrap() {
            let key = crate::row::key_texts(table, &row.columns);
            let leaf = LeafKey::new(table.name, &key, group_columns);
            let mac = row.row_mac.as_slice().try_into().unwrap();
            assert!(leaves.entry(leaf.bucket()).or_default().insert(&leaf, &mac));
        }
    }
    let mut hashes = BucketHashes::empty();
    leaves.iter().for_each(|(number, bucket)| hashes.set(*number, bucket));
    hashes.root()
}

async fn the_root_is_that_of_the_rows(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    for n in 0..40 {
        let (tenant, name) = (format!("t{}", n % 3), format!("f{n}"));
        bench.insert(&[field(&tenant, "c", &name)]).await.unwrap();
        bench.insert(&[secret(&format!("{n:02}"))]).await.unwrap();
        if n % 4 == 3 {
            bench.delete::<FieldRecord>(&[&tenant, "c", &name]).await.unwrap();
            let mut record = secret(&format!("{:02}", n - 1));
            record.month += 1;
            bench.update(&[&record.key_version_id.clone()], &record).await.unwrap();
        }
        let state = bench.rows().state().await.unwrap();
        assert_eq!(state.root, Some(root_of_rows(&bench).await), "after {n}");
    }
    for prefix in [&[][..], &["t1"], &["t1", "c"], &["t1", "c", "f1"]] {
        let listed = bench.rows().all::<FieldRecord>(prefix).await.unwrap();
        let expected = bench.store().list(&schema::FIELD_DEFINITIONS, prefix).await.unwrap();
        assert_eq!(listed.len(), expected.len(), "{prefix:?}");
    }
    assert_eq!(bench.rows().examine().await, Ok(()));
    bench.elsewhere(|rows| assert_eq!(pollster::block_on(rows.examine()), Ok(())));
}

async fn edits_of_the_state_are_found(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    bench.insert(&[field("t", "c", "f"), field("u", "c", "f")]).await.unwrap();
    let honest = Snapshot::take(&bench).await;
    let sealed = honest.state.root.clone().unwrap();
    let flipped = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes[3] ^= 1;
        bytes
    };
    let leaf = LeafKey::new("field_definitions", &["t", "c", "f"], 1);
    let (number, bucket) = (leaf.bucket(), honest.bucket(leaf.bucket()));
    let edited = RolledBack::StateEdited;
    let cases = [
        (StateEdit::Epoch(honest.state.epoch + 1), edited.clone()),
        (StateEdit::Epoch(honest.state.epoch - 1), edited.clone()),
        (StateEdit::Root(Some(flipped(&sealed.root))), edited.clone()),
        (StateEdit::Root(Some(sealed.root[1..].to_vec())), edited.clone()),
        (StateEdit::Mac(flipped(&sealed.mac)), edited.clone()),
        (StateEdit::Mac(Vec::new()), edited),
        (StateEdit::Hashes(flipped(&honest.hashes)), RolledBack::HashesEdited),
        (StateEdit::Hashes(Vec::new()), RolledBack::HashesEdited),
        (StateEdit::Bucket(number, Some(flipped(&bucket))), RolledBack::BucketEdited(number)),
        (StateEdit::Bucket(number, None), RolledBack::BucketEdited(number)),
    ];
    for (edit, how) in cases {
        fixture.edit_state(&edit);
        bench.elsewhere(|rows| {
            let read = pollster::block_on(rows.get::<FieldRecord>(&["t", "c", "f"]));
            assert_eq!(read, Err(how.clone().into()), "{edit:?}");
            let planned = pollster::block_on(rows.examine());
            assert_eq!(planned, Err(how.into()), "{edit:?}");
        });
        honest.put_back(&bench).await;
    }
    // for who has seen a root, none is not the beginning
    fixture.edit_state(&StateEdit::Root(None));
    assert_eq!(bench.rows().state().await, Err(RolledBack::RootRemoved.into()));
    honest.put_back(&bench).await;
    assert_eq!(bench.rows().examine().await, Ok(()));
    another_key_writes_no_root(&bench).await;
}

/// A root that its rows have, under the MAC of somebody without the key.
async fn another_key_writes_no_root(bench: &Bench<'_>) {
    let honest = bench.rows().state().await.unwrap().at().unwrap();
    let id = bench.store().state().await.unwrap().store_id;
    let key: RowMacKey = Kwk::from_slice(&[8; 32]).unwrap().row_mac_key(&id);
    bench.fixture.edit_state(&StateEdit::Mac(key.state_mac(&honest).unwrap().to_vec()));
    bench.elsewhere(|rows| {
        let state = pollster::block_on(rows.state());
        assert_eq!(state, Err(RolledBack::StateEdited.into()));
    });
}

/// Everything a store holds of its rows and state.
struct Snapshot {
    state: StoreState,
    hashes: Vec<u8>,
    buckets: Vec<Vec<u8>>,
    rows: Vec<(&'static Table, Vec<String>, RawRow)>,
}

impl Snapshot {
    async fn take(bench: &Bench<'_>) -> Self {
        let store = bench.store();
        let (mut buckets, mut rows) = (Vec::new(), Vec::new());
        for number in 0..=u8::MAX {
            buckets.push(store.bucket(number).await.unwrap());
        }
        for table in schema::ALL {
            for row in store.list(table, &[]).await.unwrap() {
                let key = crate::row::key_texts(table, &row.columns);
                rows.push((table, key.into_iter().map(str::to_owned).collect(), row));
            }
        }
        let state = store.state().await.unwrap();
        Self { state, hashes: store.bucket_hashes().await.unwrap(), buckets, rows }
    }

    fn bucket(&self, number: u8) -> Vec<u8> {
        self.buckets[usize::from(number)].clone()
    }

    async fn put_back(&self, bench: &Bench<'_>) {
        let fixture = bench.fixture;
        for table in schema::ALL {
            for row in bench.store().list(table, &[]).await.unwrap() {
                fixture.edit(table, &crate::row::key_texts(table, &row.columns), None);
            }
        }
        for (table, key, row) in &self.rows {
            let key: Vec<&str> = key.iter().map(String::as_str).collect();
            fixture.edit(table, &key, Some(row));
        }
        let sealed = self.state.root.clone();
        fixture.edit_state(&StateEdit::Epoch(self.state.epoch));
        fixture.edit_state(&StateEdit::Root(sealed.as_ref().map(|sealed| sealed.root.clone())));
        fixture.edit_state(&StateEdit::Mac(sealed.map(|s| s.mac).unwrap_or_default()));
        fixture.edit_state(&StateEdit::Hashes(self.hashes.clone()));
        for (number, bucket) in (0..=u8::MAX).zip(&self.buckets) {
            let bucket = (!bucket.is_empty()).then(|| bucket.clone());
            fixture.edit_state(&StateEdit::Bucket(number, bucket));
        }
    }
}

async fn a_store_put_back_is_found_by_who_saw_a_newer_one(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    bench.insert(&[field("t", "c", "f")]).await.unwrap();
    let old = Snapshot::take(&bench).await;
    bench.insert(&[field("t", "c", "g")]).await.unwrap();
    bench.insert(&[field("t", "c", "h")]).await.unwrap();
    old.put_back(&bench).await;
    let (found, known) = (old.state.epoch, old.state.epoch + 2);
    let lower = StoreError::RolledBack(RolledBack::LowerEpoch { found, known });
    assert_eq!(bench.rows().state().await, Err(lower.clone()));
    // who reads a row without asking for the state learns it too: the row is not that of the map
    assert_eq!(bench.rows().get::<FieldRecord>(&["t", "c", "g"]).await, Err(lower));
    bench.elsewhere(|rows| {
        let examined = pollster::block_on(rows.examine());
        assert_eq!(examined, Ok(()), "nothing in the store itself tells: the log must");
    });
}

async fn a_second_root_for_one_epoch_is_found(fixture: &dyn Fixture) {
    let (bench, other) = (Bench::on(fixture).await, Bench::on(fixture).await);
    bench.insert(&[field("t", "c", "f")]).await.unwrap();
    let old = Snapshot::take(&bench).await;
    let epoch = bench.insert(&[field("t", "c", "g")]).await.unwrap();
    old.put_back(&bench).await;
    assert_eq!(other.insert(&[field("t", "c", "h")]).await, Ok(epoch));
    let second = StoreError::RolledBack(RolledBack::SecondRoot(epoch));
    assert_eq!(bench.rows().state().await, Err(second.clone()));
    let planned = bench.rows().plan(Change::new(epoch)).await;
    assert_eq!(planned.err(), Some(second));
    assert!(other.rows().state().await.is_ok());
}

/// Pseudonyms are not in the root, which the specification says and this shows.
async fn rows_outside_advance_the_epoch_alone(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    bench.insert(&[secret("aa")]).await.unwrap();
    let before = bench.rows().state().await.unwrap();
    bench.insert(&[pseudonym("6d73")]).await.unwrap();
    let after = bench.rows().state().await.unwrap();
    assert_eq!((after.epoch, after.root), (before.epoch + 1, before.root));
    fixture.edit(&schema::PSEUDONYMS, &["t", "6d73"], None);
    assert_eq!(bench.rows().get::<PseudonymRecord>(&["t", "6d73"]).await, Ok(None));
    assert_eq!(bench.rows().examine().await, Ok(()));
}

async fn a_store_without_a_map_begins_one(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    assert_eq!(bench.rows().state().await.unwrap().root, None);
    let records = [field("t", "c", "f"), field("t", "c", "g"), field("u", "c", "f")];
    bench.insert(&records).await.unwrap();
    bench.insert(&[secret("aa"), secret("bb")]).await.unwrap();
    let whole = bench.rows().state().await.unwrap();
    // as a store looks that was made before there was a map
    fixture.edit_state(&StateEdit::Root(None));
    fixture.edit_state(&StateEdit::Hashes(Vec::new()));
    (0..=u8::MAX).for_each(|number| fixture.edit_state(&StateEdit::Bucket(number, None)));
    let upgraded = Bench::on(fixture).await;
    let key = ["t", "c", "g"];
    let honest = upgraded.row(&schema::FIELD_DEFINITIONS, &key).await;
    let mut row = honest.clone();
    row.version += 1;
    fixture.edit(&schema::FIELD_DEFINITIONS, &key, Some(&row));
    let begun = upgraded.commit(Change::new(whole.epoch)).await;
    let (table, name) = ("field_definitions", key.join("/"));
    assert_eq!(begun, Err(StoreError::RowRejected { table, key: name }), "no edited row gets in");
    fixture.edit(&schema::FIELD_DEFINITIONS, &key, Some(&honest));
    assert_eq!(upgraded.commit(Change::new(whole.epoch)).await, Ok(whole.epoch + 1));
    assert_eq!(upgraded.rows().state().await.unwrap().root, whole.root);
    assert_eq!(upgraded.rows().examine().await, Ok(()));
}

async fn a_change_planned_on_another_root_is_refused(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    let epoch = bench.insert(&[secret("aa")]).await.unwrap();
    let planned = bench.rows().plan(Change::new(epoch)).await.unwrap();
    for before in [None, Some(StateRoot([0; 32]))] {
        let other = Planned { before, ..planned.clone() };
        assert_eq!(bench.store().commit(other).await, Err(StoreError::Conflict));
    }
    assert_eq!(bench.rows().plan(Change::new(epoch + 1)).await, Err(StoreError::Conflict));
    let mut twice = Change::new(epoch);
    twice.insert(&secret("aa"), &bench.key).unwrap();
    assert_eq!(bench.rows().plan(twice).await, Err(StoreError::Conflict));
    assert_eq!(bench.store().commit(planned).await, Ok(epoch + 1));
}

const PROCESSES: u32 = 4;
const CHANGES: u32 = 12;

/// Writers and readers with memories of their own, as processes have.
async fn nobody_is_accused_because_others_are_faster(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    bench.insert(&[secret("shared"), secret("a"), secret("b")]).await.unwrap();
    std::thread::scope(|scope| {
        for _ in 0..PROCESSES {
            scope.spawn(|| pollster::block_on(write_often(fixture)));
            scope.spawn(|| pollster::block_on(read_often(fixture)));
        }
    });
    assert_eq!(bench.rows().examine().await, Ok(()));
}

async fn write_often(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    let mut left = CHANGES;
    while left > 0 {
        let now = bench.rows().state().await.unwrap().epoch;
        let stored = bench.rows().get::<KeySecretRecord>(&["shared"]).await.unwrap().unwrap();
        let mut record = stored.record;
        record.month += 1;
        let mut change = Change::new(now);
        change.update(stored.version, &record, &bench.key).unwrap();
        match bench.commit(change).await {
            Ok(_) => left -= 1,
            Err(error) => assert_eq!(error, StoreError::Conflict),
        }
    }
}

async fn read_often(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    for _ in 0..CHANGES * 4 {
        bench.rows().get::<KeySecretRecord>(&["shared"]).await.unwrap().unwrap();
        assert_eq!(bench.rows().all::<KeySecretRecord>(&[]).await.unwrap().len(), 3);
    }
}

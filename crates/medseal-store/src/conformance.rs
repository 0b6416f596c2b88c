//! What every store must do, written once against [`Store`] alone.
//!
//! A new backend implements [`Fixture`] and calls [`run`]; what passes here may stand under the
//! engine. The one thing a backend must lend is [`Fixture::edit`], the hand of a database
//! administrator: without it nobody would know that edited rows are refused.
#![expect(clippy::unwrap_used, reason = "a suite of tests: a failure is a panic")]

mod approvals;
mod state_root;

pub use state_root::StateEdit;

use crate::RolledBack;
use crate::schema::{self, FIELD_DEFINITIONS, KEY_VERSIONS, Table};
use crate::{
    AccessTokenRecord, AuditLogRecord, BreakGlassRecord, FieldRecord, KeyRecord, KeySecretRecord,
    KeyVersionRecord, PolicyRecord, PrincipalRecord, PrincipalState, PseudonymRecord,
    RoleGrantRecord, RootRecord, SubjectHoldRecord, SubjectRecord, SubjectTombstoneRecord,
};
use crate::{Change, Charge, Planned, RawRow, Record, Rows, Spent, StateMemory, Write, keyring};
use crate::{Store, StoreError, Stored, get};
use medseal_core::keyring::{Cause, KeyVersion, Keyring, Purpose, RotationPolicy, State, Usage};
use medseal_core::row_mac::{Column, RowMacKey};
use medseal_core::secret::Kwk;
use medseal_core::{KeyVersionId, Suite};
use std::fmt::Debug;

/// An empty store and a way around it.
pub trait Fixture: Sync {
    /// The store.
    fn store(&self) -> &dyn Store;

    /// Puts `row` where `key` stands, or removes the row, past the store: no version, epoch or MAC
    /// is checked or changed. The row may name another primary key.
    fn edit(&self, table: &'static Table, key: &[&str], row: Option<&RawRow>);

    /// The same for epoch, root and map.
    fn edit_state(&self, edit: &StateEdit);
}

/// Runs everything, each part on a new and empty store.
///
/// # Panics
/// When the store does not conform.
pub async fn run(new: impl AsyncFn() -> Box<dyn Fixture>) {
    records_come_back_as_they_went_in(&*new().await).await;
    versions_count_up_and_deleted_rows_are_gone(&*new().await).await;
    lists_are_in_the_bytes_order_of_their_keys(&*new().await).await;
    prefixes_are_whole_columns(&*new().await).await;
    what_was_planned_on_something_else_is_refused(&*new().await).await;
    a_change_is_all_or_nothing(&*new().await).await;
    key_versions_are_found_by_an_id_that_is_unique(&*new().await).await;
    usage_adds_up(&*new().await).await;
    budgets_are_charged_in_windows_all_or_none(&*new().await).await;
    spenders_at_once_never_pass_a_limit(&*new().await).await;
    edited_columns_are_found(&*new().await).await;
    edited_versions_and_macs_are_found(&*new().await).await;
    moved_rows_are_found(&*new().await).await;
    a_removed_key_version_is_found(&*new().await).await;
    committers_at_once_lose_nothing(&*new().await).await;
    state_root::run(&new).await;
    approvals::run(&new).await;
    rows_beside_the_epoch_leave_it_and_hold_against_it(&*new().await).await;
    rows_in_a_range_are_listed_up_to_a_limit(&*new().await).await;
}

/// A fixture with the key that authenticates its rows.
struct Bench<'f> {
    fixture: &'f dyn Fixture,
    key: RowMacKey,
    memory: StateMemory,
}

impl<'f> Bench<'f> {
    async fn on(fixture: &'f dyn Fixture) -> Self {
        let store_id = fixture.store().state().await.unwrap().store_id;
        let key = Kwk::from_slice(&[7; 32]).unwrap().row_mac_key(&store_id);
        Self { fixture, key, memory: StateMemory::new() }
    }

    fn store(&self) -> &'f dyn Store {
        self.fixture.store()
    }

    fn rows(&self) -> Rows<'_> {
        Rows { store: self.store(), key: &self.key, memory: &self.memory }
    }

    async fn commit(&self, change: Change) -> Result<u64, StoreError> {
        let rows = self.rows();
        rows.commit(rows.plan(change).await?).await
    }

    async fn epoch(&self) -> u64 {
        self.store().state().await.unwrap().epoch
    }

    async fn insert<R: Record>(&self, records: &[R]) -> Result<u64, StoreError> {
        let mut change = Change::new(self.epoch().await);
        records.iter().for_each(|record| change.insert(record, &self.key).unwrap());
        self.commit(change).await
    }

    async fn verified<R: Record>(&self, key: &[&str]) -> Result<Stored<R>, StoreError> {
        get::<R>(self.store(), key).await?.unwrap().verify(&self.key)
    }

    async fn row(&self, table: &'static Table, key: &[&str]) -> RawRow {
        self.store().read(table, key).await.unwrap().unwrap()
    }

    /// The epoch and every row of every table.
    async fn everything(&self) -> (u64, Vec<RawRow>) {
        let mut rows = Vec::new();
        for table in schema::ALL {
            rows.extend(self.store().list(table, &[]).await.unwrap());
        }
        (self.epoch().await, rows)
    }

    /// The store's own answer, not that of the plan: the change comes with the state there is.
    async fn refuses(&self, what: &str, change: Change) {
        let before = self.everything().await;
        let now = self.rows().plan(Change::new(before.0)).await.unwrap();
        let answer = self.store().commit(Planned { change, ..now }).await;
        assert_eq!(answer, Err(StoreError::Conflict), "{what}");
        assert_eq!(self.everything().await, before, "{what} left something behind");
    }
}

impl Bench<'_> {
    async fn beside(&self, change: Change) -> Result<(), StoreError> {
        let rows = self.rows();
        rows.commit_beside(rows.plan_beside(change)?).await
    }
}

fn field(tenant: &str, collection: &str, field: &str) -> FieldRecord {
    FieldRecord {
        tenant: tenant.to_owned(),
        collection: collection.to_owned(),
        field: field.to_owned(),
        key_name: "phi".to_owned(),
        class: "diagnosis".to_owned(),
        flags: 3,
        token_index: None,
        placement: "inline".to_owned(),
        profile: Some("fhir".to_owned()),
        created_at: 1_700_000_000,
    }
}

fn version(number: u32, state: State) -> KeyVersion {
    KeyVersion {
        number,
        id: KeyVersionId([0, 0, 0, 0, 0, 0, 9, u8::try_from(number).unwrap()]),
        suite: Suite::Aes256Gcm,
        state,
        cause: Some(Cause::Superseded),
        created_at: -1,
        activated_at: Some(1_700_000_000),
        destroy_after: None,
    }
}

fn key_version(name: &str, number: u32, state: State) -> KeyVersionRecord {
    KeyVersionRecord::new("t", name, &version(number, state), Some("because"))
}

fn key_record(name: &str, versions: &[KeyVersionRecord]) -> KeyRecord {
    let policy = RotationPolicy { period: Some(86_400), max_messages: Some(5), ..<_>::default() };
    let versions = versions.iter().map(|row| row.version.clone()).collect();
    let ring = Keyring { purpose: Purpose::Field, primary: 1, versions, policy };
    KeyRecord::new("t", name, &ring, i64::MAX, None)
}

fn secret(id: &str) -> KeySecretRecord {
    let secret = id.bytes().cycle().take(300).collect();
    KeySecretRecord { key_version_id: id.to_owned(), month: 202_611, secret }
}

fn pseudonym(pseudonym: &str) -> PseudonymRecord {
    PseudonymRecord {
        tenant: "t".to_owned(),
        pseudonym: pseudonym.to_owned(),
        original: vec![0xf8, 0, 0x80],
        created_at: 7,
    }
}

fn root() -> RootRecord {
    RootRecord {
        name: "root".to_owned(),
        environment: "production".to_owned(),
        kind: "keyfile".to_owned(),
        parameters: String::new(),
        kwk_version: 1,
        wrapped_kwk: vec![0, 0xff, 0, 0x80],
        created_at: i64::MIN,
    }
}

fn audit_log(node: &str) -> AuditLogRecord {
    AuditLogRecord {
        node: node.to_owned(),
        log_id: "07".repeat(16),
        ed25519: vec![1; 32],
        ml_dsa_87: vec![2; 2592],
        seed: vec![0, 0xff],
        created_at: 0,
    }
}

fn principal(name: &str) -> PrincipalRecord {
    PrincipalRecord {
        name: name.to_owned(),
        principal_id: "0011223344556677".to_owned(),
        kind: "person".to_owned(),
        tenant: None,
        os_user: Some(65_534),
        state: PrincipalState::Active,
        created_at: 7,
        reason: Some("hired".to_owned()),
    }
}

fn role_grant(role: &str, granted: bool) -> RoleGrantRecord {
    let (principal_id, changed_by) = ("0011223344556677".to_owned(), "os-user:0".to_owned());
    RoleGrantRecord { principal_id, role: role.to_owned(), granted, changed_by, changed_at: 7 }
}

fn access_token(mac: &str) -> AccessTokenRecord {
    AccessTokenRecord {
        token_mac: mac.to_owned(),
        token_id: "8899aabbccddeeff".to_owned(),
        principal_id: "0011223344556677".to_owned(),
        created_at: 7,
        expires_at: i64::MAX,
        revoked_at: None,
    }
}

fn break_glass(id: &str) -> BreakGlassRecord {
    BreakGlassRecord {
        grant_id: id.to_owned(),
        principal_id: "0011223344556677".to_owned(),
        opened_at: 7,
        ends_at: 9,
        reason: vec![0xf8, 0],
        reviewed_by: None,
        reviewed_at: Some(8),
    }
}

fn policy() -> PolicyRecord {
    let (document, set_by) = ("policy = 1\n".to_owned(), "os-user:0".to_owned());
    PolicyRecord { name: PolicyRecord::NAME.to_owned(), document, set_by, set_at: 7 }
}

fn subject(handle: &str, month: i64) -> SubjectRecord {
    SubjectRecord {
        tenant: "t".to_owned(),
        handle: handle.to_owned(),
        month,
        secret: vec![0xf8, 4, 0],
        created_at: 1_700_000_000,
    }
}

fn tombstone(handle: &str) -> SubjectTombstoneRecord {
    SubjectTombstoneRecord {
        tenant: "t".to_owned(),
        handle: handle.to_owned(),
        erased_at: 1_700_000_001,
        certificate: "signed\n".to_owned(),
    }
}

fn hold(name: &str) -> SubjectHoldRecord {
    SubjectHoldRecord {
        tenant: "t".to_owned(),
        handle: "aa".to_owned(),
        name: name.to_owned(),
        reason: "because".to_owned(),
        principal: "os-user:1".to_owned(),
        placed_at: 3,
    }
}

async fn records_come_back_as_they_went_in(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    let (one, two) = (key_version("k", 1, State::Active), key_version("k", 2, State::PreActive));
    comes_back(&bench, &root(), &["root"]).await;
    comes_back(&bench, &key_record("k", std::slice::from_ref(&one)), &["t", "k"]).await;
    comes_back(&bench, &one, &["t", "k", "0000000001"]).await;
    comes_back(&bench, &two, &["t", "k", "0000000002"]).await;
    comes_back(&bench, &secret("0011223344556677"), &["0011223344556677"]).await;
    comes_back(&bench, &pseudonym("6d73"), &["t", "6d73"]).await;
    comes_back(&bench, &audit_log("local"), &["local"]).await;
    comes_back(&bench, &principal("nurse"), &["nurse"]).await;
    let disabled = PrincipalRecord { state: PrincipalState::Disabled, ..principal("gone") };
    comes_back(&bench, &disabled, &["gone"]).await;
    comes_back(&bench, &role_grant("admin", true), &["0011223344556677", "admin"]).await;
    comes_back(&bench, &role_grant("auditor", false), &["0011223344556677", "auditor"]).await;
    comes_back(&bench, &access_token("aa"), &["aa"]).await;
    comes_back(&bench, &policy(), &["policy"]).await;
    comes_back(&bench, &break_glass("aa"), &["aa"]).await;
    comes_back(&bench, &subject("aa", 202_611), &["t", "aa"]).await;
    comes_back(&bench, &tombstone("aa"), &["t", "aa"]).await;
    comes_back(&bench, &hold("case-1"), &["t", "aa", "case-1"]).await;
    comes_back(&bench, &field("t", "patients", "name"), &["t", "patients", "name"]).await;
    comes_back(&bench, &field("", "% _'\";--", "é\u{0}日"), &["", "% _'\";--", "é\u{0}日"]).await;
}

async fn comes_back<R>(bench: &Bench<'_>, record: &R, key: &[&str])
where
    R: Record + Clone + PartialEq + Debug,
{
    assert!(get::<R>(bench.store(), key).await.unwrap().is_none());
    let epoch = bench.epoch().await;
    assert_eq!(bench.insert(std::slice::from_ref(record)).await, Ok(epoch + 1));
    let stored = Stored { record: record.clone(), version: 1 };
    assert_eq!(bench.verified::<R>(key).await, Ok(stored));
}

async fn versions_count_up_and_deleted_rows_are_gone(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    let (mut record, key) = (field("t", "c", "f"), ["t", "c", "f"]);
    bench.insert(&[record.clone(), field("t", "c", "other")]).await.unwrap();
    for current in 1..=3 {
        record.flags += 1;
        let mut change = Change::new(bench.epoch().await);
        change.update(current, &record, &bench.key).unwrap();
        bench.commit(change).await.unwrap();
        let expected = Stored { record: record.clone(), version: current + 1 };
        assert_eq!(bench.verified::<FieldRecord>(&key).await, Ok(expected));
    }
    let mut change = Change::new(bench.epoch().await);
    change.delete::<FieldRecord>(&key, 4).unwrap();
    bench.commit(change).await.unwrap();
    assert_eq!(bench.store().read(&FIELD_DEFINITIONS, &key).await, Ok(None));
    let other = bench.verified::<FieldRecord>(&["t", "c", "other"]).await.unwrap();
    assert_eq!((other.version, other.record), (1, field("t", "c", "other")));
}

async fn keys_of_fields(bench: &Bench<'_>, prefix: &[&str]) -> Vec<[String; 3]> {
    let rows = bench.rows().all::<FieldRecord>(prefix).await.unwrap();
    let records = rows.into_iter().map(|stored| stored.record);
    records.map(|r| [r.tenant, r.collection, r.field]).collect()
}

async fn lists_are_in_the_bytes_order_of_their_keys(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    let parts = ["b", "a", "B", "é", "a0", "10", "9", "a b", "_"];
    let mut expected = Vec::new();
    for tenant in parts {
        for name in parts {
            bench.insert(&[field(tenant, name, "f")]).await.unwrap();
            expected.push([tenant, name, "f"].map(str::to_owned));
        }
    }
    expected.sort_unstable();
    assert_eq!(keys_of_fields(&bench, &[]).await, expected);
}

async fn prefixes_are_whole_columns(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    let rows = [["a", "c", "y"], ["a", "c", "x"], ["a", "cc", "z"], ["aa", "c", "x"]];
    bench.insert(&rows.map(|[t, c, f]| field(t, c, f))).await.unwrap();
    let cases: [(&[&str], &[usize]); 8] = [
        (&[], &[1, 0, 2, 3]),
        (&["a"], &[1, 0, 2]),
        (&["a", "c"], &[1, 0]),
        (&["a", "c", "x"], &[1]),
        (&["A"], &[]),
        (&["a%"], &[]),
        (&[""], &[]),
        (&["a", ""], &[]),
    ];
    for (prefix, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|&i| rows[i].map(str::to_owned)).collect();
        assert_eq!(keys_of_fields(&bench, prefix).await, expected, "{prefix:?}");
    }
}

async fn what_was_planned_on_something_else_is_refused(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    let (there, key) = (field("t", "c", "there"), ["t", "c", "there"]);
    bench.insert(std::slice::from_ref(&there)).await.unwrap();
    let now = bench.epoch().await;
    for (what, epoch) in [("stale", now - 1), ("future", now + 1), ("absurd", u64::MAX)] {
        let mut change = Change::new(epoch);
        change.insert(&field("t", "c", "new"), &bench.key).unwrap();
        bench.refuses(&format!("a {what} epoch"), change).await;
        bench.refuses(&format!("a {what} epoch without rows"), Change::new(epoch)).await;
    }
    let mut change = Change::new(now);
    change.insert(&there, &bench.key).unwrap();
    bench.refuses("a duplicate", change).await;
    for current in [0, 2, u64::from(u32::MAX)] {
        let mut change = Change::new(now);
        change.update(current, &there, &bench.key).unwrap();
        bench.refuses("an update of another version", change).await;
        let mut change = Change::new(now);
        change.delete::<FieldRecord>(&key, current).unwrap();
        bench.refuses("a deletion of another version", change).await;
    }
    rows_that_are_missing_are_refused(&bench, now).await;
}

async fn rows_that_are_missing_are_refused(bench: &Bench<'_>, now: u64) {
    let mut change = Change::new(now);
    change.update(1, &field("t", "c", "missing"), &bench.key).unwrap();
    bench.refuses("an update of nothing", change).await;
    let mut change = Change::new(now);
    change.delete::<FieldRecord>(&["t", "c", "missing"], 1).unwrap();
    bench.refuses("a deletion of nothing", change).await;
    let mut unversioned = bench.row(&FIELD_DEFINITIONS, &["t", "c", "there"]).await;
    unversioned.version = 0;
    let update = Write::Update(&FIELD_DEFINITIONS, unversioned);
    bench.refuses("version 0", Change { expected_epoch: now, writes: vec![update] }).await;
}

async fn a_change_is_all_or_nothing(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    let names: Vec<String> = (0..50).map(|n| format!("f{n:02}")).collect();
    let many: Vec<_> = names.iter().map(|name| field("t", "c", name)).collect();
    bench.insert(&[secret("aa"), secret("bb")]).await.unwrap();
    let now = bench.epoch().await;
    for late in [0, 25, 50] {
        let mut change = Change::new(now);
        change.delete::<KeySecretRecord>(&["aa"], 1).unwrap();
        change.update(1, &secret("bb"), &bench.key).unwrap();
        many.iter().take(late).for_each(|record| change.insert(record, &bench.key).unwrap());
        change.insert(&secret("bb"), &bench.key).unwrap();
        many.iter().skip(late).for_each(|record| change.insert(record, &bench.key).unwrap());
        bench.refuses("a change with one bad row", change).await;
    }
    assert_eq!(bench.insert(&many).await, Ok(now + 1));
    assert_eq!(keys_of_fields(&bench, &["t"]).await.len(), many.len());
}

async fn key_versions_are_found_by_an_id_that_is_unique(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    let versions = [1, 2, 3].map(|n| key_version("k", n, State::Deactivated));
    bench.insert(&versions).await.unwrap();
    for (row, number) in versions.iter().zip(["0000000001", "0000000002", "0000000003"]) {
        let found = bench.store().find_key_version(row.version.id).await.unwrap();
        assert_eq!(found, Some(bench.row(&KEY_VERSIONS, &["t", "k", number]).await));
    }
    assert_eq!(bench.store().find_key_version(KeyVersionId([0; 8])).await, Ok(None));
    let mut change = Change::new(bench.epoch().await);
    change.insert(&key_version("another", 2, State::Active), &bench.key).unwrap();
    bench.refuses("an id in use by another key", change).await;
}

async fn usage_adds_up(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    let (one, two, before) = (KeyVersionId([1; 8]), KeyVersionId([2; 8]), bench.epoch().await);
    assert_eq!(bench.store().usage(one).await, Ok(Usage::default()));
    for (id, messages, bytes) in [(one, 1, 100), (two, 7, 0), (one, 2, 1 << 40), (one, 0, 0)] {
        bench.store().add_usage(id, Usage { messages, bytes }).await.unwrap();
    }
    let sum = Usage { messages: 3, bytes: (1 << 40) + 100 };
    assert_eq!(bench.store().usage(one).await, Ok(sum));
    assert_eq!(bench.store().usage(two).await, Ok(Usage { messages: 7, bytes: 0 }));
    assert_eq!(bench.epoch().await, before, "counters are no security rows");
}

fn charge(principal: &str, amount: u64, stop: Option<u64>) -> Charge {
    let (principal_id, budget) = (principal.to_owned(), "b".to_owned());
    Charge { principal_id, budget, window: 3600, amount, stop }
}

async fn budgets_are_charged_in_windows_all_or_none(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    let (store, before) = (bench.store(), bench.epoch().await);
    let spend = async |charges: &[Charge], now| store.spend(charges, now).await.unwrap();
    let fits = |before| Spent { before, fits: true };
    let refused = |before| Spent { before, fits: false };
    let one = |amount| [charge("p", amount, Some(10))];
    assert_eq!(spend(&one(4), 1000).await, [fits(0)]);
    assert_eq!(spend(&one(6), 1010).await, [fits(4)]);
    assert_eq!(spend(&one(1), 1020).await, [refused(10)]);
    assert_eq!(spend(&[charge("p", 1, None)], 1020).await, [fits(10)], "without a limit");
    assert_eq!(spend(&[charge("q", 7, Some(10))], 1020).await, [fits(0)], "somebody else");
    // one that does not fit takes the others with it
    let both = [charge("q", 1, Some(10)), charge("p", 1, Some(10))];
    assert_eq!(spend(&both, 1030).await, [fits(7), refused(11)]);
    assert_eq!(spend(&[charge("q", 3, Some(10))], 1030).await, [fits(7)]);
    // what was spent counts for the whole window, and a clock that goes back does not help
    assert_eq!(spend(&one(1), 1000 + 3600).await, [refused(11)]);
    assert_eq!(spend(&one(1), 10).await, [refused(11)]);
    assert_eq!(spend(&one(10), 1020 + 3600 + 60).await, [fits(0)]);
    assert_eq!(bench.epoch().await, before, "counters are no security rows");
}

async fn spenders_at_once_never_pass_a_limit(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    let fitted = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..8 {
                    let charges = [charge("p", 3, Some(100))];
                    let spent = pollster::block_on(bench.store().spend(&charges, 1000)).unwrap();
                    let fits = u64::from(spent[0].fits);
                    fitted.fetch_add(fits, std::sync::atomic::Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(fitted.into_inner(), 33);
}

async fn edited_columns_are_found(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    let number_one = key_version("k", 1, State::Active);
    let text = |text: &str| Column::Text(text.to_owned());
    let no_limit = [("max_messages", Column::Null), ("rotation_period", Column::Integer(0))];
    let edits = [("environment", text("development")), ("kind", text("env"))];
    edits_are_found(&bench, &root(), &["root"], &edits).await;
    let edits = [("purpose", text("file")), ("primary_version", Column::Integer(2))];
    let edits = [edits, no_limit].concat();
    edits_are_found(&bench, &key_record("k", &[]), &["t", "k"], &edits).await;
    let edits = [("state", text("deactivated")), ("cause", Column::Null), ("name", text("l"))];
    edits_are_found(&bench, &number_one, &["t", "k", "0000000001"], &edits).await;
    let edits = [("month", Column::Integer(202_612)), ("secret", Column::Bytes(Vec::new()))];
    edits_are_found(&bench, &secret("aa"), &["aa"], &edits).await;
    let edits = [("seed", Column::Bytes(Vec::new())), ("log_id", text("other"))];
    edits_are_found(&bench, &audit_log("local"), &["local"], &edits).await;
    let edits = [("flags", Column::Integer(0)), ("key_name", text("weak")), ("field", text("g"))];
    edits_are_found(&bench, &field("t", "c", "f"), &["t", "c", "f"], &edits).await;
    let edits = [("original", Column::Bytes(Vec::new())), ("tenant", text("u"))];
    edits_are_found(&bench, &pseudonym("6d73"), &["t", "6d73"], &edits).await;
    let edits = [("tenant", text("u")), ("os_user", Column::Integer(0)), ("name", text("admin"))];
    edits_are_found(&bench, &principal("nurse"), &["nurse"], &edits).await;
    let disabled = PrincipalRecord { state: PrincipalState::Disabled, ..principal("gone") };
    let edits = [("state", text("active")), ("principal_id", text("ffffffffffffffff"))];
    edits_are_found(&bench, &disabled, &["gone"], &edits).await;
    let revoked = role_grant("admin", false);
    let edits = [("state", text("granted")), ("principal_id", text("ffffffffffffffff"))];
    edits_are_found(&bench, &revoked, &["0011223344556677", "admin"], &edits).await;
    let edits = [("expires_at", Column::Integer(0)), ("principal_id", text("ff"))];
    edits_are_found(&bench, &access_token("aa"), &["aa"], &edits).await;
    let edits = [("ends_at", Column::Integer(99)), ("reviewed_by", text("me"))];
    edits_are_found(&bench, &break_glass("ab"), &["ab"], &edits).await;
    edits_are_found(&bench, &policy(), &["policy"], &[("document", text(""))]).await;
    let edits = [("secret", Column::Bytes(Vec::new())), ("month", Column::Integer(0))];
    edits_are_found(&bench, &subject("aa", 202_611), &["t", "aa"], &edits).await;
    let edits = [("certificate", text("")), ("handle", text("ab"))];
    edits_are_found(&bench, &tombstone("aa"), &["t", "aa"], &edits).await;
    let edits = [("name", text("case-2")), ("handle", text("ab"))];
    edits_are_found(&bench, &hold("case-1"), &["t", "aa", "case-1"], &edits).await;
}

async fn edits_are_found<R>(
    bench: &Bench<'_>,
    record: &R,
    key: &[&str],
    readable: &[(&str, Column)],
) where
    R: Record + Clone + PartialEq + Debug,
{
    let table = R::table();
    bench.insert(std::slice::from_ref(record)).await.unwrap();
    let honest = bench.row(table, key).await;
    for (name, value) in readable {
        let at = table.columns.iter().position(|(column, _)| column == name).unwrap();
        let mut row = honest.clone();
        row.columns[at] = value.clone();
        is_rejected::<R>(bench, key, &honest, &row).await;
    }
    for at in 0..honest.columns.len() {
        let mut row = honest.clone();
        row.columns[at] = other_value(&row.columns[at]);
        is_refused::<R>(bench, key, &honest, &row).await;
    }
    let expected = Stored { record: record.clone(), version: 1 };
    assert_eq!(bench.verified::<R>(key).await, Ok(expected), "put back as it was");
}

fn other_value(column: &Column) -> Column {
    match column {
        Column::Null => Column::Integer(1),
        Column::Integer(n) => Column::Integer(n.wrapping_add(1)),
        Column::Text(text) => Column::Text(format!("{text}0")),
        Column::Bytes(bytes) => Column::Bytes([&bytes[..], &[0]].concat()),
    }
}

/// Whatever the edit was, the record is not given up. Puts the honest row back.
async fn is_refused<R: Record>(bench: &Bench<'_>, key: &[&str], honest: &RawRow, row: &RawRow) {
    let table = R::table();
    let answer = answer_for::<R>(bench, key, honest, row).await;
    let by_table = match &answer {
        Err(StoreError::RowRejected { table, .. } | StoreError::Corrupt { table }) => Some(*table),
        _ => None,
    };
    assert_eq!(by_table, Some(table.name), "{row:?}");
}

/// As [`is_refused`], for a row that still reads as a record: the answer names it.
async fn is_rejected<R: Record>(bench: &Bench<'_>, key: &[&str], honest: &RawRow, row: &RawRow) {
    let table = R::table().name;
    let named = crate::row::key_texts(R::table(), &row.columns).join("/");
    let answer = answer_for::<R>(bench, key, honest, row).await;
    assert_eq!(answer, Err(StoreError::RowRejected { table, key: named }), "{row:?}");
}

async fn answer_for<R: Record>(
    bench: &Bench<'_>,
    key: &[&str],
    honest: &RawRow,
    row: &RawRow,
) -> Result<u64, StoreError> {
    let table = R::table();
    bench.fixture.edit(table, key, Some(row));
    let edited: Vec<&str> = crate::row::key_texts(table, &row.columns);
    let answer = bench.verified::<R>(&edited).await.map(|stored| stored.version);
    bench.fixture.edit(table, &edited, Some(honest));
    answer
}

async fn edited_versions_and_macs_are_found(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    let key = ["t", "c", "f"];
    bench.insert(&[field("t", "c", "f"), field("t", "c", "g")]).await.unwrap();
    let honest = bench.row(&FIELD_DEFINITIONS, &key).await;
    for version in [0, 2, 1 << 40] {
        let row = RawRow { version, ..honest.clone() };
        is_rejected::<FieldRecord>(&bench, &key, &honest, &row).await;
    }
    let mut flipped = honest.row_mac.clone();
    flipped[31] ^= 1;
    let short = honest.row_mac[..31].to_vec();
    let neighbour = bench.row(&FIELD_DEFINITIONS, &["t", "c", "g"]).await.row_mac;
    for row_mac in [flipped, short, neighbour, vec![0; 32], Vec::new()] {
        let row = RawRow { row_mac, ..honest.clone() };
        is_rejected::<FieldRecord>(&bench, &key, &honest, &row).await;
    }
}

/// Two rows exchange all but their keys.
async fn moved_rows_are_found(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    swap_is_found(&bench, [secret("aa"), secret("bb")], [&["aa"], &["bb"]]).await;
    let mut other = pseudonym("bb");
    other.original = vec![1];
    swap_is_found(&bench, [pseudonym("aa"), other], [&["t", "aa"], &["t", "bb"]]).await;
    swap_is_found(&bench, [audit_log("a"), audit_log("b")], [&["a"], &["b"]]).await;
    let mut open = field("t", "c", "g");
    open.class = "public".to_owned();
    let keys: [&[&str]; 2] = [&["t", "c", "f"], &["t", "c", "g"]];
    swap_is_found(&bench, [field("t", "c", "f"), open], keys).await;
}

async fn swap_is_found<R: Record>(bench: &Bench<'_>, records: [R; 2], keys: [&[&str]; 2]) {
    let table = R::table();
    bench.insert(&records).await.unwrap();
    let honest = [bench.row(table, keys[0]).await, bench.row(table, keys[1]).await];
    for (here, there) in [(0, 1), (1, 0)] {
        let mut row: RawRow = honest[there].clone();
        let own = honest[here].columns.iter().take(table.key_columns);
        row.columns.iter_mut().zip(own).for_each(|(column, own)| *column = own.clone());
        bench.fixture.edit(table, keys[here], Some(&row));
    }
    for key in keys {
        let named = StoreError::RowRejected { table: table.name, key: key.join("/") };
        assert_eq!(bench.verified::<R>(key).await.err(), Some(named));
    }
}

/// A row that is gone has no MAC to fail; the count betrays it.
async fn a_removed_key_version_is_found(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    let versions = [State::Deactivated, State::Active, State::Active];
    let versions = [1, 2, 3].map(|n| key_version("k", n, versions[n as usize - 1]));
    let key = KeyRecord { primary: 3, ..key_record("k", &versions) };
    bench.insert(&versions).await.unwrap();
    assert_eq!(read_ring(&bench, &key).await.unwrap().versions.len(), 3);
    for number in ["0000000001", "0000000002", "0000000003"] {
        let honest = bench.row(&KEY_VERSIONS, &["t", "k", number]).await;
        bench.fixture.edit(&KEY_VERSIONS, &["t", "k", number], None);
        let missing = RolledBack::RowsMissing { table: KEY_VERSIONS.name, found: 2, known: 3 };
        assert_eq!(read_ring(&bench, &key).await, Err(missing.into()), "without {number}");
        bench.fixture.edit(&KEY_VERSIONS, &["t", "k", number], Some(&honest));
    }
    assert!(read_ring(&bench, &key).await.is_ok());
}

async fn read_ring(bench: &Bench<'_>, key: &KeyRecord) -> Result<Keyring, StoreError> {
    let rows = bench.rows().all::<KeyVersionRecord>(&["t", &key.name]).await?;
    keyring(key, &rows.into_iter().map(|stored| stored.record).collect::<Vec<_>>())
}

/// Rows that nothing else depends on: they need the epoch that they were planned on and leave it.
async fn rows_beside_the_epoch_leave_it_and_hold_against_it(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    let now = bench.epoch().await;
    let add = |epoch, handle: &str| {
        let mut change = Change::new(epoch);
        change.insert(&subject(handle, 202_611), &bench.key).unwrap();
        change
    };
    assert_eq!(bench.beside(add(now, "aa")).await, Ok(()));
    assert_eq!(bench.beside(add(now, "bb")).await, Ok(()));
    assert_eq!(bench.epoch().await, now);
    for (what, change) in
        [("twice", add(now, "aa")), ("later", add(now + 1, "cc")), ("absurd", add(u64::MAX, "cc"))]
    {
        let before = bench.everything().await;
        let answer = bench.beside(change).await;
        assert_eq!(answer, Err(StoreError::Conflict), "{what}");
        assert_eq!(bench.everything().await, before, "{what}");
    }
    let mut inside = Change::new(now);
    inside.insert(&tombstone("aa"), &bench.key).unwrap();
    assert_eq!(bench.beside(inside).await, Err(StoreError::Conflict), "a row of the state root");
    // whoever planned before somebody else's change has to look again
    bench.insert(&[tombstone("cc")]).await.unwrap();
    assert_eq!(bench.beside(add(now, "cc")).await, Err(StoreError::Conflict));
    let mut change = Change::new(now + 1);
    change.update(1, &subject("aa", 202_612), &bench.key).unwrap();
    change.delete::<SubjectRecord>(&["t", "bb"], 1).unwrap();
    assert_eq!(bench.beside(change).await, Ok(()));
    let moved = Stored { record: subject("aa", 202_612), version: 2 };
    assert_eq!(bench.verified::<SubjectRecord>(&["t", "aa"]).await, Ok(moved));
    assert!(get::<SubjectRecord>(bench.store(), &["t", "bb"]).await.unwrap().is_none());
}

async fn rows_in_a_range_are_listed_up_to_a_limit(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    let rows = [("aa", 202_609), ("bb", 202_610), ("cc", 202_611), ("dd", 202_611)];
    bench.insert(&rows.map(|(handle, month)| subject(handle, month))).await.unwrap();
    let found = async |range: std::ops::Range<i64>, limit| {
        let rows = bench.rows();
        let found = rows.within::<SubjectRecord>("month", range, limit).await.unwrap();
        let records = found.into_iter().map(|row| row.unwrap().record);
        let mut handles: Vec<String> = records.map(|record| record.handle).collect();
        handles.sort();
        handles.concat()
    };
    assert_eq!(found(0..202_611, 10).await, "aabb");
    assert_eq!(found(0..202_612, 10).await, "aabbccdd");
    assert_eq!(found(0..202_609, 10).await, "");
    assert_eq!(found(202_610..202_611, 10).await, "bb");
    assert_eq!(found(202_612..202_700, 10).await, "");
    assert_eq!(found(0..202_612, 3).await.len(), 6);
    assert_eq!(found(0..202_612, 0).await, "");
}

const COMMITTERS: u64 = 4;
const COMMITS: u64 = 10;

/// Every committer inserts rows of its own and counts one row up that all share.
async fn committers_at_once_lose_nothing(fixture: &dyn Fixture) {
    let bench = Bench::on(fixture).await;
    let shared = FieldRecord { flags: 0, ..field("t", "shared", "f") };
    bench.insert(&[shared]).await.unwrap();
    let before = bench.epoch().await;
    let bench = &bench;
    std::thread::scope(|scope| {
        for committer in 0..COMMITTERS {
            scope.spawn(move || pollster::block_on(commit_and_count(bench, committer)));
        }
    });
    let total = COMMITTERS * COMMITS;
    assert_eq!(bench.epoch().await, before + total);
    let shared = bench.verified::<FieldRecord>(&["t", "shared", "f"]).await.unwrap();
    assert_eq!(u64::try_from(shared.record.flags), Ok(total));
    assert_eq!(shared.version, total + 1);
    let usage = Usage { messages: total, bytes: 3 * total };
    assert_eq!(bench.store().usage(KeyVersionId([1; 8])).await, Ok(usage));
    assert_eq!(keys_of_fields(bench, &["t", "own"]).await.len() as u64, total);
}

async fn commit_and_count(bench: &Bench<'_>, committer: u64) {
    let added = Usage { messages: 1, bytes: 3 };
    for n in 0..COMMITS {
        while count_up(bench, &format!("{committer}-{n}")).await == Err(StoreError::Conflict) {}
        bench.store().add_usage(KeyVersionId([1; 8]), added).await.unwrap();
    }
}

async fn count_up(bench: &Bench<'_>, own: &str) -> Result<u64, StoreError> {
    let mut change = Change::new(bench.epoch().await);
    let Stored { mut record, version } =
        bench.rows().get::<FieldRecord>(&["t", "shared", "f"]).await?.unwrap();
    record.flags += 1;
    change.update(version, &record, &bench.key)?;
    change.insert(&field("t", "own", own), &bench.key)?;
    let answer = bench.commit(change).await;
    assert!(matches!(answer, Ok(_) | Err(StoreError::Conflict)), "{answer:?}");
    answer
}

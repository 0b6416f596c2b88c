//! The protection ledger: what entries count for, with their details and without.

use crate::support::Counting;
use medseal_core::audit::{
    Access, Details, Entry, Event, Gaps, LogId, Outcome, ProtectionLedger, SubjectAuditKey,
    VersionLedger,
};
use medseal_core::context::{Binding, Scope, Subject, encode_into};
use medseal_core::operation::{Group, Operation, OperationItems, Under};
use medseal_core::secret::SubjectAuditSecret;
use medseal_core::{KeyVersionId, Random};
use std::collections::BTreeSet;
use std::sync::Arc;

const ONE: KeyVersionId = KeyVersionId([1; 8]);
const TWO: KeyVersionId = KeyVersionId([2; 8]);
const DIGEST: [u8; 32] = [9; 32];

fn access(operation: &str) -> Access<'_> {
    Access {
        operation,
        principal: "ada",
        rule: Some("r"),
        outcome: Outcome::Permitted,
        epoch: 3,
        root: None,
        items: 1,
        digest: DIGEST,
        tenant: Some("default"),
        collections: vec!["lab"],
        more_collections: 0,
        keys: vec![],
        key_ids: vec![ONE.0],
        more_keys: 0,
        change: None,
        details: None,
        principal_id: None,
        more_rules: vec![],
        purpose: None,
        on_behalf_of: None,
        alarms: vec![],
        subjects: vec![],
        more_subjects: 0,
        key_items: vec![1],
        target_ids: vec![],
        target_items: vec![],
        request: None,
    }
}

fn entry(access: Access<'_>, time: u64) -> Entry<'_> {
    let (log, event) = (LogId([7; 16]), Event::Operation(access));
    Entry { log, sequence: 5, time, signed: 0, event }
}

fn context(record: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let scope = Scope::new("default", "lab", "value").unwrap();
    encode_into(&scope, None, &Binding::record(record), &mut out).unwrap();
    out
}

fn items(operation: Operation) -> OperationItems {
    OperationItems::new(operation, 1, [4; 32])
}

fn plain(operation: Operation, under: &[Under]) -> Details {
    let mut items = items(operation);
    under.iter().for_each(|under| items.add_value(*under, &context("r"), "c"));
    items.take_details().unwrap()
}

fn jane() -> Arc<SubjectAuditKey> {
    let mut bytes = [0; 32];
    Counting::default().fill(&mut bytes).unwrap();
    Arc::new(SubjectAuditKey::new(&SubjectAuditSecret::from_slice(&bytes).unwrap()))
}

fn of_jane(under: Under) -> Details {
    let scope = Scope::new("default", "lab", "value").unwrap();
    let (mut whole, subject) = (Vec::new(), Subject::new("pat-1").unwrap());
    encode_into(&scope, Some(&subject), &Binding::record("r"), &mut whole).unwrap();
    let mut items = items(Operation::Encrypt);
    items.add_of_subject(under, &whole, &jane(), "c").unwrap();
    items.take_details().unwrap()
}

fn ledger() -> ProtectionLedger {
    ProtectionLedger::new([ONE, TWO], 0)
}

fn finish(ledger: ProtectionLedger) -> [VersionLedger; 2] {
    let mut found = ledger.finish(&BTreeSet::new());
    [found.remove(&ONE).unwrap(), found.remove(&TWO).unwrap()]
}

/// Encrypted, carried in, carried over, remaining, erased.
fn values(ledger: &VersionLedger) -> [u64; 5] {
    let v = &ledger.values;
    [v.encrypted, v.carried_in, v.carried_over, v.remaining, v.erased]
}

#[test]
fn values_of_a_batch_count_for_their_own_version() {
    let mut counted = ledger();
    let (one, two) = (Under::Version(ONE), Under::Version(TWO));
    let elsewhere = Under::Version(KeyVersionId([3; 8]));
    let batch = plain(Operation::Encrypt, &[one, two, one, elsewhere]);
    counted.take(&entry(access("encrypt"), 1), Some(&batch));
    let over = Under::CarriedOver { from: ONE, to: TWO };
    let carried = plain(Operation::Reencrypt, &[over]);
    counted.take(&entry(access("reencrypt"), 2), Some(&carried));
    let [one, two] = finish(counted);
    assert_eq!((values(&one), values(&two)), ([2, 0, 1, 1, 0], [1, 1, 0, 2, 0]));
    assert_eq!((one.records, one.opened.len(), two.opened.len()), (1, 1, 0));
}

#[test]
fn what_is_denied_changes_nothing_and_is_refused() {
    let mut counted = ledger();
    let encrypted = plain(Operation::Encrypt, &[Under::Version(ONE)]);
    for (operation, time) in [("encrypt", 1), ("decrypt", 2), ("verify", 3), ("reencrypt", 4)] {
        let denied = Access { outcome: Outcome::Denied, rule: None, ..access(operation) };
        counted.take(&entry(denied.clone(), time), Some(&encrypted));
        counted.take(&entry(denied, time), None);
    }
    let [one, _] = finish(counted);
    assert_eq!((values(&one), one.opened.len(), one.refused.len()), ([0; 5], 0, 3));
    assert!(one.refused.values().all(|refused| (refused.entries, refused.values) == (2, 2)));
}

#[test]
fn openings_have_a_first_and_a_last_time_and_a_beginning() {
    let read = plain(Operation::Decrypt, &[Under::Version(ONE)]);
    let mut counted = ProtectionLedger::new([ONE], 20);
    for time in [10, 40, 20, 30] {
        counted.take(&entry(access("decrypt"), time), Some(&read));
    }
    let found = counted.finish(&BTreeSet::new());
    let opened: Vec<_> = found[&ONE].opened.values().copied().collect();
    assert_eq!((opened[0].entries, opened[0].values), (3, 3));
    assert_eq!((opened[0].first, opened[0].last), (20, 40));
}

/// The entry of an erasure comes before it: without the certificate nothing was erased.
#[test]
fn an_erasure_counts_when_its_certificate_names_the_entry() {
    let counted = || {
        let mut counted = ledger();
        counted.take(&entry(access("encrypt"), 1), Some(&of_jane(Under::Version(ONE))));
        let mut items = items(Operation::EraseSubject);
        items.add_about_subject("erase a subject; reason: x", &jane(), Group::default());
        let erasure = Access { digest: [8; 32], ..access("erase-subject") };
        let details = items.take_details().unwrap();
        counted.take(&entry(erasure, 2), Some(&details));
        counted
    };
    let [one, _] = finish(counted());
    assert_eq!((values(&one), one.subjects.erased), ([1, 0, 0, 1, 0], 0));
    let other = counted().finish(&BTreeSet::from([DIGEST]));
    assert_eq!(values(&other[&ONE]), [1, 0, 0, 1, 0]);
    let made = counted().finish(&BTreeSet::from([[8; 32]]));
    let one = &made[&ONE];
    assert_eq!((values(one), one.subjects.erased), ([1, 0, 0, 0, 1], 1));
    assert_eq!((one.subjects.touched, one.subjects.remaining), (1, 0));
}

#[test]
fn without_details_the_counts_in_clear_count() {
    let mut counted = ledger();
    let both = vec![ONE.0, TWO.0];
    let batch = Access { items: 5, key_ids: both, key_items: vec![2, 3], ..access("encrypt") };
    counted.take(&entry(batch.clone(), 1), None);
    let (target_ids, target_items) = (vec![TWO.0], vec![1]);
    let carried = Access { target_ids, target_items, ..access("reencrypt") };
    counted.take(&entry(carried, 2), None);
    // from before there were counts: one version is enough to tell
    let old = Access { items: 4, key_items: vec![], ..access("encrypt") };
    counted.take(&entry(old, 3), None);
    assert_eq!(counted.gaps(), Gaps { without_details: 3, ..Gaps::default() });
    let unclear = Access { key_items: vec![], ..batch.clone() };
    counted.take(&entry(unclear, 4), None);
    let several = Access { collections: vec!["a", "lab"], more_keys: 1, ..batch };
    counted.take(&entry(several, 5), None);
    assert_eq!(counted.gaps(), Gaps { without_details: 5, uncounted: 2, untraced: 0 });
    let [one, two] = finish(counted);
    assert_eq!((values(&one), values(&two)), ([8, 0, 1, 7, 0], [6, 1, 0, 7, 0]));
    assert_eq!(one.collections[&None].encrypted, 2, "in no known collection");
    assert_eq!(one.collections[&Some("lab".to_owned())].encrypted, 6);
    assert_eq!((one.subjects.touched, one.records), (0, 0));
}

#[test]
fn a_re_encryption_that_does_not_say_where_to_is_counted_as_such() {
    let mut counted = ledger();
    let old = plain(Operation::Reencrypt, &[Under::Version(ONE)]);
    counted.take(&entry(access("reencrypt"), 1), Some(&old));
    assert_eq!(counted.gaps(), Gaps { untraced: 1, ..Gaps::default() });
    let [one, two] = finish(counted);
    assert_eq!((values(&one), values(&two)), ([0, 0, 1, 0, 0], [0; 5]));
}

#[test]
fn details_are_asked_for_where_they_can_matter() {
    let counted = ProtectionLedger::new([ONE], 0);
    let concerns = |access: Access<'_>| counted.concerns(&entry(access, 1));
    let others = |operation| Access { key_ids: vec![TWO.0], ..access(operation) };
    for operation in ["encrypt", "decrypt", "verify", "reencrypt"] {
        assert!(concerns(access(operation)));
        assert!(!concerns(others(operation)));
        assert!(concerns(Access { more_keys: 1, ..others(operation) }));
    }
    let arrives = Access { target_ids: vec![ONE.0], target_items: vec![1], ..others("reencrypt") };
    assert!(concerns(arrives));
    let unlisted =
        Access { target_ids: vec![TWO.0], target_items: vec![1], items: 2, ..others("reencrypt") };
    assert!(concerns(unlisted));
    assert!(concerns(others("erase-subject")));
    assert!(!concerns(Access { outcome: Outcome::Denied, ..access("erase-subject") }));
    assert!(!concerns(access("change-keys")));
    let boot = Event::Recovery { bytes: 1, digest: DIGEST };
    let boot = Entry { event: boot, ..entry(access("encrypt"), 1) };
    assert!(!counted.concerns(&boot));
}

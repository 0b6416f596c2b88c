//! How far a key reaches: exact for what went through the engine, and said so where it is not.

mod properties;

use crate::subjects::{JANE, JOHN, erase, of};
use crate::support::{DAY, Fixture, bound, code, decrypt, encrypt, fixture, open, scope};
use medseal_engine::fields::{Reencrypted, Target};
use medseal_engine::files::{Description, FileJob, Sink, Source};
use medseal_engine::health::table::{NamePattern, TableProfile, TableRecord};
use medseal_engine::impact::{ImpactRequest, KeyImpact, VersionImpact};
use medseal_engine::subjects::{DisclosureFilter, Ids};
use medseal_engine::tables::{Action, TableForm, TableJob};
use medseal_engine::{Binding, Engine, EngineError, Options, Scope};
use pollster::block_on;
use std::sync::Arc;

pub(super) const REQUEST: ImpactRequest<'_> = ImpactRequest {
    tenant: "default",
    key: "default",
    version: None,
    since: None,
    ids: Ids::Hidden,
};

fn impact(engine: &Engine) -> KeyImpact {
    block_on(engine.key_impact(&REQUEST)).unwrap()
}

/// Encrypted, carried in, carried over, remaining, erased.
pub(super) fn values(version: &VersionImpact) -> [u64; 5] {
    let values = &version.values;
    [values.encrypted, values.carried_in, values.carried_over, values.remaining, values.erased]
}

pub(super) fn reencrypt(engine: &Engine, target: &Target<'_>, envelope: &[u8]) -> Vec<u8> {
    let done = block_on(engine.reencrypt_value(target, envelope)).unwrap();
    let new = match done {
        Reencrypted::New(envelope) => Some(envelope),
        Reencrypted::Current => None,
    };
    new.unwrap()
}

pub(super) fn rotate(engine: &Engine, key: &str) {
    block_on(engine.rotate_key("default", key, None, None)).unwrap();
}

/// Visits of patients; every row has two protected cells.
pub(super) fn table(engine: &Engine, action: Action, input: &[u8]) -> Result<Vec<u8>, EngineError> {
    let record = TableRecord::Column(vec![NamePattern::exact("visit")]);
    let profile = TableProfile::from_columns(&["ssn", "name"], record).unwrap();
    let job = TableJob {
        action,
        profile: Arc::new(profile.with_subject(NamePattern::exact("patient"))),
        collection: "visits".to_owned(),
        tenant: "default".to_owned(),
        migrating: false,
        form: TableForm::default(),
    };
    let (mut out, mut input, mut at) = (Vec::new(), input, |_| {});
    block_on(engine.run_table(&job, &mut input, &mut out, &mut at)).map(|_| out)
}

#[test]
fn a_version_says_what_it_protects_and_who_opened_it() {
    let f = fixture();
    let (name, lab) = (scope("patients", "last_name"), scope("lab", "value"));
    let (jane, john) = (of(&name, JANE), of(&name, JOHN));
    let sealed = encrypt(&f.engine, &jane, "Doe");
    encrypt(&f.engine, &john, "Roe");
    let result = encrypt(&f.engine, &bound(&lab, "r"), "5.4");
    f.clock.advance(DAY);
    decrypt(&f.engine, &jane, &sealed).unwrap();
    rotate(&f.engine, "default");
    reencrypt(&f.engine, &bound(&lab, "r"), &result);
    erase(&f.engine, JOHN).unwrap();
    let found = impact(&f.engine);
    let [first, second] = found.versions.as_slice() else { panic!("two versions") };
    assert_eq!(values(first), [3, 0, 1, 1, 1]);
    assert_eq!(values(second), [0, 1, 0, 1, 0]);
    assert_eq!((first.counted_by_store, second.counted_by_store), (3, 1));
    assert_eq!((first.version.as_str(), first.state), ("default@1", "deactivated"));
    let subjects = &first.subjects;
    assert_eq!((subjects.touched, subjects.remaining, subjects.erased), (2, 1, 1));
    assert_eq!(first.records_without_subject, 1);
    let of_collection = |name: &str| {
        let mut all = first.collections.iter();
        let one = all.find(|one| one.collection.as_deref() == Some(name)).unwrap();
        (one.values.encrypted, one.values.remaining, one.values.erased)
    };
    assert_eq!((of_collection("lab"), of_collection("patients")), ((1, 0, 0), (2, 1, 1)));
    let [opened, carried] = first.opened_by.as_slice() else { panic!("two openings") };
    assert_eq!((opened.operation.as_str(), opened.values, opened.subjects), ("decrypt", 1, 1));
    assert_eq!((opened.first.as_str(), opened.times), ("2026-03-16T00:00:00Z", 1));
    assert_eq!((carried.operation.as_str(), carried.values), ("reencrypt", 1));
    assert!(first.refused.is_empty() && second.opened_by.is_empty());
    // the operation itself stands in the log, and names nobody
    let text = format!("{found:?}{}", serde_json::to_string(&found).unwrap());
    assert!(!text.contains(JANE.id) && !text.contains(JOHN.id));
}

/// A run that was killed is repeated: its values left once, and those it did not reach are there.
#[test]
fn what_is_carried_over_twice_has_left_once() {
    let f = fixture();
    let lab = scope("lab", "value");
    let one = encrypt(&f.engine, &bound(&lab, "1"), "5.4");
    encrypt(&f.engine, &bound(&lab, "2"), "5.5");
    rotate(&f.engine, "default");
    reencrypt(&f.engine, &bound(&lab, "1"), &one);
    reencrypt(&f.engine, &bound(&lab, "1"), &one);
    assert_eq!(values(&impact(&f.engine).versions[0]), [2, 0, 2, 1, 0]);
}

#[test]
fn one_version_and_a_time_can_be_asked_for() {
    let f = fixture();
    let lab = scope("lab", "value");
    let sealed = encrypt(&f.engine, &bound(&lab, "1"), "5.4");
    decrypt(&f.engine, &bound(&lab, "1"), &sealed).unwrap();
    rotate(&f.engine, "default");
    let since = Some(crate::support::START + DAY);
    let later = ImpactRequest { version: Some(1), since, ..REQUEST };
    let found = block_on(f.engine.key_impact(&later)).unwrap();
    assert_eq!(found.versions.len(), 1);
    assert_eq!(values(&found.versions[0]), [1, 0, 0, 1, 0], "what it protects has no beginning");
    assert!(found.versions[0].opened_by.is_empty());
    f.clock.advance(DAY);
    decrypt(&f.engine, &bound(&lab, "1"), &sealed).unwrap();
    let found = block_on(f.engine.key_impact(&later)).unwrap();
    assert_eq!(found.versions[0].opened_by[0].values, 1);
    let missing = ImpactRequest { version: Some(3), ..REQUEST };
    assert_eq!(code(block_on(f.engine.key_impact(&missing))), "KEY_VERSION_NOT_FOUND");
    let nobody = ImpactRequest { key: "other", ..REQUEST };
    assert_eq!(code(block_on(f.engine.key_impact(&nobody))), "KEY_NOT_FOUND");
    let elsewhere = ImpactRequest { tenant: "other", ..REQUEST };
    assert_eq!(code(block_on(f.engine.key_impact(&elsewhere))), "KEY_NOT_FOUND");
}

/// Showing ids is an access to each of these patients, and to no other.
#[test]
fn ids_of_patients_are_shown_as_an_access_to_each() {
    let f = fixture();
    let name = scope("patients", "last_name");
    encrypt(&f.engine, &of(&name, JANE), "Doe");
    rotate(&f.engine, "default");
    encrypt(&f.engine, &of(&name, JOHN), "Roe");
    let shown = ImpactRequest { version: Some(1), ids: Ids::Shown, ..REQUEST };
    let found = block_on(f.engine.key_impact(&shown)).unwrap();
    assert_eq!(found.versions[0].subject_ids.as_ref().unwrap().0, [JANE.id]);
    assert!(!format!("{found:?}").contains(JANE.id), "not by accident");
    let accesses = |who| {
        let found = block_on(f.engine.disclosures(who, &DisclosureFilter::default())).unwrap();
        let notes = found.disclosures.into_iter().filter_map(|one| one.note);
        notes.filter(|note| note.contains("the impact of key default@1")).count()
    };
    assert_eq!((accesses(JANE), accesses(JOHN)), (1, 0));
    erase(&f.engine, JANE).unwrap();
    let found = block_on(f.engine.key_impact(&shown)).unwrap();
    assert_eq!(found.versions[0].subject_ids.as_ref().unwrap().0, [""; 0]);
    assert_eq!(found.versions[0].subjects.erased, 1);
}

#[test]
fn who_may_not_read_the_log_learns_nothing_and_is_named() {
    let f = fixture();
    let name = scope("patients", "last_name");
    let sealed = encrypt(&f.engine, &of(&name, JANE), "Doe");
    let (reader, nobody) = (as_whom(&f, "ada", "auditor"), as_whom(&f, "bob", "encryptor"));
    assert_eq!(decrypt(&nobody, &of(&name, JANE), &sealed), Err("DENIED"));
    assert_eq!(code(block_on(nobody.key_impact(&REQUEST))), "DENIED");
    let shown = ImpactRequest { ids: Ids::Shown, ..REQUEST };
    assert_eq!(code(block_on(reader.key_impact(&shown))), "DENIED", "not ids");
    let found = block_on(reader.key_impact(&REQUEST)).unwrap();
    let [refused] = found.versions[0].refused.as_slice() else { panic!("one refusal") };
    assert_eq!((refused.principal.as_str(), refused.values, refused.subjects), ("bob", 1, 1));
    assert!(found.versions[0].opened_by.is_empty());
}

const POLICY: &str = r#"
policy = 1
name = "ward"
default_purpose = "treatment"

[[rule]]
id = "apps-write"
effect = "allow"
roles = ["encryptor"]
operations = ["encrypt"]

[[rule]]
id = "auditors-read"
effect = "allow"
roles = ["auditor"]
operations = ["read-audit"]
"#;

fn as_whom(f: &Fixture, name: &str, role: &str) -> Engine {
    use medseal_engine::principals::{AccessToken, Kind, NewPrincipal, Occasion};
    block_on(f.engine.set_policy(POLICY)).unwrap();
    let person = NewPrincipal { name, kind: Kind::Person, tenant: None, os_user: None };
    block_on(f.engine.create_principal(&person, None)).unwrap();
    block_on(f.engine.grant_role(name, role)).unwrap();
    let token = block_on(f.engine.create_token(name, 30 * DAY)).unwrap();
    let occasion = Occasion { token: AccessToken::parse(&token.text), ..Occasion::default() };
    let nobody = || Err(EngineError::PassphraseNeeded);
    let clock = Box::new(f.clock.clone());
    block_on(f.home.open_on(nobody, Options::default(), occasion, clock)).unwrap()
}

/// Nothing is counted from a log that does not verify.
#[test]
fn a_log_that_was_changed_is_refused() {
    let f = fixture();
    let lab = scope("lab", "value");
    encrypt(&f.engine, &bound(&lab, "1"), "5.4");
    impact(&f.engine);
    let segment = f.home.audit().join("segments/00000000000000000000.log");
    let mut bytes = std::fs::read(&segment).unwrap();
    let at = bytes.windows(7).position(|w| w == b"encrypt").unwrap();
    bytes[at..at + 7].copy_from_slice(b"decrypt");
    std::fs::write(&segment, bytes).unwrap();
    let engine = open(&f.home, &f.clock, Options::default()).unwrap();
    let refused = code(block_on(engine.key_impact(&REQUEST)));
    assert!(refused.starts_with("AUDIT_"), "{refused}");
}

pub(super) fn encrypt_file(engine: &Engine, scope: &Scope, record: &str) {
    let binding = Binding::record(record);
    let target = Target { scope, binding, subject: Some(JOHN.id), no_record: false };
    let job = FileJob { target, key: None };
    let source = Source::Pipe(Box::new(std::io::Cursor::new(b"recording".to_vec())));
    let sink = Sink::Pipe(Box::new(std::io::sink()));
    let description = Description::default();
    block_on(engine.encrypt_file(&job, &description, source, sink, &mut |_| {})).unwrap();
}

/// Zeros over the details of every operation of this name.
fn erase_details(f: &Fixture, operation: &str) {
    let segment = f.home.audit().join("segments/00000000000000000000.log");
    let mut bytes = std::fs::read(&segment).unwrap();
    let mut at = 0;
    while at < bytes.len() {
        let entry = usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
        let details: [u8; 4] = bytes[at + 2..at + 6].try_into().unwrap();
        let (start, details) = (at + 6 + entry, u32::from_be_bytes(details) as usize);
        let name = operation.as_bytes();
        if bytes[at + 6..start].windows(name.len()).any(|window| window == name) {
            bytes[start..start + details].fill(0);
        }
        at = start + details;
    }
    std::fs::write(&segment, bytes).unwrap();
}

/// Without details the counts of the entries stay, by collection, and it is said what is missing.
#[test]
fn counts_outlive_details() {
    let f = fixture();
    let (name, lab) = (scope("patients", "last_name"), scope("lab", "value"));
    let sealed = encrypt(&f.engine, &of(&name, JANE), "Doe");
    encrypt(&f.engine, &bound(&lab, "1"), "5.4");
    rotate(&f.engine, "default");
    reencrypt(&f.engine, &of(&name, JANE), &sealed);
    erase_details(&f, "encrypt");
    let found = impact(&f.engine);
    assert_eq!(values(&found.versions[0]), [2, 0, 1, 1, 0]);
    assert_eq!(values(&found.versions[1]), [0, 1, 0, 1, 0]);
    assert_eq!((found.entries_without_details, found.entries_uncounted), (3, 0));
    assert_eq!(found.versions[0].subjects.touched, 0, "not known any more");
    assert_eq!(found.versions[0].opened_by[0].values, 1);
    let collections: Vec<_> =
        found.versions[0].collections.iter().map(|one| one.collection.as_deref()).collect();
    assert_eq!(collections, [Some("lab"), Some("patients")]);
}

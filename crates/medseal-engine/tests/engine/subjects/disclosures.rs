//! Who had access to a subject's data: all of it, nobody else's, and nothing once it is erased.

use super::{JANE, JOHN, SubjectName, erase, hold, of};
use crate::support::{Fixture, code, decrypt, encrypt, fixture, scope};
use medseal_core::audit::{DetailsKey, LogId};
use medseal_core::row_mac::primary_key;
use medseal_core::secret::LogSeed;
use medseal_core::stored_secret::Place;
use medseal_engine::fields::Target;
use medseal_engine::health::table::{NamePattern, TableProfile, TableRecord};
use medseal_engine::ledger::check_proof;
use medseal_engine::subjects::{Disclosure, DisclosureFilter, Disclosures};
use medseal_engine::tables::{Action, TableForm, TableJob};
use medseal_engine::{Binding, Home};
use medseal_kms::{KeyFileRoot, RootProvider};
use medseal_store::{AuditLogRecord, RootRecord, SqliteStore, Store};
use pollster::block_on;
use std::fs;
use std::sync::Arc;

fn listed(f: &Fixture, subject: SubjectName<'_>) -> Disclosures {
    block_on(f.engine.disclosures(subject, &DisclosureFilter::default())).unwrap()
}

fn shown(found: &Disclosures) -> Vec<String> {
    let one = |one: &Disclosure| {
        let items = one.items.unwrap_or_default();
        format!("{} {} {} {items}", one.index, one.operation, one.fields.join("+"))
    };
    found.disclosures.iter().map(one).collect()
}

#[test]
fn every_access_is_listed_with_a_proof_and_those_of_others_are_not() {
    let f = fixture();
    let (name, phone) = (scope("patients", "name"), scope("contacts", "phone"));
    let jane = encrypt(&f.engine, &of(&name, JANE), "Doe");
    encrypt(&f.engine, &of(&name, JOHN), "Roe");
    encrypt(&f.engine, &Target { subject: None, ..of(&name, JANE) }, "nobody's");
    encrypt(&f.engine, &of(&phone, JANE), "555");
    decrypt(&f.engine, &of(&name, JANE), &jane).unwrap();
    assert_eq!(
        decrypt(&f.engine, &of(&name, JOHN), &jane),
        Err("REJECTED"),
        "an attempt on John's"
    );
    assert_eq!(hold(&f.engine, JANE, "case-1"), "OK");
    let found = listed(&f, JANE);
    let accesses: Vec<String> =
        shown(&found).iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect();
    let expected = [
        "encrypt name 1",
        "encrypt phone 1",
        "decrypt name 1",
        "hold-subject  0",
        "read-disclosures  0",
    ];
    assert_eq!(accesses, expected);
    assert_eq!(found.disclosures[1].collections, ["contacts"]);
    let keys = f.engine.audit_keys();
    for one in &found.disclosures {
        let checked = check_proof(&one.proof, keys).unwrap();
        assert_eq!((checked.size, checked.entry.index), (found.entries, one.index));
        assert_eq!((checked.entry.time.as_str(), one.outcome.as_str()), (&*one.time, "permitted"));
    }
    assert_eq!(listed(&f, JANE).disclosures.len(), 6, "the list itself is an access");
    assert_eq!(listed(&f, JOHN).disclosures.len(), 3);
    let nobody = SubjectName { tenant: "default", id: "nobody" };
    let filter = DisclosureFilter::default();
    assert_eq!(code(block_on(f.engine.disclosures(nobody, &filter))), "SUBJECT_UNKNOWN");
    f.clock.advance(1000);
    let now = f.engine.now();
    let late = DisclosureFilter { since: Some(now), until: None };
    assert_eq!(block_on(f.engine.disclosures(JANE, &late)).unwrap().disclosures.len(), 1);
    let early = DisclosureFilter { since: None, until: Some(now - 1) };
    assert_eq!(block_on(f.engine.disclosures(JANE, &early)).unwrap().disclosures.len(), 6);
}

fn table_of_many(f: &Fixture, patients: usize) {
    let record = TableRecord::Column(vec![NamePattern::exact("visit")]);
    let profile = TableProfile::from_columns(&["ssn", "name"], record).unwrap();
    let job = TableJob {
        action: Action::Encrypt,
        profile: Arc::new(profile.with_subject(NamePattern::exact("patient"))),
        collection: "visits".to_owned(),
        tenant: "default".to_owned(),
        migrating: false,
        form: TableForm::default(),
    };
    let rows = (0..patients).map(|n| format!("{n},patient-{n},900,x\n"));
    let table = format!("visit,patient,ssn,name\n{}", rows.collect::<String>());
    let mut out = Vec::new();
    block_on(f.engine.run_table(&job, &mut table.as_bytes(), &mut out, &mut |_| {})).unwrap();
}

/// An entry lists 32 subjects; the others are found in its details.
#[test]
fn each_of_many_patients_of_one_table_is_found() {
    let f = fixture();
    table_of_many(&f, 100);
    for n in [0, 31, 32, 50, 99] {
        let id = format!("patient-{n}");
        let found = listed(&f, SubjectName { tenant: "default", id: &id });
        assert_eq!(found.disclosures.len(), 2, "{n}: {:?}", shown(&found));
        let access = &found.disclosures[0];
        assert_eq!((access.operation.as_str(), access.items), ("encrypt", Some(2)));
        assert_eq!(access.fields, ["name", "ssn"]);
    }
    encrypt(&f.engine, &of(&scope("a", "b"), JANE), "not in the table");
    assert_eq!(listed(&f, JANE).disclosures.len(), 2);
}

#[test]
fn a_log_that_was_tampered_with_lists_nothing() {
    let f = fixture();
    encrypt(&f.engine, &of(&scope("a", "b"), JANE), "Doe");
    listed(&f, JANE);
    let path = f.home.audit().join("segments/00000000000000000000.log");
    let flip = || {
        let mut bytes = fs::read(&path).unwrap();
        bytes[100] ^= 1;
        fs::write(&path, bytes).unwrap();
    };
    flip();
    let found = code(block_on(f.engine.disclosures(JANE, &DisclosureFilter::default())));
    assert!(["AUDIT_ENTRY_REJECTED", "AUDIT_ROOT_REJECTED", "AUDIT_UNAVAILABLE"].contains(&found));
    flip();
    assert_eq!(listed(&f, JANE).disclosures.len(), 4);
}

#[test]
fn what_is_handed_on_names_the_patient_by_a_handle() {
    let f = fixture();
    let jane = encrypt(&f.engine, &of(&scope("patients", "=name"), JANE), "Doe");
    decrypt(&f.engine, &of(&scope("patients", "=name"), JANE), &jane).unwrap();
    let found = listed(&f, JANE);
    let csv = found.to_csv();
    let lines: Vec<&str> = csv.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 4);
    assert!(
        lines[2].contains(",os-user:")
            && lines[2].contains(",decrypt,permitted,operations,patients,'=name,1,")
    );
    let fhir = found.to_fhir();
    assert_eq!(fhir.lines().count(), 3);
    assert!(fhir.contains("IHE.BasicAudit.PatientRead") && fhir.contains(&found.subject));
    for text in [csv, fhir, format!("{found:?}")] {
        assert!(!text.contains(JANE.id));
    }
}

/// Everything that the log says, opened with its own key, as whoever has the root can.
fn opened_log(home: &Home) -> Vec<u8> {
    let store = SqliteStore::open(&home.path().join("store.sqlite")).unwrap();
    let root = KeyFileRoot::open(&home.root_file()).unwrap();
    let store_id = block_on(store.state()).unwrap().store_id;
    let pk = primary_key(&["root"]);
    let (store_of, version) = (&store_id, 1);
    let place = Place { store: store_of, table: "root", primary_key: &pk, version, purpose: "kwk" };
    let row = block_on(medseal_store::get::<RootRecord>(&store, &["root"])).unwrap().unwrap();
    let kwk = block_on(root.unwrap(&place, &row.unauthenticated().wrapped_kwk)).unwrap();
    let row = block_on(medseal_store::get::<AuditLogRecord>(&store, &["local"])).unwrap().unwrap();
    let pk = primary_key(&["local"]);
    let (table, purpose) = ("audit_logs", "audit-log");
    let place = Place { store: store_of, table, primary_key: &pk, version, purpose };
    let seed = kwk.wrap_key(1).unwrap(&place, &row.unauthenticated().seed).unwrap();
    let log = LogId::parse(&row.unauthenticated().log_id).unwrap();
    let key = DetailsKey::new(log, &LogSeed::from_slice(&seed).unwrap());
    let segment = fs::read(home.audit().join("segments/00000000000000000000.log")).unwrap();
    let (mut opened, mut rest, mut index) = (Vec::new(), &segment[..], 0);
    while !rest.is_empty() {
        let entry = usize::from(u16::from_be_bytes(rest[..2].try_into().unwrap()));
        let details = u32::from_be_bytes(rest[2..6].try_into().unwrap()) as usize;
        let (frame, behind) = rest.split_at(6 + entry + details);
        opened.extend_from_slice(&frame[..6 + entry]);
        let (bytes, sealed) = frame[6..].split_at(entry);
        let read = medseal_core::audit::Entry::decode(bytes, index).unwrap();
        if let medseal_core::audit::Event::Operation(access) = &read.event {
            let root = access.details.unwrap().items_root;
            let details = key.open(sealed, &root).unwrap();
            details.items().for_each(|item| opened.extend_from_slice(item.context));
        }
        (rest, index) = (behind, index + 1);
    }
    opened
}

/// The promise of the pseudonyms: with the root, the store and the log in hand, nothing says whose
/// entries they are once the subject is erased; of others everything is found as before.
#[test]
fn after_an_erasure_nothing_leads_from_the_log_to_the_subject() {
    let f = fixture();
    let scope = scope("patients", "name");
    let record = Binding::record("record-of-jane");
    let jane = Target { binding: record, ..of(&scope, JANE) };
    let envelope = encrypt(&f.engine, &jane, "Doe");
    decrypt(&f.engine, &jane, &envelope).unwrap();
    encrypt(&f.engine, &of(&scope, JOHN), "Roe");
    let handle = block_on(f.engine.show_subject(JANE)).unwrap().handle;
    erase(&f.engine, JANE).unwrap();
    let filter = DisclosureFilter::default();
    assert_eq!(code(block_on(f.engine.disclosures(JANE, &filter))), "SUBJECT_ERASED");
    assert_eq!(listed(&f, JOHN).disclosures.len(), 2);
    let log = opened_log(&f.home);
    let holds = |needle: &[u8]| log.windows(needle.len()).any(|window| window == needle);
    assert!(holds(b"patients") && holds(b"request of 2026"), "the log was opened");
    for needle in [JANE.id, "record-of-jane", "jane", handle.as_str(), JOHN.id] {
        assert!(!holds(needle.as_bytes()), "{needle}");
    }
    let raw = medseal_core::SubjectHandle::from_hex(&handle).unwrap();
    assert!(!holds(&raw.0));
}

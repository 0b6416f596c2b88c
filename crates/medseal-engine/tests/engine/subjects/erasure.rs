//! Erasing: at once in every process, for good once the month keys are gone, and nobody else.

use super::{JANE, JOHN, SubjectName, decrypt_files, encrypt_files, erase, hold, of, release};
use crate::support::{DAY, Fixture, code, decrypt, encrypt, fixture, open, scope};
use medseal_core::SubjectHandle;
use medseal_core::audit::LogKeys;
use medseal_core::row_mac::primary_key;
use medseal_core::stored_secret::{Month, Place};
use medseal_engine::health::Profile;
use medseal_engine::ledger::{VerifyRequest, verify_log};
use medseal_engine::records::{Action, Job};
use medseal_engine::subjects::{SubjectState, VerifyCertificate, verify_certificate};
use medseal_engine::{Home, Options, Value};
use medseal_kms::{EpochKeyDirectory, EpochKeys, KeyFileRoot, RootProvider};
use medseal_store::{RootRecord, SqliteStore, Store, SubjectRecord};
use pollster::block_on;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

/// Past the month of every key that `init`, which runs on the real clock, has made.
pub(super) fn in_later_years() -> Fixture {
    let mut f = fixture();
    f.clock.advance(20 * 365 * DAY);
    f.engine = open(&f.home, &f.clock, Options::default()).unwrap();
    f
}

fn report(f: &Fixture, certificate: &str) -> medseal_engine::subjects::CertificateReport {
    f.engine.verify_own_certificate(certificate, Some(JANE)).unwrap()
}

#[test]
fn an_erased_subject_opens_in_no_process_and_others_do() {
    let f = fixture();
    let scope = scope("patients", "last_name");
    let other_process = open(&f.home, &f.clock, Options::default()).unwrap();
    let jane = encrypt(&f.engine, &of(&scope, JANE), "Doe");
    let john = encrypt(&f.engine, &of(&scope, JOHN), "Roe");
    let files = encrypt_files(&f, of(&scope, JANE));
    assert_eq!(decrypt(&other_process, &of(&scope, JANE), &jane).as_deref(), Ok("Doe"));
    let certificate = erase(&f.engine, JANE).unwrap();
    let fresh = open(&f.home, &f.clock, Options::default()).unwrap();
    for engine in [&other_process, &f.engine, &fresh] {
        assert_eq!(decrypt(engine, &of(&scope, JANE), &jane), Err("SUBJECT_ERASED"));
        assert_eq!(decrypt(engine, &of(&scope, JOHN), &john).as_deref(), Ok("Roe"));
        let erased = [Err("SUBJECT_ERASED"), Err("SUBJECT_ERASED")];
        assert_eq!(decrypt_files(engine, of(&scope, JANE), &files), erased);
        let again = block_on(engine.encrypt_value(&of(&scope, JANE), None, &Value::string("x")));
        assert_eq!(code(again), "SUBJECT_ERASED", "the id never comes back");
        assert_eq!(erase(engine, JANE), Err("SUBJECT_ERASED"));
        assert_eq!(hold(engine, JANE, "late"), "SUBJECT_ERASED");
        assert_eq!(block_on(engine.erasure_certificate(JANE)).unwrap(), certificate);
        assert_eq!(block_on(engine.show_subject(JANE)).unwrap().state, SubjectState::Erased);
    }
    assert_eq!(code(block_on(f.engine.erasure_certificate(JOHN))), "SUBJECT_NOT_ERASED");
    let nobody = SubjectName { tenant: "default", id: "nobody" };
    assert_eq!(code(block_on(f.engine.erasure_certificate(nobody))), "SUBJECT_UNKNOWN");
    assert_eq!(erase(&f.engine, nobody), Err("SUBJECT_UNKNOWN"));
    assert_eq!(erase(&f.engine, SubjectName { tenant: "other", ..JANE }), Err("SUBJECT_UNKNOWN"));
    let checks = block_on(f.engine.examine(&f.home));
    assert!(checks.iter().all(|check| check.state != medseal_engine::doctor::CheckState::Failed));
}

#[test]
fn a_certificate_verifies_far_from_the_home_and_points_into_its_log() {
    let f = in_later_years();
    let scope = scope("patients", "last_name");
    encrypt(&f.engine, &of(&scope, JANE), "Doe");
    let certificate = erase(&f.engine, JANE).unwrap();
    let keys = LogKeys::from_vkeys(&f.engine.audit_keys().to_vkeys()).unwrap();
    let now = f.engine.now();
    let request = VerifyCertificate { certificate: &certificate, keys: &keys, now };
    let found = verify_certificate(&request).unwrap();
    assert_eq!((found.tenant.as_str(), found.pseudonyms), ("default", 0));
    // 2046-03-10; the key of March dies when July begins
    assert_eq!(found.live, "2046-03-10T00:00:00Z");
    assert_eq!(found.complete.as_deref(), Some("2046-07-01T00:00:00Z"));
    assert!(!found.is_complete && found.is_of_subject.is_none());
    assert!(SubjectHandle::from_hex(&found.subject).is_some());
    let later = VerifyCertificate { now: now + 113 * DAY, ..request };
    assert!(verify_certificate(&later).unwrap().is_complete);
    let almost = VerifyCertificate { now: now + 113 * DAY - 1, ..request };
    assert!(!verify_certificate(&almost).unwrap().is_complete);
    assert_eq!(report(&f, &certificate).is_of_subject, Some(true));
    let other = f.engine.verify_own_certificate(&certificate, Some(JOHN)).unwrap();
    assert_eq!(other.is_of_subject, Some(false));
    let foreign = fixture().engine.audit_keys().clone();
    let request = VerifyCertificate { keys: &foreign, ..request };
    assert_eq!(code(verify_certificate(&request)), "CERTIFICATE_REJECTED");
    // the entry stands in the log, with the digest that the certificate names
    let bytes = fs::read(f.home.audit().join("segments/00000000000000000000.log")).unwrap();
    let digest: Vec<u8> = (0..32)
        .map(|at| u8::from_str_radix(&found.entry[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    assert!(bytes.windows(32).any(|window| window == digest));
    assert!(bytes.windows(32).any(|window| window == found.certificate.as_bytes()));
}

#[test]
fn reasons_are_asked_for_and_do_not_name_the_subject() {
    let f = fixture();
    let scope = scope("patients", "last_name");
    encrypt(&f.engine, &of(&scope, JANE), "Doe");
    let long = "x".repeat(1025);
    for reason in ["", "a\nb", &long, "by wish of pat-1-jane", "\u{1b}[0m"] {
        assert_eq!(code(block_on(f.engine.erase_subject(JANE, reason))), "REASON_INVALID");
    }
    let short = SubjectName { tenant: "default", id: "17" };
    encrypt(&f.engine, &of(&scope, short), "Doe");
    assert!(block_on(f.engine.erase_subject(short, "request of the 17th")).is_ok());
}

#[test]
fn a_hold_stands_against_erasing_until_the_last_is_released() {
    let f = fixture();
    let scope = scope("patients", "last_name");
    let envelope = encrypt(&f.engine, &of(&scope, JANE), "Doe");
    assert_eq!(hold(&f.engine, JANE, "case-1"), "OK");
    assert_eq!(hold(&f.engine, JANE, "case-1"), "SUBJECT_HOLD");
    assert_eq!(hold(&f.engine, JANE, "case-2"), "OK");
    assert_eq!(hold(&f.engine, JANE, "Case 3"), "NAME_INVALID");
    assert_eq!(erase(&f.engine, JANE), Err("SUBJECT_HELD"));
    assert_eq!(release(&f.engine, JANE, "case-3"), "SUBJECT_HOLD");
    assert_eq!(release(&f.engine, JANE, "case-1"), "OK");
    assert_eq!(erase(&f.engine, JANE), Err("SUBJECT_HELD"));
    assert_eq!(decrypt(&f.engine, &of(&scope, JANE), &envelope).as_deref(), Ok("Doe"));
    let error = block_on(f.engine.erase_subject(JANE, "request")).unwrap_err().to_string();
    assert!(error.contains("case-2") && !error.contains("pat-1"), "{error}");
    let nobody = SubjectName { tenant: "default", id: "nobody" };
    assert_eq!(hold(&f.engine, nobody, "case-1"), "SUBJECT_UNKNOWN");
    assert_eq!(release(&f.engine, JANE, "case-2"), "OK");
    assert!(erase(&f.engine, JANE).is_ok());
    let operations = crate::support::operations(&f.home);
    let count = |name: &str| operations.iter().filter(|operation| *operation == name).count();
    assert_eq!((count("hold-subject"), count("erase-subject")), (4, 1), "{operations:?}");
    assert!(verify(&f).is_ok());
}

fn verify(f: &Fixture) -> Result<medseal_engine::ledger::AuditReport, medseal_engine::EngineError> {
    let (directory, keys) = (f.home.audit(), f.engine.audit_keys());
    verify_log(&VerifyRequest { directory: &directory, keys, kept: &[] })
}

#[test]
fn nothing_is_erased_when_it_cannot_be_recorded() {
    let f = fixture();
    let scope = scope("patients", "last_name");
    let envelope = encrypt(&f.engine, &of(&scope, JANE), "Doe");
    let segments = f.home.audit().join("segments");
    fs::rename(&segments, segments.with_extension("away")).unwrap();
    assert_eq!(erase(&f.engine, JANE), Err("AUDIT_UNAVAILABLE"));
    assert_eq!(hold(&f.engine, JANE, "case-1"), "AUDIT_UNAVAILABLE");
    fs::rename(segments.with_extension("away"), &segments).unwrap();
    assert_eq!(decrypt(&f.engine, &of(&scope, JANE), &envelope).as_deref(), Ok("Doe"));
}

/// The ids of FHIR resources give way to pseudonyms, whose way back goes with the subject.
#[test]
fn the_way_back_from_the_subjects_pseudonym_goes_too() {
    let f = fixture();
    let scope = scope("patients", "last_name");
    encrypt(&f.engine, &of(&scope, JANE), "Doe");
    encrypt(&f.engine, &of(&scope, JOHN), "Roe");
    let profile = Arc::new(Profile::builtin("fhir-r4").unwrap());
    let run = |action, document: &[u8]| {
        let job = Job::new(action, Arc::clone(&profile), "default");
        let mut out = Vec::new();
        let mut input = document;
        let done = block_on(f.engine.run_records(&job, &mut input, &mut out, &mut |_| {}));
        done.map(|_| out).map_err(|error| error.code())
    };
    let document = |id: &str| format!("{{\"resourceType\":\"Patient\",\"id\":\"{id}\"}}");
    let sealed = [JANE, JOHN].map(|one| run(Action::Encrypt, document(one.id).as_bytes()).unwrap());
    let certificate = erase(&f.engine, JANE).unwrap();
    assert_eq!(report(&f, &certificate).pseudonyms, 1);
    assert_eq!(run(Action::Decrypt, &sealed[0]), Err("PSEUDONYM_UNKNOWN"));
    assert_eq!(run(Action::Decrypt, &sealed[1]).unwrap(), document(JOHN.id).as_bytes());
}

fn edit(f: &Fixture, sql: &str) {
    let database = rusqlite::Connection::open(f.home.path().join("store.sqlite")).unwrap();
    database.execute_batch(sql).unwrap();
}

/// Whoever owns the database cannot end a hold, bring an erased id back, or bring its secrets back.
#[test]
fn a_deleted_hold_or_tombstone_and_a_row_put_back_are_refused() {
    let f = fixture();
    let scope = scope("patients", "last_name");
    let envelope = encrypt(&f.engine, &of(&scope, JANE), "Doe");
    encrypt(&f.engine, &of(&scope, JOHN), "Roe");
    assert_eq!(hold(&f.engine, JOHN, "case-1"), "OK");
    edit(&f, "CREATE TABLE kept AS SELECT * FROM subjects");
    edit(&f, "CREATE TABLE held AS SELECT * FROM subject_holds; DELETE FROM subject_holds");
    let fresh = open(&f.home, &f.clock, Options::default()).unwrap();
    assert_eq!(erase(&fresh, JOHN), Err("STORE_ROLLED_BACK"));
    edit(&f, "INSERT INTO subject_holds SELECT * FROM held");
    assert_eq!(erase(&fresh, JOHN), Err("SUBJECT_HELD"));
    assert!(erase(&f.engine, JANE).is_ok());
    edit(&f, "DELETE FROM subjects; INSERT INTO subjects SELECT * FROM kept");
    let fresh = open(&f.home, &f.clock, Options::default()).unwrap();
    assert_eq!(decrypt(&fresh, &of(&scope, JANE), &envelope), Err("SUBJECT_ERASED"));
    assert_eq!(erase(&fresh, JANE), Err("SUBJECT_ERASED"));
    assert_eq!(block_on(fresh.show_subject(JANE)).unwrap().state, SubjectState::Erased);
    edit(&f, "DELETE FROM subject_tombstones");
    for engine in [&fresh, &open(&f.home, &f.clock, Options::default()).unwrap()] {
        assert_eq!(decrypt(engine, &of(&scope, JANE), &envelope), Err("STORE_ROLLED_BACK"));
    }
}

/// Copies all of a home but `epochs/`, as a backup does.
fn back_up(home: &Home, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(home.path()).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match entry.file_name().to_str() {
            Some("epochs") => {}
            _ if from.is_dir() => copy_directory(&from, &to),
            _ => assert!(fs::copy(&from, &to).is_ok()),
        }
    }
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() { copy_directory(&from, &to) } else { assert!(fs::copy(from, to).is_ok()) }
    }
}

/// How many subjects' secrets open to somebody who has a backup, its root and the month keys that
/// are there now. Whoever has the root needs no program of ours, so no row is asked for its MAC.
fn opened_from(backup: &Path, epochs: &Path) -> usize {
    let store = SqliteStore::open(&backup.join("store.sqlite")).unwrap();
    let root = KeyFileRoot::open(&backup.join("root.key")).unwrap();
    let store_id = block_on(store.state()).unwrap().store_id;
    let pk = primary_key(&["root"]);
    let found = block_on(medseal_store::get::<RootRecord>(&store, &["root"])).unwrap().unwrap();
    let wrapped = &found.unauthenticated().wrapped_kwk;
    let (store, table, version, purpose) = (&store_id, "root", 1, "kwk");
    let place = Place { store, table, primary_key: &pk, version, purpose };
    let kwk = block_on(root.unwrap(&place, wrapped)).unwrap();
    let keys = EpochKeyDirectory::new(epochs);
    let months = block_on(keys.months()).unwrap();
    let wraps: Vec<_> = std::iter::once(kwk.wrap_key(1))
        .chain(months.into_iter().map(|month: Month| {
            kwk.wrap_key_for_month(1, month, &block_on(keys.get(month)).unwrap())
        }))
        .collect();
    let store = SqliteStore::open(&backup.join("store.sqlite")).unwrap();
    let rows = block_on(medseal_store::all::<SubjectRecord>(&store, &[])).unwrap();
    let opens = |row: &SubjectRecord, version| {
        let pk = primary_key(&[&row.tenant, &row.handle]);
        let (store, table, purpose) = (&store_id, "subjects", "subject");
        let place = Place { store, table, primary_key: &pk, version, purpose };
        wraps.iter().any(|wrap| wrap.unwrap(&place, &row.secret).is_ok())
    };
    rows.iter().filter(|row| (1..32).any(|version| opens(row.unauthenticated(), version))).count()
}

/// A second copy of a backup, with the month keys that are there now.
fn restored(f: &Fixture, backup: &Path) -> Home {
    let scratch = f.home.path().with_extension("restored");
    let _ = fs::remove_dir_all(&scratch);
    copy_directory(backup, &scratch);
    copy_directory(&f.home.path().join("epochs"), &scratch.join("epochs"));
    fs::set_permissions(scratch.join("epochs"), fs::Permissions::from_mode(0o700)).unwrap();
    Home::at(scratch)
}

/// The heart of it: a whole copy from before the erasure, with the root, opens nothing of the
/// subject as soon as the certificate says so, and opens it until then.
#[test]
fn after_the_second_date_a_copy_from_before_opens_nothing_of_the_subject() {
    let f = in_later_years();
    let scope = scope("patients", "last_name");
    let jane = encrypt(&f.engine, &of(&scope, JANE), "Doe");
    let john = encrypt(&f.engine, &of(&scope, JOHN), "Roe");
    let backup = f.home.path().with_extension("backup");
    back_up(&f.home, &backup);
    let certificate = erase(&f.engine, JANE).unwrap();
    let epochs = f.home.path().join("epochs");
    let mut now = 0;
    let mut advance_to = |seconds: i64| {
        f.clock.advance(seconds - now);
        now = seconds;
        let engine = open(&f.home, &f.clock, Options::default()).unwrap();
        assert_eq!(decrypt(&engine, &of(&scope, JANE), &jane), Err("SUBJECT_ERASED"));
        assert_eq!(decrypt(&engine, &of(&scope, JOHN), &john).as_deref(), Ok("Roe"));
    };
    // month by month, up to the last second before the date
    for seconds in [0, 30 * DAY, 61 * DAY, 91 * DAY, 113 * DAY - 1] {
        advance_to(seconds);
        assert!(!report(&f, &certificate).is_complete, "the certificate says so");
        assert_eq!(opened_from(&backup, &epochs), 2, "the copy opens");
        let restored = open(&restored(&f, &backup), &f.clock, Options::default()).unwrap();
        assert_eq!(decrypt(&restored, &of(&scope, JANE), &jane).as_deref(), Ok("Doe"));
    }
    advance_to(113 * DAY);
    assert!(report(&f, &certificate).is_complete);
    assert_eq!(opened_from(&backup, &epochs), 0);
    match open(&restored(&f, &backup), &f.clock, Options::default()) {
        Ok(engine) => {
            assert_eq!(decrypt(&engine, &of(&scope, JANE), &jane), Err("EPOCH_KEY_MISSING"));
        }
        Err(error) => assert_eq!(error.code(), "EPOCH_KEY_MISSING"),
    }
    let john_only = 1;
    assert_eq!(opened_from(f.home.path(), &epochs), john_only, "the live store");
}

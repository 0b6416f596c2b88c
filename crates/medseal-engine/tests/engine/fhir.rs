//! FHIR resources: every placement, pseudonyms and their rows, made ids.

use crate::support::{Fixture, fixture, lose_log, operations};
use medseal_engine::EngineError;
use medseal_engine::health::{Profile, fhir};
use medseal_engine::records::{Action, Job, Report, coverage, scan_for_plaintext};
use pollster::block_on;
use std::sync::Arc;

const PATIENT: &str = "{\"resourceType\":\"Patient\", \"id\":\"mrn-77\",\r\n \
    \"text\":{\"status\":\"generated\",\"div\":\"<div xmlns=\\\"http://www.w3.org/1999/xhtml\\\">Jane Doe</div>\"},\
    \"name\":[{\"family\":\"Doe\",\"given\":[\"Jane\",null],\"_given\":[null,{\"id\":\"x\"}]}],\
    \"birthDate\" : \"1974-12-25\", \"_birthDate\":{\"extension\":[{\"url\":\"u\",\"valueDateTime\":\"1974-12-25T14:35:45Z\"}]},\
    \"deceasedDateTime\":\"2020-01-02\",\"multipleBirthInteger\":2,\
    \"photo\":[{\"contentType\":\"image/png\",\"data\":\"SmFuZSBEb2U=\"}]}\n";

fn job(action: Action) -> Job {
    Job::new(action, Arc::new(Profile::builtin("fhir-r4").unwrap()), "default")
}

fn run(f: &Fixture, job: &Job, input: &str) -> (String, Result<Report, EngineError>) {
    let mut out = Vec::new();
    let mut source = input.as_bytes();
    let mut progress = |_| ();
    let report = block_on(f.engine.run_records(job, &mut source, &mut out, &mut progress));
    (String::from_utf8(out).unwrap(), report)
}

fn ok(f: &Fixture, action: Action, input: &str) -> String {
    let (out, report) = run(f, &job(action), input);
    report.unwrap();
    out
}

/// The code, when nothing at all was handed out.
fn refused(f: &Fixture, action: Action, input: &str) -> &'static str {
    let (out, report) = run(f, &job(action), input);
    assert_eq!(out, "");
    report.unwrap_err().code()
}

/// The id of the first resource.
fn id(document: &str) -> &str {
    document.split("\"id\":\"").nth(1).unwrap().split('"').next().unwrap()
}

#[test]
fn a_patient_comes_back_byte_for_byte_and_nothing_shows() {
    let f = fixture();
    let encrypted = ok(&f, Action::Encrypt, PATIENT);
    for gone in
        ["\"Doe\"", "Jane Doe", "\"Jane\"", "1974-12-25", "2020-01-02", "SmFuZSBEb2U=", "mrn-77"]
    {
        assert!(!encrypted.contains(gone), "{gone}: {encrypted}");
    }
    assert!(encrypted.contains("\"multipleBirthInteger\":2") && fhir::is_pseudonym(id(&encrypted)));
    serde_json::from_str::<serde_json::Value>(&encrypted).unwrap();
    assert_eq!(ok(&f, Action::Decrypt, &encrypted), PATIENT);
    let fields = block_on(f.engine.list_fields("default")).unwrap();
    let placements: Vec<_> = fields.iter().map(|f| (&*f.field, &*f.placement, &*f.class)).collect();
    assert_eq!(
        placements,
        [
            ("birthDate", "masked", "demographic"),
            ("deceasedDateTime", "masked", "demographic"),
            ("name[*]._given[*].id", "inline", "text"),
            ("name[*].family", "inline", "name"),
            ("name[*].given[*]", "inline", "name"),
            ("photo[*].data", "attachment", "attachment"),
            ("text.div", "narrative", "narrative"),
        ]
    );
}

#[test]
fn another_formatting_of_the_encrypted_document_opens_to_the_same_data() {
    let f = fixture();
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let encrypted = ok(&f, Action::Encrypt, PATIENT);
    let pretty = serde_json::to_string_pretty(&value(&encrypted)).unwrap();
    assert_eq!(value(&ok(&f, Action::Decrypt, &pretty)), value(PATIENT));
}

#[test]
fn ids_are_the_same_in_every_document_of_a_home_and_no_other() {
    let f = fixture();
    let observation = r#"{"resourceType":"Observation","id":"o","subject":{"reference":"http://h/Patient/mrn-77"}}"#;
    let patient = ok(&f, Action::Encrypt, PATIENT);
    let sealed = ok(&f, Action::Encrypt, observation);
    assert_eq!(sealed, observation.replace("mrn-77", id(&patient)));
    assert_eq!(ok(&f, Action::Decrypt, &sealed), observation);
    let other = fixture();
    assert_ne!(id(&ok(&other, Action::Encrypt, PATIENT)), id(&patient));
    assert_eq!(refused(&other, Action::Decrypt, &sealed), "PSEUDONYM_UNKNOWN");
}

#[test]
fn values_of_two_patients_cannot_be_exchanged() {
    let f = fixture();
    let two = PATIENT.replace("mrn-77", "mrn-78");
    let (one, two) = (ok(&f, Action::Encrypt, PATIENT), ok(&f, Action::Encrypt, &two));
    let member = |text: &str, name: &str| {
        let start = text.find(&format!("\"{name}\"")).unwrap();
        let rest = &text[start..];
        rest[..rest.find(['}', ',']).unwrap()].to_owned()
    };
    for name in ["family", "div", "data", "_deceasedDateTime"] {
        let (own, other) = (member(&one, name), member(&two, name));
        let swapped = if name == "_deceasedDateTime" {
            let masked = |t: &str| {
                t[t.find("\"_deceasedDateTime").unwrap()..t.find(",\"multiple").unwrap()].to_owned()
            };
            one.replace(&masked(&one), &masked(&two))
        } else {
            one.replace(&own, &other)
        };
        assert_ne!(swapped, one, "{name}");
        assert_eq!(refused(&f, Action::Decrypt, &swapped), "REJECTED", "{name}");
    }
    // nor does a whole patient open under another's id
    assert_eq!(refused(&f, Action::Decrypt, &one.replace(id(&one), id(&two))), "REJECTED");
}

#[test]
fn reencryption_moves_every_placement_once() {
    let f = fixture();
    let old = ok(&f, Action::Encrypt, PATIENT);
    assert_eq!(ok(&f, Action::Reencrypt, &old), old);
    block_on(f.engine.rotate_key("default", "default", None, None)).unwrap();
    let (new, report) = run(&f, &job(Action::Reencrypt), &old);
    let report = report.unwrap();
    assert_eq!((report.values, report.unchanged), (7, 1));
    assert_eq!(id(&new), id(&old));
    assert_eq!(ok(&f, Action::Reencrypt, &new), new);
    assert_eq!(ok(&f, Action::Decrypt, &new), PATIENT);
}

#[test]
fn what_is_in_its_target_form_is_refused_unless_migrating() {
    let f = fixture();
    let encrypted = ok(&f, Action::Encrypt, PATIENT);
    assert_eq!(refused(&f, Action::Encrypt, &encrypted), "ALREADY_ENCRYPTED");
    assert_eq!(refused(&f, Action::Decrypt, PATIENT), "PLAINTEXT_WHERE_PROTECTED");
    let one = r#"{"resourceType":"Patient","id":"1","photo":[{"data":"RG9l"}]}"#;
    let plain_in_it = ok(&f, Action::Encrypt, one).replace("}]", "},{\"size\":3}]");
    assert_eq!(refused(&f, Action::Decrypt, &plain_in_it), "PLAINTEXT_WHERE_PROTECTED");
    let migrating = |action| Job { migrating: true, ..job(action) };
    let (same, report) = run(&f, &migrating(Action::Encrypt), &encrypted);
    assert_eq!((same.as_str(), report.unwrap().unchanged), (encrypted.as_str(), 8));
    let (same, _) = run(&f, &migrating(Action::Decrypt), PATIENT);
    assert_eq!(same, PATIENT);
    let (both, _) = run(&f, &migrating(Action::Encrypt), &plain_in_it);
    assert_eq!(ok(&f, Action::Decrypt, &both), one.replace("}]", "},{\"size\":3}]"));
}

#[test]
fn a_made_id_binds_a_record_and_goes_again() {
    let f = fixture();
    let nameless = r#"{ "resourceType":"Patient","name":[{"text":"Doe"}]}"#;
    let (one, two) = (ok(&f, Action::Encrypt, nameless), ok(&f, Action::Encrypt, nameless));
    assert!(one.contains(fhir::RECORD_URL));
    assert_eq!(ok(&f, Action::Decrypt, &one), nameless);
    let name = |text: &str| text[text.find("\"name\"").unwrap()..].to_owned();
    assert_eq!(refused(&f, Action::Decrypt, &one.replace(&name(&one), &name(&two))), "REJECTED");
    assert_eq!(refused(&f, Action::Encrypt, &one), "ALREADY_ENCRYPTED");
    let without =
        format!("{{{}", name(&one)).replace("{\"name", "{\"resourceType\":\"Patient\",\"name");
    assert_eq!(refused(&f, Action::Decrypt, &without), "REJECTED");
    assert_eq!(ok(&f, Action::Reencrypt, &one), one);
    // an id that a server gives it does not hide the made one
    let stored = one.replace("\"resourceType\"", "\"id\":\"9\",\"resourceType\"");
    assert_eq!(
        run(&f, &Job { migrating: true, ..job(Action::Decrypt) }, &stored).0,
        nameless.replace("\"resourceType\"", "\"id\":\"9\",\"resourceType\"")
    );
}

#[test]
fn an_edited_or_lost_row_opens_nothing() {
    let f = fixture();
    let sealed = ok(&f, Action::Encrypt, PATIENT);
    let other = ok(&f, Action::Encrypt, &PATIENT.replace("mrn-77", "mrn-78"));
    let store = rusqlite::Connection::open(f.home.path().join("store.sqlite")).unwrap();
    let (one, two) = (id(&sealed), id(&other));
    let swap = "UPDATE pseudonyms SET original = (SELECT original FROM pseudonyms WHERE pseudonym = ?2) WHERE pseudonym = ?1";
    store.execute(swap, [one, two]).unwrap();
    assert_eq!(refused(&f, Action::Decrypt, &sealed), "STORE_ROW_REJECTED");
    store.execute("DELETE FROM pseudonyms WHERE pseudonym = ?1", [one]).unwrap();
    assert_eq!(refused(&f, Action::Decrypt, &sealed), "PSEUDONYM_UNKNOWN");
    // it comes back with the next document that names the same id
    ok(&f, Action::Encrypt, PATIENT);
    assert_eq!(ok(&f, Action::Decrypt, &sealed), PATIENT);
}

#[test]
fn no_id_is_opened_without_a_ledger_entry() {
    let f = fixture();
    let only_ids = r#"{"resourceType":"Observation","id":"o","subject":{"reference":"Patient/1"}}"#;
    let sealed = ok(&f, Action::Encrypt, only_ids);
    let entries = || operations(&f.home).len();
    let before = entries();
    assert_eq!(ok(&f, Action::Decrypt, &sealed), only_ids);
    assert_eq!(entries(), before + 1);
    lose_log(&f.home);
    assert_eq!(refused(&f, Action::Decrypt, &sealed), "AUDIT_UNAVAILABLE");
    let new = only_ids.replace("Patient/1", "Patient/2");
    assert_eq!(refused(&f, Action::Encrypt, &new), "AUDIT_UNAVAILABLE");
}

#[test]
fn many_ids_take_few_transactions() {
    let f = fixture();
    let input: String = (0..4_500)
        .map(|n| format!("{{\"resourceType\":\"Observation\",\"id\":\"o{n}\",\"subject\":{{\"reference\":\"Patient/p{n}\"}}}}\n"))
        .collect();
    let store = rusqlite::Connection::open(f.home.path().join("store.sqlite")).unwrap();
    let number = |sql: &str| store.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let before = number("SELECT epoch FROM store_state");
    let sealed = ok(&f, Action::Encrypt, &input);
    assert_eq!(number("SELECT count(*) FROM pseudonyms"), 4_500);
    assert!(number("SELECT epoch FROM store_state") - before <= 6);
    assert_eq!(ok(&f, Action::Decrypt, &sealed), input);
    let again = number("SELECT epoch FROM store_state");
    assert_eq!(ok(&f, Action::Encrypt, &input), sealed);
    assert_eq!(number("SELECT epoch FROM store_state"), again);
}

#[test]
fn coverage_and_scan_speak_of_types() {
    let profile = || Arc::new(Profile::builtin("fhir-r4").unwrap());
    let input = r#"{"resourceType":"Patient","id":"1","name":[{"family":"Doe","use":"usual"}],"birthDate":"1974","nick":"J"}"#;
    let paths = coverage(profile(), &mut input.as_bytes()).unwrap().paths;
    let covers: Vec<_> = paths.iter().map(|p| (&*p.path, p.cover, p.class.as_deref())).collect();
    assert_eq!(
        covers,
        [
            ("birthDate", "masked", Some("demographic")),
            ("id", "pseudonym", Some("id")),
            ("name[*].family", "inline", Some("name")),
            ("name[*].use", "keep", Some("structure")),
            ("nick", "inline", Some("unclassified")),
            ("resourceType", "identity", None),
        ]
    );
    let findings = |input: &str| {
        let mut found = Vec::new();
        scan_for_plaintext(profile(), &mut input.as_bytes(), &mut |f| found.push(f.path)).unwrap();
        found
    };
    assert_eq!(findings(input), ["id", "name[*].family", "birthDate", "nick"]);
    assert_eq!(findings(&ok(&fixture(), Action::Encrypt, input)), [""; 0]);
}

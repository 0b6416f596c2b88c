//! The built-in profiles cover the fields that the source documents name.

use std::sync::Arc;

use medseal_health::{Limits, Profile, Scanner, splice};

use crate::found;

fn scanner() -> Scanner {
    Scanner::new(Arc::new(Profile::builtin("patient-basic").unwrap()), Limits::default())
}

#[test]
fn all_load_under_their_own_names() {
    let names: Vec<_> = Profile::builtin_names().collect();
    assert_eq!(names, ["patient-basic", "fhir-r4", "fhir-r5"]);
    for name in names {
        let profile = Profile::from_toml(Profile::builtin_toml(name).unwrap()).unwrap();
        assert_eq!(profile.name(), name);
        assert!(profile.description().contains("FHIR"));
    }
    assert!(Profile::builtin("nobody").is_none());
}

/// MediMind S1-63, PazPaz S4-22 to S4-29.
const FIELDS: &[&str] = &[
    "ssn",
    "medical_record_number",
    "phone_number",
    "email",
    "address",
    "emergency_contact",
    "first_name",
    "last_name",
    "phone",
    "medical_history",
    "emergency_contact_name",
    "emergency_contact_phone",
    "date_of_birth",
    "subjective",
    "objective",
    "assessment",
    "plan",
    "goals",
    "milestones",
    "notes",
];

fn camel(field: &str) -> String {
    let mut words = field.split('_');
    let first = words.next().unwrap().to_owned();
    words.fold(first, |camel, word| camel + &word[..1].to_uppercase() + &word[1..])
}

#[test]
fn names_every_field_of_the_source_documents() {
    for field in FIELDS {
        for key in [(*field).to_owned(), camel(field)] {
            for document in [
                format!(r#"{{"id":1,"{key}":"V"}}"#),
                format!(r#"{{"patient":{{"{key}":"V","id":1}}}}"#),
                format!(r#"{{"a":[{{"b":{{"{key}":"V"}}}}],"client_id":"c"}}"#),
                format!(r#"{{"entry":[{{"resource":{{"id":1,"{key}":"V"}}}}]}}"#),
            ] {
                let found = found(&mut scanner(), &document).unwrap();
                assert_eq!(found.len(), 1, "{document}");
                assert!(found[0].ends_with("=\"V\""), "{document}");
            }
        }
    }
}

/// Made up for this test.
const FHIR: &str = r#"{"resourceType":"Bundle","id":"b","entry":[{"fullUrl":"u","resource":{
"resourceType":"Patient","id":"p","text":{"status":"s","div":"V"},"active":true,
"identifier":[{"system":"s","value":"V"}],"name":[{"use":"official","family":"V","given":["V","V"],
"text":"V"}],"telecom":[{"system":"phone","value":"V"}],"gender":"other","birthDate":"1970-01-01",
"address":[{"use":"home","line":["V","V"],"city":"V","district":"V","state":"PL","postalCode":"V",
"text":"V","country":"AU"}],"contact":[{"name":{"family":"V","given":["V"],"text":"V"},
"telecom":[{"value":"V"}],"address":{"line":["V"]}}]}}]}"#;

#[test]
fn names_the_string_elements_of_a_fhir_patient() {
    let mut scanner = scanner();
    let scanned = scanner.scan(FHIR.as_bytes()).unwrap();
    for span in scanned.spans() {
        let root = scanned.root(span).unwrap();
        assert_eq!(scanned.collection(root).as_deref(), Some("Patient"));
        assert_eq!(scanned.record(root).as_deref(), Some("p"));
        assert!(FHIR[span.value.clone()].contains("\"V\""));
    }
    let mut out = Vec::new();
    splice(FHIR.as_bytes(), scanned.spans(), &mut out, |_, out| {
        out.extend_from_slice(b"\"\"");
        Ok::<(), ()>(())
    })
    .unwrap();
    assert!(!String::from_utf8(out).unwrap().contains("\"V\""));
    assert_eq!(scanned.spans().len(), 18);
}

#[test]
fn record_names_stay_readable() {
    let document = r#"{"patient_id":"x","patient":{"id":1,"ssn":"V"}}"#;
    let mut scanner = scanner();
    let scanned = scanner.scan(document.as_bytes()).unwrap();
    assert_eq!(scanned.record(&scanned.roots()[0]).as_deref(), Some("x"));
    assert_eq!(scanned.collection(&scanned.roots()[0]).as_deref(), Some("patient"));
}

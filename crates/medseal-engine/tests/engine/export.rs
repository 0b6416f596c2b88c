//! Exports of the log: what they hold, what they leave out, and that they appear whole or not at all.

use crate::subjects::{JANE, of};
use crate::support::{
    DAY, Fixture, START, bound, code, decrypt, encrypt, fixture, open, operations, scope,
};
use medseal_engine::Options;
use medseal_engine::ledger::{ExportDetails, ExportForm, ExportManifest, ExportRequest};
use pollster::block_on;
use std::fs;
use std::path::{Path, PathBuf};

const FORMS: [(ExportForm, &str); 3] = [
    (ExportForm::Ndjson, "entries.ndjson"),
    (ExportForm::Csv, "entries.csv"),
    (ExportForm::Fhir, "audit-events.ndjson"),
];

fn request(directory: &Path) -> ExportRequest<'_> {
    ExportRequest {
        form: ExportForm::Ndjson,
        details: ExportDetails::Hidden,
        from: None,
        to: None,
        since: None,
        until: None,
        directory,
    }
}

fn target(f: &Fixture, name: &str) -> PathBuf {
    f.home.audit().parent().unwrap().parent().unwrap().join(name)
}

fn export(f: &Fixture, request: &ExportRequest<'_>) -> ExportManifest {
    block_on(f.engine.export_audit(request)).unwrap()
}

fn lines(directory: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(directory.join("entries.ndjson")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Values of a patient and of nobody, and what was done with them.
fn logged() -> Fixture {
    let f = fixture();
    let (name, lab) = (scope("patients", "last_name"), scope("lab", "value"));
    let sealed = encrypt(&f.engine, &of(&name, JANE), "Doe, Jane");
    encrypt(&f.engine, &bound(&lab, "record-4711"), "5.4");
    decrypt(&f.engine, &of(&name, JANE), &sealed).unwrap();
    f
}

#[test]
fn every_form_has_every_entry_and_names_no_patient() {
    let f = logged();
    for (form, name) in FORMS {
        let directory = target(&f, form.name());
        let manifest = export(&f, &ExportRequest { form, ..request(&directory) });
        let text = fs::read_to_string(directory.join(name)).unwrap();
        let rows = text.lines().count() - usize::from(form == ExportForm::Csv);
        assert_eq!(rows as u64, manifest.range.entries);
        assert_eq!((manifest.range.first, manifest.size), (0, manifest.range.entries));
        assert_eq!(operations(&f.home).len() as u64, manifest.size, "its own entry is the last");
        assert!(text.lines().last().unwrap().contains("read-audit"));
        let whole = text + &fs::read_to_string(directory.join("manifest.json")).unwrap();
        for secret in [JANE.id, "record-4711", "Doe, Jane", "5.4"] {
            assert!(!whole.contains(secret), "{secret} in {}", form.name());
        }
        assert_eq!(manifest.range_proof.is_some(), form == ExportForm::Ndjson);
        let mut files: Vec<_> = fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let mut expected =
            vec!["checkpoint".to_owned(), "manifest.json".to_owned(), name.to_owned()];
        expected.sort();
        assert_eq!(files, expected);
    }
}

#[test]
fn details_stand_in_ndjson_when_they_are_asked_for() {
    let f = logged();
    let directory = target(&f, "out");
    let details = ExportDetails::Shown;
    for form in [ExportForm::Csv, ExportForm::Fhir] {
        let refused = ExportRequest { form, details, ..request(&directory) };
        assert_eq!(code(block_on(f.engine.export_audit(&refused))), "AUDIT_EXPORT_DETAILS");
    }
    assert!(!directory.exists());
    export(&f, &ExportRequest { details, ..request(&directory) });
    let lines = lines(&directory);
    let of_lab = lines.iter().find(|line| line["collections"][0] == "lab").unwrap();
    assert_eq!(of_lab["details"][0]["record"], "record-4711");
    let of_patients = lines.iter().find(|line| line["collections"][0] == "patients").unwrap();
    let item = &of_patients["details"][0];
    assert!(item["subject"].is_string() && item["record"].is_null(), "{item}");
    assert!(lines.last().unwrap()["note"].as_str().unwrap().ends_with("ndjson, with details"));
    let boot = &lines[0];
    assert!(boot["details"].is_null() && boot["operation"] == "boot");
}

#[test]
fn a_range_is_asked_for_by_number_and_by_time() {
    let f = logged();
    let before = operations(&f.home).len() as u64;
    // later than the clock of the machine, by which homes are made
    f.clock.advance(4000 * DAY);
    let lab = scope("lab", "value");
    encrypt(&f.engine, &bound(&lab, "2"), "5.5");
    let ranged = |name: &str, request: ExportRequest<'_>| {
        let directory = target(&f, name);
        let found = export(&f, &ExportRequest { directory: &directory, ..request });
        let lines = lines(&directory);
        assert_eq!(lines[0]["index"].as_u64().unwrap(), found.range.first);
        assert_eq!(lines.len() as u64, found.range.entries);
        (found.range.first, found.range.entries)
    };
    let nowhere = Path::new("");
    let by_number = ExportRequest { from: Some(2), to: Some(4), ..request(nowhere) };
    assert_eq!(ranged("a", by_number), (2, 3));
    let since = Some(START + 4000 * DAY);
    let (first, entries) = ranged("b", ExportRequest { since, ..request(nowhere) });
    assert_eq!((first, first + entries), (before, operations(&f.home).len() as u64));
    let until = ExportRequest { until: Some(START + 3999 * DAY), ..request(nowhere) };
    assert_eq!(ranged("c", until), (0, before));
    let both = ExportRequest { from: Some(before + 1), to: Some(before + 1), since, ..until };
    assert_eq!(ranged("d", ExportRequest { until: None, ..both }), (before + 1, 1));
    for (from, until) in [(Some(9999), None), (None, Some(0))] {
        let directory = target(&f, "none");
        let empty = ExportRequest { from, until, ..request(&directory) };
        assert_eq!(code(block_on(f.engine.export_audit(&empty))), "AUDIT_NO_ENTRIES");
        assert!(!directory.exists());
    }
    let backwards = target(&f, "none");
    let backwards = ExportRequest { from: Some(4), to: Some(2), ..request(&backwards) };
    assert_eq!(code(block_on(f.engine.export_audit(&backwards))), "AUDIT_NO_ENTRIES");
}

#[test]
fn an_export_appears_whole_or_not_at_all() {
    let f = logged();
    let (directory, missing) = (target(&f, "out"), target(&f, "no/such/place"));
    export(&f, &request(&directory));
    let before = fs::read(directory.join("manifest.json")).unwrap();
    assert_eq!(code(block_on(f.engine.export_audit(&request(&directory)))), "IO_FAILED");
    assert_eq!(fs::read(directory.join("manifest.json")).unwrap(), before);
    assert_eq!(code(block_on(f.engine.export_audit(&request(&missing)))), "IO_FAILED");
    // a log that does not verify
    let segment = f.home.audit().join("segments/00000000000000000000.log");
    let mut bytes = fs::read(&segment).unwrap();
    let at = bytes.windows(7).position(|w| w == b"encrypt").unwrap();
    bytes[at..at + 7].copy_from_slice(b"decrypt");
    fs::write(&segment, bytes).unwrap();
    let engine = open(&f.home, &f.clock, Options::default()).unwrap();
    let other = target(&f, "other");
    assert!(code(block_on(engine.export_audit(&request(&other)))).starts_with("AUDIT_"));
    let left: Vec<_> = fs::read_dir(other.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("partial") || name == "other")
        .collect();
    assert_eq!(left, [""; 0]);
}

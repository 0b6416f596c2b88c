//! Documents and tables whose values belong to patients.

use super::{JANE, JOHN, erase};
use crate::support::{Fixture, fixture};
use medseal_engine::health::Profile;
use medseal_engine::health::table::{NamePattern, TableProfile, TableRecord};
use medseal_engine::records::{Action, Job};
use medseal_engine::tables::{TableForm, TableJob};
use pollster::block_on;
use std::sync::Arc;

const PROFILE: &str = "profile = 'lab'\nrevision = 1\n[document]\nroots = ['results[*]']\n\
    collection = 'lab'\nrecord = { path = 'id' }\nsubject = { path = 'patient' }\n\
    [[rule]]\npaths = ['**.value']\nplacement = 'inline'\nclass = 'result'\n";

fn document(id: &str, patient: &str) -> String {
    format!(
        "{{\"id\":\"{id}\",\"patient\":\"{patient}\",\"value\":1,\"results\":[{{\"id\":\"{id}-1\",\"value\":2}}]}}\n"
    )
}

fn run(f: &Fixture, action: Action, input: &[u8]) -> (Vec<u8>, Result<u64, String>) {
    let profile = Arc::new(Profile::from_toml(PROFILE).unwrap());
    let (job, mut out) = (Job::new(action, profile, "default"), Vec::new());
    let (mut input, mut at) = (input, |_| {});
    let done = block_on(f.engine.run_records(&job, &mut input, &mut out, &mut at));
    (out, done.map(|report| report.values).map_err(|error| error.to_string() + error.code()))
}

#[test]
fn documents_open_until_their_patient_is_erased() {
    let f = fixture();
    let plain = [document("a", JANE.id), document("b", JOHN.id), document("c", JANE.id)].concat();
    let (sealed, done) = run(&f, Action::Encrypt, plain.as_bytes());
    assert_eq!(done, Ok(6));
    assert_eq!(run(&f, Action::Decrypt, &sealed).0, plain.as_bytes());
    block_on(f.engine.rotate_key("default", "default", None, None)).unwrap();
    let (newest, done) = run(&f, Action::Reencrypt, &sealed);
    assert_eq!(done, Ok(6));
    assert_eq!(run(&f, Action::Decrypt, &newest).0, plain.as_bytes());
    // another patient's name over the same values
    let moved = String::from_utf8(sealed.clone()).unwrap().replace(JANE.id, JOHN.id);
    assert!(run(&f, Action::Decrypt, moved.as_bytes()).1.unwrap_err().ends_with("REJECTED"));
    erase(&f.engine, JANE).unwrap();
    let lines: Vec<&[u8]> = sealed.split_inclusive(|byte| *byte == b'\n').collect();
    assert_eq!(run(&f, Action::Decrypt, lines[1]).0, document("b", JOHN.id).as_bytes());
    for line in [lines[0], lines[2]] {
        let refused = run(&f, Action::Decrypt, line).1.unwrap_err();
        assert!(refused.starts_with("line 1, column") && refused.ends_with("SUBJECT_ERASED"));
    }
    let refused = run(&f, Action::Encrypt, document("d", JANE.id).as_bytes()).1.unwrap_err();
    assert!(refused.ends_with("SUBJECT_ERASED") && !refused.contains(JANE.id), "{refused}");
}

fn table(f: &Fixture, action: Action, input: &[u8]) -> (Vec<u8>, Result<u64, String>) {
    let profile = TableProfile::from_columns(
        &["ssn", "name"],
        TableRecord::Column(vec![NamePattern::exact("visit")]),
    );
    let job = TableJob {
        action,
        profile: Arc::new(profile.unwrap().with_subject(NamePattern::exact("patient"))),
        collection: "visits".to_owned(),
        tenant: "default".to_owned(),
        migrating: false,
        form: TableForm::default(),
    };
    let (mut out, mut input, mut at) = (Vec::new(), input, |_| {});
    let done = block_on(f.engine.run_table(&job, &mut input, &mut out, &mut at));
    (out, done.map(|report| report.values).map_err(|error| error.to_string() + error.code()))
}

/// More patients than a run keeps at once, in several batches.
#[test]
fn tables_of_many_patients_come_back_and_open_until_one_is_erased() {
    const ROWS: usize = 6000;
    let f = fixture();
    let rows = (0..ROWS).map(|n| format!("{n},patient-{n},900-{n},\"{}\"\n", "x".repeat(300)));
    let plain = format!("visit,patient,ssn,name\n{}", rows.collect::<String>());
    let (sealed, done) = table(&f, Action::Encrypt, plain.as_bytes());
    assert_eq!(done, Ok(2 * ROWS as u64));
    let (opened, done) = table(&f, Action::Decrypt, &sealed);
    assert_eq!((done, opened == plain.as_bytes()), (Ok(2 * ROWS as u64), true));
    let line = |n: usize| {
        let mut lines = sealed.split_inclusive(|byte| *byte == b'\n');
        [lines.next().unwrap(), lines.nth(n).unwrap()].concat()
    };
    let subject = super::SubjectName { tenant: "default", id: "patient-4000" };
    erase(&f.engine, subject).unwrap();
    let refused = table(&f, Action::Decrypt, &line(4000)).1.unwrap_err();
    assert!(refused.starts_with("line 2, column") && refused.ends_with("SUBJECT_ERASED"));
    assert!(table(&f, Action::Decrypt, &line(4001)).1.is_ok());
    // the rows before the refused one are written
    let (before, _) = table(&f, Action::Decrypt, &sealed);
    assert!(plain.as_bytes().starts_with(&before));
    assert_eq!(before.iter().filter(|byte| **byte == b'\n').count(), 4001);
}

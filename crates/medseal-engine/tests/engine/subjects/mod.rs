//! Subjects: what is bound to one, how one is forgotten, and what stands against it.

mod disclosures;
mod erasure;
mod months;
mod properties;
mod rights;
mod runs;

use crate::support::{Fixture, code, decrypt, encrypt, fixture, open, scope};
use medseal_engine::fields::{FieldDefinition, Reencrypted, Target};
use medseal_engine::files::{ArrayLayout, Description, FileJob, Sink, Source};
use medseal_engine::ledger::{EntryFilter, list_entries};
pub(crate) use medseal_engine::subjects::SubjectName;
use medseal_engine::subjects::{Ids, NewHold, SubjectState};
use medseal_engine::{Binding, Engine, Flags, Options, Scope, Value};
use pollster::block_on;
use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex};

pub(crate) const JANE: SubjectName<'_> = SubjectName { tenant: "default", id: "pat-1-jane" };
pub(crate) const JOHN: SubjectName<'_> = SubjectName { tenant: "default", id: "pat-2-john" };

pub(crate) fn of<'a>(scope: &'a Scope, subject: SubjectName<'a>) -> Target<'a> {
    let binding = Binding::record("r");
    Target { scope, binding, subject: Some(subject.id), no_record: false }
}

pub(crate) fn erase(engine: &Engine, subject: SubjectName<'_>) -> Result<String, &'static str> {
    let erased = block_on(engine.erase_subject(subject, "request of 2026-03-14"));
    erased.map(|erased| erased.certificate).map_err(|error| error.code())
}

pub(super) fn hold(engine: &Engine, subject: SubjectName<'_>, name: &str) -> &'static str {
    code(block_on(engine.hold_subject(subject, NewHold { name, reason: "a lawsuit" })))
}

pub(super) fn release(engine: &Engine, subject: SubjectName<'_>, name: &str) -> &'static str {
    code(block_on(engine.release_subject(subject, name)))
}

#[test]
fn a_value_of_a_subject_opens_for_that_subject_alone() {
    let f = fixture();
    let scope = scope("patients", "last_name");
    let (jane, john) = (of(&scope, JANE), of(&scope, JOHN));
    let envelope = encrypt(&f.engine, &jane, "Doe");
    assert_eq!(envelope[3], 0x0a, "bound to a record and to a subject");
    assert_eq!(decrypt(&f.engine, &jane, &envelope).as_deref(), Ok("Doe"));
    assert_eq!(decrypt(&f.engine, &john, &envelope), Err("SUBJECT_UNKNOWN"));
    let other = encrypt(&f.engine, &john, "Roe");
    assert_eq!(decrypt(&f.engine, &john, &envelope), Err("REJECTED"));
    assert_eq!(decrypt(&f.engine, &jane, &other), Err("REJECTED"));
    let nobody = Target { subject: None, ..jane };
    assert_eq!(decrypt(&f.engine, &nobody, &envelope), Err("REJECTED"));
    let plain = encrypt(&f.engine, &nobody, "Poe");
    assert_eq!(decrypt(&f.engine, &jane, &plain), Err("REJECTED"));
    let unbound = Target { binding: Binding::default(), no_record: true, ..jane };
    let envelope = encrypt(&f.engine, &unbound, "Foe");
    assert_eq!(envelope[3], 0x08);
    assert_eq!(decrypt(&f.engine, &unbound, &envelope).as_deref(), Ok("Foe"));
    let reopened = open(&f.home, &f.clock, Options::default()).unwrap();
    assert_eq!(decrypt(&reopened, &unbound, &envelope).as_deref(), Ok("Foe"));
    let too_long = "x".repeat(1025);
    for id in ["", &too_long] {
        let target = Target { subject: Some(id), ..jane };
        let done = block_on(f.engine.encrypt_value(&target, None, &Value::string("Doe")));
        assert_eq!(code(done), "CONTEXT_INVALID");
    }
}

#[test]
fn a_definition_says_whether_a_field_has_a_subject() {
    let f = fixture();
    let (bound, free) = (scope("patients", "bound"), scope("patients", "free"));
    for (scope, subject) in [(&bound, true), (&free, false)] {
        let definition = FieldDefinition {
            key: "default".to_owned(),
            class: "general".to_owned(),
            flags: Flags::new(false, true, false, subject).unwrap(),
            placement: "inline".to_owned(),
            profile: None,
        };
        block_on(f.engine.define_field(scope, &definition)).unwrap();
    }
    let fields = block_on(f.engine.list_fields("default")).unwrap();
    assert_eq!(fields.iter().map(|f| f.subject_bound).collect::<Vec<_>>(), [true, false]);
    let refused = |target: &Target<'_>| {
        code(block_on(f.engine.encrypt_value(target, None, &Value::string("Doe"))))
    };
    let nobody = Target { subject: None, ..of(&bound, JANE) };
    assert_eq!(refused(&nobody), "SUBJECT_REQUIRED");
    assert_eq!(refused(&of(&free, JANE)), "SUBJECT_NOT_BOUND");
    let envelope = encrypt(&f.engine, &of(&bound, JANE), "Doe");
    assert_eq!(decrypt(&f.engine, &nobody, &envelope), Err("SUBJECT_REQUIRED"));
    assert_eq!(decrypt(&f.engine, &of(&free, JANE), &envelope), Err("REJECTED"));
    assert_eq!(decrypt(&f.engine, &of(&bound, JANE), &envelope).as_deref(), Ok("Doe"));
}

#[test]
fn carrying_over_keeps_the_subject() {
    let f = fixture();
    let scope = scope("patients", "last_name");
    let jane = of(&scope, JANE);
    let old = encrypt(&f.engine, &jane, "Doe");
    block_on(f.engine.rotate_key("default", "default", None, None)).unwrap();
    let new = match block_on(f.engine.reencrypt_value(&jane, &old)).unwrap() {
        Reencrypted::New(new) => new,
        Reencrypted::Current => unreachable!(),
    };
    assert_eq!((new[3], new != old), (0x0a, true));
    for envelope in [&old, &new] {
        assert_eq!(decrypt(&f.engine, &jane, envelope).as_deref(), Ok("Doe"));
    }
    let nobody = Target { subject: None, ..jane };
    assert_eq!(code(block_on(f.engine.reencrypt_value(&nobody, &old))), "REJECTED");
}

#[derive(Clone, Default)]
struct Given(Arc<Mutex<Vec<u8>>>);

impl Write for Given {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn pipe(bytes: &[u8]) -> Source {
    Source::Pipe(Box::new(Cursor::new(bytes.to_vec())))
}

/// Encrypts a file of a subject and, as a session, an array.
pub(super) fn encrypt_files(f: &Fixture, target: Target<'_>) -> [Vec<u8>; 2] {
    let job = FileJob { target, key: None };
    let (file, session) = (Given::default(), Given::default());
    let sink = Sink::Pipe(Box::new(file.clone()));
    let none = Description::default();
    block_on(f.engine.encrypt_file(&job, &none, pipe(b"ecg"), sink, &mut |_| {})).unwrap();
    let sink = Sink::Pipe(Box::new(session.clone()));
    let layout = ArrayLayout::parse("u8", "3").unwrap();
    block_on(f.engine.encrypt_session(&job, &layout, pipe(b"ecg"), sink, &mut |_| {})).unwrap();
    [file, session].map(|given| given.0.lock().unwrap().clone())
}

pub(super) fn decrypt_files(
    engine: &Engine,
    target: Target<'_>,
    [file, session]: &[Vec<u8>; 2],
) -> [Result<Vec<u8>, &'static str>; 2] {
    let job = FileJob { target, key: None };
    let (one, two) = (Given::default(), Given::default());
    let sink = Sink::Pipe(Box::new(one.clone()));
    let first = block_on(engine.decrypt_file(&job, pipe(file), sink, &mut |_| {}));
    let sink = Sink::Pipe(Box::new(two.clone()));
    let second = block_on(engine.decrypt_session(&job, pipe(session), sink, &mut |_| {}));
    let given = |given: Given| given.0.lock().unwrap().clone();
    [
        first.map(|_| given(one)).map_err(|error| error.code()),
        second.map(|_| given(two)).map_err(|error| error.code()),
    ]
}

#[test]
fn files_and_sessions_of_a_subject_open_for_that_subject_alone() {
    let f = fixture();
    let scope = scope("recordings", "ecg");
    encrypt(&f.engine, &of(&scope, JOHN), "exists");
    let files = encrypt_files(&f, of(&scope, JANE));
    assert_eq!(files[0][3], 0x0a);
    let opened = decrypt_files(&f.engine, of(&scope, JANE), &files);
    assert_eq!(opened, [Ok(b"ecg".to_vec()), Ok(b"ecg".to_vec())]);
    for other in [of(&scope, JOHN), Target { subject: None, ..of(&scope, JANE) }] {
        assert_eq!(decrypt_files(&f.engine, other, &files), [Err("REJECTED"), Err("REJECTED")]);
    }
}

#[test]
fn many_at_once_make_one_subject() {
    const PROCESSES: usize = 8;
    let f = fixture();
    let scope = scope("patients", "last_name");
    let ids: Vec<String> = (0..5).map(|n| format!("patient-{n}")).collect();
    let barrier = std::sync::Barrier::new(PROCESSES);
    let envelopes: Vec<Vec<Vec<u8>>> = std::thread::scope(|threads| {
        let one = || {
            let engine = open(&f.home, &f.clock, Options::default()).unwrap();
            barrier.wait();
            let subject = |id| SubjectName { tenant: "default", id };
            ids.iter().map(|id| encrypt(&engine, &of(&scope, subject(id)), id)).collect()
        };
        let running: Vec<_> = (0..PROCESSES).map(|_| threads.spawn(one)).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let reader = open(&f.home, &f.clock, Options::default()).unwrap();
    for of_process in &envelopes {
        for (id, envelope) in ids.iter().zip(of_process) {
            let subject = SubjectName { tenant: "default", id };
            assert_eq!(
                decrypt(&reader, &of(&scope, subject), envelope).as_deref(),
                Ok(id.as_str())
            );
        }
    }
    assert_eq!(block_on(reader.list_subjects("default", Ids::Hidden)).unwrap().len(), ids.len());
}

#[test]
fn subjects_are_listed_by_handles_and_their_ids_only_for_the_record() {
    let f = fixture();
    let scope = scope("patients", "last_name");
    for subject in [JANE, JOHN] {
        encrypt(&f.engine, &of(&scope, subject), "Doe");
    }
    assert_eq!(hold(&f.engine, JOHN, "case-1"), "OK");
    let listed = block_on(f.engine.list_subjects("default", Ids::Hidden)).unwrap();
    assert!(listed.iter().all(|one| one.id.is_none() && one.handle.len() == 32));
    assert!(!crate::support::operations(&f.home).contains(&"read-subjects".to_owned()));
    let listed = block_on(f.engine.list_subjects("default", Ids::Shown)).unwrap();
    let mut ids: Vec<_> = listed.iter().map(|one| one.id.clone().unwrap()).collect();
    ids.sort();
    assert_eq!(ids, [JANE.id, JOHN.id]);
    assert_eq!(crate::support::operations(&f.home).last().unwrap(), "read-subjects");
    let john = block_on(f.engine.show_subject(JOHN)).unwrap();
    assert_eq!((john.state, john.holds.len()), (SubjectState::Held, 1));
    assert_eq!(
        (john.holds[0].name.as_str(), john.holds[0].reason.as_str()),
        ("case-1", "a lawsuit")
    );
    assert_eq!(block_on(f.engine.show_subject(JANE)).unwrap().state, SubjectState::Active);
    let nobody = SubjectName { tenant: "default", id: "nobody" };
    assert_eq!(code(block_on(f.engine.show_subject(nobody))), "SUBJECT_UNKNOWN");
    assert!(!format!("{JANE:?}{listed:?}").contains("pat-"));
    assert_eq!(block_on(f.engine.list_subjects("other", Ids::Hidden)).unwrap().len(), 0);
}

/// The entry shows tags, another one each time; behind it neither record nor subject stands.
#[test]
fn entries_about_a_subject_do_not_name_it() {
    let f = fixture();
    let scope = scope("patients", "last_name");
    let binding = Binding::record("record-of-jane");
    let jane = Target { binding, ..of(&scope, JANE) };
    let envelope = encrypt(&f.engine, &jane, "Doe");
    decrypt(&f.engine, &jane, &envelope).unwrap();
    let mut last = None;
    list_entries(&f.home.audit(), &EntryFilter::default(), |entry| {
        last = Some(entry.index);
        Ok(())
    })
    .unwrap();
    let shown = block_on(f.engine.show_entry(last.unwrap(), true)).unwrap();
    let item = &shown.shown.unwrap()[0];
    assert_eq!(item.field.as_deref(), Some("last_name"));
    assert_eq!((&item.record, item.subject.as_ref().map(String::len)), (&None, Some(32)));
    assert_eq!(shown.entry.subjects, Some(1));
}

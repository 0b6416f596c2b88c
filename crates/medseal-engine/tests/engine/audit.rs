//! The log as callers of the engine meet it: what it holds, what breaks it, what it survives.

use crate::support::{Fixture, bound, code, decrypt, encrypt, fixture, open, scope};
use medseal_engine::ledger::{
    AuditReport, EntryFilter, EntrySummary, VerifyRequest, check_proof, list_entries, prove_entry,
    read_audit_keys, verify_log, witness,
};
use medseal_engine::{EngineError, Options};
use pollster::block_on;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

fn segment(f: &Fixture) -> PathBuf {
    f.home.audit().join("segments/00000000000000000000.log")
}

fn verify(f: &Fixture, kept: &[String]) -> Result<AuditReport, EngineError> {
    let (directory, keys) = (f.home.audit(), f.engine.audit_keys());
    verify_log(&VerifyRequest { directory: &directory, keys, kept })
}

fn entries(f: &Fixture) -> Vec<EntrySummary> {
    let mut entries = Vec::new();
    list_entries(&f.home.audit(), &EntryFilter::default(), |entry| {
        entries.push(entry);
        Ok(())
    })
    .unwrap();
    entries
}

fn names(f: &Fixture) -> Vec<String> {
    entries(f).into_iter().map(|entry| entry.operation).collect()
}

/// Another process: one that encrypts a value and ends.
fn another_process(f: &Fixture) {
    let scope = scope("patients", "last_name");
    let engine = open(&f.home, &f.clock, Options::default()).unwrap();
    encrypt(&engine, &bound(&scope, "r"), "Doe");
}

#[test]
fn operations_stand_in_the_log_without_what_names_a_patient() {
    let f = fixture();
    let scope = scope("patients", "last_name");
    let target = bound(&scope, "record-4711");
    let envelope = encrypt(&f.engine, &target, "Doe");
    assert_eq!(decrypt(&f.engine, &target, &envelope).as_deref(), Ok("Doe"));
    block_on(f.engine.rotate_key("default", "default", None, None)).unwrap();
    let expected = [
        "boot",
        "change-keys",
        "store-state",
        "change-keys",
        "store-state",
        "clock-went-back",
        "encrypt",
        "decrypt",
    ];
    assert_eq!(names(&f)[..8], expected);
    let decrypted = &entries(&f)[7];
    assert_eq!(decrypted.collections, ["patients"]);
    assert_eq!(decrypted.keys, ["default@1"]);
    assert_eq!((decrypted.items, decrypted.outcome), (Some(1), Some("permitted")));
    assert_eq!(decrypted.tenant.as_deref(), Some("default"));
    // operations name the state that the last change led to
    let state = |at: usize| (entries(&f)[at].store_epoch, entries(&f)[at].state_root.clone());
    assert_eq!(state(7), state(4));
    assert_eq!((state(4).0, state(3).0), (Some(4), Some(3)));
    let bytes = fs::read(segment(&f)).unwrap();
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|w| w == needle);
    assert!(holds(b"patients") && !holds(b"4711") && !holds(b"Doe") && !holds(b"last_name"));
    // whoever may read the details sees the record, and that stands in the log as well
    let shown = block_on(f.engine.show_entry(7, true)).unwrap();
    let item = &shown.shown.unwrap()[0];
    assert_eq!(item.record.as_deref(), Some("record-4711"));
    assert_eq!(item.field.as_deref(), Some("last_name"));
    assert_eq!(names(&f).last().map(String::as_str), Some("read-audit"));
    let changed = block_on(f.engine.show_entry(8, true)).unwrap().shown.unwrap();
    assert_eq!(changed[0].change.as_deref(), Some("rotate default/default"));
    assert_eq!(block_on(f.engine.show_entry(0, true)).unwrap().details, "none");
    assert_eq!(code(block_on(f.engine.show_entry(99, false))), "AUDIT_NO_SUCH_ENTRY");
}

#[test]
fn entries_are_filtered_by_name_and_time() {
    let f = fixture();
    another_process(&f);
    f.clock.advance(100);
    another_process(&f);
    let count = |filter: EntryFilter| {
        let mut count = 0;
        list_entries(&f.home.audit(), &filter, |_| {
            count += 1;
            Ok(())
        })
        .unwrap();
        count
    };
    let encrypt = Some("encrypt".to_owned());
    let start = crate::support::START;
    let only = EntryFilter { operation: encrypt.clone(), ..EntryFilter::default() };
    assert_eq!(count(only), 2);
    let late = EntryFilter { operation: encrypt.clone(), since: Some(start + 1), until: None };
    assert_eq!(count(late), 1);
    let early = EntryFilter { operation: encrypt, since: None, until: Some(start + 1) };
    assert_eq!(count(early), 1);
    let nothing = EntryFilter { operation: Some("decrypt".to_owned()), ..EntryFilter::default() };
    assert_eq!(count(nothing), 0);
}

#[test]
fn a_process_that_ends_signs_and_one_that_is_killed_does_not() {
    let f = fixture();
    let report = verify(&f, &[]).unwrap();
    assert_eq!((report.entries, report.signed), (5, 5));
    another_process(&f);
    let report = verify(&f, &[]).unwrap();
    assert_eq!((report.entries, report.signed, report.details), (7, 7, 3));
    let scope = scope("patients", "last_name");
    encrypt(&f.engine, &bound(&scope, "r"), "Doe");
    let report = verify(&f, &[]).unwrap();
    assert_eq!((report.entries, report.signed), (8, 7));
    f.clock.advance(6);
    encrypt(&f.engine, &bound(&scope, "r"), "Doe");
    let report = verify(&f, &[]).unwrap();
    assert_eq!((report.entries, report.signed), (9, 9), "after five seconds it signs");
}

#[test]
fn a_log_that_is_not_what_was_written_stops_everything_until_it_is_back() {
    let f = fixture();
    let scope = scope("patients", "last_name");
    let target = bound(&scope, "r");
    let envelope = encrypt(&f.engine, &target, "Doe");
    another_process(&f);
    let stopped = |what: &str| {
        assert_eq!(decrypt(&f.engine, &target, &envelope), Err("AUDIT_UNAVAILABLE"), "{what}");
        let rotate = f.engine.rotate_key("default", "default", None, None);
        assert_eq!(code(block_on(rotate)), "AUDIT_UNAVAILABLE", "{what}");
        let fresh = open(&f.home, &f.clock, Options::default()).unwrap();
        assert_eq!(decrypt(&fresh, &target, &envelope), Err("AUDIT_UNAVAILABLE"), "{what}");
        let checks = block_on(f.engine.examine(&f.home));
        assert!(checks.iter().any(|c| c.detail.as_ref().is_some_and(|d| d.contains("AUDIT"))));
    };
    let works = || assert_eq!(decrypt(&f.engine, &target, &envelope).as_deref(), Ok("Doe"));
    let (path, aside) = (segment(&f), f.home.path().join("aside"));
    fs::rename(&path, &aside).unwrap();
    stopped("a missing segment");
    fs::write(&path, b"").unwrap();
    stopped("an empty segment in its place");
    let whole = fs::read(&aside).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    stopped("a segment cut below its checkpoint");
    fs::remove_file(&path).unwrap();
    fs::rename(&aside, &path).unwrap();
    works();
    fs::rename(f.home.audit(), &aside).unwrap();
    stopped("no directory");
    fs::rename(&aside, f.home.audit()).unwrap();
    works();
    // a copy that says the same is as good
    fs::copy(&path, &aside).unwrap();
    fs::rename(&aside, &path).unwrap();
    works();
    assert!(verify(&f, &[]).is_ok());
}

#[test]
fn without_its_checkpoint_or_with_a_foreign_one_a_log_is_not_appended_to() {
    let f = fixture();
    let scope = scope("patients", "last_name");
    let target = bound(&scope, "r");
    let envelope = encrypt(&f.engine, &target, "Doe");
    let path = f.home.audit().join("checkpoint");
    let own = fs::read(&path).unwrap();
    let foreign = fs::read(fixture().home.audit().join("checkpoint")).unwrap();
    let answer = || {
        let fresh = open(&f.home, &f.clock, Options::default()).unwrap();
        decrypt(&fresh, &target, &envelope)
    };
    for wrong in [Some(&foreign[..]), Some(b"nothing"), None] {
        match wrong {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        assert_eq!(answer(), Err("AUDIT_UNAVAILABLE"));
        assert_ne!(code(verify(&f, &[])), "OK");
    }
    fs::write(&path, own).unwrap();
    assert_eq!(answer().as_deref(), Ok("Doe"));
}

#[test]
fn a_torn_tail_is_cut_and_the_log_says_so() {
    let f = fixture();
    let scope = scope("patients", "last_name");
    let target = bound(&scope, "r");
    for tail in [&[0u8; 3][..], &[0; 400], &[1, 0, 0, 0, 0, 50, 1, 2, 3], b"\0\x03\0\0\0\0abc"] {
        let envelope = encrypt(&f.engine, &target, "Doe");
        let mut file = OpenOptions::new().append(true).open(segment(&f)).unwrap();
        file.write_all(tail).unwrap();
        assert_eq!(code(verify(&f, &[])).replace("ENTRY", "FILE"), "AUDIT_FILE_REJECTED");
        assert_eq!(decrypt(&f.engine, &target, &envelope).as_deref(), Ok("Doe"));
        let entries = entries(&f);
        let recovery = &entries[entries.len() - 2];
        assert_eq!(recovery.operation, "recovery");
        assert_eq!(recovery.note, Some(format!("{} bytes were cut", tail.len())));
        assert!(verify(&f, &[]).is_ok());
    }
    // the same for a process that knows nothing of the log
    let mut file = OpenOptions::new().append(true).open(segment(&f)).unwrap();
    file.write_all(&[9; 100]).unwrap();
    another_process(&f);
    assert_eq!(names(&f).iter().filter(|name| *name == "recovery").count(), 5);
    assert!(verify(&f, &[]).is_ok());
}

#[test]
fn the_index_can_be_edited_and_removed() {
    let f = fixture();
    let index = f.home.audit().join("index");
    let head = index.join("head");
    let old = fs::read(&head).unwrap();
    another_process(&f);
    let mut flipped = fs::read(&head).unwrap();
    flipped[40] ^= 1;
    for content in [&flipped[..], b"", &old] {
        fs::write(&head, content).unwrap();
        fs::write(index.join("other"), b"x").unwrap();
        assert!(verify(&f, &[]).is_ok());
        another_process(&f);
        assert!(verify(&f, &[]).is_ok());
    }
    fs::remove_dir_all(&index).unwrap();
    assert!(verify(&f, &[]).is_ok());
    another_process(&f);
    let report = verify(&f, &[]).unwrap();
    assert_eq!(report.entries, report.signed);
}

#[test]
fn tampering_is_refused_with_its_place() {
    let f = fixture();
    (0..3).for_each(|_| another_process(&f));
    let bytes = fs::read(segment(&f)).unwrap();
    for at in (0..bytes.len()).step_by(3) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        fs::write(segment(&f), flipped).unwrap();
        let error = verify(&f, &[]).unwrap_err();
        assert_eq!(error.class(), medseal_engine::ErrorClass::Rejected, "byte {at}: {error}");
        assert!(error.to_string().contains(':'), "{error}");
    }
    fs::write(segment(&f), &bytes).unwrap();
    let stray = f.home.audit().join("ledger.ndjson");
    fs::write(&stray, b"").unwrap();
    assert_eq!(code(verify(&f, &[])), "AUDIT_FILE_REJECTED");
    fs::remove_file(&stray).unwrap();
    let checkpoint = f.home.audit().join("checkpoint");
    let note = fs::read_to_string(&checkpoint).unwrap();
    let stripped: String = note.split_inclusive('\n').take(6).collect();
    fs::write(&checkpoint, stripped).unwrap();
    assert_eq!(code(verify(&f, &[])), "AUDIT_SIGNATURE_REJECTED");
    fs::write(&checkpoint, [0xff]).unwrap();
    assert_eq!(code(verify(&f, &[])), "AUDIT_SIGNATURE_REJECTED");
    fs::write(&checkpoint, &note).unwrap();
    assert!(verify(&f, &[]).is_ok());
    // everything, checkpoint included, put back to an earlier state: only who remembers sees it
    another_process(&f);
    let kept = fs::read_to_string(&checkpoint).unwrap();
    assert_eq!(verify(&f, std::slice::from_ref(&kept)).unwrap().continues, [10]);
    fs::write(&checkpoint, &note).unwrap();
    assert!(verify(&f, &[]).is_ok(), "nothing was written after the newer checkpoint");
    fs::write(segment(&f), &bytes).unwrap();
    assert!(verify(&f, &[]).is_ok());
    assert_eq!(code(verify(&f, &[kept])), "AUDIT_ROOT_REJECTED");
}

#[test]
fn an_old_checkpoint_put_back_is_given_away_by_later_entries() {
    let f = fixture();
    let checkpoint = f.home.audit().join("checkpoint");
    let old = fs::read(&checkpoint).unwrap();
    another_process(&f);
    another_process(&f);
    fs::write(&checkpoint, old).unwrap();
    let error = verify(&f, &[]).unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().split(':').next()),
        ("AUDIT_ROOT_REJECTED", Some("entry 7"))
    );
}

#[test]
fn a_witness_signs_what_continues_and_refuses_the_rest() {
    let f = fixture();
    let memory = f.home.path().join("witness");
    let (directory, keys) = (f.home.audit(), f.engine.audit_keys());
    let look = || witness(&directory, keys, &memory, 77);
    assert_eq!(look().unwrap().before, None);
    let short = fs::read(segment(&f)).unwrap();
    let old = fs::read(directory.join("checkpoint")).unwrap();
    another_process(&f);
    let seen = look().unwrap();
    assert_eq!((seen.before, seen.size), (Some(5), 7));
    assert_eq!(look().unwrap().before, Some(7), "nothing new is no failure");
    let remembered = memory.join(format!("{}.checkpoint", seen.log));
    let kept = fs::read_to_string(&remembered).unwrap();
    assert_eq!(verify(&f, std::slice::from_ref(&kept)).unwrap().continues, [7]);
    // the whole log put back to before what it saw
    let whole = fs::read(segment(&f)).unwrap();
    fs::write(segment(&f), short).unwrap();
    fs::write(directory.join("checkpoint"), old).unwrap();
    assert_eq!(code(look()), "AUDIT_ROOT_REJECTED");
    assert_eq!(code(verify(&f, std::slice::from_ref(&kept))), "AUDIT_ROOT_REJECTED");
    assert_eq!(fs::read_to_string(&remembered).unwrap(), kept, "its memory stays");
    fs::write(segment(&f), whole).unwrap();
    // the log's own checkpoint verifies, the witness's line in it or not
    fs::write(directory.join("checkpoint"), &kept).unwrap();
    assert!(look().is_ok());
    let other = fixture();
    let pinned = memory.join(format!("{}.vkey", seen.log));
    fs::write(&pinned, other.engine.audit_keys().to_vkeys()).unwrap();
    assert_eq!(code(look()), "AUDIT_SIGNATURE_REJECTED");
    fs::write(&pinned, keys.to_vkeys()).unwrap();
    fs::write(memory.join("witness.key"), "name\nshort\n").unwrap();
    assert_eq!(code(look()), "AUDIT_FILE_REJECTED");
}

#[test]
fn a_proof_holds_for_its_entry_and_log() {
    let f = fixture();
    another_process(&f);
    let keys = read_audit_keys(&f.engine.audit_keys().to_vkeys()).unwrap();
    for index in 0..7 {
        let proof = prove_entry(&f.home.audit(), &keys, index).unwrap();
        let checked = check_proof(&proof, &keys).unwrap();
        assert_eq!((checked.size, checked.entry.index), (7, index));
        let moved = proof.replacen(&format!("index {index}"), "index 9", 1);
        assert_eq!(code(check_proof(&moved, &keys)), "AUDIT_PROOF_REJECTED");
        assert_eq!(
            code(check_proof(&proof, fixture().engine.audit_keys())),
            "AUDIT_SIGNATURE_REJECTED"
        );
    }
    assert_eq!(code(prove_entry(&f.home.audit(), &keys, 7)), "AUDIT_NO_SUCH_ENTRY");
    assert_eq!(code(read_audit_keys("nothing")), "AUDIT_SIGNATURE_REJECTED");
}

#[test]
fn a_log_whose_row_was_removed_is_not_begun_anew() {
    let f = fixture();
    another_process(&f);
    let database = rusqlite::Connection::open(f.home.path().join("store.sqlite")).unwrap();
    assert_eq!(database.execute("DELETE FROM audit_logs", []).unwrap(), 1);
    let answer = || code(open(&f.home, &f.clock, Options::default()));
    assert_eq!(answer(), "STORE_ROLLED_BACK");
    fs::remove_dir_all(f.home.audit().join("segments")).unwrap();
    fs::remove_file(f.home.audit().join("checkpoint")).unwrap();
    assert_eq!(answer(), "STORE_ROLLED_BACK", "nor when its files are gone too");
    let none = "UPDATE store_state SET state_root = NULL";
    assert_eq!(database.execute(none, []).unwrap(), 1);
    assert_eq!(answer(), "STORE_ROLLED_BACK", "nor when the state root is");
}

#[test]
fn many_threads_share_writes_and_lose_nothing() {
    const THREADS: usize = 16;
    const EACH: usize = 20;
    let f = fixture();
    let scope = scope("patients", "last_name");
    let envelope = encrypt(&f.engine, &bound(&scope, "r"), "Doe");
    let before = entries(&f).len();
    std::thread::scope(|threads| {
        for _ in 0..THREADS {
            threads.spawn(|| {
                for _ in 0..EACH {
                    let opened = decrypt(&f.engine, &bound(&scope, "r"), &envelope);
                    assert_eq!(opened.as_deref(), Ok("Doe"));
                }
            });
        }
    });
    assert_eq!(entries(&f).len(), before + THREADS * EACH);
    assert!(verify(&f, &[]).is_ok());
}

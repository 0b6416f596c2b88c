//! Documents: byte identity, refusals with their place, whole documents only.

use crate::support::{Fixture, code, fixture};
use medseal_engine::health::{Collection, FieldPath, Profile, Record};
use medseal_engine::records::Finding;
use medseal_engine::records::{Action, DocumentFormat, Job, Report, coverage, scan_for_plaintext};
use medseal_engine::{EngineError, ErrorClass};
use pollster::block_on;
use std::sync::Arc;

const DOCUMENT: &str = "{ \"id\" : \"p1\",\r\n \"ssn\":\"000-12-3456\" , \"n\": 1.50,\n\
    \"list\":[{\"name\":\"A\\u0301\"},{\"name\":\"B\"}], \"keep\":\"x\" }\n";

fn profile(record: bool) -> Arc<Profile> {
    let record = match record {
        true => Record::At(vec![FieldPath::parse("id").unwrap()]),
        false => Record::Unbound,
    };
    let collection = Collection::Constant("patients".to_owned());
    let paths = ["ssn", "n", "list[*].name"];
    Arc::new(Profile::from_paths(&paths, collection, record).unwrap())
}

fn job(action: Action) -> Job {
    Job::new(action, profile(true), "default")
}

fn run(f: &Fixture, job: &Job, input: &str) -> (String, Result<Report, EngineError>) {
    let mut out = Vec::new();
    let mut seen = 0;
    let mut progress = |bytes| seen = bytes;
    let report =
        block_on(f.engine.run_records(job, &mut input.as_bytes(), &mut out, &mut progress));
    (String::from_utf8(out).unwrap(), report)
}

fn ok(f: &Fixture, action: Action, input: &str) -> String {
    let (out, report) = run(f, &job(action), input);
    report.unwrap();
    out
}

fn refused(f: &Fixture, job: &Job, input: &str) -> (String, String, &'static str) {
    let (out, report) = run(f, job, input);
    let error = report.unwrap_err();
    (out, error.to_string(), error.code())
}

#[test]
fn a_document_comes_back_byte_for_byte() {
    let f = fixture();
    let encrypted = ok(&f, Action::Encrypt, DOCUMENT);
    for gone in ["000-12", "1.50", "u0301", "\"B\""] {
        assert!(!encrypted.contains(gone), "{gone}");
    }
    for kept in ["{ \"id\" : \"p1\",\r\n", "\"keep\":\"x\" }\n"] {
        assert!(encrypted.contains(kept), "{kept}");
    }
    assert_eq!(ok(&f, Action::Decrypt, &encrypted), DOCUMENT);
    assert!(matches!(
        block_on(f.engine.list_fields("default")).unwrap().as_slice(),
        [a, b, c] if a.field == "list[*].name" && b.field == "n" && c.field == "ssn"
    ));
}

#[test]
fn values_of_two_records_cannot_be_exchanged() {
    let f = fixture();
    let two = DOCUMENT.replace('\r', "").replace("p1", "p2");
    let (one, two) = (ok(&f, Action::Encrypt, DOCUMENT), ok(&f, Action::Encrypt, &two));
    let ssn = |text: &str| {
        let start = text.find("\"ms1:").unwrap();
        text[start..start + text[start + 1..].find('"').unwrap() + 2].to_owned()
    };
    let swapped = one.replace(&ssn(&one), &ssn(&two));
    let (out, message, code) = refused(&f, &job(Action::Decrypt), &swapped);
    assert_eq!((out.as_str(), code), ("", "REJECTED"));
    assert!(message.starts_with("line 2, column 8"), "{message}");
}

#[test]
fn reencryption_moves_everything_once() {
    let f = fixture();
    let old = ok(&f, Action::Encrypt, DOCUMENT);
    assert_eq!(ok(&f, Action::Reencrypt, &old), old);
    block_on(f.engine.rotate_key("default", "default", None, None)).unwrap();
    let (new, report) = run(&f, &job(Action::Reencrypt), &old);
    assert_eq!(report.unwrap().values, 4);
    assert_ne!(new, old);
    let (again, report) = run(&f, &job(Action::Reencrypt), &new);
    let report = report.unwrap();
    assert_eq!((report.values, report.unchanged), (0, 4));
    assert_eq!(again, new);
    assert_eq!(ok(&f, Action::Decrypt, &new), DOCUMENT);
}

#[test]
fn what_is_in_its_target_form_is_refused_unless_migrating() {
    let f = fixture();
    let encrypted = ok(&f, Action::Encrypt, DOCUMENT);
    let (_, _, code) = refused(&f, &job(Action::Encrypt), &encrypted);
    assert_eq!(code, "ALREADY_ENCRYPTED");
    let (out, _, code) = refused(&f, &job(Action::Decrypt), DOCUMENT);
    assert_eq!((out.as_str(), code), ("", "PLAINTEXT_WHERE_PROTECTED"));
    let migrating = |action| Job { migrating: true, ..job(action) };
    let (same, report) = run(&f, &migrating(Action::Encrypt), &encrypted);
    assert_eq!((same.as_str(), report.unwrap().unchanged), (encrypted.as_str(), 4));
    let (same, _) = run(&f, &migrating(Action::Decrypt), DOCUMENT);
    assert_eq!(same, DOCUMENT);
}

#[test]
fn whole_lines_before_a_bad_one_are_written_and_nothing_after() {
    let f = fixture();
    let line = |id: &str| format!("{{\"id\":\"{id}\",\"ssn\":\"s\"}}\n");
    let input = format!("{}\n{}{{\"id\":\"c\",,}}\n{}", line("a"), line("b"), line("d"));
    let (out, message, code) = refused(&f, &job(Action::Encrypt), &input);
    assert_eq!((out.lines().count(), code), (3, "JSON_SYNTAX"));
    assert!(message.starts_with("line 4, column 11"), "{message}");
    assert_eq!(ok(&f, Action::Decrypt, &out), format!("{}\n{}", line("a"), line("b")));

    // a line that opens nowhere ends the run after the whole ones before it
    let good = ok(&f, Action::Encrypt, &format!("{}{}", line("a"), line("b")));
    let moved = good.replace("\"b\"", "\"x\"");
    let (out, _, code) = refused(&f, &job(Action::Decrypt), &moved);
    assert_eq!((out.as_str(), code), (line("a").as_str(), "REJECTED"));
}

#[test]
fn many_lines_go_through_in_batches() {
    let f = fixture();
    let input: String = (0..30_000)
        .map(|i| format!("{{\"id\":\"p{i}\",\"ssn\":\"{i:09}\",\"pad\":\"{:040}\"}}\r\n", i))
        .collect();
    assert!(input.len() > 2 << 20);
    let encrypted = ok(&f, Action::Encrypt, &input);
    assert_eq!(ok(&f, Action::Decrypt, &encrypted), input);
    let one = Job { format: Some(DocumentFormat::Json), ..job(Action::Encrypt) };
    assert_eq!(refused(&f, &one, &input).2, "JSON_TRAILING_DATA");
    let empty = Job { format: Some(DocumentFormat::Ndjson), ..job(Action::Encrypt) };
    assert_eq!(run(&f, &empty, "").0, "");
    assert_eq!(refused(&f, &job(Action::Encrypt), "").2, "JSON_EMPTY");
}

#[test]
fn batches_side_by_side_keep_the_order_and_stop_at_the_first_bad_line() {
    let f = fixture();
    let line = |i: u32| {
        format!("{{\"id\":\"p{i}\",\"ssn\":\"{i:09}\",\"keep\":\"{}\"}}\n", "k".repeat(900))
    };
    // about six batches
    let lines: String = (0..6_000).map(line).collect();
    let (encrypted, report) = run(&f, &job(Action::Encrypt), &lines);
    let report = report.unwrap();
    assert_eq!((report.documents, report.values), (6_000, 6_000));
    assert_eq!(report.bytes_read, lines.len() as u64);
    assert_eq!(report.unmatched_selectors, ["n", "list[*].name"]);
    let key = block_on(f.engine.show_key("default", "default")).unwrap();
    assert_eq!(key.versions[0].messages, 6_000);
    assert_eq!(ok(&f, Action::Decrypt, &encrypted), lines);
    // a bad line in one of the last batches: everything before it and nothing of it or after it
    let at = encrypted.match_indices('\n').nth(4_999).unwrap().0 + 1;
    let damaged = format!("{}{{\"id\"\n{}", &encrypted[..at], &encrypted[at..]);
    let (out, message, code) = refused(&f, &job(Action::Decrypt), &damaged);
    assert_eq!(code, "JSON_TRUNCATED");
    assert!(message.starts_with("line 5001"), "{message}");
    assert_eq!(out, lines.split_inclusive('\n').take(5_000).collect::<String>());
}

#[test]
fn a_profile_that_disagrees_with_a_definition_is_refused() {
    let f = fixture();
    ok(&f, Action::Encrypt, DOCUMENT);
    let unbound = Job::new(Action::Encrypt, profile(false), "default");
    assert_eq!(refused(&f, &unbound, DOCUMENT).2, "FIELD_CONFLICT");
    let no_id = "{\"ssn\":\"x\"}";
    assert_eq!(refused(&f, &job(Action::Encrypt), no_id).2, "RECORD_ID_MISSING");
    let (_, report) = run(&f, &job(Action::Encrypt), "{\"id\":\"z\",\"other\":1}");
    assert_eq!(report.unwrap().unmatched_selectors, ["ssn", "n", "list[*].name"]);
}

/// A profile that deletes what another one sealed would lose data without a word.
#[test]
fn a_profile_that_disagrees_in_class_or_placement_is_refused() {
    let toml = |class: &str, placement: &str| {
        format!(
            "profile = \"own\"\nrevision = 1\n[document]\ncollection = \"c\"\nrecord = \"none\"\n\
             [[rule]]\npaths = [\"a\"]\nplacement = \"{placement}\"\nclass = \"{class}\"\n"
        )
    };
    let f = fixture();
    let job = |class, placement| {
        let profile = Profile::from_toml(&toml(class, placement)).unwrap();
        Job::new(Action::Encrypt, Arc::new(profile), "default")
    };
    run(&f, &job("name", "inline"), "{\"a\":1}").1.unwrap();
    run(&f, &job("name", "inline"), "{\"a\":2}").1.unwrap();
    run(&f, &job("unclassified", "inline"), "{\"a\":2}").1.unwrap();
    for (class, placement) in [("name", "remove"), ("clinical", "inline"), ("other", "remove")] {
        let (out, message, code) = refused(&f, &job(class, placement), "{\"a\":3}");
        assert_eq!((out.as_str(), code), ("", "FIELD_CONFLICT"), "{class} {placement}: {message}");
    }
}

#[test]
fn a_profile_registers_no_field_under_a_key_that_cannot_encrypt_it() {
    let f = fixture();
    let job = |key: &str| {
        let toml = format!(
            "profile = \"own\"\nrevision = 1\n[document]\ncollection = \"c\"\nrecord = \"none\"\n\
             [[rule]]\npaths = [\"a\"]\nplacement = \"inline\"\nclass = \"x\"\nkey = \"{key}\"\n"
        );
        let profile = Arc::new(Profile::from_toml(&toml).unwrap());
        Job::new(Action::Encrypt, profile, "default")
    };
    assert_eq!(refused(&f, &job("files"), "{\"a\":1}").2, "KEY_PURPOSE");
    assert_eq!(refused(&f, &job("none"), "{\"a\":1}").2, "KEY_NOT_FOUND");
    run(&f, &job("default"), "{\"a\":1}").1.unwrap();
}

#[test]
fn damaged_envelopes_are_malformed_or_rejected_with_their_place() {
    let f = fixture();
    let encrypted = ok(&f, Action::Encrypt, "{\"id\":\"p\",\"ssn\":\"x\"}");
    let damaged = [
        (encrypted.replace("ms1:-", "ms1:+"), "ENVELOPE_MALFORMED"),
        (encrypted.replace("\"}", "=\"}"), "ENVELOPE_MALFORMED"),
        (encrypted.replace("ms1:-AEB", "ms1:-AEA"), "ENVELOPE_MALFORMED"),
        (encrypted.replace("\"p\"", "\"q\""), "REJECTED"),
    ];
    for (input, expected) in damaged {
        let (out, message, code) = refused(&f, &job(Action::Decrypt), &input);
        assert_eq!((out.as_str(), code), ("", expected), "{message}");
        assert!(message.starts_with("line 1, column 17"), "{message}");
    }
}

#[test]
fn coverage_and_scan_need_no_key() {
    let input = "{\"id\":\"p\",\"ssn\":\"x\",\"n\":\"ms1:AA\",\"other\":true}";
    let report = coverage(profile(true), &mut input.as_bytes()).unwrap();
    let covers: Vec<_> = report.paths.iter().map(|p| (p.path.as_str(), p.cover)).collect();
    assert_eq!(covers, [("id", "identity"), ("n", "inline"), ("other", "none"), ("ssn", "inline")]);
    assert_eq!(report.unmatched_selectors, ["list[*].name"]);
    let scan = |input: &str| {
        let mut found = Vec::new();
        let mut report = |f: Finding| found.push((f.path, f.found));
        let done = scan_for_plaintext(profile(true), &mut input.as_bytes(), &mut report);
        (found, code(done))
    };
    let ssn = ("ssn".to_owned(), "plaintext");
    assert_eq!(scan(input), (vec![ssn.clone(), ("n".to_owned(), "malformed")], "OK"));
    assert_eq!(scan("{\"ssn\":\"x\"}"), (vec![ssn.clone()], "OK"), "no id is needed to look");
    assert_eq!(scan("{\"ssn\":\"x\"}\n{bad\n"), (vec![ssn], "JSON_SYNTAX"));
    let error = coverage(profile(true), &mut &b"{\"a\":1}\n{\"a\":}\n"[..]).unwrap_err();
    assert_eq!((error.code(), error.class()), ("JSON_SYNTAX", ErrorClass::Malformed));
}

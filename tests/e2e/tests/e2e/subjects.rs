//! Subjects from the command line: bound, held, erased, certified; killed while erasing; and their
//! ids nowhere.

use crate::kill::{duration, kill};
use crate::reference::{Keys, ask, bytes_of, hex};
use crate::world::{World, finish, python, workspace};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

const PLACE: &str = "patients/last_name/r1";

fn world(ids: &[&str]) -> World {
    let world = World::new();
    ids.iter().for_each(|id| world.write(&format!("{id}.id"), format!("{id}\n")));
    world
}

fn encrypt(world: &World, id: &str) -> Vec<u8> {
    world.ok(&["encrypt", "-c", PLACE, "--subject", &format!("@{id}.id")], id.as_bytes())
}

#[test]
fn a_value_goes_with_its_patient() {
    let world = world(&["jane", "john"]);
    let (jane, john) = (encrypt(&world, "jane"), encrypt(&world, "john"));
    let decrypt = |id: &str, envelope: &[u8]| {
        let subject = format!("@{id}.id");
        world.run(&["decrypt", "-c", PLACE, "--subject", &subject], envelope)
    };
    assert_eq!(decrypt("jane", &jane).stdout, b"jane");
    assert_eq!(decrypt("john", &jane).code, 1);
    let context = "collection=patients,field=last_name,record=r1,subject=jane";
    assert_eq!(world.ok(&["decrypt", "--context", context], &jane), b"jane");
    world.refused(&["decrypt", "-c", PLACE], &jane, 1, "REJECTED");
    let twice = ["decrypt", "--context", context, "--subject", "@jane.id"];
    world.refused(&twice, &jane, 2, "USAGE");
    world.ok(&["key", "rotate", "default"], b"");
    let newest = world.ok(&["reencrypt", "-c", PLACE, "--subject", "@jane.id"], &jane);
    assert_eq!(decrypt("jane", &newest).stdout, b"jane");
    world.ok(&["subject", "erase", "@jane.id", "--reason", "request 1", "-o", "certificate"], b"");
    for envelope in [&jane, &newest] {
        let args = ["decrypt", "-c", PLACE, "--subject", "@jane.id"];
        world.refused(&args, envelope, 4, "SUBJECT_ERASED");
    }
    assert_eq!(decrypt("john", &john).stdout, b"john");
    assert_eq!(
        world.ok(&["subject", "certificate", "show", "@jane.id"], b""),
        world.read("certificate")
    );
    let checked =
        world.json(&["subject", "certificate", "verify", "certificate", "--subject", "@jane.id"]);
    assert_eq!((&checked["is_of_subject"], &checked["is_complete"]), (&true.into(), &false.into()));
    let other = ["subject", "certificate", "verify", "certificate", "--subject", "@john.id"];
    world.refused(&other, b"", 1, "REJECTED");
    world.refused(&["subject", "erase", "@nobody.id", "--reason", "r"], b"", 2, "IO_FAILED");
}

#[test]
fn files_and_tables_go_with_their_patients() {
    let world = world(&["jane"]);
    world.write("ecg", "recording");
    let subject = ["--subject", "@jane.id"];
    world.ok(
        &[&["file", "encrypt", "-c", "recordings/ecg/1"], &subject[..], &["ecg", "ecg.ms1"]]
            .concat(),
        b"",
    );
    let open =
        [&["file", "decrypt", "-c", "recordings/ecg/1"], &subject[..], &["ecg.ms1"]].concat();
    assert_eq!(world.ok(&open, b""), b"recording");
    world.write("t.csv", "visit,patient,ssn\n1,jane,900\n2,john,901\n");
    let table = |command: &'static str| {
        vec![
            "table",
            command,
            "-c",
            "visits",
            "--columns",
            "ssn",
            "--record-column",
            "visit",
            "--subject-column",
            "patient",
        ]
    };
    world.ok(&[&table("encrypt")[..], &["t.csv", "-o", "s.csv"]].concat(), b"");
    assert_eq!(world.ok(&[&table("decrypt")[..], &["s.csv"]].concat(), b""), world.read("t.csv"));
    assert_eq!(world.json(&["subject", "list"]).as_array().unwrap().len(), 2);
    world.ok(&["subject", "erase", "@jane.id", "--reason", "request 1"], b"");
    world.refused(&open, b"", 4, "SUBJECT_ERASED");
    let ran = world.run(&[&table("decrypt")[..], &["s.csv", "--json"]].concat(), b"");
    assert_eq!((ran.code, ran.error()["code"].as_str()), (4, Some("SUBJECT_ERASED")));
    let columns = world.json(&[&["table", "coverage"], &table("x")[2..], &["t.csv"]].concat());
    assert_eq!(columns[1]["cover"], "subject");
}

#[test]
fn ids_do_not_stand_on_the_command_line() {
    let world = world(&["jane"]);
    encrypt(&world, "jane");
    let plain: [&[&str]; 9] = [
        &["subject", "show", "jane"],
        &["subject", "show", "@jane.id", "jane"],
        &["subject", "erase", "jane", "--reason", "r"],
        &["subject", "hold", "jane", "--name", "n", "--reason", "r"],
        &["subject", "release", "jane", "--name", "n"],
        &["subject", "certificate", "show", "jane"],
        &["subject", "show"],
        &["encrypt", "-c", PLACE, "--subject", "jane"],
        &["decrypt", "-c", PLACE, "--subject", "@"],
    ];
    for args in plain {
        let message = world.refused(args, b"", 2, "USAGE");
        assert!(message.contains("@FILE") && !message.contains("jane"), "{args:?}: {message}");
        let ran = world.run(args, b"");
        assert!(!ran.err().contains("jane"), "{}", ran.err());
    }
    for content in ["", "\n", "a\nb\n"] {
        world.write("odd.id", content);
        world.refused(&["subject", "show", "@odd.id"], b"", 2, "USAGE");
    }
    let reason = ["subject", "erase", "@jane.id", "--reason", "jane wants it"];
    world.refused(&reason, b"", 2, "REASON_INVALID");
}

#[test]
fn holds_are_placed_shown_and_released() {
    let world = world(&["jane"]);
    encrypt(&world, "jane");
    let hold = ["subject", "hold", "@jane.id", "--name", "case-1", "--reason", "Doe vs Roe"];
    world.ok(&hold, b"");
    world.refused(&hold, b"", 4, "SUBJECT_HOLD");
    let shown = world.json(&["subject", "show", "@jane.id"]);
    assert_eq!((&shown["state"], &shown["holds"][0]["name"]), (&"held".into(), &"case-1".into()));
    let erase = ["subject", "erase", "@jane.id", "--reason", "request 1"];
    world.refused(&erase, b"", 4, "SUBJECT_HELD");
    world.ok(&["subject", "release", "@jane.id", "--name", "case-1"], b"");
    let erased: Value =
        serde_json::from_slice(&world.ok(&[&erase[..], &["--json"]].concat(), b"")).unwrap();
    assert!(erased["complete"].is_string() && erased["certificate"].is_string());
    assert_eq!(world.json(&["subject", "show", "@jane.id"])["state"], "erased");
}

/// Our verifier and one in Python, which shares no code with it.
#[test]
fn both_verifiers_accept_the_certificate_and_refuse_every_change() {
    let world = world(&["jane"]);
    encrypt(&world, "jane");
    let certificate = world.ok(&["subject", "erase", "@jane.id", "--reason", "request 1"], b"");
    let certificate = String::from_utf8(certificate).unwrap();
    world.write("vkey", world.ok(&["audit", "key"], b""));
    let both = |text: &str| {
        world.write("c", text);
        let ours =
            world.run(&["subject", "certificate", "verify", "c", "--vkey", "vkey"], b"").code;
        let program = std::env::var("MEDSEAL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut python = Command::new(program);
        python.arg(workspace().join("reference/verify_certificate.py"));
        (ours, finish(python.args([world.path("c"), world.path("vkey")]), b"").code)
    };
    assert_eq!(both(&certificate), (0, 0));
    let lines: Vec<&str> = certificate.split_inclusive('\n').collect();
    for at in 0..lines.len() {
        let without: String =
            lines.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, l)| *l).collect();
        assert_eq!(both(&without), (1, 1), "without line {at}");
    }
    for (from, to) in [
        ("\nreason request 1", "\nreason request 2"),
        ("\ncomplete 2", "\ncomplete 3"),
        ("pseudonyms 0", "pseudonyms 1"),
        ("tenant-keys ", ""),
        ("\nkeys ", "\nmore\nkeys "),
    ] {
        let changed = certificate.replacen(from, to, 1);
        assert_ne!(changed, certificate);
        assert_eq!(both(&changed), (1, 1), "{to}");
    }
    let checkpoint = fs::read_to_string(world.home().join("audit/checkpoint")).unwrap();
    assert_eq!(both(&checkpoint), (1, 1), "a checkpoint is no certificate");
    let foreign = World::new();
    world.write("vkey", foreign.ok(&["audit", "key"], b""));
    assert_eq!(both(&certificate), (1, 1), "another log's keys");
}

/// Afterwards the patient is erased and has the certificate, or is not erased; never in between.
#[test]
fn a_killed_erasure_is_whole_or_absent() {
    const KILLS: usize = 60;
    let most = u32::try_from(KILLS).unwrap();
    let ids: Vec<String> = (0..=KILLS).map(|n| format!("patient-{n}")).collect();
    let world = world(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let sealed: Vec<Vec<u8>> = ids.iter().map(|id| encrypt(&world, id)).collect();
    let files: Vec<String> = ids.iter().map(|id| format!("@{id}.id")).collect();
    let erase = |n: usize| ["subject", "erase", &files[n], "--reason", "request"];
    let usual = duration(&world, &erase(KILLS));
    let (mut hits, mut erased) = (0, 0);
    for n in 0..KILLS {
        hits += u32::from(kill(&world, &erase(n), usual));
        let decrypt = ["decrypt", "-c", PLACE, "--subject", &files[n]];
        if world.json(&["subject", "show", &files[n]])["state"] == "erased" {
            erased += 1;
            world.refused(&decrypt, &sealed[n], 4, "SUBJECT_ERASED");
            world.write("c", world.ok(&["subject", "certificate", "show", &files[n]], b""));
            let verify = ["subject", "certificate", "verify", "c", "--subject", &files[n]];
            world.ok(&verify, b"");
        } else {
            assert_eq!(world.ok(&decrypt, &sealed[n]), ids[n].as_bytes());
            let certificate = ["subject", "certificate", "show", &files[n]];
            world.refused(&certificate, b"", 4, "SUBJECT_NOT_ERASED");
        }
    }
    world.ok(&["audit", "verify"], b"");
    world.ok(&["doctor"], b"");
    assert!(hits > most / 4, "only {hits} of {KILLS} kills met a running process");
    assert!(erased < KILLS, "every one of them was too late");
}

/// Every form of the list, the FHIR one judged by a Python program, and proofs that hold.
#[test]
fn disclosures_are_listed_for_people_tables_and_fhir() {
    let world = world(&["jane", "john"]);
    let jane = encrypt(&world, "jane");
    encrypt(&world, "john");
    world.ok(&["decrypt", "-c", PLACE, "--subject", "@jane.id"], &jane);
    world.ok(&["key", "rotate", "default"], b"");
    world.ok(&["reencrypt", "-c", PLACE, "--subject", "@jane.id"], &jane);
    let list = |extra: &[&str]| {
        let args = [&["subject", "disclosures", "@jane.id"], extra].concat();
        String::from_utf8(world.ok(&args, b"")).unwrap()
    };
    let text = list(&["--proofs", "proofs"]);
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.contains("decrypt") && text.contains("reencrypt") && !text.contains("jane"));
    world.ok(&["audit", "key"], b"");
    world.write("vkey", world.ok(&["audit", "key"], b""));
    let proofs = fs::read_dir(world.path("proofs")).unwrap().map(|entry| entry.unwrap().path());
    let proofs: Vec<_> = proofs.collect();
    assert_eq!(proofs.len(), 4);
    for proof in &proofs {
        let proof = proof.to_str().unwrap();
        world.ok(&["audit", "check-proof", "--vkey", "vkey", proof], b"");
        let verifier = workspace().join("reference/verify_audit.py");
        let vkey = world.path("vkey");
        let args = [verifier.to_str().unwrap(), "--proof", proof, vkey.to_str().unwrap()];
        assert!(python(&args, "").starts_with("ok: entry"));
    }
    let again = ["subject", "disclosures", "@jane.id", "--proofs", "proofs"];
    world.refused(&again, b"", 6, "IO_FAILED");
    let csv = list(&["--format", "csv"]);
    assert!(csv.starts_with("time,principal,") && csv.ends_with("\r\n"));
    let json = world.json(&["subject", "disclosures", "@jane.id"]);
    let first = &json["disclosures"][0];
    assert_eq!((&first["operation"], &first["items"]), (&"encrypt".into(), &1.into()));
    assert!(first["proof"].as_str().unwrap().starts_with("c2sp.org/tlog-proof@v1"));
    world.write("events.ndjson", list(&["--format", "fhir"]));
    let judge = workspace().join("reference/fhir_audit_events.py");
    let events = world.path("events.ndjson");
    let judged = python(&[judge.to_str().unwrap(), events.to_str().unwrap()], "");
    let profiles = "PatientCreate: 1, PatientRead: 1, PatientUpdate: 1";
    assert!(judged.starts_with(profiles), "{judged}");
    let both = ["subject", "disclosures", "@jane.id", "--format", "csv", "--json"];
    assert_eq!(world.run(&both, b"").code, 2);
    let none = list(&["--until", "2020-01-01T00:00:00Z"]);
    assert_eq!(none, "");
    world.ok(&["subject", "erase", "@jane.id", "--reason", "request"], b"");
    world.refused(&["subject", "disclosures", "@jane.id"], b"", 4, "SUBJECT_ERASED");
    world.ok(&["audit", "verify"], b"");
}

/// The judge itself: what lacks something that the profile asks for is refused.
#[test]
fn the_judge_of_audit_events_refuses_what_lacks_something() {
    let world = world(&["jane"]);
    encrypt(&world, "jane");
    let args = ["subject", "disclosures", "@jane.id", "--format", "fhir"];
    let events = String::from_utf8(world.ok(&args, b"")).unwrap();
    let judge = workspace().join("reference/fhir_audit_events.py");
    let program = std::env::var("MEDSEAL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    for (from, to) in [
        ("\"1\",\"display\":\"Person\"", "\"3\",\"display\":\"Person\""),
        ("110153", "110154"),
        ("\"action\":\"C\"", "\"action\":\"R\""),
        ("\"outcome\":\"0\"", "\"outcome\":\"4\""),
        ("\"recorded\":\"2", "\"recorded\":\"x2"),
        ("\"requestor\":true", "\"requestor\":\"who\""),
        ("\"source\"", "\"sauce\""),
    ] {
        assert!(events.contains(from), "{from} in {events}");
        world.write("broken", events.replacen(from, to, 1));
        let ran = finish(Command::new(&program).arg(&judge).arg(world.path("broken")), b"");
        assert_eq!(ran.code, 1, "{to}: {}", ran.out());
    }
}

/// The Python reference reads the subject's secret out of the home and opens what the binary sealed,
/// and the binary opens what the reference sealed.
#[test]
fn the_reference_and_the_binary_read_each_others_values_of_a_subject() {
    let world = world(&["jane", "john"]);
    let sealed = encrypt(&world, "jane");
    encrypt(&world, "john");
    let header: Value = serde_json::from_slice(&world.ok(&["inspect", "--json"], &sealed)).unwrap();
    let id = crate::world::text(&header["key_version_id"]);
    let keys = Keys::of(&world);
    let context = |subject: &str| {
        json!({"tenant": "default", "collection": "patients", "field": "last_name", "record": "r1",
               "subject": subject})
    };
    let decrypt = |subject: &str| {
        let mut request = keys.request_of_subject(&id, &context(subject));
        request["text"] = String::from_utf8(sealed.clone()).unwrap().trim().into();
        (request["suite"], request["flags"]) = (1.into(), 10.into());
        request
    };
    let answers = ask("decrypt", vec![decrypt("jane"), decrypt("john")]);
    assert_eq!(answers[0]["ok"], json!({"type": 1, "value_hex": hex(b"jane")}));
    assert_eq!(answers[1]["error"], "rejected");
    let mut request = keys.request_of_subject(&id, &context("jane"));
    for (name, value) in [
        ("suite", json!(1)),
        ("value_type", json!(1)),
        ("value_hex", json!(hex(b"from Python"))),
        ("salt", json!("a0".repeat(12))),
        ("nonce", json!("c0".repeat(12))),
    ] {
        request[name] = value;
    }
    let theirs = ask("encrypt", vec![request]);
    let theirs = bytes_of(&crate::world::text(&theirs[0]["ok"]["envelope"]));
    assert_eq!(
        world.ok(&["decrypt", "-c", PLACE, "--subject", "@jane.id"], &theirs),
        b"from Python"
    );
    world.ok(&["subject", "erase", "@jane.id", "--reason", "request"], b"");
    assert_eq!(Keys::of(&world).subjects().len(), 2, "nothing of the erased one is left to read");
}

//! Documents: byte identity, what is refused, whole outputs only, scan, coverage, re-encryption.

use crate::world::{World, text};
use serde_json::Value;
use std::fs;
use std::process::Stdio;

const ENCRYPT: [&str; 2] = ["record", "encrypt"];
const DECRYPT: [&str; 2] = ["record", "decrypt"];
const PATHS: [&str; 6] = ["--paths", "a,b[*].c", "-c", "things", "--record-path", "id"];

/// Documents whose every byte must come back.
const DOCUMENTS: [&str; 9] = [
    "{\"id\":\"p1\",\"ssn\":\"123-45-6789\"}",
    "\r\n{ \"id\" :\t\"p1\" ,\r\n  \"ssn\":1.50,\r\n \"first_name\" : \"M\\u00fcller \\ud83e\\udda0\" }\r\n",
    "{\"id\":7,\"mrn\":1e400,\"phone\":-0.0,\"email\":true,\"notes\":false}  \n\n",
    "{\"id\":\"p1\",\"ssn\":null,\"first_name\":\"\",\"other\":[1.0,1.00,\"\\/\"]}",
    "{\"id\":\"p1\",\"address\":{ \"street\" : \"A  B\",\r\n\"zip\":\t[1 , 2.50 ] },\"plan\":[ ]}",
    "{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"a\",\
     \"name\":[{\"family\":\"X\",\"given\":[\"Y\",\"Z\"]}]}},{\"resource\":{\"resourceType\":\
     \"Patient\",\"id\":\"b\",\"name\":[{\"family\":\"X\"}]}}]}",
    "{\"id\":\"p1\",\"ssn\":1.50}\n{\"id\":\"p2\",\"ssn\":1e-7}\r\n\n{ \"id\":\"p3\" }",
    "{\"id\":\"p1\",\"ssn\":\"\\u0041\\n\\\"\"}\n{\"id\":\"p1\",\"ssn\":\"m\\u0073\"}\n",
    "[ 1, {\"unprotected\" : 2.0 } ]",
];

#[test]
fn every_byte_comes_back() {
    let world = World::new();
    for document in DOCUMENTS {
        let encrypted = world.ok(&ENCRYPT, document.as_bytes());
        let decrypted = world.ok(&DECRYPT, &encrypted);
        assert_eq!(String::from_utf8(decrypted).unwrap(), document);
    }
}

#[test]
fn bytes_outside_protected_values_stay() {
    let world = World::new();
    let document = "{ \"id\":\"p1\",\r\n\t\"ssn\" :  1.50 ,\"x\":1e400, \"mrn\":\"Q\"}\r\n ";
    let encrypted = String::from_utf8(world.ok(&ENCRYPT, document.as_bytes())).unwrap();
    let frame = encrypted.split("\"ms1:").map(|p| p.split_once('"').map_or(p, |(_, rest)| rest));
    let first = encrypted.split("\"ms1:").next().unwrap();
    let frame: Vec<&str> = std::iter::once(first).chain(frame.skip(1)).collect();
    assert_eq!(frame, ["{ \"id\":\"p1\",\r\n\t\"ssn\" :  ", " ,\"x\":1e400, \"mrn\":", "}\r\n "]);
}

#[test]
fn paths_profiles_files_and_pipes() {
    // in this order: who says a class fixes it, who says none takes it
    let world = World::new();
    let document = b"{\"id\":\"1\",\"a\":\"A\",\"b\":[{\"c\":2.0},{\"c\":null}],\"d\":3}\n";
    world.write("in.json", document);
    world.write("p.toml", PROFILE);
    for protection in [&["--profile", "p.toml"][..], &PATHS] {
        let to_file = [&ENCRYPT[..], protection, &["in.json", "-o", "out.json"]].concat();
        assert_eq!(world.ok(&to_file, b""), b"");
        assert_eq!(world.read("out.json").windows(5).filter(|w| w == b"\"ms1:").count(), 2);
        let piped = world.ok(&[&DECRYPT[..], protection].concat(), &world.read("out.json"));
        assert_eq!(piped, document);
        let over_itself = [&DECRYPT[..], protection, &["out.json", "-o", "out.json"]].concat();
        world.ok(&over_itself, b"");
        assert_eq!(world.read("out.json"), document);
    }
}

const PROFILE: &str = r#"profile = "mine"
revision = 1
[document]
collection = "things"
record = { path = ["id"] }
unnamed = "keep"
[[rule]]
paths = ["a", "b[*].c"]
placement = "inline"
class = "general"
"#;

#[test]
fn verification_after_encryption_changes_nothing() {
    let world = World::new();
    for verify in ["off", "sampled", "always"] {
        let args = [&ENCRYPT[..], &["--verify-after-encrypt", verify]].concat();
        let encrypted = world.ok(&args, lines(40, 0).as_bytes());
        assert_eq!(world.ok(&DECRYPT, &encrypted), lines(40, 0).as_bytes());
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let world = World::new();
    world.write("in", lines(60_000, 0));
    let mut command = world.command(&["record", "encrypt", "in"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*told), (Some(0), ""), "`medseal … | head`");
}

#[test]
fn files_that_cannot_be_used() {
    let world = World::new();
    world.write("in", lines(2, 0));
    world.refused(&["record", "encrypt", "missing"], b"", 2, "IO_FAILED");
    world.refused(&["record", "encrypt", "home"], b"", 2, "IO_FAILED");
    world.refused(&["record", "encrypt", "in", "-o", "missing/out"], b"", 6, "IO_FAILED");
    world.refused(&["record", "encrypt", "in", "-o", "home"], b"", 6, "IO_FAILED");
    world.refused(&["record", "encrypt", "--profile", "none", "in"], b"", 2, "USAGE");
    world.refused(&["record", "encrypt", "--profile", "in.toml", "in"], b"", 2, "IO_FAILED");
    let unbound = ["record", "encrypt", "--paths", "ssn", "-c", "x", "in"];
    world.refused(&unbound, b"", 2, "USAGE");
}

#[test]
fn the_wrong_form_is_refused_unless_migrating() {
    let world = World::new();
    let plain = b"{\"id\":\"p1\",\"ssn\":\"1\",\"mrn\":\"2\"}";
    let encrypted = world.ok(&ENCRYPT, plain);
    world.refused(&ENCRYPT, &encrypted, 1, "ALREADY_ENCRYPTED");
    world.refused(&DECRYPT, plain, 1, "PLAINTEXT_WHERE_PROTECTED");
    let again = world.ok(&["record", "encrypt", "--migrating"], &encrypted);
    assert_eq!(again, encrypted);
    assert_eq!(world.ok(&["record", "decrypt", "--migrating"], plain), plain);
    let mixed = [&plain[..], b"\n", &encrypted[..], b"\n"].concat();
    let whole = world.ok(&["record", "encrypt", "--migrating"], &mixed);
    let back = world.ok(&DECRYPT, &whole);
    assert_eq!(back, [&plain[..], b"\n", &plain[..], b"\n"].concat());
}

#[test]
fn malformed_documents() {
    let world = World::new();
    for (document, code) in [
        ("", "JSON_EMPTY"),
        ("\u{feff}{}", "JSON_BOM"),
        ("{\"id\":\"p\",\"ssn\":\"Zyxwv", "JSON_TRUNCATED"),
        ("{\"id\":\"p\",\"ssn\":01}", "JSON_NUMBER"),
        ("{\"id\":\"p\",\"ssn\":\"\\q\"}", "JSON_ESCAPE"),
        ("{\"id\":\"p\",\"id\":\"q\"}", "JSON_DUPLICATE_KEY"),
        ("{\"ssn\":\"Zyxwv\"}", "RECORD_ID_MISSING"),
        ("{\"id\":{},\"ssn\":\"Zyxwv\"}", "RECORD_ID_INVALID"),
    ] {
        let message = world.refused(
            &[&ENCRYPT[..], &["--format", "json"]].concat(),
            document.as_bytes(),
            3,
            code,
        );
        assert!(!message.contains("Zyxwv"), "{message}");
    }
    let deep = "[".repeat(200) + &"]".repeat(200);
    world.refused(&ENCRYPT, deep.as_bytes(), 3, "JSON_TOO_DEEP");
    world.ok(&["record", "encrypt", "--max-depth", "300"], deep.as_bytes());
}

/// `count` records as lines; line `broken` (from 1) ends in the middle of its value.
fn lines(count: usize, broken: usize) -> String {
    let line = |n: usize| {
        let end = if n == broken { "" } else { "\"}" };
        format!("{{\"id\":\"p{n}\",\"ssn\":\"Zyxwv-{n}{end}\n")
    };
    (1..=count).map(line).collect()
}

#[test]
fn records_before_a_malformed_line_come_whole() {
    let world = World::new();
    // the last is beyond the first mebibyte, in a later batch
    for broken in [1, 3, 700, 36_001] {
        let input = lines(broken + 20, broken);
        let ran = world.run(&[&ENCRYPT[..], &["--json"]].concat(), input.as_bytes());
        let message = text(&ran.error()["message"]);
        assert_eq!(ran.code, 3);
        assert!(message.contains(&format!("line {broken},")), "{message}");
        assert!(!message.contains("Zyxwv"), "{message}");
        let whole: String = lines(broken - 1, 0);
        assert_eq!(ran.out().lines().count(), broken - 1);
        if broken > 1 {
            assert_eq!(world.ok(&DECRYPT, &ran.stdout), whole.as_bytes());
        }
    }
}

#[test]
fn an_output_file_appears_whole_or_not_at_all() {
    let world = World::new();
    world.write("in", lines(30, 20));
    world.write("old", "old");
    for (name, before) in [("new", None), ("old", Some(b"old".to_vec()))] {
        let args = [&ENCRYPT[..], &["in", "-o", name]].concat();
        world.refused(&args, b"", 3, "JSON_TRUNCATED");
        assert_eq!(std::fs::read(world.path(name)).ok(), before);
    }
    let partial = |p: &std::path::PathBuf| p.to_string_lossy().ends_with(".partial");
    assert_eq!(world.files().iter().filter(|p| partial(p)).count(), 0);
}

#[test]
fn swapped_values_are_rejected() {
    let world = World::new();
    let document = lines(2, 0);
    let encrypted = String::from_utf8(world.ok(&ENCRYPT, document.as_bytes())).unwrap();
    let parts: Vec<&str> = encrypted.split('"').collect();
    let (first, second) = (parts[7], parts[15]);
    assert!(first.starts_with("ms1:") && second.starts_with("ms1:") && first != second);
    let swapped = encrypted.replace(first, "#").replace(second, first).replace('#', second);
    let message = world.refused(&DECRYPT, swapped.as_bytes(), 1, "REJECTED");
    assert!(message.contains("line 1"), "{message}");
    let renamed = encrypted.replace("\"p2\"", "\"p3\"");
    let ran = world.run(&[&DECRYPT[..], &["--json"]].concat(), renamed.as_bytes());
    assert_eq!((ran.code, text(&ran.error()["code"]).as_str()), (1, "REJECTED"));
    assert_eq!(ran.out(), lines(1, 0), "the record before it");
}

#[test]
fn values_of_one_record_are_not_interchangeable() {
    let world = World::new();
    let document = b"{\"id\":\"p1\",\"first_name\":\"A\",\"last_name\":\"B\"}";
    let encrypted = String::from_utf8(world.ok(&ENCRYPT, document)).unwrap();
    let swapped = encrypted.replace("first_name", "#").replace("last_name", "first_name");
    let swapped = swapped.replace('#', "last_name");
    world.refused(&DECRYPT, swapped.as_bytes(), 1, "REJECTED");
}

#[test]
fn coverage_lists_every_leaf() {
    let world = World::new();
    world.write(
        "d",
        "{\"id\":\"1\",\"ssn\":1,\"free\":{\"text\":null}}\n{\"id\":\"2\",\"ssn\":2}\n",
    );
    let report = world.json(&["record", "coverage", "d"]);
    let row = |p: &Value| (text(&p["path"]), p["count"].as_u64().unwrap(), text(&p["cover"]));
    let rows: Vec<_> = report["paths"].as_array().unwrap().iter().map(row).collect();
    let expected = [("free.text", 1, "none"), ("id", 2, "identity"), ("ssn", 2, "inline")];
    assert_eq!(rows, expected.map(|(p, n, c)| (p.to_owned(), n, c.to_owned())));
    assert_eq!(world.ok(&["record", "coverage", "d", "-o", "out"], b""), b"");
    assert_eq!(world.read("out"), world.ok(&["record", "coverage", "d"], b""));
    world.ok(&["record", "coverage", "d", "--json", "-o", "out"], b"");
    assert_eq!(serde_json::from_slice::<Value>(&world.read("out")).unwrap(), report);
}

/// The lines of standard error that name a selector without a match.
fn unmatched(ran: &crate::world::Ran) -> Vec<String> {
    let named = |line: &str| line.strip_prefix("medseal: no value matched `").map(str::to_owned);
    ran.err().lines().filter_map(named).map(|l| l.trim_end_matches('`').to_owned()).collect()
}

const PARTLY: &str = r#"profile = "partly"
revision = 1
[document]
collection = "things"
record = { path = "id" }
[[rule]]
paths = ["a", "adress"]
placement = "inline"
class = "general"
[[rule]]
paths = ["debug", "trace"]
placement = "remove"
class = "internal"
"#;

#[test]
fn selectors_that_match_nothing_are_told() {
    let world = World::new();
    world.write("p.toml", PARTLY);
    world.write("patient-basic.toml", PARTLY);
    world.write("d", "{\"id\":\"1\",\"a\":1,\"address\":2,\"debug\":3}");
    for profile in ["p.toml", "./patient-basic.toml"] {
        let with = ["--profile", profile, "d"];
        let ran = world.run(&[&ENCRYPT[..], &with].concat(), b"");
        assert_eq!((ran.code, unmatched(&ran)), (0, vec!["adress".into(), "trace".into()]));
        let json = world.run(&[&ENCRYPT[..], &with, &["--json"]].concat(), b"");
        let report: Value = serde_json::from_str(&json.err()).unwrap();
        assert_eq!(report["unmatched_selectors"], serde_json::json!(["adress", "trace"]));
        // `debug` is gone by now, and that is no error of the profile
        world.write("sealed", &ran.stdout);
        let back = world.run(&[&DECRYPT[..], &["--profile", profile, "sealed"]].concat(), b"");
        assert_eq!((back.code, back.err().as_str()), (0, ""));
    }
    let ran = world.run(&["record", "coverage", "--profile", "p.toml", "d"], b"");
    assert_eq!((ran.code, unmatched(&ran)), (0, vec!["adress".into(), "trace".into()]));
    let report = world.json(&["record", "coverage", "--profile", "p.toml", "d"]);
    assert_eq!(report["unmatched_selectors"], serde_json::json!(["adress", "trace"]));
}

#[test]
fn a_built_in_profile_may_know_more_spellings_than_a_document_has() {
    let world = World::new();
    world.write("d", "{\"id\":\"1\",\"ssn\":\"1\"}");
    let ran = world.run(&["record", "encrypt", "d"], b"");
    assert_eq!((ran.code, ran.err().as_str()), (0, ""));
    let ran = world.run(&["record", "encrypt", "--profile", "patient-basic", "d", "--json"], b"");
    let report: Value = serde_json::from_str(&ran.err()).unwrap();
    assert_eq!((&report["values"], report.get("unmatched_selectors")), (&1.into(), None));
    // asked about the profile itself, all are named
    let ran = world.run(&["record", "coverage", "d"], b"");
    let named = unmatched(&ran);
    assert!(named.len() > 10 && !named.contains(&"ssn".to_owned()), "{named:?}");
    let report = world.json(&["record", "coverage", "d"]);
    assert_eq!(report["unmatched_selectors"], serde_json::json!(named));
}

#[test]
fn reencryption_takes_the_limits_of_documents() {
    let world = World::new();
    let deep = "[".repeat(200) + &"]".repeat(200);
    let profile = ["reencrypt", "--profile", "patient-basic"];
    world.refused(&profile, deep.as_bytes(), 3, "JSON_TOO_DEEP");
    let deeper = [&profile[..], &["--max-depth", "300"]].concat();
    assert_eq!(world.ok(&deeper, deep.as_bytes()), deep.as_bytes());
    let lines = b"{}\n{}\n";
    world.ok(&[&profile[..], &["--format", "ndjson"]].concat(), lines);
    let one = [&profile[..], &["--format", "json"]].concat();
    world.refused(&one, lines, 3, "JSON_TRAILING_DATA");
    let value = ["reencrypt", "-c", crate::world::PLACE, "--format", "json"];
    world.refused(&value, b"", 2, "USAGE");
}

#[test]
fn failures_name_the_file() {
    let world = World::new();
    world.write("in", lines(2, 0));
    for command in [&["record", "encrypt"][..], &["record", "coverage"]] {
        for (extra, exit, name) in [
            (&["in", "-o", "missing/out"][..], 6, "`missing/out`"),
            (&["in", "-o", "home"], 6, "`home`"),
            (&["in", "-o", "/dev/full"], 6, "`/dev/full`"),
            (&["missing"], 2, "`missing`"),
            (&["home"], 2, "`home`"),
            // opens and cannot be read
            (&["/proc/self/mem"], 2, "`/proc/self/mem`"),
        ] {
            let args = [command, extra].concat();
            let message = world.refused(&args, b"", exit, "IO_FAILED");
            assert!(message.contains(name), "{args:?}: {message}");
        }
    }
    let envelope = world.encrypt("v");
    for (extra, exit, name) in
        [(&["-o", "missing/out"][..], 6, "`missing/out`"), (&["/proc/self/mem"], 2, "self/mem`")]
    {
        let args = [&["reencrypt", "-c", crate::world::PLACE], extra].concat();
        let message = world.refused(&args, &envelope, exit, "IO_FAILED");
        assert!(message.contains(name), "{args:?}: {message}");
    }
}

#[test]
fn scan_finds_plaintext() {
    let world = World::new();
    let plain = b"{\"id\":\"p1\",\"ssn\":\"Zyxwv\"}\n";
    world.write("plain.json", plain);
    world.write("good.ndjson", world.ok(&ENCRYPT, plain));
    let scan = ["scan", "--expect-encrypted"];
    world.ok(&[&scan[..], &["good.ndjson"]].concat(), b"");
    for paths in [&["plain.json"][..], &["good.ndjson", "plain.json"], &["."]] {
        let ran = world.run(&[&scan[..], paths].concat(), b"");
        assert_eq!(ran.code, 1, "{}", ran.err());
        assert!(ran.out().contains("plain.json:1:"), "{}", ran.out());
        assert!(!(ran.out() + &ran.err()).contains("Zyxwv"));
    }
}

/// One bad file must not hide what stands readable beside it, before it and without an id.
#[test]
fn scan_goes_on_after_what_it_cannot_read() {
    let world = World::new();
    fs::create_dir(world.path("in")).unwrap();
    world.write("in/a-broken.json", b"{\"id\":\"p1\",\"ssn\":}");
    world.write("in/b.jsonl", b"{\"id\":\"p1\",\"ssn\":\"Zyxwv\"}\n{bad\n");
    world.write("in/c.JSON", b"{\"ssn\":\"Zyxwv\"}");
    std::os::unix::fs::symlink("..", world.path("in/up")).unwrap();
    let ran = world.run(&["scan", "--expect-encrypted", "in"], b"");
    assert_eq!(ran.code, 3, "{}", ran.err());
    let lines: Vec<String> = ran.out().lines().map(str::to_owned).collect();
    assert_eq!(lines, ["in/b.jsonl:1:18: plaintext at ssn", "in/c.JSON:1:8: plaintext at ssn"]);
    assert!(ran.err().contains("in/a-broken.json: line 1, column 18"), "{}", ran.err());
    assert!(ran.err().contains("in/b.jsonl: line 2"), "{}", ran.err());
    assert!(ran.err().contains("3 files, 2 findings"), "{}", ran.err());
    assert!(!(ran.out() + &ran.err()).contains("Zyxwv"));
    fs::create_dir(world.path("empty")).unwrap();
    world.refused(&["scan", "--expect-encrypted", "empty"], b"", 2, "USAGE");
}

#[test]
fn scan_with_paths_finds_plaintext() {
    let world = World::new();
    let plain = b"{\"id\":\"p1\",\"a\":\"Zyxwv\"}\n";
    world.write("plain.json", plain);
    world.write("good.json", world.ok(&[&ENCRYPT[..], &PATHS].concat(), plain));
    for (file, code) in [("plain.json", 1), ("good.json", 0)] {
        let args = [&["scan", "--expect-encrypted"], &PATHS[..], &[file]].concat();
        let ran = world.run(&args, b"");
        assert_eq!(ran.code, code, "{}", ran.err());
    }
}

#[test]
fn reencryption_changes_every_envelope_once() {
    let world = World::new();
    let document = lines(50, 0);
    let first = String::from_utf8(world.ok(&ENCRYPT, document.as_bytes())).unwrap();
    world.write("d", &first);
    let reencrypt = ["reencrypt", "--profile", "patient-basic", "d", "-o", "d"];
    world.ok(&reencrypt, b"");
    assert_eq!(world.read("d"), first.as_bytes(), "already current");
    world.ok(&["key", "rotate", "default"], b"");
    world.ok(&reencrypt, b"");
    let second = String::from_utf8(world.read("d")).unwrap();
    assert!(first.lines().zip(second.lines()).all(|(a, b)| a != b && a.len() == b.len()));
    assert!(second.lines().all(|l| !l.contains(&first[first.find("ms1:").unwrap()..][..20])));
    world.ok(&reencrypt, b"");
    assert_eq!(world.read("d"), second.as_bytes());
    assert_eq!(world.ok(&DECRYPT, second.as_bytes()), document.as_bytes());
}

#[test]
fn one_value_is_reencrypted_once() {
    let world = World::new();
    let first = world.encrypt("Doe");
    let reencrypt = ["reencrypt", "-c", crate::world::PLACE];
    assert_eq!(world.ok(&reencrypt, &first), first);
    world.ok(&["key", "rotate", "default"], b"");
    let second = world.ok(&reencrypt, &first);
    assert_ne!(second, first);
    assert_eq!(world.ok(&reencrypt, &second), second);
    assert_eq!(world.decrypt(&second), b"Doe");
    world.refused(&["reencrypt", "-c", "patients/last_name/p2"], &first, 1, "REJECTED");
}

#[test]
fn a_profile_with_an_unreadable_subject_is_refused() {
    let world = World::new();
    world.write("in.json", "{\"id\":\"1\"}");
    for subject in ["subject = \"patient\"", "subjects = 1", "subject = { paths = \"id\" }"] {
        world.write("p.toml", PROFILE.replace("unnamed", &format!("{subject}\nunnamed")));
        for command in ["encrypt", "decrypt", "coverage"] {
            let args = ["record", command, "--profile", "p.toml", "in.json"];
            let message = world.refused(&args, b"", 2, "PROFILE_SYNTAX");
            assert!(message.starts_with("line 6, column"), "{message}");
        }
    }
}

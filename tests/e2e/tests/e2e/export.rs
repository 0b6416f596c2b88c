//! Exports of the log and the reach of keys, as other programs meet them.

use crate::kill::{duration, kill};
use crate::world::{PLACE, Ran, World, finish, workspace};
use std::fs;
use std::process::Command;

/// The verifier of exports in Python.
fn python(world: &World, directory: &str) -> Ran {
    let program = std::env::var("MEDSEAL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut command = Command::new(program);
    command.arg(workspace().join("reference/verify_export.py"));
    finish(command.arg(world.path(directory)).arg(world.path("vkeys")), b"")
}

/// A log with a patient, a formula for a name, a rotation and a value that was carried over.
fn logged() -> World {
    let world = World::new();
    world.write("jane.id", "pat-4711-jane");
    let args = ["encrypt", "-c", "lab/value/r-4711", "--subject", "@jane.id"];
    let sealed = world.ok(&args, b"5.4");
    world.ok(&["key", "rotate", "default"], b"");
    let args = ["reencrypt", "-c", "lab/value/r-4711", "--subject", "@jane.id"];
    let newest = world.ok(&args, &sealed);
    let args = ["decrypt", "-c", "lab/value/r-4711", "--subject", "@jane.id"];
    world.ok(&args, &newest);
    world.run(&["decrypt", "-c", PLACE], &sealed);
    let formula = ["encrypt", "-c", "=cmd()/value/1"];
    world.ok(&formula, b"x");
    world.write("vkeys", world.ok(&["audit", "key"], b""));
    world
}

#[test]
fn exports_verify_by_a_program_that_shares_no_code() {
    let world = logged();
    for (form, says) in [("ndjson", "whole"), ("csv", "as csv"), ("fhir", "as fhir")] {
        world.ok(&["audit", "export", "--format", form, "-o", form], b"");
        let checked = python(&world, form);
        assert_eq!(checked.code, 0, "{}", checked.err());
        assert!(checked.out().contains(says), "{}", checked.out());
    }
    world.ok(&["audit", "export", "--from", "3", "--to", "7", "-o", "part"], b"");
    assert!(python(&world, "part").out().starts_with("ok: 5 entries from 3 on, whole"));
    let details = ["audit", "export", "--details", "-o", "details"];
    let found = world.json(&details);
    assert_eq!(found["details"], true);
    assert_eq!(python(&world, "details").code, 0);
    // a copy of the log, verified from the checkpoint that the export holds
    world.ok(&["audit", "verify", "--from", "part/checkpoint"], b"");
    let csv = fs::read_to_string(world.path("csv/entries.csv")).unwrap();
    let row = csv.lines().find(|line| line.contains("=cmd()")).unwrap();
    assert!(row.contains(",'=cmd(),"), "{row}");
    let judge = workspace().join("reference/fhir_audit_events.py");
    let program = std::env::var("MEDSEAL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let events = world.path("fhir/audit-events.ndjson");
    let judged = finish(Command::new(program).arg(judge).arg(events), b"");
    assert_eq!(judged.code, 0, "{}", judged.out());
    assert!(judged.out().starts_with("Create: 2, Read: 1, Update: 1"), "{}", judged.out());
}

/// Whatever is changed in an export is found, and so is what is left out of it.
#[test]
fn altered_exports_are_refused() {
    let world = logged();
    world.ok(&["audit", "export", "--from", "2", "--to", "9", "-o", "whole"], b"");
    let read = |name: &str| fs::read_to_string(world.path("whole").join(name)).unwrap();
    let (entries, manifest) = (read("entries.ndjson"), read("manifest.json"));
    let lines: Vec<&str> = entries.split_inclusive('\n').collect();
    let without: String = [&lines[..3], &lines[4..]].concat().concat();
    let swapped: String = [&lines[1..2], &lines[..1], &lines[2..]].concat().concat();
    let renamed = entries.replacen("\"principal\":\"", "\"principal\":\"x", 1);
    let recount = |text: &str| text.replace("\"entries\": 8", "\"entries\": 7");
    // the hashes in the manifest are no signature: each is made to fit
    let refit = |text: &str, manifest: &str| {
        let program = std::env::var("MEDSEAL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let code =
            "import sys,hashlib;print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest(),end='')";
        let hash = finish(Command::new(program).args(["-c", code]), text.as_bytes());
        let found: serde_json::Value = serde_json::from_str(manifest).unwrap();
        let old = found["files"][0]["sha256"].as_str().unwrap();
        let bytes = format!("\"bytes\": {}", found["files"][0]["bytes"]);
        let fits = manifest.replacen(&bytes, &format!("\"bytes\": {}", text.len()), 1);
        fits.replace(old, &hash.out())
    };
    let refused = |entries: &str, manifest: &str, says: &str| {
        fs::write(world.path("whole/entries.ndjson"), entries).unwrap();
        fs::write(world.path("whole/manifest.json"), manifest).unwrap();
        let ran = python(&world, "whole");
        assert_eq!(ran.code, 1, "{says}: {}", ran.out());
        assert!(ran.err().contains(says), "{says}: {}", ran.err());
    };
    refused(&renamed, &manifest, "not the bytes");
    refused(&renamed, &refit(&renamed, &manifest), "principal is not that of the entry");
    refused(&without, &refit(&without, &manifest), "another log or number");
    refused(&swapped, &refit(&swapped, &manifest), "another log or number");
    let cut: String = lines[..7].concat();
    refused(&cut, &refit(&cut, &manifest), "other entries than the manifest says");
    refused(&cut, &recount(&refit(&cut, &manifest)), "not those of the checkpoint");
    refused(&entries, &manifest.replacen("time=", "time=1", 1), "another checkpoint");
    refused(&entries, &manifest.replacen("\"size\": ", "\"size\": 1", 1), "size, root or log");
    fs::write(world.path("whole/other"), "x").unwrap();
    refused(&entries, &manifest, "files");
    fs::remove_file(world.path("whole/other")).unwrap();
    fs::write(world.path("whole/manifest.json"), &manifest).unwrap();
    assert_eq!(python(&world, "whole").code, 0);
}

/// Ids, records and values stand in no export, in no figure of a key's reach and in no message.
#[test]
fn exports_and_reach_name_no_patient() {
    let world = logged();
    let mut told = Vec::new();
    for form in ["ndjson", "csv", "fhir"] {
        let ran = world.run(&["audit", "export", "--format", form, "-o", form], b"");
        told.extend([ran.stdout, ran.stderr].concat());
        for file in fs::read_dir(world.path(form)).unwrap() {
            let file = file.unwrap();
            told.extend(fs::read(file.path()).unwrap());
            told.extend(file.file_name().into_encoded_bytes());
        }
    }
    for args in [&["key", "impact", "default"][..], &["key", "impact", "default", "--json"]] {
        let ran = world.run(args, b"");
        assert_eq!(ran.code, 0);
        told.extend([ran.stdout, ran.stderr].concat());
    }
    for secret in ["pat-4711", "r-4711", "jane.id"] {
        let found = told.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret}");
    }
    let shown =
        String::from_utf8(world.ok(&["key", "impact", "default", "--subjects"], b"")).unwrap();
    assert!(shown.contains("patient pat-4711-jane"), "{shown}");
}

#[test]
fn the_reach_of_a_key_is_told_in_one_command() {
    let world = logged();
    let found = world.json(&["key", "impact", "default@1"]);
    let version = &found["versions"][0];
    let count = |name: &str| version[name].as_u64().unwrap();
    assert_eq!(found["versions"].as_array().unwrap().len(), 1);
    assert_eq!((count("encrypted"), count("carried_over"), count("remaining")), (1, 1, 0));
    assert_eq!(version["subjects"]["touched"], 1);
    assert_eq!(version["opened_by"][0]["operation"], "reencrypt");
    let text = String::from_utf8(world.ok(&["key", "impact", "default"], b"")).unwrap();
    assert!(text.contains("default@2") && text.contains("opened by"), "{text}");
    let none = world.json(&["key", "impact", "default@1", "--since", "2099-01-01T00:00:00Z"]);
    assert_eq!(none["versions"][0]["opened_by"], serde_json::json!([]));
    world.refused(&["key", "impact", "default@7"], b"", 4, "KEY_VERSION_NOT_FOUND");
    assert_eq!(world.run(&["key", "impact", "default@x"], b"").code, 2);
    assert_eq!(world.run(&["key", "impact", "default", "--since", "today"], b"").code, 2);
    world.refused(&["audit", "export", "--from", "999", "-o", "x"], b"", 2, "AUDIT_NO_ENTRIES");
    assert_eq!(world.run(&["audit", "export", "--until", "today", "-o", "x"], b"").code, 2);
    assert!(!world.path("x").exists());
    let last =
        String::from_utf8(world.ok(&["audit", "list", "--operation", "read-audit"], b"")).unwrap();
    assert!(last.contains("read the impact of key default@1"), "{last}");
}

/// What the log lists in clear, added up: another way to the same number.
fn listed(world: &World, operation: &str) -> u64 {
    let args = ["audit", "list", "--operation", operation, "--json"];
    let text = String::from_utf8(world.ok(&args, b"")).unwrap();
    let entries = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    entries.map(|entry| entry["items"].as_u64().unwrap()).sum()
}

#[test]
fn a_killed_run_counts_and_what_it_repeats_leaves_once() {
    const ROWS: u64 = 3000;
    let world = World::new();
    let rows = (0..ROWS).map(|n| format!("{n},900-{n}\n")).collect::<String>();
    world.write("in.csv", format!("Id,SSN\n{rows}"));
    let encrypt = ["table", "encrypt", "-c", "patient", "in.csv", "-o", "sealed.csv"];
    let usual = duration(&world, &encrypt);
    world.ok(&["key", "rotate", "default"], b"");
    let reach = || {
        let found = world.json(&["key", "impact", "default"]);
        let version = |at: usize, name: &str| found["versions"][at][name].as_u64().unwrap();
        let [first, second] = [0, 1].map(|at| {
            assert!(
                version(at, "counted_by_store")
                    <= version(at, "encrypted") + version(at, "carried_in")
            );
            (version(at, "carried_over"), version(at, "remaining"))
        });
        (version(0, "encrypted") + version(1, "encrypted"), first, second)
    };
    assert_eq!((reach(), listed(&world, "encrypt")), ((ROWS, (0, ROWS), (0, 0)), ROWS));
    let carry = ["table", "reencrypt", "-c", "patient", "sealed.csv", "-o", "newest.csv"];
    for _ in 0..5 {
        kill(&world, &carry, usual);
        let (encrypted, (over, remaining), _) = reach();
        assert_eq!((encrypted, over), (ROWS, listed(&world, "reencrypt")));
        assert!(remaining <= ROWS);
    }
    world.ok(&carry, b"");
    let (_, (over, remaining), _) = reach();
    assert!(over >= ROWS, "{over}");
    assert_eq!(remaining, 0, "each left once, however often it was tried");
    let before = listed(&world, "encrypt");
    kill(&world, &encrypt, usual);
    let (encrypted, ..) = reach();
    assert_eq!(encrypted, listed(&world, "encrypt"));
    assert!(encrypted >= before);
    world.ok(&["audit", "verify"], b"");
}

#[test]
fn a_killed_export_leaves_all_or_nothing() {
    let world = logged();
    (0..20).for_each(|_| drop(world.encrypt("Doe")));
    let usual = duration(&world, &["audit", "export", "-o", "first"]);
    for n in 0..20 {
        let name = format!("export{n}");
        kill(&world, &["audit", "export", "-o", &name], usual);
        if world.path(&name).exists() {
            let checked = python(&world, &name);
            assert_eq!(checked.code, 0, "{}", checked.err());
        }
    }
    world.ok(&["audit", "export", "-o", "last"], b"");
    let left = fs::read_dir(world.path(".")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().contains("partial")));
    world.ok(&["audit", "verify"], b"");
}

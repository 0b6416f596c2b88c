//! Homes: roots, what `init` refuses, tampering, and the commands that need no key.

use crate::world::{PLACE, World, binary, finish, python, workspace};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;

const DECRYPT: [&str; 3] = ["decrypt", "-c", PLACE];

#[test]
fn a_passphrase_opens_its_home_and_no_other_does() {
    for kdf in ["argon2id", "pbkdf2"] {
        let mut world = World::empty();
        world.write("right", "correct horse battery\nsecond line\n");
        world.write("crlf", "correct horse battery\r\n");
        world.write("wrong", "correct horse batterz\n");
        let init = ["init", "--root", "passphrase", "--passphrase-kdf", kdf];
        world.ok(&[&init[..], &["--passphrase-file", "right"]].concat(), b"");
        assert!(!world.home().join("root.key").exists());
        world.refused(&DECRYPT, b"", 2, "PASSPHRASE_NEEDED");
        world.globals = vec!["--passphrase-file".to_owned(), "right".to_owned()];
        let envelope = world.encrypt("Doe");
        world.globals[1] = "crlf".to_owned();
        assert_eq!(world.decrypt(&envelope), b"Doe");
        world.globals[1] = "wrong".to_owned();
        world.refused(&DECRYPT, &envelope, 6, "ROOT_REJECTED");
    }
}

#[test]
fn a_short_passphrase_is_refused() {
    let world = World::empty();
    world.write("short", "short\n");
    let init = ["init", "--root", "passphrase", "--passphrase-file", "short"];
    let ran = world.run(&[&init[..], &["--json"]].concat(), b"");
    assert_eq!(ran.error()["code"], "PASSPHRASE_TOO_SHORT");
    assert!(!world.home().exists() && ran.code != 0);
}

#[test]
fn a_root_from_the_environment() {
    let mut world = World::empty();
    let init = ["init", "--root", "env"];
    world.refused(&init, b"", 6, "ROOT_ENVIRONMENT");
    world.env = vec![("MEDSEAL_ROOT_KEY".to_owned(), "0f".repeat(32))];
    let production = [&init[..], &["--environment", "production"]].concat();
    world.refused(&production, b"", 5, "PRODUCTION_REFUSES");
    world.ok(&init, b"");
    let envelope = world.encrypt("Doe");
    assert_eq!(world.decrypt(&envelope), b"Doe");
    for (value, code) in [("0e".repeat(32), "ROOT_REJECTED"), ("0F".repeat(32), "ROOT_ENVIRONMENT")]
    {
        world.env[0].1 = value;
        world.refused(&DECRYPT, &envelope, 6, code);
    }
}

#[test]
fn a_key_file_must_be_private_and_right() {
    let (world, other) = (World::new(), World::new());
    let envelope = world.encrypt("Doe");
    let file = world.home().join("root.key");
    let mode = |mode| fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    world.refused(&DECRYPT, &envelope, 6, "ROOT_PERMISSIONS");
    mode(0o600);
    assert_eq!(world.decrypt(&envelope), b"Doe");
    let own = fs::read(&file).unwrap();
    fs::copy(other.home().join("root.key"), &file).unwrap();
    world.refused(&DECRYPT, &envelope, 6, "ROOT_REJECTED");
    fs::write(&file, &own[..60]).unwrap();
    world.refused(&DECRYPT, &envelope, 6, "ROOT_MALFORMED");
    fs::remove_file(&file).unwrap();
    world.refused(&DECRYPT, &envelope, 6, "ROOT_UNAVAILABLE");
}

#[test]
fn everything_in_a_home_is_private() {
    let world = World::new();
    world.encrypt("Doe");
    for path in world.files() {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }
    let mode = fs::metadata(world.home()).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
}

#[test]
fn init_does_not_touch_what_is_there() {
    let world = World::new();
    let envelope = world.encrypt("Doe");
    world.refused(&["init"], b"", 2, "HOME_EXISTS");
    assert_eq!(world.decrypt(&envelope), b"Doe");
    let world = World::empty();
    world.refused(&DECRYPT, b"", 6, "HOME_MISSING");
    fs::create_dir(world.home()).unwrap();
    world.write("home/file", "mine");
    world.refused(&["init"], b"", 2, "HOME_NOT_EMPTY");
    assert_eq!(world.read("home/file"), b"mine");
    fs::remove_file(world.path("home/file")).unwrap();
    world.ok(&["init"], b"");
}

#[test]
fn nothing_happens_without_the_ledger() {
    let world = World::new();
    let envelope = world.encrypt("Doe");
    let document = world.ok(&["record", "encrypt"], b"{\"id\":\"1\",\"ssn\":1}");
    fs::rename(world.home().join("audit/segments"), world.path("away")).unwrap();
    world.refused(&DECRYPT, &envelope, 6, "AUDIT_UNAVAILABLE");
    world.refused(&["record", "decrypt"], &document, 6, "AUDIT_UNAVAILABLE");
    world.refused(&["encrypt", "-c", PLACE], b"Doe", 6, "AUDIT_UNAVAILABLE");
    world.refused(&["key", "rotate", "default"], b"", 6, "AUDIT_UNAVAILABLE");
    assert_eq!(world.versions("default").0, "default@1");
    assert_eq!(world.run(&["doctor"], b"").code, 1);
    assert!(!world.home().join("audit/segments").exists(), "it must not start afresh");
    fs::rename(world.path("away"), world.home().join("audit/segments")).unwrap();
    assert_eq!(world.decrypt(&envelope), b"Doe");
}

#[test]
fn an_edited_row_is_named() {
    for (table, sql) in [
        ("key_versions", "UPDATE key_versions SET state='active' WHERE number LIKE '%1'"),
        ("key_versions", "UPDATE key_versions SET reason='x'"),
        ("keys", "UPDATE keys SET primary_version=1 WHERE name='default'"),
        ("root", "UPDATE root SET environment='production'"),
        ("field_definitions", "UPDATE field_definitions SET flags=0"),
        ("key_secrets", "UPDATE key_secrets SET month=month+1"),
        ("keys", "UPDATE keys SET max_messages=9, row_version=row_version+1"),
    ] {
        let world = World::new();
        world.ok(&["field", "define", "patients/last_name"], b"");
        let envelope = world.encrypt("Doe");
        world.ok(&["key", "rotate", "default"], b"");
        world.ok(&["key", "suspend", "default@1"], b"");
        world.ok(&["key", "resume", "default@1"], b"");
        let before = world.versions("default").1;
        let sql = if before[0] == "active" {
            sql.replace("'active'", "'suspended'")
        } else {
            sql.to_owned()
        };
        edit(&world, &sql);
        let message = world.refused(&DECRYPT, &envelope, 1, "STORE_ROW_REJECTED");
        assert!(message.contains(&format!("`{table}`")), "{sql}: {message}");
    }
}

/// Runs one statement on the store, as somebody who can write its file would.
fn edit(world: &World, sql: &str) {
    const SCRIPT: &str = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\n\
                          n = c.execute(sys.argv[2]).rowcount\nc.commit()\nassert n > 0, 'no row'";
    let store = world.home().join("store.sqlite");
    python(&["-c", SCRIPT, store.to_str().unwrap(), sql], "");
}

#[test]
fn doctor_passes_a_new_home_and_fails_a_readable_one() {
    let world = World::new();
    let checks = world.json(&["doctor"]);
    assert!(checks.as_array().unwrap().iter().all(|c| c["state"] == "passed"), "{checks}");
    fs::set_permissions(world.home(), Permissions::from_mode(0o755)).unwrap();
    let ran = world.run(&["doctor"], b"");
    assert_eq!(ran.code, 1);
    assert!(ran.out().contains("FAIL nobody else can read the home"), "{}", ran.out());
}

#[test]
fn every_documented_code_is_explained() {
    let world = World::empty();
    let page = fs::read_to_string(workspace().join("docs/errors.md")).unwrap();
    let codes: Vec<&str> = page.lines().filter_map(|l| l.strip_prefix("## ")).collect();
    assert!(!codes.is_empty(), "docs/errors.md has no `## CODE` heading");
    for code in codes {
        let out = String::from_utf8(world.ok(&["explain", code], b"")).unwrap();
        assert!(out.starts_with(&format!("{code}\n\n")) && out.len() > code.len() + 20, "{code}");
        assert_eq!(world.ok(&["explain", &code.to_lowercase()], b""), out.as_bytes());
    }
    world.refused(&["explain", "NO_SUCH_CODE"], b"", 2, "USAGE");
}

#[test]
fn codes_that_tests_meet_are_documented() {
    let page = fs::read_to_string(workspace().join("docs/errors.md")).unwrap();
    for code in [
        "REJECTED",
        "ENVELOPE_MALFORMED",
        "KEY_STATE",
        "KEY_DESTROYED",
        "KEY_VERSION_UNKNOWN",
        "RECORD_REQUIRED",
        "RECORD_NOT_BOUND",
        "NOT_AVAILABLE",
        "VALUE_INVALID",
        "USAGE",
        "CONTEXT_INVALID",
        "IO_FAILED",
        "AUDIT_UNAVAILABLE",
        "STORE_ROW_REJECTED",
        "HOME_MISSING",
        "HOME_UNREADABLE",
        "HOME_EXISTS",
        "HOME_NOT_EMPTY",
        "ROOT_REJECTED",
        "ROOT_PERMISSIONS",
        "PRODUCTION_REFUSES",
        "ALREADY_ENCRYPTED",
        "PLAINTEXT_WHERE_PROTECTED",
        "JSON_TRUNCATED",
        "RECORD_ID_MISSING",
        "SOURCE_CHANGED",
        "BEYOND_THE_END",
        "FILE_NEEDED",
        "ARCHIVE_REFUSED",
        "TARGET_EXISTS",
        "ARRAY_INVALID",
        "KEY_SUITE",
    ] {
        assert!(page.contains(&format!("\n## {code}\n")), "docs/errors.md does not know {code}");
    }
}

#[test]
fn commands_without_a_home() {
    let world = World::empty();
    for (args, expected) in [
        (&["selftest"][..], "round trip aes-256-gcm"),
        (&["selftest", "--json"], "\"passed\":["),
        (&["algorithms"], "chacha20-poly1305"),
        (&["algorithms"], "code            name "),
        (&["algorithms", "--json"], "\"fips_approved\":true"),
        (&["completions", "bash"], "_medseal"),
        (&["completions", "zsh"], "#compdef medseal"),
        (&["completions", "fish"], "complete -c medseal"),
        (&["manual"], ".TH medseal"),
        (&["manual", "key", "rotate"], ".TH medseal-key-rotate"),
        (&["--help"], "Usage: medseal"),
        (&["--version"], "medseal 0."),
        (&["demo"], "byte for byte: yes"),
    ] {
        let out = String::from_utf8(world.ok(args, b"")).unwrap();
        assert!(out.contains(expected), "{args:?}: {out}");
    }
    assert_eq!(world.files().len(), 0);
}

/// The pages that a page names, as `medseal\-key(1)`.
fn references(page: &str) -> Vec<String> {
    let page = page.replace('\\', "");
    let words = page.split_whitespace().filter_map(|word| word.strip_suffix("(1)"));
    words.map(str::to_owned).filter(|word| word.starts_with("medseal-")).collect()
}

#[test]
fn every_manual_page_that_is_named_can_be_printed() {
    let world = World::empty();
    let manual = |command: &[&str]| {
        String::from_utf8(world.ok(&[&["manual"], command].concat(), b"")).unwrap()
    };
    world.ok(&["manual", "--all", "deep/man"], b"");
    let (mut open, mut seen) = (vec!["medseal".to_owned()], Vec::new());
    while let Some(name) = open.pop() {
        let command: Vec<&str> = name.split('-').skip(1).collect();
        let page = manual(&command);
        assert!(page.contains(&format!("\n.TH {name} 1")), "{page}");
        assert_eq!(world.read(&format!("deep/man/{name}.1")), page.as_bytes());
        open.extend(references(&page));
        seen.push(name);
    }
    let written = fs::read_dir(world.path("deep/man")).unwrap().count();
    assert!(written > 25 && written == seen.len(), "{written}: {seen:?}");
    assert!(manual(&["key"]).contains("medseal\\-key\\-rotate(1)"));

    world.refused(&["manual", "frobnicate"], b"", 2, "USAGE");
    world.refused(&["manual", "key", "frobnicate"], b"", 2, "USAGE");
    world.refused(&["manual", "key", "--all", "x"], b"", 2, "USAGE");
    world.write("file", "");
    let message = world.refused(&["manual", "--all", "file"], b"", 6, "IO_FAILED");
    assert!(message.contains("`file`"), "{message}");
}

#[test]
fn an_empty_variable_names_no_home() {
    let mut world = World::empty();
    world.env = vec![("MEDSEAL_HOME".to_owned(), String::new())];
    world.refused(&DECRYPT, b"", 6, "HOME_MISSING");
    world.ok(&["init"], b"");
    assert!(world.path(".medseal/store.sqlite").is_file());
    let envelope = world.encrypt("Doe");
    world.env[0].1 = "elsewhere".to_owned();
    world.refused(&DECRYPT, &envelope, 6, "HOME_MISSING");
}

#[test]
fn a_home_that_cannot_be_looked_into_is_not_called_missing() {
    let world = World::empty();
    // a link to itself: an error other than absence, for root too
    std::os::unix::fs::symlink("home", world.home()).unwrap();
    for args in [&DECRYPT[..], &["init"], &["key", "list"], &["doctor"]] {
        world.refused(args, b"", 6, "HOME_UNREADABLE");
    }
    fs::remove_file(world.home()).unwrap();
    world.write("home", "a file");
    world.refused(&DECRYPT, b"", 6, "HOME_MISSING");
    world.refused(&["init"], b"", 2, "HOME_NOT_EMPTY");
}

#[test]
fn a_home_of_somebody_else_is_said_to_be_so() {
    let world = World::new();
    let shared = tempfile::tempdir().unwrap();
    let program = shared.path().join("medseal");
    fs::copy(binary(), &program).unwrap();
    fs::set_permissions(shared.path(), Permissions::from_mode(0o755)).unwrap();
    let mut other = Command::new(&program);
    other.args(["key", "list", "--json", "--home"]).arg(world.home()).current_dir(shared.path());
    // somebody else cannot write where coverage is collected
    other.env("LLVM_PROFILE_FILE", "/dev/null");
    if is_root() {
        other.uid(65534).gid(65534);
    } else {
        fs::set_permissions(world.home(), Permissions::from_mode(0o000)).unwrap();
    }
    let ran = finish(&mut other, b"");
    fs::set_permissions(world.home(), Permissions::from_mode(0o700)).unwrap();
    assert_eq!((ran.code, ran.error()["code"].as_str()), (6, Some("HOME_UNREADABLE")));
    assert_eq!(ran.error()["message"], "the home cannot be read: permission denied");
}

/// For root no file is closed.
fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

const COMMANDS: &[&str] = &[
    "init",
    "key",
    "key create",
    "key list",
    "key show",
    "key rotate",
    "key rollback",
    "key suspend",
    "key resume",
    "key revoke",
    "key destroy",
    "key impact",
    "audit export",
    "field",
    "field define",
    "field list",
    "field show",
    "principal",
    "principal create",
    "principal list",
    "principal show",
    "principal disable",
    "role",
    "role grant",
    "role revoke",
    "token",
    "token create",
    "token list",
    "token revoke",
    "principal approver-key",
    "approval",
    "approval key",
    "approval key create",
    "approval list",
    "approval show",
    "approval approve",
    "approval deny",
    "approval withdraw",
    "break-glass",
    "break-glass list",
    "break-glass review",
    "policy",
    "policy check",
    "policy set",
    "policy show",
    "policy simulate",
    "encrypt",
    "decrypt",
    "record",
    "record encrypt",
    "record decrypt",
    "record coverage",
    "table",
    "table encrypt",
    "table decrypt",
    "table reencrypt",
    "table coverage",
    "file",
    "file encrypt",
    "file decrypt",
    "file verify",
    "file read",
    "file inspect",
    "array",
    "array encrypt",
    "array decrypt",
    "array verify",
    "array read",
    "subject",
    "subject list",
    "subject show",
    "subject erase",
    "subject hold",
    "subject release",
    "subject disclosures",
    "subject certificate",
    "subject certificate show",
    "subject certificate verify",
    "reencrypt",
    "inspect",
    "scan",
    "demo",
    "escrow",
    "escrow create",
    "escrow show",
    "escrow verify",
    "escrow recover",
    "doctor",
    "selftest",
    "explain",
    "bench",
    "algorithms",
    "completions",
    "manual",
];

#[test]
fn every_command_has_help() {
    let world = World::empty();
    for args in COMMANDS {
        let args: Vec<&str> = args.split(' ').chain(["--help"]).collect();
        let out = String::from_utf8(world.ok(&args, b"")).unwrap();
        assert!(out.contains("Usage: medseal"), "{args:?}");
    }
}

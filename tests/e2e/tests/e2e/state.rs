//! The state root from outside: a store put back under a newer log, and a Python program that
//! computes the root from the rows of a real home.

use crate::world::{PLACE, Ran, World, finish, workspace};
use serde_json::Value;
use std::fs;
use std::process::Command;

/// No process runs, so the store is one file.
fn store(world: &World) -> Vec<u8> {
    assert!(!world.home().join("store.sqlite-wal").exists());
    fs::read(world.home().join("store.sqlite")).unwrap()
}

fn put(world: &World, store: &[u8]) {
    fs::write(world.home().join("store.sqlite"), store).unwrap();
}

#[test]
fn an_old_store_under_a_newer_log_is_refused_everywhere() {
    let world = World::new();
    let envelope = world.encrypt("Doe");
    let old = store(&world);
    world.ok(&["key", "revoke", "default@1", "--cause", "compromise"], b"");
    world.ok(&["key", "rotate", "default"], b"");
    let newest = store(&world);
    put(&world, &old);
    world.write("in", r#"{"id":"17","ssn":"900-12-3456"}"#);
    let commands: [&[&str]; 6] = [
        &["decrypt", "-c", PLACE],
        &["encrypt", "-c", PLACE],
        &["record", "encrypt", "in"],
        &["key", "rotate", "default"],
        &["key", "list"],
        &["field", "list"],
    ];
    for command in commands {
        let message = world.refused(command, &envelope, 6, "STORE_ROLLED_BACK");
        assert!(message.contains("its epoch is 4 and was 6 before"), "{message}");
        assert!(message.contains("put the newest store back"), "{message}");
    }
    let doctor = world.run(&["doctor"], b"");
    assert_eq!(doctor.code, 1);
    assert!(doctor.out().contains("FAIL the store is the newest"), "{}", doctor.out());
    put(&world, &newest);
    world.ok(&["doctor"], b"");
    world.refused(&["decrypt", "-c", PLACE], &envelope, 4, "KEY_STATE");
    world.ok(&["audit", "verify"], b"");
}

/// What the documentation says is not noticed: the whole home of an earlier day. A witness notices.
#[test]
fn a_whole_home_put_back_is_noticed_by_a_witness_alone() {
    let world = World::new();
    let envelope = world.encrypt("Doe");
    let copy = |from: &str, to: &str| {
        let (from, to) = (world.path(from), world.path(to));
        assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
    };
    copy("home", "old");
    world.ok(&["key", "revoke", "default@1", "--cause", "compromise"], b"");
    world.ok(&["audit", "witness", "memory"], b"");
    fs::remove_dir_all(world.home()).unwrap();
    copy("old", "home");
    assert_eq!(world.decrypt(&envelope), b"Doe");
    world.refused(&["audit", "witness", "memory"], b"", 1, "AUDIT_ROOT_REJECTED");
}

fn recomputed(world: &World) -> Ran {
    let program = std::env::var("MEDSEAL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut command = Command::new(program);
    command.arg(workspace().join("reference/medseal_state.py")).arg(world.home());
    finish(&mut command, b"")
}

fn agreed(world: &World) -> Value {
    let ran = recomputed(world);
    assert_eq!(ran.code, 0, "{}", ran.err());
    let theirs: Value = serde_json::from_str(&ran.out()).unwrap();
    let checks = world.json(&["doctor"]);
    let ours = checks.as_array().unwrap().iter().find_map(|check| {
        let name = check["name"].as_str()?;
        name.starts_with("the store is the newest").then(|| check["detail"].as_str())?
    });
    let (epoch, root) = (&theirs["epoch"], theirs["root"].as_str().unwrap());
    assert_eq!(ours, Some(format!("epoch {epoch}, state root {root}").as_str()));
    theirs
}

#[test]
fn python_computes_the_same_root_from_the_rows_and_refuses_others() {
    let world = World::new();
    let before = agreed(&world);
    world.write("in", r#"{"id":"17","name":[{"family":"Doe"}],"ssn":"900-12-3456"}"#);
    world.ok(&["record", "encrypt", "in"], b"");
    world.ok(&["key", "create", "results", "--tenant", "klinik-7"], b"");
    world.ok(&["key", "rotate", "default", "--reason", "jährlich"], b"");
    world.ok(&["key", "destroy", "default@1", "--waiting-period", "0s"], b"");
    world.ok(&["key", "destroy", "default@1"], b"");
    let after = agreed(&world);
    assert!(after["rows"].as_u64() > before["rows"].as_u64());
    assert_ne!(after["root"], before["root"]);
    let listed = String::from_utf8(world.ok(&["audit", "list", "--json"], b"")).unwrap();
    let last: Value = serde_json::from_str(listed.lines().last().unwrap()).unwrap();
    assert_eq!((&last["operation"], &last["state_root"]), (&"store-state".into(), &after["root"]));
    let whole = store(&world);
    for sql in [
        "DELETE FROM field_definitions WHERE field = (SELECT min(field) FROM field_definitions)",
        "UPDATE key_versions SET reason = NULL",
        "UPDATE store_state SET epoch = epoch + 1",
    ] {
        let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); \
             n = c.execute(sys.argv[2]).rowcount; c.commit(); sys.exit(n < 1)";
        let file = world.home().join("store.sqlite");
        let file = file.to_str().unwrap();
        crate::world::python(&["-c", script, file, sql], "");
        let refused = recomputed(&world);
        assert_eq!(refused.code, 1, "{sql}: {}", refused.out());
        let ours = world.run(&["doctor"], b"");
        assert_ne!(ours.code, 0, "{sql}");
        put(&world, &whole);
    }
    agreed(&world);
}

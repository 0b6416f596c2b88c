//! Dual control as people meet it: three approvers with tokens and keys of their own.

use crate::world::{Ran, World, python, text, workspace};
use serde_json::Value;

const CLINIC: &str = r#"
policy = 1
name = "clinic"
default_purpose = "treatment"

[[rule]]
id = "approvers-approve"
effect = "allow"
roles = ["approver"]
operations = ["approve", "read-approvals"]
"#;
const TABLE: &str = "\n[[approval]]\noperations = [\"destroy-key\"]\napprovals = 2\n";
const DESTROY: [&str; 7] =
    ["key", "destroy", "default@1", "--waiting-period", "0s", "--reason", "retention is over"];

/// Three people can approve, each with a token and a key file.
fn approvers(world: &World) {
    world.write("clinic.toml", CLINIC);
    world.ok(&["policy", "set", "clinic.toml"], b"");
    for who in ["ann", "bob", "cy"] {
        world.ok(&["principal", "create", who], b"");
        world.ok(&["role", "grant", who, "approver"], b"");
        let token = world.ok(&["token", "create", who], b"");
        world.write(&format!("{who}.token"), token);
        world.write(&format!("{who}.pass"), format!("a passphrase of {who}\n"));
        let (token, out) = (format!("@{who}.token"), format!("{who}.key=@{who}.pass"));
        let create = ["approval", "key", "create", "--access-token", &token, "--out", &out];
        world.write(&format!("{who}.pub"), world.ok(&create, b""));
    }
}

fn register(world: &World, who: &str) -> Ran {
    world.run(&["principal", "approver-key", who, &format!("@{who}.pub"), "--json"], b"")
}

fn say(world: &World, verb: &str, id: &str, who: &str) -> Ran {
    let (token, key) = (format!("@{who}.token"), format!("{who}.key=@{who}.pass"));
    world.run(&["approval", verb, id, "--access-token", &token, "--key", &key, "--json"], b"")
}

fn only_request(world: &World) -> String {
    let listed = world.json(&["approval", "list"]);
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    text(&listed[0]["id"])
}

#[test]
fn a_production_key_is_destroyed_when_two_people_approved() {
    let world = World::production();
    approvers(&world);
    let envelope = world.encrypt("one");
    world.ok(&["key", "rotate", "default"], b"");
    world.refused(&DESTROY, b"", 5, "APPROVERS_TOO_FEW");
    assert_eq!(["ann", "bob"].map(|who| register(&world, who).code), [0, 0]);
    // who is the third needs the two
    let third = register(&world, "cy");
    assert_eq!((third.code, text(&third.error()["code"]).as_str()), (5, "APPROVAL_REQUIRED"));
    let id = only_request(&world);
    world.ok(&["approval", "withdraw", &id], b"");

    let told = world.refused(&DESTROY, b"", 5, "APPROVAL_REQUIRED");
    let id = only_request(&world);
    assert!(told.contains(&id) && told.contains("0 of 2"), "{told}");
    let shown = world.run(&["approval", "show", &id], b"").out();
    for line in ["key = default@1", "waiting-seconds = 0", "deactivated -> destroy-pending"] {
        assert!(shown.contains(line), "{shown}");
    }
    let first = say(&world, "approve", &id, "ann");
    assert_eq!((first.code, first.out().contains("\"given\":1")), (0, true));
    let again = say(&world, "approve", &id, "ann");
    assert_eq!((again.code, text(&again.error()["code"]).as_str()), (2, "APPROVAL_GIVEN"));
    world.refused(&DESTROY, b"", 5, "APPROVAL_REQUIRED");
    assert_eq!(say(&world, "approve", &id, "bob").code, 0);
    // another waiting period than was approved, and the request by its id
    let other = ["key", "destroy", "default@1", "--waiting-period", "1s", "--approval", &id];
    world.refused(&other, b"", 5, "APPROVAL_VOID");
    world.ok(&[&DESTROY[..], &["--approval", &id]].concat(), b"");
    world.ok(&DESTROY, b"");
    assert_eq!(world.versions("default").1, ["destroyed", "active"]);
    world.refused(&["decrypt", "-c", crate::world::PLACE], &envelope, 4, "KEY_DESTROYED");
    world.ok(&["doctor"], b"");
    world.ok(&["audit", "verify"], b"");
}

#[test]
fn nobody_approves_for_another_and_a_denial_ends_it() {
    let world = World::new();
    approvers(&world);
    assert_eq!(["ann", "bob", "cy"].map(|who| register(&world, who).code), [0, 0, 0]);
    world.write("table.toml", format!("{CLINIC}{TABLE}"));
    world.ok(&["policy", "set", "table.toml"], b"");
    world.ok(&["key", "rotate", "default"], b"");
    world.refused(&DESTROY, b"", 5, "APPROVAL_REQUIRED");
    let id = only_request(&world);
    let approve = |more: &[&'static str], code: &str| {
        let base = ["approval", "approve", &id, "--key", "ann.key=@ann.pass"];
        world.refused(&[&base[..], more].concat(), b"", 5, code);
    };
    approve(&[], "APPROVER_REFUSED"); // the owner of the home with ann's key and passphrase
    approve(&["--as", "ann"], "APPROVAL_OWN_NAME");
    approve(&["--access-token", "@bob.token"], "APPROVER_REFUSED");
    world.write("ann.pass", "a passphrase of somebody else\n");
    let wrong = say(&world, "approve", &id, "ann");
    assert_eq!((wrong.code, text(&wrong.error()["code"]).as_str()), (1, "APPROVER_KEY_REJECTED"));
    assert_eq!(say(&world, "approve", &id, "bob").code, 0);
    assert_eq!(say(&world, "deny", &id, "cy").code, 0);
    world.refused(&DESTROY, b"", 5, "APPROVAL_DENIED");
    world.refused(&["approval", "show", "nothing"], b"", 2, "APPROVAL_NOT_FOUND");
    world.refused(&["--approval", "x", "key", "destroy", "default@1"], b"", 2, "USAGE");
    let keyfile = ["approval", "approve", &id, "--key", "clinic.toml=@bob.pass"];
    world.refused(&keyfile, b"", 3, "APPROVER_KEY_MALFORMED");
    // a key file is not overwritten, and readable by its owner alone
    let create = ["approval", "key", "create", "--access-token", "@bob.token", "--out"];
    world.refused(&[&create[..], &["bob.key=@bob.pass"]].concat(), b"", 2, "TARGET_EXISTS");
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(world.path("bob.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_policy_that_drops_its_table_is_shown_line_by_line() {
    let world = World::new();
    approvers(&world);
    ["ann", "bob", "cy"].iter().for_each(|who| assert_eq!(register(&world, who).code, 0));
    world.write("table.toml", format!("{CLINIC}{TABLE}"));
    world.ok(&["policy", "set", "table.toml"], b"");
    let told = world.refused(&["policy", "set", "clinic.toml"], b"", 5, "APPROVAL_REQUIRED");
    assert!(told.starts_with("`clinic.toml`: 2 more approvals"), "{told}");
    let id = only_request(&world);
    let shown = world.run(&["approval", "show", &id], b"").out();
    assert!(shown.contains("    - approvals = 2\n") && !shown.contains("    + "), "{shown}");
    assert!(!shown.contains("- name = \"clinic\""), "lines that stay are not shown: {shown}");
    world.write("zero.toml", format!("{CLINIC}{}", TABLE.replace('2', "0")));
    world.refused(&["policy", "check", "zero.toml"], b"", 3, "POLICY_CONTRADICTION");
}

/// What was signed is verified by a program that shares no code, and what was altered is not.
#[test]
fn signatures_are_verified_by_the_reference() {
    let world = World::new();
    approvers(&world);
    ["ann", "bob", "cy"].iter().for_each(|who| assert_eq!(register(&world, who).code, 0));
    world.write("table.toml", format!("{CLINIC}{TABLE}"));
    world.ok(&["policy", "set", "table.toml"], b"");
    world.ok(&["key", "rotate", "default"], b"");
    world.refused(&DESTROY, b"", 5, "APPROVAL_REQUIRED");
    let id = only_request(&world);
    assert_eq!(say(&world, "approve", &id, "ann").code, 0);
    assert_eq!(say(&world, "deny", &id, "bob").code, 0);
    let shown = world.json(&["approval", "show", &id]);
    let script = workspace().join("reference/verify_approval.py").display().to_string();
    let keys = ["ann", "bob"].map(|who| world.path(&format!("{who}.pub")).display().to_string());
    let check = |shown: &Value| {
        world.write("shown.json", shown.to_string());
        let file = world.path("shown.json").display().to_string();
        let program = "import runpy, sys; sys.path.insert(0, sys.argv[1].rpartition('/')[0]); \
             sys.argv = sys.argv[1:]\ntry: runpy.run_path(sys.argv[0], run_name='__main__')\n\
             except SystemExit as e: print('exit', e.code)";
        python(&["-c", program, &script, &file, &keys[0], &keys[1]], "")
    };
    let said = check(&shown);
    assert!(said.starts_with("ok: destroy-key, 1 of 2 approved: "), "{said}");
    assert!(said.contains("\ndenied by ") && said.ends_with("exit 0\n"), "{said}");
    let altered = |edit: fn(&mut Value)| {
        let mut other = shown.clone();
        edit(&mut other);
        check(&other)
    };
    assert_eq!(altered(|s| s["parameters"]["waiting-seconds"] = "1".into()), "exit 1\n");
    assert_eq!(altered(|s| s["changes"][0]["to"] = "active".into()), "exit 1\n");
    assert_eq!(altered(|s| s["digest"] = "00".into()), "exit 1\n");
    assert_eq!(
        altered(|s| {
            let note = s["verdicts"][0]["statement"].as_str().unwrap();
            let turned = note
                .replace("verdict approve", "verdict Deny")
                .replace("verdict deny", "verdict approve")
                .replace("verdict Deny", "verdict deny");
            s["verdicts"][0]["statement"] = turned.into();
        }),
        "exit 1\n"
    );
    assert_eq!(
        altered(|s| s["verdicts"][0]["statement"] = s["verdicts"][1]["statement"].clone()),
        "exit 1\n"
    );
}

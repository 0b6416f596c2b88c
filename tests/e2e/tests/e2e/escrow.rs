//! Shares of what opens a home: made, verified by a program that is not ours, brought together.

use crate::world::{PLACE, World, python, text, workspace};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::thread;
use std::time::Instant;

const CUSTODIANS: [&str; 3] = ["alice", "bob", "carol"];

/// A home with an escrow in `shares`, two of three needed.
fn escrowed() -> World {
    let world = World::new();
    for name in CUSTODIANS {
        world.write(&format!("{name}.pass"), format!("the passphrase of {name}\n"));
    }
    create(&world, "shares");
    world
}

fn create(world: &World, directory: &str) {
    let custodians = CUSTODIANS.map(|name| format!("--custodian={name}=@{name}.pass"));
    let mut arguments = vec!["escrow", "create", "--needed", "2", directory];
    arguments.extend(custodians.iter().map(String::as_str));
    world.ok(&arguments, b"");
}

fn held(directory: &str, name: &str) -> String {
    format!("{directory}/{name}.share=@{name}.pass")
}

fn arguments<'a>(verb: &'a str, shares: &'a [String]) -> Vec<&'a str> {
    ["escrow", verb].into_iter().chain(shares.iter().map(String::as_str)).collect()
}

fn of(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| held("shares", name)).collect()
}

#[test]
fn enough_shares_give_a_home_a_new_root_and_fewer_do_not() {
    let world = escrowed();
    let envelope = world.encrypt("Doe");
    let verify = |names: &[&str]| world.json(&arguments("verify", &of(names)));
    assert_eq!(verify(&["bob"])["enough"], false);
    assert_eq!(verify(&["bob", "carol"])["enough"], true);
    let all = of(&["carol", "alice"]);
    world.refused(&arguments("recover", &all), b"", 2, "ROOT_NOT_LOST");
    let root = world.home().join("root.key");
    fs::remove_file(&root).unwrap();
    assert_ne!(world.run(&["decrypt", "-c", PLACE], &envelope).code, 0);
    world.refused(&arguments("recover", &of(&["alice"])), b"", 2, "ESCROW_TOO_FEW_SHARES");
    let reason = ["--reason", "the disk of Jane Doe burned"];
    world.ok(&[&arguments("recover", &all)[..], &reason].concat(), b"");
    assert_eq!(fs::metadata(&root).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!world.home().join("root.key.new").exists());
    assert_eq!(world.decrypt(&envelope), b"Doe");
    let listed = String::from_utf8(world.ok(&["audit", "list"], b"")).unwrap();
    assert!(listed.contains("escrow recover") && listed.contains("by carol alice"), "{listed}");
    assert!(!listed.contains("Jane"), "a reason is free text and stands encrypted: {listed}");
    let entry = listed.lines().find(|line| line.contains("escrow recover")).unwrap();
    let number = entry.split_whitespace().next().unwrap();
    let shown = world.run(&["audit", "show", number, "--details"], b"").out();
    assert!(shown.contains("Jane Doe burned"), "{shown}");
    world.ok(&["audit", "verify"], b"");
    world.ok(&["doctor"], b"");
    // a root of another kind, and the shares are still good
    fs::remove_file(&root).unwrap();
    world.write("new.pass", "a root that is remembered");
    let mut remembered = arguments("recover", &all);
    remembered.extend(["--root", "passphrase", "--passphrase-file", "new.pass"]);
    world.ok(&remembered, b"");
    let opened = world.ok(&["decrypt", "-c", PLACE, "--passphrase-file", "new.pass"], &envelope);
    assert_eq!(opened, b"Doe");
}

/// The Python program shares no code with ours and knows `spec/escrow.md` alone.
#[test]
fn another_program_brings_every_pair_of_shares_to_the_same_key() {
    let world = escrowed();
    let program = workspace().join("reference/escrow.py").display().to_string();
    let together = |names: [&str; 2]| {
        let share = |name| world.path(&format!("shares/{name}.share")).display().to_string();
        let pass = |name| world.path(&format!("{name}.pass")).display().to_string();
        let [a, b] = names;
        python(&[&program, &share(a), &pass(a), &share(b), &pass(b)], "")
    };
    let key = together(["alice", "bob"]);
    assert_eq!(key.trim().len(), 64);
    assert_eq!(together(["bob", "carol"]), key);
    assert_eq!(together(["carol", "alice"]), key);
}

#[test]
fn shares_that_are_altered_mixed_or_of_another_home_are_refused() {
    let (world, other) = (escrowed(), escrowed());
    create(&world, "second");
    let refused = |shares: &[String], exit: i32, code: &str| {
        world.refused(&arguments("verify", shares), b"", exit, code)
    };
    let (alice, bob) = (held("shares", "alice"), held("shares", "bob"));
    refused(&[alice.clone(), alice.clone()], 2, "ESCROW_TERMS");
    refused(&[alice, held("second", "bob")], 2, "ESCROW_TERMS");
    refused(&["shares/bob.share=@carol.pass".to_owned()], 1, "ESCROW_SHARE_REJECTED");
    let file = world.path("shares/bob.share");
    let original = fs::read_to_string(&file).unwrap();
    for (from, to, exit, code) in [
        ("custodian bob", "custodian eve", 1, "ESCROW_SHARE_REJECTED"),
        ("of 3", "of 4", 1, "ESCROW_SHARE_REJECTED"),
        ("kwk 1", "kwk 2", 1, "ESCROW_SHARE_REJECTED"),
        ("needed 2", "needed 1", 3, "ESCROW_SHARE_MALFORMED"),
        ("v1", "v2", 3, "ESCROW_SHARE_MALFORMED"),
        ("sealed ", "sealed  ", 3, "ESCROW_SHARE_MALFORMED"),
        ("m=65536", "m=1", 3, "ESCROW_SHARE_MALFORMED"),
    ] {
        let altered = original.replacen(from, to, 1);
        assert_ne!(altered, original, "{from}");
        fs::write(&file, altered).unwrap();
        refused(std::slice::from_ref(&bob), exit, code);
    }
    fs::remove_file(other.home().join("root.key")).unwrap();
    for name in ["alice", "carol"] {
        let share = world.path(&format!("shares/{name}.share"));
        fs::copy(share, other.path(&format!("shares/{name}.share"))).unwrap();
    }
    let foreign = of(&["alice", "carol"]);
    other.refused(&arguments("recover", &foreign), b"", 1, "ESCROW_OTHER_STORE");
}

#[test]
fn an_escrow_that_is_no_dual_control_is_not_made() {
    let world = World::new();
    for (name, passphrase) in
        [("alice", "one passphrase for both"), ("bob", "one passphrase for both"), ("eve", "short")]
    {
        world.write(&format!("{name}.pass"), passphrase);
    }
    let refused = |needed: &str, custodians: &[&str], code: &str| {
        let mut arguments = vec!["escrow", "create", "--needed", needed, "shares"];
        custodians.iter().for_each(|custodian| arguments.extend(["--custodian", custodian]));
        world.refused(&arguments, b"", 2, code);
        assert!(!world.path("shares").exists());
    };
    let (alice, bob, eve) = ("alice=@alice.pass", "bob=@bob.pass", "eve=@eve.pass");
    for needed in ["0", "1", "3"] {
        refused(needed, &[alice, eve], "ESCROW_TERMS");
    }
    refused("2", &[alice, bob], "ESCROW_TERMS");
    refused("2", &[alice, alice], "ESCROW_TERMS");
    refused("2", &[alice, eve], "PASSPHRASE_TOO_SHORT");
    refused("2", &["alice=in the process list", bob], "USAGE");
    create_twice(&world);
}

fn create_twice(world: &World) {
    world.write("bob.pass", "another passphrase");
    let arguments = [
        "escrow",
        "create",
        "--needed=2",
        "shares",
        "--custodian=alice=@alice.pass",
        "--custodian=bob=@bob.pass",
    ];
    world.ok(&arguments, b"");
    let before = fs::read(world.path("shares/bob.share")).unwrap();
    world.refused(&arguments, b"", 2, "TARGET_EXISTS");
    assert_eq!(fs::read(world.path("shares/bob.share")).unwrap(), before);
    let shown = world.json(&["escrow", "show", "shares/bob.share"]);
    assert_eq!((text(&shown["custodian"]).as_str(), &shown["needed"]), ("bob", &2.into()));
}

#[test]
#[ignore = "20 kills; run by cargo xtask test"]
fn a_kill_while_recovering_leaves_a_home_that_opens_or_can_be_recovered() {
    let world = escrowed();
    let envelope = world.encrypt("Doe");
    let shares = of(&["alice", "bob"]);
    let recover = arguments("recover", &shares);
    let root = world.home().join("root.key");
    fs::remove_file(&root).unwrap();
    let start = Instant::now();
    world.ok(&recover, b"");
    let usual = start.elapsed();
    for round in 0..20 {
        fs::remove_file(&root).unwrap();
        let mut command = world.command(&recover);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // most of the time goes into the passphrases; what can break comes at the end
        thread::sleep(usual.mul_f64(0.5 + 0.55 * f64::from(round) / 20.0));
        let _ = child.kill();
        child.wait().unwrap();
        if world.run(&["decrypt", "-c", PLACE], &envelope).code != 0 {
            world.ok(&recover, b"");
        }
        assert_eq!(world.decrypt(&envelope), b"Doe");
    }
    world.ok(&["audit", "verify"], b"");
}

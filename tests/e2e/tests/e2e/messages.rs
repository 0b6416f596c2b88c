//! What commands say: machine-readable everywhere, harmless on a terminal, with the place of a fault.

use crate::world::{World, binary, finish, text, workspace};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Clears the line and paints red; C1 does the same in one byte less; the last turns text around.
const ACTIVE: &str = "\u{1b}[2K\u{1b}[31m\u{9b}31m\n\u{202e}";

fn is_active(character: char) -> bool {
    (character.is_control() && character != '\n') || character == '\u{202e}'
}

#[test]
fn control_characters_never_reach_a_terminal() {
    let world = World::new();
    let odd = format!("x{ACTIVE}y");
    world.write(&odd, "{\"id\":\"1\",\"ssn\":\"v\"}");
    world.write("keys.json", "{\"id\":\"1\",\"a\u{9b}31m\u{202e}b\":{\"\\u001b\":1}}");
    let place = format!("{odd}/{odd}/r");
    world.ok(&["field", "define", &format!("{odd}/{odd}")], b"");
    for args in [
        &["record", "encrypt", "--profile", &odd][..],
        &["record", "encrypt", &format!("{odd}-missing")],
        &["record", "encrypt", "--paths", &odd, "-c", "c", "--no-record", &odd],
        &["scan", "--expect-encrypted", &odd],
        &["record", "coverage", "keys.json"],
        &["field", "list"],
        &["field", "show", &odd],
        &["encrypt", "--key", &odd, "-c", "a/b/c"],
        &["encrypt", "--key", "other", "-c", &place],
        &["key", "rotate", &odd],
        &["init", "--home", &odd],
        &["init", "--home", &format!("{odd}-new")],
        &[&odd],
        &["key", &odd],
        &["--no-such\u{1b}[31m"],
        &["encrypt", "--type", &odd],
        &["key", "create", "x", "--max-bytes", &odd],
    ] {
        for form in [&[][..], &["--json"]] {
            let args = [args, form].concat();
            let ran = world.run(&args, b"v");
            let shown = ran.out() + &ran.err();
            assert!(!shown.contains(is_active), "{args:?}: {shown:?}");
            assert!(!shown.lines().any(|line| line.starts_with('y')), "{args:?}: {shown:?}");
            assert!(!shown.is_empty(), "{args:?}");
        }
    }
}

#[test]
fn values_come_out_as_they_are() {
    let world = World::new();
    let value = format!("{ACTIVE}é");
    let envelope = world.encrypt(&value);
    assert_eq!(world.decrypt(&envelope), value.as_bytes());
}

#[test]
fn arguments_that_are_not_understood_are_an_error_object() {
    let world = World::empty();
    for (args, part) in [
        (&["frobnicate"][..], "'frobnicate'"),
        (&["help", "frobnicate"], "frobnicate"),
        (&["key"], "subcommand"),
        (&["key", "revoke", "default@1"], "--cause"),
        (&["encrypt", "--type", "colour"], "'colour'"),
        (&["key", "create", "k", "--max-bytes", "many"], "'many'"),
        (&["encrypt", "--frobnicate"], "'--frobnicate'"),
        (&["record", "encrypt", "--profile", "a", "--paths", "b"], "--paths"),
    ] {
        let message = world.refused(args, b"", 2, "USAGE");
        assert!(message.contains(part) && !message.contains('\n'), "{args:?}: {message}");
        assert!(!message.contains("Usage:") && !message.starts_with("error"), "{message}");
        let ran = world.run(args, b"");
        assert_eq!((ran.code, ran.out().as_str()), (2, ""), "{args:?}");
        assert!(ran.err().contains("--help"), "{args:?}: {}", ran.err());
    }
    // after `--` it is a name, not the option
    let ran = world.run(&["explain", "REJECTED", "--", "--json"], b"");
    assert!(ran.code == 2 && !ran.err().starts_with('{'), "{}", ran.err());
    assert_eq!(text(&world.run(&["--json", "x"], b"").error()["code"]), "USAGE");
}

#[test]
fn explanations_as_json() {
    let world = World::empty();
    let page = fs::read_to_string(workspace().join("docs/errors.md")).unwrap();
    for code in page.lines().filter_map(|line| line.strip_prefix("## ")) {
        let explained = world.json(&["explain", code]);
        assert_eq!(text(&explained["code"]), code);
        for part in ["cause", "remedy"] {
            assert!(page.contains(&text(&explained[part])) && !text(&explained[part]).is_empty());
        }
        let exits = explained["exit_codes"].as_array().unwrap();
        let known = exits.iter().all(|exit| (1..=6).contains(&exit.as_u64().unwrap()));
        assert!(!exits.is_empty() && known, "{explained}");
    }
    assert_eq!(world.json(&["explain", "io_failed"])["exit_codes"], json!([2, 6]));
    assert_eq!(world.json(&["explain", "value_invalid"])["exit_codes"], json!([3]));
}

#[test]
fn the_demo_as_json() {
    let told = World::empty().json(&["demo"]);
    let checks = told["checks"].as_array().unwrap();
    assert!(checks.len() == 4 && checks.iter().all(|check| check["passed"] == true), "{told}");
    assert_eq!(told["try"].as_array().unwrap().len(), 3);
}

/// Runs the commands that the demo ends with, in an empty directory.
fn try_the_demo(world: &World, path: &str, directory: &Path) -> Vec<String> {
    let mut demo = world.command(&["demo"]);
    let out = finish(demo.current_dir(directory).env("PATH", path), b"").out();
    let (_, commands) = out.split_once("Try it yourself:").unwrap();
    let commands: Vec<String> = commands.lines().map(|l| l.trim().to_owned()).collect();
    let commands: Vec<String> = commands.into_iter().filter(|l| !l.is_empty()).collect();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-e", "-c", &commands.join("\n")]).current_dir(directory).env("PATH", path);
    let ran = finish(shell.env_remove("MEDSEAL_HOME"), b"");
    assert_eq!(ran.code, 0, "{commands:?}: {}", ran.err());
    assert_eq!(ran.out().matches("ms1:").count(), 2, "{}", ran.out());
    commands
}

#[test]
fn the_demo_ends_with_commands_that_work() {
    let world = World::empty();
    let bare = "/usr/bin:/bin";
    for (directory, path, program) in [
        ("by path", bare.to_owned(), binary().display().to_string()),
        ("by name", format!("{}:{bare}", world.path("on path").display()), "medseal".to_owned()),
        ("other", format!("{}:{bare}", world.path("other bin").display()), String::new()),
    ] {
        let directory = world.path(directory);
        fs::create_dir(&directory).unwrap();
        for (bin, target) in [("on path", binary()), ("other bin", "/bin/false".into())] {
            let _ = fs::create_dir(world.path(bin));
            let _ = std::os::unix::fs::symlink(target, world.path(bin).join("medseal"));
        }
        let commands = try_the_demo(&world, &path, &directory);
        assert!(commands[0].starts_with(format!("{program} ").trim_start()), "{commands:?}");
    }
}

#[test]
fn the_demo_names_a_binary_beside_it() {
    let world = World::empty();
    let odd = world.path("it's here");
    fs::create_dir_all(odd.join("target dir")).unwrap();
    fs::copy(binary(), odd.join("target dir/medseal")).unwrap();
    let out = Command::new(odd.join("target dir/medseal")).arg("demo").current_dir(&odd).output();
    let out = String::from_utf8(out.unwrap().stdout).unwrap();
    assert!(out.contains("'./target dir/medseal' init"), "{out}");
}

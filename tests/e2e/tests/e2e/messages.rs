//! What commands say: machine-readable everywhere, harmless on a terminal, with the place of a fault.

use crate::world::{World, text};

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

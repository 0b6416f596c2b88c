//! Single values: round trips, every wrong context, malformed input.

use crate::world::{PLACE, Ran, World, text};
use serde_json::{Value, json};

const VALUES: [(&str, &str, &str); 16] = [
    ("string", "Doe", "Doe"),
    ("string", "Müller 🦠\n", "Müller 🦠"),
    ("string", "", ""),
    ("bytes", "a\n\n", "a\n\n"),
    ("integer", "-42\n", "-42"),
    ("integer", "0", "0"),
    ("decimal", "1.50", "1.50"),
    ("decimal", "-0.00", "-0.00"),
    ("boolean", "true", "true"),
    ("boolean", "false", "false"),
    ("date", "2024-02-29", "2024-02-29"),
    ("datetime", "2024-02-29T23:59:60.125+05:30", "2024-02-29T23:59:60.125+05:30"),
    ("uuid", "0f8fad5b-d9cb-469f-a165-70867728950e", "0f8fad5b-d9cb-469f-a165-70867728950e"),
    ("json", "{\"a\": [1.50, 1e400]}", "{\"a\": [1.50, 1e400]}"),
    ("json", "null", "null"),
    ("bytes", "\0\u{1}\r\n", "\0\u{1}\r\n"),
];

#[test]
fn every_type_comes_back() {
    let world = World::new();
    for (kind, input, output) in VALUES {
        for form in [&[][..], &["--binary"]] {
            let args = [&["encrypt", "-c", PLACE, "--type", kind], form].concat();
            let envelope = world.ok(&args, input.as_bytes());
            assert_eq!(envelope.starts_with(b"ms1:"), form.is_empty());
            assert_eq!(world.decrypt(&envelope), output.as_bytes(), "{kind} {form:?}");
        }
    }
}

#[test]
fn values_and_envelopes_as_json() {
    let world = World::new();
    world.ok(&["key", "rotate", "default"], b"");
    for (kind, input, output) in VALUES {
        let args = ["encrypt", "-c", PLACE, "--type", kind, "--json"];
        let made: Value = serde_json::from_slice(&world.ok(&args, input.as_bytes())).unwrap();
        let envelope = text(&made["envelope"]);
        let header = world.ok(&["inspect", "--json"], envelope.as_bytes());
        let header: Value = serde_json::from_slice(&header).unwrap();
        assert_eq!(made["key"], "default@2");
        for part in ["key_version_id", "suite", "record_bound", "padded"] {
            assert!(!made[part].is_null() && made[part] == header[part], "{part}: {made}");
        }
        let opened = world.ok(&["decrypt", "-c", PLACE, "--json"], envelope.as_bytes());
        let opened: Value = serde_json::from_slice(&opened).unwrap();
        let value = match kind {
            "bytes" => json!({ "type": kind, "encoding": "base64", "value": BASE64[output.len()] }),
            _ => json!({ "type": kind, "value": output }),
        };
        assert_eq!(opened, value);
    }
    let both = ["encrypt", "-c", PLACE, "--binary"];
    let message = world.refused(&both, b"v", 2, "USAGE");
    assert!(message.contains("--binary"), "{message}");
}

/// RFC 4648 by hand, under the lengths of the values above: `a\n\n`, `00 01 0d 0a`.
const BASE64: [&str; 5] = ["", "", "", "YQoK", "AAENCg=="];

#[test]
fn a_value_as_json_is_harmless_and_whole() {
    let world = World::new();
    let value = "\u{0}\u{1b}[31m\u{7f}\u{9b}31m\u{202e}\"\\é🦠\n";
    let envelope = world.ok(&["encrypt", "-c", PLACE, "--type", "json"], value.as_bytes());
    let opened =
        String::from_utf8(world.ok(&["decrypt", "-c", PLACE, "--json"], &envelope)).unwrap();
    assert_eq!(opened.lines().count(), 1);
    assert!(!opened.trim_end().contains(|c: char| c.is_control() || c == '\u{202e}'), "{opened:?}");
    let opened: Value = serde_json::from_str(&opened).unwrap();
    assert_eq!(opened, json!({ "type": "json", "value": value }));
}

#[test]
fn reencryption_says_what_it_did() {
    let world = World::new();
    let envelope = world.encrypt("v");
    let args = ["reencrypt", "-c", PLACE, "--json"];
    let told = |ran: &Ran| serde_json::from_str::<Value>(&ran.err()).unwrap();
    let ran = world.run(&args, &envelope);
    assert_eq!(told(&ran), json!({ "values": 0, "unchanged": 1, "key": "default@1" }));
    world.ok(&["key", "rotate", "default"], b"");
    let ran = world.run(&args, &envelope);
    assert_eq!(told(&ran), json!({ "values": 1, "unchanged": 0, "key": "default@2" }));
    assert_eq!(world.decrypt(&ran.stdout), b"v");
}

#[test]
fn values_that_are_not_of_their_type_are_refused() {
    let world = World::new();
    for (kind, input, byte) in [
        ("string", &b"ab\xff"[..], Some(3)),
        ("integer", b"01", None),
        ("integer", b"1.0", Some(2)),
        ("integer", b"Zyxwv", Some(1)),
        ("decimal", b"1e3", Some(2)),
        ("decimal", b"-1.5.2", Some(5)),
        ("boolean", b"Zyxwv", None),
        ("date", b"2023-02-29", None),
        ("datetime", b"2024-01-01 00:00:00", None),
        ("uuid", b"0f8fad5b", None),
        ("json", b"\"\xff\"", Some(2)),
    ] {
        let args = ["encrypt", "-c", PLACE, "--type", kind];
        let message = world.refused(&args, input, 3, "VALUE_INVALID");
        let place = byte.map(|at| format!(", byte {at}")).unwrap_or_default();
        let place = format!("standard input{place}, read as `{kind}`: ");
        assert!(message.starts_with(&place), "{place}: {message}");
        assert!(!message.contains("Zyxwv") && !message.contains("2023"), "{message}");
    }
}

#[test]
fn a_wrong_context_is_rejected() {
    let world = World::new();
    let envelope = world.encrypt("Zyxwv");
    for place in [
        "patients/last_name/p2",
        "patients/first_name/p1",
        "doctors/last_name/p1",
        "patients/last_name/p1/",
        "patients/last_name/P1",
    ] {
        world.refused(&["decrypt", "-c", place], &envelope, 1, "REJECTED");
    }
    let pairs = "collection=patients,field=last_name,record=p1,row_version=2";
    world.refused(&["decrypt", "--context", pairs], &envelope, 1, "REJECTED");
    world.refused(&["decrypt", "-c", "patients/last_name"], &envelope, 2, "RECORD_REQUIRED");
}

#[test]
fn another_tenant_or_home_does_not_have_the_key() {
    let (world, other) = (World::new(), World::new());
    let envelope = world.encrypt("Zyxwv");
    let args = ["decrypt", "-c", PLACE, "--tenant", "other"];
    world.refused(&args, &envelope, 1, "REJECTED");
    world.ok(&["key", "create", "default", "--tenant", "other"], b"");
    world.refused(&args, &envelope, 1, "REJECTED");
    other.refused(&["decrypt", "-c", PLACE], &envelope, 4, "KEY_VERSION_UNKNOWN");
}

#[test]
fn another_key_of_the_tenant_is_rejected() {
    let world = World::new();
    world.ok(&["key", "create", "second"], b"");
    world.ok(&["field", "define", "patients/last_name"], b"");
    let args = ["encrypt", "-c", "patients/nick/p1", "--key", "second"];
    let mut envelope = world.ok(&[&args[..], &["--binary"]].concat(), b"Zyxwv");
    let own = world.ok(&["encrypt", "-c", "patients/nick/p1", "--binary"], b"Zyxwv");
    envelope[4..12].copy_from_slice(&own[4..12]);
    world.refused(&["decrypt", "-c", "patients/nick/p1"], &envelope, 1, "REJECTED");
}

#[test]
fn records_are_bound_unless_that_is_said() {
    let world = World::new();
    world.refused(&["encrypt", "-c", "stock/price"], b"7", 2, "RECORD_REQUIRED");
    let envelope = world.ok(&["encrypt", "-c", "stock/price", "--no-record"], b"7");
    let args = ["decrypt", "-c", "stock/price", "--no-record"];
    assert_eq!(world.ok(&args, &envelope), b"7");
    world.refused(&["decrypt", "-c", "stock/price/r"], &envelope, 1, "REJECTED");
    world.ok(&["field", "define", "stock/price", "--no-record"], b"");
    assert_eq!(world.ok(&["decrypt", "-c", "stock/price"], &envelope), b"7");
    world.refused(&["encrypt", "-c", "stock/price/r"], b"7", 2, "RECORD_NOT_BOUND");
}

#[test]
fn context_pairs_and_files() {
    let world = World::new();
    let pairs = "collection=patients,field=last_name,record=p1,row_version=3,site=north";
    let envelope = world.ok(&["encrypt", "--context", pairs], b"Doe");
    let other_order = "site=north,record=p1,row_version=3,field=last_name,collection=patients";
    assert_eq!(world.ok(&["decrypt", "--context", other_order], &envelope), b"Doe");
    world.write("context", pairs.replace(',', "\r\n") + "\r\n");
    assert_eq!(world.ok(&["decrypt", "--context", "@context"], &envelope), b"Doe");
    let elsewhere = pairs.replace("north", "south");
    world.refused(&["decrypt", "--context", &elsewhere], &envelope, 1, "REJECTED");
    world.refused(&["decrypt", "-c", PLACE], &envelope, 1, "REJECTED");

    world.write("place", format!("{PLACE}\n"));
    let envelope = world.ok(&["encrypt", "-c", "@place"], b"Doe");
    assert_eq!(world.decrypt(&envelope), b"Doe");
}

#[test]
fn contexts_that_cannot_be_meant() {
    let world = World::new();
    let base = "collection=a,field=b,record=r";
    for (extra, code) in [
        (",subject=s,subject=s", "USAGE"),
        (",subject=", "CONTEXT_INVALID"),
        (",record=r", "USAGE"),
        (",lonely", "USAGE"),
        (",Upper=1", "CONTEXT_INVALID"),
        (",x=1,x=2", "CONTEXT_INVALID"),
    ] {
        let pairs = format!("{base}{extra}");
        world.refused(&["encrypt", "--context", &pairs], b"v", 2, code);
    }
    world.refused(&["encrypt", "--context", "collection=a"], b"v", 2, "USAGE");
    world.refused(&["encrypt", "-c", "onlyone"], b"v", 2, "USAGE");
    world.refused(&["encrypt"], b"v", 2, "USAGE");
    world.refused(&["encrypt", "-c", "@missing"], b"v", 2, "IO_FAILED");
}

#[test]
fn malformed_envelopes() {
    let world = World::new();
    let whole = String::from_utf8(world.encrypt("Zyxwv")).unwrap();
    let whole = whole.trim_end();
    let bits = whole.len() % 4;
    let trailing = world.encrypt(if bits == 0 { "Zyxwvu" } else { "Zyxwv" });
    let binary = world.ok(&["encrypt", "-c", PLACE, "--binary"], b"Zyxwv");
    let cases: [Vec<u8>; 10] = [
        b"".into(),
        b"ms1:".into(),
        b"Zyxwv".into(),
        whole[..60].into(),
        whole[..whole.len() - bits.max(1)][..61].into(),
        format!("{}\n{}", &whole[..40], &whole[40..]).into(),
        format!("{whole}\n\n").into(),
        with_trailing_bits(trailing.trim_ascii_end()),
        binary[..50].into(),
        [&binary[..2], &[2], &binary[3..]].concat(),
    ];
    for case in cases {
        world.refused(&["decrypt", "-c", PLACE], &case, 3, "ENVELOPE_MALFORMED");
    }
}

/// Sets the lowest of the bits that the last character of a text form does not use.
fn with_trailing_bits(text: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    assert_ne!(text.len() % 4, 0, "this length has no unused bits");
    let (last, rest) = text.split_last().unwrap();
    let digit = ALPHABET.iter().position(|c| c == last).unwrap();
    [rest, &[ALPHABET[digit | 1]]].concat()
}

#[test]
fn every_flipped_byte_is_refused() {
    let world = World::new();
    let envelope = world.ok(&["encrypt", "-c", PLACE, "--binary"], b"Zyxwv");
    for at in 0..envelope.len() {
        let mut altered = envelope.clone();
        altered[at] ^= 1;
        let ran = world.run(&["decrypt", "-c", PLACE, "--json"], &altered);
        assert!(matches!(ran.code, 1 | 3 | 4), "byte {at}: exit {}", ran.code);
        assert!(ran.stdout.is_empty(), "byte {at}");
        assert!(!ran.err().contains("Zyxwv"), "byte {at}");
    }
}

#[test]
fn one_tenant_at_a_time() {
    let world = World::new();
    world.ok(&["key", "create", "default", "--tenant", "north"], b"");
    let pairs = "tenant=north,collection=patients,field=last_name,record=p1";
    let envelope = world.ok(&["encrypt", "--context", pairs], b"v");
    let same = ["decrypt", "--context", pairs, "--tenant", "north"];
    assert_eq!(world.ok(&same, &envelope), b"v");
    assert_eq!(world.ok(&["decrypt", "-c", PLACE, "--tenant", "north"], &envelope), b"v");
    let (_, without) = pairs.split_once(',').unwrap();
    let given = ["decrypt", "--context", without, "--tenant", "north"];
    assert_eq!(world.ok(&given, &envelope), b"v");
    for verb in ["encrypt", "decrypt", "reencrypt"] {
        for tenant in ["default", "south"] {
            let args = [verb, "--context", pairs, "--tenant", tenant];
            let message = world.refused(&args, &envelope, 2, "USAGE");
            assert!(message.contains("--tenant"), "{message}");
        }
    }
}

#[test]
fn a_record_and_none_is_no_definition() {
    let world = World::new();
    let args = ["encrypt", "-c", "a/b/1", "--no-record"];
    let message = world.refused(&args, b"v", 2, "RECORD_NOT_BOUND");
    assert!(message.contains("--no-record") && !message.contains("defined"), "{message}");
    world.ok(&["field", "define", "a/b", "--no-record"], b"");
    let message = world.refused(&args, b"v", 2, "RECORD_NOT_BOUND");
    assert!(message.contains("defined without a record"), "{message}");
    // of what an envelope is bound to, nothing is said
    let unbound = world.ok(&["encrypt", "-c", "c/d", "--no-record"], b"v");
    world.refused(&["decrypt", "-c", "c/d/1", "--no-record"], &unbound, 1, "REJECTED");
}

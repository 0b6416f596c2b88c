//! The independent Python reference and the binary read each other's envelopes, under the keys of a
//! real home.

use crate::reference::{Keys, ask, bytes_of, hex};
use crate::world::{PLACE, World, python, text, workspace};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const PARSE: &str = r#"
import sys, json
sys.path.insert(0, sys.argv[1])
import medseal_reference as reference
text = sys.stdin.read().rstrip("\n")
envelope = reference.from_text(text)
assert reference.to_text(envelope) == text and envelope[:2] == b"\xf8\x01"
key = bytes(32)
try: reference.decrypt(key, envelope, dict(tenant="default", collection="patients", field="last_name", record="p1"), envelope[2], envelope[3])
except reference.Refused as refused: assert str(refused) == "rejected", refused
print(json.dumps({
    "suite": {1: "aes-256-gcm", 3: "chacha20-poly1305"}[envelope[2]],
    "padded": bool(envelope[3] & reference.PADDED),
    "record_bound": bool(envelope[3] & reference.RECORD),
    "inline_token": bool(envelope[3] & reference.TOKEN),
    "subject_bound": bool(envelope[3] & reference.SUBJECT),
    "key_version_id": envelope[4:12].hex(),
    "envelope_bytes": len(envelope),
    "ciphertext_bytes": len(envelope) - (12 + 56) - 16,
    "text_prefix": text[:20],
}))
"#;

#[test]
fn headers_are_read_alike() {
    let world = World::new();
    world.ok(&["key", "create", "chacha", "--suite", "chacha20-poly1305"], b"");
    world.ok(&["field", "define", "patients/padded", "--padded"], b"");
    for args in [
        &["-c", PLACE][..],
        &["-c", PLACE, "--key", "chacha"],
        &["-c", "patients/padded/p1"],
        &["-c", "patients/free", "--no-record"],
    ] {
        let envelope = world.ok(&[&["encrypt"], args].concat(), "Müller".as_bytes());
        let ours: Value =
            serde_json::from_slice(&world.ok(&["inspect", "--json"], &envelope)).unwrap();
        let reference = workspace().join("reference");
        let text = String::from_utf8(envelope).unwrap();
        let theirs = python(&["-c", PARSE, reference.to_str().unwrap()], &text);
        let theirs: Value = serde_json::from_str(&theirs).unwrap();
        for (name, value) in theirs.as_object().unwrap() {
            assert_eq!(&ours[name], value, "{name} with {args:?}");
        }
    }
}

const UUID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";
const RECORD: u8 = 2;
const PADDED: u8 = 1;

/// An envelope that the binary made, and what it was made of.
struct Made {
    what: &'static str,
    envelope: String,
    field: &'static str,
    suite: u8,
    flags: u8,
    kind: u8,
    value: Vec<u8>,
}

impl Made {
    fn context(&self) -> Value {
        let mut context =
            json!({ "tenant": "default", "collection": "patients", "field": self.field });
        if self.flags & RECORD != 0 {
            context["record"] = "p1".into();
        }
        context
    }

    fn request(&self, id: &str, keys: &Keys, context: &Value) -> Value {
        let mut request = keys.request(id, context);
        request["text"] = self.envelope.as_str().into();
        request["suite"] = self.suite.into();
        request["flags"] = self.flags.into();
        request
    }

    fn in_wrong_places(&self, id: &str, keys: &Keys) -> [Value; 4] {
        ELSEWHERE.map(|(part, value)| {
            let mut context = self.context();
            context[part] = value.into();
            self.request(id, keys, &context)
        })
    }
}

/// One part of the place is another one.
const ELSEWHERE: [(&str, &str); 4] =
    [("tenant", "other"), ("collection", "doctors"), ("field", "city"), ("record", "p2")];

fn key_version_id(world: &World, envelope: &str) -> String {
    let out = world.ok(&["inspect", "--json"], envelope.as_bytes());
    let header: Value = serde_json::from_slice(&out).unwrap();
    text(&header["key_version_id"])
}

/// One value of each type; what the binary is given and the bytes that the specification says.
fn every_type() -> [(&'static str, u8, &'static str, Vec<u8>); 9] {
    let same = |kind, number, value: &'static str| (kind, number, value, value.as_bytes().to_vec());
    [
        same("string", 1, "Müller\u{0}"),
        same("bytes", 2, "\u{1}\u{0}x"),
        same("integer", 3, "-42"),
        same("decimal", 4, "1.50"),
        ("boolean", 5, "true", vec![1]),
        same("date", 6, "2024-02-29"),
        same("datetime", 7, "2024-02-29T23:59:60.125+05:30"),
        ("uuid", 8, UUID, bytes_of(&UUID.replace('-', ""))),
        same("json", 9, "{\"a\": [1.50]}"),
    ]
}

/// Encrypts in every way there is, with a rotation of the key in the middle.
fn made_by_the_binary(world: &World) -> Vec<Made> {
    let encrypt = |args: &[&str], value: &str| {
        let out = world.ok(&[&["encrypt", "-c"], args].concat(), value.as_bytes());
        String::from_utf8(out).unwrap().trim_end().to_owned()
    };
    let doe = |what, field, suite, flags, args: &[&str]| {
        let (envelope, value) = (encrypt(args, "Doe"), b"Doe".to_vec());
        Made { what, envelope, field, suite, flags, kind: 1, value }
    };
    let mut made: Vec<Made> = Vec::new();
    for (what, kind, input, value) in every_type() {
        let envelope = encrypt(&[PLACE, "--type", what], input);
        made.push(Made {
            what,
            envelope,
            field: "last_name",
            suite: 1,
            flags: RECORD,
            kind,
            value,
        });
    }
    world.ok(&["key", "create", "chacha", "--suite", "chacha20-poly1305"], b"");
    world.ok(&["field", "define", "patients/padded", "--padded"], b"");
    made.push(doe("padded", "padded", 1, PADDED | RECORD, &["patients/padded/p1"]));
    made.push(doe("no record", "free", 1, 0, &["patients/free", "--no-record"]));
    made.push(doe("ChaCha20", "nick", 3, RECORD, &["patients/nick/p1", "--key", "chacha"]));
    world.ok(&["key", "rotate", "default"], b"");
    made.push(doe("after rotation", "last_name", 1, RECORD, &[PLACE]));
    world.ok(&["key", "rotate", "chacha"], b"");
    made.push(doe("both", "other", 3, RECORD, &["patients/other/p1", "--key", "chacha"]));
    made.push(spliced_into_a_document(world));
    made
}

fn spliced_into_a_document(world: &World) -> Made {
    let args = ["record", "encrypt", "--paths", "ssn", "-c", "patients", "--record-path", "id"];
    let sealed = world.ok(&args, br#"{"id": "p1", "ssn": "000-12\u002d3456"}"#);
    let sealed: Value = serde_json::from_slice(&sealed).unwrap();
    let value = br#""000-12\u002d3456""#.to_vec();
    let (envelope, flags) = (text(&sealed["ssn"]), RECORD);
    Made { what: "document", envelope, field: "ssn", suite: 1, flags, kind: 9, value }
}

#[test]
fn python_opens_what_the_binary_made_and_nothing_elsewhere() {
    let world = World::new();
    let made = made_by_the_binary(&world);
    let keys = Keys::of(&world);
    let ids: Vec<String> = made.iter().map(|m| key_version_id(&world, &m.envelope)).collect();
    let versions: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(versions.len(), 4, "two versions of two keys");
    let each = || made.iter().zip(&ids);
    let right = each().map(|(made, id)| made.request(id, &keys, &made.context())).collect();
    for (made, answer) in made.iter().zip(ask("decrypt", right)) {
        let opened = json!({ "type": made.kind, "value_hex": hex(&made.value) });
        assert_eq!(answer, json!({ "ok": opened }), "{}", made.what);
    }
    let wrong: Vec<Value> = each().flat_map(|(made, id)| made.in_wrong_places(id, &keys)).collect();
    let answers = ask("decrypt", wrong.clone());
    assert_eq!(answers.len(), 4 * made.len());
    for (request, answer) in wrong.iter().zip(answers) {
        assert_eq!(answer, json!({ "error": "rejected" }), "{request}");
    }
}

/// What the Python writer is asked to make under the primary version of the home's key `default`.
fn writings(world: &World) -> Vec<Value> {
    let key = world.json(&["key", "show", "default"]);
    let id = text(&key["versions"].as_array().unwrap().last().unwrap()["id"]);
    let keys = Keys::of(world);
    let place = json!({
        "tenant": "default", "collection": "patients", "field": "last_name", "record": "p1",
    });
    let write = |part: &str, value: &str, change: Value| {
        let mut context = place.clone();
        context[part] = value.into();
        let mut request = keys.request(&id, &context);
        request["suite"] = 1.into();
        request["value_type"] = 1.into();
        request["value_hex"] = hex("Müller".as_bytes()).into();
        for (name, value) in change.as_object().unwrap() {
            request[name] = value.clone();
        }
        request
    };
    let uuid = json!({ "value_type": 8, "value_hex": UUID.replace('-', "") });
    let mut out = vec![write("record", "p1", json!({})), write("record", "p1", uuid)];
    out.extend(ELSEWHERE.map(|(part, value)| write(part, value, json!({}))));
    let other_forms =
        [json!({ "padded": true }), json!({ "suite": 3 }), json!({ "token": "07".repeat(16) })];
    out.extend(other_forms.map(|change| write("record", "p1", change)));
    out
}

#[test]
fn the_binary_opens_what_python_made_under_its_key_and_nothing_elsewhere() {
    let world = World::new();
    world.ok(&["key", "rotate", "default"], b"");
    let made = ask("encrypt", writings(&world));
    let made: Vec<String> = made.iter().map(|answer| text(&answer["ok"]["text"])).collect();
    assert_eq!(made.len(), 9);
    assert_eq!(world.decrypt(made[0].as_bytes()), "Müller".as_bytes());
    assert_eq!(world.decrypt(made[1].as_bytes()), UUID.as_bytes());
    for envelope in &made[2..] {
        world.refused(&["decrypt", "-c", PLACE], envelope.as_bytes(), 1, "REJECTED");
    }
}

//! The independent Python reference reads what the binary writes.
//!
//! No command gives a key away, so only headers are compared here; the core's own tests compare
//! keys and ciphertexts.

use crate::world::{PLACE, World, python, workspace};
use serde_json::Value;

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

const PARSE_STREAM: &str = r#"
import sys, json
sys.path.insert(0, sys.argv[1])
import medseal_reference as reference, medseal_stream as streams
stream = open(sys.argv[2], "rb").read()
context = dict(tenant="default", collection="files", field="content")
request = dict(context, context=context, kek="00" * 32, kvid=stream[4:12].hex(), flags=0)
try: streams.open_stream(request, stream)
except reference.Refused as refused: outcome = str(refused)
length = int.from_bytes(stream[12:16], "big")
body = len(stream) - 16 - length - 56
print(json.dumps({
    "outcome": outcome,
    "key_version_id": stream[4:12].hex(),
    "metadata_bytes": length,
    "chunks": body // 16400 + 1,
    "content_bytes": body - 16 * (body // 16400 + 1),
}))
"#;

#[test]
fn streams_are_laid_out_alike() {
    let world = World::new();
    for len in [0, 16_383, 16_384, 40_000] {
        world.write("plain", vec![b'x'; len]);
        world.ok(&["file", "encrypt", "plain", "sealed"], b"");
        let ours = world.json(&["file", "inspect", "sealed"]);
        let (reference, sealed) = (workspace().join("reference"), world.path("sealed"));
        let args = ["-c", PARSE_STREAM, reference.to_str().unwrap(), sealed.to_str().unwrap()];
        let theirs: Value = serde_json::from_str(&python(&args, "")).unwrap();
        for name in ["key_version_id", "metadata_bytes", "chunks", "content_bytes"] {
            assert_eq!(ours[name], theirs[name], "{name} of {len} bytes");
        }
        // well-formed, and not under a key of zeros
        assert_eq!(theirs["outcome"], "rejected");
    }
}

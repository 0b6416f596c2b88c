//! C2SP signed notes and verifier keys: a text, a blank line, lines of signatures.

use crate::primitives::sha256;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The longest note that is read: sixteen ML-DSA-87 signatures fit.
const MAX_NOTE_BYTES: usize = 128 << 10;
const LINE_START: &str = "\u{2014} ";

/// The four bytes that name a key in a signature line.
pub(crate) type KeyId = [u8; 4];

/// `SHA-256(name ‖ 0A ‖ type ‖ public key)[0..4]`.
pub(crate) fn key_id(name: &str, kind: &[u8], public_key: &[u8]) -> KeyId {
    let hash = sha256(&[name.as_bytes(), b"\n", kind, public_key].concat());
    [hash[0], hash[1], hash[2], hash[3]]
}

/// `name+id+base64(type ‖ public key)`.
pub(crate) fn vkey(name: &str, kind: &[u8], public_key: &[u8]) -> String {
    let id = u32::from_be_bytes(key_id(name, kind, public_key));
    format!("{name}+{id:08x}+{}", STANDARD.encode([kind, public_key].concat()))
}

/// Reads a [`vkey`] of one type: the name and the public key.
pub(crate) fn parse_vkey<'v>(line: &'v str, kind: &[u8]) -> Option<(&'v str, Vec<u8>)> {
    let (name, rest) = line.split_once('+')?;
    let (_, encoded) = rest.split_once('+')?;
    let bytes = STANDARD.decode(encoded).ok()?;
    let public_key = bytes.strip_prefix(kind)?.to_vec();
    (vkey(name, kind, &public_key) == line).then_some((name, public_key))
}

/// A signature line with its end.
pub(crate) fn signature_line(name: &str, id: KeyId, signature: &[u8]) -> String {
    format!("{LINE_START}{name} {}\n", STANDARD.encode([&id[..], signature].concat()))
}

/// A note that was taken apart; nothing in it is verified.
pub(crate) struct Note<'n> {
    /// What is signed, its last line end included.
    pub(crate) text: &'n str,
    signatures: Vec<(&'n str, Vec<u8>)>,
}

impl<'n> Note<'n> {
    pub(crate) fn parse(note: &'n str) -> Option<Self> {
        let control = |c: char| c < ' ' && c != '\n';
        if note.len() > MAX_NOTE_BYTES || note.contains(control) {
            return None;
        }
        let at = note.rfind("\n\n")? + 1;
        let (text, rest) = (note.get(..at)?, note.get(at + 1..)?);
        let signatures = rest.strip_suffix('\n')?.split('\n').map(parse_line);
        Some(Self { text, signatures: signatures.collect::<Option<_>>()? })
    }

    /// The signature of one key; `None` when there is not exactly one.
    pub(crate) fn signature(&self, name: &str, id: KeyId) -> Option<&[u8]> {
        let mut found = self
            .signatures
            .iter()
            .filter(|(n, _)| *n == name)
            .filter_map(|(_, bytes)| bytes.strip_prefix(&id[..]));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }
}

fn parse_line(line: &str) -> Option<(&str, Vec<u8>)> {
    let (name, encoded) = line.strip_prefix(LINE_START)?.split_once(' ')?;
    let bytes = STANDARD.decode(encoded).ok()?;
    (!name.is_empty() && bytes.len() > 4).then_some((name, bytes))
}

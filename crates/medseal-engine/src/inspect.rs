//! What an envelope says without any key.

use medseal_core::Error;
use medseal_core::envelope::{Envelope, decode_text, encode_text_into, is_text_form};
use serde::Serialize;

/// The readable parts of an envelope. Nothing of it is authenticated.
#[derive(Debug, Clone, Serialize)]
pub struct Inspection {
    /// `field envelope, version 1`.
    pub format: &'static str,
    /// `text` or `binary`.
    pub form: &'static str,
    /// The suite.
    pub suite: &'static str,
    /// The key version that can open it.
    pub key_version_id: String,
    /// Length hidden in buckets.
    pub padded: bool,
    /// Bound to a record.
    pub record_bound: bool,
    /// Carries a search token.
    pub inline_token: bool,
    /// Bound to a subject.
    pub subject_bound: bool,
    /// Bytes of the binary form.
    pub envelope_bytes: usize,
    /// Bytes of ciphertext: type byte, value and padding.
    pub ciphertext_bytes: usize,
    /// The first 20 characters of the text form, the same for all values of this key version and
    /// flags: compare with `substr(column, 1, 20)`.
    pub text_prefix: String,
}

/// Reads an envelope in either form. White space around a text form is ignored here, and only here.
///
/// # Errors
/// [`Error::Malformed`].
pub fn inspect(input: &[u8]) -> Result<Inspection, Error> {
    let text = is_text_form(input.trim_ascii());
    let binary = if text { decode_text(input.trim_ascii())? } else { input.to_vec() };
    let envelope = Envelope::parse(&binary)?;
    let header = envelope.header();
    let mut prefix = Vec::new();
    encode_text_into(&header.to_bytes(), &mut prefix);
    Ok(Inspection {
        format: "field envelope, version 1",
        form: if text { "text" } else { "binary" },
        suite: header.suite.name(),
        key_version_id: header.id.to_string(),
        padded: header.flags.padded(),
        record_bound: header.flags.record_bound(),
        inline_token: header.flags.inline_token(),
        subject_bound: header.flags.subject_bound(),
        envelope_bytes: binary.len(),
        ciphertext_bytes: envelope.ciphertext_len(),
        text_prefix: String::from_utf8_lossy(&prefix).into_owned(),
    })
}

/// Whether bytes claim to be a text form.
pub fn is_text(bytes: &[u8]) -> bool {
    is_text_form(bytes)
}

/// The binary form of a text form.
///
/// # Errors
/// [`Error::Malformed`] for anything but the one canonical string.
pub fn from_text(text: &[u8]) -> Result<Vec<u8>, Error> {
    decode_text(text)
}

/// The text form of a binary envelope.
pub fn to_text(envelope: &[u8]) -> String {
    let mut out = Vec::new();
    encode_text_into(envelope, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

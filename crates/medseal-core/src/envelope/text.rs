//! The text form: `ms1:` and base64url (RFC 4648 section 5) without padding.
//!
//! One value has one string. Common decoders accept newlines, padding and set trailing bits, so
//! ours encodes again and compares.

use crate::{Error, MalformedKind};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What every text form starts with.
pub const TEXT_PREFIX: &str = "ms1:";

/// Whether `text` claims to be a text form; says nothing about whether it is a good one.
pub fn is_text_form(text: &[u8]) -> bool {
    text.starts_with(TEXT_PREFIX.as_bytes())
}

/// Appends the text form of a binary envelope.
pub fn encode_text_into(envelope: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(TEXT_PREFIX.as_bytes());
    let start = out.len();
    let len = (envelope.len() * 4).div_ceil(3);
    out.resize(start + len, 0);
    // The slice has exactly the encoded length, so this cannot fail; if it ever did, the
    // truncation leaves a text form that no decoder accepts instead of a wrong one.
    if URL_SAFE_NO_PAD.encode_slice(envelope, &mut out[start..]).is_err() {
        out.truncate(start);
    }
}

/// Reads a text form.
///
/// # Errors
/// [`MalformedKind::Text`] for anything but the one canonical string.
pub fn decode_text(text: &[u8]) -> Result<Vec<u8>, Error> {
    let encoded = text.strip_prefix(TEXT_PREFIX.as_bytes()).ok_or(MalformedKind::Text)?;
    let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| MalformedKind::Text)?;
    let mut again = Vec::with_capacity(text.len());
    encode_text_into(&bytes, &mut again);
    if again == text { Ok(bytes) } else { Err(MalformedKind::Text.into()) }
}

//! Protected places that hold no envelope.

use medseal_core::envelope::{Envelope, decode_text};
use serde::Serialize;

/// A protected place that holds no envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The path from its record root, or the column's name.
    pub path: String,
    /// The line.
    pub line: u64,
    /// The byte in the line.
    pub column: u64,
    /// `plaintext`, or `malformed` for an envelope that cannot be read.
    pub found: &'static str,
}

/// What is wrong with what a protected place holds; `text` is what claims to be an envelope.
pub(crate) fn judge(text: Option<&[u8]>) -> Option<&'static str> {
    let Some(text) = text else { return Some("plaintext") };
    let good = decode_text(text).is_ok_and(|bytes| Envelope::parse(&bytes).is_ok());
    (!good).then_some("malformed")
}

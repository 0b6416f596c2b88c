//! Decrypted data: wiped on drop, prints nothing.

use crate::envelope::ValueType;
use crate::wiped::Wiped;
use std::fmt;
use zeroize::Zeroizing;

/// A decrypted value with the type it was encrypted as.
///
/// It has no `Clone`, `PartialEq` or serialisation, and `Debug` prints no byte of it, so that it
/// cannot reach a log by accident.
pub struct Plaintext {
    value_type: ValueType,
    buffer: Wiped<Vec<u8>>,
    start: usize,
    end: usize,
}

impl Plaintext {
    pub(crate) fn new(
        value_type: ValueType,
        buffer: Wiped<Vec<u8>>,
        range: std::ops::Range<usize>,
    ) -> Self {
        Self { value_type, buffer, start: range.start, end: range.end }
    }

    /// The type that stands in the envelope.
    pub fn value_type(&self) -> ValueType {
        self.value_type
    }

    /// The encoded value: text for most types, one byte for a boolean, 16 for a UUID.
    pub fn as_bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// The value as people write it: `true`, a UUID's 36 characters, otherwise the bytes.
    pub fn to_display_bytes(&self) -> Zeroizing<Vec<u8>> {
        self.value_type.display(self.as_bytes())
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plaintext(..)")
    }
}

//! The first twelve bytes, and the inline token behind them.
//!
//! Twelve bytes are sixteen characters of base64, so the text form of every envelope of one key
//! version and flag set starts with the same twenty characters.

use crate::{Error, KeyVersionId, MalformedKind, MisuseKind, Suite};

/// Never legal in UTF-8, so ciphertext and text cannot be confused while a column migrates.
pub const MAGIC: u8 = 0xF8;
/// Format byte of the field envelope, version 1.
pub const FORMAT_FIELD: u8 = 0x01;

const PADDED: u8 = 1;
const RECORD: u8 = 2;
const TOKEN: u8 = 4;
const SUBJECT: u8 = 8;

/// The flags of an envelope, or those a field definition demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flags(u8);

impl Flags {
    /// The default of a field without a definition: bound to its record, nothing else.
    pub const RECORD_BOUND: Flags = Flags(RECORD);
    /// Bound to tenant, collection and field only; never a default.
    pub const UNBOUND: Flags = Flags(0);

    /// Reads the flag byte.
    ///
    /// # Errors
    /// [`MalformedKind::Flags`] for reserved bits, and for a token together with subject binding:
    /// a token under a tenant key would survive the subject's erasure.
    pub fn from_byte(byte: u8) -> Result<Self, Error> {
        let known = byte & !(PADDED | RECORD | TOKEN | SUBJECT) == 0;
        let contradiction = byte & TOKEN != 0 && byte & SUBJECT != 0;
        if known && !contradiction { Ok(Self(byte)) } else { Err(MalformedKind::Flags.into()) }
    }

    /// Builds a flag set.
    ///
    /// # Errors
    /// [`MisuseKind::Flags`] for a token together with subject binding.
    pub fn new(
        padded: bool,
        record_bound: bool,
        inline_token: bool,
        subject_bound: bool,
    ) -> Result<Self, Error> {
        let bit = |on: bool, bit: u8| if on { bit } else { 0 };
        let byte = bit(padded, PADDED)
            | bit(record_bound, RECORD)
            | bit(inline_token, TOKEN)
            | bit(subject_bound, SUBJECT);
        Self::from_byte(byte).map_err(|_| MisuseKind::Flags.into())
    }

    /// The byte in the header.
    pub fn to_byte(self) -> u8 {
        self.0
    }

    /// b0: the length is hidden in buckets.
    pub fn padded(self) -> bool {
        self.0 & PADDED != 0
    }

    /// b1: bound to a record.
    pub fn record_bound(self) -> bool {
        self.0 & RECORD != 0
    }

    /// b2: carries a search token.
    pub fn inline_token(self) -> bool {
        self.0 & TOKEN != 0
    }

    /// b3: under the subject's data key, bound to the subject.
    pub fn subject_bound(self) -> bool {
        self.0 & SUBJECT != 0
    }
}

/// The 16-byte search token of flag b2. It is authenticated with the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InlineToken(pub [u8; 16]);

/// Suite, flags and key version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The suite; must equal the key version's.
    pub suite: Suite,
    /// The flags; must equal the field definition's.
    pub flags: Flags,
    /// The one key version that can open this envelope.
    pub id: KeyVersionId,
}

impl Header {
    /// Length of the header.
    pub const BYTES: usize = 12;

    /// Reads the first twelve bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`], each kind for its own reason.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let Some((&[magic, format, suite, flags], rest)) = bytes.split_first_chunk() else {
            return Err(MalformedKind::Truncated.into());
        };
        if magic != MAGIC {
            return Err(MalformedKind::Magic.into());
        }
        if format != FORMAT_FIELD {
            return Err(MalformedKind::Format.into());
        }
        let (suite, flags) = (Suite::from_code(suite)?, Flags::from_byte(flags)?);
        let id = rest.first_chunk().ok_or(MalformedKind::Truncated)?;
        Ok(Self { suite, flags, id: KeyVersionId(*id) })
    }

    /// The twelve bytes.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        out[..4].copy_from_slice(&[MAGIC, FORMAT_FIELD, self.suite.code(), self.flags.to_byte()]);
        out[4..].copy_from_slice(&self.id.0);
        out
    }
}

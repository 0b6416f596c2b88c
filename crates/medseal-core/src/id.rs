//! Identifiers that stand in headers and rows.

use crate::{Error, MalformedKind, Random, RandomFailure};
use std::fmt;

/// The id of one key version: 64 random bits, unique in a store, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyVersionId(pub [u8; 8]);

impl KeyVersionId {
    /// Draws a fresh id.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn generate(random: &mut impl Random) -> Result<Self, RandomFailure> {
        let mut bytes = [0; 8];
        random.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Reads the 16 hexadecimal digits that [`fmt::Display`] writes.
    pub fn from_hex(text: &str) -> Option<Self> {
        let canonical = text.len() == 16
            && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !canonical {
            return None;
        }
        u64::from_str_radix(text, 16).ok().map(|n| Self(n.to_be_bytes()))
    }
}

impl fmt::Display for KeyVersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// The id of one store: a random UUID (version 4) as its 36 lower-case characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreId(String);

impl StoreId {
    /// Draws a fresh id.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn generate(random: &mut impl Random) -> Result<Self, RandomFailure> {
        let mut b = [0; 16];
        random.fill(&mut b)?;
        b[6] = (b[6] & 0x0f) | 0x40;
        b[8] = (b[8] & 0x3f) | 0x80;
        let hex: String = b.iter().map(|byte| format!("{byte:02x}")).collect();
        let (a, rest) = hex.split_at(8);
        let (b, rest) = rest.split_at(4);
        let (c, rest) = rest.split_at(4);
        let (d, e) = rest.split_at(4);
        Ok(Self(format!("{a}-{b}-{c}-{d}-{e}")))
    }

    /// Takes an id that a store holds; `None` when it is not 36 characters of UUID.
    pub fn parse(text: &str) -> Option<Self> {
        let shape = text.len() == 36
            && text.bytes().enumerate().all(|(i, b)| match i {
                8 | 13 | 18 | 23 => b == b'-',
                _ => b.is_ascii_digit() || (b'a'..=b'f').contains(&b),
            });
        shape.then(|| Self(text.to_owned()))
    }

    /// The 36 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The algorithms of one key version; a property of the key, repeated in every header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Suite {
    /// `0x01`: HMAC-SHA-256 counter-mode KDF, AES-256-GCM (SP 800-38D), 32-byte commitment.
    Aes256Gcm,
    /// `0x03`: the same KDF and commitment, ChaCha20-Poly1305 (RFC 8439).
    ChaCha20Poly1305,
}

impl Suite {
    /// Every suite this build writes and reads.
    pub const ALL: [Suite; 2] = [Suite::Aes256Gcm, Suite::ChaCha20Poly1305];

    /// The byte in the header.
    pub fn code(self) -> u8 {
        match self {
            Suite::Aes256Gcm => 0x01,
            Suite::ChaCha20Poly1305 => 0x03,
        }
    }

    /// Reads the byte; reserved codes are unknown.
    ///
    /// # Errors
    /// [`MalformedKind::Suite`].
    pub fn from_code(code: u8) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|s| s.code() == code).ok_or(MalformedKind::Suite.into())
    }

    /// The name on the command line and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Suite::Aes256Gcm => "aes-256-gcm",
            Suite::ChaCha20Poly1305 => "chacha20-poly1305",
        }
    }

    /// Reads a [`Suite::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }
}

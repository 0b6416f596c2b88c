//! Where things stand in a body: pure arithmetic over lengths and offsets.
//!
//! All of it is public knowledge; nothing here says that a byte is authentic.

use crate::primitives::aead::TAG_BYTES;
use crate::{Error, MalformedKind};

/// Bytes of content in every chunk but the last.
pub const CHUNK_BYTES: usize = 16_384;
/// Bytes of such a chunk with its tag.
pub const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;
/// Bytes of salt and commitment in front of the chunks.
pub const BODY_PREFIX_BYTES: usize = SALT_BYTES + COMMITMENT_BYTES;
/// The most chunks of one stream.
pub const MAX_CHUNKS: u64 = 1 << 38;
pub(super) const SALT_BYTES: usize = 24;
pub(super) const COMMITMENT_BYTES: usize = 32;

const CHUNK: u64 = CHUNK_BYTES as u64;
const SEALED: u64 = SEALED_CHUNK_BYTES as u64;
const TAG: u64 = TAG_BYTES as u64;

/// Where chunk `number` begins, counted from the first byte of the first chunk.
pub fn chunk_offset(number: u64) -> u64 {
    number.saturating_mul(SEALED)
}

/// How many bytes the chunks of `content` bytes take; the last chunk is always short.
pub fn sealed_body_len(content: u64) -> u64 {
    content + TAG * (content / CHUNK + 1)
}

/// The chunks of a body whose length is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLayout {
    /// How many, at least one.
    pub chunks: u64,
    /// Bytes of content.
    pub content: u64,
}

impl BodyLayout {
    /// From the bytes behind the commitment.
    ///
    /// # Errors
    /// [`MalformedKind::NoEnd`] for a length that no body has.
    pub fn of_sealed(bytes: u64) -> Result<Self, Error> {
        let last = bytes % SEALED;
        let chunks = bytes / SEALED + 1;
        if last < TAG || chunks > MAX_CHUNKS {
            return Err(MalformedKind::NoEnd.into());
        }
        Ok(Self { chunks, content: bytes - TAG * chunks })
    }

    /// Bytes of content in chunk `number`.
    pub fn content_of(&self, number: u64) -> u64 {
        if number + 1 < self.chunks { CHUNK } else { self.content % CHUNK }
    }

    /// Bytes of chunk `number` with its tag.
    pub fn sealed_of(&self, number: u64) -> u64 {
        self.content_of(number) + TAG
    }
}

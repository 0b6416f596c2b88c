//! A buffer for some chunks that follow one another, in their sealed layout.
//!
//! Each chunk's content stands where its ciphertext will, with room for the tag behind it, so that
//! nothing is copied between reading, encrypting and writing. A block knows what it holds: it gives
//! out ciphertext only after sealing, and plaintext only of chunks that were opened.

use super::layout::{CHUNK_BYTES, SEALED_CHUNK_BYTES};
use crate::wiped::Wiped;

/// What a block holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Nothing,
    /// Content to be sealed, of so many bytes.
    Content(usize),
    /// Ciphertext made here.
    Sealed(usize),
    /// Ciphertext that was read, of so many bytes; nothing of it is authentic.
    Unopened(usize),
    /// Content that was opened, of so many bytes.
    Opened(usize),
}

/// A buffer for up to a fixed number of chunks; wiped when dropped.
pub struct Block {
    buffer: Wiped<Vec<u8>>,
    holds: Holds,
}

impl Block {
    /// Room for `chunks` chunks.
    pub fn with_chunks(chunks: usize) -> Self {
        Self { buffer: Wiped::new(vec![0; chunks * SEALED_CHUNK_BYTES]), holds: Holds::Nothing }
    }

    /// Room for content: the slots to fill, in their order. How much was filled is said with
    /// [`PlaintextRoom::filled`].
    pub fn content_room(&mut self) -> PlaintextRoom<'_> {
        self.holds = Holds::Nothing;
        PlaintextRoom { block: self }
    }

    /// Room for `len` bytes of ciphertext, or for as much as fits.
    pub fn sealed_room(&mut self, len: usize) -> &mut [u8] {
        let len = len.min(self.buffer.len());
        self.holds = Holds::Unopened(len);
        self.buffer.get_mut(..len).unwrap_or_default()
    }

    /// Fewer bytes than room was asked for were read.
    pub fn truncate_sealed(&mut self, len: usize) {
        if let Holds::Unopened(room) = self.holds {
            self.holds = Holds::Unopened(room.min(len));
        }
    }

    /// The ciphertext that was made here; empty unless it was.
    pub fn sealed(&self) -> &[u8] {
        match self.holds {
            Holds::Sealed(len) => self.buffer.get(..len).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The content that was opened, a slice a chunk; empty unless it was.
    pub fn opened(&self) -> impl Iterator<Item = &[u8]> {
        let len = match self.holds {
            Holds::Opened(len) => len,
            _ => 0,
        };
        let chunks = self.buffer.chunks(SEALED_CHUNK_BYTES).enumerate();
        chunks.map_while(move |(n, slot)| slot.get(..content_of(len, n)?))
    }

    /// How many bytes of content were opened.
    pub fn opened_len(&self) -> usize {
        match self.holds {
            Holds::Opened(len) => len,
            _ => 0,
        }
    }

    /// How many bytes of ciphertext wait to be opened.
    pub(super) fn unopened_len(&self) -> usize {
        match self.holds {
            Holds::Unopened(len) => len,
            _ => 0,
        }
    }

    /// The content that waits to be sealed, if it has exactly `len` bytes, with the tags' room:
    /// `sealed` bytes.
    pub(super) fn content_to_seal(&mut self, len: usize, sealed: usize) -> Option<&mut [u8]> {
        if self.holds != Holds::Content(len) {
            return None;
        }
        self.holds = Holds::Nothing;
        self.buffer.get_mut(..sealed)
    }

    pub(super) fn now_sealed(&mut self, len: usize) {
        self.holds = Holds::Sealed(len);
    }

    pub(super) fn now_opened(&mut self, len: usize) {
        self.holds = Holds::Opened(len);
    }

    pub(super) fn unopened(&mut self) -> &mut [u8] {
        let len = self.unopened_len();
        self.buffer.get_mut(..len).unwrap_or_default()
    }
}

/// Bytes of chunk `n` of `len` bytes of content; `None` behind the last.
fn content_of(len: usize, n: usize) -> Option<usize> {
    let rest = len.checked_sub(n * CHUNK_BYTES)?;
    (rest > 0).then_some(rest.min(CHUNK_BYTES))
}

/// The slots of a [`Block`] that wait for content.
pub struct PlaintextRoom<'b> {
    block: &'b mut Block,
}

impl PlaintextRoom<'_> {
    /// The slots of the first `len` bytes, each of them a chunk's.
    pub fn slots(&mut self, len: usize) -> impl Iterator<Item = &mut [u8]> {
        let chunks = self.block.buffer.chunks_mut(SEALED_CHUNK_BYTES).enumerate();
        chunks.map_while(move |(n, slot)| slot.get_mut(..content_of(len, n)?))
    }

    /// The first `len` bytes of content are there.
    pub fn filled(self, len: usize) {
        let most = self.block.buffer.len() / SEALED_CHUNK_BYTES * CHUNK_BYTES;
        self.block.holds = Holds::Content(len.min(most));
    }
}

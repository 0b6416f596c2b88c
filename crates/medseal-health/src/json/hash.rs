//! A fast hash of object keys.
//!
//! It is *not* keyed, and whoever writes a document can make keys collide. So nothing may trust an
//! equal hash: users confirm by bytes, and must stay linear or `n log n` when all hashes are equal.

const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

/// The hash so far, fed with little-endian words whose unused bytes are zero.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyHash(u64);

impl KeyHash {
    pub(crate) const fn new() -> Self {
        Self(MULTIPLIER)
    }

    #[inline(always)]
    pub(crate) fn word(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER);
    }

    /// `length` tells `"a"` from `"a\0"`.
    #[inline(always)]
    pub(crate) fn finish(self, length: usize) -> u64 {
        let mixed = (self.0 ^ length as u64).wrapping_mul(MULTIPLIER);
        mixed ^ (mixed >> 29)
    }

    /// The hash of a whole key.
    pub(crate) fn of(key: &[u8]) -> u64 {
        let mut hash = Self::new();
        let mut rest = key;
        while let Some((chunk, after)) = rest.split_first_chunk::<8>() {
            hash.word(u64::from_le_bytes(*chunk));
            rest = after;
        }
        // Also for an empty rest: the lexer feeds the word in which it found the closing quote.
        hash.word(rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)));
        hash.finish(key.len())
    }
}

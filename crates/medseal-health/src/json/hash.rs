//! A fast hash of object keys.
//!
//! It is *not* keyed, and whoever writes a document can make keys collide. So nothing may trust an
//! equal hash: users confirm by bytes, and must stay linear or `n log n` when all hashes are equal.
//! For the same reason the middle of a long key may be left out of it.

const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

/// The hash of a key of which these are the first eight bytes (fewer: zeros behind them) and, if it
/// is longer than that, the last eight. `length` tells `"a"` from `"a\0"`.
#[inline(always)]
pub(crate) fn of_ends(first: u64, last: u64, length: usize) -> u64 {
    let mixed = first.wrapping_mul(MULTIPLIER).rotate_left(32) ^ last ^ length as u64;
    let mixed = mixed.wrapping_mul(MULTIPLIER);
    mixed ^ (mixed >> 29)
}

/// The hash of a whole key.
pub(crate) fn of_key(key: &[u8]) -> u64 {
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
    let first = word(key.get(..8).unwrap_or(key));
    let last = key.last_chunk::<8>().filter(|_| key.len() > 8);
    of_ends(first, last.map_or(0, |last| word(last)), key.len())
}

/// The hash of all bytes of a path: those of one document differ in their middle.
pub(crate) fn of_path(path: &str) -> u64 {
    let (words, rest) = path.as_bytes().as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let hash =
        words.fold(MULTIPLIER, |hash, word| (hash.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER));
    of_key(rest) ^ hash.wrapping_mul(MULTIPLIER)
}

#[cfg(test)]
mod tests {
    use super::{of_ends, of_key};

    #[test]
    fn the_ends_of_a_key_are_its_bytes() {
        assert_eq!(of_key(b""), of_ends(0, 0, 0));
        assert_eq!(of_key(b"abc"), of_ends(0x63_62_61, 0, 3));
        let eight = u64::from_le_bytes(*b"abcdefgh");
        assert_eq!(of_key(b"abcdefgh"), of_ends(eight, 0, 8));
        assert_eq!(of_key(b"abcdefghi"), of_ends(eight, u64::from_le_bytes(*b"bcdefghi"), 9));
    }
}

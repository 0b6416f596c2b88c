//! Where the tokens of a JSON text end.
//!
//! Works sixteen bytes at a time where it pays: these loops see every byte of every document. Every
//! function takes the offset at which the token starts and returns the offset after it. The text
//! is known to be UTF-8.

use wide::u8x16;

use super::{Flaw, Key, Spelling, hash};
use crate::error::DocumentFault as Fault;

/// Bytes that are looked at together.
const BLOCK: usize = 16;

/// The first 0 to 8 bytes of a word.
const FIRST: [u64; 9] = {
    let mut masks = [u64::MAX; 9];
    let mut length = 0;
    while length < 8 {
        masks[length] = (1 << (8 * length)) - 1;
        length += 1;
    }
    masks
};

/// The last eight bytes of a key that is longer.
const LAST: [u64; 10] = [0, 0, 0, 0, 0, 0, 0, 0, 0, u64::MAX];

/// The byte at `at`, and 0 (which no grammar rule accepts) after the end.
#[inline(always)]
pub(crate) fn peek(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

/// The two bytes at `at`; zeros if there are not two.
#[inline(always)]
pub(crate) fn pair(bytes: &[u8], at: usize) -> [u8; 2] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default()
}

#[inline(always)]
fn block(bytes: &[u8], at: usize) -> Option<&[u8; BLOCK]> {
    bytes.get(at..)?.first_chunk()
}

#[inline(always)]
fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk::<8>().map(|chunk| u64::from_le_bytes(*chunk))
}

/// A bit for each byte that is a quote, a backslash or a control character.
#[inline(always)]
fn special(block: &[u8; BLOCK]) -> u32 {
    let bytes = u8x16::new(*block);
    let control = bytes.simd_eq(bytes.min(u8x16::splat(0x1F)));
    let quote = bytes.simd_eq(u8x16::splat(b'"'));
    let backslash = bytes.simd_eq(u8x16::splat(b'\\'));
    (control | quote | backslash).to_bitmask()
}

/// Skips white space, of which compact documents have none.
#[inline(always)]
pub(crate) fn space(bytes: &[u8], at: usize) -> usize {
    if peek(bytes, at) > b' ' { at } else { some_space(bytes, at) }
}

/// Pretty-printed documents are up to two thirds white space, in runs of spaces.
#[inline(never)]
fn some_space(bytes: &[u8], mut at: usize) -> usize {
    loop {
        match peek(bytes, at) {
            b' ' | b'\n' => at = spaces(bytes, at + 1),
            b'\t' | b'\r' => at += 1,
            _ => return at,
        }
    }
}

#[inline(always)]
fn spaces(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = block(bytes, at) {
        let spaces = u8x16::new(*block).simd_eq(u8x16::splat(b' ')).to_bitmask();
        let run = (!spaces).trailing_zeros() as usize;
        at += run;
        if run < BLOCK {
            break;
        }
    }
    at
}

/// A string's body from `at` (after the opening quote) to after the closing quote.
#[inline(always)]
pub(crate) fn string(bytes: &[u8], mut at: usize) -> Result<usize, Flaw> {
    // most strings end here, and those that do not are not worth a place in every caller
    for _ in 0..2 {
        let Some(block) = block(bytes, at) else { break };
        let found = special(block);
        if found != 0 {
            at += found.trailing_zeros() as usize;
            if peek(bytes, at) == b'"' {
                return Ok(at + 1);
            }
            break;
        }
        at += BLOCK;
    }
    long_string(bytes, at)
}

/// The rest of a string that is long, escaped, faulty or near the end of the text.
#[inline(never)]
fn long_string(bytes: &[u8], mut at: usize) -> Result<usize, Flaw> {
    loop {
        at = ordinary(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at = escape(bytes, at)?,
            Some(0x20..) => at += 1,
            Some(_) => return Err(Flaw::new(Fault::JsonControlCharacter, at)),
            None => return Err(Flaw::new(Fault::JsonTruncated, at)),
        }
    }
}

/// Skips bytes that need no attention within a string; may stop early near the end of the text.
fn ordinary(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = block(bytes, at) {
        let found = special(block);
        if found != 0 {
            return at + found.trailing_zeros() as usize;
        }
        at += BLOCK;
    }
    at
}

/// An escape from its backslash to after it.
fn escape(bytes: &[u8], at: usize) -> Result<usize, Flaw> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => unicode_escape(bytes, at),
        Some(_) => Err(Flaw::new(Fault::JsonEscape, at)),
        None => Err(Flaw::new(Fault::JsonTruncated, at + 1)),
    }
}

fn unicode_escape(bytes: &[u8], at: usize) -> Result<usize, Flaw> {
    match unit(bytes, at)? {
        0xD800..0xDC00 => {
            let low = bytes.get(at + 6..at + 8) == Some(br"\u");
            if low && (0xDC00..0xE000).contains(&unit(bytes, at + 6)?) {
                Ok(at + 12)
            } else {
                Err(Flaw::new(Fault::JsonLoneSurrogate, at))
            }
        }
        0xDC00..0xE000 => Err(Flaw::new(Fault::JsonLoneSurrogate, at)),
        _ => Ok(at + 6),
    }
}

/// The four digits of the `\u` escape at `at`.
fn unit(bytes: &[u8], at: usize) -> Result<u32, Flaw> {
    (at + 2..at + 6).try_fold(0, |unit, at_digit| {
        let Some(&byte) = bytes.get(at_digit) else {
            return Err(Flaw::new(Fault::JsonTruncated, at_digit));
        };
        let digit = (byte as char).to_digit(16).ok_or(Flaw::new(Fault::JsonEscape, at))?;
        Ok(unit << 4 | digit)
    })
}

/// An object's key from `at` (after the opening quote), with its hash; none when it has escapes, is
/// faulty or stands near the end of the text.
#[inline(always)]
pub(crate) fn plain_key(bytes: &[u8], start: usize) -> Option<(Key, u64)> {
    let mut at = start;
    let end = loop {
        let found = special(block(bytes, at)?);
        if found != 0 {
            break at + found.trailing_zeros() as usize;
        }
        at += BLOCK;
    };
    if peek(bytes, end) != b'"' {
        return None;
    }
    let length = end - start;
    // without branches: lengths of keys are not to be guessed
    let first = word(bytes, start)? & FIRST[length.min(8)];
    let last = word(bytes, end.wrapping_sub(8))? & LAST[length.min(9)];
    let hash = hash::of_ends(first, last, length);
    let key = Key { start: start as u32, end: end as u32, spelling: Spelling::Plain };
    Some((key, hash))
}

/// Any key, as [`plain_key`].
#[cold]
pub(crate) fn unusual_key(bytes: &[u8], start: usize) -> Result<(Key, u64), Flaw> {
    let end = long_string(bytes, start)? - 1;
    let body = bytes.get(start..end).unwrap_or_default();
    let mut key = Key { start: start as u32, end: end as u32, spelling: Spelling::Plain };
    if memchr::memchr(b'\\', body).is_none() {
        return Ok((key, hash::of_key(body)));
    }
    key.spelling = Spelling::Escaped;
    let body = std::str::from_utf8(body).unwrap_or_default();
    Ok((key, hash::of_key(super::text::unescape(body).as_bytes())))
}

/// A number of RFC 8259 from its first character, `-` or a digit.
#[inline(always)]
pub(crate) fn number(bytes: &[u8], start: usize) -> Result<usize, Flaw> {
    let mut at = start + usize::from(peek(bytes, start) == b'-');
    at = if peek(bytes, at) == b'0' { zero(bytes, at)? } else { digits(bytes, at)? };
    if peek(bytes, at) == b'.' {
        at = digits(bytes, at + 1)?;
    }
    if matches!(peek(bytes, at), b'e' | b'E') {
        at += 1 + usize::from(matches!(peek(bytes, at + 1), b'+' | b'-'));
        at = digits(bytes, at)?;
    }
    Ok(at)
}

fn zero(bytes: &[u8], at: usize) -> Result<usize, Flaw> {
    if peek(bytes, at + 1).is_ascii_digit() {
        return Err(Flaw::new(Fault::JsonNumber, at + 1));
    }
    Ok(at + 1)
}

/// One digit or more.
#[inline(always)]
fn digits(bytes: &[u8], start: usize) -> Result<usize, Flaw> {
    let mut at = start;
    while peek(bytes, at).is_ascii_digit() {
        at += 1;
    }
    if at > start {
        return Ok(at);
    }
    let fault = if at < bytes.len() { Fault::JsonNumber } else { Fault::JsonTruncated };
    Err(Flaw::new(fault, at))
}

/// `true`, `false` or `null`, whose first letter has been seen.
#[inline(always)]
pub(crate) fn literal(bytes: &[u8], at: usize, word: &[u8]) -> Result<usize, Flaw> {
    let rest = bytes.get(at..).unwrap_or_default();
    if rest.starts_with(word) {
        return Ok(at + word.len());
    }
    let same = rest.iter().zip(word).take_while(|(a, b)| a == b).count();
    Err(unexpected(bytes, at + same))
}

/// The flaw of a byte that the grammar does not allow, or of the end of the text.
#[cold]
pub(crate) fn unexpected(bytes: &[u8], at: usize) -> Flaw {
    let fault = if at < bytes.len() { Fault::JsonSyntax } else { Fault::JsonTruncated };
    Flaw::new(fault, at)
}

//! Where the tokens of a JSON text end.
//!
//! Works eight bytes at a time where it pays: these loops see every byte of every document. Every
//! function takes the offset at which the token starts and returns the offset after it. The text
//! is known to be UTF-8.

use super::hash::KeyHash;
use super::{Flaw, Key};
use crate::error::DocumentFault as Fault;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;
const SPACES: u64 = 0x20 * ONES;

/// The byte at `at`, and 0 (which no grammar rule accepts) after the end.
#[inline(always)]
pub(crate) fn peek(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

#[inline(always)]
fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk::<8>().map(|chunk| u64::from_le_bytes(*chunk))
}

/// High bits where `word` has a quote, a backslash or a control character. Only the lowest set bit
/// is exact: a borrow may set bits above it.
#[inline(always)]
fn special(word: u64) -> u64 {
    let quote = word ^ (u64::from(b'"') * ONES);
    let backslash = word ^ (u64::from(b'\\') * ONES);
    let zero = |x: u64| x.wrapping_sub(ONES) & !x;
    (zero(quote) | zero(backslash) | (word.wrapping_sub(SPACES) & !word)) & HIGHS
}

#[inline(always)]
fn lowest(bits: u64) -> usize {
    (bits.trailing_zeros() / 8) as usize
}

/// Skips white space. Pretty-printed documents are up to two thirds of it, in runs of spaces.
#[inline(always)]
pub(crate) fn space(bytes: &[u8], mut at: usize) -> usize {
    loop {
        match peek(bytes, at) {
            b' ' => at = spaces(bytes, at + 1),
            b'\n' => at = spaces(bytes, at + 1),
            b'\t' | b'\r' => at += 1,
            _ => return at,
        }
    }
}

#[inline(always)]
fn spaces(bytes: &[u8], mut at: usize) -> usize {
    while let Some(word) = word(bytes, at) {
        let other = word ^ SPACES;
        if other != 0 {
            return at + lowest(other);
        }
        at += 8;
    }
    at
}

/// A string's body from `at` (after the opening quote) to after the closing quote.
#[inline(always)]
pub(crate) fn string(bytes: &[u8], mut at: usize) -> Result<usize, Flaw> {
    for _ in 0..4 {
        let Some(word) = word(bytes, at) else { break };
        let found = special(word);
        if found != 0 {
            at += lowest(found);
            if peek(bytes, at) == b'"' {
                return Ok(at + 1);
            }
            break;
        }
        at += 8;
    }
    long_string(bytes, at)
}

/// The rest of a string that is long, escaped, faulty or near the end of the text.
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
    let rest = bytes.get(at..).unwrap_or_default();
    for chunk in rest.chunks_exact(32) {
        // No early exit within a chunk, so that the compiler can use vector instructions.
        if chunk.iter().fold(false, |hit, &b| hit | (b < 0x20) | (b == b'"') | (b == b'\\')) {
            break;
        }
        at += 32;
    }
    while let Some(word) = word(bytes, at) {
        let found = special(word);
        if found != 0 {
            return at + lowest(found);
        }
        at += 8;
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

/// An object's key from `at` (after the opening quote), with its hash.
#[inline(always)]
pub(crate) fn key(bytes: &[u8], start: usize) -> Result<(Key, u64), Flaw> {
    let mut hash = KeyHash::new();
    let mut at = start;
    while let Some(word) = word(bytes, at) {
        let found = special(word);
        if found == 0 {
            hash.word(word);
            at += 8;
            continue;
        }
        let kept = found.trailing_zeros() & !7;
        let end = at + kept as usize / 8;
        if peek(bytes, end) != b'"' {
            break;
        }
        hash.word(word & ((1_u64 << kept) - 1));
        return Ok((plain_key(start, end), hash.finish(end - start)));
    }
    unusual_key(bytes, start)
}

fn plain_key(start: usize, end: usize) -> Key {
    Key { start: start as u32, end: end as u32, escaped: false }
}

/// A key that has escapes, is faulty or stands near the end of the text.
#[cold]
fn unusual_key(bytes: &[u8], start: usize) -> Result<(Key, u64), Flaw> {
    let end = long_string(bytes, start)? - 1;
    let body = bytes.get(start..end).unwrap_or_default();
    let mut key = plain_key(start, end);
    key.escaped = memchr::memchr(b'\\', body).is_some();
    if !key.escaped {
        return Ok((key, KeyHash::of(body)));
    }
    let body = std::str::from_utf8(body).unwrap_or_default();
    Ok((key, KeyHash::of(super::text::unescape(body).as_bytes())))
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

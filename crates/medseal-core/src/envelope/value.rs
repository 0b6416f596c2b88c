//! Typed values: what is encrypted says what it is.
//!
//! Each type has one byte-exact encoding, so that a value written from one language reads the same
//! in another. Decimals and date-times stay as given: `1.50` and `1.5` are different clinical
//! statements. Spans of documents are always [`ValueType::Json`], quotes included.

use crate::{Error, MisuseKind};
use std::borrow::Cow;
use zeroize::Zeroizing;

/// The type byte in front of every plaintext.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ValueType {
    /// 1: UTF-8 text.
    String,
    /// 2: raw bytes.
    Bytes,
    /// 3: an integer in its shortest decimal form.
    Integer,
    /// 4: `-?digits[.digits]`, as given.
    Decimal,
    /// 5: one byte, 00 or 01.
    Boolean,
    /// 6: `YYYY-MM-DD`.
    Date,
    /// 7: RFC 3339 date and time with offset, as given.
    DateTime,
    /// 8: the 16 bytes of a UUID.
    Uuid,
    /// 9: a JSON text as given; only its UTF-8 is checked.
    Json,
}

impl ValueType {
    /// Every type.
    pub const ALL: [ValueType; 9] = [
        ValueType::String,
        ValueType::Bytes,
        ValueType::Integer,
        ValueType::Decimal,
        ValueType::Boolean,
        ValueType::Date,
        ValueType::DateTime,
        ValueType::Uuid,
        ValueType::Json,
    ];

    /// The byte in front of the value.
    pub fn code(self) -> u8 {
        match self {
            ValueType::String => 1,
            ValueType::Bytes => 2,
            ValueType::Integer => 3,
            ValueType::Decimal => 4,
            ValueType::Boolean => 5,
            ValueType::Date => 6,
            ValueType::DateTime => 7,
            ValueType::Uuid => 8,
            ValueType::Json => 9,
        }
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            ValueType::String => "string",
            ValueType::Bytes => "bytes",
            ValueType::Integer => "integer",
            ValueType::Decimal => "decimal",
            ValueType::Boolean => "boolean",
            ValueType::Date => "date",
            ValueType::DateTime => "datetime",
            ValueType::Uuid => "uuid",
            ValueType::Json => "json",
        }
    }

    /// Where text that is not of this type goes wrong: the offset of the first byte that no value of
    /// the type has there. None where the text as a whole is wrong, as a date that does not exist.
    pub fn first_wrong_byte(self, text: &[u8]) -> Option<usize> {
        let digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
        let sign = usize::from(text.first() == Some(&b'-'));
        let after_digits = (sign..text.len()).find(|at| !digit(*at));
        match self {
            ValueType::String | ValueType::Json => {
                std::str::from_utf8(text).err().map(|error| error.valid_up_to())
            }
            ValueType::Integer => after_digits,
            ValueType::Decimal => match after_digits {
                Some(point) if text.get(point) == Some(&b'.') && point > sign => {
                    (point + 1..text.len()).find(|at| !digit(*at))
                }
                other => other,
            },
            _ => None,
        }
    }

    pub(super) fn from_code(code: Option<u8>) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|t| Some(t.code()) == code).ok_or(Error::Rejected)
    }

    /// Whether `encoded` is this type's encoding.
    fn is_encoding(self, encoded: &[u8]) -> bool {
        match self {
            ValueType::String | ValueType::Json => std::str::from_utf8(encoded).is_ok(),
            ValueType::Bytes => true,
            ValueType::Integer => is_integer(encoded),
            ValueType::Decimal => is_decimal(encoded),
            ValueType::Boolean => matches!(encoded, [0 | 1]),
            ValueType::Date => is_date(encoded),
            ValueType::DateTime => is_date_time(encoded),
            ValueType::Uuid => encoded.len() == 16,
        }
    }

    pub(super) fn check_decrypted(self, encoded: &[u8]) -> Result<(), Error> {
        if self.is_encoding(encoded) { Ok(()) } else { Err(Error::Rejected) }
    }

    /// The encoding of text as people write it.
    fn encode(self, text: &[u8]) -> Option<Cow<'_, [u8]>> {
        match self {
            ValueType::Boolean => match text {
                b"true" => Some(Cow::Borrowed(&[1])),
                b"false" => Some(Cow::Borrowed(&[0])),
                _ => None,
            },
            ValueType::Uuid => parse_uuid(text).map(|bytes| Cow::Owned(bytes.to_vec())),
            _ => self.is_encoding(text).then_some(Cow::Borrowed(text)),
        }
    }

    pub(crate) fn display(self, encoded: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            ValueType::Boolean if encoded == [1] => b"true".to_vec(),
            ValueType::Boolean => b"false".to_vec(),
            ValueType::Uuid => display_uuid(encoded),
            _ => encoded.to_vec(),
        })
    }
}

/// A value that is known to be of its type.
pub struct Value<'a> {
    value_type: ValueType,
    encoded: Cow<'a, [u8]>,
}

impl<'a> Value<'a> {
    /// Reads a value as people write it: `true`, `1985-04-12`, a UUID's 36 characters.
    ///
    /// # Errors
    /// [`MisuseKind::ValueType`] when it is not of that type; nothing is trimmed or guessed.
    pub fn parse(value_type: ValueType, text: &'a [u8]) -> Result<Self, Error> {
        let encoded = value_type.encode(text).ok_or(MisuseKind::ValueType)?;
        Ok(Self { value_type, encoded })
    }

    /// UTF-8 text.
    pub fn string(text: &'a str) -> Self {
        Self { value_type: ValueType::String, encoded: Cow::Borrowed(text.as_bytes()) }
    }

    /// The span of a document, as given.
    pub fn json(text: &'a str) -> Self {
        Self { value_type: ValueType::Json, encoded: Cow::Borrowed(text.as_bytes()) }
    }

    /// Raw bytes.
    pub fn bytes(bytes: &'a [u8]) -> Self {
        Self { value_type: ValueType::Bytes, encoded: Cow::Borrowed(bytes) }
    }

    /// A value that was just decrypted, with its type.
    pub fn decrypted(plaintext: &'a crate::Plaintext) -> Self {
        let encoded = Cow::Borrowed(plaintext.as_bytes());
        Self { value_type: plaintext.value_type(), encoded }
    }

    /// The type.
    pub fn value_type(&self) -> ValueType {
        self.value_type
    }

    /// The encoded bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.encoded
    }

    pub(super) fn len(&self) -> usize {
        self.encoded.len()
    }
}

impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Value(..)")
    }
}

fn all_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

fn is_integer(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    all_digits(digits) && (digits[0] != b'0' || text == b"0")
}

fn is_decimal(text: &[u8]) -> bool {
    let number = text.strip_prefix(b"-").unwrap_or(text);
    match number.iter().position(|b| *b == b'.') {
        Some(dot) => all_digits(&number[..dot]) && all_digits(&number[dot + 1..]),
        None => all_digits(number),
    }
}

fn number(digits: &[u8]) -> Option<u16> {
    if !all_digits(digits) {
        return None;
    }
    digits.iter().try_fold(0u16, |n, d| n.checked_mul(10)?.checked_add(u16::from(d - b'0')))
}

/// A real Gregorian date from 0001-01-01 on.
fn is_date(text: &[u8]) -> bool {
    let &[ref year @ .., b'-', m1, m2, b'-', d1, d2] = text else { return false };
    let parts = (number(year), number(&[m1, m2]), number(&[d1, d2]));
    let (Some(year @ 1..), Some(month), Some(day)) = parts else { return false };
    let month = u8::try_from(month).ok().and_then(|m| time::Month::try_from(m).ok());
    let (Some(month), Ok(day)) = (month, u8::try_from(day)) else { return false };
    text.len() == 10 && time::Date::from_calendar_date(i32::from(year), month, day).is_ok()
}

/// RFC 3339 with upper-case `T` and `Z`; second 60 is a leap second.
fn is_date_time(text: &[u8]) -> bool {
    let Some((date, rest)) = text.split_at_checked(10) else { return false };
    let Some((&[b'T', h1, h2, b':', m1, m2, b':', s1, s2], rest)) = rest.split_first_chunk() else {
        return false;
    };
    let time_ok = in_range(&[h1, h2], 23) && in_range(&[m1, m2], 59) && in_range(&[s1, s2], 60);
    is_date(date) && time_ok && is_fraction_and_offset(rest)
}

fn in_range(two_digits: &[u8], max: u16) -> bool {
    number(two_digits).is_some_and(|n| n <= max)
}

fn is_fraction_and_offset(rest: &[u8]) -> bool {
    let offset = match rest.strip_prefix(b".") {
        Some(fraction) => {
            let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            &fraction[digits..]
        }
        None => rest,
    };
    match offset {
        b"Z" => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => {
            in_range(&[*h1, *h2], 23) && in_range(&[*m1, *m2], 59)
        }
        _ => false,
    }
}

/// 36 lower-case characters, as the context writes UUIDs too.
fn parse_uuid(text: &[u8]) -> Option<[u8; 16]> {
    let mut out = [0; 16];
    if text.len() != 36 {
        return None;
    }
    let hyphen = |i: usize| matches!(i, 8 | 13 | 18 | 23);
    let mut nibbles = 0;
    for (i, b) in text.iter().enumerate() {
        let value = match b {
            b'-' if hyphen(i) => continue,
            b'0'..=b'9' if !hyphen(i) => b - b'0',
            b'a'..=b'f' if !hyphen(i) => b - b'a' + 10,
            _ => return None,
        };
        out[nibbles / 2] |= if nibbles % 2 == 0 { value << 4 } else { value };
        nibbles += 1;
    }
    Some(out)
}

fn display_uuid(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(36);
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        for nibble in [byte >> 4, byte & 15] {
            out.push(b"0123456789abcdef"[usize::from(nibble)]);
        }
    }
    out
}

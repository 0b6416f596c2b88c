//! How a table is written: what separates its cells and what its bytes mean as text.

use std::borrow::Cow;

use super::lex::{Lexed, Lexer};

/// What separates cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delimiter {
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// U+0009
    Tab,
    /// `|`
    Pipe,
}

impl Delimiter {
    /// Every delimiter.
    pub const ALL: [Self; 4] = [Self::Comma, Self::Semicolon, Self::Tab, Self::Pipe];

    /// Its byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
        }
    }

    pub(super) fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|delimiter| delimiter.byte() == byte)
    }
}

/// What the bytes of a table mean as text.
///
/// Column names and record ids are bound as UTF-8 whatever the table is written in, so a table that
/// is converted between encodings after it was encrypted still opens where its names allow it. The
/// protected cells keep their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Encoding {
    /// Checked completely.
    #[default]
    Utf8,
    /// ISO 8859-1: every byte is the character of that number.
    Latin1,
    /// Latin-1 with typographic characters from 80 to 9F; the five bytes that it leaves undefined
    /// are the control characters of that number, as browsers read them.
    Windows1252,
}

/// U+0080 to U+009F in Windows-1252 (WHATWG Encoding).
const WINDOWS_1252: [char; 32] = [
    '\u{20AC}', '\u{81}', '\u{201A}', '\u{192}', '\u{201E}', '\u{2026}', '\u{2020}', '\u{2021}',
    '\u{2C6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8D}', '\u{17D}', '\u{8F}',
    '\u{90}', '\u{2018}', '\u{2019}', '\u{201C}', '\u{201D}', '\u{2022}', '\u{2013}', '\u{2014}',
    '\u{2DC}', '\u{2122}', '\u{161}', '\u{203A}', '\u{153}', '\u{9D}', '\u{17E}', '\u{178}',
];

impl Encoding {
    /// The text of a cell; none for bytes that are not UTF-8 where UTF-8 is expected.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        if bytes.is_ascii() || self == Self::Utf8 {
            return simdutf8::basic::from_utf8(bytes).ok().map(Cow::Borrowed);
        }
        Some(Cow::Owned(bytes.iter().map(|&byte| self.character(byte)).collect()))
    }

    fn character(self, byte: u8) -> char {
        match byte {
            0x80..=0x9F if self == Self::Windows1252 => WINDOWS_1252[usize::from(byte - 0x80)],
            _ => char::from(byte),
        }
    }

    /// The first byte of `text` that this encoding does not know.
    pub(super) fn first_invalid(self, text: &[u8]) -> Option<usize> {
        if self != Self::Utf8 || simdutf8::basic::from_utf8(text).is_ok() {
            return None;
        }
        simdutf8::compat::from_utf8(text).err().map(|error| error.valid_up_to())
    }
}

/// Delimiter and encoding together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dialect {
    /// What separates cells.
    pub delimiter: Delimiter,
    /// What the bytes mean.
    pub encoding: Encoding,
}

impl Dialect {
    /// Whether `bytes` are exactly one cell that is not empty, so that they can stand between two
    /// delimiters without becoming more cells or another row.
    #[must_use]
    pub fn is_one_cell(&self, bytes: &[u8]) -> bool {
        let clean = !bytes.contains(&0) && self.encoding.first_invalid(bytes).is_none();
        let mut cells = Vec::new();
        let lexed = Lexer::new(self.delimiter).row(bytes, 0, true, &mut cells);
        let whole = Lexed::Row { end: bytes.len(), next: bytes.len() };
        clean && !bytes.is_empty() && lexed == Ok(whole) && cells.len() == 1
    }
}

/// The text of a cell, without quotes and with doubled quotes made single.
pub(super) fn unquoted(cell: &[u8]) -> Cow<'_, [u8]> {
    let Some(inner) = cell.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else {
        return Cow::Borrowed(cell);
    };
    if memchr::memchr(b'"', inner).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        text.push(byte);
        if byte == b'"' {
            bytes.next();
        }
    }
    Cow::Owned(text)
}

//! The lexical layer of RFC 8259: where tokens end, and what a string means.
//!
//! It must never turn a number into a number or a string into another string: the digits and the
//! escapes of a medical document are kept as they were written.

pub(crate) mod hash;
pub(crate) mod keys;
pub(crate) mod lex;
pub(crate) mod text;

use crate::error::DocumentFault;

/// A fault and the byte offset at which it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) fault: DocumentFault,
    pub(crate) at: usize,
}

impl Flaw {
    #[cold]
    pub(crate) fn new(fault: DocumentFault, at: usize) -> Self {
        Self { fault, at }
    }
}

/// The body of an object's key, without its quotes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Key {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) spelling: Spelling,
}

/// How a key is written. As wide as the offsets beside it: a key is copied for each member, and
/// padding makes of that several small writes that one large read has to wait for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Spelling {
    /// Its bytes are its text.
    #[default]
    Plain,
    /// It contains a backslash.
    Escaped,
}

impl Key {
    /// Its bytes are not its text.
    #[inline(always)]
    pub(crate) fn is_escaped(self) -> bool {
        self.spelling == Spelling::Escaped
    }

    /// The bytes as written.
    pub(crate) fn raw(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// Whether two keys are the same after unescaping.
    pub(crate) fn same(self, other: Self, text: &str) -> bool {
        if self.is_escaped() || other.is_escaped() {
            text::Unescaped::new(self.raw(text)).eq(text::Unescaped::new(other.raw(text)))
        } else {
            self.raw(text) == other.raw(text)
        }
    }
}

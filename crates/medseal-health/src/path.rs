//! The path to which a value is bound, in its one canonical form.
//!
//! The text of a [`FieldPath`] goes into the cryptographic context of a value, so two spellings of
//! one path would be two contexts. The form is:
//!
//! - a path starts at the value's record root, not at the document;
//! - object keys are joined by `.`, and every array index is written `[*]`: `name[*].given[*]`.
//!   So the elements of one list are interchangeable; nothing binds their order;
//! - a key of one or more of the characters `A`–`Z`, `a`–`z`, `0`–`9`, `_` and `-` stands bare;
//! - any other key stands as the minimal JSON string of the unescaped key: `"` and `\` get a
//!   backslash, the control characters U+0000 to U+001F become `\u00xx` in lower-case hexadecimal
//!   (never a short escape such as `\n`), and everything else is the character itself in UTF-8;
//! - the record root itself is `$`;
//! - it is 1 to 1024 bytes long.
//!
//! Nothing is normalised or case-folded: keys that differ in a byte are different keys.

use std::borrow::Cow;
use std::fmt;

use crate::error::{HealthError, Position, ProfileFault};
use crate::json::{lex, text};

/// The longest path, and the longest identity, that a bound context can hold, in bytes.
pub const MAX_PATH_BYTES: usize = 1024;

/// The path of the record root itself.
pub(crate) const ROOT: &str = "$";

/// One step of a path from a container to what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// To the value of an object's key (unescaped).
    Key(Cow<'a, str>),
    /// To an array's elements.
    Elements,
}

/// A value's own path from its record root, canonical; see the module's text for the form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(String);

impl FieldPath {
    /// Reads a canonical path; any other spelling of it is refused with `FIELD_PATH_SYNTAX`.
    ///
    /// # Errors
    /// `FIELD_PATH_SYNTAX` with the column, also for wildcards and for more than 1024 bytes.
    pub fn parse(text: &str) -> Result<Self, HealthError> {
        let path = Self::from_any_spelling(text)?;
        if path.0 == text {
            return Ok(path);
        }
        let same = path.0.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
        Err(refused(same, "this is not the canonical spelling"))
    }

    /// Builds the path of these steps; no step at all is `$`.
    ///
    /// # Errors
    /// `FIELD_PATH_SYNTAX` when it is longer than 1024 bytes.
    pub fn from_steps<'a>(steps: impl IntoIterator<Item = Step<'a>>) -> Result<Self, HealthError> {
        let mut path = String::new();
        for step in steps {
            match step {
                Step::Key(key) => push_key(&mut path, &key),
                Step::Elements => path.push_str("[*]"),
            }
        }
        let path = relative(&path);
        if path.len() > MAX_PATH_BYTES {
            return Err(refused(MAX_PATH_BYTES, "longer than 1024 bytes"));
        }
        Ok(Self(path.to_owned()))
    }

    /// As users write it: other escapes and needless quotes are allowed.
    pub(crate) fn from_any_spelling(text: &str) -> Result<Self, HealthError> {
        let tokens = tokens(text).map_err(|error| refused(error.at, error.reason))?;
        let steps = tokens.into_iter().map(|token| match token {
            Token::Key(key) => Ok(Step::Key(Cow::Owned(key))),
            Token::Elements => Ok(Step::Elements),
            Token::AnyKey | Token::AnyDepth => Err(refused(0, "a path has no wildcards")),
        });
        Self::from_steps(steps.collect::<Result<Vec<_>, _>>()?)
    }

    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The steps from the record root; none for `$`.
    pub fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        let tokens = tokens(&self.0).unwrap_or_default();
        tokens.into_iter().map(|token| match token {
            Token::Key(key) => Step::Key(Cow::Owned(key)),
            _ => Step::Elements,
        })
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn refused(at: usize, reason: &str) -> HealthError {
    HealthError::profile(ProfileFault::FieldPath, reason)
        .placed(Position { line: 1, column: at as u64 + 1 })
}

/// A path while it is built has a dot before *every* key; this takes off the first one.
pub(crate) fn relative(path: &str) -> &str {
    match path.strip_prefix('.').unwrap_or(path) {
        "" => ROOT,
        path => path,
    }
}

/// Appends a dot and `key` in its canonical form.
pub(crate) fn push_key(path: &mut String, key: &str) {
    path.push('.');
    if is_bare(key) {
        path.push_str(key);
    } else {
        push_quoted(path, key.chars());
    }
}

/// Appends a dot and the key whose string body is `body`.
pub(crate) fn push_escaped_key(path: &mut String, body: &str) {
    push_key(path, &text::unescape(body));
}

fn push_quoted(path: &mut String, key: impl Iterator<Item = char>) {
    const HEX: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    path.push('"');
    for c in key {
        match c {
            '"' | '\\' => path.extend(['\\', c]),
            '\0'..='\x1f' => {
                path.push_str("\\u00");
                path.extend([HEX[c as usize >> 4], HEX[c as usize & 15]]);
            }
            _ => path.push(c),
        }
    }
    path.push('"');
}

fn is_bare(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(is_bare_byte)
}

fn is_bare_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// What a path or a selector is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    Key(String),
    Elements,
    AnyKey,
    AnyDepth,
}

/// Why a text has no tokens: byte offset and reason.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenError {
    pub(crate) at: usize,
    pub(crate) reason: &'static str,
}

/// Splits a path or selector; `$` has no tokens.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, TokenError> {
    if text == ROOT {
        return Ok(Vec::new());
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < text.len() || tokens.is_empty() {
        at = match text.as_bytes().get(at) {
            Some(b'[') => elements(text, at, &mut tokens)?,
            Some(b'.') if at > 0 => key(text, at + 1, &mut tokens)?,
            _ if at == 0 => key(text, at, &mut tokens)?,
            _ => return Err(TokenError { at, reason: "expected `.` or `[*]` here" }),
        };
    }
    Ok(tokens)
}

fn elements(text: &str, at: usize, tokens: &mut Vec<Token>) -> Result<usize, TokenError> {
    let rest = text.get(at..).unwrap_or_default();
    if rest.starts_with("[*]") {
        tokens.push(Token::Elements);
        return Ok(at + 3);
    }
    let number = rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    let reason = if number {
        "an index cannot be selected: elements of one list are interchangeable, write `[*]`"
    } else {
        "array elements are written `[*]`"
    };
    Err(TokenError { at, reason })
}

fn key(text: &str, at: usize, tokens: &mut Vec<Token>) -> Result<usize, TokenError> {
    let rest = text.get(at..).unwrap_or_default();
    if rest.starts_with('"') {
        return quoted_key(text, at, tokens);
    }
    let (token, length) = if rest.starts_with("**") {
        (Token::AnyDepth, 2)
    } else if rest.starts_with('*') {
        (Token::AnyKey, 1)
    } else {
        let length = rest.bytes().take_while(|&b| is_bare_byte(b)).count();
        (Token::Key(rest.get(..length).unwrap_or_default().to_owned()), length)
    };
    if length == 0 {
        let reason = "expected a key: keys with other characters than A-Z a-z 0-9 _ - are quoted";
        return Err(TokenError { at, reason });
    }
    tokens.push(token);
    Ok(at + length)
}

fn quoted_key(text: &str, at: usize, tokens: &mut Vec<Token>) -> Result<usize, TokenError> {
    let end = lex::string(text.as_bytes(), at + 1)
        .map_err(|flaw| TokenError { at: flaw.at, reason: "a quoted key is a JSON string" })?;
    let body = text.get(at + 1..end - 1).unwrap_or_default();
    tokens.push(Token::Key(text::unescape(body).into_owned()));
    Ok(end)
}

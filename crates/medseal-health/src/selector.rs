//! Which values a rule names.
//!
//! A selector is strict on purpose: `name.given` does not reach into the arrays of
//! `name[*].given[*]`. A rule that silently matches less than its author believes leaks; so a
//! selector that never matches is reported ([`crate::Scanner::unmatched_selectors`]).

use std::fmt;

use crate::error::{HealthError, Position, ProfileFault};
use crate::path::{Token, TokenError, tokens};

/// A pattern of paths from the record root.
///
/// `a.b` is a key of a key, `a[*]` the elements of an array, `*` any one key, `**.a` the key `a`
/// at any depth (zero included, through objects and arrays), `"odd key"` a key with other
/// characters than `[A-Za-z0-9_-]`, and `$` the record root itself. A selector that matches an
/// object or array selects it whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    text: String,
    tokens: Vec<Token>,
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// `SELECTOR_SYNTAX` with the column.
    pub fn parse(text: &str) -> Result<Self, HealthError> {
        let tokens = tokens(text).and_then(checked).map_err(|error| {
            let detail = format!("`{text}`: {}", error.reason);
            HealthError::profile(ProfileFault::Selector, detail)
                .placed(Position { line: 1, column: error.at as u64 + 1 })
        })?;
        Ok(Self { text: text.to_owned(), tokens })
    }

    /// The selector as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn tokens(&self) -> &[Token] {
        &self.tokens
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Refuses `**` where it says nothing that a plainer selector would not say.
fn checked(tokens: Vec<Token>) -> Result<Vec<Token>, TokenError> {
    let refuse = |reason| Err(TokenError { at: 0, reason });
    if tokens.last() == Some(&Token::AnyDepth) {
        return refuse("`**` cannot stand last: name the container, it is selected whole");
    }
    if tokens.windows(2).any(|pair| pair == [Token::AnyDepth, Token::AnyDepth]) {
        return refuse("two `**` in a row mean the same as one");
    }
    Ok(tokens)
}

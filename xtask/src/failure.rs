//! One failure: what went wrong, and what the reader should do now.
//!
//! The second half is mandatory, because a red build that only says "failed" costs everyone a search.

use std::fmt;
use std::path::Path;

pub(crate) type Result<T> = std::result::Result<T, Failure>;

#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    advice: String,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), advice: advice.into() }
    }

    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// A file that could not be read or written.
    pub(crate) fn file(path: &Path, error: &std::io::Error) -> Self {
        Self::new(format!("`{}`: {error}", path.display()), "check the path and its permissions")
    }

    /// A rule with several offenders, one line each.
    pub(crate) fn list(rule: &str, offenders: &[String], advice: &str) -> Self {
        Self::new(format!("{rule}:\n  {}", offenders.join("\n  ")), advice)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}\n what to do: {}", self.what, self.advice)
    }
}

/// `Ok` when nothing offends.
pub(crate) fn none_of(offenders: &[String], rule: &str, advice: &str) -> Result<()> {
    if offenders.is_empty() { Ok(()) } else { Err(Failure::list(rule, offenders, advice)) }
}

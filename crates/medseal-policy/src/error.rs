//! What can be wrong with a policy, with the place in its text.

use std::fmt;

/// A place in a text, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in bytes.
    pub column: usize,
}

impl Position {
    /// The position of byte `offset`.
    pub(crate) fn of(text: &str, offset: usize) -> Self {
        let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        Self { line, column: before.len() - start + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// The kinds of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyFault {
    /// Not TOML, or a member that no policy has.
    Syntax,
    /// Something stands twice.
    Duplicate,
    /// A role, an operation or a purpose that nobody knows.
    UnknownName,
    /// A list that selects nothing.
    Empty,
    /// A rule that can never have an effect.
    Contradiction,
}

impl PolicyFault {
    /// Every fault.
    pub const ALL: [PolicyFault; 5] = [
        PolicyFault::Syntax,
        PolicyFault::Duplicate,
        PolicyFault::UnknownName,
        PolicyFault::Empty,
        PolicyFault::Contradiction,
    ];

    /// The stable code, anchor of `docs/errors.md`.
    pub fn code(self) -> &'static str {
        match self {
            PolicyFault::Syntax => "POLICY_SYNTAX",
            PolicyFault::Duplicate => "POLICY_DUPLICATE",
            PolicyFault::UnknownName => "POLICY_UNKNOWN_NAME",
            PolicyFault::Empty => "POLICY_EMPTY",
            PolicyFault::Contradiction => "POLICY_CONTRADICTION",
        }
    }
}

/// A policy that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy, {at}: {detail}")]
pub struct PolicyError {
    /// What kind of fault.
    pub fault: PolicyFault,
    /// Where.
    pub at: Position,
    /// What is wrong there.
    pub detail: String,
}

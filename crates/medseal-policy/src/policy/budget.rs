//! How much a principal may touch in a window of time.

use super::rule::{Whom, operation_bit};
use medseal_core::operation::Operation;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// Values.
    Values,
    /// Records, each once in an operation.
    Records,
}

/// A limit for every principal that it concerns, each counted by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Its name in the log.
    pub id: String,
    /// What is counted.
    pub counts: Counts,
    /// The window, in seconds.
    pub window: u64,
    /// The number at which the log says so.
    pub alarm: Option<u64>,
    /// The number that is not passed.
    pub stop: Option<u64>,
    pub(crate) whom: Whom,
    pub(crate) operations: u32,
}

impl Budget {
    pub(crate) fn concerns(&self, roles: u64, operation: Operation) -> bool {
        self.whom.concerns(roles) && self.operations & operation_bit(operation) != 0
    }
}

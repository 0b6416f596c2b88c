//! Who may go past the rules in an emergency, for what, and for how long.

use super::rule::{Whom, operation_bit};
use medseal_core::operation::Operation;

/// The section `[break_glass]`. Without it nobody may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glass {
    pub(crate) whom: Whom,
    pub(crate) operations: u32,
    /// In seconds.
    pub(crate) duration: u64,
}

impl Glass {
    pub(crate) fn concerns(&self, roles: u64) -> bool {
        self.whom.concerns(roles)
    }

    /// Whether this is what it may be broken for.
    pub(crate) fn opens(&self, roles: u64, operation: Operation) -> bool {
        self.concerns(roles) && self.operations & operation_bit(operation) != 0
    }
}

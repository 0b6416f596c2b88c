//! One rule and what it takes to match it.

use super::names::Names;
use crate::purpose::Purpose;
use medseal_core::operation::{Group, Operation};

/// What a matching rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effect {
    Allow,
    Forbid,
}

/// Whom a rule concerns, by the bits of roles. A rule allows those who have a role and forbids all but
/// those who have one: so whoever loses a role never gains by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whom {
    Everybody,
    /// Who has one of these.
    With(u64),
    /// Who has none of these.
    Without(u64),
}

impl Whom {
    pub(super) fn concerns(self, roles: u64) -> bool {
        match self {
            Whom::Everybody => true,
            Whom::With(mask) => mask & roles != 0,
            Whom::Without(mask) => mask & roles == 0,
        }
    }

    /// Whether it concerns whomever `other` concerns, whatever other roles they have.
    fn covers(self, other: Whom) -> bool {
        match (self, other) {
            (Whom::Everybody, _) => true,
            (Whom::With(ours), Whom::With(others)) => ours & others == others,
            (Whom::Without(ours), Whom::Without(others)) => ours & others == ours,
            _ => false,
        }
    }
}

/// One row of the table. Every condition must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) effect: Effect,
    /// Whom it concerns.
    pub(crate) whom: Whom,
    /// A bit for each operation in the order of [`Operation::ALL`].
    pub(crate) operations: u32,
    /// A bit for each purpose in the order of [`Purpose::ALL`].
    pub(crate) purposes: u8,
    pub(crate) tenants: Names,
    pub(crate) collections: Names,
    pub(crate) classes: Names,
    /// Of a rule that forbids: not even an emergency lifts it.
    pub(crate) absolute: bool,
    /// The age of a second factor, in seconds, up to which the rule allows.
    pub(crate) second_factor: Option<u64>,
}

/// What is asked of the rules.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// What is to be done.
    pub operation: Operation,
    /// What for.
    pub purpose: Purpose,
    /// To what.
    pub group: &'a Group,
}

pub(crate) fn operation_bit(operation: Operation) -> u32 {
    let at = Operation::ALL.iter().position(|known| *known == operation);
    at.map_or(0, |at| 1 << at)
}

pub(crate) fn purpose_bit(purpose: Purpose) -> u8 {
    1 << purpose as u8
}

impl Rule {
    /// The first condition that does not hold, apart from the age of a second factor.
    pub(crate) fn obstacle(&self, roles: u64, question: &Question<'_>) -> Option<&'static str> {
        let Question { operation, purpose, group } = question;
        if !self.whom.concerns(roles) {
            Some("role")
        } else if self.operations & operation_bit(*operation) == 0 {
            Some("operation")
        } else if self.purposes & purpose_bit(*purpose) == 0 {
            Some("purpose")
        } else if !self.tenants.matches(group.tenant.as_deref()) {
            Some("tenant")
        } else if !self.collections.matches(group.collection.as_deref()) {
            Some("collection")
        } else if !self.classes.matches(group.class.as_deref()) {
            Some("class")
        } else {
            None
        }
    }

    pub(crate) fn is_fresh(&self, age: Option<u64>) -> bool {
        self.second_factor.is_none_or(|most| age.is_some_and(|age| age <= most))
    }

    /// Whether it matches whatever `other` matches.
    pub(crate) fn covers(&self, other: &Rule) -> bool {
        self.whom.covers(other.whom)
            && self.operations & other.operations == other.operations
            && self.purposes & other.purposes == other.purposes
            && self.tenants.cover(&other.tenants)
            && self.collections.cover(&other.collections)
            && self.classes.cover(&other.classes)
    }
}

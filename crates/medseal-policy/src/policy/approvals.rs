//! Which actions need approvals, and what would make approvals worth less.

use super::Policy;
use crate::approval::{Action, Approved, Controlled};
use medseal_core::approval::Act;
use std::collections::BTreeMap;

/// How long a request can be carried out when the policy does not say, in seconds.
const DEFAULT_EXPIRES: u64 = 86_400;
/// How many approvals a production home asks for at least before a key is destroyed.
const PRODUCTION_DESTROY: u8 = 2;

/// What an action needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// How many people must approve; never 0.
    pub approvals: u8,
    /// For how many seconds a request is good.
    pub expires: u64,
}

/// What holds whatever a policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floor {
    /// Nothing: a laptop, a test.
    None,
    /// A home with real patients' data.
    Production,
}

/// Whether an act would make approvals worth less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakening {
    /// It would not.
    No,
    /// It would, and needs what the strongest row asks for.
    Yes,
}

/// What an act needs.
pub enum Requirement<A: Controlled> {
    /// Nobody needs to be asked.
    Nobody(Approved<A>),
    /// So many people.
    People(Demand),
}

/// The rows, by action.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Approvals(pub(crate) BTreeMap<Action, Demand>);

impl Policy {
    /// What an action needs by its own row and the floor.
    pub fn demand(&self, action: Action, floor: Floor) -> Option<Demand> {
        let row = self.approvals.0.get(&action).copied();
        let least = match (floor, action) {
            (Floor::Production, Action::DestroyKey) => PRODUCTION_DESTROY,
            _ => 0,
        };
        let approvals = row.map_or(0, |row| row.approvals).max(least);
        let expires = row.map_or(DEFAULT_EXPIRES, |row| row.expires);
        (approvals > 0).then_some(Demand { approvals, expires })
    }

    /// What an act needs that may make approvals worth less.
    pub fn demand_of(&self, action: Action, floor: Floor, weakens: Weakening) -> Option<Demand> {
        let own = self.demand(action, floor);
        let strength = self.strength(floor);
        match weakens {
            Weakening::Yes if strength > 0 => {
                let shortest = Action::ALL.into_iter().filter_map(|a| self.demand(a, floor));
                let shortest = shortest.map(|demand| demand.expires).min();
                let expires = own.map(|own| own.expires).or(shortest).unwrap_or(DEFAULT_EXPIRES);
                let approvals = own.map_or(strength, |own| own.approvals.max(strength));
                Some(Demand { approvals, expires })
            }
            _ => own,
        }
    }

    /// What an act needs; the proof at once if that is nothing.
    pub fn requirement<A: Controlled>(
        &self,
        floor: Floor,
        weakens: Weakening,
        act: &Act,
    ) -> Requirement<A> {
        match self.demand_of(A::ACTION, floor, weakens) {
            None => Requirement::Nobody(Approved::new(None, act)),
            Some(demand) => Requirement::People(demand),
        }
    }

    /// The most approvals that anything needs.
    pub fn strength(&self, floor: Floor) -> u8 {
        let demands = Action::ALL.into_iter().filter_map(|action| self.demand(action, floor));
        demands.map(|demand| demand.approvals).max().unwrap_or(0)
    }

    /// Whether approvals would be worth less under `next`: fewer are needed for something, or they
    /// can be waited for longer.
    pub fn is_weakened_by(&self, next: &Policy, floor: Floor) -> bool {
        Action::ALL.into_iter().any(|action| {
            match (self.demand(action, floor), next.demand(action, floor)) {
                (None, _) => false,
                (Some(_), None) => true,
                (Some(now), Some(then)) => {
                    then.approvals < now.approvals || then.expires > now.expires
                }
            }
        })
    }

    /// How many operations the table names.
    pub fn approval_count(&self) -> usize {
        self.approvals.0.len()
    }
}

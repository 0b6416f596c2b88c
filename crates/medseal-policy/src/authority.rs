//! Who asks under which policy: what holds from one epoch of the store to the next.

use crate::cache::Cache;
use crate::policy::{Budget, Policy, Question, Verdict};
use crate::principal::{ADMIN, Caller, Principal, PrincipalId};
use medseal_core::operation::Operation;

/// A caller, whom it acts for, and the policy.
pub struct Authority {
    policy: Policy,
    caller: Caller,
    on_behalf_of: Option<Principal>,
    /// The roles of the caller and of whom it acts for, and what was decided for them.
    masks: [u64; 2],
    caches: [Cache; 2],
}

impl Authority {
    /// What holds for a caller.
    pub fn new(policy: Policy, caller: Caller, on_behalf_of: Option<Principal>) -> Self {
        let mut authority =
            Self { policy, caller, on_behalf_of, masks: [0; 2], caches: <_>::default() };
        for at in 0..2 {
            let roles = authority.principals().find(|(place, _)| *place == at);
            let mask = roles.map_or(0, |(_, who)| authority.policy.mask(&who.roles));
            if let Some(slot) = authority.masks.get_mut(at) {
                *slot = mask;
            }
        }
        authority
    }

    /// Who asks.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// On whose behalf.
    pub fn on_behalf_of(&self) -> Option<&Principal> {
        self.on_behalf_of.as_ref()
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether the caller may act for others at all.
    pub(crate) fn may_act_for_others(&self) -> bool {
        match &self.caller {
            Caller::Owner { .. } => true,
            Caller::Stranger { .. } => false,
            Caller::Known(principal) => principal.active && principal.roles.contains(ADMIN),
        }
    }

    /// The principals that all must be allowed: the caller, and whom it acts for. An admin who acts
    /// for somebody gains nothing by it.
    pub(crate) fn principals(&self) -> impl Iterator<Item = (usize, &Principal)> {
        let caller = match &self.caller {
            Caller::Known(principal) => Some(principal),
            Caller::Owner { .. } | Caller::Stranger { .. } => None,
        };
        [caller, self.on_behalf_of.as_ref()]
            .into_iter()
            .enumerate()
            .filter_map(|(at, principal)| Some((at, principal?)))
    }

    pub(crate) fn roles(&self, at: usize) -> u64 {
        self.masks.get(at).copied().unwrap_or_default()
    }

    /// What limits this operation, for the caller and for whom it acts: each is counted apart.
    pub fn budgets(&self, operation: Operation) -> Vec<(PrincipalId, Budget)> {
        let mut all = Vec::new();
        for (at, principal) in self.principals() {
            let budgets = self.policy.budgets(self.roles(at), operation);
            all.extend(budgets.map(|budget| (principal.id, budget.clone())));
        }
        all
    }

    /// What the policy says to the principal at `at`.
    pub(crate) fn verdict(&mut self, at: usize, question: &Question<'_>) -> (&Policy, &Verdict) {
        let roles = self.roles(at);
        let verdict = match self.caches.get_mut(at) {
            Some(cache) => cache.verdict(&self.policy, roles, question),
            None => &Verdict::NoRule,
        };
        (&self.policy, verdict)
    }
}

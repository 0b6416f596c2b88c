//! What a principal may touch in a window of time.
//!
//! The sums stand in the store, so that a process for each access evades nothing, and are charged in
//! one transaction before the entry is written: a kill in between counts too much, never too little.
//! They have no MAC. Whoever can write the store can lower them; what was touched stands in the audit
//! log all the same.

use super::authority::Decision;
use crate::engine::Engine;
use crate::error::EngineError;
use medseal_policy::{Budget, Counts, Op, PrincipalId};
use medseal_store::{Charge, Spent};

/// How much one operation touches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amounts {
    pub(super) values: u64,
    pub(super) records: u64,
}

/// What an operation is to be charged to.
pub(super) struct Charges {
    pub(super) budgets: Vec<(PrincipalId, Budget)>,
    pub(super) amounts: Amounts,
}

impl Charges {
    fn amount(&self, budget: &Budget) -> u64 {
        match budget.counts {
            Counts::Values => self.amounts.values,
            Counts::Records => self.amounts.records,
        }
    }

    /// An emergency is charged and not stopped.
    fn charges(&self, emergency: bool) -> Vec<Charge> {
        let charge = |(id, budget): &(PrincipalId, Budget)| Charge {
            principal_id: id.to_string(),
            budget: budget.id.clone(),
            window: budget.window,
            amount: self.amount(budget),
            stop: budget.stop.filter(|_| !emergency),
        };
        self.budgets.iter().map(charge).collect()
    }

    fn passes_limit(&self, budget: &Budget, spent: Spent) -> bool {
        let after = spent.before.saturating_add(self.amount(budget));
        budget.stop.is_some_and(|stop| after > stop)
    }

    /// Whether this operation is the one that reaches the alarm, or passes the limit in an emergency.
    fn reaches_alarm(&self, budget: &Budget, spent: Spent) -> bool {
        let after = spent.before.saturating_add(self.amount(budget));
        self.passes_limit(budget, spent)
            || budget.alarm.is_some_and(|alarm| spent.before < alarm && alarm <= after)
    }
}

impl Engine {
    /// Charges an operation that was allowed; one that does not fit is denied, and charged to nothing.
    pub(super) async fn charge_budgets<O: Op>(
        &self,
        decision: Decision<O>,
        charges: &Charges,
    ) -> Result<Decision<O>, EngineError> {
        if charges.budgets.is_empty() {
            return Ok(decision);
        }
        let emergency = self.glass_is_broken();
        let spent = self.store.spend(&charges.charges(emergency), self.clock.now()).await?;
        let budgets = || charges.budgets.iter().map(|(_, budget)| budget).zip(&spent);
        let passed: Vec<&Budget> =
            budgets().filter(|(_, spent)| !spent.fits).map(|(budget, _)| budget).collect();
        if let Some(first) = passed.first() {
            let Decision { who, outcome, .. } = decision;
            let name = who.name.clone();
            let outcome = outcome.and_then(|ok| Err(ok.over_budget(name, &first.id)));
            let alarms = passed.iter().map(|budget| budget.id.clone()).collect();
            let purpose = decision.purpose;
            return Ok(Decision { who, purpose, alarms, outcome });
        }
        let reached = budgets().filter(|(budget, spent)| charges.reaches_alarm(budget, **spent));
        let mut alarms = decision.alarms;
        alarms.extend(reached.map(|(budget, _)| budget.id.clone()));
        // a limit that is passed is a use of the emergency, whichever rule allowed it
        let over = budgets().any(|(budget, spent)| charges.passes_limit(budget, *spent));
        alarms.extend(self.emergency_mark().filter(|_| emergency && over));
        Ok(Decision { alarms, ..decision })
    }
}

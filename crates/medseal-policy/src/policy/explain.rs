//! Why a question is answered as it is: every rule, with the first condition that did not hold.

use super::{Effect, Policy, Question, Verdict};
use std::collections::BTreeSet;

/// What one rule said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleOutcome {
    /// The rule.
    pub id: String,
    /// Whether it forbids.
    pub forbids: bool,
    /// The condition that did not hold; none if the rule matched.
    pub obstacle: Option<&'static str>,
}

/// How the rules answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Whether they allow it.
    pub allowed: bool,
    /// The rules that decided.
    pub deciding: Vec<String>,
    /// Every rule, in the order of their ids.
    pub rules: Vec<RuleOutcome>,
}

impl Policy {
    /// What the rules say for these roles, and why.
    pub fn explain(
        &self,
        roles: &BTreeSet<String>,
        question: &Question<'_>,
        second_factor_age: Option<u64>,
    ) -> Explanation {
        let mask = self.mask(roles);
        let id = |at: &usize| self.rule_id(*at).to_owned();
        let (allowed, deciding) = match self.verdict(mask, question) {
            Verdict::Forbidden(forbidding) => (false, forbidding.iter().map(id).collect()),
            Verdict::NoRule => (false, Vec::new()),
            Verdict::Allowed(allowing) => {
                let fresh = allowing.iter().find(|at| self.is_fresh(**at, second_factor_age));
                (fresh.is_some(), fresh.map(id).into_iter().collect())
            }
        };
        let outcome = |rule: &super::Rule| RuleOutcome {
            id: rule.id.clone(),
            forbids: rule.effect == Effect::Forbid,
            obstacle: rule.obstacle(mask, question).or_else(|| {
                (!rule.is_fresh(second_factor_age)).then_some("age of the second factor")
            }),
        };
        Explanation { allowed, deciding, rules: self.rules.iter().map(outcome).collect() }
    }
}

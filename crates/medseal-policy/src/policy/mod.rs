//! A policy: rules that allow or forbid, checked when it is read.
//!
//! `spec/policy.md` says how rules are matched and which wins. Rules are kept in the order of their
//! ids, so that the order in which they were written has no say in anything.

pub(crate) mod approvals;
mod budget;
mod check;
mod explain;
mod glass;
mod names;
mod rule;
mod toml;

pub use approvals::{Demand, Floor, Requirement, Weakening};
pub use budget::{Budget, Counts};
pub use explain::{Explanation, RuleOutcome};
pub(crate) use glass::Glass;
pub use rule::Question;
pub(crate) use rule::{Effect, Rule};

use crate::error::PolicyError;
use crate::principal::ROLES;
use crate::purpose::Purpose;
use medseal_core::operation::Operation;
use std::collections::BTreeSet;

/// Who may do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    name: String,
    description: String,
    default_purpose: Option<Purpose>,
    /// Built-in and declared roles; the place of one is its bit in a mask.
    roles: Vec<String>,
    /// Ascending by id.
    rules: Vec<Rule>,
    /// Ascending by id.
    budgets: Vec<Budget>,
    glass: Option<Glass>,
    approvals: approvals::Approvals,
}

/// What the rules say of one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// These allow, apart from the age of a second factor; places in the table, ascending.
    Allowed(Vec<usize>),
    /// These forbid.
    Forbidden(Vec<usize>),
    /// No rule says anything.
    NoRule,
}

impl Policy {
    /// Reads a policy and checks all of it.
    ///
    /// # Errors
    /// [`PolicyError`] with its place: unknown members and names, things that stand twice, lists
    /// that select nothing, rules that can never have an effect.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        toml::read(text)
    }

    /// The policy of a home that was given none: no rule, so nobody may do anything whom no rule
    /// outside the policy allows to.
    pub fn built_in() -> Self {
        Self {
            name: "built-in".to_owned(),
            description: String::new(),
            default_purpose: Some(Purpose::Operations),
            roles: ROLES.map(str::to_owned).into(),
            rules: Vec::new(),
            budgets: Vec::new(),
            glass: None,
            approvals: approvals::Approvals::default(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The purpose of an access for which none was named; none if one must be.
    pub fn default_purpose(&self) -> Option<Purpose> {
        self.default_purpose
    }

    /// How many rules it has.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// For how many seconds somebody may go past the rules; none if nobody may.
    pub fn break_glass_duration(&self) -> Option<u64> {
        self.glass.as_ref().map(|glass| glass.duration)
    }

    pub(crate) fn glass(&self) -> Option<&Glass> {
        self.glass.as_ref()
    }

    /// Whether one of these rules stands even in an emergency.
    pub(crate) fn any_absolute(&self, rules: &[usize]) -> bool {
        rules.iter().any(|at| self.rules.get(*at).is_some_and(|rule| rule.absolute))
    }

    /// How many budgets it has.
    pub fn budget_count(&self) -> usize {
        self.budgets.len()
    }

    /// Whether it has no rule.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether rules may speak of this role.
    pub fn knows_role(&self, role: &str) -> bool {
        self.roles.iter().any(|known| known == role)
    }

    /// The bits of roles. Those that the policy does not know give nothing.
    pub(crate) fn mask(&self, roles: &BTreeSet<String>) -> u64 {
        let bits = (0..64u32).zip(&self.roles).filter(|(_, role)| roles.contains(*role));
        bits.fold(0, |mask, (bit, _)| mask | 1 << bit)
    }

    /// What limits somebody with these roles.
    pub(crate) fn budgets(
        &self,
        roles: u64,
        operation: Operation,
    ) -> impl Iterator<Item = &Budget> {
        self.budgets.iter().filter(move |budget| budget.concerns(roles, operation))
    }

    pub(crate) fn rule_id(&self, at: usize) -> &str {
        self.rules.get(at).map_or("", |rule| &rule.id)
    }

    /// Whether an allowing rule is satisfied by a second factor of this age, in seconds.
    pub(crate) fn is_fresh(&self, at: usize, age: Option<u64>) -> bool {
        self.rules.get(at).is_some_and(|rule| rule.is_fresh(age))
    }

    /// What the rules say, apart from the age of a second factor.
    pub(crate) fn verdict(&self, roles: u64, question: &Question<'_>) -> Verdict {
        let matching = |effect: Effect| -> Vec<usize> {
            let rules = self.rules.iter().enumerate().filter(|(_, rule)| rule.effect == effect);
            rules.filter(|(_, r)| r.obstacle(roles, question).is_none()).map(|(at, _)| at).collect()
        };
        let forbidding = matching(Effect::Forbid);
        if !forbidding.is_empty() {
            return Verdict::Forbidden(forbidding);
        }
        let allowing = matching(Effect::Allow);
        if allowing.is_empty() { Verdict::NoRule } else { Verdict::Allowed(allowing) }
    }
}

//! Rules that can never have an effect: somebody believes that they do.

use super::names::Names;
use super::rule::{Effect, Rule, operation_bit};
use medseal_core::operation::Operation;

/// What is wrong with the rule at a place of the table, if anything is.
pub(super) fn contradiction(rules: &[Rule]) -> Option<(usize, String)> {
    rules.iter().enumerate().find_map(|(at, rule)| {
        let what = alone(rule).or_else(|| among(rule, rules))?;
        Some((at, format!("rule `{}` {what}", rule.id)))
    })
}

fn alone(rule: &Rule) -> Option<String> {
    let of_values = Operation::ALL.into_iter().filter(|o| o.is_of_values());
    let of_values = of_values.fold(0, |mask, operation| mask | operation_bit(operation));
    let selects_values = |names: &Names| !names.is_every();
    if rule.operations & of_values == 0
        && (selects_values(&rule.collections) || selects_values(&rule.classes))
    {
        return Some(
            "selects collections or classes, and none of its operations is on values".to_owned(),
        );
    }
    if rule.effect == Effect::Forbid && rule.second_factor.is_some() {
        return Some(
            "forbids and names a second factor, which is a condition of rules that allow"
                .to_owned(),
        );
    }
    None
}

fn among(rule: &Rule, rules: &[Rule]) -> Option<String> {
    if rule.effect == Effect::Forbid {
        return None;
    }
    let covering = rules.iter().find(|o| o.effect == Effect::Forbid && o.covers(rule))?;
    Some(format!("can never allow anything: rule `{}` forbids all of it", covering.id))
}

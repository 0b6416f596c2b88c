//! What holds for every policy and every question.

use crate::model::{ModelQuestion, ModelRule, allows, to_toml};
use crate::support::{asked, decided, principal, values};
use medseal_core::operation::Operation;
use medseal_policy::{Caller, Decrypt, Encrypt, Policy};
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

const ROLES: [&str; 4] = ["decryptor", "encryptor", "operator", "auditor"];
const TENANTS: [&str; 3] = ["north", "south", "south-2"];
const COLLECTIONS: [&str; 3] = ["lab", "lab.blood", "patient"];
const CLASSES: [&str; 3] = ["phone", "ssn", "ssn-old"];

fn names(all: &'static [&'static str], stars: bool) -> impl Strategy<Value = Option<Vec<String>>> {
    let patterns: Vec<String> = all
        .iter()
        .flat_map(|name| [(*name).to_owned(), format!("{}*", &name[..3.min(name.len())])])
        .filter(|pattern| stars || !pattern.ends_with('*'))
        .collect();
    option::of(btree_set(select(patterns), 1..4).prop_map(|set| set.into_iter().collect()))
}

fn rule() -> impl Strategy<Value = ModelRule> {
    (
        any::<bool>(),
        names(&ROLES, false),
        names(&["decrypt", "encrypt", "verify"], false),
        names(&["treatment", "research"], false),
        names(&TENANTS, true),
        names(&COLLECTIONS, true),
        names(&CLASSES, true),
    )
        .prop_map(|(forbids, roles, operations, purposes, tenants, collections, classes)| {
            let id = String::new();
            ModelRule { id, forbids, roles, operations, purposes, tenants, collections, classes }
        })
}

fn rules() -> impl Strategy<Value = Vec<ModelRule>> {
    vec(rule(), 0..8).prop_map(|mut rules| {
        for (at, rule) in rules.iter_mut().enumerate() {
            rule.id = format!("rule-{at}");
        }
        rules
    })
}

fn one(all: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(all).prop_map(str::to_owned)
}

fn question() -> impl Strategy<Value = ModelQuestion> {
    let group = (one(&TENANTS), one(&COLLECTIONS), one(&CLASSES)).prop_map(|(t, c, k)| [t, c, k]);
    (
        prop::bool::weighted(0.9),
        option::weighted(0.2, one(&TENANTS)),
        btree_set(one(&ROLES), 0..4),
        one(&["decrypt", "encrypt"]),
        one(&["treatment", "research", "payment"]),
        vec(group, 1..4),
    )
        .prop_map(|(active, own_tenant, roles, operation, purpose, groups)| {
            let roles = roles.into_iter().collect();
            ModelQuestion { active, own_tenant, roles, operation, purpose, groups }
        })
}

/// The crate's answer. A policy with a rule that can never allow is refused, and answers nothing.
fn answer(rules: &[ModelRule], question: &ModelQuestion) -> Option<bool> {
    let policy = Policy::parse(&to_toml(rules)).ok()?;
    let roles: Vec<&str> = question.roles.iter().map(String::as_str).collect();
    let mut who = principal("somebody", &roles);
    (who.active, who.tenant) = (question.active, question.own_tenant.clone());
    let groups: Vec<[&str; 3]> = question.groups.iter().map(|g| [&*g[0], &*g[1], &*g[2]]).collect();
    let (caller, asked) = (Caller::Known(who), asked(&question.purpose));
    Some(match question.operation.as_str() {
        "decrypt" => {
            let items = values(Operation::Decrypt, &groups);
            decided::<Decrypt>(&policy, caller, &asked, items).is_ok()
        }
        _ => {
            let items = values(Operation::Encrypt, &groups);
            decided::<Encrypt>(&policy, caller, &asked, items).is_ok()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_answer_is_that_of_the_model(rules in rules(), question in question()) {
        if let Some(answer) = answer(&rules, &question) {
            prop_assert_eq!(answer, allows(&rules, &question));
        }
    }

    #[test]
    fn adding_a_forbid_never_allows_more(rules in rules(), more in rule(), question in question()) {
        let more = ModelRule { id: "more".to_owned(), forbids: true, ..more };
        let with: Vec<ModelRule> = rules.iter().cloned().chain([more]).collect();
        if let (Some(before), Some(after)) = (answer(&rules, &question), answer(&with, &question)) {
            prop_assert!(before || !after);
        }
    }

    #[test]
    fn removing_a_role_never_allows_more(rules in rules(), at in any::<Index>(), question in question()) {
        prop_assume!(!question.roles.is_empty());
        let mut fewer = question.clone();
        fewer.roles.remove(at.index(fewer.roles.len()));
        if let (Some(before), Some(after)) = (answer(&rules, &question), answer(&rules, &fewer)) {
            prop_assert!(before || !after);
        }
    }

    #[test]
    fn the_order_of_rules_does_not_matter(rules in rules(), turn in any::<Index>(), question in question()) {
        prop_assume!(!rules.is_empty());
        let mut turned = rules.clone();
        turned.rotate_left(turn.index(rules.len()));
        turned.reverse();
        prop_assert_eq!(answer(&rules, &question), answer(&turned, &question));
        let (one, other) = (Policy::parse(&to_toml(&rules)), Policy::parse(&to_toml(&turned)));
        if let (Ok(one), Ok(other)) = (one, other) {
            prop_assert_eq!(one, other);
        }
    }

    #[test]
    fn a_disabled_principal_is_denied_everything(rules in rules(), question in question()) {
        let question = ModelQuestion { active: false, ..question };
        prop_assert_ne!(answer(&rules, &question), Some(true));
    }

    #[test]
    fn a_principal_never_leaves_its_tenant(rules in rules(), question in question()) {
        let own = question.groups[0][0].clone();
        let leaves = question.groups.iter().any(|group| group[0] != own);
        let question = ModelQuestion { own_tenant: Some(own), ..question };
        if leaves {
            prop_assert_ne!(answer(&rules, &question), Some(true));
        }
    }

    /// Whatever the text, it is read or refused with a place inside it.
    #[test]
    fn no_text_panics(text in "(policy = 1\\n|name = \"p\"\\n|\\[\\[rule\\]\\]\\n|roles = \\[.{0,9}\\]\\n|.{0,20}\\n){0,12}") {
        if let Err(error) = Policy::parse(&text) {
            prop_assert!(error.at.line <= text.lines().count() + 1);
        }
    }
}

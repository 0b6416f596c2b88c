//! Budgets: how they are written, and whom they concern.

use crate::support::principal;
use medseal_core::operation::Operation;
use medseal_policy::{Authority, Budget, Caller, Counts, Policy};

const HEAD: &str = "policy = 1\nname = \"p\"\n";
const BUDGET: &str = r#"[[budget]]
id = "charts"
roles = ["decryptor"]
operations = ["decrypt"]
counts = "records"
window = "1h"
alarm = 50
stop = 100
"#;

fn with(member: &str, value: &str) -> String {
    let line = if value.is_empty() { String::new() } else { format!("{member} = {value}\n") };
    let others = BUDGET.lines().filter(|l| !l.starts_with(&format!("{member} = ")));
    format!("{HEAD}{}\n{line}", others.collect::<Vec<_>>().join("\n"))
}

fn fault(text: &str) -> &'static str {
    Policy::parse(text).expect_err(text).fault.code()
}

fn budgets(text: &str, roles: &[&str], operation: Operation) -> Vec<Budget> {
    let policy = Policy::parse(text).unwrap();
    let caller = Caller::Known(principal("p", roles));
    let all = Authority::new(policy, caller, None).budgets(operation);
    all.into_iter().map(|(_, budget)| budget).collect()
}

#[test]
fn a_budget_concerns_who_has_the_role_and_does_the_operation() {
    let text = format!("{HEAD}{BUDGET}");
    let found = budgets(&text, &["decryptor"], Operation::Decrypt);
    let budget = &found[0];
    assert_eq!((found.len(), budget.id.as_str(), budget.window), (1, "charts", 3600));
    assert_eq!((budget.alarm, budget.stop, budget.counts), (Some(50), Some(100), Counts::Records));
    assert!(budgets(&text, &["encryptor"], Operation::Decrypt).is_empty());
    assert!(budgets(&text, &[], Operation::Decrypt).is_empty());
    assert!(budgets(&text, &["decryptor"], Operation::Encrypt).is_empty());
    let everybody = with("roles", "[\"*\"]");
    assert_eq!(budgets(&everybody, &[], Operation::Decrypt).len(), 1);
    let everything = with("operations", "[\"*\"]");
    assert_eq!(budgets(&everything, &["decryptor"], Operation::Verify).len(), 1);
    assert!(budgets(&everything, &["decryptor"], Operation::ChangeKeys).is_empty());
    // whoever acts for somebody is counted beside them, the owner is not
    let policy = || Policy::parse(&text).unwrap();
    let target = || Some(principal("app", &["decryptor"]));
    let admin = Caller::Known(principal("root", &["admin", "decryptor"]));
    assert_eq!(Authority::new(policy(), admin, target()).budgets(Operation::Decrypt).len(), 2);
    let owner = Caller::Owner { user_id: 1 };
    assert_eq!(Authority::new(policy(), owner, target()).budgets(Operation::Decrypt).len(), 1);
}

#[test]
fn one_limit_is_enough() {
    for gone in ["alarm", "stop"] {
        assert!(Policy::parse(&with(gone, "")).is_ok(), "{gone}");
    }
    assert!(Policy::parse(&with("alarm", "100")).is_ok());
}

#[test]
fn budgets_that_mean_nothing_are_refused() {
    let contradiction = "POLICY_CONTRADICTION";
    assert_eq!(fault(&with("alarm", "101")), contradiction);
    assert_eq!(fault(&with("alarm", "0")), contradiction);
    assert_eq!(fault(&with("stop", "0")), contradiction);
    let without = with("alarm", "").replace("stop = 100\n", "");
    assert_eq!(fault(&without), contradiction);
    assert_eq!(fault(&with("operations", "[\"change-keys\"]")), contradiction);
    assert_eq!(fault(&with("operations", "[]")), "POLICY_EMPTY");
    assert_eq!(fault(&with("roles", "[\"nurse\"]")), "POLICY_UNKNOWN_NAME");
    assert_eq!(fault(&with("operations", "[\"dance\"]")), "POLICY_UNKNOWN_NAME");
    assert_eq!(fault(&format!("{HEAD}{BUDGET}{BUDGET}")), "POLICY_DUPLICATE");
    for (member, value) in [
        ("counts", "\"bytes\""),
        ("window", "\"1\""),
        ("window", "\"0h\""),
        ("stop", "-1"),
        ("stop", "1.5"),
        ("roles", ""),
        ("window", ""),
        ("counts", ""),
        ("colour", "1"),
    ] {
        assert_eq!(fault(&with(member, value)), "POLICY_SYNTAX", "{member} = {value}");
    }
}

//! The table of approvals: how it is read, what it asks for, and what weakens it.

use medseal_policy::approval::{Action, DestroyKey, GrantRole};
use medseal_policy::{Demand, Floor, Policy, Requirement, Weakening};
use proptest::collection::btree_map;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;
use std::fmt::Write;

use medseal_core::approval::Act;

const HEAD: &str = "policy = 1\nname = \"p\"\n";
const DAY: u64 = 86_400;

fn row(operations: &str, approvals: &str) -> String {
    format!("{HEAD}[[approval]]\noperations = {operations}\napprovals = {approvals}\n")
}

fn fault(text: &str) -> (&'static str, usize, usize) {
    let error = Policy::parse(text).expect_err(text);
    (error.fault.code(), error.at.line, error.at.column)
}

fn act(operation: &str) -> Act {
    let (operation, parameters, alterations) = (operation.to_owned(), Vec::new(), Vec::new());
    Act { operation, tenant: None, concerns: None, parameters, alterations }
}

#[test]
fn a_row_asks_for_people() {
    let policy = Policy::parse(&row(r#"["destroy-key", "create-escrow"]"#, "2")).unwrap();
    let demand = Some(Demand { approvals: 2, expires: DAY });
    assert_eq!(policy.demand(Action::DestroyKey, Floor::None), demand);
    assert_eq!(policy.demand(Action::CreateEscrow, Floor::None), demand);
    assert_eq!(policy.demand(Action::GrantRole, Floor::None), None);
    assert_eq!((policy.approval_count(), policy.strength(Floor::None)), (2, 2));
    let hour = format!("{}expires = \"1h\"\n", row(r#"["grant-role"]"#, "16"));
    let demand = Some(Demand { approvals: 16, expires: 3600 });
    assert_eq!(Policy::parse(&hour).unwrap().demand(Action::GrantRole, Floor::None), demand);
}

/// openbao#3666: a control group with no or zero approvals let everybody pass.
#[test]
fn zero_and_absent_numbers_of_approvals_are_refused_when_the_policy_is_read() {
    for number in ["0", "17", "256", "-1", "9223372036854775807"] {
        let text = row(r#"["destroy-key"]"#, number);
        assert_eq!(fault(&text), ("POLICY_CONTRADICTION", 5, 13), "{number}");
    }
    for number in ["1.5", "\"2\"", "true", "[2]", "9223372036854775808"] {
        assert_eq!(fault(&row(r#"["destroy-key"]"#, number)).0, "POLICY_SYNTAX", "{number}");
    }
    let absent = format!("{HEAD}[[approval]]\noperations = [\"destroy-key\"]\n");
    assert_eq!(fault(&absent).0, "POLICY_SYNTAX");
}

#[test]
fn rows_that_select_nothing_or_twice_are_refused_where_they_stand() {
    assert_eq!(fault(&row("[]", "2")), ("POLICY_EMPTY", 4, 14));
    for unknown in ["*", "decrypt", "change-keys", "destroy_key", ""] {
        assert_eq!(fault(&row(&format!("[{unknown:?}]"), "2")), ("POLICY_UNKNOWN_NAME", 4, 15));
    }
    let twice = format!(
        "{}[[approval]]\noperations = [\"destroy-key\"]\napprovals = 3\n",
        row(r#"["destroy-key"]"#, "2")
    );
    assert_eq!(fault(&twice), ("POLICY_DUPLICATE", 7, 15));
    assert_eq!(fault(&row(r#"["destroy-key", "destroy-key"]"#, "2")).0, "POLICY_DUPLICATE");
    let with = |more: &str| format!("{}{more}\n", row(r#"["destroy-key"]"#, "2"));
    assert_eq!(fault(&with("expires = \"31d\"")), ("POLICY_CONTRADICTION", 6, 11));
    assert_eq!(fault(&with("expires = \"0h\"")).0, "POLICY_SYNTAX");
    assert_eq!(fault(&with("self_approval = true")).0, "POLICY_SYNTAX");
}

#[test]
fn production_asks_for_two_before_a_key_is_destroyed_whatever_a_policy_says() {
    let one = Policy::parse(&row(r#"["destroy-key"]"#, "1")).unwrap();
    let three = Policy::parse(&row(r#"["destroy-key"]"#, "3")).unwrap();
    for (policy, laptop, production) in
        [(Policy::built_in(), None, 2), (one, Some(1), 2), (three, Some(3), 3)]
    {
        let approvals = |floor| policy.demand(Action::DestroyKey, floor).map(|d| d.approvals);
        assert_eq!(approvals(Floor::None), laptop);
        assert_eq!(approvals(Floor::Production), Some(production));
        for action in Action::ALL.into_iter().filter(|a| *a != Action::DestroyKey) {
            assert_eq!(policy.demand(action, Floor::Production), None);
        }
    }
}

#[test]
fn what_weakens_needs_what_the_strongest_row_asks_for() {
    let text = format!("{}expires = \"2h\"\n", row(r#"["destroy-key"]"#, "3"));
    let policy = Policy::parse(&text).unwrap();
    let demand = |action, weakens| policy.demand_of(action, Floor::None, weakens);
    assert_eq!(demand(Action::GrantRole, Weakening::No), None);
    let strongest = Some(Demand { approvals: 3, expires: 7200 });
    assert_eq!(demand(Action::GrantRole, Weakening::Yes), strongest);
    assert_eq!(demand(Action::SetPolicy, Weakening::Yes), strongest);
    let nothing = Policy::built_in();
    assert_eq!(nothing.demand_of(Action::GrantRole, Floor::None, Weakening::Yes), None);
    let floor = nothing.demand_of(Action::GrantRole, Floor::Production, Weakening::Yes);
    assert_eq!(floor.map(|demand| demand.approvals), Some(2));
}

#[test]
fn where_nobody_is_asked_the_proof_is_of_this_very_act() {
    let (ours, other) = (act("destroy-key"), act("grant-role"));
    let policy = Policy::built_in();
    let asked = policy.requirement::<DestroyKey>(Floor::None, Weakening::No, &ours);
    let Requirement::Nobody(approved) = asked else { panic!("somebody is asked") };
    assert_eq!((approved.request(), approved.is_for(&ours)), (None, true));
    assert!(!approved.is_for(&other));
    let asked = policy.requirement::<DestroyKey>(Floor::Production, Weakening::No, &ours);
    assert!(matches!(asked, Requirement::People(Demand { approvals: 2, .. })));
    let asked = policy.requirement::<GrantRole>(Floor::Production, Weakening::No, &other);
    assert!(matches!(asked, Requirement::Nobody(_)));
}

#[test]
fn actions_have_one_name() {
    for action in Action::ALL {
        assert_eq!(Action::from_name(action.name()), Some(action));
    }
    assert_eq!(Action::from_name("restore-everything"), None);
}

type Table = BTreeMap<&'static str, (u8, u64)>;

fn table() -> impl Strategy<Value = Table> {
    btree_map(select(Action::ALL.map(Action::name).to_vec()), (1..=16u8, 1..=30u64), 0..6)
}

fn policy(table: &Table) -> Policy {
    let mut text = HEAD.to_owned();
    for (operation, (approvals, days)) in table {
        let row = format!("operations = [\"{operation}\"]\napprovals = {approvals}\n");
        write!(text, "[[approval]]\n{row}expires = \"{days}d\"\n").unwrap();
    }
    Policy::parse(&text).unwrap()
}

fn floor() -> impl Strategy<Value = Floor> {
    select(vec![Floor::None, Floor::Production])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_policy_weakens_another_if_an_action_needs_less(now in table(), next in table(), floor in floor()) {
        let least = |action: &str| if floor == Floor::Production && action == "destroy-key" { 2 } else { 0 };
        let demand = |table: &Table, action: &'static str| {
            let (approvals, days) = table.get(action).copied().unwrap_or((0, 1));
            (approvals.max(least(action)), days)
        };
        let weaker = Action::ALL.map(Action::name).into_iter().any(|action| {
            let ((needs, days), (then, longer)) = (demand(&now, action), demand(&next, action));
            needs > 0 && (then < needs || longer > days)
        });
        prop_assert_eq!(policy(&now).is_weakened_by(&policy(&next), floor), weaker);
    }

    /// What cannot be done in one step without approvals cannot be done in several either.
    #[test]
    fn small_steps_weaken_what_a_large_one_does(a in table(), b in table(), c in table(), floor in floor()) {
        let (a, b, c) = (policy(&a), policy(&b), policy(&c));
        if a.is_weakened_by(&c, floor) {
            prop_assert!(a.is_weakened_by(&b, floor) || b.is_weakened_by(&c, floor));
        }
        prop_assert!(!a.is_weakened_by(&a, floor));
    }

    #[test]
    fn a_floor_never_asks_for_less(table in table()) {
        let policy = policy(&table);
        for action in Action::ALL {
            let needs = |floor| policy.demand(action, floor).map_or(0, |demand| demand.approvals);
            prop_assert!(needs(Floor::Production) >= needs(Floor::None));
        }
    }
}

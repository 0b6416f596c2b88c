//! Everything that can be put under dual control, done once it was approved.

use super::{Ward, create, table, ward_in};
use crate::subjects::{JANE, hold, of, release};
use crate::support::{code, encrypt, fixture, scope};
use medseal_engine::escrow::Custodian;
use medseal_engine::principals::Kind;
use medseal_engine::{Engine, EngineError};
use pollster::block_on;
use zeroize::Zeroizing;

/// Nothing happens before one person approved, it happens then, and not again.
fn needs_one_approval<T>(ward: &Ward, act: impl Fn() -> Result<T, EngineError>) -> T {
    assert_eq!(code(act()), "APPROVAL_REQUIRED");
    let id = ward.open_request();
    ward.approve(1, &id).unwrap();
    let done = act().unwrap();
    assert_eq!(ward.state(&id), "executed");
    done
}

fn custodians(names: [&str; 2]) -> Vec<Custodian> {
    let custodian = |name: &str| Custodian {
        name: name.to_owned(),
        passphrase: Zeroizing::new(format!("a passphrase of {name}").into_bytes()),
    };
    names.map(custodian).into()
}

#[test]
fn an_escrow_is_made_once_for_the_custodians_that_were_named() {
    let ward = ward_in(fixture(), &table(r#"["create-escrow"]"#, 1));
    let engine = &ward.f.engine;
    let make = |names| block_on(engine.create_escrow(2, &custodians(names), Some("yearly")));
    let shares = needs_one_approval(&ward, || make(["ann", "bob"]));
    assert_eq!(shares.len(), 2);
    assert_eq!(code(make(["ann", "bob"])), "APPROVAL_REQUIRED", "used up");
    assert_eq!(code(make(["ann", "eve"])), "APPROVAL_REQUIRED", "others than were named");
}

/// Two processes that find one approved request make one escrow.
#[test]
fn of_two_that_carry_it_out_at_once_one_does() {
    let ward = ward_in(fixture(), &table(r#"["create-escrow"]"#, 1));
    let make = |engine: &Engine| {
        code(block_on(engine.create_escrow(2, &custodians(["ann", "bob"]), None)))
    };
    assert_eq!(make(&ward.f.engine), "APPROVAL_REQUIRED");
    ward.approve(0, &ward.open_request()).unwrap();
    let barrier = std::sync::Barrier::new(4);
    let answers: Vec<&str> = std::thread::scope(|scope| {
        let one = || {
            let engine = super::open_on(&ward.f, <_>::default()).unwrap();
            barrier.wait();
            make(&engine)
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let done = answers.iter().filter(|answer| **answer == "OK").count();
    assert_eq!(done, 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| **answer == "APPROVAL_REQUIRED").count(), 3);
}

#[test]
fn a_role_that_governs_is_granted_once_to_whom_it_was_asked_for() {
    let ward = ward_in(fixture(), &table(r#"["grant-role"]"#, 1));
    create(&ward.f, "dora", Kind::Person, &["auditor", "nurse"]);
    let engine = &ward.f.engine;
    for role in ["admin", "custodian", "approver"] {
        needs_one_approval(&ward, || block_on(engine.grant_role("dora", role)));
        block_on(engine.revoke_role("dora", role)).unwrap();
        assert_eq!(code(block_on(engine.grant_role("dora", role))), "APPROVAL_REQUIRED");
        block_on(engine.withdraw_request(&ward.open_request())).unwrap();
    }
    // an approver has no say in a role of its own
    assert_eq!(code(block_on(engine.grant_role("ann", "admin"))), "APPROVAL_REQUIRED");
    assert_eq!(code(ward.approve(0, &ward.open_request())), "APPROVER_REFUSED");
}

#[test]
fn a_policy_is_set_once_as_it_was_shown() {
    let ward = ward_in(fixture(), &table(r#"["set-policy"]"#, 1));
    let engine = &ward.f.engine;
    let policy = |more: &str| {
        format!(
            "{}{}{}{more}",
            crate::principals::CLINIC,
            super::RULES,
            table(r#"["set-policy"]"#, 1)
        )
    };
    let set = |text: String| block_on(engine.set_policy(&text));
    needs_one_approval(&ward, || set(policy("# a\n")));
    assert_eq!(code(set(policy("# b\n"))), "APPROVAL_REQUIRED");
    let id = ward.open_request();
    ward.approve(0, &id).unwrap();
    let named = ward.naming(&id);
    assert_eq!(code(block_on(named.set_policy(&policy("# c\n")))), "APPROVAL_VOID");
    assert!(block_on(named.set_policy(&policy("# b\n"))).is_ok());
}

#[test]
fn an_approvers_key_is_registered_once() {
    let ward = ward_in(fixture(), &table(r#"["register-approver"]"#, 1));
    let engine = &ward.f.engine;
    let dora = super::Person {
        name: "dora",
        ..{
            let token = create(&ward.f, "dora", Kind::Person, &["auditor"]);
            let own = super::open_on(&ward.f, super::showing(&token)).unwrap();
            let made = block_on(own.create_approver_key(&super::passphrase("dora"))).unwrap();
            super::Person { name: "", token, key: made.0, vkeys: made.1.to_vkeys() }
        }
    };
    needs_one_approval(&ward, || block_on(engine.register_approver("dora", &dora.vkeys, None)));
}

#[test]
fn a_subject_is_erased_once_and_a_hold_beats_every_approval() {
    let ward = ward_in(fixture(), &table(r#"["erase-subject"]"#, 1));
    let engine = &ward.f.engine;
    let subject = JANE;
    let scope = scope("patients", "last_name");
    encrypt(engine, &of(&scope, subject), "Doe");
    let erase = || block_on(engine.erase_subject(subject, "asked for it"));
    assert_eq!(code(erase()), "APPROVAL_REQUIRED");
    let id = ward.open_request();
    let shown = block_on(engine.show_approval(&id)).unwrap();
    assert!(!format!("{shown:?}").contains("jane"), "the request names nobody");
    ward.approve(0, &id).unwrap();
    assert_eq!(hold(engine, subject, "case-1"), "OK");
    assert_eq!(code(erase()), "SUBJECT_HELD");
    assert_eq!(release(engine, subject, "case-1"), "OK");
    assert!(erase().is_ok());
    assert_eq!(ward.state(&id), "executed");
    let erasure = ward.entries().into_iter().find(|e| e.operation == "erase-subject").unwrap();
    assert_eq!(erasure.approval, Some(id));
}

//! Ways in which dual control failed elsewhere (openbao#3666, #3841) or would fail here, each by name.

use super::{
    RULES, create, destroy, open_on, passphrase, person, production, showing, table, ward, ward_in,
};
use crate::principals::CLINIC;
use crate::support::{code, fixture, with};
use medseal_engine::approvals::Verdict;
use medseal_engine::principals::{Kind, NewPrincipal};
use medseal_engine::{Environment, Options};
use pollster::block_on;
use rusqlite::Connection;

/// A control group with no approvals let everybody pass.
#[test]
fn a_policy_that_asks_for_nobody_is_refused() {
    let f = fixture();
    for number in ["0", "-1"] {
        let text = format!(
            "{CLINIC}\n[[approval]]\noperations = [\"destroy-key\"]\napprovals = {number}\n"
        );
        assert_eq!(code(block_on(f.engine.set_policy(&text))), "POLICY_CONTRADICTION");
    }
}

#[test]
fn production_without_approvers_destroys_nothing() {
    let f = with(Environment::Production, Options::default());
    block_on(f.engine.rotate_key("default", "default", None, None)).unwrap();
    assert_eq!(code(destroy(&f.engine)), "APPROVERS_TOO_FEW");
    assert!(block_on(f.engine.list_approvals(true)).unwrap().is_empty());
    // what cannot be done is not asked for
    assert_eq!(
        code(block_on(f.engine.destroy_key("default", "default", 2, 0, None))),
        "KEY_IS_PRIMARY"
    );
}

/// A group of the same name in another namespace could approve.
#[test]
fn an_approver_of_another_tenant_is_not_asked() {
    let f = fixture();
    block_on(f.engine.set_policy(&format!("{CLINIC}{RULES}"))).unwrap();
    for (name, tenant) in [("north", Some("north")), ("own", Some("default")), ("all", None)] {
        let new = NewPrincipal { name, kind: Kind::Person, tenant, os_user: None };
        block_on(f.engine.create_principal(&new, None)).unwrap();
        block_on(f.engine.grant_role(name, "approver")).unwrap();
        let token = block_on(f.engine.create_token(name, 1000)).unwrap().text.to_string();
        let own = open_on(&f, showing(&token)).unwrap();
        let (_, keys) = block_on(own.create_approver_key(&passphrase(name))).unwrap();
        block_on(f.engine.register_approver(name, &keys.to_vkeys(), None)).unwrap();
    }
    let policy = format!("{CLINIC}{RULES}{}", table(r#"["destroy-key"]"#, 1));
    block_on(f.engine.set_policy(&policy)).unwrap();
    block_on(f.engine.rotate_key("default", "default", None, None)).unwrap();
    assert_eq!(code(destroy(&f.engine)), "APPROVAL_REQUIRED");
    let listed = block_on(f.engine.list_approvals(false)).unwrap();
    let shown = block_on(f.engine.show_approval(&listed[0].id)).unwrap();
    let mut names: Vec<&str> = shown.eligible.iter().map(|who| who.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["all", "own"]);
}

#[test]
fn services_and_the_owner_have_no_key_of_an_approver() {
    let f = fixture();
    block_on(f.engine.set_policy(&format!("{CLINIC}{RULES}"))).unwrap();
    let token = create(&f, "bot", Kind::Service, &["approver"]);
    let bot = open_on(&f, showing(&token)).unwrap();
    for engine in [&bot, &f.engine] {
        let made = block_on(engine.create_approver_key(&passphrase("bot")));
        assert_eq!(code(made), "APPROVER_REFUSED");
    }
    let ann = person(&f, "ann");
    let own = open_on(&f, showing(&ann.token)).unwrap();
    let short = block_on(own.create_approver_key(&zeroize::Zeroizing::new(b"short".to_vec())));
    assert_eq!(code(short), "PASSPHRASE_TOO_SHORT");
    assert_eq!(
        code(block_on(f.engine.register_approver("bot", &ann.vkeys, None))),
        "APPROVER_KEY_MALFORMED"
    );
    assert_eq!(
        code(block_on(f.engine.register_approver("ann", "x", None))),
        "APPROVER_KEY_MALFORMED"
    );
    assert_eq!(
        code(block_on(f.engine.register_approver("eve", &ann.vkeys, None))),
        "PRINCIPAL_NOT_FOUND"
    );
    block_on(f.engine.disable_principal("ann", None)).unwrap();
    assert_eq!(
        code(block_on(f.engine.register_approver("ann", &ann.vkeys, None))),
        "PRINCIPAL_DISABLED"
    );
}

#[test]
fn an_approver_who_was_removed_after_approving_does_not_count() {
    for remove in [true, false] {
        let ward = ward();
        assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
        let id = ward.open_request();
        ward.approve(0, &id).unwrap();
        ward.approve(1, &id).unwrap();
        match remove {
            true => block_on(ward.f.engine.disable_principal("bob", None)).unwrap(),
            false => block_on(ward.f.engine.revoke_role("bob", "approver")).unwrap(),
        }
        assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
        ward.approve(2, &id).unwrap();
        assert!(ward.destroy().is_ok());
    }
}

#[test]
fn an_approver_who_denied_and_was_removed_still_denied() {
    let ward = ward();
    assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
    let id = ward.open_request();
    ward.approve(0, &id).unwrap();
    ward.approve(1, &id).unwrap();
    ward.say(2, &id, Verdict::Deny).unwrap();
    block_on(ward.f.engine.disable_principal("cy", None)).unwrap();
    assert_eq!(code(ward.destroy()), "APPROVAL_DENIED");
}

/// Whoever has a quorum cannot be outvoted by new approvers, and whoever is alone can begin.
#[test]
fn a_new_approver_needs_the_approval_of_those_there_are() {
    let ward = production();
    let cy = &ward.people[2];
    let register = || block_on(ward.f.engine.register_approver("cy", &cy.vkeys, None));
    assert_eq!(code(register()), "APPROVAL_REQUIRED");
    let id = ward.open_request();
    assert_eq!(code(ward.approve(2, &id)), "APPROVER_REFUSED", "nobody lets themselves in");
    ward.approve(0, &id).unwrap();
    assert_eq!(code(register()), "APPROVAL_REQUIRED");
    ward.approve(1, &id).unwrap();
    register().unwrap();
    assert_eq!(ward.state(&id), "executed");
    // the role alone, too, and another key for those who are in
    let new = NewPrincipal { name: "dora", kind: Kind::Person, tenant: None, os_user: None };
    block_on(ward.f.engine.create_principal(&new, None)).unwrap();
    assert_eq!(code(block_on(ward.f.engine.grant_role("dora", "approver"))), "APPROVAL_REQUIRED");
    block_on(ward.f.engine.grant_role("dora", "auditor")).unwrap();
    let ann = open_on(&ward.f, showing(&ward.people[0].token)).unwrap();
    let (_, keys) = block_on(ann.create_approver_key(&passphrase("ann"))).unwrap();
    let another = block_on(ward.f.engine.register_approver("ann", &keys.to_vkeys(), None));
    assert_eq!(code(another), "APPROVAL_REQUIRED");
}

/// Approvers are not disabled one by one until the first of them could begin again.
#[test]
fn removing_approvers_does_not_begin_again() {
    let ward = production();
    for name in ["ann", "bob"] {
        block_on(ward.f.engine.disable_principal(name, None)).unwrap();
    }
    let cy = &ward.people[2];
    let register = block_on(ward.f.engine.register_approver("cy", &cy.vkeys, None));
    assert_eq!(code(register), "APPROVERS_TOO_FEW");
    assert_eq!(code(block_on(ward.f.engine.grant_role("ann", "approver"))), "APPROVERS_TOO_FEW");
}

/// Nor by a table that asks for more than there are keys, as if there were no quorum yet.
#[test]
fn a_table_does_not_grow_past_the_approvers_there_are() {
    let ward = ward();
    for name in ["bob", "cy"] {
        block_on(ward.f.engine.disable_principal(name, None)).unwrap();
    }
    let with = |rows: &str| block_on(ward.f.engine.set_policy(&format!("{CLINIC}{RULES}{rows}")));
    assert_eq!(code(with(&table(r#"["destroy-key"]"#, 4))), "APPROVERS_TOO_FEW");
    let new = NewPrincipal { name: "puppet", kind: Kind::Person, tenant: None, os_user: None };
    block_on(ward.f.engine.create_principal(&new, None)).unwrap();
    assert_eq!(code(block_on(ward.f.engine.grant_role("puppet", "approver"))), "APPROVERS_TOO_FEW");
    // other rules can still be changed, though too few are left
    with(&format!("{}\n# the same table\n", table(r#"["destroy-key"]"#, 2))).unwrap();
    let checks = block_on(ward.f.engine.examine(&ward.f.home));
    let check = checks.iter().find(|c| c.name == "people who can approve").unwrap();
    assert_eq!(check.detail.as_deref(), Some("destroy-key needs 2, and 1 could approve it"));
}

/// openbao#3814: whoever was an approver by way of something else was not recognised.
#[test]
fn an_approver_with_further_roles_is_recognised() {
    let ward = ward();
    for role in ["auditor", "nurse", "operator", "admin"] {
        block_on(ward.f.engine.grant_role("ann", role)).unwrap();
    }
    assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
    let id = ward.open_request();
    assert_eq!(ward.approve(0, &id).unwrap().given.given, 1);
}

#[test]
fn a_policy_that_weakens_the_table_needs_the_approvals_of_the_table() {
    let ward = ward();
    let with = |table: &str| block_on(ward.f.engine.set_policy(&format!("{CLINIC}{RULES}{table}")));
    let row = r#"["destroy-key"]"#;
    for weaker in [
        String::new(),
        table(row, 1),
        table(row, 2).replace("2h", "3h"),
        table(r#"["erase-subject"]"#, 3),
    ] {
        assert_eq!(code(with(&weaker)), "APPROVAL_REQUIRED", "{weaker}");
        let id = ward.open_request();
        block_on(ward.f.engine.withdraw_request(&id)).unwrap();
    }
    with(&table(r#"["destroy-key", "erase-subject"]"#, 2)).unwrap();
    with(&table(r#"["destroy-key", "erase-subject"]"#, 3)).unwrap();
    // more than there are could never be taken back
    assert_eq!(code(with(&table(row, 4))), "APPROVERS_TOO_FEW");
    let unruled = format!("{CLINIC}{}", table(r#"["destroy-key", "erase-subject"]"#, 3));
    assert_eq!(code(block_on(ward.f.engine.set_policy(&unruled))), "APPROVERS_TOO_FEW");
    // three are needed by now, and then it is done once
    assert_eq!(code(with("")), "APPROVAL_REQUIRED");
    let id = ward.open_request();
    for at in 0..3 {
        assert_eq!(code(with("")), "APPROVAL_REQUIRED", "{at}");
        ward.approve(at, &id).unwrap();
    }
    let shown = block_on(ward.f.engine.show_approval(&id)).unwrap();
    assert!(
        shown.changes[0].from.contains("approvals = 3")
            && !shown.changes[0].to.contains("[[approval]]")
    );
    assert_eq!(with("").unwrap().checked.approvals, 0);
    assert!(ward.destroy().is_ok(), "nobody is asked any more");
}

#[test]
fn a_table_that_grew_asks_for_more_of_requests_that_were_made_before() {
    let ward = ward();
    assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
    let id = ward.open_request();
    ward.approve(0, &id).unwrap();
    ward.approve(1, &id).unwrap();
    let three = format!("{CLINIC}{RULES}{}", table(r#"["destroy-key"]"#, 3));
    block_on(ward.f.engine.set_policy(&three)).unwrap();
    assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
    ward.approve(2, &id).unwrap();
    assert!(ward.destroy().is_ok());
}

#[test]
fn rows_that_were_edited_deleted_or_moved_are_refused() {
    type Edit = (&'static str, &'static str);
    const EDITS: [Edit; 6] = [
        ("UPDATE approval_requests SET state = 'open'", "STORE_ROW_REJECTED"),
        (
            "UPDATE approvals SET principal_id = 'ffffffffffffffff' WHERE principal_id = (SELECT min(principal_id) FROM approvals)",
            "STORE_ROW_REJECTED",
        ),
        (
            "UPDATE approver_keys SET vkeys = (SELECT max(vkeys) FROM approver_keys)",
            "STORE_ROW_REJECTED",
        ),
        ("DELETE FROM approvals", "STORE_ROLLED_BACK"),
        ("DELETE FROM approval_requests", "STORE_ROLLED_BACK"),
        ("UPDATE approval_requests SET request = x'00'", "STORE_ROW_REJECTED"),
    ];
    for (sql, expected) in EDITS {
        let ward = ward_in(fixture(), &table(r#"["destroy-key"]"#, 2));
        assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
        let id = ward.open_request();
        ward.approve(0, &id).unwrap();
        ward.approve(1, &id).unwrap();
        if sql.contains("state = 'open'") {
            ward.destroy().unwrap();
            block_on(ward.f.engine.resume_key("default", "default", 1, None)).unwrap();
        }
        let store = Connection::open(ward.f.home.path().join("store.sqlite")).unwrap();
        assert!(store.execute(sql, []).unwrap() > 0, "{sql}");
        assert_eq!(code(ward.destroy()), expected, "{sql}");
    }
}

/// What was carried out is not carried out again because an old row was put back.
#[test]
fn an_older_row_of_a_request_that_was_put_back_is_refused() {
    let ward = ward();
    assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
    let id = ward.open_request();
    ward.approve(0, &id).unwrap();
    ward.approve(1, &id).unwrap();
    let path = ward.f.home.path().join("store.sqlite");
    let store = Connection::open(path).unwrap();
    store.execute_batch("CREATE TEMP TABLE kept AS SELECT * FROM approval_requests").unwrap();
    ward.destroy().unwrap();
    block_on(ward.f.engine.resume_key("default", "default", 1, None)).unwrap();
    store
        .execute_batch(
            "DELETE FROM approval_requests; INSERT INTO approval_requests SELECT * FROM kept",
        )
        .unwrap();
    assert_eq!(code(ward.destroy()), "STORE_ROLLED_BACK");
}

/// An emergency is for reading values; it makes no request and gives no verdict.
#[test]
fn an_emergency_neither_asks_nor_approves() {
    let glass = "\n[break_glass]\nroles = [\"approver\", \"operator\"]\noperations = [\"decrypt\"]\nduration = \"1h\"\n";
    let ward = ward_in(fixture(), &format!("{}{glass}", table(r#"["destroy-key"]"#, 2)));
    let olga = create(&ward.f, "olga", Kind::Person, &["operator"]);
    let broken = |token: &str| {
        let break_glass = Some("no relatives".to_owned());
        open_on(&ward.f, medseal_engine::principals::Occasion { break_glass, ..showing(token) })
            .unwrap()
    };
    assert_eq!(code(destroy(&broken(&olga))), "APPROVAL_OWN_NAME");
    assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
    let id = ward.open_request();
    let ann = &ward.people[0];
    let key = (&ann.key, &passphrase("ann"));
    let given = block_on(broken(&ann.token).give_verdict(&id, Verdict::Approve, key, None));
    assert_eq!(code(given), "APPROVAL_OWN_NAME");
    assert_eq!(ward.state(&id), "open");
}

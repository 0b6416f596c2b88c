//! Asking, approving, carrying out: each accepted step beside those that are refused.

use super::{Ward, create, destroy, open_on, passphrase, person, production, showing, ward};
use crate::support::{START, code, fixture};
use medseal_engine::Engine;
use medseal_engine::approvals::{ApproverKeyFile, Verdict};
use medseal_engine::keys::Destroyed;
use medseal_engine::ledger::EntryFilter;
use medseal_engine::principals::{Kind, Occasion};
use pollster::block_on;

#[test]
fn a_key_is_destroyed_once_when_two_people_approved() {
    for ward in [ward(), production()] {
        assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
        let id = ward.open_request();
        assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
        assert_eq!(ward.open_request(), id, "asked a second time, it is the same request");
        assert_eq!(ward.approve(0, &id).unwrap().given.given, 1);
        assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
        assert_eq!(ward.state(&id), "open");
        assert_eq!(ward.approve(1, &id).unwrap().given.given, 2);
        assert_eq!(ward.state(&id), "approved");
        assert_eq!(ward.destroy().unwrap(), Destroyed::Scheduled(START + 60));
        assert_eq!(ward.state(&id), "executed");
        // the end of the waiting period was approved with its beginning
        ward.f.clock.advance(61);
        assert_eq!(ward.destroy().unwrap(), Destroyed::Gone);
        let shown = block_on(ward.f.engine.show_key("default", "default")).unwrap();
        assert_eq!(shown.versions[0].state, "destroyed");
    }
}

#[test]
fn the_log_connects_request_verdicts_and_what_was_done() {
    let ward = ward();
    assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
    let id = ward.open_request();
    ward.approve(0, &id).unwrap();
    ward.approve(2, &id).unwrap();
    ward.destroy().unwrap();
    let about: Vec<(String, String)> = ward
        .entries_of(&EntryFilter { request: Some(id.clone()), ..EntryFilter::default() })
        .into_iter()
        .map(|entry| (entry.operation, entry.principal.unwrap()))
        .collect();
    let owner = ward.entries()[1].principal.clone().unwrap();
    let of = |operation: &str, who: &str| (operation.to_owned(), who.to_owned());
    let expected = [
        of("request-approval", &owner),
        of("approve", "ann"),
        of("approve", "cy"),
        of("change-keys", &owner),
    ];
    assert_eq!(about, expected);
    // a request says why, also where the command has no reason of its own
    let (on_behalf_of, reason) = (None, Some("the yearly review".to_owned()));
    let owner = open_on(&ward.f, Occasion { on_behalf_of, reason, ..Occasion::default() }).unwrap();
    assert_eq!(code(block_on(owner.grant_role("olga", "approver"))), "PRINCIPAL_NOT_FOUND");
    create(&ward.f, "olga", Kind::Person, &[]);
    assert_eq!(code(block_on(owner.grant_role("olga", "approver"))), "APPROVAL_REQUIRED");
    let shown = block_on(owner.show_approval(&ward.open_request())).unwrap();
    assert_eq!(shown.summary.reason.as_deref(), Some("the yearly review"));
}

#[test]
fn a_request_shows_what_will_happen_and_who_said_what() {
    let ward = ward();
    assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
    let id = ward.open_request();
    ward.approve(1, &id).unwrap();
    let shown = block_on(ward.f.engine.show_approval(&id)).unwrap();
    assert_eq!(shown.summary.operation, "destroy-key");
    assert_eq!(shown.summary.reason.as_deref(), Some("retention is over"));
    assert_eq!((shown.summary.needed, shown.summary.given), (2, 1));
    assert_eq!(shown.parameters["key"], "default@1");
    assert_eq!(shown.parameters["waiting-seconds"], "60");
    let change = &shown.changes[0];
    let change = (change.what.as_str(), change.from.as_str(), change.to.as_str());
    assert_eq!(change, ("default/default@1", "deactivated", "destroy-pending"));
    let mut names: Vec<&str> = shown.eligible.iter().map(|who| who.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["ann", "bob", "cy"]);
    assert_eq!((shown.verdicts[0].name.as_str(), shown.verdicts[0].verdict), ("bob", "approve"));
    assert_eq!(code(block_on(ward.f.engine.show_approval("00"))), "APPROVAL_NOT_FOUND");
}

#[test]
fn a_denial_ends_it_and_whoever_asked_can_ask_again() {
    let ward = ward();
    assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
    let id = ward.open_request();
    ward.approve(0, &id).unwrap();
    ward.approve(1, &id).unwrap();
    ward.say(2, &id, Verdict::Deny).unwrap();
    assert_eq!(code(ward.destroy()), "APPROVAL_DENIED");
    assert_eq!(ward.state(&id), "denied");
    assert_eq!(code(ward.approve(2, &id)), "APPROVAL_GIVEN", "a denial stays");
    // one that approved can think again
    ward.say(0, &id, Verdict::Deny).unwrap();
    assert_eq!(code(ward.approve(0, &id)), "APPROVAL_GIVEN");
    block_on(ward.f.engine.withdraw_request(&id)).unwrap();
    assert_eq!(ward.state(&id), "withdrawn");
    assert_eq!(code(ward.approve(1, &id)), "APPROVAL_VOID");
    assert_eq!(code(block_on(ward.f.engine.withdraw_request(&id))), "APPROVAL_VOID");
    assert_eq!(code(destroy(&ward.naming(&id))), "APPROVAL_VOID");
    assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
    assert_ne!(ward.open_request(), id);
}

#[test]
fn an_expired_request_is_neither_approved_nor_carried_out() {
    let ward = ward();
    assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
    let id = ward.open_request();
    ward.approve(0, &id).unwrap();
    ward.f.clock.advance(7199);
    ward.approve(1, &id).unwrap();
    ward.f.clock.advance(1);
    assert_eq!(ward.state(&id), "expired");
    assert_eq!(code(destroy(&ward.naming(&id))), "APPROVAL_VOID");
    assert_eq!(code(ward.approve(2, &id)), "APPROVAL_VOID");
    assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED", "it is asked for anew");
    assert_ne!(ward.open_request(), id);
}

#[test]
fn a_request_is_carried_out_as_it_was_asked_for_or_not_at_all() {
    let ward = ward();
    assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
    let id = ward.open_request();
    ward.approve(0, &id).unwrap();
    ward.approve(1, &id).unwrap();
    let named = ward.naming(&id);
    let other =
        |number, wait| code(block_on(named.destroy_key("default", "default", number, wait, None)));
    assert_eq!(other(1, 0), "APPROVAL_VOID", "another waiting period");
    block_on(ward.f.engine.rotate_key("default", "default", None, None)).unwrap();
    assert_eq!(other(2, 60), "APPROVAL_VOID", "another version");
    // what it would change is not what it was
    block_on(ward.f.engine.suspend_key("default", "default", 1, None)).unwrap();
    let refused = destroy(&named);
    assert!(refused.as_ref().is_err_and(|e| e.to_string().contains("has changed since")));
    assert_eq!(code(refused), "APPROVAL_VOID");
    block_on(ward.f.engine.resume_key("default", "default", 1, None)).unwrap();
    assert_eq!(destroy(&named).unwrap(), Destroyed::Scheduled(START + 60));
    // a second time it is void, whoever names it
    block_on(ward.f.engine.resume_key("default", "default", 1, None)).unwrap();
    assert_eq!(code(destroy(&named)), "APPROVAL_VOID");
    assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
}

#[test]
fn a_period_that_began_without_approvals_needs_them_at_its_end() {
    let f = fixture();
    let engine = &f.engine;
    block_on(engine.rotate_key("default", "default", None, None)).unwrap();
    assert_eq!(destroy(engine).unwrap(), Destroyed::Scheduled(START + 60));
    let ward = super::ward_in(f, &super::table(r#"["destroy-key"]"#, 1));
    ward.f.clock.advance(61);
    assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
    let id = ward.open_request();
    ward.approve(2, &id).unwrap();
    assert_eq!(ward.destroy().unwrap(), Destroyed::Gone);
}

/// A principal that may change keys and ask.
fn operator(ward: &Ward) -> Engine {
    let token = create(&ward.f, "olga", Kind::Person, &["operator"]);
    open_on(&ward.f, showing(&token)).unwrap()
}

#[test]
fn whoever_asked_carries_it_out_and_takes_it_back() {
    let ward = ward();
    let olga = operator(&ward);
    assert_eq!(code(destroy(&olga)), "APPROVAL_REQUIRED");
    let id = ward.open_request();
    ward.approve(0, &id).unwrap();
    ward.approve(1, &id).unwrap();
    assert_eq!(code(destroy(&ward.naming(&id))), "APPROVAL_VOID", "the owner did not ask");
    assert_eq!(code(block_on(ward.f.engine.withdraw_request(&id))), "APPROVER_REFUSED");
    assert_eq!(destroy(&olga).unwrap(), Destroyed::Scheduled(START + 60));
}

#[test]
fn nobody_asks_for_what_they_may_not_do() {
    let ward = ward();
    let (ann, entries) = (&ward.people[0], ward.entries().len());
    let engine = open_on(&ward.f, showing(&ann.token)).unwrap();
    assert_eq!(code(destroy(&engine)), "DENIED");
    let last = ward.entries().pop().unwrap();
    assert_eq!((last.operation.as_str(), last.outcome), ("change-keys", Some("denied")));
    assert!(ward.entries().len() > entries);
    assert!(block_on(ward.f.engine.list_approvals(true)).unwrap().is_empty());
    // and nobody approves to whom no rule allows it
    let olga = operator(&ward);
    assert_eq!(code(destroy(&olga)), "APPROVAL_REQUIRED");
    let id = ward.open_request();
    assert_eq!(code(block_on(olga.list_approvals(true))), "DENIED");
    let own = (&ann.key, &passphrase("ann"));
    let by_olga = block_on(olga.give_verdict(&id, Verdict::Approve, own, None));
    assert_eq!(code(by_olga), "APPROVER_REFUSED");
}

#[test]
fn a_verdict_needs_the_own_token_and_the_own_key_together() {
    let ward = ward();
    assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
    let id = ward.open_request();
    let give = |engine: &Engine, key: &ApproverKeyFile, pass: &str| {
        code(block_on(engine.give_verdict(&id, Verdict::Approve, (key, &passphrase(pass)), None)))
    };
    let [ann, bob, _] = ward.people.as_slice() else { panic!() };
    let as_ann = open_on(&ward.f, showing(&ann.token)).unwrap();
    assert_eq!(give(&as_ann, &bob.key, "bob"), "APPROVER_REFUSED", "another's key");
    assert_eq!(
        give(&ward.f.engine, &ann.key, "ann"),
        "APPROVER_REFUSED",
        "the owner with ann's key"
    );
    assert_eq!(give(&as_ann, &ann.key, "bob"), "APPROVER_KEY_REJECTED", "another passphrase");
    let (file, _) = block_on(as_ann.create_approver_key(&passphrase("ann"))).unwrap();
    assert_eq!(give(&as_ann, &file, "ann"), "APPROVER_REFUSED", "a key that nobody registered");
    assert_eq!(give(&as_ann, &ann.key, "ann"), "OK");
    assert_eq!(give(&as_ann, &ann.key, "ann"), "APPROVAL_GIVEN", "twice");
    assert_eq!(ward.state(&id), "open");
}

#[test]
fn requests_and_verdicts_are_made_in_ones_own_name() {
    let ward = ward();
    let for_ann = Occasion { on_behalf_of: Some("ann".to_owned()), ..Occasion::default() };
    let as_ann = open_on(&ward.f, for_ann).unwrap();
    // what is asked for must be allowed to both, and ann may change no keys
    assert_eq!(code(destroy(&as_ann)), "DENIED");
    assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
    let id = ward.open_request();
    let ann = &ward.people[0];
    let key = (&ann.key, &passphrase("ann"));
    let verdict = block_on(as_ann.give_verdict(&id, Verdict::Approve, key, None));
    assert_eq!(code(verdict), "APPROVAL_OWN_NAME", "--as can never approve");
    assert_eq!(code(block_on(as_ann.withdraw_request(&id))), "APPROVAL_OWN_NAME");
    assert_eq!(code(block_on(as_ann.create_approver_key(&passphrase("ann")))), "APPROVAL_OWN_NAME");
    create(&ward.f, "olga", Kind::Person, &["operator"]);
    let for_olga = Occasion { on_behalf_of: Some("olga".to_owned()), ..Occasion::default() };
    assert_eq!(code(destroy(&open_on(&ward.f, for_olga).unwrap())), "APPROVAL_OWN_NAME");
}

#[test]
fn a_key_file_opens_as_it_was_written_and_for_its_home_alone() {
    let ward = ward();
    let ann = &ward.people[0];
    let text = ann.key.to_text();
    assert_eq!(ApproverKeyFile::parse(&text).unwrap(), ann.key);
    for malformed in [
        String::new(),
        text.replacen("v1", "v2", 1),
        text.replacen("store ", "store  ", 1),
        text.replacen("approver ", "approver 0", 1),
        text.replacen("m=65536", "m=8", 1),
        text.trim_end().to_owned(),
        format!("{text}\n"),
    ] {
        assert_eq!(
            code(ApproverKeyFile::parse(&malformed)),
            "APPROVER_KEY_MALFORMED",
            "{malformed}"
        );
    }
    // a header that names somebody else does not open
    assert_eq!(code(ward.destroy()), "APPROVAL_REQUIRED");
    let id = ward.open_request();
    let id_of = |file: &ApproverKeyFile| file.to_text().lines().nth(2).unwrap().to_owned();
    let (anns, bobs) = (id_of(&ann.key), id_of(&ward.people[1].key));
    let forged =
        ApproverKeyFile::parse(&ward.people[1].key.to_text().replace(&bobs, &anns)).unwrap();
    let engine = open_on(&ward.f, showing(&ann.token)).unwrap();
    let given =
        block_on(engine.give_verdict(&id, Verdict::Approve, (&forged, &passphrase("bob")), None));
    assert_eq!(code(given), "APPROVER_REFUSED");
    // a whole key file of another home
    let elsewhere = fixture();
    let other = person(&elsewhere, "ann");
    let given = block_on(engine.give_verdict(
        &id,
        Verdict::Approve,
        (&other.key, &passphrase("ann")),
        None,
    ));
    assert_eq!(code(given), "APPROVER_KEY_MALFORMED");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ann.key");
    ann.key.write(&path).unwrap();
    assert_eq!(code(ann.key.write(&path)), "TARGET_EXISTS");
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

//! When enough people approved. Each case breaks one condition of an act that would be carried out.

use medseal_core::StoreId;
use medseal_core::approval::{
    Act, Alteration, ApprovalRequest, ApproverSigner, EligibleApprover, RequestId, Requester,
    Verdict,
};
use medseal_core::secret::ApproverSeed;
use medseal_policy::approval::{
    Approved, Approver, Case, CreateEscrow, DestroyKey, Given, KEY_VERSION, Shortfall, Standing,
    WAITING, completes, eligible, judge,
};
use medseal_policy::{Demand, Kind, Policy, Principal, PrincipalId};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::OnceLock;

const POLICY: &str = r#"
policy = 1
name = "p"

[[rule]]
id = "approvers-approve"
effect = "allow"
roles = ["approver"]
operations = ["approve"]
"#;

fn policy() -> &'static Policy {
    static POLICY_READ: OnceLock<Policy> = OnceLock::new();
    POLICY_READ.get_or_init(|| Policy::parse(POLICY).unwrap())
}

fn store() -> StoreId {
    StoreId::parse("00000000-0000-4000-8000-000000000000").unwrap()
}

const PEOPLE: u8 = 5;

/// The private keys of a person: the one that is registered, and another.
fn signer(person: u8, key: u8) -> &'static ApproverSigner {
    static SIGNERS: OnceLock<Vec<ApproverSigner>> = OnceLock::new();
    let all = SIGNERS.get_or_init(|| {
        let pairs = (0..PEOPLE).flat_map(|person| [(person, 0), (person, 1)]);
        let signer = |(person, key): (u8, u8)| {
            let seed = ApproverSeed::from_slice(&[10 * person + key; 32]).unwrap();
            ApproverSigner::new(&store(), [person; 8], &seed).unwrap()
        };
        pairs.map(signer).collect()
    });
    &all[usize::from(2 * person + key)]
}

fn approver(person: u8) -> Approver {
    let principal = Principal {
        id: PrincipalId([person; 8]),
        name: format!("person-{person}"),
        kind: Kind::Person,
        tenant: None,
        roles: BTreeSet::from(["approver".to_owned()]),
        active: true,
    };
    Approver { principal, os_user: None, keys: signer(person, 0).keys().clone() }
}

fn act() -> Act {
    let parameters = vec![
        (KEY_VERSION.to_owned(), "00000000000000aa".to_owned()),
        (WAITING.to_owned(), "60".to_owned()),
    ];
    let (what, from, to) = ("k@1".to_owned(), "deactivated".to_owned(), "destroyed".to_owned());
    Act {
        operation: "destroy-key".to_owned(),
        tenant: Some("north".to_owned()),
        concerns: None,
        parameters,
        alterations: vec![Alteration { what, from, to }],
    }
}

fn requester() -> Requester {
    Requester { principal: Some([9; 8]), os_user: None, name: "carla".to_owned() }
}

/// Everything that is judged, to be broken in one place.
#[derive(Clone)]
struct World {
    request: ApprovalRequest,
    standing: Standing,
    statements: Vec<String>,
    approvers: Vec<Approver>,
    policy: Policy,
    demand: Option<Demand>,
    caller: Requester,
    act: Act,
    now: i64,
}

impl World {
    /// Two of three are needed and nobody has said anything.
    fn new() -> Self {
        let approvers: Vec<Approver> = (0..3).map(approver).collect();
        let request = ApprovalRequest {
            id: RequestId([7; 16]),
            store: store(),
            requester: requester(),
            epoch: 3,
            made_at: 100,
            expires_at: 200,
            needed: 2,
            approvers: eligible(policy(), &approvers, &requester(), &act()),
            reason: None,
            act: act(),
        };
        let (demand, caller) = (Some(Demand { approvals: 2, expires: 100 }), requester());
        let (standing, statements, policy) = (Standing::Open, Vec::new(), policy().clone());
        let (act, now) = (act(), 150);
        Self { request, standing, statements, approvers, policy, demand, caller, act, now }
    }

    /// Two of them approved.
    fn approved() -> Self {
        let mut world = Self::new();
        world.say(0, 0, Verdict::Approve);
        world.say(1, 0, Verdict::Approve);
        world
    }

    fn say(&mut self, person: u8, key: u8, verdict: Verdict) {
        self.statements.push(signer(person, key).sign(&self.request, verdict).unwrap());
    }

    fn case<'a>(&'a self, store: &'a StoreId) -> Case<'a> {
        Case {
            request: &self.request,
            standing: self.standing,
            statements: &self.statements,
            approvers: &self.approvers,
            policy: &self.policy,
            demand: self.demand,
            store,
            caller: &self.caller,
            act: &self.act,
            now: self.now,
        }
    }

    fn judge(&self) -> Result<Approved<DestroyKey>, Shortfall> {
        judge(&self.case(&store()))
    }

    fn shortfall(&self) -> Option<Shortfall> {
        self.judge().err()
    }
}

fn missing(needed: u8, given: usize) -> Option<Shortfall> {
    Some(Shortfall::Missing(Given { needed, given }))
}

#[test]
fn two_of_three_are_enough_and_the_proof_is_of_this_act() {
    let world = World::approved();
    let approved = world.judge().ok().unwrap();
    assert_eq!(approved.request(), Some(world.request.id));
    assert!(approved.is_for(&act()));
    assert!(!approved.is_for(&Act { tenant: None, ..act() }));
    assert_eq!(World::new().shortfall(), missing(2, 0));
    let mut one = World::new();
    one.say(0, 0, Verdict::Approve);
    assert_eq!(one.shortfall(), missing(2, 1));
}

#[test]
fn one_denial_outweighs_every_approval() {
    let mut world = World::approved();
    world.say(2, 0, Verdict::Deny);
    assert_eq!(world.shortfall(), Some(Shortfall::Denied));
    // also of somebody who lost the role, or got another key, since
    world.approvers[2].principal.roles.clear();
    assert_eq!(world.shortfall(), Some(Shortfall::Denied));
    world.approvers[2].keys = signer(2, 1).keys().clone();
    assert_eq!(world.shortfall(), Some(Shortfall::Denied));
    world.approvers.pop();
    assert_eq!(world.shortfall(), Some(Shortfall::Denied));
}

#[test]
fn an_expired_request_is_void_from_the_second_on_that_it_names() {
    let at = |now| World { now, ..World::approved() }.shortfall();
    assert_eq!(at(199), None);
    assert_eq!(at(200), Some(Shortfall::Expired));
    assert_eq!(at(i64::MAX), Some(Shortfall::Expired));
}

#[test]
fn a_request_that_was_carried_out_or_withdrawn_is_not_carried_out_again() {
    let with = |standing| World { standing, ..World::approved() }.shortfall();
    assert_eq!(with(Standing::Executed), Some(Shortfall::Executed));
    assert_eq!(with(Standing::Withdrawn), Some(Shortfall::Withdrawn));
}

#[test]
fn other_parameters_than_were_approved_are_refused() {
    let mut longer = act();
    longer.parameters[1].1 = "0".to_owned();
    let mut other_key = act();
    other_key.alterations[0].what = "k@2".to_owned();
    for act in [
        longer,
        other_key,
        Act { tenant: Some("south".to_owned()), ..act() },
        Act { concerns: Some([1; 8]), ..act() },
        Act { parameters: Vec::new(), ..act() },
        Act { alterations: Vec::new(), ..act() },
    ] {
        let world = World { act, ..World::approved() };
        assert_eq!(world.shortfall(), Some(Shortfall::OtherParameters), "{:?}", world.act);
    }
    let world =
        World { act: Act { operation: "create-escrow".to_owned(), ..act() }, ..World::approved() };
    assert_eq!(world.shortfall(), Some(Shortfall::Other));
    let elsewhere = StoreId::parse("00000000-0000-4000-8000-000000000001").unwrap();
    let other = judge::<DestroyKey>(&World::approved().case(&elsewhere)).err();
    assert_eq!(other, Some(Shortfall::Other), "another store");
    let other = judge::<CreateEscrow>(&World::approved().case(&store())).err();
    assert_eq!(other, Some(Shortfall::Other));
}

#[test]
fn what_changed_since_it_was_asked_for_is_not_carried_out() {
    for (from, to) in [("active", "destroyed"), ("deactivated", "destroy-pending")] {
        let mut act = act();
        (act.alterations[0].from, act.alterations[0].to) = (from.to_owned(), to.to_owned());
        let world = World { act, ..World::approved() };
        assert_eq!(world.shortfall(), Some(Shortfall::StateChanged));
    }
}

#[test]
fn whoever_asked_carries_it_out_and_nobody_else() {
    let other = Requester { principal: Some([0; 8]), ..requester() };
    let owner = Requester { principal: None, os_user: Some(5), name: "carla".to_owned() };
    for caller in [other, owner] {
        let world = World { caller, ..World::approved() };
        assert_eq!(world.shortfall(), Some(Shortfall::NotTheRequester));
    }
    let renamed = Requester { name: "carla-2".to_owned(), ..requester() };
    assert_eq!(World { caller: renamed, ..World::approved() }.shortfall(), None);
}

#[test]
fn an_approver_who_lost_role_rule_or_account_does_not_count_any_more() {
    let with = |change: fn(&mut World)| {
        let mut world = World::approved();
        change(&mut world);
        world.shortfall()
    };
    assert_eq!(with(|w| w.approvers[1].principal.active = false), missing(2, 1));
    assert_eq!(with(|w| w.approvers[1].principal.roles.clear()), missing(2, 1));
    assert_eq!(with(|w| w.approvers[1].principal.kind = Kind::Service), missing(2, 1));
    assert_eq!(with(|w| drop(w.approvers.remove(1))), missing(2, 1));
    assert_eq!(with(|w| w.policy = Policy::built_in()), missing(2, 0));
    let forbid = "[[rule]]\nid = \"f\"\neffect = \"forbid\"\noperations = [\"approve\"]\ntenants = [\"north\"]\n";
    let mut world = World::approved();
    world.policy = Policy::parse(
        &POLICY.replace("policy = 1\nname = \"p\"", "policy = 1\nname = \"p\"\nroles = [\"x\"]"),
    )
    .unwrap();
    assert_eq!(world.shortfall(), None);
    world.policy = Policy::parse(&format!("{POLICY}{forbid}")).unwrap();
    assert_eq!(world.shortfall(), missing(2, 0));
}

/// openbao#3841: a group of the same name in another namespace could approve.
#[test]
fn an_approver_of_another_tenant_does_not_count_whatever_it_is_called() {
    let mut world = World::approved();
    world.approvers[1].principal.tenant = Some("north".to_owned());
    assert_eq!(world.shortfall(), None);
    world.approvers[1].principal.tenant = Some("south".to_owned());
    assert_eq!(world.shortfall(), missing(2, 1));
    // for what belongs to no tenant, only those of every tenant
    let everywhere = Act { tenant: None, ..act() };
    let found = eligible(policy(), &world.approvers, &requester(), &everywhere);
    assert_eq!(found.iter().map(|who| who.principal[0]).collect::<Vec<_>>(), [0, 2]);
}

/// A rule alone makes nobody an approver, nor does the key of somebody else.
#[test]
fn an_approver_has_the_role_and_a_key_of_its_own() {
    let everybody = POLICY.replace(r#"roles = ["approver"]"#, r#"roles = ["*"]"#);
    let mut world = World { policy: Policy::parse(&everybody).unwrap(), ..World::approved() };
    assert_eq!(world.shortfall(), None);
    world.approvers[1].principal.roles = BTreeSet::from(["auditor".to_owned()]);
    assert_eq!(world.shortfall(), missing(2, 1));
    let mut world = World::new();
    world.approvers[1].keys = signer(0, 0).keys().clone();
    let found = eligible(policy(), &world.approvers, &requester(), &act());
    assert_eq!(found.iter().map(|who| who.principal[0]).collect::<Vec<_>>(), [0, 2]);
}

#[test]
fn a_key_that_was_registered_later_or_replaced_does_not_count() {
    let mut world = World::new();
    world.say(0, 0, Verdict::Approve);
    world.say(1, 1, Verdict::Approve);
    assert_eq!(world.shortfall(), missing(2, 1), "a key that is not registered");
    world.approvers[1].keys = signer(1, 1).keys().clone();
    assert_eq!(world.shortfall(), missing(2, 1), "a key that was registered after the request");
    let mut world = World::approved();
    world.approvers[1].keys = signer(1, 1).keys().clone();
    assert_eq!(world.shortfall(), missing(2, 1), "a key that was replaced");
    // somebody who became an approver after the request
    let mut world = World::new();
    world.approvers.push(approver(3));
    world.say(0, 0, Verdict::Approve);
    world.say(3, 0, Verdict::Approve);
    assert_eq!(world.shortfall(), missing(2, 1));
}

#[test]
fn statements_about_other_requests_do_not_count() {
    let (mut ours, mut other) = (World::new(), World::new());
    other.request.id = RequestId([8; 16]);
    other.say(1, 0, Verdict::Approve);
    ours.say(0, 0, Verdict::Approve);
    ours.statements.extend(other.statements);
    assert_eq!(ours.shortfall(), missing(2, 1), "another id");
    // the same id over another text: a request that was edited after it was approved
    for edit in [
        |r: &mut ApprovalRequest| r.needed = 1,
        |r: &mut ApprovalRequest| r.expires_at += 1000,
        |r: &mut ApprovalRequest| r.epoch += 1,
        |r: &mut ApprovalRequest| r.reason = Some("none".to_owned()),
        |r: &mut ApprovalRequest| r.approvers.truncate(2),
    ] {
        let mut edited = World::approved();
        edit(&mut edited.request);
        assert!(matches!(edited.shortfall(), Some(Shortfall::Missing(Given { given: 0, .. }))));
    }
}

#[test]
fn a_forged_statement_does_not_count_whoever_wrote_the_row() {
    let mut world = World::approved();
    let forged = world.statements[0].replace("0000000000000000\nkeys", "0101010101010101\nkeys");
    world.statements[1] = forged;
    assert_eq!(world.shortfall(), missing(2, 1));
    let mut unsigned = World::approved();
    let text = unsigned.statements[1].split("\n\n").next().unwrap().to_owned();
    unsigned.statements[1] = format!("{text}\n\n");
    assert_eq!(unsigned.shortfall(), missing(2, 1));
    // a statement without a readable verdict stands in the way
    unsigned.statements[1] = "yes".to_owned();
    assert_eq!(unsigned.shortfall(), Some(Shortfall::Denied));
}

#[test]
fn nobody_approves_what_they_asked_for_or_what_is_about_them() {
    let world = World::new();
    let people = |requester: &Requester, act: &Act| -> Vec<u8> {
        let found = eligible(policy(), &world.approvers, requester, act);
        found.iter().map(|who| who.principal[0]).collect()
    };
    assert_eq!(people(&requester(), &act()), [0, 1, 2]);
    let one = Requester { principal: Some([1; 8]), ..requester() };
    assert_eq!(people(&one, &act()), [0, 2]);
    assert_eq!(people(&requester(), &Act { concerns: Some([2; 8]), ..act() }), [0, 1]);
    // the owner of the home, who is also the principal that stands for its user
    let mut approvers = world.approvers.clone();
    approvers[0].os_user = Some(1000);
    let owner = Requester { principal: None, os_user: Some(1000), name: "os-user:1000".to_owned() };
    let found = eligible(policy(), &approvers, &owner, &act());
    assert_eq!(found.iter().map(|who| who.principal[0]).collect::<Vec<_>>(), [1, 2]);
    // and at execution: an approver who is the requester by then
    let mut world = World::approved();
    world.request.requester = one.clone();
    world.caller = one;
    world.statements.clear();
    world.say(0, 0, Verdict::Approve);
    world.say(1, 0, Verdict::Approve);
    assert_eq!(world.shortfall(), missing(2, 1));
}

#[test]
fn a_table_that_asks_for_more_by_now_is_heeded() {
    let mut world = World::approved();
    world.demand = Some(Demand { approvals: 3, expires: 10 });
    assert_eq!(world.shortfall(), missing(3, 2));
    // one that asks for fewer is not
    world.demand = None;
    assert_eq!(world.shortfall(), None);
    world.statements.pop();
    assert_eq!(world.shortfall(), missing(2, 1));
}

#[test]
fn the_end_of_a_waiting_period_is_approved_with_its_beginning_alone() {
    let begun = World::new().request;
    let version = "00000000000000aa";
    let end = Act { parameters: Vec::new(), ..act() };
    let done = |executed, id: &str, after| completes(&begun, executed, id, after, &end);
    assert!(done(150, version, 210).is_some_and(|approved| approved.is_for(&end)));
    assert!(done(150, version, 211).is_none(), "another period");
    assert!(done(151, version, 210).is_none(), "begun at another time");
    assert!(done(150, "00000000000000ab", 210).is_none(), "another version");
    let south = Act { tenant: Some("south".to_owned()), ..end.clone() };
    assert!(completes(&begun, 150, version, 210, &south).is_none());
    let mut other = begun.clone();
    other.act.operation = "create-escrow".to_owned();
    assert!(completes(&other, 150, version, 210, &end).is_none());
    other = begun.clone();
    other.act.parameters.pop();
    assert!(completes(&other, 150, version, 210, &end).is_none());
}

/// Something that somebody says, honest or not.
#[derive(Debug, Clone, Copy)]
struct Said {
    person: u8,
    key: u8,
    about_this: bool,
    altered: bool,
}

fn said() -> impl Strategy<Value = Said> {
    (0..PEOPLE, 0..2u8, prop::bool::weighted(0.8), prop::bool::weighted(0.1))
        .prop_map(|(person, key, about_this, altered)| Said { person, key, about_this, altered })
}

fn say(world: &mut World, said: Said) {
    let mut request = world.request.clone();
    if !said.about_this {
        request.id = RequestId([1; 16]);
    }
    let note = signer(said.person, said.key).sign(&request, Verdict::Approve).unwrap();
    let altered = note.replacen("digest ", "digest f", 1);
    world.statements.push(if said.altered { altered } else { note });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_quorum_is_so_many_different_people(said in vec(said(), 0..7), needed in 1..4u8) {
        let mut world = World::new();
        world.request.needed = needed;
        world.demand = None;
        said.iter().for_each(|one| say(&mut world, *one));
        let honest = said.iter().filter(|s| s.person < 3 && s.key == 0 && s.about_this && !s.altered);
        let people: BTreeSet<u8> = honest.map(|s| s.person).collect();
        prop_assert_eq!(world.judge().is_ok(), people.len() >= usize::from(needed));
    }

    /// However many keys, names, roles and rows one person has.
    #[test]
    fn one_person_never_reaches_a_quorum(
        person in 0..3u8,
        keys in vec(0..2u8, 1..6),
        names in vec("[a-z]{1,8}", 0..4),
        needed in 2..5u8,
    ) {
        let mut world = World::new();
        world.request.needed = needed;
        let rows = names.iter().enumerate().map(|(at, name)| {
            let mut row = approver(person);
            row.principal.name = name.clone();
            row.principal.roles.insert(format!("approver-{at}"));
            row.keys = signer(person, u8::try_from(at % 2).unwrap()).keys().clone();
            row
        });
        world.approvers.extend(rows.collect::<Vec<_>>());
        // the request lists both keys of nobody but this person
        world.request.approvers = vec![EligibleApprover { principal: [person; 8], key: signer(person, 0).keys().id() }];
        keys.iter().for_each(|key| world.say(person, *key, Verdict::Approve));
        let Some(Shortfall::Missing(given)) = world.shortfall() else { panic!("carried out") };
        prop_assert!(given.given <= 1);
    }
}

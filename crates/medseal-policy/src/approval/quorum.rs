//! When enough people approved: a pure function over the request, the statements and who they are now.
//!
//! Approvers are counted by stable id, never by name, role or key, so one principal is one person
//! whatever it has. Nothing here believes a row: a statement counts when its signatures verify.

use super::{Action, Approved, Controlled, DestroyKey};
use crate::authority::Authority;
use crate::decision::Asked;
use crate::policy::{Demand, Policy};
use crate::principal::{APPROVER, Caller, Kind, Principal};
use medseal_core::StoreId;
use medseal_core::approval::{
    Act, ApprovalRequest, ApproverKeys, EligibleApprover, Requester, Verdict, claimed_verdict,
};
use medseal_core::keyring::UnixSeconds;
use medseal_core::operation::{Group, Operation};
use std::collections::BTreeSet;

/// A principal with a registered key, as both are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approver {
    /// The principal.
    pub principal: Principal,
    /// The user of the operating system that it stands for.
    pub os_user: Option<u32>,
    /// Its public keys.
    pub keys: ApproverKeys,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing yet.
    Open,
    /// It was carried out.
    Executed,
    /// It was taken back.
    Withdrawn,
}

/// Everything that is judged.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// What was asked for.
    pub request: &'a ApprovalRequest,
    /// What became of it.
    pub standing: Standing,
    /// What was said of it, with the signatures.
    pub statements: &'a [String],
    /// Who has a key now.
    pub approvers: &'a [Approver],
    /// The policy now.
    pub policy: &'a Policy,
    /// How many approvals are asked for now; none if nobody would be asked any more.
    pub demand: Option<Demand>,
    /// The store.
    pub store: &'a StoreId,
    /// Who wants to carry it out.
    pub caller: &'a Requester,
    /// What would be done now.
    pub act: &'a Act,
    /// When.
    pub now: UnixSeconds,
}

/// How many people approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// How many are needed.
    pub needed: u8,
    /// How many count now.
    pub given: usize,
}

/// Why a request is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Shortfall {
    /// It was carried out.
    #[error("it was carried out already")]
    Executed,
    /// It was taken back.
    #[error("it was withdrawn")]
    Withdrawn,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// It belongs to another store, or is another action.
    #[error("it is about something else")]
    Other,
    /// Somebody else asked.
    #[error("somebody else asked for it, and carries it out")]
    NotTheRequester,
    /// The command has other parameters.
    #[error("it was asked for with other parameters")]
    OtherParameters,
    /// What would change is not what it was.
    #[error("what it would change has changed since it was asked for")]
    StateChanged,
    /// An approver denied it.
    #[error("an approver denied it")]
    Denied,
    /// Too few approved.
    #[error("{} of {} approvals are given", _0.given, _0.needed)]
    Missing(Given),
}

/// Judges whether an act may be done because of a request.
///
/// # Errors
/// [`Shortfall`].
pub fn judge<A: Controlled>(case: &Case<'_>) -> Result<Approved<A>, Shortfall> {
    let Case { request, standing, caller, act, .. } = case;
    match standing {
        Standing::Executed => return Err(Shortfall::Executed),
        Standing::Withdrawn => return Err(Shortfall::Withdrawn),
        Standing::Open => {}
    }
    if case.now >= request.expires_at {
        return Err(Shortfall::Expired);
    }
    if request.store != *case.store || act.operation != A::ACTION.name() {
        return Err(Shortfall::Other);
    }
    if !request.requester.is(caller) {
        return Err(Shortfall::NotTheRequester);
    }
    compare(&request.act, act)?;
    if case.statements.iter().any(|note| claimed_verdict(note) != Some(Verdict::Approve)) {
        return Err(Shortfall::Denied);
    }
    let given = case.given();
    if given.given < usize::from(given.needed) {
        return Err(Shortfall::Missing(given));
    }
    Ok(Approved::new(Some(request.id), act))
}

/// Whether the end of a waiting period was approved with its beginning: the request was carried out,
/// is about this very key version, and began this very period.
pub fn completes(
    begun: &ApprovalRequest,
    executed_at: UnixSeconds,
    key_version: &str,
    destroy_after: UnixSeconds,
    act: &Act,
) -> Option<Approved<DestroyKey>> {
    let parameter = |name: &str| {
        let found = begun.act.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    };
    let waiting: i64 = parameter(WAITING)?.parse().ok()?;
    let same = begun.act.operation == Action::DestroyKey.name()
        && begun.act.tenant == act.tenant
        && parameter(KEY_VERSION) == Some(key_version)
        && executed_at.checked_add(waiting) == Some(destroy_after);
    same.then(|| Approved::new(Some(begun.id), act))
}

/// The parameters by which the end of a waiting period finds its beginning.
pub const KEY_VERSION: &str = "key-version-id";
/// How long the waiting period is, in seconds.
pub const WAITING: &str = "waiting-seconds";

fn compare(asked: &Act, now: &Act) -> Result<(), Shortfall> {
    let same_things = asked.alterations.len() == now.alterations.len()
        && asked.alterations.iter().zip(&now.alterations).all(|(a, b)| a.what == b.what);
    if asked.operation != now.operation {
        Err(Shortfall::Other)
    } else if asked.tenant != now.tenant
        || asked.concerns != now.concerns
        || asked.parameters != now.parameters
        || !same_things
    {
        Err(Shortfall::OtherParameters)
    } else if asked.alterations != now.alterations {
        Err(Shortfall::StateChanged)
    } else {
        Ok(())
    }
}

impl Case<'_> {
    /// How many different people approved, and still count.
    pub fn given(&self) -> Given {
        let asked_now = self.demand.map_or(0, |demand| demand.approvals);
        let needed = self.request.needed.max(asked_now);
        let now = eligible(self.policy, self.approvers, &self.request.requester, self.act);
        let counts = |who: &EligibleApprover| self.request.approvers.contains(who);
        let now: BTreeSet<EligibleApprover> = now.into_iter().filter(counts).collect();
        let approved = self.statements.iter().filter_map(|note| self.approving(note));
        let people: BTreeSet<[u8; 8]> =
            approved.filter(|who| now.contains(who)).map(|who| who.principal).collect();
        Given { needed, given: people.len() }
    }

    /// Whose statement this is, if its signatures verify under a key that is registered and it
    /// approves this very request.
    fn approving(&self, note: &str) -> Option<EligibleApprover> {
        let digest = self.request.digest()?;
        let mut verified =
            self.approvers.iter().filter_map(|who| who.keys.verify(self.store, note).ok());
        let said = verified.next()?;
        let approves = said.verdict == Verdict::Approve
            && said.request == self.request.id
            && said.digest == digest;
        approves.then_some(EligibleApprover { principal: said.approver, key: said.key })
    }
}

/// Who may approve an act that somebody asks for, ascending by id.
pub fn eligible(
    policy: &Policy,
    approvers: &[Approver],
    requester: &Requester,
    act: &Act,
) -> Vec<EligibleApprover> {
    let may = |approver: &&Approver| {
        let Approver { principal, os_user, keys } = approver;
        let id = principal.id.0;
        let is_requester = requester.principal == Some(id)
            // the owner of a home has no id: whoever stands for the same user is the same person
            || (os_user.is_some() && *os_user == requester.os_user);
        let is_person = matches!(principal.kind, Kind::Person | Kind::OsUser);
        // the decision itself denies everything to whoever is disabled or of another tenant
        is_person
            && keys.principal() == id
            && principal.roles.contains(APPROVER)
            && !is_requester
            && act.concerns != Some(id)
            && may_approve(policy, principal, act.tenant.clone())
    };
    let chosen = approvers.iter().filter(may);
    let mut chosen: Vec<EligibleApprover> = chosen
        .map(|who| EligibleApprover { principal: who.principal.id.0, key: who.keys.id() })
        .collect();
    chosen.sort_unstable();
    chosen.dedup_by_key(|who| who.principal);
    chosen
}

fn may_approve(policy: &Policy, principal: &Principal, tenant: Option<String>) -> bool {
    let group = Group { tenant, ..Group::default() };
    let mut authority = Authority::new(policy.clone(), Caller::Known(principal.clone()), None);
    authority.answer(Operation::Approve, &Asked::default(), std::iter::once(&group)).rules.is_ok()
}

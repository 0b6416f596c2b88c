//! What is asked before an act under dual control: is it approved, and if not, by whom must it be?

use super::ApprovalError;
use super::requests::{KnownRequest, Panel};
use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Changed;
use crate::keys::check_reason;
use medseal_core::KeyVersionId;
use medseal_core::approval::{Act, ApprovalRequest, Requester};
use medseal_core::operation::Group;
use medseal_policy::approval::{
    Approved, Controlled, DestroyKey, Given, Shortfall, Standing, completes, judge,
};
use medseal_policy::{Demand, Op, Requirement, Weakening};

/// Something that is about to be done.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    /// What, worked out from the store at this epoch.
    pub(crate) act: &'a Act,
    /// That epoch.
    pub(crate) epoch: u64,
    /// Whether it would make approvals worth less.
    pub(crate) weakens: Weakening,
    /// Why, for those who are asked; it stands in clear in the request.
    pub(crate) reason: Option<&'a str>,
}

impl Engine {
    /// The proof that an act may be done: nobody needs to be asked, or enough people approved it as
    /// it is. Otherwise the request is stored, if it is not yet, and named.
    ///
    /// The proof is good for a change that is planned at the epoch of `asking`, and for no later one.
    ///
    /// # Errors
    /// [`ApprovalError`]; a denial of the operation itself, before anybody is asked for anything.
    pub(crate) async fn require_approval<A: Controlled>(
        &self,
        asking: &Asking<'_>,
    ) -> Result<Approved<A>, EngineError> {
        let (directory, _) = self.directory().await?;
        let panel = self.panel(&directory).await?;
        let Asking { act, weakens, .. } = *asking;
        let demand = match panel.policy.requirement::<A>(self.floor(), weakens, act) {
            Requirement::Nobody(approved) => return Ok(approved),
            Requirement::People(demand) => demand,
        };
        self.must_be_allowed::<A>(asking).await?;
        self.in_own_name()?;
        let reason = asking.reason.or(self.occasion.reason.as_deref());
        check_reason(reason)?;
        let caller = self.requester(&directory);
        match self.request_for(&caller, act).await? {
            Some(known) => self.judge_request(&panel, &known, (&caller, act), demand).await,
            None => {
                let request = self.make_request(act, demand, reason).await?;
                let given = Given { needed: request.needed, given: 0 };
                Err(required(&request, given))
            }
        }
    }

    /// Nobody asks others for what they may not do themselves; the denial stands in the log.
    async fn must_be_allowed<A: Controlled>(&self, asking: &Asking<'_>) -> Result<(), EngineError> {
        let tenant = asking.act.tenant.as_deref();
        let group = Group { tenant: tenant.map(str::to_owned), ..Group::default() };
        if self.rules_allow(A::Operation::OPERATION, &group) {
            return Ok(());
        }
        let what = A::ACTION.name();
        let about = Changed { tenant, id: KeyVersionId([0; 8]), what };
        self.admit_change::<A::Operation>(asking.epoch, &about).await.map(drop)
    }

    /// The request that the caller names, or an open one of the caller's for this very act.
    async fn request_for(
        &self,
        caller: &Requester,
        act: &Act,
    ) -> Result<Option<KnownRequest>, EngineError> {
        if let Some(id) = self.occasion.approval {
            return self.known_request(&id.to_string()).await.map(Some);
        }
        let now = self.clock.now();
        let is_it = |known: &KnownRequest| {
            known.standing() == Standing::Open
                && now < known.request.expires_at
                && known.request.requester.is(caller)
                && known.request.act == *act
        };
        Ok(self.known_requests().await?.into_iter().find(is_it))
    }

    async fn judge_request<A: Controlled>(
        &self,
        panel: &Panel,
        known: &KnownRequest,
        (caller, act): (&Requester, &Act),
        demand: Demand,
    ) -> Result<Approved<A>, EngineError> {
        let request = known.request.id;
        let rows = self.verdicts_on(request).await?;
        let statements: Vec<String> = rows.into_iter().map(|row| row.record.statement).collect();
        let case = panel.case(self, known, &statements, (caller, act), Some(demand));
        judge::<A>(&case).map_err(|shortfall| match shortfall {
            Shortfall::Missing(given) => required(&known.request, given),
            Shortfall::Denied => ApprovalError::Denied(request).into(),
            why => ApprovalError::Void { request, why }.into(),
        })
    }

    /// The proof that the end of a waiting period was approved with its beginning.
    pub(crate) async fn approved_with_its_beginning(
        &self,
        act: &Act,
        key_version: KeyVersionId,
        destroy_after: Option<i64>,
    ) -> Result<Option<Approved<DestroyKey>>, EngineError> {
        let Some(destroy_after) = destroy_after else { return Ok(None) };
        let id = key_version.to_string();
        let requests = self.known_requests().await?;
        Ok(requests.iter().find_map(|known| {
            completes(&known.request, known.executed_at()?, &id, destroy_after, act)
        }))
    }
}

fn required(request: &ApprovalRequest, given: Given) -> EngineError {
    let expires = rfc3339(request.expires_at);
    ApprovalError::Required { request: request.id, given, expires }.into()
}

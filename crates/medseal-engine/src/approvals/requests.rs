//! The rows of requests and verdicts, read, and requests made and taken back.

use super::ApprovalError;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Changed;
use crate::home::Environment;
use crate::principals::Directory;
use crate::random::BufferedRandom;
use medseal_core::approval::{Act, ApprovalRequest, RequestId, Requester};
use medseal_core::{Error, KeyVersionId};
use medseal_policy::approval::{Approver, Case, Shortfall, Standing, eligible};
use medseal_policy::{Caller, Demand, Floor, Policy, RequestApproval};
use medseal_store::{
    ApprovalRecord, ApprovalRequestRecord, Change, Record, RequestState, StoreError, Stored,
};

const MAX_ATTEMPTS: u32 = 64;

/// A request as the store has it.
pub(super) struct KnownRequest {
    pub(super) row: Stored<ApprovalRequestRecord>,
    pub(super) request: ApprovalRequest,
}

impl KnownRequest {
    pub(super) fn read(row: Stored<ApprovalRequestRecord>) -> Result<Self, EngineError> {
        let table = ApprovalRequestRecord::table().name;
        let request = ApprovalRequest::from_bytes(&row.record.request);
        let request = request.filter(|request| request.id.to_string() == row.record.request_id);
        let request = request.ok_or(StoreError::Corrupt { table })?;
        Ok(Self { row, request })
    }

    pub(super) fn standing(&self) -> Standing {
        match self.row.record.state {
            RequestState::Open => Standing::Open,
            RequestState::Executed => Standing::Executed,
            RequestState::Withdrawn => Standing::Withdrawn,
        }
    }

    /// A request that was carried out, and when.
    pub(super) fn executed_at(&self) -> Option<i64> {
        self.row.record.closed_at.filter(|_| self.row.record.state == RequestState::Executed)
    }
}

/// Who there is and what holds, for judging requests.
pub(super) struct Panel {
    pub(super) policy: Policy,
    pub(super) approvers: Vec<Approver>,
}

impl Panel {
    /// How a request stands for somebody who would do this now.
    pub(super) fn case<'a>(
        &'a self,
        engine: &'a Engine,
        known: &'a KnownRequest,
        statements: &'a [String],
        (caller, act): (&'a Requester, &'a Act),
        demand: Option<Demand>,
    ) -> Case<'a> {
        Case {
            request: &known.request,
            standing: known.standing(),
            statements,
            approvers: &self.approvers,
            policy: &self.policy,
            demand,
            store: &engine.store_id,
            caller,
            act,
            now: engine.clock.now(),
        }
    }
}

impl Engine {
    /// What holds whatever the policy says.
    pub(crate) fn floor(&self) -> Floor {
        match self.environment {
            Environment::Production => Floor::Production,
            Environment::Development => Floor::None,
        }
    }

    pub(super) async fn panel(&self, directory: &Directory) -> Result<Panel, EngineError> {
        let approvers = self.approvers(directory).await?;
        Ok(Panel { policy: directory.policy()?, approvers })
    }

    pub(super) async fn known_requests(&self) -> Result<Vec<KnownRequest>, EngineError> {
        let rows = self.rows().all::<ApprovalRequestRecord>(&[]).await?;
        rows.into_iter().map(KnownRequest::read).collect()
    }

    pub(super) async fn known_request(&self, id: &str) -> Result<KnownRequest, EngineError> {
        let row = self.rows().get::<ApprovalRequestRecord>(&[id]).await?;
        KnownRequest::read(row.ok_or_else(|| ApprovalError::NotFound(id.to_owned()))?)
    }

    pub(super) async fn verdicts_on(
        &self,
        id: RequestId,
    ) -> Result<Vec<Stored<ApprovalRecord>>, EngineError> {
        Ok(self.rows().all::<ApprovalRecord>(&[&id.to_string()]).await?)
    }

    /// Whoever acts in their own name, without having broken the glass.
    pub(super) fn in_own_name(&self) -> Result<(), EngineError> {
        let by_glass = self.occasion.break_glass.is_some();
        match self.occasion.on_behalf_of.is_some() || by_glass {
            true => Err(ApprovalError::OwnName.into()),
            false => Ok(()),
        }
    }

    /// The caller, by what is stable.
    pub(super) fn requester(&self, directory: &Directory) -> Requester {
        let caller = self.asking();
        let name = self.caller_name();
        match caller {
            Some(Caller::Known(principal)) => {
                let os_user = directory.os_user_of(principal.id);
                Requester { principal: Some(principal.id.0), os_user, name }
            }
            Some(Caller::Owner { user_id } | Caller::Stranger { user_id }) => {
                Requester { principal: None, os_user: Some(user_id), name }
            }
            None => Requester { principal: None, os_user: None, name },
        }
    }

    /// Stores a request, unless too few could approve it.
    pub(super) async fn make_request(
        &self,
        act: &Act,
        demand: Demand,
        reason: Option<&str>,
    ) -> Result<ApprovalRequest, EngineError> {
        for _ in 0..MAX_ATTEMPTS {
            let epoch = self.begin().await?;
            let (directory, _) = self.directory().await?;
            let panel = self.panel(&directory).await?;
            let requester = self.requester(&directory);
            let approvers = eligible(&panel.policy, &panel.approvers, &requester, act);
            if approvers.len() < usize::from(demand.approvals) {
                let (needed, eligible) = (demand.approvals, approvers.len());
                return Err(ApprovalError::TooFewApprovers { needed, eligible }.into());
            }
            let made_at = self.clock.now();
            let lasts = i64::try_from(demand.expires).unwrap_or(i64::MAX);
            let request = ApprovalRequest {
                id: RequestId::generate(&mut BufferedRandom).map_err(Error::from)?,
                store: self.store_id.clone(),
                requester,
                epoch,
                made_at,
                expires_at: made_at.saturating_add(lasts),
                needed: demand.approvals,
                approvers,
                reason: reason.map(str::to_owned),
                act: act.clone(),
            };
            if self.store_request(epoch, &request).await? {
                return Ok(request);
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn store_request(
        &self,
        epoch: u64,
        request: &ApprovalRequest,
    ) -> Result<bool, EngineError> {
        let record = ApprovalRequestRecord {
            request_id: request.id.to_string(),
            // what a request may not say would be too long a policy
            request: request.to_bytes().ok_or(EngineError::NotAvailable("so large a request"))?,
            state: RequestState::Open,
            closed_by: None,
            closed_at: None,
        };
        let mut change = Change::new(epoch);
        change.insert(&record, &self.row_mac)?;
        let what = format!("request approvals for {}", request.act.operation);
        self.commit_about::<RequestApproval>(epoch, change, request, &what).await
    }

    /// Commits a change that is about a request; the reason stands in the details alone.
    pub(super) async fn commit_about<O: medseal_policy::Op>(
        &self,
        epoch: u64,
        change: Change,
        request: &ApprovalRequest,
        what: &str,
    ) -> Result<bool, EngineError> {
        let planned = match self.rows().plan(change).await {
            Ok(planned) => planned,
            Err(StoreError::Conflict) => return Ok(false),
            Err(other) => return Err(other.into()),
        };
        let tenant = request.act.tenant.as_deref();
        let about = Changed { tenant, id: KeyVersionId([0; 8]), what };
        let admitted = self.admit_named::<O>(epoch, &about, what, Some(request.id)).await?;
        self.commit_planned(&admitted, planned).await
    }

    /// Takes a request back; nobody can approve it or carry it out any more.
    ///
    /// # Errors
    /// [`ApprovalError::NotTheRequester`], [`ApprovalError::NotFound`], [`ApprovalError::Void`].
    pub async fn withdraw_request(&self, id: &str) -> Result<(), EngineError> {
        for _ in 0..MAX_ATTEMPTS {
            let epoch = self.begin().await?;
            self.in_own_name()?;
            let (directory, _) = self.directory().await?;
            let known = self.known_request(id).await?;
            if !known.request.requester.is(&self.requester(&directory)) {
                return Err(ApprovalError::NotTheRequester.into());
            }
            if let Some(why) = closed(known.standing()) {
                return Err(ApprovalError::Void { request: known.request.id, why }.into());
            }
            let record = ApprovalRequestRecord {
                state: RequestState::Withdrawn,
                closed_by: Some(self.caller_name()),
                closed_at: Some(self.clock.now()),
                ..known.row.record
            };
            let mut change = Change::new(epoch);
            change.update(known.row.version, &record, &self.row_mac)?;
            let what = "withdraw a request for approvals";
            if self.commit_about::<RequestApproval>(epoch, change, &known.request, what).await? {
                return Ok(());
            }
        }
        Err(StoreError::Conflict.into())
    }
}

/// Why nothing more can be done about a request.
pub(super) fn closed(standing: Standing) -> Option<Shortfall> {
    match standing {
        Standing::Open => None,
        Standing::Executed => Some(Shortfall::Executed),
        Standing::Withdrawn => Some(Shortfall::Withdrawn),
    }
}

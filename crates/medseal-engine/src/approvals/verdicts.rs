//! Approving and denying: an approver signs the digest of a request with a key that the home never
//! holds.

use super::requests::{KnownRequest, closed};
use super::{ApprovalError, ApproverKeyFile};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::keys::check_reason;
use medseal_core::approval::{
    ApproverSigner, EligibleApprover, RequestId, Verdict, claimed_verdict,
};
use medseal_policy::approval::{Given, Shortfall, eligible};
use medseal_policy::{Approve, Caller};
use medseal_store::{ApprovalRecord, Change, StoreError, Stored};
use zeroize::Zeroizing;

const MAX_ATTEMPTS: u32 = 64;

/// What a verdict led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerdictGiven {
    /// The request.
    pub request: RequestId,
    /// The verdict.
    pub verdict: Verdict,
    /// How many approved by now.
    pub given: Given,
}

impl Engine {
    /// Signs a verdict on a request with the caller's own key, and keeps it.
    ///
    /// # Errors
    /// [`ApprovalError`]; a denial.
    pub async fn give_verdict(
        &self,
        id: &str,
        verdict: Verdict,
        (file, passphrase): (&ApproverKeyFile, &Zeroizing<Vec<u8>>),
        reason: Option<&str>,
    ) -> Result<VerdictGiven, EngineError> {
        check_reason(reason)?;
        self.begin().await?;
        self.in_own_name()?;
        if file.store != self.store_id {
            return Err(ApprovalError::KeyMalformed.into());
        }
        // before the key is opened, which takes a while
        self.verdict_is_awaited(id, verdict, file).await?;
        let signer = file.open(passphrase)?;
        for _ in 0..MAX_ATTEMPTS {
            let epoch = self.begin().await?;
            let (known, before) = self.verdict_is_awaited(id, verdict, file).await?;
            let record = self.signed(&signer, &known, verdict, reason)?;
            let mut change = Change::new(epoch);
            match before {
                Some(row) => change.update(row.version, &record, &self.row_mac)?,
                None => change.insert(&record, &self.row_mac)?,
            }
            let what = match verdict {
                Verdict::Approve => "approve a request",
                Verdict::Deny => "deny a request",
            };
            if self.commit_about::<Approve>(epoch, change, &known.request, what).await? {
                let given = self.given(&known).await?;
                return Ok(VerdictGiven { request: known.request.id, verdict, given });
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Whether this caller can say this of the request now, and what it said before.
    async fn verdict_is_awaited(
        &self,
        id: &str,
        verdict: Verdict,
        file: &ApproverKeyFile,
    ) -> Result<(KnownRequest, Option<Stored<ApprovalRecord>>), EngineError> {
        let (directory, _) = self.directory().await?;
        let panel = self.panel(&directory).await?;
        let known = self.known_request(id).await?;
        let request = &known.request;
        let expired = (self.clock.now() >= request.expires_at).then_some(Shortfall::Expired);
        if let Some(why) = closed(known.standing()).or(expired) {
            return Err(ApprovalError::Void { request: request.id, why }.into());
        }
        let Some(Caller::Known(principal)) = self.asking() else {
            return Err(ApprovalError::NotEligible.into());
        };
        let own = EligibleApprover { principal: principal.id.0, key: file.key };
        let now = eligible(&panel.policy, &panel.approvers, &request.requester, &request.act);
        if file.principal != principal.id
            || !request.approvers.contains(&own)
            || !now.contains(&own)
        {
            return Err(ApprovalError::NotEligible.into());
        }
        let key = [id, &principal.id.to_string()];
        let before = self.rows().get::<ApprovalRecord>(&key).await?;
        let said = before.as_ref().map(|row| claimed_verdict(&row.record.statement));
        match (said, verdict) {
            (None, _) | (Some(Some(Verdict::Approve)), Verdict::Deny) => Ok((known, before)),
            _ => Err(ApprovalError::Given.into()),
        }
    }

    fn signed(
        &self,
        signer: &ApproverSigner,
        known: &KnownRequest,
        verdict: Verdict,
        reason: Option<&str>,
    ) -> Result<ApprovalRecord, EngineError> {
        let statement = signer.sign(&known.request, verdict)?;
        // a key that signs what nobody can verify would be found out too late
        signer.keys().verify(&self.store_id, &statement)?;
        Ok(ApprovalRecord {
            request_id: known.request.id.to_string(),
            principal_id: medseal_policy::PrincipalId(signer.keys().principal()).to_string(),
            statement,
            reason: reason.map(str::to_owned),
            given_at: self.clock.now(),
        })
    }

    pub(super) async fn given(&self, known: &KnownRequest) -> Result<Given, EngineError> {
        let (directory, _) = self.directory().await?;
        let panel = self.panel(&directory).await?;
        let rows = self.verdicts_on(known.request.id).await?;
        let statements: Vec<String> = rows.into_iter().map(|row| row.record.statement).collect();
        let whose = (&known.request.requester, &known.request.act);
        Ok(panel.case(self, known, &statements, whose, None).given())
    }
}

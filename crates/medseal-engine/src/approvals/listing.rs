//! Requests as people see them: everything that would be signed, and what was said.

use super::requests::{KnownRequest, Panel};
use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Changed;
use crate::principals::Directory;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use medseal_core::KeyVersionId;
use medseal_core::approval::{EligibleApprover, Verdict, claimed_verdict};
use medseal_policy::approval::Standing;
use medseal_policy::{Caller, PrincipalId, ReadApprovals};
use medseal_store::{ApprovalRecord, Stored};
use serde::Serialize;
use std::collections::BTreeMap;

/// A request at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovalSummary {
    /// Its id.
    pub id: String,
    /// `open`, `approved`, `denied`, `expired`, `executed` or `withdrawn`.
    pub state: &'static str,
    /// What is asked for.
    pub operation: String,
    /// The tenant it belongs to.
    pub tenant: Option<String>,
    /// Who asked.
    pub requester: String,
    /// When.
    pub made: String,
    /// From when on it is void.
    pub expires: String,
    /// How many must approve.
    pub needed: u8,
    /// How many approvals count now.
    pub given: usize,
    /// Why.
    pub reason: Option<String>,
}

/// A request with all that would be signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownApproval {
    /// At a glance.
    #[serde(flatten)]
    pub summary: ApprovalSummary,
    /// What approvers sign, in hexadecimal.
    pub digest: String,
    /// The store's epoch at which it was asked.
    pub epoch: u64,
    /// Every parameter.
    pub parameters: BTreeMap<String, String>,
    /// What changes.
    pub changes: Vec<ShownChange>,
    /// Who could approve when it was asked.
    pub eligible: Vec<EligiblePerson>,
    /// What was said.
    pub verdicts: Vec<GivenVerdict>,
    /// Who carried it out or withdrew it.
    pub closed_by: Option<String>,
    /// When.
    pub closed: Option<String>,
    /// The request itself, in Base64, for whoever verifies the signatures elsewhere.
    pub request: String,
}

/// What one thing becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownChange {
    /// Which thing.
    pub what: String,
    /// What it is.
    pub from: String,
    /// What it will be.
    pub to: String,
}

/// Somebody who could approve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EligiblePerson {
    /// The name.
    pub name: String,
    /// The stable id.
    pub principal_id: String,
    /// The key.
    pub key: String,
}

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GivenVerdict {
    /// The name.
    pub name: String,
    /// The stable id.
    pub principal_id: String,
    /// `approve` or `deny`.
    pub verdict: &'static str,
    /// When.
    pub given: String,
    /// Why.
    pub reason: Option<String>,
    /// What was signed, with both signatures.
    pub statement: String,
}

impl Engine {
    /// Requests that can still be carried out, or all, the newest last.
    ///
    /// # Errors
    /// A denial; what the store answers.
    pub async fn list_approvals(&self, all: bool) -> Result<Vec<ApprovalSummary>, EngineError> {
        self.begin().await?;
        // whoever belongs to a tenant sees what belongs to it
        let own = match self.asking() {
            Some(Caller::Known(principal)) => principal.tenant,
            _ => None,
        };
        let what = "list requests for approvals";
        let directory = self.reading_approvals(own.as_deref(), what).await?;
        let panel = self.panel(&directory).await?;
        let mut known = self.known_requests().await?;
        known.retain(|known| own.is_none() || own == known.request.act.tenant);
        known.sort_by_key(|known| (known.request.made_at, known.request.id));
        let mut listed = Vec::new();
        for known in &known {
            let verdicts = self.verdicts_on(known.request.id).await?;
            let summary = self.summarise(&panel, known, &verdicts);
            if all || matches!(summary.state, "open" | "approved") {
                listed.push(summary);
            }
        }
        Ok(listed)
    }

    /// One request with everything that would be signed.
    ///
    /// # Errors
    /// [`super::ApprovalError::NotFound`]; a denial.
    pub async fn show_approval(&self, id: &str) -> Result<ShownApproval, EngineError> {
        self.begin().await?;
        let known = self.known_request(id).await?;
        let (tenant, what) = (known.request.act.tenant.as_deref(), "show a request for approvals");
        let directory = self.reading_approvals(tenant, what).await?;
        let panel = self.panel(&directory).await?;
        let verdicts = self.verdicts_on(known.request.id).await?;
        let summary = self.summarise(&panel, &known, &verdicts);
        let (request, row) = (&known.request, &known.row.record);
        let name = |id: [u8; 8]| name_of(&directory, PrincipalId(id));
        let person = |who: &EligibleApprover| {
            let (principal_id, key) = (PrincipalId(who.principal).to_string(), who.key.to_string());
            Ok(EligiblePerson { name: name(who.principal)?, principal_id, key })
        };
        let eligible = request.approvers.iter().map(person).collect::<Result<_, EngineError>>()?;
        let verdict = |row: &Stored<ApprovalRecord>| given_verdict(&directory, &row.record);
        let verdicts = verdicts.iter().map(verdict).collect::<Result<_, EngineError>>()?;
        let change = |a: &medseal_core::approval::Alteration| ShownChange {
            what: a.what.clone(),
            from: a.from.clone(),
            to: a.to.clone(),
        };
        Ok(ShownApproval {
            summary,
            digest: request.digest().map(|digest| digest.to_string()).unwrap_or_default(),
            epoch: request.epoch,
            parameters: request.act.parameters.iter().cloned().collect(),
            changes: request.act.alterations.iter().map(change).collect(),
            eligible,
            verdicts,
            closed_by: row.closed_by.clone(),
            closed: row.closed_at.map(rfc3339),
            request: BASE64.encode(&row.request),
        })
    }

    async fn reading_approvals(
        &self,
        tenant: Option<&str>,
        what: &str,
    ) -> Result<Directory, EngineError> {
        let (directory, epoch) = self.directory().await?;
        let about = Changed { tenant, id: KeyVersionId([0; 8]), what };
        self.admit_change::<ReadApprovals>(epoch, &about).await?;
        Ok(directory)
    }

    fn summarise(
        &self,
        panel: &Panel,
        known: &KnownRequest,
        verdicts: &[Stored<ApprovalRecord>],
    ) -> ApprovalSummary {
        let request = &known.request;
        let statements: Vec<String> =
            verdicts.iter().map(|row| row.record.statement.clone()).collect();
        let whose = (&request.requester, &request.act);
        let case = panel.case(self, known, &statements, whose, None);
        let given = case.given();
        let denied = statements.iter().any(|s| claimed_verdict(s) != Some(Verdict::Approve));
        let state = match known.standing() {
            Standing::Executed => "executed",
            Standing::Withdrawn => "withdrawn",
            Standing::Open if denied => "denied",
            Standing::Open if case.now >= request.expires_at => "expired",
            Standing::Open if given.given >= usize::from(given.needed) => "approved",
            Standing::Open => "open",
        };
        ApprovalSummary {
            id: request.id.to_string(),
            state,
            operation: request.act.operation.clone(),
            tenant: request.act.tenant.clone(),
            requester: request.requester.name.clone(),
            made: rfc3339(request.made_at),
            expires: rfc3339(request.expires_at),
            needed: given.needed,
            given: given.given,
            reason: request.reason.clone(),
        }
    }
}

fn given_verdict(
    directory: &Directory,
    record: &ApprovalRecord,
) -> Result<GivenVerdict, EngineError> {
    let principal = directory.principal_by_id(&record.principal_id)?;
    Ok(GivenVerdict {
        name: principal.map_or_else(|| record.principal_id.clone(), |who| who.name),
        principal_id: record.principal_id.clone(),
        verdict: claimed_verdict(&record.statement).map_or("unreadable", Verdict::name),
        given: rfc3339(record.given_at),
        reason: record.reason.clone(),
        statement: record.statement.clone(),
    })
}

fn name_of(directory: &Directory, id: PrincipalId) -> Result<String, EngineError> {
    let principal = directory.principal_by_id(&id.to_string())?;
    Ok(principal.map_or_else(|| id.to_string(), |who| who.name))
}

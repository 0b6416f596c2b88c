//! Erasing a subject: its secrets go, a tombstone and a signed certificate stay.
//!
//! The entry comes first, then one transaction that deletes the secrets and writes the certificate.
//! So a kill leaves a subject that is erased and has its certificate, or one that is not erased. The
//! transaction holds only at the epoch at which no hold was found, and placing one advances it.

use super::{SubjectName, check_reason, of_tenant};
use crate::approvals::Asking;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::{Subject, admit};
use crate::keys::SubjectKeys;
use crate::ledger::Recorded;
use crate::random::BufferedRandom;
use medseal_core::Random;
use medseal_core::approval::{Act, Alteration, RequestId};
use medseal_core::audit::{ErasureCertificate, LogId};
use medseal_core::operation::OperationDigest;
use medseal_core::stored_secret::Month;
use medseal_health::fhir;
use medseal_policy::approval::{self, Action, Approved};
use medseal_policy::{Authorized, EraseSubject, Weakening};
use medseal_store::{
    Change, PseudonymRecord, StoreError, Stored, SubjectHoldRecord, SubjectRecord,
    SubjectTombstoneRecord,
};

const MAX_ATTEMPTS: u32 = 64;

/// What an erasure left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// The signed certificate.
    pub certificate: String,
    /// From when on the subject's data opens in no live store, in seconds since 1970.
    pub live: i64,
    /// From when on it opens from no copy of the store either; `None` where month keys cannot be
    /// forgotten: live only.
    pub complete: Option<i64>,
}

/// A subject that nothing stands against erasing; made by [`Erasable::judge`] alone.
struct Erasable(Stored<SubjectRecord>);

impl Erasable {
    /// A hold beats everything: one is enough, whoever asks.
    fn judge(row: Stored<SubjectRecord>, holds: &[SubjectHoldRecord]) -> Result<Self, EngineError> {
        if holds.is_empty() {
            return Ok(Self(row));
        }
        let names: Vec<&str> = holds.iter().map(|hold| hold.name.as_str()).collect();
        Err(EngineError::SubjectHeld(names.join(", ")))
    }
}

/// What an erasure is about to say, once it is allowed.
struct Plan<'a> {
    subject: SubjectName<'a>,
    reason: &'a str,
    epoch: u64,
    certificate: [u8; 16],
    erasable: Erasable,
}

type Proofs = (Authorized<EraseSubject>, Recorded, OperationDigest);

/// Whose id it is only the home can say: the request names the handle.
fn erasing(record: &SubjectRecord) -> Act {
    let alteration = Alteration {
        what: "secrets of the subject".to_owned(),
        from: "there".to_owned(),
        to: "destroyed".to_owned(),
    };
    Act {
        operation: Action::EraseSubject.name().to_owned(),
        tenant: Some(record.tenant.clone()),
        concerns: None,
        parameters: vec![("subject".to_owned(), record.handle.clone())],
        alterations: vec![alteration],
    }
}

impl Engine {
    /// Erases a subject: destroys the secrets without which nothing that is bound to it opens,
    /// deletes the way back from its pseudonym, and certifies it.
    ///
    /// # Errors
    /// [`EngineError::SubjectHeld`], [`EngineError::SubjectUnknown`],
    /// [`EngineError::SubjectErased`], [`EngineError::ReasonInvalid`]; then nothing happened.
    pub async fn erase_subject(
        &self,
        subject: SubjectName<'_>,
        reason: &str,
    ) -> Result<Erased, EngineError> {
        check_reason(reason, subject.id)?;
        for _ in 0..MAX_ATTEMPTS {
            let epoch = self.begin().await?;
            let (erasable, keys) = self.erasable(subject).await?;
            let mut certificate = [0; 16];
            BufferedRandom.fill(&mut certificate).map_err(medseal_core::Error::from)?;
            let plan = Plan { subject, reason, epoch, certificate, erasable };
            let act = erasing(&plan.erasable.0.record);
            let asking = Asking { act: &act, epoch, weakens: Weakening::No, reason: Some(reason) };
            let approved = self.require_approval::<approval::EraseSubject>(&asking).await?;
            let request = approved.request();
            let ((authorized, recorded), operation) =
                self.prove_erasure(&plan, &keys, request).await?;
            let proofs = (authorized, recorded, operation);
            if let Some(erased) = self.erase(proofs, (approved, &act), plan).await? {
                return Ok(erased);
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn erasable(
        &self,
        subject: SubjectName<'_>,
    ) -> Result<(Erasable, SubjectKeys), EngineError> {
        let handle = self.subject_handle(subject.tenant, subject.id).to_string();
        let row = self.living_subject(subject.tenant, &handle).await?;
        let keys = self.open_subject(row.clone()).await?;
        let holds = self.holds_on(subject.tenant, &handle).await?;
        Ok((Erasable::judge(row, &holds)?, keys))
    }

    async fn prove_erasure(
        &self,
        plan: &Plan<'_>,
        keys: &SubjectKeys,
        request: Option<RequestId>,
    ) -> Result<((Authorized<EraseSubject>, Recorded), OperationDigest), EngineError> {
        let shown = format!("erase a subject, certificate {}", LogId(plan.certificate));
        let details = format!("{shown}; reason: {}", plan.reason);
        let mut items = self.items::<EraseSubject>(plan.epoch)?;
        let mut same = items.twin();
        request.into_iter().for_each(|request| items.name_request(request));
        for collected in [&mut items, &mut same] {
            collected.add_about_subject(&details, keys.audit(), of_tenant(plan.subject.tenant));
        }
        let about = Subject { epoch: plan.epoch, keys: &[], change: Some(&shown) };
        let permit = self.permit::<EraseSubject>(items, &about).await?;
        Ok((permit.into_proofs(), same.digest()))
    }

    /// Erasing proper: takes all proofs, compares them with the operation at hand and destroys.
    /// `None` when somebody else changed the store meanwhile.
    async fn erase(
        &self,
        (authorized, recorded, operation): Proofs,
        (approved, act): (Approved<approval::EraseSubject>, &Act),
        plan: Plan<'_>,
    ) -> Result<Option<Erased>, EngineError> {
        let admitted = admit(authorized, recorded, operation)?;
        let Stored { record, version } = &plan.erasable.0;
        let mut change = Change::new(plan.epoch);
        let key = [record.tenant.as_str(), record.handle.as_str()];
        change.delete::<SubjectRecord>(&key, *version)?;
        let pseudonyms = self.delete_pseudonym(plan.subject, &mut change).await?;
        let erased = self.certify(&plan, operation, pseudonyms)?;
        let tombstone = SubjectTombstoneRecord {
            tenant: record.tenant.clone(),
            handle: record.handle.clone(),
            erased_at: erased.live,
            certificate: erased.certificate.clone(),
        };
        change.insert(&tombstone, &self.row_mac)?;
        self.carry_out(&approved, act, &mut change, erased.live).await?;
        let planned = match self.rows().plan(change).await {
            Err(StoreError::Conflict) => return Ok(None),
            planned => planned?,
        };
        Ok(self.commit_planned(&admitted, planned).await?.then_some(erased))
    }

    /// The way back from the pseudonym of this very id, if documents have one.
    async fn delete_pseudonym(
        &self,
        subject: SubjectName<'_>,
        change: &mut Change,
    ) -> Result<u64, EngineError> {
        let key = self.kwk.pseudonym_key(&self.store_id, subject.tenant);
        let pseudonym = fhir::pseudonym(key.bytes_for(subject.id));
        let key = [subject.tenant, pseudonym.as_str()];
        let Some(row) = self.rows().get::<PseudonymRecord>(&key).await? else { return Ok(0) };
        change.delete::<PseudonymRecord>(&key, row.version)?;
        Ok(1)
    }

    fn certify(
        &self,
        plan: &Plan<'_>,
        operation: OperationDigest,
        pseudonyms: u64,
    ) -> Result<Erased, EngineError> {
        let record = &plan.erasable.0.record;
        let month = u32::try_from(record.month).ok().and_then(Month::from_yyyymm);
        let live = self.clock.now();
        let complete = self.forgotten_after(month.unwrap_or(Month::NONE));
        let certificate = ErasureCertificate {
            id: plan.certificate,
            log: self.audit_keys().log(),
            store: self.store_id.clone(),
            tenant: plan.subject.tenant.to_owned(),
            subject: self.subject_handle(plan.subject.tenant, plan.subject.id),
            live,
            complete,
            principal: self.caller_name(),
            entry: operation.to_bytes(),
            pseudonyms,
            reason: plan.reason.to_owned(),
        };
        Ok(Erased { certificate: self.ledger.certify(&certificate)?, live, complete })
    }
}

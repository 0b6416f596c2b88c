//! The gate every operation goes through: decision, record, and only then keys.

use crate::engine::Engine;
use crate::error::EngineError;
use crate::ledger::{Details, Recorded};
use crate::random::BufferedRandom;
use medseal_core::approval::RequestId;
use medseal_core::operation::{Group, Operation, OperationDigest, OperationItems};
use medseal_core::state_root::StateRoot;
use medseal_core::{Error, KeyVersionId, Random};
use medseal_policy::{Authorized, Op};
use medseal_store::{Change, Planned, StoreError};

/// An operation that was allowed and stands in the ledger. Consumed by what it allows.
#[must_use]
pub(crate) struct Permit<O: Op> {
    authorized: Authorized<O>,
    recorded: Recorded,
}

/// An operation whose decision and record were found to be about the same items.
pub(crate) struct Admitted(());

/// What the ledger says beside the decision.
pub(crate) struct Subject<'a> {
    pub(crate) epoch: u64,
    pub(crate) keys: &'a [String],
    pub(crate) change: Option<&'a str>,
}

impl Engine {
    pub(crate) fn items<O: Op>(&self, epoch: u64) -> Result<OperationItems, EngineError> {
        let operation: Operation = O::OPERATION;
        let mut salt = [0; 32];
        BufferedRandom.fill(&mut salt).map_err(Error::from)?;
        Ok(OperationItems::new(operation, epoch, salt))
    }

    /// The root at an epoch that this engine has read; none before the store has one.
    pub(crate) fn root_at(&self, epoch: u64) -> Result<Option<StateRoot>, EngineError> {
        match (self.memory.root_at(epoch), self.memory.newest()) {
            (None, Some(_)) => Err(StoreError::Conflict.into()),
            (root, _) => Ok(root),
        }
    }

    /// Decides and records, denials too. When it returns, the entry is on disk.
    pub(crate) async fn permit<O: Op>(
        &self,
        mut items: OperationItems,
        about: &Subject<'_>,
    ) -> Result<Permit<O>, EngineError> {
        let root = self.root_at(about.epoch)?;
        let subjects = items.subject_tags();
        let (mut kept, digest) = (items.take_details(), items.digest_so_far());
        if let (Some(details), Some(case)) = (&mut kept, self.occasion.case.as_deref()) {
            details.set_case(case);
        }
        let (count, request) = (items.count(), items.request());
        let decided = self.decide::<O>(items, about.epoch).await?;
        let details = Details {
            time: self.clock.now(),
            who: &decided.who,
            purpose: decided.purpose,
            alarms: &decided.alarms,
            epoch: about.epoch,
            root,
            items: kept,
            count,
            keys: about.keys,
            change: about.change,
            subjects,
            request,
        };
        match decided.outcome {
            Ok(authorized) => {
                let recorded = self.ledger.record(&authorized, details)?;
                Ok(Permit { authorized, recorded })
            }
            Err(denied) => {
                self.ledger.record_denied::<O>(digest, &denied.rules, details)?;
                Err(denied.into())
            }
        }
    }
}

/// What a change of the store is about.
pub(crate) struct Changed<'a> {
    /// None for what belongs to no tenant.
    pub(crate) tenant: Option<&'a str>,
    /// The key version; 0 for something else.
    pub(crate) id: KeyVersionId,
    pub(crate) what: &'a str,
}

impl Engine {
    /// Decides, records and commits; `false` when somebody else was faster.
    pub(crate) async fn commit_change<O: Op>(
        &self,
        epoch: u64,
        change: Change,
        about: &Changed<'_>,
    ) -> Result<bool, EngineError> {
        let planned = match self.rows().plan(change).await {
            Ok(planned) => planned,
            Err(StoreError::Conflict) => return Ok(false),
            Err(other) => return Err(other.into()),
        };
        let admitted = self.admit_change::<O>(epoch, about).await?;
        self.commit_planned(&admitted, planned).await
    }

    /// Commits a change that was admitted, and says to the log where the store stands then; `false`
    /// when somebody else was faster.
    pub(crate) async fn commit_planned(
        &self,
        _admitted: &Admitted,
        planned: Planned,
    ) -> Result<bool, EngineError> {
        let after = planned.changes_the_root().then(|| planned.after());
        match self.rows().commit(planned).await {
            Ok(epoch) => {
                self.cache().enter_epoch(epoch);
                // the change is made and its entry stands; without this one the next entry says it
                let now = self.clock.now();
                let _ = after.map(|state| self.ledger.record_state(now, state));
                Ok(true)
            }
            Err(StoreError::Conflict) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }

    /// Decides, records and compares an operation that has no values.
    pub(crate) async fn admit_change<O: Op>(
        &self,
        epoch: u64,
        about: &Changed<'_>,
    ) -> Result<Admitted, EngineError> {
        self.admit_change_with::<O>(epoch, about, about.what).await
    }

    /// The same with more in the encrypted details than may stand in clear, such as a reason: free
    /// text may name a patient.
    pub(crate) async fn admit_change_with<O: Op>(
        &self,
        epoch: u64,
        about: &Changed<'_>,
        details: &str,
    ) -> Result<Admitted, EngineError> {
        self.admit_named::<O>(epoch, about, details, None).await
    }

    /// The same for what is done by a request for approvals, or is about one.
    pub(crate) async fn admit_named<O: Op>(
        &self,
        epoch: u64,
        about: &Changed<'_>,
        details: &str,
        request: Option<RequestId>,
    ) -> Result<Admitted, EngineError> {
        let mut items = self.items::<O>(epoch)?;
        let mut same = items.twin();
        request.into_iter().for_each(|request| items.name_request(request));
        for collected in [&mut items, &mut same] {
            let group = Group { tenant: about.tenant.map(str::to_owned), ..Group::default() };
            collected.add(about.id, details.as_bytes(), group);
        }
        let subject = Subject { epoch, keys: &[], change: Some(about.what) };
        let (authorized, recorded) = self.permit::<O>(items, &subject).await?.into_proofs();
        admit(authorized, recorded, same.digest())
    }
}

impl<O: Op> Permit<O> {
    /// Takes the two proofs apart, for the functions that ask for both.
    pub(crate) fn into_proofs(self) -> (Authorized<O>, Recorded) {
        (self.authorized, self.recorded)
    }
}

/// Compares the digests that decision and record carry with the operation's own.
pub(crate) fn admit<O: Op>(
    authorized: Authorized<O>,
    recorded: Recorded,
    operation: OperationDigest,
) -> Result<Admitted, EngineError> {
    if authorized.digest() == operation && recorded.digest() == operation {
        Ok(Admitted(()))
    } else {
        Err(EngineError::ProofMismatch)
    }
}

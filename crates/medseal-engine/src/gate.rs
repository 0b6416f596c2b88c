//! The gate every operation goes through: decision, record, and only then keys.

use crate::engine::Engine;
use crate::error::EngineError;
use crate::ledger::{Details, Recorded};
use crate::random::BufferedRandom;
use medseal_core::operation::{Operation, OperationDigest, OperationItems};
use medseal_core::state_root::StateRoot;
use medseal_core::{Error, Random};
use medseal_policy::{Authorized, Op, decide};
use medseal_store::StoreError;

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
    fn root_at(&self, epoch: u64) -> Result<Option<StateRoot>, EngineError> {
        match (self.memory.root_at(epoch), self.memory.newest()) {
            (None, Some(_)) => Err(StoreError::Conflict.into()),
            (root, _) => Ok(root),
        }
    }

    /// Decides and records, denials too. When it returns, the entry is on disk.
    pub(crate) fn permit<O: Op>(
        &self,
        mut items: OperationItems,
        about: &Subject<'_>,
    ) -> Result<Permit<O>, EngineError> {
        let root = self.root_at(about.epoch)?;
        let (subjects, digest) = (items.subject_tags(), items.digest_so_far());
        let kept = items.take_details();
        let details = Details {
            time: self.clock.now(),
            principal: &self.principal,
            epoch: about.epoch,
            root,
            items: kept,
            count: items.count(),
            keys: about.keys,
            change: about.change,
            subjects,
        };
        match decide::<O>(&self.owner, &self.principal, items) {
            Ok(authorized) => {
                let recorded = self.ledger.record(&authorized, details)?;
                Ok(Permit { authorized, recorded })
            }
            Err(denied) => {
                self.ledger.record_denied::<O>(digest, details)?;
                Err(denied.into())
            }
        }
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

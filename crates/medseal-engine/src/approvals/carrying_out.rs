//! Doing what was approved: the request is marked in the transaction of the change itself.
//!
//! So a kill leaves a request that is open and nothing done, or one that is carried out and all of it
//! done; and of two that carry it out at once one finds that the store has moved on.

use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Changed;
use medseal_core::approval::Act;
use medseal_core::keyring::UnixSeconds;
use medseal_policy::Op;
use medseal_policy::approval::{Approved, Controlled};
use medseal_store::{ApprovalRequestRecord, Change, RequestState, StoreError, Stored};

/// A change that was approved, and what the log says of it.
pub(crate) struct Commitment<'a> {
    /// The epoch at which it was judged and planned.
    pub(crate) epoch: u64,
    /// What was approved.
    pub(crate) act: &'a Act,
    /// The rows.
    pub(crate) change: Change,
    /// In clear in the entry.
    pub(crate) about: Changed<'a>,
    /// In the encrypted details.
    pub(crate) details: &'a str,
    /// When.
    pub(crate) at: UnixSeconds,
}

impl Engine {
    /// Decides, records and commits; `false` when somebody else was faster.
    pub(crate) async fn commit_approved<O: Op, A: Controlled>(
        &self,
        approved: Approved<A>,
        commitment: Commitment<'_>,
    ) -> Result<bool, EngineError> {
        Ok(self.commit_kept::<O, A>(approved, commitment).await?.is_some())
    }

    /// The same for something that is done after it, and asks for the proof: the request is used up
    /// then, and the proof is that of this once.
    pub(crate) async fn commit_kept<O: Op, A: Controlled>(
        &self,
        approved: Approved<A>,
        commitment: Commitment<'_>,
    ) -> Result<Option<Approved<A>>, EngineError> {
        let Commitment { epoch, act, mut change, about, details, at } = commitment;
        self.carry_out(&approved, act, &mut change, at).await?;
        if change.writes.is_empty() {
            self.admit_named::<O>(epoch, &about, details, approved.request()).await?;
            return Ok(Some(approved));
        }
        let planned = match self.rows().plan(change).await {
            Ok(planned) => planned,
            Err(StoreError::Conflict) => return Ok(None),
            Err(other) => return Err(other.into()),
        };
        let admitted = self.admit_named::<O>(epoch, &about, details, approved.request()).await?;
        Ok(self.commit_planned(&admitted, planned).await?.then_some(approved))
    }

    /// Adds to a change that the request was carried out. One that was already is a beginning whose
    /// end comes now.
    pub(crate) async fn carry_out<A: Controlled>(
        &self,
        approved: &Approved<A>,
        act: &Act,
        change: &mut Change,
        at: UnixSeconds,
    ) -> Result<(), EngineError> {
        if !approved.is_for(act) {
            return Err(EngineError::ProofMismatch);
        }
        let Some(id) = approved.request() else { return Ok(()) };
        let row = self.rows().get::<ApprovalRequestRecord>(&[&id.to_string()]).await?;
        let Stored { record, version } = row.ok_or(StoreError::Conflict)?;
        if record.state == RequestState::Open {
            let executed = ApprovalRequestRecord {
                state: RequestState::Executed,
                closed_by: Some(self.caller_name()),
                closed_at: Some(at),
                ..record
            };
            change.update(version, &executed, &self.row_mac)?;
        }
        Ok(())
    }
}

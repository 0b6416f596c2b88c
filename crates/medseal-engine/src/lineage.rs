//! The store against the audit log: where a store's state root begins, and that it never goes back.
//!
//! The store alone cannot show that it is the newest; the log names every state that an operation
//! found and every state that a change led to (`spec/state-root.md`). A store that is behind the log
//! stops everything here, before anything is decided.

use crate::engine::Engine;
use crate::error::EngineError;
use medseal_core::KeyVersionId;
use medseal_core::state_root::StateAt;
use medseal_store::{Change, RolledBack, StoreError, VerifiedState};

const MAX_ATTEMPTS: u32 = 64;

impl Engine {
    /// The store's state, not behind what the log or this process has seen of it.
    pub(crate) async fn current_state(&self) -> Result<VerifiedState, EngineError> {
        // the log first: what it names was in the store before
        let logged = self.ledger.look(self.clock.monotonic_millis());
        let state = self.rows().state().await?;
        logged.map_or(Ok(()), |logged| not_behind(&state, &logged))?;
        Ok(state)
    }

    /// The same with the log as it is now; for whoever examines a home.
    pub(crate) async fn examined_state(&self) -> Result<StateAt, EngineError> {
        let logged = self.ledger.newest_state()?;
        let state = self.rows().state().await?;
        logged.map_or(Ok(()), |logged| not_behind(&state, &logged))?;
        Ok(state.at().ok_or(RolledBack::RootRemoved).map_err(StoreError::from)?)
    }

    /// Begins the state root of a store from before there was one, and writes that to the log. A
    /// store whose root the log names has one or was tampered with.
    pub(crate) async fn begin_lineage(&self) -> Result<(), EngineError> {
        for _ in 0..MAX_ATTEMPTS {
            let epoch = match self.rows().state().await? {
                VerifiedState { root: Some(_), .. } => return Ok(()),
                VerifiedState { epoch, root: None } => epoch,
            };
            // the log first, as always: another process may be beginning right now
            let logged = self.ledger.newest_state()?;
            if self.rows().state().await?.root.is_some() {
                return Ok(());
            }
            if logged.is_some() {
                return Err(StoreError::from(RolledBack::RootRemoved).into());
            }
            let (what, nothing) = ("begin the state root", KeyVersionId([0; 8]));
            match self.commit_change(epoch, Change::new(epoch), nothing, what).await {
                Ok(true) => return Ok(()),
                // the log names a root by now, of whoever was faster
                Ok(false) | Err(EngineError::Store(StoreError::RolledBack(_))) => {}
                Err(other) => return Err(other),
            }
        }
        Err(StoreError::Conflict.into())
    }
}

fn not_behind(state: &VerifiedState, logged: &StateAt) -> Result<(), StoreError> {
    let Some(root) = state.root else { return Err(RolledBack::RootRemoved.into()) };
    if state.epoch < logged.epoch {
        let (found, known) = (state.epoch, logged.epoch);
        return Err(RolledBack::LowerEpoch { found, known }.into());
    }
    if state.epoch == logged.epoch && root != logged.root {
        return Err(RolledBack::SecondRoot(state.epoch).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests;

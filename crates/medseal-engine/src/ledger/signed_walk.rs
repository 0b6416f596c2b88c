//! Reads every entry up to now and verifies the log on the way: what is counted or listed is worth
//! something only when nothing was taken out of it.

use super::Ledger;
use super::verify::Snapshot;
use crate::error::EngineError;
use medseal_core::Error;
use medseal_core::audit::{Checkpoint, DetailsState, Entry};
use std::cell::Cell;

/// One entry that the newest checkpoint covers.
pub(super) struct SignedEntry<'e> {
    pub(super) index: u64,
    pub(super) bytes: &'e [u8],
    /// Whether its details were wanted.
    pub(super) wanted: bool,
    pub(super) state: DetailsState,
    /// The encrypted details, if they were wanted.
    pub(super) details: &'e [u8],
}

/// The checkpoint that covers what was read.
pub(super) struct Covered {
    pub(super) checkpoint: Checkpoint,
    pub(super) note: String,
}

impl SignedEntry<'_> {
    pub(super) fn decode(&self) -> Result<Entry<'_>, EngineError> {
        Ok(Entry::decode(self.bytes, self.index).map_err(Error::from)?)
    }
}

impl Ledger {
    /// Signs first, so that every entry up to now is covered, and gives each to `visit`, with its
    /// details if they are wanted.
    pub(super) fn walk_signed(
        &self,
        mut wanted: impl FnMut(&Entry<'_>) -> bool,
        mut visit: impl FnMut(&SignedEntry<'_>) -> Result<(), EngineError>,
    ) -> Result<Covered, EngineError> {
        self.group.sign()?;
        let snapshot = Snapshot::take(&self.files)?;
        let checkpoint = self.keys.verify(&snapshot.newest).map_err(Error::from)?;
        let is_wanted = Cell::new(false);
        let keep = |entry: &Entry<'_>| {
            is_wanted.set(entry.sequence < checkpoint.size && wanted(entry));
            is_wanted.get()
        };
        let verifier =
            snapshot.walk_keeping(&self.keys, keep, |verifier, bytes, state, details| {
                let (index, wanted) = (verifier.size() - 1, is_wanted.get());
                if index < checkpoint.size {
                    visit(&SignedEntry { index, bytes, wanted, state, details })?;
                }
                if verifier.size() == checkpoint.size {
                    verifier.check(&checkpoint).map_err(Error::from)?;
                }
                Ok(())
            })?;
        if verifier.size() < checkpoint.size {
            verifier.check(&checkpoint).map_err(Error::from)?;
        }
        Ok(Covered { checkpoint, note: snapshot.newest })
    }
}

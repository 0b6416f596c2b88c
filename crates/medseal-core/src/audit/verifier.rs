//! The verifier: entries go in one by one, in constant memory, and the first wrong one is named.

use super::checkpoint::Checkpoint;
use super::entry::{Entry, Event, LogId, SealedDetails};
use super::rejection::{Rejection, RejectionKind};
use super::tree::{Frontier, Hash, leaf_hash};
use crate::state_root::StateAt;
use sha2::{Digest, Sha256};

/// What was found behind an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DetailsState {
    /// The entry has none.
    None,
    /// The ciphertext that the entry commits to.
    Present,
    /// Zeros of the same length: they were erased.
    Erased,
}

/// Verifies one log from its first entry on.
pub struct LogVerifier {
    log: LogId,
    frontier: Frontier,
    newest_known: u64,
    newest_known_at: u64,
    /// The newest state of the store that an entry named.
    state: Option<StateAt>,
    scratch: Vec<u8>,
    details: DetailsCheck,
}

struct DetailsCheck {
    sealed: Option<SealedDetails>,
    hasher: Sha256,
    length: u64,
    zero: bool,
}

impl LogVerifier {
    /// A verifier of the log with this id.
    pub fn new(log: LogId) -> Self {
        Self {
            log,
            frontier: Frontier::default(),
            newest_known: 0,
            newest_known_at: 0,
            state: None,
            scratch: Vec::with_capacity(512),
            details: DetailsCheck { sealed: None, hasher: Sha256::new(), length: 0, zero: true },
        }
    }

    /// How many entries were taken.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root over them.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// Takes the next entry; its details follow by [`LogVerifier::details`].
    ///
    /// # Errors
    /// The [`Rejection`] of this entry.
    pub fn entry<'e>(&mut self, bytes: &'e [u8]) -> Result<Entry<'e>, Rejection> {
        let index = self.size();
        let refused = |kind| Rejection::entry(index, kind);
        let entry = Entry::decode(bytes, index, &mut self.scratch)?;
        if entry.log != self.log {
            return Err(refused(RejectionKind::EntryLog));
        }
        if entry.sequence != index {
            return Err(refused(RejectionKind::EntrySequence));
        }
        // an entry cannot know a checkpoint of more entries than stand before it
        if entry.signed > index || (index == 0) != matches!(entry.event, Event::Boot { .. }) {
            return Err(refused(RejectionKind::EntryMalformed));
        }
        self.take_state(&entry).ok_or(refused(RejectionKind::EntryState))?;
        if entry.signed > self.newest_known {
            (self.newest_known, self.newest_known_at) = (entry.signed, index);
        }
        self.frontier.push(leaf_hash(bytes));
        self.details.sealed = match &entry.event {
            Event::Operation(access) => access.details,
            _ => None,
        };
        Ok(entry)
    }

    /// Keeps the newest state; `None` for an entry that contradicts it. A lower epoch does not: the
    /// operation began before the change that another entry names.
    fn take_state(&mut self, entry: &Entry<'_>) -> Option<()> {
        match (entry.state(), self.state) {
            (Some(named), Some(known)) if named.epoch == known.epoch => {
                (named.root == known.root).then_some(())
            }
            (Some(named), known) => {
                if known.is_none_or(|known| named.epoch > known.epoch) {
                    self.state = Some(named);
                }
                Some(())
            }
            (None, known) => {
                let must_name = matches!(entry.event, Event::Operation(_));
                (known.is_none() || !must_name).then_some(())
            }
        }
    }

    /// The newest state of the store that an entry named.
    pub fn state(&self) -> Option<StateAt> {
        self.state
    }

    /// Takes the next piece of the details behind the entry that was just taken.
    pub fn details(&mut self, piece: &[u8]) {
        let check = &mut self.details;
        check.length += piece.len() as u64;
        check.zero = check.zero && piece.iter().all(|byte| *byte == 0);
        check.hasher.update(piece);
    }

    /// Ends the details of the entry that was just taken.
    ///
    /// # Errors
    /// [`RejectionKind::EntryDetails`].
    pub fn end_details(&mut self) -> Result<DetailsState, Rejection> {
        let check = &mut self.details;
        let (length, zero) = (check.length, check.zero);
        let digest = if length > 0 { check.hasher.finalize_reset().into() } else { [0; 32] };
        (check.length, check.zero) = (0, true);
        let state = match check.sealed.take() {
            None if length == 0 => Some(DetailsState::None),
            Some(s) if s.length == length && length > 0 && s.digest == digest => {
                Some(DetailsState::Present)
            }
            Some(s) if s.length == length && zero => Some(DetailsState::Erased),
            _ => None,
        };
        let index = self.size().saturating_sub(1);
        state.ok_or(Rejection::entry(index, RejectionKind::EntryDetails))
    }

    /// Holds the entries so far against a checkpoint of as many.
    ///
    /// # Errors
    /// [`RejectionKind::Root`], or [`RejectionKind::Truncated`] when there are fewer.
    pub fn check(&self, checkpoint: &Checkpoint) -> Result<(), Rejection> {
        let refused = |kind| Err(Rejection::checkpoint(checkpoint.size, kind));
        if self.size() < checkpoint.size {
            return refused(RejectionKind::Truncated);
        }
        if self.size() != checkpoint.size || self.root() != checkpoint.root {
            return refused(RejectionKind::Root);
        }
        Ok(())
    }

    /// Holds the log's newest checkpoint against what the entries know of newer ones.
    ///
    /// # Errors
    /// [`RejectionKind::CheckpointOld`].
    pub fn check_newest(&self, newest: u64) -> Result<(), Rejection> {
        if self.newest_known <= newest {
            return Ok(());
        }
        Err(Rejection::entry(self.newest_known_at, RejectionKind::CheckpointOld))
    }
}

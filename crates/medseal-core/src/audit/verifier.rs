//! The verifier: entries go in one by one, in constant memory, and the first wrong one is named.

use super::checkpoint::Checkpoint;
use super::entry::{Entry, Event, LogId, SealedDetails};
use super::frame::split_frame;
use super::rejection::{Rejection, RejectionKind};
use super::states::States;
use super::tree::{Frontier, Hash, Span, leaf_hash};
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
    entries: EntryVerifier,
    frontier: Frontier,
}

/// A run of entries that was verified without those before it, by one of several threads.
pub struct VerifiedRun {
    span: Span,
    newest_known: u64,
    newest_known_at: u64,
    states: States,
    /// How many of its entries have their details.
    pub present: u64,
    /// How many had them erased.
    pub erased: u64,
}

/// What can be said of an entry without those before it.
struct EntryVerifier {
    log: LogId,
    newest_known: u64,
    newest_known_at: u64,
    states: States,
    details: DetailsCheck,
}

struct DetailsCheck {
    sealed: Option<SealedDetails>,
    hasher: Sha256,
    length: u64,
    zero: bool,
}

impl EntryVerifier {
    fn new(log: LogId) -> Self {
        let details = DetailsCheck { sealed: None, hasher: Sha256::new(), length: 0, zero: true };
        Self { log, newest_known: 0, newest_known_at: 0, states: States::default(), details }
    }

    fn take(&mut self, index: u64, entry: &Entry<'_>) -> Result<(), Rejection> {
        let refused = |kind| Rejection::entry(index, kind);
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
        if !self.states.take(entry, index) {
            return Err(refused(RejectionKind::EntryState));
        }
        if entry.signed > self.newest_known {
            (self.newest_known, self.newest_known_at) = (entry.signed, index);
        }
        self.details.sealed = match &entry.event {
            Event::Operation(access) => access.details,
            _ => None,
        };
        Ok(())
    }
}

impl DetailsCheck {
    fn take(&mut self, piece: &[u8]) {
        self.length += piece.len() as u64;
        self.zero = self.zero && piece.iter().all(|byte| *byte == 0);
        self.hasher.update(piece);
    }

    fn end(&mut self, index: u64) -> Result<DetailsState, Rejection> {
        let (length, zero) = (self.length, self.zero);
        let digest = if length > 0 { self.hasher.finalize_reset().into() } else { [0; 32] };
        (self.length, self.zero) = (0, true);
        let state = match self.sealed.take() {
            None if length == 0 => Some(DetailsState::None),
            Some(s) if s.length == length && length > 0 && s.digest == digest => {
                Some(DetailsState::Present)
            }
            Some(s) if s.length == length && zero => Some(DetailsState::Erased),
            _ => None,
        };
        state.ok_or(Rejection::entry(index, RejectionKind::EntryDetails))
    }
}

impl VerifiedRun {
    /// Verifies whole frames, the first of which holds the entry with the index `first`.
    ///
    /// # Errors
    /// The [`Rejection`] of the first entry that is wrong.
    pub fn verify(log: LogId, first: u64, mut frames: &[u8]) -> Result<Self, Rejection> {
        let mut entries = EntryVerifier::new(log);
        let (mut span, mut present, mut erased) = (Span::starting_at(first), 0, 0);
        while let Some((entry, details, rest)) = split_frame(frames) {
            let index = span.end();
            entries.take(index, &Entry::decode_without_lists(entry, index)?)?;
            span.push(leaf_hash(entry));
            entries.details.take(details);
            match entries.details.end(index)? {
                DetailsState::None => {}
                DetailsState::Present => present += 1,
                DetailsState::Erased => erased += 1,
            }
            frames = rest;
        }
        if !frames.is_empty() {
            return Err(Rejection::entry(span.end(), RejectionKind::EntryMalformed));
        }
        let EntryVerifier { newest_known, newest_known_at, states, .. } = entries;
        Ok(Self { span, newest_known, newest_known_at, states, present, erased })
    }
}

impl LogVerifier {
    /// A verifier of the log with this id.
    pub fn new(log: LogId) -> Self {
        Self { entries: EntryVerifier::new(log), frontier: Frontier::default() }
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
        let entry = Entry::decode(bytes, self.size())?;
        self.entries.take(self.size(), &entry)?;
        self.entries.states.settle();
        self.frontier.push(leaf_hash(bytes));
        Ok(entry)
    }

    /// The newest state of the store that an entry named.
    pub fn state(&self) -> Option<StateAt> {
        self.entries.states.newest()
    }

    /// Takes the next piece of the details behind the entry that was just taken.
    pub fn details(&mut self, piece: &[u8]) {
        self.entries.details.take(piece);
    }

    /// Ends the details of the entry that was just taken.
    ///
    /// # Errors
    /// [`RejectionKind::EntryDetails`].
    pub fn end_details(&mut self) -> Result<DetailsState, Rejection> {
        let index = self.size().saturating_sub(1);
        self.entries.details.end(index)
    }

    /// Takes the entries that follow from a run.
    ///
    /// # Errors
    /// [`RejectionKind::EntrySequence`] for a run that does not begin where the log ends;
    /// [`RejectionKind::EntryState`] for an entry that contradicts what stands before the run.
    pub fn join(&mut self, run: &VerifiedRun) -> Result<(), Rejection> {
        if !self.frontier.append(&run.span) {
            return Err(Rejection::entry(self.size(), RejectionKind::EntrySequence));
        }
        let refused = |index| Rejection::entry(index, RejectionKind::EntryState);
        self.entries.states.join(&run.states).map_err(refused)?;
        if run.newest_known > self.entries.newest_known {
            self.entries.newest_known = run.newest_known;
            self.entries.newest_known_at = run.newest_known_at;
        }
        Ok(())
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
        if self.entries.newest_known <= newest {
            return Ok(());
        }
        let at = self.entries.newest_known_at;
        Err(Rejection::entry(at, RejectionKind::CheckpointOld))
    }
}

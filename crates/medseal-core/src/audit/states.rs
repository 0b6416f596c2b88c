//! What the entries of a log say of the store: one root for one epoch, and no operation without.
//!
//! An entry is held against the newest state before it. A lower epoch says nothing: the operation
//! began before the change that another entry names.

use super::entry::{Entry, Event};
use crate::state_root::StateAt;

/// The states that a run of entries names.
#[derive(Default)]
pub(super) struct States {
    newest: Option<StateAt>,
    /// Every state that was the newest one at its entry, with the entry's index.
    records: Vec<(StateAt, u64)>,
    /// The first operation that names no root, before any entry that does.
    unnamed: Option<u64>,
}

impl States {
    /// `false` for an entry that contradicts those before it.
    pub(super) fn take(&mut self, entry: &Entry<'_>, index: u64) -> bool {
        match (entry.state(), self.newest) {
            (Some(named), Some(known)) if named.epoch == known.epoch => named.root == known.root,
            (Some(named), Some(known)) if named.epoch < known.epoch => true,
            (Some(named), _) => {
                self.newest = Some(named);
                self.records.push((named, index));
                true
            }
            (None, known) if matches!(entry.event, Event::Operation(_)) => {
                self.unnamed.get_or_insert(index);
                known.is_none()
            }
            (None, _) => true,
        }
    }

    /// Forgets what only a run that is to be joined needs.
    pub(super) fn settle(&mut self) {
        self.records.clear();
    }

    /// Takes in a run that follows.
    ///
    /// # Errors
    /// The index of the first of its entries that contradicts those before the run.
    pub(super) fn join(&mut self, run: &States) -> Result<(), u64> {
        if let Some(known) = self.newest {
            let second = |(state, _): &&(StateAt, u64)| {
                state.epoch == known.epoch && state.root != known.root
            };
            let second = run.records.iter().find(second).map(|(_, index)| *index);
            if let Some(index) = [second, run.unnamed].into_iter().flatten().min() {
                return Err(index);
            }
        }
        let newer = |state: &StateAt| self.newest.is_none_or(|known| state.epoch > known.epoch);
        self.newest = run.newest.filter(newer).or(self.newest);
        Ok(())
    }

    /// The newest state that an entry named.
    pub(super) fn newest(&self) -> Option<StateAt> {
        self.newest
    }
}

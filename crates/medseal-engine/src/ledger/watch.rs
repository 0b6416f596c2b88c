//! What the log says of the store, read without the writers' lock.
//!
//! Every pair of epoch and root in the log was in the store before it came into the log. So whoever
//! reads the log first and the store then finds the store there or further on, and everything else
//! is a store that was put back. Bytes that are being written right now are not whole entries and
//! are left for the next look. It must not write, and what it has read is no tail to append to.

use super::files::AuditFiles;
use super::keys::OpenedLog;
use super::tail::{Look, Tail};
use crate::error::EngineError;
use medseal_core::audit::{HeadKey, LogKeys};
use medseal_core::state_root::StateAt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long a look at the log holds, in milliseconds.
const LOOK_HOLDS: u64 = 500;

pub(super) struct Watch {
    files: AuditFiles,
    keys: LogKeys,
    head_key: HeadKey,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    tail: Option<Tail>,
    looked_at: Option<u64>,
    /// Why the last look failed, if it did.
    failed: Option<EngineError>,
}

impl Watch {
    pub(super) fn new(files: AuditFiles, log: &OpenedLog) -> Self {
        let head_key = HeadKey::new(log.keys.log(), &log.seed);
        Self { files, keys: log.keys.clone(), head_key, seen: Mutex::default() }
    }

    /// The newest state of the store that the log names, as of the last half second; `None` also
    /// when the log cannot be read, and then [`Watch::failure`] tells.
    pub(super) fn look(&self, now_millis: u64) -> Option<StateAt> {
        let mut seen = self.seen();
        let holds = |at: u64| now_millis.saturating_sub(at) < LOOK_HOLDS;
        if seen.failed.is_some() || !seen.looked_at.is_some_and(holds) {
            let failed = self.read(&mut seen).err();
            seen.looked_at = Some(now_millis);
            seen.failed = failed;
        }
        seen.tail.as_ref().and_then(|tail| tail.head.state)
    }

    /// The newest state of the store that the log names now.
    pub(super) fn newest(&self) -> Result<Option<StateAt>, EngineError> {
        let mut seen = self.seen();
        self.read(&mut seen)?;
        Ok(seen.tail.as_ref().and_then(|tail| tail.head.state))
    }

    /// Nothing is recorded about a store that could not be held against the log.
    pub(super) fn failure(&self) -> Option<EngineError> {
        self.seen().failed.as_ref().map(EngineError::again)
    }

    fn read(&self, seen: &mut Seen) -> Result<(), EngineError> {
        if let Some(mut tail) = seen.tail.take() {
            let up_to_date = match tail.look(&self.files) {
                Ok(Look::Unchanged) => true,
                Ok(Look::Changed) => tail.catch_up(&self.files, &self.keys, &[]).is_ok(),
                Ok(Look::Replaced) | Err(_) => false,
            };
            if up_to_date {
                seen.tail = Some(tail);
                return Ok(());
            }
            // an entry that somebody failed to write and cut off again
        }
        let (tail, _) = Tail::load(&self.files, &self.keys, &self.head_key)?;
        seen.tail = Some(tail);
        Ok(())
    }

    /// A panic while the lock was held leaves a tail that was read whole, or none.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The directory of a log: names, listing, and the lock that its writers share.

use crate::error::EngineError;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a writer waits for another one before it gives up.
const LOCK_DEADLINE: Duration = Duration::from_secs(30);
/// How long a reader waits for a writer before it reads beside it.
const READING_DEADLINE: Duration = Duration::from_secs(1);
const LOCK_PAUSE: Duration = Duration::from_micros(200);
const SEGMENT_DIGITS: usize = 20;

/// Below `audit/` of a home.
#[derive(Debug, Clone)]
pub(crate) struct AuditFiles {
    directory: PathBuf,
}

/// The lock on a log, released when it is dropped.
pub(super) struct Lock(File);

impl Drop for Lock {
    /// Closing alone would not do: a child that another thread is just starting has the file, and
    /// with it the lock, until it executes its program.
    fn drop(&mut self) {
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

/// What was found below `audit/`.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// First indices of the segments, ascending.
    pub(super) segments: Vec<u64>,
    /// First indices of the segments that have a seal.
    pub(super) seals: Vec<u64>,
    /// Anything else, by its name below `audit/`.
    pub(super) unknown: Vec<String>,
}

impl AuditFiles {
    /// The files below `directory`.
    pub(crate) fn at(directory: PathBuf) -> Self {
        Self { directory }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn checkpoint(&self) -> PathBuf {
        self.directory.join("checkpoint")
    }

    pub(super) fn segments(&self) -> PathBuf {
        self.directory.join("segments")
    }

    pub(super) fn segment(&self, first: u64) -> PathBuf {
        self.segments().join(format!("{first:020}.log"))
    }

    pub(super) fn seal(&self, first: u64) -> PathBuf {
        self.segments().join(format!("{first:020}.seal"))
    }

    pub(super) fn index(&self) -> PathBuf {
        self.directory.join("index")
    }

    pub(super) fn head(&self) -> PathBuf {
        self.index().join("head")
    }

    /// Waits for the other writers and readers, not for ever.
    pub(super) fn lock(&self) -> Result<Lock, EngineError> {
        self.wait(FlockOperation::NonBlockingLockExclusive, LOCK_DEADLINE)
    }

    /// Waits for the writers a moment. `None` when one of them keeps the lock, as it does while the
    /// disk hangs: who wants to know what happened must be able to read all the same.
    pub(super) fn lock_to_read(&self) -> Result<Option<Lock>, EngineError> {
        match self.wait(FlockOperation::NonBlockingLockShared, READING_DEADLINE) {
            Err(EngineError::AuditUnavailable(io::ErrorKind::WouldBlock)) => Ok(None),
            lock => lock.map(Some),
        }
    }

    /// `None` when another writer has the lock; readers are waited for.
    pub(super) fn lock_unless_writing(&self) -> Option<Lock> {
        let directory = File::open(&self.directory).ok()?;
        // a shared lock is refused by a writer alone
        flock(&directory, FlockOperation::NonBlockingLockShared).ok()?;
        flock(&directory, FlockOperation::Unlock).ok()?;
        self.lock().ok()
    }

    fn wait(&self, operation: FlockOperation, deadline: Duration) -> Result<Lock, EngineError> {
        let directory = File::open(&self.directory).map_err(unavailable)?;
        let start = Instant::now();
        loop {
            match flock(&directory, operation) {
                Ok(()) => return Ok(Lock(directory)),
                Err(Errno::WOULDBLOCK | Errno::INTR) if start.elapsed() < deadline => {
                    std::thread::sleep(LOCK_PAUSE);
                }
                Err(error) => return Err(unavailable(error.into())),
            }
        }
    }

    /// Every file but those of the index.
    pub(super) fn list(&self) -> Result<Listing, EngineError> {
        let mut listing = Listing::default();
        for name in names(&self.directory)? {
            if !matches!(name.as_str(), "checkpoint" | "segments" | "index") {
                listing.unknown.push(name);
            }
        }
        for name in names(&self.segments())? {
            match name.split_once('.') {
                Some((first, "log")) if number(first).is_some() => {
                    listing.segments.extend(number(first));
                }
                Some((first, "seal")) if number(first).is_some() => {
                    listing.seals.extend(number(first));
                }
                _ => listing.unknown.push(format!("segments/{name}")),
            }
        }
        listing.segments.sort_unstable();
        listing.seals.sort_unstable();
        Ok(listing)
    }
}

fn names(directory: &Path) -> Result<Vec<String>, EngineError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(unavailable)? {
        names.push(entry.map_err(unavailable)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn number(digits: &str) -> Option<u64> {
    let plain = digits.len() == SEGMENT_DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
pub(super) fn unavailable(error: io::Error) -> EngineError {
    EngineError::AuditUnavailable(error.kind())
}

/// Something about the log itself is wrong, at a place.
pub(super) fn broken(place: impl Into<String>, what: &'static str) -> EngineError {
    EngineError::AuditBroken { place: place.into(), what }
}

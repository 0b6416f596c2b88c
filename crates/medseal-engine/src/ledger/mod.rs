//! The durable record of every operation, written before anything is answered.
//!
//! One line of JSON per operation in `audit/ledger.ndjson`: when, who, what, how many values under
//! which keys, and the digest of all contexts. No context value stands there, because record ids
//! are patients' data. Lines are appended under a lock and synced; a line that a kill cut off is
//! closed before the next one. The file is opened anew for each entry, so that one that was
//! deleted or replaced shows at the next operation and not at the next start.

use crate::clock::rfc3339;
use crate::error::EngineError;
use medseal_core::keyring::UnixSeconds;
use medseal_core::operation::{Operation, OperationDigest};
use medseal_policy::{Authorized, Op, Principal};
use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Proof that an operation stands in the ledger, on disk; single use, made only here.
#[must_use]
pub struct Recorded {
    digest: OperationDigest,
}

impl Recorded {
    /// The digest of the operation that was recorded.
    pub fn digest(&self) -> OperationDigest {
        self.digest
    }
}

/// The append-only log of one home.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
}

#[derive(Serialize)]
struct Entry<'a> {
    time: String,
    principal: String,
    operation: &'static str,
    rule: &'static str,
    epoch: u64,
    items: u64,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    keys: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'a str>,
    digest: String,
}

/// What an entry says beside the decision.
pub(crate) struct Details<'a> {
    pub(crate) time: UnixSeconds,
    pub(crate) principal: &'a Principal,
    pub(crate) epoch: u64,
    pub(crate) items: u64,
    /// `NAME@N` of every key version that is used.
    pub(crate) keys: &'a [String],
    /// What is changed, for changes of keys and definitions.
    pub(crate) change: Option<&'a str>,
}

impl Ledger {
    /// The ledger at `path`, which [`Ledger::create`] made.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Makes an empty ledger.
    pub(crate) fn create(path: &Path) -> io::Result<()> {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.sync_all()
    }

    /// Appends the entry of an operation that was decided on.
    ///
    /// # Errors
    /// [`EngineError::AuditUnavailable`]; the operation must then not happen.
    pub(crate) fn record<O: Op>(
        &self,
        authorized: &Authorized<O>,
        details: &Details<'_>,
    ) -> Result<Recorded, EngineError> {
        let operation: Operation = O::OPERATION;
        let entry = Entry {
            time: rfc3339(details.time),
            principal: details.principal.name(),
            operation: operation.name(),
            rule: authorized.rule(),
            epoch: details.epoch,
            items: details.items,
            keys: details.keys,
            change: details.change,
            digest: authorized.digest().to_hex(),
        };
        let unavailable = |error: io::Error| EngineError::AuditUnavailable(error.kind());
        let mut line = serde_json::to_vec(&entry).map_err(|e| unavailable(e.into()))?;
        line.push(b'\n');
        self.append(&line).map_err(unavailable)?;
        Ok(Recorded { digest: authorized.digest() })
    }

    fn append(&self, line: &[u8]) -> io::Result<()> {
        // never `create`: a ledger that is gone must stop the service, not start afresh
        let mut file = OpenOptions::new().read(true).append(true).open(&self.path)?;
        flock(&file, FlockOperation::LockExclusive)?;
        if ends_mid_line(&mut file)? {
            file.write_all(b"\n")?;
        }
        file.write_all(line)?;
        file.sync_data()
    }
}

fn ends_mid_line(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

//! Signs checkpoints and puts them in their place. The private keys are derived when the first one
//! is due and not before: a process that only fails to write needs none.

use super::files::{AuditFiles, broken, unavailable};
use crate::error::EngineError;
use medseal_core::audit::{Checkpoint, Hash, LogId, LogSigner, OpenedCheckpoint};
use medseal_core::secret::LogSeed;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

pub(super) struct Signing {
    files: AuditFiles,
    log: LogId,
    seed: Arc<LogSeed>,
    signer: Option<LogSigner>,
}

impl Signing {
    pub(super) fn new(files: AuditFiles, log: LogId, seed: Arc<LogSeed>) -> Self {
        Self { files, log, seed, signer: None }
    }

    /// Signs the tree and makes it the newest checkpoint; the lock must be held. `sealing` names
    /// the segment that it ends.
    pub(super) fn sign(
        &mut self,
        (size, root): (u64, &Hash),
        time: u64,
        sealing: Option<u64>,
    ) -> Result<(), EngineError> {
        let newest = newest_checkpoint(&self.files)?;
        if newest.is_some_and(|newest| newest.log != self.log || newest.size > size) {
            return Err(broken(
                "checkpoint",
                "is of another log or of more entries than there are",
            ));
        }
        let note = self.signer()?.sign(size, root, time)?;
        // the seal comes second: a kill in between must not make it newer than the checkpoint
        self.put(&self.files.checkpoint(), note.as_bytes())?;
        match sealing {
            Some(segment) => self.put(&self.files.seal(segment), note.as_bytes()),
            None => Ok(()),
        }
    }

    fn signer(&mut self) -> Result<&LogSigner, EngineError> {
        let signer = match self.signer.take() {
            Some(signer) => signer,
            None => LogSigner::new(self.log, &self.seed)?,
        };
        Ok(self.signer.insert(signer))
    }

    fn put(&self, target: &Path, bytes: &[u8]) -> Result<(), EngineError> {
        make_private_directory(&self.files.index())?;
        replace(&self.files.index().join("new"), target, bytes, true)
    }
}

/// The newest checkpoint as it is written, not verified; `None` when there is none.
pub(super) fn newest_checkpoint(files: &AuditFiles) -> Result<Option<Checkpoint>, EngineError> {
    match fs::read_to_string(files.checkpoint()) {
        Ok(note) => match OpenedCheckpoint::parse(&note) {
            Ok(opened) => Ok(Some(opened.unverified)),
            Err(_) => Err(broken("checkpoint", "is damaged")),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unavailable(error)),
    }
}

/// Writes beside the target, in the index, and renames: a kill leaves nothing that counts.
pub(super) fn replace(
    temporary: &Path,
    target: &Path,
    bytes: &[u8],
    durable: bool,
) -> Result<(), EngineError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(temporary).map_err(unavailable)?;
    file.write_all(bytes).map_err(unavailable)?;
    if durable {
        file.sync_data().map_err(unavailable)?;
    }
    fs::rename(temporary, target).map_err(unavailable)?;
    if durable {
        // later entries name this checkpoint: if a power cut took its name back, the log would look
        // like one to which an old checkpoint was put back
        let directory = target.parent().unwrap_or(target);
        fs::File::open(directory).and_then(|open| open.sync_all()).map_err(unavailable)?;
    }
    Ok(())
}

pub(super) fn make_private_directory(path: &Path) -> Result<(), EngineError> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(unavailable(error)),
        _ => Ok(()),
    }
}

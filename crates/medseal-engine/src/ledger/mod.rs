//! The durable record of every operation, written before anything is answered.
//!
//! The log's format and its verifier are `medseal_core::audit` (`spec/audit-log.md`); here are the
//! files: one writer for all threads and processes of a home, recovery after a kill, checkpoints,
//! and the commands that read. A record id never stands in clear in any of these files.
//!
//! It must not decide anything, and there is no switch that makes it optional.

mod about;
mod batches;
pub(crate) mod bench;
mod draft;
pub(crate) mod export;
mod files;
mod frames;
mod group;
mod keys;
mod protection;
mod prove;
mod read;
mod signed_walk;
mod signing;
mod tail;
mod tiling;
mod verify;
mod walk;
mod watch;
mod witness;
mod writer;

pub use export::{
    ExportDetails, ExportForm, ExportManifest, ExportRequest, ExportedFile, ExportedRange,
};
pub use keys::{AuditKeys, read_audit_keys};
pub use prove::{CheckedProof, check_proof, prove_entry};
pub use read::{EntryFilter, EntrySummary, ShownEntry, ShownItem, list_entries};
pub use tiling::{TilesReport, write_tiles};
pub use verify::{AuditReport, VerifyRequest, verify_log};
pub use witness::{WitnessReport, witness};

pub(crate) use draft::{Decided, Details, Who};
pub(crate) use files::AuditFiles;
pub(crate) use keys::{LogStore, OpenedLog};

use crate::error::EngineError;
use crate::gate::Admitted;
use draft::Draft;
use group::Group;
use medseal_core::audit::{DetailsKey, ErasureCertificate, LogKeys, LogSigner, Outcome};
use medseal_core::keyring::UnixSeconds;
use medseal_core::operation::OperationDigest;
use medseal_core::secret::LogSeed;
use medseal_core::state_root::StateAt;
use medseal_policy::{Authorized, Op};
use std::sync::Arc;
use watch::Watch;
use writer::Writer;

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

/// Makes the files of a log, for tests of homes from before.
#[cfg(test)]
pub(crate) fn create_log(files: &AuditFiles, log: OpenedLog) -> Result<(), EngineError> {
    Writer::create(files, log, 1)
}

/// The append-only log of one home.
pub struct Ledger {
    details: DetailsKey,
    keys: LogKeys,
    files: AuditFiles,
    watch: Watch,
    group: Group,
    /// For certificates; the writer has its own.
    seed: Arc<LogSeed>,
}

impl Ledger {
    /// The log below a home's `audit/`. Nothing is read before the first entry, so that a log that
    /// cannot be used shows at each operation and not at the start alone.
    pub(crate) fn new(files: AuditFiles, log: OpenedLog) -> Self {
        let details = DetailsKey::new(log.keys.log(), &log.seed);
        let keys = log.keys.clone();
        let watch = Watch::new(files.clone(), &log);
        let seed = Arc::clone(&log.seed);
        let group = Group::new(Writer::new(files.clone(), log));
        Self { details, keys, files, watch, group, seed }
    }

    /// Appends the entry of an operation that was decided on.
    ///
    /// # Errors
    /// [`EngineError::AuditUnavailable`], [`EngineError::AuditBroken`]; the operation must then not
    /// happen.
    pub(crate) fn record<O: Op>(
        &self,
        authorized: &Authorized<O>,
        details: Details<'_>,
    ) -> Result<Recorded, EngineError> {
        let decided = Decided { outcome: Outcome::Permitted, rules: authorized.rules() };
        let digest = authorized.digest();
        let draft = Draft::new(O::OPERATION, &decided, digest, details, &self.details)?;
        self.append(draft)?;
        Ok(Recorded { digest: authorized.digest() })
    }

    /// Appends the entry of an operation that was denied.
    ///
    /// # Errors
    /// As [`Ledger::record`].
    pub(crate) fn record_denied<O: Op>(
        &self,
        digest: OperationDigest,
        rules: &[String],
        details: Details<'_>,
    ) -> Result<(), EngineError> {
        let decided = Decided { outcome: Outcome::Denied, rules };
        self.append(Draft::new(O::OPERATION, &decided, digest, details, &self.details)?)
    }

    /// Appends where the store stands after a change that was made.
    ///
    /// # Errors
    /// As [`Ledger::record`]; the change stands all the same.
    pub(crate) fn record_state(
        &self,
        time: UnixSeconds,
        state: StateAt,
    ) -> Result<(), EngineError> {
        self.append(Draft::of_store(time, state)?)
    }

    fn append(&self, draft: Draft) -> Result<(), EngineError> {
        self.watch.failure().map_or(Ok(()), Err)?;
        self.group.append(draft)
    }

    /// The newest state of the store that the log names, as of the last half second. When the log
    /// cannot be read there is none, and nothing is recorded until it can.
    pub(crate) fn look(&self, now_millis: u64) -> Option<StateAt> {
        self.watch.look(now_millis)
    }

    /// The newest state of the store that the log names now.
    ///
    /// # Errors
    /// As [`Ledger::record`].
    pub(crate) fn newest_state(&self) -> Result<Option<StateAt>, EngineError> {
        self.watch.newest()
    }

    /// Signs a certificate with the log's keys.
    ///
    /// # Errors
    /// What a certificate cannot say.
    pub(crate) fn certify(&self, certificate: &ErasureCertificate) -> Result<String, EngineError> {
        Ok(LogSigner::new(self.keys.log(), &self.seed)?.certify(certificate)?)
    }

    /// The public keys.
    pub(crate) fn keys(&self) -> &LogKeys {
        &self.keys
    }

    /// The key of the details, for an operation that was decided on and recorded.
    pub(crate) fn details_key(&self, _admitted: &Admitted) -> &DetailsKey {
        &self.details
    }

    /// Where its files are.
    pub(crate) fn files(&self) -> &AuditFiles {
        &self.files
    }

    /// Whether an entry could be written now; writes none.
    ///
    /// # Errors
    /// As [`Ledger::record`].
    pub(crate) fn examine(&self) -> Result<(), EngineError> {
        self.group.examine()
    }
}

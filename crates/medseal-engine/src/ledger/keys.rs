//! The keys of this node's log: made with it, kept as a stored secret, apart from all data keys.

use super::files::{AuditFiles, broken, unavailable};
use super::writer::Writer;
use crate::error::EngineError;
use crate::home::KWK_VERSION;
use crate::random::BufferedRandom;
use medseal_core::audit::{LogId, LogKeys, LogSigner};
use medseal_core::keyring::UnixSeconds;
use medseal_core::row_mac::{RowMacKey, primary_key};
use medseal_core::secret::{Kwk, LogSeed};
use medseal_core::stored_secret::Place;
use medseal_core::{Error, StoreId};
use medseal_store::{AuditLogRecord, Change, Record, Store, StoreError, Stored};
use std::fs;

/// The public keys of a log, which verify it.
pub use medseal_core::audit::LogKeys as AuditKeys;

/// Reads the verifier keys that `medseal audit key` printed.
///
/// # Errors
/// [`Error::Audit`].
pub fn read_audit_keys(text: &str) -> Result<AuditKeys, EngineError> {
    Ok(LogKeys::from_vkeys(text).map_err(Error::from)?)
}

const NODE: &str = "local";
const PURPOSE: &str = "audit-log";

/// A log whose keys were opened.
pub(crate) struct OpenedLog {
    pub(crate) keys: LogKeys,
    pub(crate) seed: LogSeed,
}

/// What the keys of a log are kept with.
pub(crate) struct LogStore<'s> {
    pub(crate) store: &'s dyn Store,
    pub(crate) store_id: &'s StoreId,
    pub(crate) kwk: &'s Kwk,
    pub(crate) row_mac: &'s RowMacKey,
}

impl LogStore<'_> {
    /// The keys of this node's log. A home that has none gets a log, once.
    pub(crate) async fn open_or_create(
        &self,
        files: &AuditFiles,
        now: UnixSeconds,
    ) -> Result<OpenedLog, EngineError> {
        if let Some(log) = self.open().await? {
            return Ok(log);
        }
        // of two processes the second finds the row
        let _lock = files.lock()?;
        if let Some(log) = self.open().await? {
            return Ok(log);
        }
        self.create(files, now).await
    }

    async fn open(&self) -> Result<Option<OpenedLog>, EngineError> {
        let row = medseal_store::get::<AuditLogRecord>(self.store, &[NODE]).await?;
        let Some(row) = row else { return Ok(None) };
        let Stored { record, version } = row.verify(self.row_mac)?;
        let rejected =
            || StoreError::RowRejected { table: AuditLogRecord::table().name, key: NODE.into() };
        let log = LogId::parse(&record.log_id).ok_or_else(rejected)?;
        let keys = LogKeys::new(log, &record.ed25519, &record.ml_dsa_87).ok_or_else(rejected)?;
        let pk = primary_key(&[NODE]);
        let seed =
            self.kwk.wrap_key(KWK_VERSION).unwrap(&self.place(&pk, version), &record.seed)?;
        let seed = LogSeed::from_slice(&seed).ok_or_else(rejected)?;
        Ok(Some(OpenedLog { keys, seed }))
    }

    /// The files come first: a log without its row never recorded anything.
    async fn create(&self, files: &AuditFiles, now: UnixSeconds) -> Result<OpenedLog, EngineError> {
        remove_unused(files)?;
        let random = &mut BufferedRandom;
        let log = LogId::generate(random).map_err(Error::from)?;
        let seed = LogSeed::generate(random).map_err(Error::from)?;
        let keys = LogSigner::new(log, &seed)?.keys().clone();
        let pk = primary_key(&[NODE]);
        let wrap = self.kwk.wrap_key(KWK_VERSION);
        let wrapped = wrap.wrap(&self.place(&pk, 1), seed.expose_bytes(), random)?;
        let record = AuditLogRecord {
            node: NODE.to_owned(),
            log_id: log.to_string(),
            ed25519: keys.ed25519().to_vec(),
            ml_dsa_87: keys.ml_dsa_87().to_vec(),
            seed: wrapped,
            created_at: now,
        };
        let time = u64::try_from(now).unwrap_or(0);
        let copy = LogSeed::from_slice(seed.expose_bytes()).ok_or(Error::Rejected)?;
        Writer::create(files, OpenedLog { keys: keys.clone(), seed: copy }, time)?;
        let mut change = Change::new(self.store.state().await?.epoch);
        change.insert(&record, self.row_mac)?;
        self.store.commit(change).await?;
        Ok(OpenedLog { keys, seed })
    }

    fn place<'p>(&'p self, primary_key: &'p [u8], version: u64) -> Place<'p> {
        let (store, table) = (self.store_id, AuditLogRecord::table().name);
        Place { store, table, primary_key, version, purpose: PURPOSE }
    }
}

/// Removes what a killed first start left. A log that recorded more than its beginning is never
/// removed: its row was deleted, and that is somebody's doing.
fn remove_unused(files: &AuditFiles) -> Result<(), EngineError> {
    if !files.segments().exists() {
        return Ok(());
    }
    let found = files.list()?;
    let long = |first: &u64| {
        fs::metadata(files.segment(*first)).is_ok_and(|file| file.len() > LONGEST_BEGINNING)
    };
    if found.segments.len() > 1 || found.segments.iter().any(long) {
        return Err(broken("table audit_logs", "the row of this log is missing"));
    }
    fs::remove_dir_all(files.segments()).map_err(unavailable)?;
    match fs::remove_file(files.checkpoint()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(unavailable(error)),
        _ => Ok(()),
    }
}

/// A boot entry with its frame.
const LONGEST_BEGINNING: u64 = 160;

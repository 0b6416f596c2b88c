//! The keys of this node's log: made with it, kept as a stored secret, apart from all data keys.

use super::files::AuditFiles;
use super::writer::Writer;
use crate::error::EngineError;
use crate::home::KWK_VERSION;
use crate::random::BufferedRandom;
use medseal_core::audit::{LogId, LogKeys, LogSigner};
use medseal_core::keyring::UnixSeconds;
use medseal_core::row_mac::primary_key;
use medseal_core::secret::{Kwk, LogSeed};
use medseal_core::stored_secret::Place;
use medseal_core::{Error, StoreId};
use medseal_store::{AuditLogRecord, Change, Record, RolledBack, Rows, StoreError, Stored};
use std::sync::Arc;

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
    pub(crate) seed: Arc<LogSeed>,
}

/// What the keys of a log are kept with.
pub(crate) struct LogStore<'s> {
    pub(crate) rows: Rows<'s>,
    pub(crate) store_id: &'s StoreId,
    pub(crate) kwk: &'s Kwk,
}

impl LogStore<'_> {
    /// The keys of this node's log. A home gets its log when it is made.
    pub(crate) async fn open_or_create(
        &self,
        files: &AuditFiles,
        now: UnixSeconds,
    ) -> Result<OpenedLog, EngineError> {
        if let Some(log) = self.open().await? {
            return Ok(log);
        }
        self.create(files, now).await
    }

    async fn open(&self) -> Result<Option<OpenedLog>, EngineError> {
        let row = self.rows.get::<AuditLogRecord>(&[NODE]).await?;
        let Some(Stored { record, version }) = row else { return Ok(None) };
        let rejected =
            || StoreError::RowRejected { table: AuditLogRecord::table().name, key: NODE.into() };
        let log = LogId::parse(&record.log_id).ok_or_else(rejected)?;
        let keys = LogKeys::new(log, &record.ed25519, &record.ml_dsa_87).ok_or_else(rejected)?;
        let pk = primary_key(&[NODE]);
        let seed =
            self.kwk.wrap_key(KWK_VERSION).unwrap(&self.place(&pk, version), &record.seed)?;
        let seed = LogSeed::from_slice(&seed).ok_or_else(rejected)?;
        Ok(Some(OpenedLog { keys, seed: Arc::new(seed) }))
    }

    /// The files come first: a log without its row never recorded anything.
    async fn create(&self, files: &AuditFiles, now: UnixSeconds) -> Result<OpenedLog, EngineError> {
        // every store that has no log yet has a root: its first row began it
        let epoch = match self.rows.state().await?.at() {
            Some(state) => state.epoch,
            None => return Err(StoreError::from(RolledBack::RootRemoved).into()),
        };
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
        let seed = Arc::new(seed);
        let opened = OpenedLog { keys: keys.clone(), seed: Arc::clone(&seed) };
        Writer::create(files, opened, time)?;
        let mut change = Change::new(epoch);
        change.insert(&record, self.rows.key)?;
        self.rows.commit(self.rows.plan(change).await?).await?;
        Ok(OpenedLog { keys, seed })
    }

    fn place<'p>(&'p self, primary_key: &'p [u8], version: u64) -> Place<'p> {
        let (store, table) = (self.store_id, AuditLogRecord::table().name);
        Place { store, table, primary_key, version, purpose: PURPOSE }
    }
}

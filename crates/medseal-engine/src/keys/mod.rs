//! Keys: loading them from the store, changing them, deriving and caching what data needs.

mod cache;
mod change;
mod destroy;
mod epochs;
mod listing;
mod subjects;

pub(crate) use cache::KeyCache;
pub use change::NewKey;
pub(crate) use change::{check_name, check_reason};
pub use destroy::Destroyed;
pub use listing::{KeySummary, VersionSummary};
pub use medseal_core::keyring::Purpose as KeyPurpose;
pub(crate) use subjects::SubjectKeys;

use crate::engine::Engine;
use crate::error::EngineError;
use medseal_core::context::Scope;
use medseal_core::envelope::Envelope;
use medseal_core::key_schedule::{Dek, FieldKey};
use medseal_core::keyring::{KeyVersion, Keyring, Purpose, Refusal};
use medseal_core::row_mac::primary_key;
use medseal_core::secret::Kek;
use medseal_core::stored_secret::{Month, Place, StoredHeader, WrapKey};
use medseal_core::stream::StreamKey;
use medseal_core::{KeyVersionId, Suite};
use medseal_kms::KmsError;
use medseal_store::{KeyRecord, KeySecretRecord, KeyVersionRecord, Record, Stored};
use medseal_store::{RolledBack, StoreError};
use std::sync::Arc;

const KEK_PURPOSE: &str = "kek";
/// How often a key is read again because others changed the store meanwhile.
const MAX_READS: u32 = 64;
/// What key versions for files are made with: bodies have one suite, and this is its metadata's.
pub(crate) const FILE_SUITE: Suite = Suite::Aes256Gcm;

/// A key as the store holds it, every row authenticated.
#[derive(Clone)]
pub(crate) struct LoadedKey {
    pub(crate) tenant: String,
    pub(crate) name: String,
    pub(crate) keyring: Keyring,
    pub(crate) row: Arc<(KeyRecord, u64)>,
    /// The rows of the versions with their row versions, in the keyring's order.
    pub(crate) version_rows: Arc<Vec<(KeyVersionRecord, u64)>>,
}

impl Engine {
    /// The store's epoch; a cache from another epoch is emptied, and so is what was known of the
    /// caller. A process that goes on over the end of a month does then what the month asks for.
    pub(crate) async fn begin(&self) -> Result<u64, EngineError> {
        self.keep_month().await?;
        self.enter().await
    }

    /// As [`Engine::begin`], whatever the month.
    pub(super) async fn enter(&self) -> Result<u64, EngineError> {
        let epoch = self.current_state().await?.epoch;
        self.cache().enter_epoch(epoch);
        self.keep_authority(epoch).await?;
        Ok(epoch)
    }

    /// The key `name` of `tenant`.
    pub(crate) async fn load_key(
        &self,
        tenant: &str,
        name: &str,
    ) -> Result<Arc<LoadedKey>, EngineError> {
        if let Some(key) = self.cache().key(tenant, name) {
            return Ok(key);
        }
        let key = Arc::new(self.read_key(tenant, name).await?);
        self.cache().put_key(Arc::clone(&key));
        Ok(key)
    }

    /// The key as it stood at one epoch.
    ///
    /// Key and versions are rows of two tables, and portable SQL on many nodes gives no snapshot
    /// over several statements. Every change advances the epoch in its own transaction, so an
    /// epoch that stood still says that no change came between.
    pub(crate) async fn read_key(
        &self,
        tenant: &str,
        name: &str,
    ) -> Result<LoadedKey, EngineError> {
        let mut before = self.rows().state().await?.epoch;
        for _ in 0..MAX_READS {
            let read = self.read_key_rows(tenant, name).await;
            if matches!(read, Err(EngineError::Store(StoreError::Conflict))) {
                // it was read again often enough
                return read;
            }
            let after = self.rows().state().await?.epoch;
            if after == before {
                return read;
            }
            before = after;
        }
        Err(StoreError::Conflict.into())
    }

    async fn read_key_rows(&self, tenant: &str, name: &str) -> Result<LoadedKey, EngineError> {
        let found = self.rows().get::<KeyRecord>(&[tenant, name]).await?;
        let found = found.ok_or_else(|| EngineError::NoSuchKey(name.to_owned()))?;
        let Stored { record, version } = found;
        let rows = self.rows().all::<KeyVersionRecord>(&[tenant, name]).await?;
        let version_rows: Vec<_> = rows.into_iter().map(|row| (row.record, row.version)).collect();
        let records: Vec<KeyVersionRecord> = version_rows.iter().map(|(r, _)| r.clone()).collect();
        let keyring = medseal_store::keyring(&record, &records)?;
        Ok(LoadedKey {
            tenant: tenant.to_owned(),
            name: name.to_owned(),
            keyring,
            row: Arc::new((record, version)),
            version_rows: Arc::new(version_rows),
        })
    }

    /// The key that owns the version named in a header. A version of another tenant is the wrong
    /// place for the envelope and answered like every wrong place.
    pub(crate) async fn key_of_version(
        &self,
        tenant: &str,
        id: KeyVersionId,
    ) -> Result<Arc<LoadedKey>, EngineError> {
        if let Some(key) = self.cache().key_of_version(id).filter(|key| key.tenant == tenant) {
            return Ok(key);
        }
        let Some(row) = self.store.find_key_version(id).await? else {
            return Err(self.missing_version(id).await?);
        };
        let record = KeyVersionRecord::from_columns(row.columns)?;
        if record.tenant != tenant {
            return Err(medseal_core::Error::Rejected.into());
        }
        self.load_key(tenant, &record.name).await
    }

    /// Why there is no row of a key version. One that has a wrapped key had a row.
    async fn missing_version(&self, id: KeyVersionId) -> Result<EngineError, EngineError> {
        let key = id.to_string();
        let secret = self.rows().get::<KeySecretRecord>(&[&key]).await?;
        let table = KeyVersionRecord::table().name;
        Ok(secret.map_or(EngineError::KeyVersionUnknown, |_| {
            StoreError::from(RolledBack::RowMissing { table, key }).into()
        }))
    }

    /// `NAME@N` of the key version that a binary envelope names.
    ///
    /// # Errors
    /// A malformed envelope; [`EngineError::KeyVersionUnknown`].
    pub async fn version_name(&self, tenant: &str, envelope: &[u8]) -> Result<String, EngineError> {
        let id = Envelope::parse(envelope)?.header().id;
        let key = self.key_of_version(tenant, id).await?;
        let version = key.keyring.versions.iter().find(|version| version.id == id);
        version.map(|version| key.version_name(version)).ok_or(EngineError::KeyVersionUnknown)
    }

    /// The field key of one version of a field key, derived or from the cache.
    pub(crate) async fn field_key(
        &self,
        key: &LoadedKey,
        version: &KeyVersion,
        scope: &Scope,
        subject: Option<&SubjectKeys>,
    ) -> Result<Arc<FieldKey>, EngineError> {
        if key.keyring.purpose != Purpose::Field {
            return Err(EngineError::KeyPurpose(key.name.clone()));
        }
        let now = self.clock.monotonic_millis();
        let of = subject.map_or("", |subject| subject.subject().as_str());
        if let Some(found) = self.cache().field_key(version.id, scope, of, now, &self.options) {
            return Ok(found);
        }
        let dek = self.dek(key, version, subject).await?;
        let derived = Arc::new(dek.field_key(scope.clone())?);
        self.cache().put_field_key(version.id, Arc::clone(&derived), now);
        Ok(derived)
    }

    /// The stream key of one version of a file key. It is not cached: one serves a whole file.
    pub(crate) async fn stream_key(
        &self,
        key: &LoadedKey,
        version: &KeyVersion,
        scope: &Scope,
        subject: Option<&SubjectKeys>,
    ) -> Result<StreamKey, EngineError> {
        if key.keyring.purpose != Purpose::File {
            return Err(EngineError::KeyPurpose(key.name.clone()));
        }
        if version.suite != FILE_SUITE {
            return Err(EngineError::FileKeySuite);
        }
        let dek = self.dek(key, version, subject).await?;
        Ok(dek.stream_key(scope.clone())?)
    }

    /// Whether the KEK of one version opens.
    pub(crate) async fn check_kek(&self, id: KeyVersionId) -> Result<(), EngineError> {
        self.kek(id).await.map(drop)
    }

    /// The data key of a tenant or of one of its subjects. That of a subject is kept for a while,
    /// because its fields come one after another and each would unwrap the KEK again.
    async fn dek(
        &self,
        key: &LoadedKey,
        version: &KeyVersion,
        subject: Option<&SubjectKeys>,
    ) -> Result<Arc<Dek>, EngineError> {
        let (id, suite) = (version.id, version.suite);
        let Some(subject) = subject else {
            return Ok(Arc::new(self.kek(id).await?.tenant_dek(id, suite, &key.tenant)));
        };
        let (of, now) = (subject.subject().as_str(), self.clock.monotonic_millis());
        if let Some(known) = self.cache().dek(id, of, now, &self.options) {
            return Ok(known);
        }
        let kek = self.kek(id).await?;
        let dek = Arc::new(kek.subject_dek(id, suite, &key.tenant, of, subject.secret())?);
        self.cache().put_dek(id, of, Arc::clone(&dek), now);
        Ok(dek)
    }

    /// Reads and unwraps the KEK of one version. When its month's key is gone, somebody may have
    /// moved the row on after it was read.
    async fn kek(&self, id: KeyVersionId) -> Result<Kek, EngineError> {
        let mut missing_at = None;
        for _ in 0..MAX_READS {
            let (row, month) = self.kek_row(id).await?;
            match self.wrap_key(month).await {
                Ok(wrap) => return self.unwrap_kek(id, &row, month, &wrap),
                Err(error) if missing_at == Some(row.version) => return Err(error),
                Err(EngineError::Kms(KmsError::EpochKeyMissing(_))) => {
                    missing_at = Some(row.version);
                }
                Err(other) => return Err(other),
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn kek_row(
        &self,
        id: KeyVersionId,
    ) -> Result<(Stored<KeySecretRecord>, Month), EngineError> {
        let row = self.rows().get::<KeySecretRecord>(&[&id.to_string()]).await?;
        let row = row.ok_or(EngineError::KeyVersionUnknown)?;
        let month = StoredHeader::parse(&row.record.secret)?.month;
        Ok((row, month))
    }

    fn unwrap_kek(
        &self,
        id: KeyVersionId,
        row: &Stored<KeySecretRecord>,
        month: Month,
        wrap: &WrapKey,
    ) -> Result<Kek, EngineError> {
        let pk = primary_key(&[&id.to_string()]);
        let place = self.secret_place(&pk, row.version);
        let secret = epochs::unwrap_under(wrap, month, &place, &row.record.secret)?;
        Kek::from_slice(&secret).ok_or(EngineError::Core(medseal_core::Error::Rejected))
    }

    pub(crate) async fn wrap_key(&self, month: Month) -> Result<WrapKey, EngineError> {
        if month == Month::NONE {
            return Ok(self.kwk.wrap_key(self.kwk_version()));
        }
        let epoch = self.epochs.get(month).await?;
        Ok(self.kwk.wrap_key_for_month(self.kwk_version(), month, &epoch))
    }

    pub(crate) fn secret_place<'a>(&'a self, primary_key: &'a [u8], version: u64) -> Place<'a> {
        Place {
            store: &self.store_id,
            table: KeySecretRecord::table().name,
            primary_key,
            version,
            purpose: KEK_PURPOSE,
        }
    }
}

impl LoadedKey {
    /// The version that encrypts.
    pub(crate) fn encrypting(&self) -> Result<&KeyVersion, EngineError> {
        self.keyring.encrypting_version().map_err(|refusal| self.refused(refusal))
    }

    /// The version that a header names, if its state decrypts.
    pub(crate) fn decrypting(&self, id: KeyVersionId) -> Result<&KeyVersion, EngineError> {
        self.keyring.decrypting_version(id).map_err(|refusal| self.refused(refusal))
    }

    pub(crate) fn refused(&self, refusal: Refusal) -> EngineError {
        EngineError::Key { key: self.name.clone(), refusal }
    }

    /// `NAME@N`.
    pub(crate) fn version_name(&self, version: &KeyVersion) -> String {
        format!("{}@{}", self.name, version.number)
    }
}

#[cfg(test)]
mod tests;

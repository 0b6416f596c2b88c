//! A subject's own secrets: made when something is first encrypted for it, kept under the month's
//! epoch key, gone when it is erased.
//!
//! A new row needs the epoch that it was planned on and does not advance it: rows of subjects are
//! many, and no cached key depends on them. Erasing advances the epoch, so that whoever planned a
//! row before it plans again and finds the tombstone, and so that every process forgets.

use super::MAX_READS;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Changed;
use crate::random::BufferedRandom;
use medseal_core::audit::SubjectAuditKey;
use medseal_core::context::Subject;
use medseal_core::row_mac::primary_key;
use medseal_core::secret::{SubjectAuditSecret, SubjectSecret};
use medseal_core::stored_secret::{Month, Place, WrapKey};
use medseal_core::{Error, KeyVersionId, SubjectHandle};
use medseal_kms::KmsError;
use medseal_policy::Maintain;
use medseal_store::{Change, Record, StoreError, Stored, SubjectRecord, SubjectTombstoneRecord};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use zeroize::Zeroizing;

const PURPOSE: &str = "subject";
/// Rows of one transaction.
const MAX_ROWS: usize = 1024;
const MAX_ATTEMPTS: u32 = 256;

/// What a subject's row holds, opened.
pub(crate) struct SubjectKeys {
    subject: Subject,
    secret: SubjectSecret,
    audit: Arc<SubjectAuditKey>,
}

impl SubjectKeys {
    /// The id that values are bound to.
    pub(crate) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The secret that its data keys are derived with.
    pub(super) fn secret(&self) -> &SubjectSecret {
        &self.secret
    }

    /// What entries about it are marked with.
    pub(crate) fn audit(&self) -> &Arc<SubjectAuditKey> {
        &self.audit
    }

    fn generate(subject: Subject) -> Result<(Self, Zeroizing<Vec<u8>>), EngineError> {
        let random = &mut BufferedRandom;
        let secret = SubjectSecret::generate(random).map_err(Error::from)?;
        let audit = SubjectAuditSecret::generate(random).map_err(Error::from)?;
        // the exact room: text that grows would leave copies of a secret in memory
        let mut stored = Zeroizing::new(Vec::with_capacity(64 + subject.as_str().len()));
        stored.extend_from_slice(secret.expose_bytes());
        stored.extend_from_slice(audit.expose_bytes());
        stored.extend_from_slice(subject.as_str().as_bytes());
        let audit = Arc::new(SubjectAuditKey::new(&audit));
        Ok((Self { subject, secret, audit }, stored))
    }

    fn parse(stored: &[u8]) -> Option<Self> {
        let (secret, rest) = stored.split_at_checked(32)?;
        let (audit, id) = rest.split_at_checked(32)?;
        let audit = SubjectAuditKey::new(&SubjectAuditSecret::from_slice(audit)?);
        Some(Self {
            subject: Subject::new(std::str::from_utf8(id).ok()?).ok()?,
            secret: SubjectSecret::from_slice(secret)?,
            audit: Arc::new(audit),
        })
    }
}

/// Wrap keys of the months that came up.
#[derive(Default)]
struct WrapKeys(HashMap<Month, WrapKey>);

impl Engine {
    /// What stands for a subject in this store.
    pub(crate) fn subject_handle(&self, tenant: &str, subject: &str) -> SubjectHandle {
        self.kwk.subject_handle_key(&self.store_id, tenant).handle(subject)
    }

    /// The keys of a subject that something was encrypted for.
    ///
    /// # Errors
    /// [`EngineError::SubjectErased`], [`EngineError::SubjectUnknown`].
    pub(crate) async fn subject(
        &self,
        tenant: &str,
        subject: &str,
    ) -> Result<Arc<SubjectKeys>, EngineError> {
        let now = self.clock.monotonic_millis();
        if let Some(known) = self.cache().subject(tenant, subject, now, &self.options) {
            return Ok(known);
        }
        let handle = self.subject_handle(tenant, subject).to_string();
        let row = self.living_subject(tenant, &handle).await?;
        let keys = Arc::new(self.open_subject(row).await?);
        self.cache().put_subject(tenant, Arc::clone(&keys), now);
        Ok(keys)
    }

    /// Sees to it that all of these subjects have their rows, save those that were erased: an id that
    /// was never comes back, and whoever asks for it is told so with the place.
    pub(crate) async fn ensure_subjects(
        &self,
        tenant: &str,
        subjects: &BTreeSet<&str>,
    ) -> Result<(), EngineError> {
        let handles = self.kwk.subject_handle_key(&self.store_id, tenant);
        let mut missing = BTreeMap::new();
        for subject in subjects {
            let now = self.clock.monotonic_millis();
            if self.cache().subject(tenant, subject, now, &self.options).is_some() {
                continue;
            }
            let handle = handles.handle(subject).to_string();
            if self.subject_row(tenant, &handle).await?.is_none() {
                missing.insert(handle, Subject::new(subject)?);
            }
        }
        let missing: Vec<_> = missing.into_iter().collect();
        for rows in missing.chunks(MAX_ROWS) {
            self.insert_subjects(tenant, rows).await?;
        }
        Ok(())
    }

    /// The keys of subjects that were just made are kept; others are read when they are needed.
    ///
    /// Two processes that make the same subject at once end with one row: the key of the table
    /// refuses the second, which starts over and finds the first one's.
    async fn insert_subjects(
        &self,
        tenant: &str,
        rows: &[(String, Subject)],
    ) -> Result<(), EngineError> {
        for _ in 0..MAX_ATTEMPTS {
            let epoch = self.begin().await?;
            let month = self.clock.month();
            self.epoch_key_to_wrap_under(month).await?;
            let wrap = self.wrap_key(month).await?;
            let (mut change, mut made) = (Change::new(epoch), Vec::new());
            for (handle, subject) in rows {
                let there = self.subject_row(tenant, handle).await?.is_some();
                if there || self.tombstone(tenant, handle).await?.is_some() {
                    continue;
                }
                let (keys, stored) = SubjectKeys::generate(subject.clone())?;
                let pk = primary_key(&[tenant, handle]);
                let place = self.subject_place(&pk, 1);
                let record = SubjectRecord {
                    tenant: tenant.to_owned(),
                    handle: handle.clone(),
                    month: i64::from(month.yyyymm()),
                    secret: wrap.wrap(&place, &stored, &mut BufferedRandom)?,
                    created_at: self.clock.now(),
                };
                change.insert(&record, &self.row_mac)?;
                made.push(Arc::new(keys));
            }
            let what = format!("add {} subjects of {tenant}", made.len());
            let nothing = made.is_empty();
            if nothing || self.commit_change_beside(epoch, change, Some(tenant), &what).await? {
                let now = self.clock.monotonic_millis();
                made.into_iter().for_each(|keys| self.cache().put_subject(tenant, keys, now));
                return Ok(());
            }
        }
        Err(StoreError::Conflict.into())
    }

    pub(crate) async fn subject_row(
        &self,
        tenant: &str,
        handle: &str,
    ) -> Result<Option<Stored<SubjectRecord>>, EngineError> {
        Ok(self.rows().get::<SubjectRecord>(&[tenant, handle]).await?)
    }

    pub(crate) async fn tombstone(
        &self,
        tenant: &str,
        handle: &str,
    ) -> Result<Option<SubjectTombstoneRecord>, EngineError> {
        let row = self.rows().get::<SubjectTombstoneRecord>(&[tenant, handle]).await?;
        Ok(row.map(|row| row.record))
    }

    /// The row of a subject that was not erased. A tombstone counts more than a row: rows are outside
    /// the state root, and whoever kept one from before the erasure could put it back.
    ///
    /// # Errors
    /// [`EngineError::SubjectErased`], [`EngineError::SubjectUnknown`].
    pub(crate) async fn living_subject(
        &self,
        tenant: &str,
        handle: &str,
    ) -> Result<Stored<SubjectRecord>, EngineError> {
        if self.tombstone(tenant, handle).await?.is_some() {
            return Err(EngineError::SubjectErased);
        }
        self.subject_row(tenant, handle).await?.ok_or(EngineError::SubjectUnknown)
    }

    /// Opens a row. When its month's key is gone, somebody moved the row on after it was read.
    pub(crate) async fn open_subject(
        &self,
        mut row: Stored<SubjectRecord>,
    ) -> Result<SubjectKeys, EngineError> {
        for _ in 0..MAX_READS {
            let stored = match self.unwrap_subject(&row, &mut WrapKeys::default()).await {
                Err(EngineError::Kms(KmsError::EpochKeyMissing(month))) => {
                    let SubjectRecord { tenant, handle, .. } = &row.record;
                    let again = self.subject_row(tenant, handle).await?;
                    let again = again.ok_or(EngineError::SubjectUnknown)?;
                    if again.version == row.version {
                        return Err(KmsError::EpochKeyMissing(month).into());
                    }
                    row = again;
                    continue;
                }
                other => other?,
            };
            return SubjectKeys::parse(&stored).ok_or(Error::Rejected.into());
        }
        Err(StoreError::Conflict.into())
    }

    async fn unwrap_subject(
        &self,
        row: &Stored<SubjectRecord>,
        wraps: &mut WrapKeys,
    ) -> Result<Zeroizing<Vec<u8>>, EngineError> {
        let Stored { record, version } = row;
        let month = month_of(record)?;
        let pk = primary_key(&[&record.tenant, &record.handle]);
        let place = self.subject_place(&pk, *version);
        let wrap = match wraps.0.entry(month) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(none) => {
                none.insert(self.wrap_key(month).await?)
            }
        };
        super::epochs::unwrap_under(wrap, month, &place, &record.secret)
    }

    fn subject_place<'a>(&'a self, primary_key: &'a [u8], version: u64) -> Place<'a> {
        let table = SubjectRecord::table().name;
        Place { store: &self.store_id, table, primary_key, version, purpose: PURPOSE }
    }

    /// Whether a subject's secrets are under a month of this range.
    pub(super) async fn has_subjects_within(
        &self,
        months: std::ops::Range<i64>,
    ) -> Result<bool, EngineError> {
        let table = SubjectRecord::table();
        Ok(!self.store.list_within(table, "month", months, 1).await?.is_empty())
    }

    /// Wraps the secrets of every subject that is under an older month's key under `month`'s, so
    /// many at a time; a kill in between leaves the rest to the next start. `false` when some could
    /// not be moved, because their rows were altered or their month's key is gone: the others must
    /// not suffer for them, and no key is destroyed.
    pub(super) async fn rewrap_subjects(&self, month: Month) -> Result<bool, EngineError> {
        let target = self.wrap_key(month).await?;
        let (mut wraps, below) = (WrapKeys::default(), 0..i64::from(month.yyyymm()));
        let mut attempts = 0;
        while attempts < MAX_ATTEMPTS {
            let epoch = self.enter().await?;
            let limit = u32::try_from(MAX_ROWS).unwrap_or(u32::MAX);
            let rows = self.rows();
            let rows = rows.within::<SubjectRecord>("month", below.clone(), limit).await?;
            if rows.is_empty() {
                return Ok(true);
            }
            let (mut change, mut moved) = (Change::new(epoch), 0);
            for row in rows {
                let Ok(row) = row else { continue };
                let Ok(stored) = self.unwrap_subject(&row, &mut wraps).await else { continue };
                let Stored { record, version } = row;
                let pk = primary_key(&[&record.tenant, &record.handle]);
                let place = self.subject_place(&pk, version + 1);
                let secret = target.wrap(&place, &stored, &mut BufferedRandom)?;
                let month = i64::from(month.yyyymm());
                change.update(
                    version,
                    &SubjectRecord { month, secret, ..record },
                    &self.row_mac,
                )?;
                moved += 1;
            }
            if moved == 0 {
                return Ok(false);
            }
            let what = format!("rewrap {moved} subjects to {}", month.yyyymm());
            match self.commit_change_beside(epoch, change, None, &what).await? {
                true => attempts = 0,
                false => attempts += 1,
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// As [`Engine::commit_change`], with the epoch left as it is.
    async fn commit_change_beside(
        &self,
        epoch: u64,
        change: Change,
        tenant: Option<&str>,
        what: &str,
    ) -> Result<bool, EngineError> {
        let planned = self.rows().plan_beside(change)?;
        let about = Changed { tenant, id: KeyVersionId([0; 8]), what };
        self.admit_change::<Maintain>(epoch, &about).await?;
        match self.rows().commit_beside(planned).await {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }
}

fn month_of(record: &SubjectRecord) -> Result<Month, EngineError> {
    let month = u32::try_from(record.month).ok().and_then(Month::from_yyyymm);
    Ok(month.ok_or(StoreError::Corrupt { table: SubjectRecord::table().name })?)
}

#[cfg(test)]
mod tests;

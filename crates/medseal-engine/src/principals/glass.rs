//! Going past the policy in an emergency: with a reason, for a while, in plain sight.
//!
//! The policy says who may, for which operations and for how long. Tenants and absolute prohibitions
//! stand. Every use is marked in the audit log, and the emergency stays on the list until somebody
//! else has reviewed it.

use super::directory::Directory;
use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::{Changed, Subject, admit};
use crate::random::BufferedRandom;
use medseal_core::keyring::UnixSeconds;
use medseal_core::operation::Group;
use medseal_core::row_mac::primary_key;
use medseal_core::stored_secret::Place;
use medseal_core::{Error, KeyVersionId, Random};
use medseal_policy::{BreakGlass, Caller, Principal, PrincipalId, ReviewBreakGlass};
use medseal_store::{BreakGlassRecord, Change, Record, StoreError, Stored};
use serde::Serialize;
use std::sync::{Mutex, MutexGuard, PoisonError};

const MAX_ATTEMPTS: u32 = 64;
const PURPOSE: &str = "break-glass";
const MAX_REASON_BYTES: usize = 1024;

/// An emergency that is going on.
#[derive(Debug, Clone)]
struct Emergency {
    id: String,
    ends_at: UnixSeconds,
}

/// The emergency of an open home, if its caller said that there is one.
#[derive(Default)]
pub(crate) struct HeldEmergency(Mutex<Option<Emergency>>);

/// An emergency as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BrokenGlass {
    /// By which it is reviewed, and found in the audit log.
    pub id: String,
    /// Who.
    pub principal: String,
    /// `open` until somebody has reviewed it.
    pub state: &'static str,
    /// Since when.
    pub opened: String,
    /// Until when.
    pub ends: String,
    /// Why.
    pub reason: String,
    /// Who reviewed it.
    pub reviewed_by: Option<String>,
    /// When.
    pub reviewed: Option<String>,
}

impl HeldEmergency {
    fn lock(&self) -> MutexGuard<'_, Option<Emergency>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Whether the policy may be passed now.
    pub(super) fn glass_is_broken(&self) -> bool {
        let now = self.clock.now();
        self.emergency.lock().as_ref().is_some_and(|emergency| now < emergency.ends_at)
    }

    /// How uses are marked in the log.
    pub(super) fn emergency_mark(&self) -> Option<String> {
        self.emergency.lock().as_ref().map(|emergency| format!("{PURPOSE}-{}", emergency.id))
    }

    /// Opens an emergency, or goes on with the one that the caller opened a while ago. Recorded
    /// before anything is read.
    pub(crate) async fn break_glass(&self, reason: &str) -> Result<(), EngineError> {
        if reason.trim().is_empty() || reason.len() > MAX_REASON_BYTES {
            return Err(EngineError::BreakGlassReason);
        }
        for _ in 0..MAX_ATTEMPTS {
            self.begin().await?;
            let (directory, epoch) = self.directory().await?;
            let holder = match self.asking() {
                Some(Caller::Known(principal)) => Some(principal),
                Some(Caller::Owner { .. }) => return Err(EngineError::BreakGlassNotNeeded),
                _ => None,
            };
            let (record, is_new) = self.emergency_of(&directory, holder.as_ref(), reason).await?;
            let emergency = Emergency { id: record.grant_id.clone(), ends_at: record.ends_at };
            *self.emergency.lock() = Some(emergency);
            let committed = self.open_emergency(epoch, &record, is_new, holder, reason).await;
            match committed {
                Ok(true) => return Ok(()),
                Ok(false) => *self.emergency.lock() = None,
                Err(error) => {
                    *self.emergency.lock() = None;
                    return Err(error);
                }
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// The row of an emergency that goes on, or of a new one.
    async fn emergency_of(
        &self,
        directory: &Directory,
        holder: Option<&Principal>,
        reason: &str,
    ) -> Result<(BreakGlassRecord, bool), EngineError> {
        let now = self.clock.now();
        let principal_id = holder.map(|principal| principal.id.to_string()).unwrap_or_default();
        let rows = self.all_rows::<BreakGlassRecord>().await?;
        let open = rows.into_iter().map(|row| row.record).find(|record| {
            record.principal_id == principal_id
                && record.reviewed_at.is_none()
                && now < record.ends_at
        });
        if let Some(open) = open {
            return Ok((open, false));
        }
        let mut id = [0; 8];
        BufferedRandom.fill(&mut id).map_err(Error::from)?;
        let grant_id = PrincipalId(id).to_string();
        let duration = directory.policy()?.break_glass_duration().unwrap_or_default();
        let ends_at = now.saturating_add(i64::try_from(duration).unwrap_or(i64::MAX));
        let reason = self.seal_reason(&grant_id, 1, reason.as_bytes())?;
        let (reviewed_by, reviewed_at) = (None, None);
        let opened_at = now;
        let record = BreakGlassRecord {
            grant_id,
            principal_id,
            opened_at,
            ends_at,
            reason,
            reviewed_by,
            reviewed_at,
        };
        Ok((record, true))
    }

    /// Decides, records with the reason among the encrypted details, and commits a new row.
    async fn open_emergency(
        &self,
        epoch: u64,
        record: &BreakGlassRecord,
        is_new: bool,
        holder: Option<Principal>,
        reason: &str,
    ) -> Result<bool, EngineError> {
        let planned = match is_new {
            true => {
                let mut change = Change::new(epoch);
                change.insert(record, &self.row_mac)?;
                match self.rows().plan(change).await {
                    Ok(planned) => Some(planned),
                    Err(StoreError::Conflict) => return Ok(false),
                    Err(other) => return Err(other.into()),
                }
            }
            false => None,
        };
        let mut items = self.items::<BreakGlass>(epoch)?;
        let mut same = items.twin();
        for collected in [&mut items, &mut same] {
            let tenant = holder.as_ref().and_then(|principal| principal.tenant.clone());
            let group = Group { tenant, ..Group::default() };
            collected.add(KeyVersionId([0; 8]), reason.as_bytes(), group);
        }
        let what = format!("emergency {}", record.grant_id);
        let about = Subject { epoch, keys: &[], change: Some(&what) };
        let (authorized, recorded) = self.permit::<BreakGlass>(items, &about).await?.into_proofs();
        let admitted = admit(authorized, recorded, same.digest())?;
        match planned {
            Some(planned) => self.commit_planned(&admitted, planned).await,
            None => Ok(true),
        }
    }

    /// Every emergency, the newest last.
    ///
    /// # Errors
    /// A denial; what the store answers.
    pub async fn list_broken_glass(&self) -> Result<Vec<BrokenGlass>, EngineError> {
        self.begin().await?;
        let (directory, epoch) = self.directory().await?;
        let about = Changed { tenant: None, id: KeyVersionId([0; 8]), what: "list emergencies" };
        self.admit_change::<ReviewBreakGlass>(epoch, &about).await?;
        let mut rows = self.all_rows::<BreakGlassRecord>().await?;
        rows.sort_by_key(|row| row.record.opened_at);
        rows.iter().map(|row| self.describe_emergency(&directory, row)).collect()
    }

    fn describe_emergency(
        &self,
        directory: &Directory,
        row: &Stored<BreakGlassRecord>,
    ) -> Result<BrokenGlass, EngineError> {
        let record = &row.record;
        let reason = self.open_reason(record, row.version)?;
        let holder = directory.principal_by_id(&record.principal_id)?;
        Ok(BrokenGlass {
            id: record.grant_id.clone(),
            principal: holder.map_or_else(|| record.principal_id.clone(), |who| who.name),
            state: if record.reviewed_at.is_some() { "reviewed" } else { "open" },
            opened: rfc3339(record.opened_at),
            ends: rfc3339(record.ends_at),
            reason: String::from_utf8_lossy(&reason).into_owned(),
            reviewed_by: record.reviewed_by.clone(),
            reviewed: record.reviewed_at.map(rfc3339),
        })
    }

    /// Takes an emergency off the list, by somebody else than the one who had it.
    ///
    /// # Errors
    /// [`EngineError::NoSuchEmergency`], [`EngineError::ReviewRefused`], a denial.
    pub async fn review_broken_glass(&self, id: &str) -> Result<(), EngineError> {
        for _ in 0..MAX_ATTEMPTS {
            let epoch = self.begin().await?;
            let row = self.rows().get::<BreakGlassRecord>(&[id]).await?;
            let Stored { record, version } =
                row.ok_or_else(|| EngineError::NoSuchEmergency(id.to_owned()))?;
            let own = self.asking().and_then(|caller| caller.id()).map(|id| id.to_string());
            if own.as_ref() == Some(&record.principal_id) || self.occasion.on_behalf_of.is_some() {
                return Err(EngineError::ReviewRefused);
            }
            if record.reviewed_at.is_some() {
                return Ok(());
            }
            let reason = self.open_reason(&record, version)?;
            let reviewed = BreakGlassRecord {
                reason: self.seal_reason(id, version + 1, &reason)?,
                reviewed_by: Some(self.caller_name()),
                reviewed_at: Some(self.clock.now()),
                ..record
            };
            let mut change = Change::new(epoch);
            change.update(version, &reviewed, &self.row_mac)?;
            let what = format!("review emergency {id}");
            let about = Changed { tenant: None, id: KeyVersionId([0; 8]), what: &what };
            if self.commit_change::<ReviewBreakGlass>(epoch, change, &about).await? {
                return Ok(());
            }
        }
        Err(StoreError::Conflict.into())
    }

    fn seal_reason(&self, id: &str, version: u64, reason: &[u8]) -> Result<Vec<u8>, EngineError> {
        let pk = primary_key(&[id]);
        let wrap = self.kwk.wrap_key(self.kwk_version());
        Ok(wrap.wrap(&self.reason_place(&pk, version), reason, &mut BufferedRandom)?)
    }

    fn open_reason(
        &self,
        record: &BreakGlassRecord,
        version: u64,
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, EngineError> {
        let pk = primary_key(&[&record.grant_id]);
        let wrap = self.kwk.wrap_key(self.kwk_version());
        Ok(wrap.unwrap(&self.reason_place(&pk, version), &record.reason)?)
    }

    fn reason_place<'a>(&'a self, primary_key: &'a [u8], version: u64) -> Place<'a> {
        let table = BreakGlassRecord::table().name;
        Place { store: &self.store_id, table, primary_key, version, purpose: PURPOSE }
    }
}

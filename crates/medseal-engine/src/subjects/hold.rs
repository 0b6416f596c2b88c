//! Legal holds: while a subject has one, it is not erased.

use super::{SubjectName, check_reason};
use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::keys::check_name;
use medseal_policy::HoldSubject;
use medseal_store::{Change, StoreError, Stored, SubjectHoldRecord};
use serde::Serialize;

const MAX_ATTEMPTS: u32 = 64;

/// A hold to be placed.
#[derive(Debug, Clone, Copy)]
pub struct NewHold<'a> {
    /// By which it is released; a subject can have several.
    pub name: &'a str,
    /// Why.
    pub reason: &'a str,
}

/// A hold as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HoldSummary {
    /// Its name.
    pub name: String,
    /// Why it was placed.
    pub reason: String,
    /// Who placed it.
    pub principal: String,
    /// When, RFC 3339.
    pub placed_at: String,
}

impl HoldSummary {
    pub(super) fn of(record: SubjectHoldRecord) -> Self {
        let SubjectHoldRecord { name, reason, principal, placed_at, .. } = record;
        Self { name, reason, principal, placed_at: rfc3339(placed_at) }
    }
}

impl Engine {
    /// Places a hold on a subject. It advances the store's epoch, so an erasure that was planned
    /// before it does not happen.
    ///
    /// # Errors
    /// [`EngineError::SubjectUnknown`], [`EngineError::SubjectErased`],
    /// [`EngineError::SubjectHold`] when there is one of that name, [`EngineError::ReasonInvalid`].
    pub async fn hold_subject(
        &self,
        subject: SubjectName<'_>,
        hold: NewHold<'_>,
    ) -> Result<(), EngineError> {
        check_name("a hold's name", hold.name)?;
        check_reason(hold.reason, subject.id)?;
        let handle = self.subject_handle(subject.tenant, subject.id).to_string();
        let record = SubjectHoldRecord {
            tenant: subject.tenant.to_owned(),
            handle,
            name: hold.name.to_owned(),
            reason: hold.reason.to_owned(),
            principal: self.caller_name(),
            placed_at: self.clock.now(),
        };
        self.change_hold(subject, &format!("hold {}", hold.name), |found, change| {
            if found.is_some() {
                return Err(EngineError::SubjectHold("there is a hold of that name already"));
            }
            Ok(change.insert(&record, &self.row_mac)?)
        })
        .await
    }

    /// Releases a hold.
    ///
    /// # Errors
    /// As [`Engine::hold_subject`]; [`EngineError::SubjectHold`] when there is none of that name.
    pub async fn release_subject(
        &self,
        subject: SubjectName<'_>,
        name: &str,
    ) -> Result<(), EngineError> {
        check_name("a hold's name", name)?;
        self.change_hold(subject, &format!("release {name}"), |found, change| {
            let none = EngineError::SubjectHold("there is no hold of that name");
            let Stored { record, version } = found.ok_or(none)?;
            let key = [record.tenant.as_str(), &record.handle, &record.name];
            Ok(change.delete::<SubjectHoldRecord>(&key, version)?)
        })
        .await
    }

    async fn change_hold(
        &self,
        subject: SubjectName<'_>,
        what: &str,
        plan: impl Fn(Option<Stored<SubjectHoldRecord>>, &mut Change) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let handle = self.subject_handle(subject.tenant, subject.id).to_string();
        let name = what.split(' ').next_back().unwrap_or_default();
        for _ in 0..MAX_ATTEMPTS {
            let epoch = self.begin().await?;
            let keys = self.subject(subject.tenant, subject.id).await?;
            let key = [subject.tenant, &handle, name];
            let found = self.rows().get::<SubjectHoldRecord>(&key).await?;
            let mut change = Change::new(epoch);
            plan(found, &mut change)?;
            let planned = match self.rows().plan(change).await {
                Err(StoreError::Conflict) => continue,
                planned => planned?,
            };
            let whose = (subject.tenant, &*keys);
            let (admitted, _) =
                self.admit_about_subject::<HoldSubject>(epoch, whose, what, what).await?;
            if self.commit_planned(&admitted, planned).await? {
                return Ok(());
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Every hold on a subject.
    pub(super) async fn holds_on(
        &self,
        tenant: &str,
        handle: &str,
    ) -> Result<Vec<SubjectHoldRecord>, EngineError> {
        let rows = self.rows().all::<SubjectHoldRecord>(&[tenant, handle]).await?;
        Ok(rows.into_iter().map(|row| row.record).collect())
    }
}

//! Which subjects there are. Their ids are patients' data: showing one is an operation that stands
//! in the log first.

use super::{HoldSummary, SubjectName};
use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Changed;
use medseal_core::KeyVersionId;
use medseal_policy::ReadSubjects;
use medseal_store::{SubjectHoldRecord, SubjectRecord, SubjectTombstoneRecord};
use serde::Serialize;
use std::collections::BTreeMap;

/// Whether a subject's data opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectState {
    /// It does.
    Active,
    /// It does, and the subject cannot be erased.
    Held,
    /// It does not any more.
    Erased,
}

impl SubjectState {
    /// The name in listings.
    pub fn name(self) -> &'static str {
        match self {
            SubjectState::Active => "active",
            SubjectState::Held => "held",
            SubjectState::Erased => "erased",
        }
    }
}

/// A subject as a person sees it.
#[derive(Clone, Serialize)]
pub struct SubjectSummary {
    /// The tenant.
    pub tenant: String,
    /// What stands for its id.
    pub handle: String,
    /// Whether its data opens.
    pub state: SubjectState,
    /// When something was first encrypted for it, RFC 3339; unknown of one that was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// When it was erased, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<String>,
    /// The holds on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<HoldSummary>,
    /// Its id, when ids were asked for; that of an erased subject is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// A patient's id is not printed.
impl std::fmt::Debug for SubjectSummary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SubjectSummary").field("state", &self.state).finish_non_exhaustive()
    }
}

/// Whether ids are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// They are, and that is recorded.
    Shown,
    /// Handles stand for them.
    Hidden,
}

impl Engine {
    /// One subject.
    ///
    /// # Errors
    /// [`EngineError::SubjectUnknown`].
    pub async fn show_subject(
        &self,
        subject: SubjectName<'_>,
    ) -> Result<SubjectSummary, EngineError> {
        self.begin().await?;
        let handle = self.subject_handle(subject.tenant, subject.id).to_string();
        if let Some(tombstone) = self.tombstone(subject.tenant, &handle).await? {
            return Ok(of_tombstone(tombstone));
        }
        let row = self.living_subject(subject.tenant, &handle).await?;
        let holds = self.holds_on(subject.tenant, &handle).await?;
        Ok(of_row(row.record, holds))
    }

    /// Every subject of a tenant, those that were erased last.
    ///
    /// # Errors
    /// What the store answers; with ids an unwritable log too.
    pub async fn list_subjects(
        &self,
        tenant: &str,
        ids: Ids,
    ) -> Result<Vec<SubjectSummary>, EngineError> {
        let epoch = self.begin().await?;
        let rows = self.rows().all::<SubjectRecord>(&[tenant]).await?;
        if ids == Ids::Shown {
            self.record_listing(epoch, tenant, rows.len()).await?;
        }
        let mut holds = self.holds_by_handle(tenant).await?;
        let mut subjects = Vec::with_capacity(rows.len());
        for row in rows {
            let held = holds.remove(&row.record.handle).unwrap_or_default();
            let mut summary = of_row(row.record.clone(), held);
            if ids == Ids::Shown {
                let keys = self.open_subject(row).await?;
                summary.id = Some(keys.subject().as_str().to_owned());
            }
            subjects.push(summary);
        }
        let erased = self.rows().all::<SubjectTombstoneRecord>(&[tenant]).await?;
        subjects.extend(erased.into_iter().map(|row| of_tombstone(row.record)));
        Ok(subjects)
    }

    async fn record_listing(
        &self,
        epoch: u64,
        tenant: &str,
        count: usize,
    ) -> Result<(), EngineError> {
        let what = format!("show the ids of {count} subjects of {tenant}");
        let about = Changed { tenant: Some(tenant), id: KeyVersionId([0; 8]), what: &what };
        self.admit_change::<ReadSubjects>(epoch, &about).await.map(drop)
    }

    async fn holds_by_handle(
        &self,
        tenant: &str,
    ) -> Result<BTreeMap<String, Vec<SubjectHoldRecord>>, EngineError> {
        let mut holds: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for row in self.rows().all::<SubjectHoldRecord>(&[tenant]).await? {
            holds.entry(row.record.handle.clone()).or_default().push(row.record);
        }
        Ok(holds)
    }
}

fn of_row(record: SubjectRecord, holds: Vec<SubjectHoldRecord>) -> SubjectSummary {
    SubjectSummary {
        tenant: record.tenant,
        handle: record.handle,
        state: if holds.is_empty() { SubjectState::Active } else { SubjectState::Held },
        since: Some(rfc3339(record.created_at)),
        erased_at: None,
        holds: holds.into_iter().map(HoldSummary::of).collect(),
        id: None,
    }
}

fn of_tombstone(record: SubjectTombstoneRecord) -> SubjectSummary {
    SubjectSummary {
        tenant: record.tenant,
        handle: record.handle,
        state: SubjectState::Erased,
        since: None,
        erased_at: Some(rfc3339(record.erased_at)),
        holds: Vec::new(),
        id: None,
    }
}

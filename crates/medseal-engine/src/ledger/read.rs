//! What the log says, for people: every entry in clear, and the details of one for those who may.

use super::files::AuditFiles;
use super::verify::Snapshot;
use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Changed;
use medseal_core::KeyVersionId;
use medseal_core::approval::RequestId;
use medseal_core::audit::{Access, DetailItem, DetailsKey, Entry, Event, SubjectPseudonym};
use medseal_core::keyring::UnixSeconds;
use medseal_policy::{PrincipalId, ReadAudit};
use serde::Serialize;
use std::path::Path;

/// Which entries are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryFilter {
    /// Only this operation or kind.
    pub operation: Option<String>,
    /// Only the decision with this id.
    pub decision: Option<String>,
    /// Only what belongs to the request for approvals with this id.
    pub request: Option<String>,
    /// Only where a budget's alarm or limit was reached.
    pub alarms: bool,
    /// Not before this time.
    pub since: Option<UnixSeconds>,
    /// Not after this time.
    pub until: Option<UnixSeconds>,
}

/// One entry, as it stands in clear.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct EntrySummary {
    /// Its place in the log.
    pub index: u64,
    /// When, RFC 3339.
    pub time: String,
    /// The operation, or `boot`, `clock-went-back`, `recovery`, `store-state`.
    pub operation: String,
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// `permitted` or `denied`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
    /// The deciding rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Further deciding rules; of a denial, the rules that forbade.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_rules: Vec<String>,
    /// The stable id of the principal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<String>,
    /// On whose behalf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// What it was for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Budgets whose alarm or limit was reached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<String>,
    /// The decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// The tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Collections.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<String>,
    /// How many values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<u64>,
    /// Key versions as `NAME@N`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Key-version ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_version_ids: Vec<String>,
    /// How many values are under each of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_version_items: Vec<u64>,
    /// Key-version ids that values are carried over to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub carried_over_to: Vec<String>,
    /// How many values are carried over to each of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub carried_over_items: Vec<u64>,
    /// Collections and key versions that stand in the details alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_listed: Option<u64>,
    /// How many subjects it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subjects: Option<u64>,
    /// The request for approvals by which it was done, or that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// The store's epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_epoch: Option<u64>,
    /// The store's root at that epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_root: Option<String>,
    /// What was changed, or what else there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One entry with its details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownEntry {
    /// What stands in clear.
    #[serde(flatten)]
    pub entry: EntrySummary,
    /// `none`, `erased` or `present`.
    pub details: &'static str,
    /// The case, when one was named and the details were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// The items, when they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<Vec<ShownItem>>,
}

/// One item of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownItem {
    /// The key version.
    pub key_version_id: String,
    /// The key version that the value is carried over to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carried_over_to: Option<String>,
    /// The collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// The field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The record; that of a subject's value opens under the subject's key alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// What stands for the subject in the log, when the value is one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
}

/// Gives the entries of the log in `directory` that pass the filter, in order. It verifies nothing.
///
/// # Errors
/// Files that cannot be read, an entry that cannot be decoded.
pub fn list_entries(
    directory: &Path,
    filter: &EntryFilter,
    mut visit: impl FnMut(EntrySummary) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let snapshot = Snapshot::take(&AuditFiles::at(directory.to_owned()))?;
    snapshot.read(|entry, frames| {
        frames.skip_details().map_err(super::files::unavailable)?;
        if filter.passes(entry) { visit(EntrySummary::of(entry)) } else { Ok(()) }
    })
}

impl EntryFilter {
    fn passes(&self, entry: &Entry<'_>) -> bool {
        let time = seconds(entry.time);
        let access = match &entry.event {
            Event::Operation(access) => Some(access),
            _ => None,
        };
        let request = || access?.request.map(|id| RequestId(id).to_string());
        let decision = || access.and_then(|access| decision_of(access));
        self.operation.as_ref().is_none_or(|name| name == name_of(&entry.event))
            && self.decision.as_ref().is_none_or(|id| decision().as_ref() == Some(id))
            && self.request.as_ref().is_none_or(|id| request() == Some(id.clone()))
            && (!self.alarms || access.is_some_and(|access| !access.alarms.is_empty()))
            && self.since.is_none_or(|since| time >= since)
            && self.until.is_none_or(|until| time <= until)
    }
}

/// The decision's id (`spec/audit-log.md`, Details).
fn decision_of(access: &Access<'_>) -> Option<String> {
    access.digest.get(..8).map(|id| id.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn seconds(time: u64) -> UnixSeconds {
    i64::try_from(time).unwrap_or(i64::MAX)
}

fn name_of<'e>(event: &Event<'e>) -> &'e str {
    match event {
        Event::Boot { .. } => "boot",
        Event::Operation(access) => access.operation,
        Event::ClockWentBack { .. } => "clock-went-back",
        Event::Recovery { .. } => "recovery",
        Event::Store(_) => "store-state",
    }
}

impl EntrySummary {
    pub(super) fn of(entry: &Entry<'_>) -> Self {
        let summary = Self {
            index: entry.sequence,
            time: rfc3339(seconds(entry.time)),
            operation: name_of(&entry.event).to_owned(),
            store_epoch: entry.state().map(|state| state.epoch),
            state_root: entry.state().map(|state| state.root.to_string()),
            ..Self::default()
        };
        let note = match &entry.event {
            Event::Operation(access) => return summary.with(access),
            Event::Boot { .. } | Event::Store(_) => None,
            Event::ClockWentBack { before } => Some(format!("from {}", rfc3339(seconds(*before)))),
            Event::Recovery { bytes, .. } => Some(format!("{bytes} bytes were cut")),
        };
        Self { note, ..summary }
    }

    fn with(self, access: &Access<'_>) -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let ids = |ids: &[[u8; 8]]| ids.iter().map(|id| KeyVersionId(*id).to_string()).collect();
        let more = access.more_collections + access.more_keys;
        let subjects = access.subjects.len() as u64 + access.more_subjects;
        Self {
            principal: Some(access.principal.to_owned()),
            outcome: Some(access.outcome.name()),
            rule: access.rule.map(str::to_owned),
            more_rules: owned(&access.more_rules),
            principal_id: access.principal_id.map(|id| PrincipalId(id).to_string()),
            on_behalf_of: access.on_behalf_of.map(str::to_owned),
            purpose: access.purpose.map(str::to_owned),
            alarms: owned(&access.alarms),
            decision: decision_of(access),
            tenant: access.tenant.map(str::to_owned),
            collections: owned(&access.collections),
            items: Some(access.items),
            keys: owned(&access.keys),
            key_version_ids: ids(&access.key_ids),
            key_version_items: access.key_items.clone(),
            carried_over_to: ids(&access.target_ids),
            carried_over_items: access.target_items.clone(),
            not_listed: Some(more).filter(|more| *more > 0),
            subjects: Some(subjects).filter(|subjects| *subjects > 0),
            approval: access.request.map(|id| RequestId(id).to_string()),
            store_epoch: Some(access.epoch),
            note: access.change.map(str::to_owned),
            ..self
        }
    }
}

impl Engine {
    /// One entry. With `with_details` its items are decrypted, which is an operation of its own
    /// and stands in the log before anything is shown: record ids are patients' data.
    ///
    /// # Errors
    /// [`EngineError::NoSuchEntry`], details that are not those of the entry, an unwritable log.
    pub async fn show_entry(
        &self,
        index: u64,
        with_details: bool,
    ) -> Result<ShownEntry, EngineError> {
        let (mut shown, sealed) = self.find_entry(index)?;
        let Some((sealed, root)) = sealed.filter(|_| with_details) else { return Ok(shown) };
        let epoch = self.begin().await?;
        let what = format!("audit entry {index}");
        let about = Changed { tenant: None, id: KeyVersionId([0; 8]), what: &what };
        let admitted = self.admit_change::<ReadAudit>(epoch, &about).await?;
        // a note says what was changed, and then so do the items
        let is_context = shown.entry.note.is_none();
        let details = DetailsKey::open(self.ledger.details_key(&admitted), &sealed, &root)?;
        shown.case = details.case().map(str::to_owned);
        shown.shown = Some(details.items().map(|item| ShownItem::of(&item, is_context)).collect());
        Ok(shown)
    }

    fn find_entry(&self, index: u64) -> Result<(ShownEntry, Option<Sealed>), EngineError> {
        let snapshot = Snapshot::take(self.ledger.files())?;
        let mut found = None;
        snapshot.read(|entry, frames| {
            if entry.sequence != index {
                return frames.skip_details().map_err(super::files::unavailable);
            }
            let mut sealed = Vec::new();
            let took = frames.details(|piece| sealed.extend_from_slice(piece));
            took.map_err(super::files::unavailable)?;
            let root = match &entry.event {
                Event::Operation(access) => access.details.map(|details| details.items_root),
                _ => None,
            };
            let erased = sealed.iter().all(|byte| *byte == 0);
            let details = match root {
                None => "none",
                Some(_) if erased => "erased",
                Some(_) => "present",
            };
            let shown =
                ShownEntry { entry: EntrySummary::of(entry), details, case: None, shown: None };
            found = Some((shown, root.filter(|_| !erased).map(|root| (sealed, root))));
            Ok(())
        })?;
        found.ok_or(EngineError::NoSuchEntry(index))
    }
}

/// Encrypted details and the root that their entry holds.
type Sealed = (Vec<u8>, [u8; 32]);

fn hexadecimal(bytes: &SubjectPseudonym) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl ShownItem {
    pub(super) fn of(item: &DetailItem<'_>, is_context: bool) -> Self {
        let owned = |value: Option<&str>| value.filter(|_| is_context).map(str::to_owned);
        let change = (!is_context).then(|| String::from_utf8_lossy(item.context).into_owned());
        Self {
            key_version_id: item.id.to_string(),
            carried_over_to: item.target().filter(|_| is_context).map(|id| id.to_string()),
            collection: owned(item.collection()),
            field: owned(item.field()),
            record: owned(item.record()),
            subject: item.subject().filter(|_| is_context).map(hexadecimal),
            change,
        }
    }
}

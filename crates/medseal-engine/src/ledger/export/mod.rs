//! The log for other programs: entries of a range as NDJSON, as a table or as AuditEvents of FHIR, with
//! a manifest that says from which log and range they are and which checkpoint covers them.
//!
//! The whole log is verified on the way. An export is a directory that appears when it is whole.
//! Nothing in it names a patient unless details were asked for.

pub(crate) mod csv;
pub(crate) mod fhir;
mod forms;
mod manifest;

pub use manifest::{ExportManifest, ExportedFile, ExportedRange};

use super::Ledger;
use super::signed_walk::{Covered, SignedEntry};
use super::verify::Snapshot;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::{Admitted, Changed};
use crate::home::sync_directory;
use crate::partial;
use forms::Writing;
use manifest::{MANIFEST, Named};
use medseal_core::KeyVersionId;
use medseal_core::audit::{DetailsKey, DetailsState, Event, Hash, leaf_hash, range_proof};
use medseal_core::keyring::UnixSeconds;
use medseal_policy::ReadAudit;
use std::cell::Cell;
use std::path::Path;

/// How entries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportForm {
    /// One JSON object a line, with the bytes of the entry.
    Ndjson,
    /// A table for spreadsheets.
    Csv,
    /// AuditEvents of FHIR R4, one a line.
    Fhir,
}

impl ExportForm {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            ExportForm::Ndjson => "ndjson",
            ExportForm::Csv => "csv",
            ExportForm::Fhir => "fhir",
        }
    }

    fn file(self) -> &'static str {
        match self {
            ExportForm::Ndjson => "entries.ndjson",
            ExportForm::Csv => "entries.csv",
            ExportForm::Fhir => "audit-events.ndjson",
        }
    }
}

/// Whether what stands encrypted behind entries is exported too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportDetails {
    /// It is not: nothing names a patient.
    Hidden,
    /// It is, record ids included. NDJSON alone has room for it.
    Shown,
}

/// What is to be exported, and where to.
#[derive(Debug, Clone, Copy)]
pub struct ExportRequest<'a> {
    /// The form.
    pub form: ExportForm,
    /// Details.
    pub details: ExportDetails,
    /// The first entry.
    pub from: Option<u64>,
    /// The last entry.
    pub to: Option<u64>,
    /// The first entry is the first one not before this time.
    pub since: Option<UnixSeconds>,
    /// The last entry is the last one not after this time.
    pub until: Option<UnixSeconds>,
    /// A directory that does not exist yet, or an empty one.
    pub directory: &'a Path,
}

/// First and last index.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    first: u64,
    last: u64,
}

impl Bounds {
    fn holds(self, index: u64) -> bool {
        (self.first..=self.last).contains(&index)
    }
}

impl Engine {
    /// Exports a range of the log; the export is an entry of the log itself.
    ///
    /// # Errors
    /// [`EngineError::NoEntries`], [`EngineError::ExportDetails`], a denial, a log that does not verify, a
    /// directory that cannot be written; then there is no directory.
    pub async fn export_audit(
        &self,
        request: &ExportRequest<'_>,
    ) -> Result<ExportManifest, EngineError> {
        if request.details == ExportDetails::Shown && request.form != ExportForm::Ndjson {
            return Err(EngineError::ExportDetails);
        }
        let epoch = self.begin().await?;
        let details = match request.details {
            ExportDetails::Hidden => "",
            ExportDetails::Shown => ", with details",
        };
        let what = format!("export the audit log as {}{details}", request.form.name());
        let about = Changed { tenant: None, id: KeyVersionId([0; 8]), what: &what };
        let admitted = self.admit_change::<ReadAudit>(epoch, &about).await?;
        self.ledger.export(&admitted, request, self.clock.now())
    }
}

impl Ledger {
    fn export(
        &self,
        admitted: &Admitted,
        request: &ExportRequest<'_>,
        now: UnixSeconds,
    ) -> Result<ExportManifest, EngineError> {
        let io = EngineError::io("writing the export");
        let bounds = self.bounds(request)?;
        let target = request.directory;
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        partial::sweep(parent);
        let directory = partial::create_directory(parent).map_err(&io)?;
        let mut writing = Writing::create(directory.path(), request.form, self.keys.log())?;
        let details = (request.details == ExportDetails::Shown).then(|| self.details_key(admitted));
        let (covered, leaves) = self.write_entries(bounds, details, &mut writing)?;
        let range = range_of(bounds, &covered)?;
        let entries = writing.finish()?;
        let note = manifest::write_file(directory.path(), "checkpoint", covered.note.as_bytes())?;
        let usize_of = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let end = usize_of(range.first + range.entries);
        // of other forms the entries themselves are not there, and nothing could be proved with it
        let proof = (request.form == ExportForm::Ndjson).then(|| {
            range_proof(&leaves, usize_of(range.first)..end).ok_or(EngineError::NoEntries)
        });
        let named = Named { request, log: self.keys.log(), now };
        let manifest =
            ExportManifest::new(&named, range, &covered, (vec![entries, note], proof.transpose()?));
        manifest::write_file(directory.path(), MANIFEST, manifest.to_text()?.as_bytes())?;
        sync_directory(directory.path())?;
        directory.persist(target).map_err(&io)?;
        sync_directory(parent)?;
        Ok(manifest)
    }

    /// Writes the entries of the range, and gives the leaves of the whole log.
    fn write_entries(
        &self,
        bounds: Bounds,
        details: Option<&DetailsKey>,
        writing: &mut Writing,
    ) -> Result<(Covered, Vec<Hash>), EngineError> {
        let mut leaves = Vec::new();
        let wanted = |entry: &medseal_core::audit::Entry<'_>| {
            details.is_some() && bounds.holds(entry.sequence)
        };
        let covered = self.walk_signed(wanted, |signed| {
            leaves.push(leaf_hash(signed.bytes));
            if !bounds.holds(signed.index) {
                return Ok(());
            }
            let entry = signed.decode()?;
            let opened = match details {
                Some(key) => open(key, signed, &entry.event)?,
                None => None,
            };
            writing.entry(&entry, signed.bytes, opened.as_ref())
        })?;
        Ok((covered, leaves))
    }

    /// Numbers of the entries that the times ask for. Everything between the first and the last of them is
    /// exported, because a range can be proved to be whole and a selection cannot.
    fn bounds(&self, request: &ExportRequest<'_>) -> Result<Bounds, EngineError> {
        let mut bounds =
            Bounds { first: request.from.unwrap_or(0), last: request.to.unwrap_or(u64::MAX) };
        if request.since.is_none() && request.until.is_none() {
            return Ok(bounds);
        }
        let found: Cell<Option<Bounds>> = Cell::new(None);
        Snapshot::take(&self.files)?.read(|entry, frames| {
            frames.skip_details().map_err(super::files::unavailable)?;
            let time = i64::try_from(entry.time).unwrap_or(i64::MAX);
            let wanted = request.since.is_none_or(|since| time >= since)
                && request.until.is_none_or(|until| time <= until);
            if wanted {
                let first = found.get().map_or(entry.sequence, |found| found.first);
                found.set(Some(Bounds { first, last: entry.sequence }));
            }
            Ok(())
        })?;
        let found = found.get().ok_or(EngineError::NoEntries)?;
        bounds.first = bounds.first.max(found.first);
        bounds.last = bounds.last.min(found.last);
        Ok(bounds)
    }
}

fn range_of(bounds: Bounds, covered: &Covered) -> Result<ExportedRange, EngineError> {
    let end = bounds.last.saturating_add(1).min(covered.checkpoint.size);
    match end.checked_sub(bounds.first) {
        Some(entries) if entries > 0 => Ok(ExportedRange { first: bounds.first, entries }),
        _ => Err(EngineError::NoEntries),
    }
}

fn open(
    key: &DetailsKey,
    signed: &SignedEntry<'_>,
    event: &Event<'_>,
) -> Result<Option<medseal_core::audit::Details>, EngineError> {
    let Event::Operation(access) = event else { return Ok(None) };
    match (signed.state, &access.details) {
        (DetailsState::Present, Some(sealed)) => {
            Ok(Some(key.open(signed.details, &sealed.items_root)?))
        }
        _ => Ok(None),
    }
}

//! One entry in each form.

use super::manifest::{ExportedFile, HashedFile};
use super::{ExportForm, csv, fhir};
use crate::error::EngineError;
use crate::ledger::read::{EntrySummary, ShownItem};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use medseal_core::audit::{Details, Entry, Event, LogId};
use serde::Serialize;
use std::path::Path;

const COLUMNS: [&str; 21] = [
    "entry",
    "time",
    "operation",
    "principal",
    "principal_id",
    "on_behalf_of",
    "outcome",
    "purpose",
    "rules",
    "alarms",
    "decision",
    "tenant",
    "collections",
    "values",
    "keys",
    "key_version_ids",
    "not_listed",
    "subjects",
    "store_epoch",
    "state_root",
    "note",
];

/// A file of entries in the making.
pub(super) struct Writing {
    form: ExportForm,
    log: String,
    file: HashedFile,
}

/// A line of NDJSON.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    summary: &'a EntrySummary,
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Vec<ShownItem>>,
    /// The entry's own bytes, of which its leaf is the hash.
    bytes: String,
}

impl Writing {
    pub(super) fn create(
        directory: &Path,
        form: ExportForm,
        log: LogId,
    ) -> Result<Self, EngineError> {
        let mut file = HashedFile::create(directory, form.file())?;
        if form == ExportForm::Csv {
            file.write(csv::row(&COLUMNS).as_bytes())?;
        }
        Ok(Self { form, log: log.to_string(), file })
    }

    pub(super) fn entry(
        &mut self,
        entry: &Entry<'_>,
        bytes: &[u8],
        details: Option<&Details>,
    ) -> Result<(), EngineError> {
        let summary = EntrySummary::of(entry);
        let text = match self.form {
            ExportForm::Ndjson => json_line(entry, &summary, bytes, details)?,
            ExportForm::Csv => csv::row(&cells(&summary)),
            ExportForm::Fhir => format!("{}\n", fhir::event(&told(&self.log, &summary))),
        };
        self.file.write(text.as_bytes())
    }

    pub(super) fn finish(self) -> Result<ExportedFile, EngineError> {
        self.file.finish()
    }
}

fn json_line(
    entry: &Entry<'_>,
    summary: &EntrySummary,
    bytes: &[u8],
    details: Option<&Details>,
) -> Result<String, EngineError> {
    let is_context = !matches!(&entry.event, Event::Operation(access) if access.change.is_some());
    let shown = details.map(|details| {
        details.items().map(|item| ShownItem::of(&item, is_context)).collect::<Vec<_>>()
    });
    let case = details.and_then(Details::case);
    let line = Line { summary, case, details: shown, bytes: STANDARD.encode(bytes) };
    let failed =
        |_| EngineError::Io { what: "writing the export", kind: std::io::ErrorKind::Other };
    Ok(serde_json::to_string(&line).map_err(failed)? + "\n")
}

fn cells(entry: &EntrySummary) -> [String; COLUMNS.len()] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let number = |number: Option<u64>| number.map(|n| n.to_string()).unwrap_or_default();
    let rules: Vec<&str> = entry.rule.iter().chain(&entry.more_rules).map(String::as_str).collect();
    [
        entry.index.to_string(),
        entry.time.clone(),
        entry.operation.clone(),
        text(&entry.principal),
        text(&entry.principal_id),
        text(&entry.on_behalf_of),
        entry.outcome.unwrap_or_default().to_owned(),
        text(&entry.purpose),
        rules.join(" "),
        entry.alarms.join(" "),
        text(&entry.decision),
        text(&entry.tenant),
        entry.collections.join(" "),
        number(entry.items),
        entry.keys.join(" "),
        entry.key_version_ids.join(" "),
        number(entry.not_listed),
        number(entry.subjects),
        number(entry.store_epoch),
        text(&entry.state_root),
        text(&entry.note),
    ]
}

fn told<'e>(log: &'e str, entry: &'e EntrySummary) -> fhir::Told<'e> {
    fhir::Told {
        log,
        index: entry.index,
        time: &entry.time,
        principal: entry.principal.as_deref(),
        operation: &entry.operation,
        permitted: entry.outcome != Some("denied"),
        purpose: entry.purpose.as_deref(),
        collections: &entry.collections,
        fields: &[],
        items: entry.items,
        note: entry.note.as_deref(),
        patient: None,
    }
}

//! What an export says of itself, and its files.

use super::{ExportDetails, ExportForm, ExportRequest};
use crate::clock::rfc3339;
use crate::error::EngineError;
use crate::ledger::signed_walk::Covered;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use medseal_core::audit::{Hash, LogId};
use medseal_core::keyring::UnixSeconds;
use medseal_core::primitives::RunningSha256;
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

pub(super) const MANIFEST: &str = "manifest.json";
const FORMAT: &str = "medseal-audit-export-v1";

/// What an export is and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportManifest {
    /// Its format.
    pub format: &'static str,
    /// What wrote it.
    pub tool: String,
    /// `ndjson`, `csv` or `fhir`.
    pub form: &'static str,
    /// Whether details are in it.
    pub details: bool,
    /// When it was written, RFC 3339.
    pub exported_at: String,
    /// The log.
    pub log: String,
    /// Its entries.
    pub range: ExportedRange,
    /// The time from which on entries were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The time up to which entries were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// How many entries the checkpoint covers.
    pub size: u64,
    /// The root over them, base64.
    pub root: String,
    /// The checkpoint with its two signatures.
    pub checkpoint: String,
    /// Files of the export.
    pub files: Vec<ExportedFile>,
    /// What proves that the range stands whole in the log (`spec/audit-log.md`, Tree); base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range_proof: Option<Vec<String>>,
}

/// A range of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ExportedRange {
    /// The first entry.
    pub first: u64,
    /// How many.
    pub entries: u64,
}

/// One file of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportedFile {
    /// Its name.
    pub name: &'static str,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

/// What an export was asked for, of which log and when.
pub(super) struct Named<'a> {
    pub(super) request: &'a ExportRequest<'a>,
    pub(super) log: LogId,
    pub(super) now: UnixSeconds,
}

impl ExportManifest {
    pub(super) fn new(
        named: &Named<'_>,
        range: ExportedRange,
        covered: &Covered,
        (files, proof): (Vec<ExportedFile>, Option<Vec<Hash>>),
    ) -> Self {
        let ExportRequest { form, details, since, until, .. } = *named.request;
        let form: ExportForm = form;
        Self {
            format: FORMAT,
            tool: concat!("medseal ", env!("CARGO_PKG_VERSION")).to_owned(),
            form: form.name(),
            details: details == ExportDetails::Shown,
            exported_at: rfc3339(named.now),
            log: named.log.to_string(),
            range,
            since: since.map(rfc3339),
            until: until.map(rfc3339),
            size: covered.checkpoint.size,
            root: STANDARD.encode(covered.checkpoint.root),
            checkpoint: covered.note.clone(),
            files,
            range_proof: proof
                .map(|proof| proof.iter().map(|hash| STANDARD.encode(hash)).collect()),
        }
    }

    pub(super) fn to_text(&self) -> Result<String, EngineError> {
        let failed =
            |_| EngineError::Io { what: "writing the export", kind: std::io::ErrorKind::Other };
        Ok(serde_json::to_string_pretty(self).map_err(failed)? + "\n")
    }
}

/// A new file that is hashed as it is written.
pub(super) struct HashedFile {
    name: &'static str,
    file: BufWriter<File>,
    hasher: RunningSha256,
    bytes: u64,
}

impl HashedFile {
    pub(super) fn create(directory: &Path, name: &'static str) -> Result<Self, EngineError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(directory.join(name));
        let file = BufWriter::new(file.map_err(EngineError::io("writing the export"))?);
        Ok(Self { name, file, hasher: RunningSha256::default(), bytes: 0 })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes).map_err(EngineError::io("writing the export"))
    }

    pub(super) fn finish(mut self) -> Result<ExportedFile, EngineError> {
        let io = EngineError::io("writing the export");
        self.file.flush().and_then(|()| self.file.get_ref().sync_all()).map_err(io)?;
        let sha256 = self.hasher.finish().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(ExportedFile { name: self.name, bytes: self.bytes, sha256 })
    }
}

pub(super) fn write_file(
    directory: &Path,
    name: &'static str,
    bytes: &[u8],
) -> Result<ExportedFile, EngineError> {
    let mut file = HashedFile::create(directory, name)?;
    file.write(bytes)?;
    file.finish()
}

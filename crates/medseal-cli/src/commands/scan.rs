//! `medseal scan --expect-encrypted`: plaintext where ciphertext belongs.

use super::{record, table};
use crate::arguments::{Arguments, Protection, Scan};
use crate::failure::Failure;
use crate::{input, output, terminal};
use medseal_engine::health::Profile;
use medseal_engine::health::table::{TableProfile, TableRecord};
use medseal_engine::records::{Finding, scan_for_plaintext};
use medseal_engine::tables::scan_table_for_plaintext;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

pub(crate) fn run(arguments: &Arguments, command: &Scan) -> Result<ExitCode, Failure> {
    let expected = Expected::of(command)?;
    let mut files = Vec::new();
    for path in &command.files {
        expected.collect(path, &mut files)?;
    }
    let mut count = 0usize;
    for file in &files {
        for finding in expected.findings(command, file)? {
            count += 1;
            let name = file.display();
            if arguments.json {
                output::json(&json!({ "file": name.to_string(), "finding": finding }))?;
            } else {
                let (line, column) = (finding.line, finding.column);
                let found = finding.found;
                output::line(&format!("{name}:{line}:{column}: {found} at {}", finding.path))?;
            }
        }
    }
    terminal::say(&format!("{} files, {count} findings", files.len()));
    Ok(ExitCode::from(u8::from(count > 0)))
}

/// What is expected to be encrypted. A profile that was named is of one kind; then only files of
/// that kind are looked for, and a file that is named is read as that kind.
enum Expected {
    Documents(Arc<Profile>),
    Tables(Arc<TableProfile>),
    Both(Arc<Profile>, Arc<TableProfile>),
}

impl Expected {
    fn of(command: &Scan) -> Result<Self, Failure> {
        if let Some(names) = &command.columns {
            let profile = table::from_columns(names, TableRecord::Unbound)?;
            return Ok(Self::Tables(Arc::new(profile)));
        }
        let Protection { profile, paths, .. } = &command.protection;
        if let Some(tables) = profile.as_deref().map(table_profile).transpose()?.flatten() {
            return Ok(Self::Tables(Arc::new(tables)));
        }
        let documents = Arc::new(record::profile(&command.protection)?);
        match TableProfile::builtin("columns").filter(|_| profile.is_none() && paths.is_none()) {
            Some(tables) => Ok(Self::Both(documents, Arc::new(tables))),
            None => Ok(Self::Documents(documents)),
        }
    }

    fn kind(&self, file: &Path) -> Kind<'_> {
        match self {
            Self::Documents(profile) => Kind::Document(profile),
            Self::Tables(profile) => Kind::Table(profile),
            Self::Both(_, profile) if ends_with(file, TABLES) => Kind::Table(profile),
            Self::Both(profile, _) => Kind::Document(profile),
        }
    }

    fn findings(&self, command: &Scan, file: &Path) -> Result<Vec<Finding>, Failure> {
        let (mut source, _) = input::open(file)?;
        Ok(match self.kind(file) {
            Kind::Document(profile) => scan_for_plaintext(Arc::clone(profile), &mut *source)?,
            Kind::Table(profile) => {
                let form = table::form(&command.form);
                scan_table_for_plaintext(Arc::clone(profile), form, &mut *source)?
            }
        })
    }

    /// A file as it is named; of folders, the files of the kinds that are expected, in order.
    fn collect(&self, path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
        if !path.is_dir() {
            files.push(path.to_owned());
            return Ok(());
        }
        let failed = |error: std::io::Error| Failure::Read {
            path: path.display().to_string(),
            kind: error.kind(),
        };
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            entries.push(entry.map_err(failed)?.path());
        }
        entries.sort();
        for entry in entries {
            if entry.is_dir() || self.is_expected(&entry) {
                self.collect(&entry, files)?;
            }
        }
        Ok(())
    }

    fn is_expected(&self, file: &Path) -> bool {
        match self {
            Self::Documents(_) => ends_with(file, DOCUMENTS),
            Self::Tables(_) => ends_with(file, TABLES),
            Self::Both(..) => ends_with(file, DOCUMENTS) || ends_with(file, TABLES),
        }
    }
}

/// How one file is read.
enum Kind<'e> {
    Document(&'e Arc<Profile>),
    Table(&'e Arc<TableProfile>),
}

const DOCUMENTS: &[&str] = &["json", "ndjson"];
const TABLES: &[&str] = &["csv", "tsv"];

fn ends_with(file: &Path, extensions: &[&str]) -> bool {
    file.extension()
        .is_some_and(|end| extensions.iter().any(|known| end.eq_ignore_ascii_case(known)))
}

/// The profile of this name, if it is one of tables.
fn table_profile(name: &str) -> Result<Option<TableProfile>, Failure> {
    if let Some(profile) = TableProfile::builtin(name) {
        return Ok(Some(profile));
    }
    if Profile::builtin(name).is_some() {
        return Ok(None);
    }
    let known: Vec<&str> = Profile::builtin_names().chain(TableProfile::builtin_names()).collect();
    let text = record::read_profile(name, &known)?;
    let is_table = TableProfile::is_meant_by(&text);
    Ok(if is_table { Some(TableProfile::from_toml(&text)?) } else { None })
}

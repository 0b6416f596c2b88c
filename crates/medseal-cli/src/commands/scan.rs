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

/// A file that is refused ends neither the run nor the list of what was found before it: whoever
/// asks what is still readable needs all of it.
pub(crate) fn run(arguments: &Arguments, command: &Scan) -> Result<ExitCode, Failure> {
    let expected = Expected::of(command)?;
    let mut files = Vec::new();
    for path in &command.files {
        expected.collect(path, &mut files)?;
    }
    if files.is_empty() {
        return Err(Failure::usage("no file of the kinds that are looked at stands there"));
    }
    let (mut count, mut refused) = (0usize, None);
    for file in &files {
        let mut written = Ok(());
        let mut report = |finding: Finding| {
            count += 1;
            if written.is_ok() {
                written = tell(arguments, file, &finding);
            }
        };
        let looked = expected.look(command, file, &mut report);
        written?;
        if let Err(failure) = looked {
            tell_refusal(arguments, file, &failure);
            refused.get_or_insert(failure.exit_code());
        }
    }
    if arguments.json {
        terminal::say_json(&json!({ "files": files.len(), "findings": count }));
    } else {
        terminal::say(&format!("{} files, {count} findings", files.len()));
    }
    Ok(ExitCode::from(refused.unwrap_or(u8::from(count > 0))))
}

fn tell(arguments: &Arguments, file: &Path, finding: &Finding) -> Result<(), Failure> {
    let name = file.display();
    if arguments.json {
        return output::json(&json!({ "file": name.to_string(), "finding": finding }));
    }
    let Finding { path, line, column, found } = finding;
    output::line(&format!("{name}:{line}:{column}: {found} at {path}"))
}

fn tell_refusal(arguments: &Arguments, file: &Path, failure: &Failure) {
    let name = file.display().to_string();
    if arguments.json {
        let error = json!({ "code": failure.code(), "message": failure.to_string() });
        terminal::say_json(&json!({ "file": name, "error": error }));
    } else {
        terminal::say(&format!("{name}: {failure} [{}]", failure.code()));
    }
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

    fn look(
        &self,
        command: &Scan,
        file: &Path,
        report: &mut (dyn FnMut(Finding) + Send),
    ) -> Result<(), Failure> {
        let (mut source, _) = input::open(file)?;
        match self.kind(file) {
            Kind::Document(profile) => {
                scan_for_plaintext(Arc::clone(profile), &mut *source, report)?;
            }
            Kind::Table(profile) => {
                let form = table::form(&command.form);
                scan_table_for_plaintext(Arc::clone(profile), form, &mut *source, report)?;
            }
        }
        Ok(())
    }

    /// A file as it is named; of folders, the files of the kinds that are expected, in order. Links
    /// to folders are not followed: they may lead out of what was asked about, or in a circle.
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
            let leads_away = entry.is_symlink() && entry.is_dir();
            if !leads_away && (entry.is_dir() || self.is_expected(&entry)) {
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

const DOCUMENTS: &[&str] = &["json", "jsonl", "ndjson"];
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

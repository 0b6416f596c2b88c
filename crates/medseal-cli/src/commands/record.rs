//! `medseal record …`: documents in, documents out.

use crate::arguments::{Arguments, Documents, Format, Protection, Record};
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;
use crate::{home, input, output, terminal};
use medseal_engine::health::{Collection, FieldPath, Profile, Record as RecordPath};
use medseal_engine::records::{Action, CoveredPath, DocumentFormat, Job, Report, coverage};
use medseal_engine::{End, EngineError};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

const DEFAULT_PROFILE: &str = "patient-basic";

pub(crate) async fn run(arguments: &Arguments, command: &Record) -> Result<(), Failure> {
    match command {
        Record::Encrypt(documents) => transform(arguments, documents, Action::Encrypt).await,
        Record::Decrypt(documents) => transform(arguments, documents, Action::Decrypt).await,
        Record::Coverage { protection, input, output } => {
            cover(arguments, protection, input, output.as_deref())
        }
    }
}

async fn transform(
    arguments: &Arguments,
    documents: &Documents,
    action: Action,
) -> Result<(), Failure> {
    let profile = Arc::new(profile(&documents.protection)?);
    let job = Job {
        migrating: documents.migrating,
        max_depth: documents.max_depth,
        format: documents.format.map(format),
        ..Job::new(action, profile, &documents.tenant.tenant)
    };
    let selectors = Selectors::of(&documents.protection);
    run_job(arguments, &job, selectors, &documents.input, documents.output.as_deref()).await
}

pub(crate) fn format(format: Format) -> DocumentFormat {
    match format {
        Format::Json => DocumentFormat::Json,
        Format::Ndjson => DocumentFormat::Ndjson,
    }
}

/// Who wrote the selectors, which decides what one that matched nothing means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Selectors {
    /// A built-in profile's: it knows many spellings of which a document has few.
    BuiltIn,
    /// A profile's from a file: there may be a typing error. Where one removes values, they are gone
    /// when the document is decrypted.
    File,
    /// Those of `--paths`.
    Paths,
}

impl Selectors {
    pub(crate) fn of(protection: &Protection) -> Self {
        let name = protection.profile.as_deref().unwrap_or(DEFAULT_PROFILE);
        match &protection.paths {
            Some(_) => Self::Paths,
            None if Profile::builtin_names().any(|known| known == name) => Self::BuiltIn,
            None => Self::File,
        }
    }

    /// Whether a selector that matched nothing deserves a word.
    fn are_expected_to_match(self, action: Action) -> bool {
        match self {
            Self::BuiltIn => false,
            Self::File => action == Action::Encrypt,
            Self::Paths => true,
        }
    }
}

/// Runs a job between files or pipes, with progress and a word about what was done.
pub(crate) async fn run_job(
    arguments: &Arguments,
    job: &Job,
    selectors: Selectors,
    from: &Path,
    to: Option<&Path>,
) -> Result<(), Failure> {
    let engine = home::open(arguments).await?;
    let (mut source, size) = input::open(from)?;
    let mut target = Output::open(to)?;
    let mut progress = Progress::new(size);
    let mut at = |bytes| progress.at(bytes);
    let done = engine.run_records(job, &mut *source, target.writer(), &mut at).await;
    progress.finish();
    let report = done.map_err(|error| at_its_end(error, from, &target))?;
    target.commit()?;
    tell(arguments, job, &report, selectors);
    Ok(())
}

/// Names the file or pipe that failed.
fn at_its_end(error: EngineError, from: &Path, target: &Output) -> Failure {
    match (error.failed_end(), &error) {
        (Some(End::Input), EngineError::Io { kind, .. }) => input::failed(from, *kind),
        (Some(End::Output), EngineError::Io { kind, .. }) => target.failed(*kind),
        _ => error.into(),
    }
}

/// To standard error: standard output carries the documents.
fn tell(arguments: &Arguments, job: &Job, report: &Report, selectors: Selectors) {
    let expected = selectors.are_expected_to_match(job.action);
    if arguments.json {
        let mut told = json!(report);
        if let Some(members) = told.as_object_mut().filter(|_| !expected) {
            members.remove("unmatched_selectors");
        }
        return terminal::say_json(&told);
    }
    if expected {
        tell_unmatched(&report.unmatched_selectors);
    }
    if selectors != Selectors::Paths && report.values == 0 && report.unchanged == 0 {
        terminal::say(&format!("no value matched the profile `{}`", job.profile.name()));
    }
}

fn tell_unmatched(selectors: &[String]) {
    for selector in selectors {
        terminal::say(&format!("no value matched `{selector}`"));
    }
}

fn cover(
    arguments: &Arguments,
    protection: &Protection,
    from: &Path,
    to: Option<&Path>,
) -> Result<(), Failure> {
    let profile = Arc::new(profile(protection)?);
    let (mut source, _) = input::open(from)?;
    let mut target = Output::open(to)?;
    let report = coverage(profile, &mut *source).map_err(|e| at_its_end(e, from, &target))?;
    if arguments.json {
        target.write(format!("{}\n", output::json_text(&report)?).as_bytes())?;
        return target.commit();
    }
    for CoveredPath { path, count, cover, .. } in &report.paths {
        let row = format!("{cover:<9} {count:>8}  {path}");
        target.write(format!("{}\n", terminal::harmless(&row)).as_bytes())?;
    }
    target.commit()?;
    tell_unmatched(&report.unmatched_selectors);
    let none = report.paths.iter().filter(|path| path.cover == "none").count();
    terminal::say(&format!("{} paths, {none} not covered by a rule", report.paths.len()));
    Ok(())
}

/// `--profile NAME|FILE`, or one made of `--paths`.
pub(crate) fn profile(protection: &Protection) -> Result<Profile, Failure> {
    let profile = match &protection.paths {
        Some(paths) => return from_paths(protection, paths),
        None => named(protection.profile.as_deref().unwrap_or(DEFAULT_PROFILE))?,
    };
    Ok(if protection.no_record { profile.without_record() } else { profile })
}

fn from_paths(protection: &Protection, paths: &str) -> Result<Profile, Failure> {
    let collection = protection.collection.clone().unwrap_or_default();
    let record = match (&protection.record_path, protection.no_record) {
        (Some(path), _) => RecordPath::At(vec![FieldPath::parse(path)?]),
        (None, true) => RecordPath::Unbound,
        (None, false) => {
            return Err(Failure::usage(
                "say where the record's id stands: --record-path or --no-record",
            ));
        }
    };
    let selectors: Vec<&str> = paths.split(',').map(str::trim).collect();
    Ok(Profile::from_paths(&selectors, Collection::Constant(collection), record)?)
}

pub(crate) fn named(name: &str) -> Result<Profile, Failure> {
    if let Some(profile) = Profile::builtin(name) {
        return Ok(profile);
    }
    let known: Vec<&str> = Profile::builtin_names().collect();
    Ok(Profile::from_toml(&read_profile(name, &known)?)?)
}

/// The text of a profile that is not built in: a name with `/` or `.` in it is a file.
pub(crate) fn read_profile(name: &str, known: &[&str]) -> Result<String, Failure> {
    if !name.contains(['/', '.']) {
        let known = known.join(", ");
        return Err(Failure::usage(format!(
            "no profile `{name}`; built in: {known}; or give a file"
        )));
    }
    std::fs::read_to_string(name)
        .map_err(|error| Failure::Read { path: name.to_owned(), kind: error.kind() })
}

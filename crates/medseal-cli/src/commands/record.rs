//! `medseal record …`: documents in, documents out.

use crate::arguments::{Arguments, Documents, Format, Protection, Record};
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;
use crate::{home, input, output, terminal};
use medseal_engine::health::{Collection, FieldPath, Profile, Record as RecordPath};
use medseal_engine::records::{Action, DocumentFormat, Job, Report, coverage};
use std::path::Path;
use std::sync::Arc;

pub(crate) async fn run(arguments: &Arguments, command: &Record) -> Result<(), Failure> {
    match command {
        Record::Encrypt(documents) => transform(arguments, documents, Action::Encrypt).await,
        Record::Decrypt(documents) => transform(arguments, documents, Action::Decrypt).await,
        Record::Coverage { protection, input } => cover(arguments, protection, input),
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
        format: documents.format.map(|format| match format {
            Format::Json => DocumentFormat::Json,
            Format::Ndjson => DocumentFormat::Ndjson,
        }),
        ..Job::new(action, profile, &documents.tenant.tenant)
    };
    run_job(arguments, &job, &documents.input, documents.output.as_deref()).await
}

/// Runs a job between files or pipes, with progress and a word about what was done.
pub(crate) async fn run_job(
    arguments: &Arguments,
    job: &Job,
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
    let report = done?;
    target.commit()?;
    tell(arguments, job, &report);
    Ok(())
}

/// To standard error: standard output carries the documents.
fn tell(arguments: &Arguments, job: &Job, report: &Report) {
    if arguments.json {
        if let Ok(text) = serde_json::to_string(report) {
            eprintln!("{text}");
        }
        return;
    }
    // a selector that matched nothing may be a typing error; a profile's many spellings are not
    if job.profile.name() == "paths" {
        for selector in &report.unmatched_selectors {
            terminal::say(&format!("no value matched `{selector}`"));
        }
    } else if report.values == 0 && report.unchanged == 0 {
        terminal::say(&format!("no value matched the profile `{}`", job.profile.name()));
    }
}

fn cover(arguments: &Arguments, protection: &Protection, from: &Path) -> Result<(), Failure> {
    let profile = Arc::new(profile(protection)?);
    let (mut source, _) = input::open(from)?;
    let paths = coverage(profile, &mut *source)?;
    if arguments.json {
        return output::json(&paths);
    }
    for path in &paths {
        output::line(&format!("{:<9} {:>8}  {}", path.cover, path.count, path.path))?;
    }
    let none = paths.iter().filter(|path| path.cover == "none").count();
    terminal::say(&format!("{} paths, {none} not covered by a rule", paths.len()));
    Ok(())
}

/// `--profile NAME|FILE`, or one made of `--paths`.
pub(crate) fn profile(protection: &Protection) -> Result<Profile, Failure> {
    let profile = match &protection.paths {
        Some(paths) => return from_paths(protection, paths),
        None => named(protection.profile.as_deref().unwrap_or("patient-basic"))?,
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
    if !name.contains(['/', '.']) {
        let known: Vec<&str> = Profile::builtin_names().collect();
        let known = known.join(", ");
        return Err(Failure::usage(format!(
            "no profile `{name}`; built in: {known}; or give a file"
        )));
    }
    let text = std::fs::read_to_string(name)
        .map_err(|error| Failure::Read { path: name.to_owned(), kind: error.kind() })?;
    Ok(Profile::from_toml(&text)?)
}

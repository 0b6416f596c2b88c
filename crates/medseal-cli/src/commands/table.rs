//! `medseal table …`: tables of delimited text in, tables out.

use super::record::read_profile;
use crate::arguments::Arguments;
use crate::arguments::table::{Delimiter, Encoding, Table, TableForm, TableProtection, Tables};
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;
use crate::{home, input, output, terminal};
use medseal_engine::health::table::{self as health, NamePattern, TableProfile, TableRecord};
use medseal_engine::tables::{self, Action, TableJob, TableReport, table_coverage};
use std::path::Path;
use std::sync::Arc;

pub(crate) async fn run(arguments: &Arguments, command: &Table) -> Result<(), Failure> {
    match command {
        Table::Encrypt(tables) => transform(arguments, tables, Action::Encrypt).await,
        Table::Decrypt(tables) => transform(arguments, tables, Action::Decrypt).await,
        Table::Reencrypt(tables) => transform(arguments, tables, Action::Reencrypt).await,
        Table::Coverage { protection, form, input } => cover(arguments, protection, form, input),
    }
}

async fn transform(arguments: &Arguments, command: &Tables, action: Action) -> Result<(), Failure> {
    let profile = profile(&command.protection)?;
    let collection = command.protection.collection.as_deref().or(profile.collection());
    let missing = || Failure::usage("say what the rows are records of: -c COLLECTION");
    let job = TableJob {
        action,
        collection: collection.ok_or_else(missing)?.to_owned(),
        profile: Arc::new(profile),
        tenant: command.tenant.tenant.clone(),
        migrating: command.migrating,
        form: form(&command.form),
    };
    let engine = home::open(arguments).await?;
    let (mut source, size) = input::open(&command.input)?;
    let mut target = Output::open(command.output.as_deref())?;
    let mut progress = Progress::new(size);
    let mut at = |bytes| progress.at(bytes);
    let done = engine.run_table(&job, &mut *source, target.writer(), &mut at).await;
    progress.finish();
    let report = done?;
    target.commit()?;
    tell(arguments, &job, &report);
    Ok(())
}

/// To standard error: standard output carries the table.
fn tell(arguments: &Arguments, job: &TableJob, report: &TableReport) {
    if arguments.json {
        if let Ok(value) = serde_json::to_value(report) {
            terminal::say_json(&value);
        }
    } else if report.columns.is_empty() {
        terminal::say(&format!("no column matched the profile `{}`", job.profile.name()));
    }
}

fn cover(
    arguments: &Arguments,
    protection: &TableProtection,
    written: &TableForm,
    from: &Path,
) -> Result<(), Failure> {
    let profile = Arc::new(looking(protection)?);
    let (mut source, _) = input::open(from)?;
    let columns = table_coverage(profile, form(written), &mut *source)?;
    if arguments.json {
        return output::json(&columns);
    }
    for column in &columns {
        let (cover, count, name) = (column.cover, column.count, &column.column);
        output::line(&format!("{cover:<9} {count:>8}  {name}"))?;
        for rule in &column.overruled {
            let text = format!("column `{name}`: the rule of `{rule}` names it too, and is later");
            terminal::say(&text);
        }
    }
    let none = columns.iter().filter(|column| column.cover == "none").count();
    terminal::say(&format!("{} columns, {none} not covered by a rule", columns.len()));
    Ok(())
}

pub(crate) fn form(form: &TableForm) -> tables::TableForm {
    let delimiter = form.delimiter.map(|delimiter| match delimiter {
        Delimiter::Comma => health::Delimiter::Comma,
        Delimiter::Semicolon => health::Delimiter::Semicolon,
        Delimiter::Tab => health::Delimiter::Tab,
        Delimiter::Pipe => health::Delimiter::Pipe,
    });
    let encoding = match form.encoding {
        Encoding::Utf8 => health::Encoding::Utf8,
        Encoding::Latin1 => health::Encoding::Latin1,
        Encoding::Windows1252 => health::Encoding::Windows1252,
    };
    tables::TableForm { delimiter, encoding }
}

/// `--profile NAME|FILE`, or one made of `--columns`, with the record that the arguments name.
fn profile(protection: &TableProtection) -> Result<TableProfile, Failure> {
    let record = match (&protection.record_column, protection.no_record) {
        (Some(name), _) => Some(TableRecord::Column(vec![NamePattern::exact(name)])),
        (None, true) => Some(TableRecord::Unbound),
        (None, false) => None,
    };
    let profile = match (&protection.columns, record) {
        (None, record) => {
            let profile = named(protection.profile.as_deref().unwrap_or("columns"))?;
            match record {
                Some(record) => profile.with_record(record),
                None => profile,
            }
        }
        (Some(names), Some(record)) => from_columns(names, record)?,
        (Some(_), None) => {
            let unsaid = "say which column holds the record's id: --record-column or --no-record";
            return Err(Failure::usage(unsaid));
        }
    };
    Ok(match &protection.subject_column {
        Some(name) => profile.with_subject(NamePattern::exact(name)),
        None => profile,
    })
}

/// As [`profile`], for looking only, where records need not be named.
fn looking(protection: &TableProtection) -> Result<TableProfile, Failure> {
    match &protection.columns {
        Some(names) if protection.record_column.is_none() => {
            from_columns(names, TableRecord::Unbound)
        }
        _ => profile(protection),
    }
}

pub(crate) fn from_columns(names: &str, record: TableRecord) -> Result<TableProfile, Failure> {
    let names: Vec<&str> = names.split(',').collect();
    Ok(TableProfile::from_columns(&names, record)?)
}

fn named(name: &str) -> Result<TableProfile, Failure> {
    if let Some(profile) = TableProfile::builtin(name) {
        return Ok(profile);
    }
    let known: Vec<&str> = TableProfile::builtin_names().collect();
    Ok(TableProfile::from_toml(&read_profile(name, &known)?)?)
}

//! `medseal audit …`: reading and verifying the log. None of it needs a log that can be written,
//! save `show --details`.

use crate::arguments::Arguments;
use crate::arguments::audit::{Audit, Keys};
use crate::failure::Failure;
use crate::{home, input, output};
use medseal_engine::ledger::{
    AuditKeys, AuditReport, EntryFilter, EntrySummary, ShownEntry, TilesReport, VerifyRequest,
    check_proof, list_entries, prove_entry, read_audit_keys, verify_log, witness, write_tiles,
};
use medseal_engine::{EngineError, UnixSeconds, clock};
use serde_json::json;
use std::path::Path;

pub(crate) async fn run(arguments: &Arguments, command: &Audit) -> Result<(), Failure> {
    let directory = home::locate(arguments.home.as_deref()).audit();
    match command {
        Audit::Verify { keys, from, to } => {
            let kept: Vec<String> = [from, to]
                .into_iter()
                .flatten()
                .map(|path| text(path.as_path()))
                .collect::<Result<_, _>>()?;
            let keys = audit_keys(arguments, keys).await?;
            let request = VerifyRequest { directory: &directory, keys: &keys, kept: &kept };
            verified(arguments, &verify_log(&request)?)
        }
        Audit::List { operation, decision, request, alarms, since, until } => {
            let (operation, decision) = (operation.clone(), decision.clone());
            let (since, until) = (time(since.as_deref())?, time(until.as_deref())?);
            let (request, alarms) = (request.clone(), *alarms);
            let filter = EntryFilter { operation, decision, request, alarms, since, until };
            list(arguments, &directory, &filter)
        }
        Audit::Show { entry, details } => {
            let engine = home::open(arguments).await?;
            show(arguments, &engine.show_entry(*entry, *details).await?)
        }
        Audit::Prove { keys, entry } => {
            let keys = audit_keys(arguments, keys).await?;
            output::write(prove_entry(&directory, &keys, *entry)?.as_bytes())
        }
        Audit::CheckProof { keys, proof } => {
            let proof = text(proof)?;
            let checked = check_proof(&proof, &audit_keys(arguments, keys).await?)?;
            if arguments.json {
                return output::json(&checked);
            }
            output::line(&format!("entry of a log of {} entries:", checked.size))?;
            output::line(&line(&checked.entry))
        }
        Audit::Witness { keys, directory: memory } => {
            let keys = audit_keys(arguments, keys).await?;
            let seen = witness(&directory, &keys, memory, clock::now())?;
            if arguments.json {
                return output::json(&seen);
            }
            let before =
                seen.before.map_or("for the first time".to_owned(), |n| format!("after {n}"));
            output::line(&format!("{} entries signed, {before}", seen.size))
        }
        Audit::Tiles { keys, directory: target } => {
            let keys = audit_keys(arguments, keys).await?;
            let made = write_tiles(&directory, &keys, target)?;
            if arguments.json {
                return output::json(&made);
            }
            let TilesReport { size, written, kept, .. } = made;
            output::line(&format!("{size} entries; {written} files written, {kept} kept"))
        }
        Audit::Export(command) => crate::commands::export::run(arguments, command).await,
        Audit::Key => {
            let engine = home::open(arguments).await?;
            let keys = engine.audit_keys().to_vkeys();
            if arguments.json {
                return output::json(&json!({ "vkeys": keys.lines().collect::<Vec<_>>() }));
            }
            output::write(keys.as_bytes())
        }
    }
}

async fn audit_keys(arguments: &Arguments, keys: &Keys) -> Result<AuditKeys, Failure> {
    match &keys.vkey {
        Some(path) => Ok(read_audit_keys(&text(path)?)?),
        None => Ok(home::open(arguments).await?.audit_keys().clone()),
    }
}

/// A text file. What is not text is refused by whoever reads it.
fn text(path: &Path) -> Result<String, Failure> {
    Ok(String::from_utf8_lossy(&input::read_all(path)?).into_owned())
}

fn time(text: Option<&str>) -> Result<Option<UnixSeconds>, Failure> {
    let parse = |text| clock::parse_rfc3339(text);
    let parsed = text.map(|text| parse(text).ok_or_else(|| Failure::usage("a time is RFC 3339")));
    parsed.transpose()
}

fn verified(arguments: &Arguments, report: &AuditReport) -> Result<(), Failure> {
    if arguments.json {
        return output::json(report);
    }
    let unsigned = report.entries - report.signed;
    output::line(&format!(
        "ok: {} entries in {} segments, {} signed, {unsigned} behind the newest checkpoint",
        report.entries, report.segments, report.signed
    ))?;
    output::line(&format!("details: {} present, {} erased", report.details, report.erased))?;
    if report.being_written {
        output::line(
            "a writer kept the log: what stands behind the last whole entry was left out",
        )?;
    }
    for size in &report.continues {
        output::line(&format!("continues the checkpoint of {size} entries"))?;
    }
    Ok(())
}

fn list(arguments: &Arguments, directory: &Path, filter: &EntryFilter) -> Result<(), Failure> {
    let mut failed = None;
    let listed = list_entries(directory, filter, |entry| {
        let written =
            if arguments.json { output::json(&entry) } else { output::line(&line(&entry)) };
        written.map_err(|failure| {
            failed = Some(failure);
            EngineError::Io { what: "writing", kind: std::io::ErrorKind::BrokenPipe }
        })
    });
    match (listed, failed) {
        (_, Some(failure)) => Err(failure),
        (listed, None) => Ok(listed?),
    }
}

fn show(arguments: &Arguments, shown: &ShownEntry) -> Result<(), Failure> {
    if arguments.json {
        return output::json(shown);
    }
    output::line(&line(&shown.entry))?;
    if let Some(state) = state(&shown.entry) {
        output::line(&format!("store: {state}"))?;
    }
    if let Some(decision) = &shown.entry.decision {
        let rules = shown.entry.rule.iter().chain(&shown.entry.more_rules);
        let rules: Vec<&str> = rules.map(String::as_str).collect();
        let by = if rules.is_empty() { "no rule".to_owned() } else { rules.join(", ") };
        output::line(&format!("decision {decision} by {by}"))?;
    }
    output::line(&format!("details: {}", shown.details))?;
    if let Some(case) = &shown.case {
        output::line(&format!("case {case}"))?;
    }
    for item in shown.shown.iter().flatten() {
        let place = [&item.collection, &item.field, &item.record, &item.change];
        let place: Vec<&str> = place.into_iter().flatten().map(String::as_str).collect();
        output::line(&format!("  {}  {}", item.key_version_id, place.join("/")))?;
    }
    Ok(())
}

/// Where the store stood.
fn state(entry: &EntrySummary) -> Option<String> {
    let (epoch, root) = (entry.store_epoch?, entry.state_root.as_ref()?);
    Some(format!("epoch {epoch}, state root {root}"))
}

fn line(entry: &EntrySummary) -> String {
    let mut line = format!("{:>8}  {}  {:<12}", entry.index, entry.time, entry.operation);
    line.extend(entry.principal.as_ref().map(|principal| format!("  {principal}")));
    line.extend(entry.on_behalf_of.as_ref().map(|other| format!(" for {other}")));
    for part in [entry.outcome, entry.purpose.as_deref(), entry.tenant.as_deref()] {
        line.extend(part.map(|part| format!("  {part}")));
    }
    // of an operation it stands in `audit show`
    line.extend(state(entry).filter(|_| entry.principal.is_none()).map(|s| format!("  {s}")));
    line.extend(entry.items.map(|items| format!("  {items} items")));
    for list in [&entry.collections, &entry.keys] {
        if !list.is_empty() {
            line.push_str(&format!("  {}", list.join(",")));
        }
    }
    if !entry.alarms.is_empty() {
        line.push_str(&format!("  ALARM {}", entry.alarms.join(",")));
    }
    line.extend(entry.approval.as_ref().map(|id| format!("  approval {id}")));
    line.extend(entry.note.as_ref().map(|note| format!("  {note}")));
    line.trim_end().to_owned()
}

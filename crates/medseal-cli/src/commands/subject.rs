//! `medseal subject …`: patients as wholes. No id is ever printed save by `list --ids`.

use crate::arguments::Arguments;
use crate::arguments::subject::{Certificate, Form, Subject, Whose};
use crate::failure::Failure;
use crate::output::Output;
use crate::{home, input, output, subject, terminal};
use medseal_engine::UnixSeconds;
use medseal_engine::clock::{self, rfc3339};
use medseal_engine::ledger::read_audit_keys;
use medseal_engine::subjects::{
    CertificateReport, Disclosure, DisclosureFilter, Disclosures, Erased, Ids, NewHold,
    SubjectName, SubjectSummary, VerifyCertificate, verify_certificate,
};
use serde_json::json;
use std::path::Path;

pub(crate) async fn run(arguments: &Arguments, command: &Subject) -> Result<(), Failure> {
    match command {
        Subject::List { tenant, ids } => {
            let engine = home::open(arguments).await?;
            let ids = if *ids { Ids::Shown } else { Ids::Hidden };
            let subjects = engine.list_subjects(&tenant.tenant, ids).await?;
            if arguments.json {
                return output::json(&subjects);
            }
            subjects.iter().try_for_each(|subject| output::line(&line(subject)))
        }
        Subject::Show(whose) => {
            let id = subject::read(&whose.subject)?;
            let engine = home::open(arguments).await?;
            show(arguments, &engine.show_subject(name(whose, &id)).await?)
        }
        Subject::Erase { whose, reason, output } => {
            erase(arguments, whose, reason, output.as_deref()).await
        }
        Subject::Hold { whose, name: hold, reason } => {
            let id = subject::read(&whose.subject)?;
            let engine = home::open(arguments).await?;
            engine.hold_subject(name(whose, &id), NewHold { name: hold, reason }).await?;
            done(arguments, hold, "is on the subject")
        }
        Subject::Release { whose, name: hold } => {
            let id = subject::read(&whose.subject)?;
            let engine = home::open(arguments).await?;
            engine.release_subject(name(whose, &id), hold).await?;
            done(arguments, hold, "is released")
        }
        Subject::Disclosures { .. } => disclosures(arguments, command).await,
        Subject::Certificate(command) => certificate(arguments, command).await,
    }
}

async fn disclosures(arguments: &Arguments, command: &Subject) -> Result<(), Failure> {
    let Subject::Disclosures { whose, format, since, until, proofs, output } = command else {
        return Ok(());
    };
    if arguments.json && *format != Form::Text {
        return Err(Failure::usage("--json is a form of its own: leave --format out"));
    }
    let filter =
        DisclosureFilter { since: time(since.as_deref())?, until: time(until.as_deref())? };
    let id = subject::read(&whose.subject)?;
    let mut target = Output::open(output.as_deref())?;
    let engine = home::open(arguments).await?;
    let found = engine.disclosures(name(whose, &id), &filter).await?;
    let text = match format {
        _ if arguments.json => format!("{}\n", output::json_text(&found)?),
        Form::Text => found.disclosures.iter().map(|one| format!("{}\n", access(one))).collect(),
        Form::Csv => found.to_csv(),
        Form::Fhir => found.to_fhir(),
    };
    if let Some(directory) = proofs {
        write_proofs(directory, &found)?;
    }
    target.write(text.as_bytes())?;
    target.commit()
}

fn access(one: &Disclosure) -> String {
    let Disclosure { index, time, operation, principal, outcome, .. } = one;
    let mut line = format!("{index:>8}  {time}  {operation:<16}  {principal}  {outcome}");
    let of_values = one.items.filter(|items| *items > 0);
    line.extend(of_values.map(|items| format!("  {items} values")));
    for list in [&one.collections, &one.fields] {
        if !list.is_empty() {
            line.push_str(&format!("  {}", list.join(",")));
        }
    }
    line.extend(one.purpose.as_ref().map(|purpose| format!("  for {purpose}")));
    line.extend(one.note.as_ref().map(|note| format!("  {note}")));
    terminal::harmless(&line).into_owned()
}

/// Proofs name entries and nobody; the directory must be new, so that none of another subject lies
/// among them.
fn write_proofs(directory: &Path, found: &Disclosures) -> Result<(), Failure> {
    let place = format!("`{}`", directory.display());
    let failed =
        |error: std::io::Error| Failure::Write { place: place.clone(), kind: error.kind() };
    std::fs::create_dir(directory).map_err(failed)?;
    for one in &found.disclosures {
        let path = directory.join(format!("{}.tlog-proof", one.index));
        std::fs::write(path, &one.proof).map_err(failed)?;
    }
    Ok(())
}

fn time(text: Option<&str>) -> Result<Option<UnixSeconds>, Failure> {
    let wrong = || Failure::usage("a time is RFC 3339");
    text.map(|text| clock::parse_rfc3339(text).ok_or_else(wrong)).transpose()
}

fn name<'a>(whose: &'a Whose, id: &'a str) -> SubjectName<'a> {
    SubjectName { tenant: &whose.tenant.tenant, id }
}

/// The output is opened first: a certificate that cannot be written can still be shown later, and a
/// wrong path is better found before than after.
async fn erase(
    arguments: &Arguments,
    whose: &Whose,
    reason: &str,
    to: Option<&Path>,
) -> Result<(), Failure> {
    let id = subject::read(&whose.subject)?;
    let mut target = Output::open(to)?;
    let engine = home::open(arguments).await?;
    let erased = engine.erase_subject(name(whose, &id), reason).await?;
    let text = if arguments.json && to.is_none() {
        format!("{}\n", output::json_text(&told(&erased))?)
    } else {
        erased.certificate.clone()
    };
    target.write(text.as_bytes())?;
    target.commit()?;
    if arguments.json && to.is_some() {
        terminal::say_json(&told(&erased));
    } else if !arguments.json {
        let complete = erased.complete.map_or("never".to_owned(), rfc3339);
        terminal::say(&format!("erased; live {}, complete {complete}", rfc3339(erased.live)));
    }
    Ok(())
}

fn told(erased: &Erased) -> serde_json::Value {
    json!({
        "live": rfc3339(erased.live),
        "complete": erased.complete.map(rfc3339),
        "certificate": erased.certificate,
    })
}

fn done(arguments: &Arguments, hold: &str, what: &str) -> Result<(), Failure> {
    if arguments.json {
        return output::json(&json!({ "hold": hold, "result": what }));
    }
    output::line(&format!("{hold} {what}"))
}

async fn certificate(arguments: &Arguments, command: &Certificate) -> Result<(), Failure> {
    match command {
        Certificate::Show(whose) => {
            let id = subject::read(&whose.subject)?;
            let engine = home::open(arguments).await?;
            let certificate = engine.erasure_certificate(name(whose, &id)).await?;
            if arguments.json {
                return output::json(&json!({ "certificate": certificate }));
            }
            output::write(certificate.as_bytes())
        }
        Certificate::Verify { file, vkey, subject, tenant } => {
            let certificate = text(file)?;
            let id = subject.as_deref().map(subject::from_file).transpose()?;
            let report = match vkey {
                Some(path) => {
                    let keys = read_audit_keys(&text(path)?)?;
                    let (certificate, now) = (certificate.as_str(), clock::now());
                    verify_certificate(&VerifyCertificate { certificate, keys: &keys, now })?
                }
                None => {
                    let tenant = tenant.tenant.as_str();
                    let subject = id.as_deref().map(|id| SubjectName { tenant, id });
                    let engine = home::open(arguments).await?;
                    engine.verify_own_certificate(&certificate, subject)?
                }
            };
            verified(arguments, &report)
        }
    }
}

/// A text file. What is not text is refused by whoever reads it.
fn text(path: &Path) -> Result<String, Failure> {
    Ok(String::from_utf8_lossy(&input::read_all(path)?).into_owned())
}

fn verified(arguments: &Arguments, report: &CertificateReport) -> Result<(), Failure> {
    if report.is_of_subject == Some(false) {
        return Err(Failure::Checked("the certificate verifies and is of another subject"));
    }
    if arguments.json {
        return output::json(report);
    }
    output::line(&format!("ok: certificate {} of log {}", report.certificate, report.log))?;
    output::line(&format!("live      {}", report.live))?;
    let complete = match &report.complete {
        Some(date) if report.is_complete => format!("{date}, which has come"),
        Some(date) => format!("{date}: until then copies of the store still open it"),
        None => "never: month keys of this home are not forgotten".to_owned(),
    };
    output::line(&format!("complete  {complete}"))?;
    output::line(&format!("subject   {} of tenant {}", report.subject, report.tenant))?;
    output::line(&format!("by        {}: {}", report.principal, report.reason))?;
    output::line(&format!("not covered: {}", report.not_covered.join(", ")))
}

fn show(arguments: &Arguments, found: &SubjectSummary) -> Result<(), Failure> {
    if arguments.json {
        return output::json(found);
    }
    output::line(&line(found))?;
    for hold in &found.holds {
        let text = format!("hold {}, {} by {}", hold.name, hold.placed_at, hold.principal);
        output::line(&format!("{text}: {}", hold.reason))?;
    }
    Ok(())
}

fn line(subject: &SubjectSummary) -> String {
    let mut line = format!("{}  {:<6}", subject.handle, subject.state.name());
    line.extend(subject.since.as_ref().map(|since| format!("  since {since}")));
    line.extend(subject.erased_at.as_ref().map(|at| format!("  {at}")));
    line.extend(subject.id.as_ref().map(|id| format!("  {id}")));
    line
}

//! `medseal approval …`.

use crate::arguments::Arguments;
use crate::arguments::approval::{Approval, Key, Verdict as Given};
use crate::arguments::escrow::WithPassphrase;
use crate::failure::Failure;
use crate::{home, input, output};
use medseal_engine::approvals::{
    ApprovalSummary, ApproverKeyFile, ShownApproval, ShownChange, Verdict,
};
use serde_json::json;
use std::path::Path;
use zeroize::Zeroizing;

pub(crate) async fn run(arguments: &Arguments, command: &Approval) -> Result<(), Failure> {
    match command {
        Approval::Key(Key::Create { out }) => create_key(arguments, out).await,
        Approval::List { all } => {
            let requests = home::open(arguments).await?.list_approvals(*all).await?;
            if arguments.json {
                return output::json(&requests);
            }
            requests.iter().try_for_each(|request| output::line(&describe(request)))
        }
        Approval::Show { id } => {
            let shown = home::open(arguments).await?.show_approval(id).await?;
            if arguments.json { output::json(&shown) } else { show(&shown) }
        }
        Approval::Approve(given) => verdict(arguments, given, Verdict::Approve).await,
        Approval::Deny(given) => verdict(arguments, given, Verdict::Deny).await,
        Approval::Withdraw { id } => {
            home::open(arguments).await?.withdraw_request(id).await?;
            done(arguments, id, "is withdrawn")
        }
    }
}

async fn create_key(arguments: &Arguments, out: &WithPassphrase) -> Result<(), Failure> {
    let passphrase = new_passphrase(out)?;
    let engine = home::open(arguments).await?;
    let (file, keys) = engine.create_approver_key(&passphrase).await?;
    let place = || format!("`{}`", out.what);
    file.write(Path::new(&out.what)).map_err(|error| Failure::At { place: place(), error })?;
    let vkeys = keys.to_vkeys();
    if arguments.json {
        let lines: Vec<&str> = vkeys.lines().collect();
        return output::json(
            &json!({ "file": out.what, "key": keys.id().to_string(), "vkeys": lines }),
        );
    }
    output::write(vkeys.as_bytes())
}

async fn verdict(arguments: &Arguments, given: &Given, verdict: Verdict) -> Result<(), Failure> {
    let path = Path::new(&given.key.what);
    let text = String::from_utf8_lossy(&input::read_all(path)?).into_owned();
    let place = || format!("`{}`", given.key.what);
    let file =
        ApproverKeyFile::parse(&text).map_err(|error| Failure::At { place: place(), error })?;
    let passphrase = home::passphrase(given.key.file.as_deref(), "Passphrase of the key: ")?;
    let engine = home::open(arguments).await?;
    let reason = given.reason.as_deref();
    let said = engine.give_verdict(&given.id, verdict, (&file, &passphrase), reason).await?;
    let (needed, given) = (said.given.needed, said.given.given);
    if arguments.json {
        return output::json(&json!({
            "request": said.request.to_string(),
            "verdict": verdict.name(),
            "needed": needed,
            "given": given,
        }));
    }
    output::line(&match verdict {
        Verdict::Approve => format!("{} is approved: {given} of {needed}", said.request),
        Verdict::Deny => format!("{} is denied", said.request),
    })
}

fn new_passphrase(given: &WithPassphrase) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let passphrase = home::passphrase(given.file.as_deref(), "New passphrase of the key: ")?;
    if given.file.is_none() && *home::passphrase(None, "Once more: ")? != *passphrase {
        return Err(Failure::usage("the two passphrases differ"));
    }
    Ok(passphrase)
}

fn done(arguments: &Arguments, id: &str, what: &str) -> Result<(), Failure> {
    if arguments.json {
        output::json(&json!({ "request": id, "result": what }))
    } else {
        output::line(&format!("{id} {what}"))
    }
}

fn describe(request: &ApprovalSummary) -> String {
    let ApprovalSummary { id, state, operation, requester, made, expires, needed, given, .. } =
        request;
    let tenant = request.tenant.as_ref().map(|tenant| format!(" in {tenant}")).unwrap_or_default();
    let reason = request.reason.as_ref().map(|why| format!("  reason: {why}")).unwrap_or_default();
    format!(
        "{id}  {state} {given}/{needed}  {operation}{tenant}  by {requester}  {made} to {expires}{reason}"
    )
}

fn show(shown: &ShownApproval) -> Result<(), Failure> {
    output::line(&describe(&shown.summary))?;
    output::line(&format!("digest {}, asked at epoch {}", shown.digest, shown.epoch))?;
    for (name, value) in &shown.parameters {
        output::line(&format!("  {name} = {value}"))?;
    }
    shown.changes.iter().try_for_each(show_change)?;
    for person in &shown.eligible {
        output::line(&format!("could approve: {} {}", person.name, person.principal_id))?;
    }
    for said in &shown.verdicts {
        let why = said.reason.as_ref().map(|why| format!("  reason: {why}")).unwrap_or_default();
        output::line(&format!("{}  {} {}{why}", said.given, said.name, said.verdict))?;
    }
    if let (Some(by), Some(at)) = (&shown.closed_by, &shown.closed) {
        output::line(&format!("{} by {by} at {at}", shown.summary.state))?;
    }
    Ok(())
}

/// What changes: on one line, or for texts the lines that go and come.
fn show_change(change: &ShownChange) -> Result<(), Failure> {
    let ShownChange { what, from, to } = change;
    if !from.contains('\n') && !to.contains('\n') {
        return output::line(&format!("  {what}: {from} -> {to}"));
    }
    output::line(&format!("  {what}:"))?;
    let (old, new): (Vec<&str>, Vec<&str>) = (from.lines().collect(), to.lines().collect());
    let same = |(a, b): &(&&str, &&str)| a == b;
    let start = old.iter().zip(&new).take_while(same).count();
    let rest = (old.len().min(new.len())) - start;
    let end = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(same).count();
    let middle = |lines: &[&str], sign: char| {
        let middle = lines.get(start..lines.len() - end).unwrap_or_default().to_vec();
        middle.into_iter().try_for_each(|line| output::line(&format!("    {sign} {line}")))
    };
    middle(&old, '-')?;
    middle(&new, '+')
}

//! `medseal policy …`.

use crate::arguments::Arguments;
use crate::arguments::principal::{Policy, Simulate};
use crate::failure::Failure;
use crate::{home, input, output};
use medseal_engine::principals::{
    CheckedPolicy, Operation, PolicyInForce, Simulated, Simulation, check_policy,
};
use std::path::Path;
use std::process::ExitCode;

/// What a simulated denial exits with, as a real one does.
const DENIED: u8 = 5;

pub(crate) async fn run(arguments: &Arguments, command: &Policy) -> Result<ExitCode, Failure> {
    match command {
        Policy::Check { file } => {
            let checked = check_policy(&text(file)?).map_err(|error| at(file, error))?;
            if arguments.json {
                output::json(&checked)?;
            } else {
                output::line(&format!("ok: {}", describe(&checked)))?;
            }
        }
        Policy::Set { file } => {
            let document = text(file)?;
            let engine = home::open(arguments).await?;
            let set = engine.set_policy(&document).await.map_err(|error| at(file, error))?;
            show(arguments, &set)?;
        }
        Policy::Show => show(arguments, &home::open(arguments).await?.show_policy().await?)?,
        Policy::Simulate(command) => return simulate(arguments, command).await,
    }
    Ok(ExitCode::SUCCESS)
}

fn text(file: &Path) -> Result<String, Failure> {
    Ok(String::from_utf8_lossy(&input::read_all(file)?).into_owned())
}

fn at(file: &Path, error: medseal_engine::EngineError) -> Failure {
    Failure::At { place: format!("`{}`", file.display()), error }
}

fn describe(policy: &CheckedPolicy) -> String {
    let purpose = policy.default_purpose.unwrap_or("none, it must be named");
    let CheckedPolicy { name, rules, budgets, approvals, .. } = policy;
    format!(
        "policy {name}, {rules} rules, {budgets} budgets, {approvals} operations with approvals, default purpose {purpose}"
    )
}

fn show(arguments: &Arguments, policy: &PolicyInForce) -> Result<(), Failure> {
    if arguments.json {
        return output::json(policy);
    }
    output::line(&describe(&policy.checked))?;
    if let (Some(by), Some(at)) = (&policy.set_by, &policy.set_at) {
        output::line(&format!("revision {}, set by {by} at {at}", policy.revision))?;
    }
    output::line(match policy.built_in_owner {
        true => "the owner of the home's directory may do everything beside it",
        false => "the built-in owner has been replaced by an admin",
    })?;
    match &policy.document {
        Some(document) => output::text(document),
        None => Ok(()),
    }
}

async fn simulate(arguments: &Arguments, command: &Simulate) -> Result<ExitCode, Failure> {
    let Simulate { principal, operation, place, class, tenant } = command;
    let known = Operation::ALL.into_iter().find(|known| known.name() == operation);
    let operation = known.ok_or_else(|| {
        let names = Operation::ALL.map(Operation::name).join(", ");
        Failure::usage(format!("there is no such operation; there are: {names}"))
    })?;
    if operation.is_of_values() && place.is_none() {
        return Err(Failure::usage("say what is touched: -c COLLECTION or -c COLLECTION/FIELD"));
    }
    let (collection, field) = match place.as_deref().map(|place| place.split_once('/')) {
        Some(Some((collection, field))) => (Some(collection), Some(field)),
        _ => (place.as_deref(), None),
    };
    let engine = home::open(arguments).await?;
    let simulated = engine
        .simulate(&Simulation {
            principal: (principal != "me").then_some(principal),
            operation,
            purpose: home::purpose(arguments),
            tenant: &tenant.tenant,
            collection,
            field,
            class: class.as_deref(),
        })
        .await?;
    if arguments.json {
        output::json(&simulated)?;
    } else {
        tell(&simulated)?;
    }
    let denied = simulated.decision != "allowed";
    Ok(ExitCode::from(if denied { DENIED } else { 0 }))
}

fn tell(simulated: &Simulated) -> Result<(), Failure> {
    let Simulated { decision, reason, deciding, principal, .. } = simulated;
    let why = match (reason, deciding.as_slice()) {
        (Some(reason), []) => reason.clone(),
        (Some(reason), rules) => format!("{reason}: {}", rules.join(", ")),
        (None, rules) => format!("by rule {}", rules.join(", ")),
    };
    output::line(&format!("{decision}: {why}"))?;
    let roles = if simulated.roles.is_empty() { "no role" } else { &simulated.roles.join(",") };
    let purpose = simulated.purpose.unwrap_or("no purpose");
    let class = simulated.class.as_ref().map(|class| format!(", class {class}"));
    output::line(&format!("{principal} with {roles}, {purpose}{}", class.unwrap_or_default()))?;
    for rule in &simulated.rules {
        let why = match rule.not_because_of {
            Some(condition) => format!("does not apply: {condition}"),
            None => "applies".to_owned(),
        };
        output::line(&format!("  {:<28} {:<7} {why}", rule.rule, rule.effect))?;
    }
    Ok(())
}

//! `medseal reencrypt`: a value, or documents, to the newest key version.

use super::{record, value};
use crate::arguments::{Arguments, Protection, Reencrypt};
use crate::context::{Context, DEFAULT_TENANT};
use crate::failure::Failure;
use crate::{home, input, output, terminal};
use medseal_engine::fields::Reencrypted;
use medseal_engine::inspect::{is_text, to_text};
use medseal_engine::records::{Action, Job};
use serde_json::json;
use std::sync::Arc;

pub(crate) async fn run(arguments: &Arguments, command: &Reencrypt) -> Result<(), Failure> {
    let documents = command.profile.is_some() || command.paths.is_some();
    if documents {
        whole_documents(arguments, command).await
    } else {
        one(arguments, command).await
    }
}

async fn whole_documents(arguments: &Arguments, command: &Reencrypt) -> Result<(), Failure> {
    let protection = Protection {
        profile: command.profile.clone(),
        paths: command.paths.clone(),
        collection: command.place.clone(),
        record_path: command.record_path.clone(),
        no_record: command.no_record,
    };
    let profile = Arc::new(record::profile(&protection)?);
    let base =
        Job::new(Action::Reencrypt, profile, command.tenant.as_deref().unwrap_or(DEFAULT_TENANT));
    let job = Job {
        migrating: command.migrating,
        max_depth: command.max_depth.unwrap_or(base.max_depth),
        format: command.format.map(record::format),
        ..base
    };
    let selectors = record::Selectors::of(&protection);
    let (from, to) = (&command.input, command.output.as_deref());
    record::run_job(arguments, &job, selectors, from, to).await
}

async fn one(arguments: &Arguments, command: &Reencrypt) -> Result<(), Failure> {
    if command.max_depth.is_some() || command.format.is_some() {
        return Err(Failure::usage("--max-depth and --format are for documents: give a profile"));
    }
    let (place, pairs) = (command.place.as_deref(), command.context.as_deref());
    let context = Context::parse(place, pairs, command.tenant.as_deref(), command.no_record)?
        .with_subject(command.subject.as_deref())?;
    let engine = home::open(arguments).await?;
    let bytes = input::read_all(&command.input)?;
    let envelope = value::envelope_bytes(&bytes)?;
    let pairs = context.pairs();
    let mut target = output::Output::open(command.output.as_deref())?;
    let done = engine.reencrypt_value(&context.target(&pairs), &envelope).await?;
    let (newest, values) = match &done {
        Reencrypted::Current => (&envelope, 0),
        Reencrypted::New(newest) => (newest, 1),
    };
    match &done {
        Reencrypted::Current => target.write(&bytes)?,
        Reencrypted::New(newest) if is_text(&bytes) => {
            target.write(format!("{}\n", to_text(newest)).as_bytes())?;
        }
        Reencrypted::New(newest) => target.write(newest)?,
    }
    target.commit()?;
    if arguments.json {
        let key = engine.version_name(context.tenant(), newest).await?;
        terminal::say_json(&json!({ "values": values, "unchanged": 1 - values, "key": key }));
    }
    Ok(())
}

//! `medseal key …`

use crate::arguments::{Arguments, Cause, Key, Suite, VersionChange};
use crate::commands::impact;
use crate::duration::seconds;
use crate::failure::Failure;
use crate::{home, output};
use medseal_engine::keys::{Destroyed, KeyPurpose, KeySummary, NewKey};
use medseal_engine::{Engine, RotationPolicy, clock};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(crate) async fn run(arguments: &Arguments, command: &Key) -> Result<(), Failure> {
    let engine = home::open(arguments).await?;
    match command {
        Key::Create { .. } => create(&engine, arguments, command).await,
        Key::List { tenant } => {
            let keys = engine.list_keys(&tenant.tenant).await?;
            if arguments.json {
                return output::json(&keys);
            }
            keys.iter().try_for_each(|key| output::line(&overview(key)))
        }
        Key::Show { name, tenant } => {
            let key = engine.show_key(&tenant.tenant, name).await?;
            if arguments.json {
                return output::json(&key);
            }
            details(&key).iter().try_for_each(|line| output::line(line))
        }
        Key::Rotate { name, tenant, suite, reason } => {
            let suite = suite.map(suite_of);
            let tenant = &tenant.tenant;
            let number = engine.rotate_key(tenant, name, suite, reason.as_deref()).await?;
            done(arguments, &format!("{name}@{number}"), "is now the primary")
        }
        Key::Rollback(change) => {
            let (name, number) = split(&change.version)?;
            engine.rollback_key(tenant(change), name, number, reason(change)).await?;
            done(arguments, &change.version, "is the primary again")
        }
        Key::Suspend(change) => {
            let (name, number) = split(&change.version)?;
            engine.suspend_key(tenant(change), name, number, reason(change)).await?;
            done(arguments, &change.version, "is suspended")
        }
        Key::Resume(change) => {
            let (name, number) = split(&change.version)?;
            engine.resume_key(tenant(change), name, number, reason(change)).await?;
            done(arguments, &change.version, "is in use again")
        }
        Key::Revoke { change, cause } => {
            let (name, number) = split(&change.version)?;
            let cause = match cause {
                Cause::Compromise => medseal_engine::Cause::Compromise,
                Cause::Superseded => medseal_engine::Cause::Superseded,
            };
            engine.revoke_key(tenant(change), name, number, cause, reason(change)).await?;
            done(arguments, &change.version, &format!("is revoked: {}", cause.name()))
        }
        Key::Destroy { change, waiting_period } => {
            let (name, number) = split(&change.version)?;
            let wait = seconds(waiting_period)?;
            let tenant = tenant(change);
            match engine.destroy_key(tenant, name, number, wait, reason(change)).await? {
                Destroyed::Scheduled(after) => {
                    let text = format!("will be destroyed after {}", clock::rfc3339(after));
                    done(arguments, &change.version, &text)
                }
                Destroyed::Gone => done(arguments, &change.version, "is destroyed"),
            }
        }
        Key::Impact(command) => impact::run(&engine, arguments, command).await,
    }
}

async fn create(engine: &Engine, arguments: &Arguments, command: &Key) -> Result<(), Failure> {
    let Key::Create {
        name,
        tenant,
        purpose,
        suite,
        rotation_period,
        next_rotation_time,
        max_messages,
        max_bytes,
        reason,
    } = command
    else {
        return Ok(());
    };
    let policy = RotationPolicy {
        period: rotation_period.as_deref().map(seconds).transpose()?,
        next_time: next_rotation_time.as_deref().map(moment).transpose()?,
        max_messages: *max_messages,
        max_bytes: *max_bytes,
    };
    let key = NewKey {
        tenant: &tenant.tenant,
        name,
        purpose: match purpose.as_str() {
            "file" => KeyPurpose::File,
            _ => KeyPurpose::Field,
        },
        suite: suite_of(*suite),
        policy,
    };
    if [policy.period == Some(0), *max_messages == Some(0), *max_bytes == Some(0)].contains(&true) {
        return Err(Failure::usage("a rotation limit of 0 would be due at every value"));
    }
    engine.create_key(&key, reason.as_deref()).await?;
    done(arguments, &format!("{name}@1"), "is the primary")
}

fn done(arguments: &Arguments, version: &str, what: &str) -> Result<(), Failure> {
    if arguments.json {
        output::json(&json!({ "version": version, "result": what }))
    } else {
        output::line(&format!("{version} {what}"))
    }
}

fn tenant(change: &VersionChange) -> &str {
    &change.tenant.tenant
}

fn reason(change: &VersionChange) -> Option<&str> {
    change.reason.as_deref()
}

fn suite_of(suite: Suite) -> medseal_engine::Suite {
    match suite {
        Suite::Aes256Gcm => medseal_engine::Suite::Aes256Gcm,
        Suite::ChaCha20Poly1305 => medseal_engine::Suite::ChaCha20Poly1305,
    }
}

/// `NAME@N`.
fn split(version: &str) -> Result<(&str, u32), Failure> {
    version
        .rsplit_once('@')
        .and_then(|(name, number)| Some((name, number.parse().ok()?)))
        .ok_or_else(|| Failure::usage("a key version is NAME@N, such as default@2"))
}

fn moment(text: &str) -> Result<i64, Failure> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map(OffsetDateTime::unix_timestamp)
        .map_err(|_| Failure::usage("a time is RFC 3339, such as 2027-01-31T00:00:00Z"))
}

fn overview(key: &KeySummary) -> String {
    let primary = key.versions.iter().find(|v| v.version == key.primary);
    let state = primary.map_or("?", |v| v.state);
    let due = key.rotation_due.map(|why| format!(", rotation due: {why}")).unwrap_or_default();
    format!("{:<24} {:<6} {} {state}{due}", key.name, key.purpose, key.primary)
}

fn details(key: &KeySummary) -> Vec<String> {
    let mut lines = vec![overview(key)];
    let seconds = key.rotation_period_seconds.map(|s| format!("every {s} s"));
    let next = key.next_rotation_time.as_ref().map(|t| format!("at {t}"));
    let messages = key.max_messages.map(|n| format!("after {n} values"));
    let bytes = key.max_bytes.map(|n| format!("after {n} bytes"));
    let policy: Vec<String> = [seconds, next, messages, bytes].into_iter().flatten().collect();
    if !policy.is_empty() {
        lines.push(format!("  rotates {}", policy.join(", ")));
    }
    for v in &key.versions {
        let until = v.destroy_after.as_ref().map(|t| format!(" until {t}")).unwrap_or_default();
        lines.push(format!(
            "  {:<16} {} {:<18} {}{until}, made {}, {} values",
            v.version, v.id, v.suite, v.state, v.created, v.messages
        ));
        lines.extend(v.reason.as_ref().map(|reason| format!("    reason: {reason}")));
    }
    lines
}

//! `medseal demo`: the main job on made-up patients, in a temporary home that is gone afterwards.

use crate::failure::Failure;
use crate::output::{line, text};
use medseal_engine::health::Profile;
use medseal_engine::records::{Action, Job, Report};
use medseal_engine::{Engine, EngineError, Environment, Home, Options, RootChoice};
use std::sync::Arc;

/// Two people who do not exist.
const BUNDLE: &str = include_str!("demo/bundle.json");
const WIDTH: usize = 58;

pub(crate) async fn run() -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let home = Home::at(directory.path().join("home"));
    home.init(RootChoice::KeyFile, Environment::Development).await?;
    let engine = home.open(|| Err(EngineError::PassphraseNeeded), Options::default()).await?;

    text("1. A FHIR Bundle with two made-up patients, before and after `record encrypt`:\n")?;
    let (encrypted, report) = transform(&engine, Action::Encrypt, BUNDLE).await?;
    side_by_side(BUNDLE, &encrypted)?;
    text(&format!("\n   {} values encrypted, every other byte unchanged.", report.values))?;

    let (decrypted, _) = transform(&engine, Action::Decrypt, &encrypted).await?;
    verdict("2. Decrypted, the Bundle is the same byte for byte", decrypted == BUNDLE)?;

    let swapped = swap_family_names(&encrypted);
    let refused = transform(&engine, Action::Decrypt, &swapped).await.err();
    let code = refused.as_ref().map_or("it opened!", EngineError::code);
    line(&format!("3. The two patients' family names are swapped in the ciphertext: {code}"))?;
    verdict("   Each value opens only in the record it was encrypted for", code == "REJECTED")?;

    engine.rotate_key("default", "default", None, Some("demo")).await?;
    line("4. The key is rotated: default@2 encrypts from now on, default@1 still decrypts.")?;
    let (old, _) = transform(&engine, Action::Decrypt, &encrypted).await?;
    verdict("   What was encrypted before still opens", old == BUNDLE)?;

    let (newest, report) = transform(&engine, Action::Reencrypt, &encrypted).await?;
    line(&format!("5. Re-encrypted: {} values are under default@2 now.", report.values))?;
    let (again, _) = transform(&engine, Action::Decrypt, &newest).await?;
    verdict("   And everything still opens", again == BUNDLE)?;

    text("\nTry it yourself:\n")?;
    line("  medseal init")?;
    line("  echo 'Doe' | medseal encrypt -c patients/last_name/patient-1")?;
    line("  medseal record encrypt your-patient.json -o encrypted.json")
}

async fn transform(
    engine: &Engine,
    action: Action,
    document: &str,
) -> Result<(String, Report), EngineError> {
    let profile = Profile::builtin("patient-basic").ok_or(EngineError::NotAvailable("profile"))?;
    let job = Job::new(action, Arc::new(profile), "default");
    let mut out = Vec::new();
    let report = engine.run_records(&job, &mut document.as_bytes(), &mut out, &mut |_| {}).await?;
    Ok((String::from_utf8_lossy(&out).into_owned(), report))
}

fn side_by_side(left: &str, right: &str) -> Result<(), Failure> {
    for (left, right) in left.lines().zip(right.lines()) {
        line(&format!("   {:<WIDTH$} │ {}", cut(left), cut(right)))?;
    }
    Ok(())
}

fn cut(text: &str) -> String {
    if text.chars().count() <= WIDTH {
        return text.to_owned();
    }
    let head: String = text.chars().take(WIDTH - 1).collect();
    format!("{head}…")
}

/// Exchanges the values of the two `family` members.
fn swap_family_names(document: &str) -> String {
    let marker = "\"family\": \"";
    let mut parts: Vec<&str> = Vec::new();
    let mut rest = document;
    while let Some(at) = rest.find(marker) {
        let start = at + marker.len();
        let end = start + rest[start..].find('"').unwrap_or(0);
        parts.push(&rest[..start]);
        parts.push(&rest[start..end]);
        rest = &rest[end..];
    }
    if parts.len() == 4 {
        parts.swap(1, 3);
    }
    parts.push(rest);
    parts.concat()
}

fn verdict(claim: &str, holds: bool) -> Result<(), Failure> {
    line(&format!("{claim}: {}", if holds { "yes" } else { "NO" }))?;
    if holds { Ok(()) } else { Err(EngineError::VerificationFailed.into()) }
}

//! `medseal demo`: the main job on made-up patients, in a temporary home that is gone afterwards.

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::output::{self, line, text};
use medseal_engine::health::Profile;
use medseal_engine::records::{Action, Job, Report};
use medseal_engine::{Engine, EngineError, Environment, Home, Options, RootChoice};
use serde_json::{Value, json};
use std::env;
use std::path::Path;
use std::sync::Arc;

/// Two people who do not exist.
const BUNDLE: &str = include_str!("demo/bundle.json");
const WIDTH: usize = 58;

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let home = Home::at(directory.path().join("home"));
    home.init(RootChoice::KeyFile, Environment::Development).await?;
    let engine = home.open(|| Err(EngineError::PassphraseNeeded), Options::default()).await?;
    let mut story = Story { json: arguments.json, checks: Vec::new() };
    tell(&engine, &mut story).await?;
    let commands = commands(&program());
    if story.json {
        return output::json(&json!({ "checks": story.checks, "try": commands }));
    }
    text("\nTry it yourself:\n")?;
    commands.iter().try_for_each(|command| line(&format!("  {command}")))
}

async fn tell(engine: &Engine, story: &mut Story) -> Result<(), Failure> {
    story
        .say("1. A FHIR Bundle with two made-up patients, before and after `record encrypt`:\n")?;
    let (encrypted, report) = transform(engine, Action::Encrypt, BUNDLE).await?;
    story.side_by_side(BUNDLE, &encrypted)?;
    let values = report.values;
    story.say(&format!("\n   {values} values encrypted, every other byte unchanged."))?;

    let (decrypted, _) = transform(engine, Action::Decrypt, &encrypted).await?;
    let same = "2. Decrypted, the Bundle is the same byte for byte";
    story.verdict("round_trip", same, decrypted == BUNDLE)?;

    let swapped = swap_family_names(&encrypted);
    let refused = transform(engine, Action::Decrypt, &swapped).await.err();
    let code = refused.as_ref().map_or("it opened!", EngineError::code);
    let swap = "3. The two patients' family names are swapped in the ciphertext";
    story.say(&format!("{swap}: {code}"))?;
    let bound = "   Each value opens only in the record it was encrypted for";
    story.verdict("swapped_values_are_rejected", bound, code == "REJECTED")?;

    engine.rotate_key("default", "default", None, Some("demo")).await?;
    story
        .say("4. The key is rotated: default@2 encrypts from now on, default@1 still decrypts.")?;
    let (old, _) = transform(engine, Action::Decrypt, &encrypted).await?;
    let opens = "   What was encrypted before still opens";
    story.verdict("old_version_decrypts", opens, old == BUNDLE)?;

    let (newest, report) = transform(engine, Action::Reencrypt, &encrypted).await?;
    story.say(&format!("5. Re-encrypted: {} values are under default@2 now.", report.values))?;
    let (again, _) = transform(engine, Action::Decrypt, &newest).await?;
    story.verdict("reencrypted_values_decrypt", "   And everything still opens", again == BUNDLE)
}

/// Told to people as it goes, or collected for a program.
struct Story {
    json: bool,
    checks: Vec<Value>,
}

impl Story {
    fn say(&self, words: &str) -> Result<(), Failure> {
        if self.json { Ok(()) } else { text(words) }
    }

    fn side_by_side(&self, left: &str, right: &str) -> Result<(), Failure> {
        let mut rows = left.lines().zip(right.lines());
        rows.try_for_each(|(left, right)| {
            self.say(&format!("   {:<WIDTH$} │ {}", cut(left), cut(right)))
        })
    }

    fn verdict(&mut self, check: &str, claim: &str, holds: bool) -> Result<(), Failure> {
        self.say(&format!("{claim}: {}", if holds { "yes" } else { "NO" }))?;
        self.checks.push(json!({ "check": check, "passed": holds }));
        if holds { Ok(()) } else { Err(EngineError::VerificationFailed.into()) }
    }
}

/// What works in a shell as it stands.
fn commands(program: &str) -> [String; 3] {
    [
        format!("{program} init"),
        format!("echo 'Doe' | {program} encrypt -c patients/last_name/patient-1"),
        format!(
            r#"echo '{{"id":"patient-1","active":true,"ssn":"900-12-3456"}}' | {program} record encrypt"#
        ),
    ]
}

/// How this program is called from here: by its name where that finds it, else by its path.
fn program() -> String {
    const NAME: &str = "medseal";
    let Ok(own) = env::current_exe() else { return NAME.to_owned() };
    let path = env::var_os("PATH").unwrap_or_default();
    let first = env::split_paths(&path).map(|dir| dir.join(NAME)).find(|file| file.is_file());
    if first.and_then(|file| file.canonicalize().ok()) == own.canonicalize().ok() {
        return NAME.to_owned();
    }
    let here = env::current_dir().unwrap_or_default();
    let near = own.strip_prefix(&here).map(|near| Path::new(".").join(near));
    quoted(&near.unwrap_or(own).display().to_string())
}

/// A word of a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,".contains(c);
    if word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
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

//! `medseal init`: makes a home and says where its root lies and what losing it means.

use crate::arguments::{Arguments, Environment, Init, PassphraseKdf, Root};
use crate::failure::Failure;
use crate::{home, output};
use medseal_engine::{InitReport, PassphraseKdfChoice, RootChoice};
use serde_json::json;
use std::path::Path;
use zeroize::Zeroizing;

pub(crate) async fn run(arguments: &Arguments, command: &Init) -> Result<(), Failure> {
    let choice = root_choice(arguments, command.root, command.passphrase_kdf)?;
    let environment = match command.environment {
        Environment::Development => medseal_engine::Environment::Development,
        Environment::Production => medseal_engine::Environment::Production,
    };
    let report = home::locate(arguments.home.as_deref()).init(choice, environment).await?;
    if arguments.json {
        return output::json(&json!({
            "home": report.home,
            "root": report.root,
            "root_file": report.root_file,
            "environment": report.environment,
            "keys": report.keys,
        }));
    }
    describe(&report).iter().try_for_each(|line| output::line(line))
}

/// How a new root is kept; asks for a passphrase when it is to be one.
pub(crate) fn root_choice(
    arguments: &Arguments,
    root: Root,
    kdf: PassphraseKdf,
) -> Result<RootChoice, Failure> {
    let kdf = match kdf {
        PassphraseKdf::Argon2id => PassphraseKdfChoice::Argon2id,
        PassphraseKdf::Pbkdf2 => PassphraseKdfChoice::Pbkdf2,
    };
    Ok(match root {
        Root::Keyfile => RootChoice::KeyFile,
        Root::Env => RootChoice::Environment,
        Root::Passphrase => {
            RootChoice::Passphrase(new_passphrase(arguments.passphrase_file.as_deref())?, kdf)
        }
    })
}

fn new_passphrase(file: Option<&Path>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let first = home::passphrase(file, "New passphrase: ")?;
    if file.is_none() && *home::passphrase(None, "Once more: ")? != *first {
        return Err(Failure::usage("the two passphrases differ"));
    }
    Ok(first)
}

fn describe(report: &InitReport) -> Vec<String> {
    let mut lines = vec![format!(
        "Made {} ({}) with the keys {}.",
        report.home.display(),
        report.environment,
        report.keys.join(" and ")
    )];
    lines.extend(match (&report.root_file, report.root) {
        (Some(file), _) => vec![
            format!("The root is the file {}.", file.display()),
            "Whoever has it and this home can decrypt everything; if it is lost, nothing can be \
             decrypted ever again."
                .to_owned(),
            "Keep a copy offline.".to_owned(),
        ],
        (None, "passphrase") => vec![
            "The root is derived from your passphrase.".to_owned(),
            "If it is forgotten, nothing can be decrypted ever again.".to_owned(),
        ],
        _ => vec![
            "The root is $MEDSEAL_ROOT_KEY, for development only.".to_owned(),
            "If it is lost, nothing can be decrypted ever again.".to_owned(),
        ],
    });
    lines.push(
        "Keep epochs/ out of backups: without it, an old backup cannot be opened after three \
         months."
            .to_owned(),
    );
    lines
}

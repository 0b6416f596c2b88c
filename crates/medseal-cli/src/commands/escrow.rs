//! `medseal escrow …`: shares of what opens a home, for the day on which its root is lost.

use crate::arguments::escrow::{Escrow, Shares, WithPassphrase};
use crate::arguments::{Arguments, PassphraseKdf, Root};
use crate::commands::init;
use crate::failure::Failure;
use crate::{home, input, output};
use medseal_engine::escrow::{
    Custodian, HeldShare, ShareFile, ShareHeader, verify_shares, write_shares,
};
use serde_json::{Value, json};
use std::path::Path;
use zeroize::Zeroizing;

pub(crate) async fn run(arguments: &Arguments, command: &Escrow) -> Result<(), Failure> {
    match command {
        Escrow::Create { needed, custodians, reason, directory } => {
            let engine = home::open(arguments).await?;
            let custodians: Vec<Custodian> =
                custodians.iter().map(custodian).collect::<Result<_, _>>()?;
            let shares = engine.create_escrow(*needed, &custodians, reason.as_deref()).await?;
            let files = write_shares(directory, &shares)?;
            if arguments.json {
                return output::json(&json!({
                    "needed": needed,
                    "shares": files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>(),
                }));
            }
            for file in &files {
                output::line(&format!("{}", file.display()))?;
            }
            output::line(&format!(
                "Any {needed} of these bring the home back. Give each to its custodian and keep none here."
            ))
        }
        Escrow::Show { shares } => {
            for path in shares {
                let share = read(path)?;
                show(arguments, path, &share.header)?;
            }
            Ok(())
        }
        Escrow::Verify(shares) => {
            let together = verify_shares(&held(shares)?)?;
            if arguments.json {
                return output::json(&json!({ "opened": shares.shares.len(), "enough": together }));
            }
            output::line(if together {
                "ok: the shares open and come together to what was split"
            } else {
                "ok: the shares open; they are too few to bring anything back"
            })
        }
        Escrow::Recover { shares, root, passphrase_kdf, reason } => {
            recover(arguments, shares, (*root, *passphrase_kdf), reason.as_deref()).await
        }
    }
}

async fn recover(
    arguments: &Arguments,
    shares: &Shares,
    (root, kdf): (Root, PassphraseKdf),
    reason: Option<&str>,
) -> Result<(), Failure> {
    let choice = init::root_choice(arguments, root, kdf)?;
    let home = home::locate(arguments.home.as_deref());
    let occasion = home::occasion(arguments)?;
    let recovered = home.recover_root(&held(shares)?, choice, reason, occasion).await?;
    if arguments.json {
        return output::json(&json!({
            "root": recovered.root,
            "root_file": recovered.root_file,
        }));
    }
    match &recovered.root_file {
        Some(file) => output::line(&format!("The home has a new root, {}.", file.display())),
        None => output::line(&format!("The home has a new root, {}.", recovered.root)),
    }
}

fn custodian(given: &WithPassphrase) -> Result<Custodian, Failure> {
    let prompt = format!("New passphrase of {}: ", given.what);
    let passphrase = home::passphrase(given.file.as_deref(), &prompt)?;
    if given.file.is_none() && *home::passphrase(None, "Once more: ")? != *passphrase {
        return Err(Failure::usage("the two passphrases differ"));
    }
    Ok(Custodian { name: given.what.clone(), passphrase })
}

fn held(shares: &Shares) -> Result<Vec<HeldShare>, Failure> {
    let held = |given: &WithPassphrase| {
        let file = read(Path::new(&given.what))?;
        let prompt = format!("Passphrase of {}: ", file.header.custodian);
        let passphrase: Zeroizing<Vec<u8>> = home::passphrase(given.file.as_deref(), &prompt)?;
        Ok(HeldShare { file, passphrase })
    };
    shares.shares.iter().map(held).collect()
}

fn read(path: &Path) -> Result<ShareFile, Failure> {
    let text = String::from_utf8_lossy(&input::read_all(path)?).into_owned();
    let place = format!("`{}`", path.display());
    ShareFile::parse(&text).map_err(|error| Failure::At { place, error })
}

fn show(arguments: &Arguments, path: &Path, header: &ShareHeader) -> Result<(), Failure> {
    let ShareHeader { store, index, count, needed, custodian, .. } = header;
    if arguments.json {
        let shown: Value = json!({
            "file": path.display().to_string(),
            "store": store.as_str(),
            "set": header.set_id(),
            "share": index,
            "shares": count,
            "needed": needed,
            "custodian": custodian,
        });
        return output::json(&shown);
    }
    output::line(&format!(
        "{}: share {index} of {count} of {custodian}, {needed} needed; escrow {} of the home {}",
        path.display(),
        header.set_id(),
        store.as_str()
    ))
}

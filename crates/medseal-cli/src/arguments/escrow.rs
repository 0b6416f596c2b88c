//! The grammar of `medseal escrow …`.

use clap::{Args, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

/// Somebody or something, and the file whose first line is the passphrase: `WHAT` or `WHAT=@FILE`.
#[derive(Debug, Clone)]
pub(crate) struct WithPassphrase {
    pub(crate) what: String,
    pub(crate) file: Option<PathBuf>,
}

impl FromStr for WithPassphrase {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (what, file) = match text.split_once('=') {
            None => (text, None),
            Some((what, file)) => {
                // a passphrase on the command line can be read by every process of the machine
                let file = file.strip_prefix('@').ok_or("a passphrase comes from =@FILE")?;
                (what, Some(PathBuf::from(OsString::from(file))))
            }
        };
        Ok(Self { what: what.to_owned(), file })
    }
}

#[derive(Args)]
pub(crate) struct Shares {
    /// Share files, each as FILE or FILE=@PASSPHRASE_FILE; without one the passphrase is asked for
    #[arg(required = true, value_name = "SHARE[=@FILE]")]
    pub(crate) shares: Vec<WithPassphrase>,
}

#[derive(Subcommand)]
pub(crate) enum Escrow {
    /// Split what opens the home into shares, one for each custodian
    Create {
        /// How many custodians are needed to bring it back; at least 2
        #[arg(long, value_name = "N")]
        needed: u8,
        /// A custodian, as NAME or NAME=@PASSPHRASE_FILE; once for each
        #[arg(long = "custodian", required = true, value_name = "NAME[=@FILE]")]
        custodians: Vec<WithPassphrase>,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// The directory of the share files, which must not exist yet
        directory: PathBuf,
    },
    /// Say what shares are, without their passphrases
    Show {
        /// Share files
        #[arg(required = true, value_name = "SHARE")]
        shares: Vec<PathBuf>,
    },
    /// Open shares; with enough of them, see whether they come together
    Verify(Shares),
    /// Give a home whose root is lost a new root, from enough shares
    Recover {
        #[command(flatten)]
        shares: Shares,
        /// How the new root is kept
        #[arg(long, value_enum, default_value = "keyfile")]
        root: super::Root,
        /// How a passphrase becomes a key
        #[arg(long, value_enum, default_value = "argon2id")]
        passphrase_kdf: super::PassphraseKdf,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

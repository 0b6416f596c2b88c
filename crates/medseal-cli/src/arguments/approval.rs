//! The grammar of `medseal approval …`.

use super::escrow::WithPassphrase;
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub(crate) enum Approval {
    /// Keys of approvers
    #[command(subcommand)]
    Key(Key),
    /// List requests that can still be carried out
    List {
        /// Also those that are over
        #[arg(long)]
        all: bool,
    },
    /// Show exactly what a request asks for, and what was said of it
    Show {
        /// Its id
        id: String,
    },
    /// Approve a request, with one's own key
    Approve(Verdict),
    /// Deny a request, with one's own key; one denial is enough
    Deny(Verdict),
    /// Take one's own request back
    Withdraw {
        /// Its id
        id: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum Key {
    /// Make a key for whoever asks; prints the public keys, which somebody else registers
    Create {
        /// The file of the private key, which must not exist yet, as FILE or FILE=@PASSPHRASE_FILE
        #[arg(long, value_name = "FILE[=@FILE]")]
        out: WithPassphrase,
    },
}

#[derive(Args)]
pub(crate) struct Verdict {
    /// The request's id
    pub(crate) id: String,
    /// One's own key file, as FILE or FILE=@PASSPHRASE_FILE
    #[arg(long, value_name = "FILE[=@FILE]")]
    pub(crate) key: WithPassphrase,
    /// Why; it stands in the store, so it names no patient
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

//! The grammar of `medseal audit …`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Whose keys verify the log.
#[derive(Args)]
pub(crate) struct Keys {
    /// The log's public keys, from `medseal audit key`, or - for standard input; with them the home
    /// is not opened [default: the home's own]
    #[arg(long, value_name = "FILE")]
    pub(crate) vkey: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum Audit {
    /// Verify every entry, every signature and every file
    Verify {
        #[command(flatten)]
        keys: Keys,
        /// A checkpoint that was kept elsewhere, which the log must continue
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        /// A later one, which it must continue as well
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// List entries
    List {
        /// Only this operation, or `boot`, `clock-went-back`, `recovery`
        #[arg(long, value_name = "NAME")]
        operation: Option<String>,
        /// Only the decision with this id, which a denial names
        #[arg(long, value_name = "ID")]
        decision: Option<String>,
        /// Only what belongs to the request for approvals with this id
        #[arg(long, value_name = "ID")]
        request: Option<String>,
        /// Only entries in which a budget's alarm or limit was reached
        #[arg(long)]
        alarms: bool,
        /// Not before this time (RFC 3339)
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Not after this time (RFC 3339)
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
    },
    /// Show one entry
    Show {
        /// Its number
        entry: u64,
        /// Decrypt its items, record ids included; this is recorded itself
        #[arg(long)]
        details: bool,
    },
    /// Print a proof that an entry stands in the log
    Prove {
        #[command(flatten)]
        keys: Keys,
        /// Its number
        entry: u64,
    },
    /// Check such a proof
    CheckProof {
        #[command(flatten)]
        keys: Keys,
        /// The proof, or - for standard input
        proof: PathBuf,
    },
    /// Remember the newest checkpoint elsewhere, and sign what continues it
    Witness {
        #[command(flatten)]
        keys: Keys,
        /// The witness's own directory, where those who write the log cannot write
        directory: PathBuf,
    },
    /// Write the log as tiles that a web server can serve (C2SP tlog-tiles)
    Tiles {
        #[command(flatten)]
        keys: Keys,
        /// The directory; what it has of this log is compared and kept
        directory: PathBuf,
    },
    /// Write entries for other programs, with a manifest; this is recorded itself
    Export(super::export::Export),
    /// Print the log's public keys
    Key,
}

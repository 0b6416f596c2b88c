//! The grammar of `medseal subject`.
//!
//! A subject's id is given as @FILE. Several arguments are taken in its place and refused later,
//! without being repeated: the grammar would show what it does not know.

use super::Tenant;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Whose.
#[derive(Args)]
pub(crate) struct Whose {
    /// The file with the subject's id [default: asked for at the terminal]
    #[arg(value_name = "@FILE", num_args = 0..)]
    pub(crate) subject: Vec<String>,
    #[command(flatten)]
    pub(crate) tenant: Tenant,
}

#[derive(Subcommand)]
pub(crate) enum Subject {
    /// List subjects by what stands for their ids
    List {
        #[command(flatten)]
        tenant: Tenant,
        /// Show their ids too; this is recorded
        #[arg(long)]
        ids: bool,
    },
    /// Show one subject: since when, which holds, whether erased
    Show(Whose),
    /// Destroy what a subject's data opens with, and print the certificate
    Erase {
        #[command(flatten)]
        whose: Whose,
        /// Why: the request or the case, not the person; stands in the certificate
        #[arg(long)]
        reason: String,
        /// Write the certificate to a file [default: standard output]
        #[arg(short, long, value_name = "OUT")]
        output: Option<PathBuf>,
    },
    /// Place a legal hold, which stands against erasing
    Hold {
        #[command(flatten)]
        whose: Whose,
        /// Its name, by which it is released
        #[arg(long)]
        name: String,
        /// Why: the case, not the person; kept with the hold
        #[arg(long)]
        reason: String,
    },
    /// Release a legal hold
    Release {
        #[command(flatten)]
        whose: Whose,
        /// Its name
        #[arg(long)]
        name: String,
    },
    /// List every access to a subject's data, with proofs; this is recorded itself
    Disclosures {
        #[command(flatten)]
        whose: Whose,
        /// How it is written
        #[arg(long, value_enum, default_value_t = Form::Text)]
        format: Form,
        /// Not before this time (RFC 3339)
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Not after this time (RFC 3339)
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// A new directory for the proofs, one file an access
        #[arg(long, value_name = "DIR")]
        proofs: Option<PathBuf>,
        /// Output file, which appears only when it is whole [default: standard output]
        #[arg(short, long, value_name = "OUT")]
        output: Option<PathBuf>,
    },
    /// Certificates of erasure
    #[command(subcommand)]
    Certificate(Certificate),
}

/// How disclosures are written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// A line each
    Text,
    /// A table for spreadsheets
    Csv,
    /// FHIR R4 AuditEvents, one a line
    Fhir,
}

#[derive(Subcommand)]
pub(crate) enum Certificate {
    /// Print the certificate of a subject that was erased
    Show(Whose),
    /// Verify a certificate
    Verify {
        /// The certificate, or - for standard input
        file: PathBuf,
        /// The log's public keys, from `medseal audit key`; with them the home is not opened
        /// [default: the home's own]
        #[arg(long, value_name = "FILE", conflicts_with = "subject")]
        vkey: Option<PathBuf>,
        /// The file with the id of the subject that it should be of
        #[arg(long, value_name = "@FILE")]
        subject: Option<String>,
        #[command(flatten)]
        tenant: Tenant,
    },
}

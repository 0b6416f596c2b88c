//! The grammar of `medseal audit export`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Export {
    /// How entries are written
    #[arg(long, value_enum, default_value_t = Form::Ndjson)]
    pub(crate) format: Form,
    /// The first entry [default: 0]
    #[arg(long, value_name = "N")]
    pub(crate) from: Option<u64>,
    /// The last entry [default: that of this export]
    #[arg(long, value_name = "N")]
    pub(crate) to: Option<u64>,
    /// From the first entry on that is not before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Up to the last entry that is not after this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Decrypt the items, record ids included; with ndjson only
    #[arg(long)]
    pub(crate) details: bool,
    /// A new directory, which appears only when it is whole
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

/// How entries are written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// A JSON object a line, with the bytes of each entry
    Ndjson,
    /// A table for spreadsheets
    Csv,
    /// FHIR R4 AuditEvents, one a line
    Fhir,
}

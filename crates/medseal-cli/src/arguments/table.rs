//! The grammar of `medseal table`.

use super::Tenant;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum Table {
    /// Encrypt the cells of protected columns
    Encrypt(Tables),
    /// Decrypt them again, byte for byte
    Decrypt(Tables),
    /// Carry the cells over to the newest key version
    Reencrypt(Tables),
    /// List columns and which no rule covers; needs no key
    Coverage {
        #[command(flatten)]
        protection: TableProtection,
        #[command(flatten)]
        form: TableForm,
        /// Input file, or - for standard input
        #[arg(value_name = "IN", default_value = "-")]
        input: PathBuf,
    },
}

/// Which columns of tables are protected.
#[derive(Args)]
pub(crate) struct TableProtection {
    /// A built-in profile or a TOML file [default: columns]
    #[arg(long, conflicts_with = "columns")]
    pub(crate) profile: Option<String>,
    /// Columns instead of a profile, by their names in the header, such as `SSN,Last Name`
    #[arg(long, value_name = "NAMES")]
    pub(crate) columns: Option<String>,
    /// What the rows are records of [default: the profile's]
    #[arg(short = 'c', long, value_name = "COLLECTION")]
    pub(crate) collection: Option<String>,
    /// The column that holds the record's id [default: the profile's]
    #[arg(long, value_name = "NAME", conflicts_with = "no_record")]
    pub(crate) record_column: Option<String>,
    /// The column that holds the id of the subject (patient) [default: the profile's, else none]
    #[arg(long, value_name = "NAME")]
    pub(crate) subject_column: Option<String>,
    /// Cells are not bound to a record
    #[arg(long)]
    pub(crate) no_record: bool,
}

/// How tables are written.
#[derive(Args)]
pub(crate) struct TableForm {
    /// What separates cells [default: what the header shows]
    #[arg(long, value_enum)]
    pub(crate) delimiter: Option<Delimiter>,
    /// What the bytes of tables mean
    #[arg(long, value_enum, default_value_t = Encoding::Utf8)]
    pub(crate) encoding: Encoding,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Delimiter {
    Comma,
    Semicolon,
    Tab,
    Pipe,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Encoding {
    #[value(name = "utf-8", alias = "utf8")]
    Utf8,
    Latin1,
    #[value(name = "windows-1252")]
    Windows1252,
}

/// Tables in and out.
#[derive(Args)]
pub(crate) struct Tables {
    #[command(flatten)]
    pub(crate) protection: TableProtection,
    #[command(flatten)]
    pub(crate) form: TableForm,
    #[command(flatten)]
    pub(crate) tenant: Tenant,
    /// Leave alone what is in its target form already
    #[arg(long)]
    pub(crate) migrating: bool,
    /// Input file, or - for standard input
    #[arg(value_name = "IN", default_value = "-")]
    pub(crate) input: PathBuf,
    /// Output file, which appears only when it is whole [default: standard output]
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
}

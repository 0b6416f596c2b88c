//! The grammar of `medseal file` and `medseal array`.

use super::Place;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum File {
    /// Encrypt a file, a directory or standard input
    #[command(after_help = ENCRYPT_HELP)]
    Encrypt {
        #[command(flatten)]
        place: Place,
        /// The key [default: the field definition's, else `files`]
        #[arg(long)]
        key: Option<String>,
        /// What the content is, such as edf [default: its first bytes tell]
        #[arg(long, value_name = "KIND", conflicts_with = "dtype")]
        kind: Option<String>,
        /// Element type of a raw array, such as f32le, with --shape
        #[arg(long, value_name = "TYPE", requires = "shape")]
        dtype: Option<String>,
        /// Shape of a raw array, such as 32x1000
        #[arg(long, value_name = "SHAPE", requires = "dtype")]
        shape: Option<String>,
        #[command(flatten)]
        files: InOut,
    },
    /// Decrypt a file; a directory appears whole
    Decrypt {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        files: InOut,
    },
    /// Open every chunk and write nothing
    Verify {
        #[command(flatten)]
        place: Place,
        /// Encrypted file, or - for standard input
        #[arg(value_name = "IN", default_value = "-")]
        input: PathBuf,
    },
    /// Decrypt a range of an encrypted file
    Read {
        #[command(flatten)]
        place: Place,
        /// Bytes as in HTTP: 0-99 for the first hundred, 100- from there on, -100 for the last
        #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
        range: String,
        #[command(flatten)]
        files: InOut,
    },
    /// Say what a file is, without any key
    Inspect {
        /// A file, or - for standard input
        #[arg(value_name = "IN", default_value = "-")]
        input: PathBuf,
    },
}

const ENCRYPT_HELP: &str = "Without -c a file is bound to the tenant, the collection `files` and the \
field `content` only, and every such file can take another's place. With -c COLLECTION/FIELD/RECORD \
it is bound to the record. An encryption that was interrupted starts over; it is never resumed.";

#[derive(Subcommand)]
pub(crate) enum Array {
    /// Encrypt raw arrays of one shape, one after another, as a session
    Encrypt {
        #[command(flatten)]
        place: Place,
        /// The key [default: the field definition's, else `files`]
        #[arg(long)]
        key: Option<String>,
        /// Element type, such as f32le
        #[arg(long, value_name = "TYPE")]
        dtype: String,
        /// Shape of each array, such as 32x1000
        #[arg(long, value_name = "SHAPE")]
        shape: String,
        #[command(flatten)]
        files: InOut,
    },
    /// Decrypt a session; its arrays follow one another
    Decrypt {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        files: InOut,
    },
    /// Open every array of a session and write nothing
    Verify {
        #[command(flatten)]
        place: Place,
        /// Encrypted session, or - for standard input
        #[arg(value_name = "IN", default_value = "-")]
        input: PathBuf,
    },
    /// Decrypt one array of a session
    Read {
        #[command(flatten)]
        place: Place,
        /// Its number, from 0
        #[arg(long, value_name = "N")]
        frame: u64,
        #[command(flatten)]
        files: InOut,
    },
}

#[derive(Args)]
pub(crate) struct InOut {
    /// Input, or - for standard input
    #[arg(value_name = "IN", default_value = "-")]
    pub(crate) input: PathBuf,
    /// Output, which appears only when it is whole [default: standard output]
    #[arg(value_name = "OUT", conflicts_with = "output")]
    pub(crate) to: Option<PathBuf>,
    /// The same as OUT
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
}

impl InOut {
    /// The output's path; `None` for standard output.
    pub(crate) fn target(&self) -> Option<&std::path::Path> {
        let path = self.to.as_deref().or(self.output.as_deref());
        path.filter(|path| *path != std::path::Path::new("-"))
    }
}

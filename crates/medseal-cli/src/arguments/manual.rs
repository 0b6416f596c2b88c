//! `medseal manual`

use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Manual {
    /// The command, such as `key rotate` [default: the page of medseal itself]
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
    /// Write the pages of all commands into a directory instead
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    pub(crate) all: Option<PathBuf>,
}

//! The grammar of `medseal key impact`.

use super::Tenant;
use clap::Args;

#[derive(Args)]
pub(crate) struct Impact {
    /// A key, or one of its versions: NAME or NAME@N
    pub(crate) key: String,
    #[command(flatten)]
    pub(crate) tenant: Tenant,
    /// List only what was opened not before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Show the ids of the subjects; this is recorded as an access to each of them
    #[arg(long)]
    pub(crate) subjects: bool,
}

//! The grammar of `medseal principal`, `role`, `token` and `policy`, and of who asks for what.

use super::Tenant;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Who asks, and what for.
#[derive(Args)]
pub(crate) struct Access {
    /// What it is for [default: the policy's]
    #[arg(long, global = true, value_parser = PURPOSES, value_name = "PURPOSE")]
    pub(crate) purpose: Option<String>,
    /// The case it belongs to; kept encrypted in the audit log
    #[arg(long, global = true, value_name = "ID")]
    pub(crate) case: Option<String>,
    /// Go past the policy in an emergency, if the policy lets you; needs --reason
    #[arg(long, global = true)]
    pub(crate) break_glass: bool,
    /// Why. Of an emergency it is kept encrypted; whoever must approve something reads it
    #[arg(long, global = true, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Act on behalf of a principal; for the owner and admins
    #[arg(long = "as", global = true, value_name = "NAME")]
    pub(crate) on_behalf_of: Option<String>,
    /// File that holds an access token, as @FILE [default: $MEDSEAL_TOKEN, else the operating
    /// system says who asks]
    #[arg(long, global = true, value_name = "@FILE")]
    pub(crate) access_token: Option<String>,
    /// The request for approvals by which this is done [default: an open one for the very same]
    #[arg(long, global = true, value_name = "ID")]
    pub(crate) approval: Option<String>,
}

const PURPOSES: [&str; 5] = ["treatment", "payment", "operations", "research", "emergency"];

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    Person,
    Service,
    OsUser,
}

#[derive(Subcommand)]
pub(crate) enum Principal {
    /// Make a principal, without any role
    Create {
        /// Its name: a-z, 0-9, `-`, `_`, `.`; given once
        name: String,
        /// What it is
        #[arg(long, value_enum, default_value_t = Kind::Person)]
        kind: Kind,
        /// The user of the operating system that it is
        #[arg(long, value_name = "UID|NAME")]
        os_user: Option<String>,
        /// The one tenant it belongs to [default: every tenant]
        #[arg(long)]
        tenant: Option<String>,
        /// Why; kept with the principal
        #[arg(long)]
        reason: Option<String>,
    },
    /// List principals
    List,
    /// Show one principal
    Show {
        /// Its name
        name: String,
    },
    /// Register the public keys with which a principal approves
    ApproverKey {
        /// The principal
        name: String,
        /// What `medseal approval key create` printed, as @FILE
        #[arg(value_name = "@FILE")]
        file: String,
        /// Why, for those who must approve it
        #[arg(long)]
        reason: Option<String>,
    },
    /// Take everything from a principal, for good
    Disable {
        /// Its name
        name: String,
        /// Why; kept with the principal
        #[arg(long)]
        reason: Option<String>,
    },
}

#[derive(Subcommand)]
pub(crate) enum Role {
    /// Give a principal a role
    Grant {
        /// The principal
        name: String,
        /// The role, built in or declared by the policy
        role: String,
    },
    /// Take a role away
    Revoke {
        /// The principal
        name: String,
        /// The role
        role: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum Token {
    /// Make a token; it is shown this once
    Create {
        /// The principal
        name: String,
        /// How long it is accepted
        #[arg(long, value_name = "DURATION", default_value = "90d")]
        lifetime: String,
    },
    /// List tokens
    List {
        /// Only those of this principal
        name: Option<String>,
    },
    /// End a token
    Revoke {
        /// Its id, from `medseal token list`
        id: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum BreakGlass {
    /// List emergencies; they are open until somebody has reviewed them
    List,
    /// Say that an emergency was looked into, by somebody else than the one who had it
    Review {
        /// Its id, from `medseal break-glass list`
        id: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum Policy {
    /// Check a policy without a home
    Check {
        /// The file, or - for standard input
        file: PathBuf,
    },
    /// Put a policy in force
    Set {
        /// The file, or - for standard input
        file: PathBuf,
    },
    /// Show the policy in force
    Show,
    /// Say how the policy would decide, and why; exit 5 if it would deny
    Simulate(Simulate),
}

#[derive(Args)]
pub(crate) struct Simulate {
    /// The principal, or `me`
    pub(crate) principal: String,
    /// The operation, such as decrypt or change-keys
    pub(crate) operation: String,
    /// COLLECTION or COLLECTION/FIELD, for operations on values
    #[arg(short = 'c', value_name = "PLACE")]
    pub(crate) place: Option<String>,
    /// The class of the values [default: that of the field's definition]
    #[arg(long)]
    pub(crate) class: Option<String>,
    #[command(flatten)]
    pub(crate) tenant: Tenant,
}

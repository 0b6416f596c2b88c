//! The grammar of the command line; help, completions and man page come from the same definitions.

pub(crate) mod approval;
pub(crate) mod audit;
pub(crate) mod escrow;
pub(crate) mod export;
pub(crate) mod file;
pub(crate) mod impact;
mod manual;
pub(crate) mod principal;
pub(crate) mod subject;

pub(crate) use manual::Manual;

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

pub(crate) mod table;

/// Encrypts health data under keys that it keeps, rotates and rolls back.
#[derive(Parser)]
#[command(name = "medseal", version, max_term_width = 100)]
pub(crate) struct Arguments {
    /// The home [default: $MEDSEAL_HOME, else ./.medseal]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// Machine-readable output and errors
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// File whose first line is the passphrase, for a home with a passphrase root
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Decrypt again what was just encrypted, before it is written
    #[arg(long, global = true, value_enum, default_value_t = Verify::Off)]
    pub(crate) verify_after_encrypt: Verify,
    #[command(flatten)]
    pub(crate) access: principal::Access,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Verify {
    Off,
    Sampled,
    Always,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a home with the keys `default` and `files`
    Init(Init),
    /// Keys and their versions
    #[command(subcommand)]
    Key(Key),
    /// What is fixed about fields: key, class, binding
    #[command(subcommand)]
    Field(Field),
    /// Encrypt one value from standard input
    Encrypt(Encrypt),
    /// Decrypt one value from standard input
    Decrypt(Decrypt),
    /// JSON and NDJSON documents
    #[command(subcommand)]
    Record(Record),
    /// Files of any kind and size, directories and pipes
    #[command(subcommand)]
    File(file::File),
    /// Raw arrays, one after another, as a session
    #[command(subcommand)]
    Array(file::Array),
    /// Tables of delimited text, such as CSV
    #[command(subcommand)]
    Table(table::Table),
    /// Carry a value or documents over to the newest key version
    Reencrypt(Reencrypt),
    /// Say what an envelope or stream is, without any key
    Inspect(Inspect),
    /// List protected paths that hold plaintext; exit 1 if there are any
    Scan(Scan),
    /// Show what this does, on made-up patients in a temporary home
    Demo,
    /// Subjects (patients): hold, erase, certify
    #[command(subcommand)]
    Subject(subject::Subject),
    /// The audit log: read, verify, prove
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Shares of what opens a home, for the day on which its root is lost
    #[command(subcommand)]
    Escrow(escrow::Escrow),
    /// Who may use a home
    #[command(subcommand)]
    Principal(principal::Principal),
    /// Roles of principals
    #[command(subcommand)]
    Role(principal::Role),
    /// Access tokens of services
    #[command(subcommand)]
    Token(principal::Token),
    /// Who may do what
    #[command(subcommand)]
    Policy(principal::Policy),
    /// What several people must approve
    #[command(subcommand)]
    Approval(approval::Approval),
    /// Emergencies in which somebody went past the policy
    #[command(subcommand)]
    BreakGlass(principal::BreakGlass),
    /// Check a home: root, rows, key states, audit log, permissions
    Doctor,
    /// Known answers, round trips and the health of the random source
    Selftest,
    /// Explain an error code
    Explain {
        /// A code such as REJECTED
        code: String,
    },
    /// Measure this machine
    Bench(Bench),
    /// List algorithms with what is known about them
    Algorithms,
    /// Print shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print a manual page, or write all of them
    Manual(Manual),
}

#[derive(Args)]
pub(crate) struct Init {
    /// Where the root is kept
    #[arg(long, value_enum, default_value_t = Root::Keyfile)]
    pub(crate) root: Root,
    /// How a passphrase becomes a key
    #[arg(long, value_enum, default_value_t = PassphraseKdf::Argon2id)]
    pub(crate) passphrase_kdf: PassphraseKdf,
    /// What the home is for
    #[arg(long, value_enum, default_value_t = Environment::Development)]
    pub(crate) environment: Environment,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Root {
    /// A file in the home, readable by its owner alone
    Keyfile,
    /// Derived from a passphrase
    Passphrase,
    /// From $MEDSEAL_ROOT_KEY; development only
    Env,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum PassphraseKdf {
    Argon2id,
    Pbkdf2,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Environment {
    Development,
    Production,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Suite {
    #[value(name = "aes-256-gcm")]
    Aes256Gcm,
    #[value(name = "chacha20-poly1305")]
    ChaCha20Poly1305,
}

/// What a key is for. The grammar has one word `--purpose` for this and for what an access is for,
/// so both are text.
pub(crate) const KEY_PURPOSES: [&str; 2] = ["field", "file"];

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Cause {
    Compromise,
    Superseded,
}

#[derive(Args)]
pub(crate) struct Tenant {
    /// The tenant
    #[arg(long, default_value = "default")]
    pub(crate) tenant: String,
}

/// A change of one key version.
#[derive(Args)]
pub(crate) struct VersionChange {
    /// The key version, as NAME@N
    pub(crate) version: String,
    #[command(flatten)]
    pub(crate) tenant: Tenant,
    /// Why; kept with the key
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum Key {
    /// Make a key
    Create {
        /// Its name: a-z, 0-9, `-`, `_`, `.`
        name: String,
        #[command(flatten)]
        tenant: Tenant,
        /// What its values are
        #[arg(long, value_parser = KEY_PURPOSES, default_value = KEY_PURPOSES[0])]
        purpose: String,
        /// Its algorithms
        #[arg(long, value_enum, default_value_t = Suite::Aes256Gcm)]
        suite: Suite,
        /// A new version after this time, such as 90d, 24h, 30m
        #[arg(long, value_name = "DURATION")]
        rotation_period: Option<String>,
        /// A new version at this moment (RFC 3339)
        #[arg(long, value_name = "TIME")]
        next_rotation_time: Option<String>,
        /// A new version after this many values
        #[arg(long, value_name = "N")]
        max_messages: Option<u64>,
        /// A new version after this many bytes of values
        #[arg(long, value_name = "N")]
        max_bytes: Option<u64>,
        /// Why; kept with the key
        #[arg(long)]
        reason: Option<String>,
    },
    /// List keys
    List {
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Show one key with its versions
    Show {
        /// Its name
        name: String,
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Make a new version the primary
    Rotate {
        /// Its name
        name: String,
        #[command(flatten)]
        tenant: Tenant,
        /// Algorithms of the new version [default: as before]
        #[arg(long, value_enum)]
        suite: Option<Suite>,
        /// Why; kept with the key
        #[arg(long)]
        reason: Option<String>,
    },
    /// Make an earlier version the primary again
    Rollback(VersionChange),
    /// Stop a version from encrypting and decrypting
    Suspend(VersionChange),
    /// End a suspension, or take back a pending destruction
    Resume(VersionChange),
    /// Take a version out of use
    Revoke {
        #[command(flatten)]
        change: VersionChange,
        /// What happened
        #[arg(long, value_enum)]
        cause: Cause,
    },
    /// Show what a key or a version protects, whose data it is, and who opened it; this is recorded
    Impact(impact::Impact),
    /// Start the waiting period; called again after it, destroy the key material
    Destroy {
        #[command(flatten)]
        change: VersionChange,
        /// How long it can be taken back
        #[arg(long, value_name = "DURATION", default_value = "7d")]
        waiting_period: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum Field {
    /// Define a field; doing it again in the same way changes nothing
    Define {
        /// COLLECTION/FIELD
        field: String,
        #[command(flatten)]
        tenant: Tenant,
        /// The key of its values
        #[arg(long, default_value = "default")]
        key: String,
        /// The class that policies speak of
        #[arg(long, default_value = "general")]
        class: String,
        /// Its values are not bound to a record
        #[arg(long)]
        no_record: bool,
        /// Its values are bound to a subject (patient) and go with it when it is erased
        #[arg(long)]
        subject_bound: bool,
        /// Hide the length of its values
        #[arg(long)]
        padded: bool,
        /// The index whose token its envelopes carry
        #[arg(long, value_name = "INDEX")]
        token: Option<String>,
    },
    /// List definitions
    List {
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Show one definition
    Show {
        /// COLLECTION/FIELD
        field: String,
        #[command(flatten)]
        tenant: Tenant,
    },
}

/// Where a value stands.
#[derive(Args)]
pub(crate) struct Place {
    /// COLLECTION/FIELD[/RECORD], or @FILE that holds it
    #[arg(short = 'c', value_name = "PLACE", conflicts_with = "context")]
    pub(crate) place: Option<String>,
    /// `tenant=T,collection=C,field=F,record=R[,subject=S][,row_version=V][,name=value]`, or @FILE
    /// with one pair a line
    #[arg(long, value_name = "PAIRS")]
    pub(crate) context: Option<String>,
    /// The file with the id of the subject (patient) whose value it is
    #[arg(long, value_name = "@FILE")]
    pub(crate) subject: Option<String>,
    /// The tenant [default: default]
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// The field is not bound to a record
    #[arg(long)]
    pub(crate) no_record: bool,
}

#[derive(Args)]
pub(crate) struct Encrypt {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The key [default: the field definition's, else `default`]
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// What the value is
    #[arg(long = "type", value_enum, default_value_t = Type::String)]
    pub(crate) value_type: Type,
    /// Write the binary form
    #[arg(long)]
    pub(crate) binary: bool,
}

#[derive(Args)]
pub(crate) struct Decrypt {
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Type {
    String,
    Bytes,
    Integer,
    Decimal,
    Boolean,
    Date,
    Datetime,
    Uuid,
    Json,
}

/// Which values of documents are protected.
#[derive(Args)]
pub(crate) struct Protection {
    /// A built-in profile or a TOML file [default: patient-basic]
    #[arg(long, conflicts_with = "paths")]
    pub(crate) profile: Option<String>,
    /// Paths instead of a profile, such as `patient.ssn,name[*].given[*],**.family`
    #[arg(long, value_name = "PATHS", requires = "collection")]
    pub(crate) paths: Option<String>,
    /// The collection, with --paths
    #[arg(short = 'c', long, value_name = "COLLECTION", requires = "paths")]
    pub(crate) collection: Option<String>,
    /// Where the record's id stands, with --paths
    #[arg(long, value_name = "PATH", conflicts_with = "no_record", requires = "paths")]
    pub(crate) record_path: Option<String>,
    /// Values are not bound to a record
    #[arg(long)]
    pub(crate) no_record: bool,
}

/// Documents in and out.
#[derive(Args)]
pub(crate) struct Documents {
    #[command(flatten)]
    pub(crate) protection: Protection,
    #[command(flatten)]
    pub(crate) tenant: Tenant,
    /// Leave alone what is in its target form already
    #[arg(long)]
    pub(crate) migrating: bool,
    /// Objects and arrays open at once
    #[arg(long, default_value_t = 128)]
    pub(crate) max_depth: usize,
    /// Read NDJSON or JSON instead of finding out
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Input file, or - for standard input
    #[arg(value_name = "IN", default_value = "-")]
    pub(crate) input: PathBuf,
    /// Output file, which appears only when it is whole [default: standard output]
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    Json,
    Ndjson,
}

#[derive(Subcommand)]
pub(crate) enum Record {
    /// Encrypt the protected values of documents
    Encrypt(Documents),
    /// Decrypt them again, byte for byte
    Decrypt(Documents),
    /// List leaf paths and which no rule covers
    Coverage {
        #[command(flatten)]
        protection: Protection,
        /// Input file, or - for standard input
        #[arg(value_name = "IN", default_value = "-")]
        input: PathBuf,
        /// Output file [default: standard output]
        #[arg(short, long, value_name = "OUT")]
        output: Option<PathBuf>,
    },
}

#[derive(Args)]
pub(crate) struct Reencrypt {
    /// COLLECTION/FIELD[/RECORD] of a single value, or @FILE; with --paths, the collection
    #[arg(short = 'c', value_name = "PLACE")]
    pub(crate) place: Option<String>,
    /// The context of a single value
    #[arg(long, value_name = "PAIRS", conflicts_with = "place")]
    pub(crate) context: Option<String>,
    /// The file with the id of the subject (patient) of a single value
    #[arg(long, value_name = "@FILE", conflicts_with_all = ["profile", "paths"])]
    pub(crate) subject: Option<String>,
    /// A built-in profile or a TOML file, for documents
    #[arg(long, conflicts_with_all = ["place", "context", "paths"])]
    pub(crate) profile: Option<String>,
    /// Paths instead of a profile
    #[arg(long, value_name = "PATHS", requires = "place")]
    pub(crate) paths: Option<String>,
    /// Where the record's id stands, with --paths
    #[arg(long, value_name = "PATH", conflicts_with = "no_record", requires = "paths")]
    pub(crate) record_path: Option<String>,
    /// Values are not bound to a record
    #[arg(long)]
    pub(crate) no_record: bool,
    /// The tenant [default: default]
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// Which version: only `latest`
    #[arg(long, default_value = "latest", value_parser = ["latest"])]
    pub(crate) to: String,
    /// Leave plaintext alone
    #[arg(long)]
    pub(crate) migrating: bool,
    /// Objects and arrays open at once, for documents [default: 128]
    #[arg(long)]
    pub(crate) max_depth: Option<usize>,
    /// Read NDJSON or JSON instead of finding out, for documents
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Input file, or - for standard input
    #[arg(value_name = "IN", default_value = "-")]
    pub(crate) input: PathBuf,
    /// Output file [default: standard output]
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Inspect {
    /// Input file, or - for standard input
    #[arg(value_name = "IN", default_value = "-")]
    pub(crate) input: PathBuf,
}

#[derive(Args)]
pub(crate) struct Scan {
    /// What is looked for: plaintext where ciphertext is expected
    #[arg(long, required = true)]
    pub(crate) expect_encrypted: bool,
    #[command(flatten)]
    pub(crate) protection: Protection,
    /// Columns of tables, by their names in the header, such as `SSN,Last Name`
    #[arg(long, value_name = "NAMES", conflicts_with_all = ["profile", "paths"])]
    pub(crate) columns: Option<String>,
    #[command(flatten)]
    pub(crate) form: table::TableForm,
    /// Files and folders; tables are those whose names end in .csv or .tsv
    #[arg(value_name = "PATH", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Bench {
    /// Only cases that start with this, such as field.encrypt
    #[arg(long, value_name = "ID")]
    pub(crate) case: Option<String>,
    /// Instead: append so many entries to an audit log and verify it
    #[arg(long, value_name = "ENTRIES", conflicts_with = "case")]
    pub(crate) long_log: Option<u64>,
}

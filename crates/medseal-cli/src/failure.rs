//! How a failure is told: on standard error, with its code and remedy, and as the exit code.

use crate::terminal;
use medseal_engine::{EngineError, ErrorClass};
use std::process::ExitCode;

/// Everything that ends a command early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The engine refused or failed.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// The engine refused or failed at something that only the command line can name.
    #[error("{place}: {error}")]
    At { place: String, error: EngineError },
    /// The arguments cannot be meant.
    #[error("{0}")]
    Usage(String),
    /// Something was looked at and is not as it should be.
    #[error("{0}")]
    Checked(&'static str),
    /// A file could not be read.
    #[error("reading `{path}` failed: {kind}")]
    Read { path: String, kind: std::io::ErrorKind },
    /// An output could not be written; `place` is a path in back-ticks or standard output.
    #[error("writing {place} failed: {kind}")]
    Write { place: String, kind: std::io::ErrorKind },
    /// Standard output or input failed.
    #[error("standard input or output failed: {0}")]
    Stdio(std::io::ErrorKind),
}

impl Failure {
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Failure::Usage(text.into())
    }

    pub(crate) fn code(&self) -> &'static str {
        match self {
            Failure::Engine(error) | Failure::At { error, .. } => error.code(),
            Failure::Usage(_) => "USAGE",
            Failure::Checked(_) => "REJECTED",
            Failure::Read { .. } | Failure::Write { .. } | Failure::Stdio(_) => "IO_FAILED",
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::Engine(error) | Failure::At { error, .. } => match error.class() {
                ErrorClass::Rejected => 1,
                ErrorClass::Usage => 2,
                ErrorClass::Malformed => 3,
                ErrorClass::KeyState => 4,
                ErrorClass::Denied => 5,
                ErrorClass::Unavailable => 6,
            },
            Failure::Checked(_) => 1,
            Failure::Usage(_) | Failure::Read { .. } => 2,
            Failure::Write { .. } | Failure::Stdio(_) => 6,
        }
    }

    /// Prints the failure and gives the exit code.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        if self.reader_is_gone() {
            return ExitCode::from(0);
        }
        if json {
            let error = serde_json::json!({
                "error": { "code": self.code(), "message": self.to_string() }
            });
            terminal::say_json(&error);
        } else {
            terminal::say(&format!("{self} [{}]", self.code()));
            eprintln!("         `medseal explain {}` says more", self.code());
        }
        ExitCode::from(self.exit_code())
    }

    /// A reader that has gone away (`medseal … | head`) is not worth a message.
    fn reader_is_gone(&self) -> bool {
        let gone = std::io::ErrorKind::BrokenPipe;
        match self {
            Failure::Engine(EngineError::Io { kind, .. })
            | Failure::At { error: EngineError::Io { kind, .. }, .. }
            | Failure::Write { kind, .. }
            | Failure::Stdio(kind) => *kind == gone,
            Failure::Engine(_) | Failure::At { .. } => false,
            Failure::Usage(_) | Failure::Checked(_) | Failure::Read { .. } => false,
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::Stdio(error.kind())
    }
}

impl From<medseal_engine::health::HealthError> for Failure {
    fn from(error: medseal_engine::health::HealthError) -> Self {
        Failure::Engine(error.into())
    }
}

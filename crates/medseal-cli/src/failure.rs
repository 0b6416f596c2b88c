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
    /// The arguments cannot be meant.
    #[error("{0}")]
    Usage(String),
    /// A file could not be read.
    #[error("reading `{path}` failed: {kind}")]
    Read { path: String, kind: std::io::ErrorKind },
    /// Standard output or input failed.
    #[error("standard input or output failed: {0}")]
    Stdio(std::io::ErrorKind),
}

impl Failure {
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Failure::Usage(text.into())
    }

    fn code(&self) -> &'static str {
        match self {
            Failure::Engine(error) => error.code(),
            Failure::Usage(_) => "USAGE",
            Failure::Read { .. } | Failure::Stdio(_) => "IO_FAILED",
        }
    }

    fn exit_code(&self) -> u8 {
        match self {
            Failure::Engine(error) => match error.class() {
                ErrorClass::Rejected => 1,
                ErrorClass::Usage => 2,
                ErrorClass::Malformed => 3,
                ErrorClass::KeyState => 4,
                ErrorClass::Denied => 5,
                ErrorClass::Unavailable => 6,
            },
            Failure::Usage(_) => 2,
            Failure::Read { .. } => 2,
            Failure::Stdio(_) => 6,
        }
    }

    /// Prints the failure and gives the exit code.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        // A reader that has gone away (`medseal … | head`) is not worth a message.
        let gone = std::io::ErrorKind::BrokenPipe;
        let engine = |e: &EngineError| matches!(e, EngineError::Io { kind, .. } if *kind == gone);
        if matches!(self, Failure::Stdio(kind) if *kind == gone)
            || matches!(self, Failure::Engine(error) if engine(error))
        {
            return ExitCode::from(0);
        }
        if json {
            let error = serde_json::json!({
                "error": { "code": self.code(), "message": self.to_string() }
            });
            eprintln!("{}", terminal::harmless_json(&error.to_string()));
        } else {
            terminal::say(&format!("{self} [{}]", self.code()));
            eprintln!("         `medseal explain {}` says more", self.code());
        }
        ExitCode::from(self.exit_code())
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

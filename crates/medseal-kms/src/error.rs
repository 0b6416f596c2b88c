//! What can go wrong with a root or an epoch key.

use std::io::ErrorKind;

/// Every failure of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KmsError {
    /// The root does not open this store: another root, a wrong passphrase, altered bytes.
    #[error("the root does not open this store")]
    Rejected,
    /// A secret file or its directory is open to others, or belongs to somebody else.
    #[error(
        "a secret file and its directory must belong to you and be open to you alone \
         (mode 0600 for the file, 0700 for the directory)"
    )]
    FilePermissions,
    /// A secret file is not what it should be.
    #[error("a secret file is malformed or not a regular file")]
    FileMalformed,
    /// A secret file could not be read or written.
    #[error("a secret file cannot be used: {0}")]
    File(ErrorKind),
    /// Parameters of a password hash out of bounds or unreadable.
    #[error("the root's parameters are unreadable or out of bounds")]
    Parameters,
    /// A new passphrase is too short.
    #[error("a passphrase needs at least 12 bytes")]
    PassphraseTooShort,
    /// `MEDSEAL_ROOT_KEY` is missing or not 64 hexadecimal digits.
    #[error("MEDSEAL_ROOT_KEY must hold 64 lower-case hexadecimal digits")]
    Environment,
    /// There is no key for a month that a wrap needs.
    #[error("the epoch key of the month {0} is missing")]
    EpochKeyMissing(u32),
    /// The random source failed.
    #[error("the source of randomness failed")]
    Random,
}

impl KmsError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            KmsError::Rejected => "ROOT_REJECTED",
            KmsError::FilePermissions => "ROOT_PERMISSIONS",
            KmsError::FileMalformed => "ROOT_MALFORMED",
            KmsError::File(_) => "ROOT_UNAVAILABLE",
            KmsError::Parameters => "ROOT_PARAMETERS",
            KmsError::PassphraseTooShort => "PASSPHRASE_TOO_SHORT",
            KmsError::Environment => "ROOT_ENVIRONMENT",
            KmsError::EpochKeyMissing(_) => "EPOCH_KEY_MISSING",
            KmsError::Random => "RANDOM_FAILED",
        }
    }
}

impl From<medseal_core::Error> for KmsError {
    fn from(error: medseal_core::Error) -> Self {
        match error {
            medseal_core::Error::Random => KmsError::Random,
            _ => KmsError::Rejected,
        }
    }
}

impl From<std::io::Error> for KmsError {
    fn from(error: std::io::Error) -> Self {
        KmsError::File(error.kind())
    }
}

//! What can go wrong with an escrow, as vocabulary.

use crate::error::ErrorClass;

/// A failure of an escrow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EscrowError {
    /// What was asked for is no escrow.
    #[error("{0}")]
    Terms(&'static str),
    /// The text is not a share file.
    #[error("not a share of an escrow")]
    ShareMalformed,
    /// A share did not open.
    #[error(
        "the share of `{custodian}` does not open: another passphrase, or the file was altered"
    )]
    ShareRejected {
        /// Whose.
        custodian: String,
    },
    /// The shares opened, and what came together is not the key that was split.
    #[error("the shares do not come together to the key that was split")]
    SharesRejected,
    /// There are fewer shares than are needed.
    #[error("{needed} shares are needed and {given} were given")]
    TooFewShares {
        /// How many are needed.
        needed: u8,
        /// How many were given.
        given: usize,
    },
    /// The shares belong to another store than the home's.
    #[error("the shares belong to another home")]
    OtherStore,
    /// The root opens the home.
    #[error("the home's root is not lost: it opens")]
    RootNotLost,
}

impl EscrowError {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            EscrowError::Terms(_) => "ESCROW_TERMS",
            EscrowError::ShareMalformed => "ESCROW_SHARE_MALFORMED",
            EscrowError::ShareRejected { .. } => "ESCROW_SHARE_REJECTED",
            EscrowError::SharesRejected => "ESCROW_SHARES_REJECTED",
            EscrowError::TooFewShares { .. } => "ESCROW_TOO_FEW_SHARES",
            EscrowError::OtherStore => "ESCROW_OTHER_STORE",
            EscrowError::RootNotLost => "ROOT_NOT_LOST",
        }
    }

    pub(crate) fn class(&self) -> ErrorClass {
        match self {
            EscrowError::Terms(_) | EscrowError::TooFewShares { .. } | EscrowError::RootNotLost => {
                ErrorClass::Usage
            }
            EscrowError::ShareMalformed => ErrorClass::Malformed,
            EscrowError::ShareRejected { .. }
            | EscrowError::SharesRejected
            | EscrowError::OtherStore => ErrorClass::Rejected,
        }
    }
}

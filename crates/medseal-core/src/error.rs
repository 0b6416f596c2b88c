//! What can go wrong with bytes, as vocabulary.
//!
//! [`Error::Rejected`] is one opaque answer for a wrong key, a wrong context and forged bytes: an
//! attacker who may ask must not learn which it was. Nothing here carries a value.

/// Every failure of this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not an envelope of a version this build knows.
    #[error("malformed envelope: {0}")]
    Malformed(MalformedKind),
    /// Wrong key, wrong context, other flags than the field demands, or altered bytes.
    #[error("rejected: wrong key, wrong context or altered ciphertext")]
    Rejected,
    /// The caller asked for something the formats cannot express.
    #[error("{0}")]
    Misuse(MisuseKind),
    /// The random source failed.
    #[error("the source of randomness failed")]
    Random,
    /// An audit log, checkpoint or proof was refused.
    #[error("{0}")]
    Audit(#[from] crate::audit::Rejection),
}

/// Why bytes are not an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedKind {
    /// Shorter than its header and fixed parts.
    #[error("truncated")]
    Truncated,
    /// The first byte is not `0xF8`.
    #[error("not an envelope")]
    Magic,
    /// A format byte that this build does not read.
    #[error("unknown format version")]
    Format,
    /// A suite that is unknown or only reserved.
    #[error("unknown suite")]
    Suite,
    /// A reserved flag, or a token together with subject binding.
    #[error("unknown or contradictory flags")]
    Flags,
    /// The text form is not `ms1:` followed by canonical base64url without padding.
    #[error("text form is not canonical")]
    Text,
    /// A stream with flag b4: it carries recipients, which this version does not read.
    #[error("the stream carries recipients, which this version does not read")]
    Recipients,
    /// A stream whose length no stream has: it was cut off.
    #[error("the stream has no end: it was cut off")]
    NoEnd,
    /// A session with an impossible frame, without a last frame, or with bytes behind it.
    #[error("the session has an impossible frame, no end, or bytes behind its end")]
    Frame,
}

/// What a caller asked that cannot be expressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MisuseKind {
    /// A context value is empty or longer than 1024 bytes.
    #[error("a context value must have 1 to 1024 bytes")]
    ContextValueLength,
    /// A caller's pair has a name outside `[a-z0-9._-]{1,64}`.
    #[error("a context name must match [a-z0-9._-]{{1,64}}")]
    ContextName,
    /// Caller's pairs are not strictly ascending by name.
    #[error("context names must be strictly ascending and none may stand twice")]
    ContextOrder,
    /// A threshold that is no dual control, or more shares than are allowed.
    #[error("an escrow needs 2 or more of at most 32 shares, and not more than there are")]
    EscrowThreshold,
    /// More caller's pairs than `u16` can count.
    #[error("too many context pairs")]
    ContextCount,
    /// Record, subject or token given against the flags, or missing although the flags ask for it.
    #[error("the context does not match the field's flags")]
    FlagsAndContext,
    /// A key derived at the other level: tenant key for subject-bound data or the reverse.
    #[error("the key belongs to another level than the flags ask for")]
    KeyLevel,
    /// The value is not of the type that was named.
    #[error("the value is not of the named type")]
    ValueType,
    /// Flag bits that are reserved or contradict one another.
    #[error("flags are reserved or contradict one another")]
    Flags,
    /// More than 2^31 bytes in one value.
    #[error("a field value may have at most 2 GiB; encrypt it as a file")]
    ValueLength,
    /// A pair name that streams and sessions keep for themselves.
    #[error("the context names `final`, `part`, `seq` and `session` belong to streams")]
    ReservedName,
    /// Metadata of a stream outside its limits.
    #[error("the metadata of a stream cannot be written: {0}")]
    Metadata(&'static str),
    /// More than 2^38 chunks, or content of another length than was announced.
    #[error("the content is longer than a stream can be, or than was announced")]
    StreamLength,
}

impl Error {
    /// The stable code under which `docs/errors.md` explains this error.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Malformed(_) => "ENVELOPE_MALFORMED",
            Error::Rejected => "REJECTED",
            Error::Misuse(
                MisuseKind::ValueType
                | MisuseKind::ValueLength
                | MisuseKind::Metadata(_)
                | MisuseKind::StreamLength,
            ) => "VALUE_INVALID",
            Error::Misuse(_) => "CONTEXT_INVALID",
            Error::Random => "RANDOM_FAILED",
            Error::Audit(rejection) => rejection.code(),
        }
    }
}

impl From<crate::RandomFailure> for Error {
    fn from(_: crate::RandomFailure) -> Self {
        Error::Random
    }
}

impl From<MalformedKind> for Error {
    fn from(kind: MalformedKind) -> Self {
        Error::Malformed(kind)
    }
}

impl From<MisuseKind> for Error {
    fn from(kind: MisuseKind) -> Self {
        Error::Misuse(kind)
    }
}

//! What can go wrong, with a stable code, a remedy and a class that becomes the exit code.

use medseal_core::keyring::{Refusal, State};
use medseal_health::{HealthError, Position};
use medseal_kms::KmsError;
use medseal_policy::Denied;
use medseal_store::StoreError;

/// Which of the command line's exit codes an error belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// 1: rejected, or a check did not pass.
    Rejected,
    /// 2: the request cannot be meant.
    Usage,
    /// 3: malformed input.
    Malformed,
    /// 4: the key's state or existence.
    KeyState,
    /// 5: not allowed.
    Denied,
    /// 6: the audit record or the store cannot be written or read.
    Unavailable,
}

/// Every failure of the engine. No variant carries a value of a document or of a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Bytes, contexts and values.
    #[error("{0}")]
    Core(#[from] medseal_core::Error),
    /// Documents and profiles.
    #[error("{0}")]
    Document(#[from] HealthError),
    /// One span of a document.
    #[error("{position}: {source}")]
    AtPosition {
        /// Where it stands.
        position: Position,
        /// What is wrong there.
        source: Box<EngineError>,
    },
    /// The store.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The root or an epoch key.
    #[error("{0}")]
    Kms(#[from] KmsError),
    /// The policy.
    #[error("{0}")]
    Denied(#[from] Denied),
    /// A key's state.
    #[error("key `{key}`: {refusal}")]
    Key {
        /// Its name.
        key: String,
        /// Why not.
        refusal: Refusal,
    },
    /// There is no key of that name.
    #[error("there is no key `{0}` in this tenant")]
    NoSuchKey(String),
    /// A key of that name exists.
    #[error("there is a key `{0}` already")]
    KeyExists(String),
    /// No key version of this store has the envelope's id.
    #[error("no key version of this store has the envelope's key-version id")]
    KeyVersionUnknown,
    /// The key is for something else.
    #[error("key `{0}` has another purpose")]
    KeyPurpose(String),
    /// A name is not acceptable.
    #[error("{0} must be 1 to 64 characters of a-z, 0-9, `-`, `_` and `.`")]
    Name(&'static str),
    /// A reason is too long.
    #[error("a reason may have at most 1024 bytes")]
    ReasonTooLong,
    /// A field that must be bound to a record was named without one.
    #[error("this field is bound to a record and none was given")]
    RecordRequired,
    /// A record was given for a field that is defined without one.
    #[error("this field is defined without a record")]
    RecordNotBound,
    /// A field is defined in another way already.
    #[error("field `{field}` of collection `{collection}` is already defined differently")]
    FieldConflict {
        /// The collection.
        collection: String,
        /// The field.
        field: String,
    },
    /// Not there yet, and therefore refused instead of ignored.
    #[error("{0} is not available yet")]
    NotAvailable(&'static str),
    /// Production refuses this.
    #[error("{0} is refused in a production home")]
    ProductionRefuses(&'static str),
    /// A protected path holds plaintext in an encrypted document.
    #[error("a protected path holds plaintext")]
    PlaintextWhereProtected,
    /// A protected path holds an envelope in a document that is to be encrypted.
    #[error("a protected path holds an envelope already")]
    AlreadyEncrypted,
    /// What was encrypted did not decrypt to the same.
    #[error("verification after encryption failed; nothing was written")]
    VerificationFailed,
    /// A self-test failed.
    #[error("self-test failed: {0}")]
    Selftest(#[from] medseal_core::selftest::SelftestFailure),
    /// The audit log could not be written or read.
    #[error("the audit log cannot be used: {0}")]
    AuditUnavailable(std::io::ErrorKind),
    /// The audit log is not the one that was written.
    #[error("the audit log cannot be used: {place}: {what}")]
    AuditBroken {
        /// Where.
        place: String,
        /// What is wrong there.
        what: &'static str,
    },
    /// A file of an audit log is missing, or one too many.
    #[error("{place}: {what}")]
    AuditFile {
        /// Which.
        place: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The log has no such entry, or no checkpoint covers it yet.
    #[error("the audit log has no signed entry {0}")]
    NoSuchEntry(u64),
    /// A decision, its record and the operation do not belong together.
    #[error("decision, audit record and operation do not belong together")]
    ProofMismatch,
    /// The root needs a passphrase and nobody can be asked for one.
    #[error("the home needs a passphrase: use --passphrase-file or a terminal")]
    PassphraseNeeded,
    /// There is no home.
    #[error("there is no medseal home here")]
    HomeMissing,
    /// There is a home already.
    #[error("there is a medseal home here already")]
    HomeExists,
    /// The directory holds something else.
    #[error("the directory is not empty and holds no medseal home")]
    HomeNotEmpty,
    /// Reading or writing data failed.
    #[error("{what} failed: {kind}")]
    Io {
        /// What was done.
        what: &'static str,
        /// How it failed.
        kind: std::io::ErrorKind,
    },
    /// A record or line is larger than the limit.
    #[error("a line is longer than {0} bytes")]
    LineTooLong(usize),
}

impl EngineError {
    /// The stable code; `docs/errors.md` explains each.
    pub fn code(&self) -> &'static str {
        use EngineError as E;
        match self {
            E::Core(e) => e.code(),
            E::Document(e) => e.code(),
            E::AtPosition { source, .. } => source.code(),
            E::Store(e) => e.code(),
            E::Kms(e) => e.code(),
            E::Denied(_) => "DENIED",
            E::Key { refusal, .. } => refusal_code(*refusal),
            E::NoSuchKey(_) => "KEY_NOT_FOUND",
            E::KeyExists(_) => "KEY_EXISTS",
            E::KeyVersionUnknown => "KEY_VERSION_UNKNOWN",
            E::KeyPurpose(_) => "KEY_PURPOSE",
            E::Name(_) => "NAME_INVALID",
            E::ReasonTooLong => "REASON_TOO_LONG",
            E::RecordRequired => "RECORD_REQUIRED",
            E::RecordNotBound => "RECORD_NOT_BOUND",
            E::FieldConflict { .. } => "FIELD_CONFLICT",
            E::NotAvailable(_) => "NOT_AVAILABLE",
            E::ProductionRefuses(_) => "PRODUCTION_REFUSES",
            E::PlaintextWhereProtected => "PLAINTEXT_WHERE_PROTECTED",
            E::AlreadyEncrypted => "ALREADY_ENCRYPTED",
            E::VerificationFailed => "VERIFICATION_FAILED",
            E::Selftest(_) => "SELFTEST_FAILED",
            E::AuditUnavailable(_) | E::AuditBroken { .. } => "AUDIT_UNAVAILABLE",
            E::AuditFile { .. } => "AUDIT_FILE_REJECTED",
            E::NoSuchEntry(_) => "AUDIT_NO_SUCH_ENTRY",
            E::ProofMismatch => "PROOF_MISMATCH",
            E::PassphraseNeeded => "PASSPHRASE_NEEDED",
            E::HomeMissing => "HOME_MISSING",
            E::HomeExists => "HOME_EXISTS",
            E::HomeNotEmpty => "HOME_NOT_EMPTY",
            E::Io { .. } => "IO_FAILED",
            E::LineTooLong(_) => "LINE_TOO_LONG",
        }
    }

    /// The class, which decides the exit code.
    pub fn class(&self) -> ErrorClass {
        use EngineError as E;
        match self {
            E::Core(e) => core_class(*e),
            E::AtPosition { source, .. } => source.class(),
            E::Document(HealthError::Profile { .. }) => ErrorClass::Usage,
            E::Document(_) | E::LineTooLong(_) => ErrorClass::Malformed,
            E::PlaintextWhereProtected | E::AlreadyEncrypted => ErrorClass::Rejected,
            E::Store(StoreError::RowRejected { .. }) => ErrorClass::Rejected,
            E::AuditFile { .. } => ErrorClass::Rejected,
            E::NoSuchEntry(_) => ErrorClass::Usage,
            E::Store(_) | E::AuditUnavailable(_) | E::AuditBroken { .. } | E::Io { .. } => {
                ErrorClass::Unavailable
            }
            E::Kms(KmsError::PassphraseTooShort) => ErrorClass::Usage,
            E::HomeMissing | E::Kms(_) => ErrorClass::Unavailable,
            E::Denied(_) | E::ProductionRefuses(_) | E::ProofMismatch => ErrorClass::Denied,
            E::Key { .. } | E::NoSuchKey(_) | E::KeyExists(_) => ErrorClass::KeyState,
            E::KeyVersionUnknown | E::KeyPurpose(_) => ErrorClass::KeyState,
            E::VerificationFailed | E::Selftest(_) => ErrorClass::Rejected,
            E::Name(_) | E::RecordRequired | E::RecordNotBound | E::FieldConflict { .. } => {
                ErrorClass::Usage
            }
            E::PassphraseNeeded
            | E::ReasonTooLong
            | E::NotAvailable(_)
            | E::HomeExists
            | E::HomeNotEmpty => ErrorClass::Usage,
        }
    }

    /// The same error with the place it belongs to.
    pub(crate) fn at(self, position: Position) -> Self {
        EngineError::AtPosition { position, source: Box::new(self) }
    }

    pub(crate) fn io(what: &'static str) -> impl Fn(std::io::Error) -> Self {
        move |error| EngineError::Io { what, kind: error.kind() }
    }
}

fn core_class(error: medseal_core::Error) -> ErrorClass {
    match error {
        medseal_core::Error::Malformed(_) => ErrorClass::Malformed,
        medseal_core::Error::Rejected | medseal_core::Error::Audit(_) => ErrorClass::Rejected,
        medseal_core::Error::Random => ErrorClass::Unavailable,
        _ => ErrorClass::Usage,
    }
}

fn refusal_code(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NoSuchVersion => "KEY_VERSION_NOT_FOUND",
        Refusal::NoPrimary => "KEY_NO_PRIMARY",
        Refusal::DoesNotDecrypt(State::Destroyed) => "KEY_DESTROYED",
        Refusal::DoesNotDecrypt(_) | Refusal::WrongState(_) => "KEY_STATE",
        Refusal::IsPrimary => "KEY_IS_PRIMARY",
        Refusal::TooEarly(_) => "KEY_WAITING",
        _ => "KEY_STATE",
    }
}

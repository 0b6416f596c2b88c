//! What can go wrong, with a stable code, a remedy and a class that becomes the exit code.

use crate::clock::rfc3339;
use medseal_core::MisuseKind;
use medseal_core::keyring::{Refusal, State};
use medseal_health::{HealthError, Position};
use medseal_kms::KmsError;
use medseal_policy::{Denied, PolicyError, Reason};
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

/// An end of a run over data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Where data is read.
    Input,
    /// Where data is written.
    Output,
}

pub(crate) const READING_THE_INPUT: &str = "reading the input";
pub(crate) const WRITING_THE_OUTPUT: &str = "writing the output";

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
    /// A month's key is not the one that its wraps were made under.
    #[error("the epoch key of {0} in `epochs/` is not the one that keys were wrapped under")]
    EpochKeyWrong(u32),
    /// The policy.
    #[error("{0}")]
    Denied(#[from] Box<Denied>),
    /// A policy's text.
    #[error("{0}")]
    Policy(#[from] PolicyError),
    /// A token that was never given, has expired or was revoked, or whose holder is disabled.
    #[error("the access token is not accepted")]
    TokenRejected,
    /// There is no token with this id.
    #[error("there is no token with the id `{0}`")]
    NoSuchToken(String),
    /// There is no principal of that name.
    #[error("there is no principal `{0}`")]
    NoSuchPrincipal(String),
    /// There was a principal of that name.
    #[error("there is a principal `{0}` already; names are given once")]
    PrincipalExists(String),
    /// A principal may do nothing any more.
    #[error("principal `{0}` is disabled")]
    PrincipalDisabled(String),
    /// Another principal stands for the user of the operating system.
    #[error("this user of the operating system is principal `{0}` already")]
    OsUserTaken(String),
    /// The policy has no such role, or it was not granted.
    #[error("there is no role `{0}` here; the policy in force declares further ones")]
    RoleUnknown(String),
    /// Nobody would be left who can change principals and the policy.
    #[error(
        "nobody would be left who can govern the home: an active admin with an operating system user, whom the policy allows manage-principals and manage-policy"
    )]
    LastAdmin,
    /// An emergency without a reason.
    #[error("an emergency needs a reason of 1 to 1024 bytes")]
    BreakGlassReason,
    /// Whoever may do everything has nothing to go past.
    #[error("the owner of the home needs no emergency")]
    BreakGlassNotNeeded,
    /// There is no emergency with this id.
    #[error("there is no emergency with the id `{0}`")]
    NoSuchEmergency(String),
    /// Nobody reviews their own emergency, or somebody's in the name of another.
    #[error("an emergency is reviewed by somebody else, in their own name")]
    ReviewRefused,
    /// A case's number is not acceptable.
    #[error("a case is 1 to 1024 bytes without control characters")]
    CaseInvalid,
    /// A key's state.
    #[error("key `{key}`: {}", told(*refusal))]
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
    /// A record was given and the caller says that the field has none.
    #[error("a record was given together with --no-record; leave one of them out")]
    RecordAndNoRecord,
    /// A field that must be bound to a subject was named without one.
    #[error("this field is bound to a subject and none was given")]
    SubjectRequired,
    /// A subject was given for a field that is defined without one.
    #[error("this field is defined without a subject")]
    SubjectNotBound,
    /// Nothing was ever encrypted for this subject in this store.
    #[error("nothing was encrypted for this subject in this home")]
    SubjectUnknown,
    /// The subject was erased.
    #[error("this subject was erased; its data opens no more and its id is not used again")]
    SubjectErased,
    /// The subject was not erased.
    #[error("this subject was not erased, so there is no certificate")]
    SubjectNotErased,
    /// A legal hold stands against erasing the subject.
    #[error("a legal hold is on this subject: {0}; release it first")]
    SubjectHeld(String),
    /// A hold of that name is on the subject, or none is.
    #[error("{0}")]
    SubjectHold(&'static str),
    /// A reason that a certificate cannot hold.
    #[error("a reason is one line of 1 to 1024 bytes without the subject's id")]
    ReasonInvalid,
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
    /// No row of the store leads from a pseudonym back to its id.
    #[error("the id behind a pseudonym is not in this home")]
    PseudonymUnknown,
    /// A protected path holds an envelope in a document that is to be encrypted.
    #[error("a protected path holds an envelope already")]
    AlreadyEncrypted,
    /// A cell opened to something else than one cell.
    #[error(
        "the cell opens, but not to one cell of this delimiter and encoding; name those with which it was encrypted"
    )]
    NotOneCell,
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
    /// No entry is in the range that was asked for.
    #[error("the audit log has no entries in this range, and nothing was exported")]
    NoEntries,
    /// Details were asked for in a form that has no room for them.
    #[error("details are exported as ndjson alone")]
    ExportDetails,
    /// Something is wrong with an escrow of the root.
    #[error("{0}")]
    Escrow(#[from] crate::escrow::EscrowError),
    /// Dual control.
    #[error("{0}")]
    Approval(#[from] crate::approvals::ApprovalError),
    /// A decision, its record and the operation do not belong together.
    #[error("decision, audit record and operation do not belong together")]
    ProofMismatch,
    /// The root needs a passphrase and nobody can be asked for one.
    #[error("the home needs a passphrase: use --passphrase-file or a terminal")]
    PassphraseNeeded,
    /// There is no home.
    #[error("there is no medseal home here")]
    HomeMissing,
    /// There may be a home, and it cannot be looked into.
    #[error("the home cannot be read: {0}")]
    HomeUnreadable(std::io::ErrorKind),
    /// There is a home already.
    #[error("there is a medseal home here already")]
    HomeExists,
    /// The directory holds something else.
    #[error("the directory is not empty and holds no medseal home")]
    HomeNotEmpty,
    /// A chunk of a stream.
    #[error("chunk {chunk} at byte {offset}: {source}")]
    AtChunk {
        /// Its number.
        chunk: u64,
        /// Where it stands in the encrypted input.
        offset: u64,
        /// What is wrong there.
        source: medseal_core::Error,
    },
    /// A frame of a session.
    #[error("frame {frame} at byte {offset}: {source}")]
    AtFrame {
        /// Its number.
        frame: u64,
        /// Where it stands in the encrypted input.
        offset: u64,
        /// What is wrong there.
        source: medseal_core::Error,
    },
    /// Keys for files have one suite.
    #[error("a key for files has the suite aes-256-gcm")]
    FileKeySuite,
    /// A file was written to while it was read.
    #[error("the input changed while it was read; nothing was written")]
    SourceChanged,
    /// A range or frame that the content does not have.
    #[error("the content ends before {0}")]
    BeyondTheEnd(&'static str),
    /// What was asked for needs a file.
    #[error("{0} needs a file, not a pipe")]
    FileNeeded(&'static str),
    /// Something that a directory's archive does not take or give.
    #[error("entry {entry} of the directory {what}")]
    Archive {
        /// Its number, from 1, in the order of the archive.
        entry: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Something stands where a directory should appear.
    #[error("the output exists already; a directory never replaces anything")]
    TargetExists,
    /// An array's header, or its shape against its length.
    #[error("not an array: {0}")]
    ArrayInvalid(&'static str),
    /// Reading or writing data failed.
    #[error("{what} failed: {kind}")]
    Io {
        /// What was done.
        what: &'static str,
        /// How it failed.
        kind: std::io::ErrorKind,
    },
    /// A record or line is larger than the limit.
    #[error("line {line} is longer than {limit} bytes")]
    LineTooLong {
        /// Its number, from 1.
        line: u64,
        /// What is accepted.
        limit: usize,
    },
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
            E::EpochKeyWrong(_) => "EPOCH_KEY_WRONG",
            E::Denied(denied) => match denied.reason {
                Reason::PurposeRequired => "PURPOSE_REQUIRED",
                Reason::OverBudget => "BUDGET_EXCEEDED",
                _ => "DENIED",
            },
            E::Policy(error) => error.fault.code(),
            E::TokenRejected => "TOKEN_REJECTED",
            E::NoSuchToken(_) => "TOKEN_NOT_FOUND",
            E::NoSuchPrincipal(_) => "PRINCIPAL_NOT_FOUND",
            E::PrincipalExists(_) => "PRINCIPAL_EXISTS",
            E::PrincipalDisabled(_) => "PRINCIPAL_DISABLED",
            E::OsUserTaken(_) => "OS_USER_TAKEN",
            E::RoleUnknown(_) => "ROLE_UNKNOWN",
            E::LastAdmin => "LAST_ADMIN",
            E::CaseInvalid => "CASE_INVALID",
            E::BreakGlassReason => "BREAK_GLASS_REASON",
            E::BreakGlassNotNeeded => "BREAK_GLASS_NOT_NEEDED",
            E::NoSuchEmergency(_) => "BREAK_GLASS_NOT_FOUND",
            E::ReviewRefused => "REVIEW_REFUSED",
            E::Key { refusal, .. } => refusal_code(*refusal),
            E::NoSuchKey(_) => "KEY_NOT_FOUND",
            E::KeyExists(_) => "KEY_EXISTS",
            E::KeyVersionUnknown => "KEY_VERSION_UNKNOWN",
            E::KeyPurpose(_) => "KEY_PURPOSE",
            E::Name(_) => "NAME_INVALID",
            E::ReasonTooLong => "REASON_TOO_LONG",
            E::RecordRequired => "RECORD_REQUIRED",
            E::RecordNotBound | E::RecordAndNoRecord => "RECORD_NOT_BOUND",
            E::SubjectRequired => "SUBJECT_REQUIRED",
            E::SubjectNotBound => "SUBJECT_NOT_BOUND",
            E::SubjectUnknown => "SUBJECT_UNKNOWN",
            E::SubjectErased => "SUBJECT_ERASED",
            E::SubjectNotErased => "SUBJECT_NOT_ERASED",
            E::SubjectHeld(_) => "SUBJECT_HELD",
            E::SubjectHold(_) => "SUBJECT_HOLD",
            E::ReasonInvalid => "REASON_INVALID",
            E::FieldConflict { .. } => "FIELD_CONFLICT",
            E::NotAvailable(_) => "NOT_AVAILABLE",
            E::ProductionRefuses(_) => "PRODUCTION_REFUSES",
            E::PlaintextWhereProtected => "PLAINTEXT_WHERE_PROTECTED",
            E::PseudonymUnknown => "PSEUDONYM_UNKNOWN",
            E::AlreadyEncrypted => "ALREADY_ENCRYPTED",
            E::NotOneCell => "CELL_NOT_RESTORABLE",
            E::VerificationFailed => "VERIFICATION_FAILED",
            E::Selftest(_) => "SELFTEST_FAILED",
            E::AuditUnavailable(_) | E::AuditBroken { .. } => "AUDIT_UNAVAILABLE",
            E::AuditFile { .. } => "AUDIT_FILE_REJECTED",
            E::NoSuchEntry(_) => "AUDIT_NO_SUCH_ENTRY",
            E::NoEntries => "AUDIT_NO_ENTRIES",
            E::ExportDetails => "AUDIT_EXPORT_DETAILS",
            E::Escrow(e) => e.code(),
            E::Approval(e) => e.code(),
            E::ProofMismatch => "PROOF_MISMATCH",
            E::PassphraseNeeded => "PASSPHRASE_NEEDED",
            E::HomeMissing => "HOME_MISSING",
            E::HomeUnreadable(_) => "HOME_UNREADABLE",
            E::HomeExists => "HOME_EXISTS",
            E::HomeNotEmpty => "HOME_NOT_EMPTY",
            E::AtChunk { source, .. } | E::AtFrame { source, .. } => source.code(),
            E::FileKeySuite => "KEY_SUITE",
            E::SourceChanged => "SOURCE_CHANGED",
            E::BeyondTheEnd(_) => "BEYOND_THE_END",
            E::FileNeeded(_) => "FILE_NEEDED",
            E::Archive { .. } => "ARCHIVE_REFUSED",
            E::TargetExists => "TARGET_EXISTS",
            E::ArrayInvalid(_) => "ARRAY_INVALID",
            E::Io { .. } => "IO_FAILED",
            E::LineTooLong { .. } => "LINE_TOO_LONG",
        }
    }

    /// The class, which decides the exit code.
    pub fn class(&self) -> ErrorClass {
        use EngineError as E;
        match self {
            E::Core(e) => core_class(*e),
            E::AtPosition { source, .. } => source.class(),
            E::AtChunk { source, .. } | E::AtFrame { source, .. } => core_class(*source),
            E::Escrow(e) => e.class(),
            E::Approval(e) => e.class(),
            E::SourceChanged => ErrorClass::Rejected,
            E::Archive { .. } | E::ArrayInvalid(_) => ErrorClass::Malformed,
            E::FileKeySuite | E::BeyondTheEnd(_) | E::FileNeeded(_) | E::TargetExists => {
                ErrorClass::Usage
            }
            E::Document(HealthError::Profile { .. }) => ErrorClass::Usage,
            E::Document(_) | E::LineTooLong { .. } => ErrorClass::Malformed,
            E::PlaintextWhereProtected
            | E::PseudonymUnknown
            | E::AlreadyEncrypted
            | E::NotOneCell => ErrorClass::Rejected,
            E::Store(StoreError::RowRejected { .. }) => ErrorClass::Rejected,
            E::AuditFile { .. } => ErrorClass::Rejected,
            E::NoSuchEntry(_) | E::NoEntries | E::ExportDetails => ErrorClass::Usage,
            E::Store(_) | E::AuditUnavailable(_) | E::AuditBroken { .. } | E::Io { .. } => {
                ErrorClass::Unavailable
            }
            E::Kms(KmsError::PassphraseTooShort) => ErrorClass::Usage,
            E::HomeMissing | E::HomeUnreadable(_) | E::Kms(_) | E::EpochKeyWrong(_) => {
                ErrorClass::Unavailable
            }
            E::Denied(_) | E::ProductionRefuses(_) | E::ProofMismatch => ErrorClass::Denied,
            E::TokenRejected | E::ReviewRefused => ErrorClass::Denied,
            E::Policy(_) => ErrorClass::Malformed,
            E::NoSuchToken(_)
            | E::NoSuchPrincipal(_)
            | E::PrincipalExists(_)
            | E::PrincipalDisabled(_)
            | E::OsUserTaken(_)
            | E::RoleUnknown(_)
            | E::LastAdmin
            | E::BreakGlassReason
            | E::BreakGlassNotNeeded
            | E::NoSuchEmergency(_)
            | E::CaseInvalid => ErrorClass::Usage,
            E::Key { .. } | E::NoSuchKey(_) | E::KeyExists(_) => ErrorClass::KeyState,
            E::KeyVersionUnknown | E::KeyPurpose(_) => ErrorClass::KeyState,
            E::SubjectUnknown
            | E::SubjectErased
            | E::SubjectNotErased
            | E::SubjectHeld(_)
            | E::SubjectHold(_) => ErrorClass::KeyState,
            E::SubjectRequired | E::SubjectNotBound | E::ReasonInvalid => ErrorClass::Usage,
            E::VerificationFailed | E::Selftest(_) => ErrorClass::Rejected,
            E::Name(_) | E::RecordRequired | E::RecordNotBound | E::RecordAndNoRecord => {
                ErrorClass::Usage
            }
            E::FieldConflict { .. }
            | E::PassphraseNeeded
            | E::ReasonTooLong
            | E::NotAvailable(_)
            | E::HomeExists
            | E::HomeNotEmpty => ErrorClass::Usage,
        }
    }

    /// Which end failed, when one did: only the caller knows its name.
    pub fn failed_end(&self) -> Option<End> {
        match self {
            EngineError::Io { what: READING_THE_INPUT, .. } => Some(End::Input),
            EngineError::Io { what: WRITING_THE_OUTPUT, .. } => Some(End::Output),
            _ => None,
        }
    }

    /// The same failure of the log for everybody who waited for it.
    pub(crate) fn again(&self) -> Self {
        match self {
            EngineError::Store(error) => EngineError::Store(error.clone()),
            EngineError::AuditUnavailable(kind) => EngineError::AuditUnavailable(*kind),
            EngineError::AuditBroken { place, what } => {
                EngineError::AuditBroken { place: place.clone(), what }
            }
            _ => EngineError::AuditUnavailable(std::io::ErrorKind::Other),
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
        medseal_core::Error::Misuse(MisuseKind::ValueType | MisuseKind::ValueLength) => {
            ErrorClass::Malformed
        }
        _ => ErrorClass::Usage,
    }
}

/// A refusal with what the keyring, which knows no calendar, cannot say.
fn told(refusal: Refusal) -> String {
    match refusal {
        Refusal::TooEarly(until) => format!("{refusal}; it ends {}", rfc3339(until)),
        other => other.to_string(),
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

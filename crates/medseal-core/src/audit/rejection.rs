//! Why a log, a checkpoint or a proof is refused, and where.

use std::fmt;

/// A refusal: what is wrong, and the place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {kind}")]
pub struct Rejection {
    /// Where.
    pub place: RejectionPlace,
    /// What.
    pub kind: RejectionKind,
}

/// Where something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectionPlace {
    /// The entry with this index.
    Entry(u64),
    /// An entry that has no place yet.
    NewEntry,
    /// The checkpoint of this many entries.
    CheckpointAt(u64),
    /// A checkpoint whose size could not be read.
    Checkpoint,
    /// A proof.
    Proof,
    /// A public key.
    PublicKey,
    /// A certificate of erasure.
    Certificate,
}

impl fmt::Display for RejectionPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RejectionPlace::Entry(index) => write!(f, "entry {index}"),
            RejectionPlace::NewEntry => f.write_str("new entry"),
            RejectionPlace::CheckpointAt(size) => write!(f, "checkpoint of {size} entries"),
            RejectionPlace::Checkpoint => f.write_str("checkpoint"),
            RejectionPlace::Proof => f.write_str("proof"),
            RejectionPlace::PublicKey => f.write_str("public key"),
            RejectionPlace::Certificate => f.write_str("certificate"),
        }
    }
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RejectionKind {
    /// The bytes are not an entry in the one permitted encoding.
    #[error("not an entry in canonical form")]
    EntryMalformed,
    /// The entry names another sequence number: dropped, repeated or moved.
    #[error("the sequence number is another one: an entry was dropped, repeated or moved")]
    EntrySequence,
    /// The entry belongs to another log.
    #[error("the entry belongs to another log")]
    EntryLog,
    /// Details are neither what the entry commits to nor erased.
    #[error("the details are not those that the entry commits to")]
    EntryDetails,
    /// The entry names another state root for an epoch than an entry before it, or none at all.
    #[error(
        "the entry names another state root for its epoch than the log before it, or none: the store was exchanged"
    )]
    EntryState,
    /// An entry or a seal knows a newer checkpoint than the log has.
    #[error(
        "the entry was written after a newer checkpoint than the log's: an old one was put back"
    )]
    CheckpointOld,
    /// The entries have another root than the checkpoint says.
    #[error("the entries do not have this root: an entry was altered, or the log was forked")]
    Root,
    /// The log ends before the checkpoint.
    #[error("the log has fewer entries than this: its tail was cut")]
    Truncated,
    /// The text is not a checkpoint.
    #[error("not a checkpoint of this log")]
    CheckpointMalformed,
    /// The Ed25519 signature is missing or wrong.
    #[error("the Ed25519 signature is missing or wrong")]
    Ed25519Signature,
    /// The ML-DSA-87 signature is missing or wrong.
    #[error("the ML-DSA-87 signature is missing or wrong")]
    MlDsa87Signature,
    /// The cosignature is missing or wrong.
    #[error("the witness's signature is missing or wrong")]
    Cosignature,
    /// The text or its hashes prove nothing.
    #[error("not a proof of this")]
    Proof,
    /// The text is not a certificate of this log.
    #[error("not a certificate of erasure of this log")]
    CertificateMalformed,
    /// Not a verifier key of this kind.
    #[error("not a verifier key of an audit log")]
    PublicKey,
}

impl Rejection {
    /// A refusal at a place.
    pub fn new(place: RejectionPlace, kind: RejectionKind) -> Self {
        Self { place, kind }
    }

    pub(crate) fn entry(index: u64, kind: RejectionKind) -> Self {
        Self { place: RejectionPlace::Entry(index), kind }
    }

    pub(crate) fn checkpoint(size: u64, kind: RejectionKind) -> Self {
        Self { place: RejectionPlace::CheckpointAt(size), kind }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        use RejectionKind as K;
        match self.kind {
            K::EntryMalformed
            | K::EntrySequence
            | K::EntryLog
            | K::EntryDetails
            | K::EntryState => "AUDIT_ENTRY_REJECTED",
            K::Root | K::Truncated | K::CheckpointOld => "AUDIT_ROOT_REJECTED",
            K::CheckpointMalformed
            | K::Ed25519Signature
            | K::MlDsa87Signature
            | K::Cosignature
            | K::PublicKey => "AUDIT_SIGNATURE_REJECTED",
            K::Proof => "AUDIT_PROOF_REJECTED",
            K::CertificateMalformed => "CERTIFICATE_REJECTED",
        }
    }
}

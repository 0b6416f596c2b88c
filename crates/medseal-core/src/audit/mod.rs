//! The audit log's format and its verifier (`spec/audit-log.md`): bytes in, verdicts out.
//!
//! An auditor who trusts nothing else of Medseal needs this module alone: entries, the Merkle tree
//! over them, checkpoints with their two signatures, and proofs. It must not open files, read a
//! clock or decide what is recorded; the engine's `ledger` writes.

mod cbor;
mod certificate;
mod checkpoint;
mod cosignature;
mod decoding;
mod details;
mod encoded;
mod entry;
mod frame;
mod head;
pub(crate) mod note;
mod proof;
mod protection;
mod rejection;
mod states;
mod subject;
pub mod tiles;
mod tlog_proof;
mod tree;
mod verifier;

pub use certificate::{ErasureCertificate, MAX_REASON_BYTES, NOT_COVERED};
pub use checkpoint::{Checkpoint, LogKeys, LogSigner, OpenedCheckpoint};
pub use cosignature::{WitnessKeys, WitnessSigner};
pub use details::{DetailItem, Details, DetailsKey, commit_items};
pub(crate) use details::{context_value, with_target};
pub use encoded::{EncodedEvent, EntryPlace};
pub use entry::{Access, Entry, Event, LogId, MAX_ENTRY_BYTES, Outcome, SealedDetails};
pub use frame::{FRAME_HEADER_BYTES, FrameHeader, push_frame, push_frame_of, split_frame};
pub use head::{Head, HeadKey};
pub use proof::{
    InclusionPaths, consistency_proof, inclusion_proof, range_proof, verify_consistency,
    verify_inclusion,
};
pub use protection::{Gaps, Opened, Opener, ProtectionLedger, Subjects, Values, VersionLedger};
pub use rejection::{Rejection, RejectionKind, RejectionPlace};
pub use subject::{SubjectAuditKey, SubjectPseudonym, SubjectTag};
pub use tlog_proof::TlogProof;
pub use tree::{Frontier, Hash, Span, leaf_hash, node_hash};
pub use verifier::{DetailsState, LogVerifier, VerifiedRun};

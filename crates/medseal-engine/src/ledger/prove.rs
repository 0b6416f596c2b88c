//! Proofs that one entry stands in the log, as text that can be checked far away from it.

use super::files::AuditFiles;
use super::read::EntrySummary;
use super::verify::Snapshot;
use crate::error::EngineError;
use medseal_core::Error;
use medseal_core::audit::{
    Checkpoint, Entry, Hash, LogKeys, TlogProof, inclusion_proof, leaf_hash,
};
use serde::Serialize;
use std::path::Path;

/// A proof that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedProof {
    /// How many entries the checkpoint covers.
    pub size: u64,
    /// The entry.
    pub entry: EntrySummary,
}

/// The leaves that the newest checkpoint covers, and that checkpoint, both verified.
pub(super) struct SignedLeaves {
    pub(super) leaves: Vec<Hash>,
    pub(super) checkpoint: Checkpoint,
    pub(super) note: String,
    /// The one entry that was asked for.
    pub(super) entry: Option<Vec<u8>>,
}

impl SignedLeaves {
    /// Reads the whole log; 32 bytes of memory an entry.
    pub(super) fn read(
        directory: &Path,
        keys: &LogKeys,
        wanted: Option<u64>,
    ) -> Result<Self, EngineError> {
        let snapshot = Snapshot::take(&AuditFiles::at(directory.to_owned()))?;
        let checkpoint = keys.verify(&snapshot.newest).map_err(Error::from)?;
        let (mut leaves, mut entry) = (Vec::new(), None);
        let verifier = snapshot.walk(keys, |verifier, bytes, _| {
            let index = verifier.size() - 1;
            if index < checkpoint.size {
                leaves.push(leaf_hash(bytes));
            }
            if wanted == Some(index) {
                entry = Some(bytes.to_vec());
            }
            if verifier.size() == checkpoint.size {
                verifier.check(&checkpoint).map_err(Error::from)?;
            }
            Ok(())
        })?;
        if verifier.size() < checkpoint.size {
            verifier.check(&checkpoint).map_err(Error::from)?;
        }
        Ok(Self { leaves, checkpoint, note: snapshot.newest, entry })
    }
}

/// Proves entry `index` of the log in `directory`.
///
/// # Errors
/// [`EngineError::NoSuchEntry`] when no checkpoint covers it; everything `verify` refuses.
pub fn prove_entry(directory: &Path, keys: &LogKeys, index: u64) -> Result<String, EngineError> {
    let signed = SignedLeaves::read(directory, keys, Some(index))?;
    let at = usize::try_from(index).map_err(|_| EngineError::NoSuchEntry(index))?;
    let path = inclusion_proof(&signed.leaves, at).ok_or(EngineError::NoSuchEntry(index))?;
    let entry = signed.entry.ok_or(EngineError::NoSuchEntry(index))?;
    Ok(TlogProof { entry, index, path, checkpoint: signed.note }.to_text())
}

/// Checks a proof against the log's public keys.
///
/// # Errors
/// [`Error::Audit`].
pub fn check_proof(text: &str, keys: &LogKeys) -> Result<CheckedProof, EngineError> {
    let proof = TlogProof::parse(text).map_err(Error::from)?;
    let checkpoint = proof.verify(keys).map_err(Error::from)?;
    let entry = Entry::decode(&proof.entry, proof.index).map_err(Error::from)?;
    Ok(CheckedProof { size: checkpoint.size, entry: EntrySummary::of(&entry) })
}

//! What a decision and an audit entry are *about*: one digest both must carry.
//!
//! The digest covers the operation, the store's epoch, and for every item its key version and
//! whole context. Decryption compares the two, so that a decision for one value cannot be paired
//! with the record of another.

use crate::audit::{Details, SubjectAuditKey, SubjectPseudonym, SubjectTag};
use crate::context::{Binding, Scope, encode_into};
use crate::{Error, KeyVersionId};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The operations that need a decision and a durable record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Encrypting values.
    Encrypt,
    /// Decrypting values.
    Decrypt,
    /// Decrypting to see whether it opens, without giving anything out.
    Verify,
    /// Decrypting and encrypting again under a newer key version.
    Reencrypt,
    /// Creating, rotating or otherwise changing keys and field definitions.
    ChangeKeys,
    /// Reading the encrypted details of the audit log.
    ReadAudit,
    /// Destroying the secrets of a subject.
    EraseSubject,
    /// Placing or releasing a legal hold on a subject.
    HoldSubject,
    /// Reading which subjects there are.
    ReadSubjects,
    /// Reading who had access to a subject's data.
    ReadDisclosures,
    /// Splitting what opens the home, and giving it a new root.
    ManageRoot,
}

impl Operation {
    /// The name in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Encrypt => "encrypt",
            Operation::Decrypt => "decrypt",
            Operation::Verify => "verify",
            Operation::Reencrypt => "reencrypt",
            Operation::ChangeKeys => "change-keys",
            Operation::ReadAudit => "read-audit",
            Operation::EraseSubject => "erase-subject",
            Operation::HoldSubject => "hold-subject",
            Operation::ReadSubjects => "read-subjects",
            Operation::ReadDisclosures => "read-disclosures",
            Operation::ManageRoot => "manage-root",
        }
    }

    /// Whether its items are contexts of values, and not descriptions of what is done.
    pub fn is_about_values(self) -> bool {
        use Operation::{Decrypt, Encrypt, Reencrypt, Verify};
        matches!(self, Encrypt | Decrypt | Verify | Reencrypt)
    }
}

/// SHA-256 over one operation and all its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperationDigest([u8; 32]);

impl OperationDigest {
    /// The 32 bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// The digest as lower-case hexadecimal.
    pub fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Collects the items of one operation.
pub struct OperationItems {
    hasher: Sha256,
    operation: Operation,
    epoch: u64,
    count: u64,
    salt: [u8; 32],
    details: Option<Details>,
    /// Whom the items are about; a twin keeps nobody.
    subjects: BTreeMap<SubjectPseudonym, Arc<SubjectAuditKey>>,
    /// The context of the newest item.
    encoded: Vec<u8>,
}

impl OperationItems {
    /// Starts an operation at a store's epoch.
    ///
    /// `salt` is fresh, random and kept in the encrypted details alone: the digest stands in the
    /// ledger, and without a salt whoever reads the ledger could find a patient's id by trying all
    /// of them.
    pub fn new(operation: Operation, epoch: u64, salt: [u8; 32]) -> Self {
        Self { details: Some(Details::new(salt)), ..Self::bare(operation, epoch, salt) }
    }

    fn bare(operation: Operation, epoch: u64, salt: [u8; 32]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"medseal/v1/operation\0");
        hasher.update(salt);
        hasher.update(operation.name().as_bytes());
        hasher.update([0]);
        hasher.update(epoch.to_be_bytes());
        let (subjects, encoded) = (BTreeMap::new(), Vec::new());
        Self { hasher, operation, epoch, count: 0, salt, details: None, subjects, encoded }
    }

    /// The same operation without its items, to collect them a second time and compare.
    pub fn twin(&self) -> Self {
        Self::bare(self.operation, self.epoch, self.salt)
    }

    /// Adds one item: the key version and the encoded context (or the description of a change).
    pub fn add(&mut self, id: KeyVersionId, context: &[u8]) {
        self.hasher.update(id.0);
        self.hasher.update((context.len() as u64).to_be_bytes());
        self.hasher.update(context);
        self.count += 1;
        if let Some(details) = &mut self.details {
            details.push(id, context);
        }
    }

    /// Adds one value of a field, by its key version and what it is bound to.
    ///
    /// # Errors
    /// As [`encode_into`]; then nothing is added.
    pub fn add_value(
        &mut self,
        id: KeyVersionId,
        scope: &Scope,
        binding: &Binding<'_>,
    ) -> Result<(), Error> {
        let mut encoded = std::mem::take(&mut self.encoded);
        encoded.clear();
        let done = encode_into(scope, None, binding, &mut encoded);
        if done.is_ok() {
            self.add(id, &encoded);
        }
        self.encoded = encoded;
        done
    }

    /// Adds one value of a subject. Its record and its subject stand in the item under the subject's
    /// own key, and so does what the digest covers.
    ///
    /// # Errors
    /// [`Error::Misuse`] for something that is no context.
    pub fn add_of_subject(
        &mut self,
        id: KeyVersionId,
        context: &[u8],
        subject: &Arc<SubjectAuditKey>,
    ) -> Result<(), Error> {
        let item = subject.item(&self.salt, self.count, id, context)?;
        self.add(id, &item);
        self.mark(subject);
        Ok(())
    }

    /// Adds the description of something that is done to a subject.
    pub fn add_about_subject(&mut self, description: &str, subject: &Arc<SubjectAuditKey>) {
        let digits = subject.pseudonym().iter().map(|byte| format!("{byte:02x}"));
        let item = format!("{description}; subject {}", digits.collect::<String>());
        self.add(KeyVersionId([0; 8]), item.as_bytes());
        self.mark(subject);
    }

    fn mark(&mut self, subject: &Arc<SubjectAuditKey>) {
        if self.details.is_some() && !self.subjects.contains_key(subject.pseudonym()) {
            self.subjects.insert(*subject.pseudonym(), Arc::clone(subject));
        }
    }

    /// What marks the entry as being about the subjects of the items so far, ascending.
    pub fn subject_tags(&self) -> Vec<SubjectTag> {
        let digest = self.digest_so_far();
        let mut tags: Vec<_> = self.subjects.values().map(|subject| subject.tag(&digest)).collect();
        tags.sort_unstable();
        tags
    }

    /// Takes what was kept for the ledger: the salt and every item. A twin keeps nothing.
    pub fn take_details(&mut self) -> Option<Details> {
        self.details.take()
    }

    /// The digest of what was added so far.
    pub fn digest_so_far(&self) -> OperationDigest {
        let hasher = self.hasher.clone().chain_update(self.count.to_be_bytes());
        OperationDigest(hasher.finalize().into())
    }

    /// The operation.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The store's epoch.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// How many items were added.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The digest of what was added.
    pub fn digest(self) -> OperationDigest {
        OperationDigest(self.hasher.chain_update(self.count.to_be_bytes()).finalize().into())
    }
}

//! What a decision and an audit entry are *about*: one digest both must carry.
//!
//! The digest covers the operation, the store's epoch, and for every item its key version and
//! whole context. Decryption compares the two, so that a decision for one value cannot be paired
//! with the record of another.

use crate::approval::RequestId;
use crate::audit::{
    Details, SubjectAuditKey, SubjectPseudonym, SubjectTag, context_value, with_target,
};
use crate::context::{Binding, Scope, encode_into};
use crate::{Error, KeyVersionId};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{BuildHasher, RandomState};
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
    /// Registering fields: key, class and binding of their values.
    DefineFields,
    /// What keys ask for by themselves: a rotation that is due, new wraps when a month begins, the
    /// rows of pseudonyms.
    Maintain,
    /// Changing principals, their roles and their tokens.
    ManagePrincipals,
    /// Replacing the policy.
    ManagePolicy,
    /// Reading principals, roles, tokens and the policy.
    ReadPrincipals,
    /// Showing who one is.
    Authenticate,
    /// Going past the policy in an emergency.
    BreakGlass,
    /// Reading and reviewing who went past the policy.
    ReviewBreakGlass,
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
    /// Asking for approvals, and taking a request back.
    RequestApproval,
    /// Approving or denying a request.
    Approve,
    /// Reading requests and what was said of them.
    ReadApprovals,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Operation; 22] = [
        Operation::Encrypt,
        Operation::Decrypt,
        Operation::Verify,
        Operation::Reencrypt,
        Operation::ChangeKeys,
        Operation::ReadAudit,
        Operation::DefineFields,
        Operation::Maintain,
        Operation::ManagePrincipals,
        Operation::ManagePolicy,
        Operation::ReadPrincipals,
        Operation::Authenticate,
        Operation::BreakGlass,
        Operation::ReviewBreakGlass,
        Operation::EraseSubject,
        Operation::HoldSubject,
        Operation::ReadSubjects,
        Operation::ReadDisclosures,
        Operation::ManageRoot,
        Operation::RequestApproval,
        Operation::Approve,
        Operation::ReadApprovals,
    ];

    /// Whether its items are values, each in a collection and of a class.
    pub fn is_of_values(self) -> bool {
        use Operation::{Decrypt, Encrypt, Reencrypt, Verify};
        matches!(self, Encrypt | Decrypt | Verify | Reencrypt)
    }

    /// The name in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Encrypt => "encrypt",
            Operation::Decrypt => "decrypt",
            Operation::Verify => "verify",
            Operation::Reencrypt => "reencrypt",
            Operation::ChangeKeys => "change-keys",
            Operation::ReadAudit => "read-audit",
            Operation::DefineFields => "define-fields",
            Operation::Maintain => "maintain",
            Operation::ManagePrincipals => "manage-principals",
            Operation::ManagePolicy => "manage-policy",
            Operation::ReadPrincipals => "read-principals",
            Operation::Authenticate => "authenticate",
            Operation::BreakGlass => "break-glass",
            Operation::ReviewBreakGlass => "review-break-glass",
            Operation::EraseSubject => "erase-subject",
            Operation::HoldSubject => "hold-subject",
            Operation::ReadSubjects => "read-subjects",
            Operation::ReadDisclosures => "read-disclosures",
            Operation::ManageRoot => "manage-root",
            Operation::RequestApproval => "request-approval",
            Operation::Approve => "approve",
            Operation::ReadApprovals => "read-approvals",
        }
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

/// What a policy can tell apart among items: not the field and not the record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Group {
    /// The tenant; none for what belongs to no tenant.
    pub tenant: Option<String>,
    /// The collection of values.
    pub collection: Option<String>,
    /// The class of values.
    pub class: Option<String>,
}

impl Group {
    fn is(&self, tenant: Option<&str>, collection: Option<&str>, class: &str) -> bool {
        self.tenant.as_deref() == tenant
            && self.collection.as_deref() == collection
            && self.class.as_deref() == Some(class)
    }
}

/// The key versions that an operation on a value is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Under {
    /// The one that it is or will be under.
    Version(KeyVersionId),
    /// The one that it is under and the one that it is carried over to.
    CarriedOver {
        /// Under which it is.
        from: KeyVersionId,
        /// Under which it will be.
        to: KeyVersionId,
    },
}

impl Under {
    /// The version that the value is under before the operation, or will be under if there is none.
    pub fn first(self) -> KeyVersionId {
        match self {
            Under::Version(id) | Under::CarriedOver { from: id, .. } => id,
        }
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
    /// The request that was approved for this, or that this is about.
    approval: Option<RequestId>,
    /// Whom the items are about; a twin keeps nobody.
    subjects: BTreeMap<SubjectPseudonym, Arc<SubjectAuditKey>>,
    /// The context of the newest item.
    encoded: Vec<u8>,
    /// The groups that were met, and how many items are in none.
    groups: BTreeSet<Group>,
    last_group: Group,
    ungrouped: u64,
    /// Records that were met, each as a hash of its collection and id, and the last one.
    records: HashSet<u64>,
    last_record: u64,
    hashes: RandomState,
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
        let (groups, last_group) = (BTreeSet::new(), Group::default());
        let (details, records, hashes) = (None, HashSet::new(), RandomState::new());
        let (count, ungrouped, last_record) = (0, 0, 0);
        Self {
            hasher,
            operation,
            epoch,
            count,
            salt,
            details,
            approval: None,
            groups,
            last_group,
            ungrouped,
            records,
            last_record,
            hashes,
            subjects: BTreeMap::new(),
            encoded: Vec::new(),
        }
    }

    /// Says by which request for approvals it is done, or which one it is about.
    pub fn name_request(&mut self, request: RequestId) {
        self.approval = Some(request);
    }

    /// That request.
    pub fn request(&self) -> Option<RequestId> {
        self.approval
    }

    /// The same operation without its items, to collect them a second time and compare.
    pub fn twin(&self) -> Self {
        Self::bare(self.operation, self.epoch, self.salt)
    }

    /// Adds one value: its key versions, the encoded context and the class of its field.
    pub fn add_value(&mut self, under: Under, context: &[u8], class: &str) {
        self.add_item(under, context);
        self.count_value(context, class);
    }

    /// What a policy is to know of a value.
    fn count_value(&mut self, context: &[u8], class: &str) {
        // a twin is compared and not decided on
        if self.details.is_none() {
            return;
        }
        let (tenant, collection) = (context_value(context, 1), context_value(context, 2));
        self.count_record((tenant, collection, context_value(context, 4)));
        if self.last_group.is(tenant, collection, class) && !self.groups.is_empty() {
            return;
        }
        if tenant.is_none() || collection.is_none() {
            self.ungrouped += 1;
            return;
        }
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let class = Some(class.to_owned());
        let group = Group { tenant: owned(tenant), collection: owned(collection), class };
        self.last_group = group.clone();
        self.groups.insert(group);
    }

    /// Two records that share a hash count as one, which is far too rare to matter to a budget.
    fn count_record(&mut self, record: (Option<&str>, Option<&str>, Option<&str>)) {
        let hash = self.hashes.hash_one(record);
        if self.records.is_empty() || hash != self.last_record {
            self.records.insert(hash);
            self.last_record = hash;
        }
    }

    /// Adds one item that is no value, such as the description of a change, with what a policy is
    /// to know of it.
    pub fn add(&mut self, id: KeyVersionId, what: &[u8], group: Group) {
        self.add_context(id, what);
        self.groups.insert(group);
    }

    fn add_item(&mut self, under: Under, item: &[u8]) {
        match under {
            Under::Version(id) => self.add_context(id, item),
            Under::CarriedOver { from, to } => self.add_context(from, &with_target(item, to)),
        }
    }

    fn add_context(&mut self, id: KeyVersionId, context: &[u8]) {
        self.hasher.update(id.0);
        self.hasher.update((context.len() as u64).to_be_bytes());
        self.hasher.update(context);
        self.count += 1;
        if let Some(details) = &mut self.details {
            details.push(id, context);
        }
    }

    /// Adds one value, by its key versions, what it is bound to and the class of its field.
    ///
    /// # Errors
    /// As [`encode_into`]; then nothing is added.
    pub fn add_value_of(
        &mut self,
        under: Under,
        scope: &Scope,
        binding: &Binding<'_>,
        class: &str,
    ) -> Result<(), Error> {
        let mut encoded = std::mem::take(&mut self.encoded);
        encoded.clear();
        let done = encode_into(scope, None, binding, &mut encoded);
        if done.is_ok() {
            self.add_value(under, &encoded, class);
        }
        self.encoded = encoded;
        done
    }

    /// What a policy decides on, ascending; none if an item is in no group, which must be denied.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(|_| self.ungrouped == 0)
    }

    /// How many records the values are of; values without a record count as one in each collection.
    pub fn records(&self) -> u64 {
        self.records.len() as u64
    }

    /// Adds one value of a subject. Its record and its subject stand in the item under the subject's
    /// own key, and so does what the digest covers.
    ///
    /// # Errors
    /// [`Error::Misuse`] for something that is no context.
    pub fn add_of_subject(
        &mut self,
        under: Under,
        context: &[u8],
        subject: &Arc<SubjectAuditKey>,
        class: &str,
    ) -> Result<(), Error> {
        let item = subject.item(&self.salt, self.count, under.first(), context)?;
        self.add_item(under, &item);
        self.count_value(context, class);
        self.mark(subject);
        Ok(())
    }

    /// Adds the description of something that is done to a subject.
    pub fn add_about_subject(
        &mut self,
        description: &str,
        subject: &Arc<SubjectAuditKey>,
        group: Group,
    ) {
        let digits = subject.pseudonym().iter().map(|byte| format!("{byte:02x}"));
        let item = format!("{description}; subject {}", digits.collect::<String>());
        self.add(KeyVersionId([0; 8]), item.as_bytes(), group);
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

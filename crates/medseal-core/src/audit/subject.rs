//! How an entry names a subject (patient), and how it stops naming it (`spec/audit-log.md`,
//! Subjects).
//!
//! ```text
//! pseudonym = KDF(A32, "medseal/v1/audit-pseudonym", "")[0..16]
//! tag       = HMAC(KDF(A32, "medseal/v1/audit-subject", ""), operation digest)[0..16]
//! item      = 04 ‖ tags 1 to 3 of CTX ‖ 07 ‖ LP(pseudonym ‖ AES-256-GCM(K, 0, key-version id, CTX))
//! K         = KDF(A32, "medseal/v1/audit-item", entry secret ‖ u64be i)
//! ```
//! The entry shows a tag, which is another one in every entry; the item behind it hides record and
//! subject even from whoever holds the log's keys. All of it needs A32, a random secret of the
//! subject that is destroyed when the subject is erased: then no entry can be told to be about it,
//! and no proof breaks.

use super::details::{DetailItem, Details, context_value_bytes};
use super::entry::Access;
use super::tree::Hash;
use crate::kdf::{Label, derive};
use crate::length_prefix::push_length_prefixed;
use crate::operation::OperationDigest;
use crate::primitives::aead;
use crate::primitives::hmac_sha256::HmacKey;
use crate::secret::SubjectAuditSecret;
use crate::wiped::Kept;
use crate::{Error, KeyVersionId, MisuseKind, Suite};

/// What marks an entry as being about a subject.
pub type SubjectTag = [u8; 16];
/// What stands for a subject in the details of every entry about it.
pub type SubjectPseudonym = [u8; 16];

/// Tag of the sealed context, in details alone.
const SEALED: u8 = 7;
/// A key is used for one message, so one nonce does for all.
const NONCE: [u8; aead::NONCE_BYTES] = [0; aead::NONCE_BYTES];

/// The keys by which entries are about one subject.
pub struct SubjectAuditKey {
    secret: HmacKey,
    tags: HmacKey,
    pseudonym: SubjectPseudonym,
}

impl SubjectAuditKey {
    /// Derives them from the subject's audit secret.
    pub fn new(secret: &SubjectAuditSecret) -> Self {
        let secret = HmacKey::new(secret.expose_bytes());
        let tags = HmacKey::new(&derive::<32>(&secret, Label::AuditSubject, &[]));
        let mut pseudonym = [0; 16];
        pseudonym.copy_from_slice(&derive::<32>(&secret, Label::AuditPseudonym, &[])[..16]);
        Self { secret, tags, pseudonym }
    }

    /// What stands for the subject in details.
    pub fn pseudonym(&self) -> &SubjectPseudonym {
        &self.pseudonym
    }

    /// What marks the entry of this operation.
    pub fn tag(&self, operation: &OperationDigest) -> SubjectTag {
        self.tag_of(&operation.to_bytes())
    }

    /// Whether an entry is about the subject; `None` when only its details can tell, because it has
    /// more subjects than it lists.
    pub fn marks(&self, access: &Access<'_>) -> Option<bool> {
        let listed = access.subjects.binary_search(&self.tag_of(&access.digest)).is_ok();
        if listed || access.more_subjects == 0 { Some(listed) } else { None }
    }

    fn tag_of(&self, digest: &Hash) -> SubjectTag {
        let mut tag = [0; 16];
        tag.copy_from_slice(&self.tags.mac(digest)[..16]);
        tag
    }

    /// The item of one value: what may be read without A32, and the whole context sealed.
    ///
    /// # Errors
    /// [`MisuseKind::ContextOrder`] for something that is no context.
    pub(crate) fn item(
        &self,
        entry_secret: &[u8; 32],
        number: u64,
        id: KeyVersionId,
        context: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let scope = scope_of(context).ok_or(MisuseKind::ContextOrder)?;
        let mut sealed = Vec::with_capacity(16 + context.len() + aead::TAG_BYTES);
        sealed.extend_from_slice(&self.pseudonym);
        sealed.extend_from_slice(context);
        let key = self.item_key(entry_secret, number);
        let ciphertext = sealed.get_mut(16..).unwrap_or_default();
        let tag = aead::seal(Suite::Aes256Gcm, &key, NONCE, &id.0, ciphertext)?;
        sealed.extend_from_slice(&tag);
        let mut item = Vec::with_capacity(6 + scope.len() + sealed.len());
        item.push(4);
        item.extend_from_slice(scope);
        item.push(SEALED);
        push_length_prefixed(&mut item, &sealed);
        Ok(item)
    }

    fn item_key(&self, entry_secret: &[u8; 32], number: u64) -> Kept<32> {
        derive(&self.secret, Label::AuditItem, &[entry_secret, &number.to_be_bytes()])
    }

    fn open(
        &self,
        entry_secret: &[u8; 32],
        number: u64,
        item: &DetailItem<'_>,
    ) -> Option<Result<Vec<u8>, Error>> {
        let sealed = sealed_of(item).filter(|sealed| sealed.starts_with(&self.pseudonym))?;
        let at = sealed.len().checked_sub(aead::TAG_BYTES).filter(|at| *at >= 16)?;
        let (ciphertext, tag) = (sealed.get(16..at)?, sealed.get(at..)?);
        let mut context = vec![0; ciphertext.len()];
        let key = self.item_key(entry_secret, number);
        let opened =
            aead::open(Suite::Aes256Gcm, &key, NONCE, &item.id.0, ciphertext, tag, &mut context);
        Some(opened.map(|()| context))
    }
}

/// The encoded tags 1 to 3, with which every context begins.
fn scope_of(context: &[u8]) -> Option<&[u8]> {
    let all = context.get(1..)?;
    let mut rest = all;
    for wanted in 1..=3 {
        let (&[tag, l1, l2, l3, l4], behind) = rest.split_first_chunk()?;
        let length = u32::from_be_bytes([l1, l2, l3, l4]) as usize;
        rest = behind.get(length..).filter(|_| tag == wanted)?;
    }
    all.get(..all.len() - rest.len())
}

fn sealed_of<'d>(item: &DetailItem<'d>) -> Option<&'d [u8]> {
    context_value_bytes(item.context, SEALED)
}

impl<'d> DetailItem<'d> {
    /// What stands for the subject, when the item is about one.
    pub fn subject(&self) -> Option<&'d SubjectPseudonym> {
        sealed_of(self)?.first_chunk()
    }
}

impl Details {
    /// The contexts of the items about one subject.
    ///
    /// # Errors
    /// [`Error::Rejected`] for one that was not sealed for this entry.
    pub fn contexts_of(&self, subject: &SubjectAuditKey) -> Result<Vec<Vec<u8>>, Error> {
        let items = (0..).zip(self.items());
        items.filter_map(|(number, item)| subject.open(self.secret(), number, &item)).collect()
    }
}

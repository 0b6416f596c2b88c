//! What a subject (patient) is called in a store: a keyed pseudonym, never the id
//! (`spec/envelope.md`, Subjects).
//!
//! A patient's id can be guessed, so a plain hash of it would be as good as the id. The key comes
//! from the KWK: the store alone tells nobody whose row is whose. The handle stays when the subject
//! is erased, as its tombstone.

use crate::StoreId;
use crate::kdf::{Label, derive};
use crate::length_prefix::length_prefixed;
use crate::primitives::hmac_sha256::HmacKey;
use crate::secret::Kwk;
use std::fmt;

/// The key of one tenant's handles in one store.
pub struct SubjectHandleKey(HmacKey);

/// What stands for a subject in the store: 128 bits of an HMAC over its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectHandle(pub [u8; 16]);

impl Kwk {
    /// Derives the key of a tenant's handles.
    pub fn subject_handle_key(&self, store: &StoreId, tenant: &str) -> SubjectHandleKey {
        let context = length_prefixed(&[store.as_str().as_bytes(), tenant.as_bytes()]);
        let hmac = HmacKey::new(self.expose_bytes());
        SubjectHandleKey(HmacKey::new(&derive::<32>(&hmac, Label::SubjectHandle, &[&context])))
    }
}

impl SubjectHandleKey {
    /// The handle of one subject.
    pub fn handle(&self, subject: &str) -> SubjectHandle {
        let [handle @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
            self.0.mac(subject.as_bytes());
        SubjectHandle(handle)
    }
}

impl SubjectHandle {
    /// Reads the 32 hexadecimal digits that [`fmt::Display`] writes.
    pub fn from_hex(text: &str) -> Option<Self> {
        crate::audit::LogId::parse(text).map(|id| Self(id.0))
    }
}

impl fmt::Display for SubjectHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

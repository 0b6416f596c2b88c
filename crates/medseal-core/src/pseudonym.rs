//! The key of pseudonyms: what stands for an id that must not be read (`spec/envelope.md`,
//! Pseudonyms).
//!
//! Equal ids have equal pseudonyms, so that references still lead somewhere. The way back is not
//! here: it is a stored secret for each id.

use crate::StoreId;
use crate::kdf::{Label, derive};
use crate::length_prefix::length_prefixed;
use crate::primitives::hmac_sha256::HmacKey;
use crate::secret::Kwk;

/// The key of one tenant's pseudonyms in one store.
pub struct PseudonymKey(HmacKey);

impl Kwk {
    /// Derives the key of a tenant's pseudonyms.
    pub fn pseudonym_key(&self, store: &StoreId, tenant: &str) -> PseudonymKey {
        let context = length_prefixed(&[store.as_str().as_bytes(), tenant.as_bytes()]);
        let hmac = HmacKey::new(self.expose_bytes());
        PseudonymKey(HmacKey::new(&derive::<32>(&hmac, Label::Pseudonym, &[&context])))
    }
}

impl PseudonymKey {
    /// The sixteen bytes of which an id's pseudonym is made.
    pub fn bytes_for(&self, id: &str) -> [u8; 16] {
        let mac = self.0.mac(id.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&mac[..16]);
        bytes
    }
}

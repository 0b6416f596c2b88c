//! Access tokens (`spec/envelope.md`): 256 random bits that a service shows, of which the store keeps a MAC alone.
//!
//! ```text
//! token  = "mst_" ‖ base64url, without padding, of 32 random bytes      47 characters
//! pepper = KDF(KWK, "medseal/v1/token-pepper", LP(store id))
//! kept   = HMAC-SHA-256(pepper, the 32 bytes)
//! ```
//! Whoever reads the store cannot try a token against it, and the same token means nothing in
//! another store.

use crate::kdf::{Label, derive};
use crate::length_prefix::length_prefixed;
use crate::primitives::hmac_sha256::HmacKey;
use crate::secret::Kwk;
use crate::{Random, RandomFailure, StoreId};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What every token begins with, so that scanners of source code find one that was left there.
const PREFIX: &str = "mst_";

/// A token; wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct AccessToken([u8; 32]);

/// The key under which a store keeps tokens.
pub struct TokenPepper(HmacKey);

impl AccessToken {
    /// A fresh token.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn generate(random: &mut impl Random) -> Result<Self, RandomFailure> {
        let mut token = Self([0; 32]);
        random.fill(&mut token.0)?;
        Ok(token)
    }

    /// Reads the one spelling of a token; `None` for everything else.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?);
        Some(Self(bytes.as_slice().try_into().ok()?))
    }

    /// The token as its holder keeps it.
    pub fn to_text(&self) -> Zeroizing<String> {
        let encoded = Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0));
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + encoded.len()));
        text.push_str(PREFIX);
        text.push_str(&encoded);
        text
    }
}

impl Kwk {
    /// Derives the pepper of `store`.
    pub fn token_pepper(&self, store: &StoreId) -> TokenPepper {
        let context = length_prefixed(&[store.as_str().as_bytes()]);
        let hmac = HmacKey::new(self.expose_bytes());
        TokenPepper(HmacKey::new(&derive::<32>(&hmac, Label::TokenPepper, &[&context])))
    }
}

impl TokenPepper {
    /// What the store keeps of a token, in lower-case hexadecimal.
    pub fn kept(&self, token: &AccessToken) -> String {
        self.0.mac(&token.0).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

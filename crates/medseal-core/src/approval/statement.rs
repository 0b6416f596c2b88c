//! What an approver signs, and the keys for it.
//!
//! ```text
//! medseal/approval/v1
//! store <store id>
//! request <request id>
//! digest <digest of the request>
//! verdict approve | deny
//! approver <principal id>
//! keys <Ed25519 key id>,<ML-DSA-87 key id>
//! ```
//! Signed as a checkpoint is: with both keys, and the text names both, so that neither signature can
//! be stripped. The first line tells it from everything else that such keys could sign.

use super::hexadecimal;
use super::request::{ApprovalRequest, RequestDigest, RequestId};
use crate::audit::note::{KeyId, Note, key_id, parse_vkey, signature_line, vkey};
use crate::kdf::{Label, derive};
use crate::primitives::hmac_sha256::HmacKey;
use crate::primitives::signature::{SigningKey, verify_ed25519, verify_ml_dsa_87};
use crate::secret::ApproverSeed;
use crate::{Error, StoreId};
use sha2::{Digest, Sha256};
use std::fmt;

const FIRST_LINE: &str = "medseal/approval/v1";
const ED25519: &[u8] = &[0x01];
const ML_DSA_87: &[u8] = b"\xffmedseal/ml-dsa-87";
const ML_DSA_87_PUBLIC_KEY_BYTES: usize = 2592;
const KEY_LABEL: &[u8] = b"medseal/v1/approver-key\0";

/// What an approver says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may be done.
    Approve,
    /// It must not be done.
    Deny,
}

impl Verdict {
    /// The word in statements, rows and listings.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Approve => "approve",
            Verdict::Deny => "deny",
        }
    }

    /// Reads a [`Verdict::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Approve, Self::Deny].into_iter().find(|verdict| verdict.name() == name)
    }
}

/// Which pair of keys: SHA-256 over both public keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApproverKeyId(pub [u8; 32]);

impl ApproverKeyId {
    /// Reads 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        hexadecimal::read(text).map(Self)
    }
}

impl fmt::Display for ApproverKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal::write(&self.0, f)
    }
}

/// The public keys of an approver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApproverKeys {
    principal: [u8; 8],
    ed25519: [u8; 32],
    ml_dsa_87: Vec<u8>,
}

/// A statement whose signatures were verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedStatement {
    /// Who made it.
    pub approver: [u8; 8],
    /// With which keys.
    pub key: ApproverKeyId,
    /// On which request.
    pub request: RequestId,
    /// Of which digest.
    pub digest: RequestDigest,
    /// What it says.
    pub verdict: Verdict,
}

impl ApproverKeys {
    fn new(principal: [u8; 8], ed25519: &[u8], ml_dsa_87: &[u8]) -> Option<Self> {
        let ed25519 = ed25519.try_into().ok()?;
        let whole = ml_dsa_87.len() == ML_DSA_87_PUBLIC_KEY_BYTES;
        whole.then(|| Self { principal, ed25519, ml_dsa_87: ml_dsa_87.to_vec() })
    }

    /// The stable id of the principal they are made for.
    pub fn principal(&self) -> [u8; 8] {
        self.principal
    }

    /// Which keys.
    pub fn id(&self) -> ApproverKeyId {
        let hasher = Sha256::new().chain_update(KEY_LABEL);
        let hasher = hasher.chain_update(self.ed25519).chain_update(&self.ml_dsa_87);
        ApproverKeyId(hasher.finalize().into())
    }

    /// Both verifier keys, a line each.
    pub fn to_vkeys(&self) -> String {
        let name = self.name();
        let first = vkey(&name, ED25519, &self.ed25519);
        format!("{first}\n{}\n", vkey(&name, ML_DSA_87, &self.ml_dsa_87))
    }

    /// Reads [`ApproverKeys::to_vkeys`]; `None` for any other text.
    pub fn from_vkeys(text: &str) -> Option<Self> {
        let (first, rest) = text.split_once('\n')?;
        let (name, ed25519) = parse_vkey(first, ED25519)?;
        let (second, ml_dsa_87) = parse_vkey(rest.strip_suffix('\n')?, ML_DSA_87)?;
        let principal = hexadecimal::read(name.strip_prefix(NAME_PREFIX)?)?;
        let keys = Self::new(principal, &ed25519, &ml_dsa_87)?;
        (name == second && keys.to_vkeys() == text).then_some(keys)
    }

    /// Verifies a statement of this approver on this store: both signatures, and that it is the one
    /// text of what it says. Which request it is about is for the caller to compare.
    ///
    /// # Errors
    /// [`Error::Rejected`].
    pub fn verify(&self, store: &StoreId, note: &str) -> Result<SignedStatement, Error> {
        let note = Note::parse(note).ok_or(Error::Rejected)?;
        let statement = self.parse(store, note.text).ok_or(Error::Rejected)?;
        let (name, text) = (self.name(), note.text.as_bytes());
        let (first, second) = self.key_ids();
        let ed25519 = note.signature(&name, first);
        let ml_dsa_87 = note.signature(&name, second);
        let signed = ed25519.is_some_and(|bytes| verify_ed25519(&self.ed25519, text, bytes))
            && ml_dsa_87.is_some_and(|bytes| verify_ml_dsa_87(&self.ml_dsa_87, text, bytes));
        if signed { Ok(statement) } else { Err(Error::Rejected) }
    }

    fn parse(&self, store: &StoreId, text: &str) -> Option<SignedStatement> {
        let mut lines = text.lines().skip(2);
        let mut next = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let request = RequestId::parse(next("request")?)?;
        let digest = RequestDigest(hexadecimal::read(next("digest")?)?);
        let verdict = Verdict::from_name(next("verdict")?)?;
        // the other lines say what this approver's statement on this store must say
        let same = self.statement(store, request, digest, verdict) == text;
        let (approver, key) = (self.principal, self.id());
        same.then_some(SignedStatement { approver, key, request, digest, verdict })
    }

    fn statement(
        &self,
        store: &StoreId,
        request: RequestId,
        digest: RequestDigest,
        verdict: Verdict,
    ) -> String {
        let (store, verdict) = (store.as_str(), verdict.name());
        let (approver, (first, second)) = (Digits(self.principal), self.key_ids());
        let [first, second] = [first, second].map(u32::from_be_bytes);
        format!(
            "{FIRST_LINE}\nstore {store}\nrequest {request}\ndigest {digest}\nverdict {verdict}\n\
             approver {approver}\nkeys {first:08x},{second:08x}\n"
        )
    }

    fn name(&self) -> String {
        format!("{NAME_PREFIX}{}", Digits(self.principal))
    }

    fn key_ids(&self) -> (KeyId, KeyId) {
        let name = self.name();
        (key_id(&name, ED25519, &self.ed25519), key_id(&name, ML_DSA_87, &self.ml_dsa_87))
    }
}

const NAME_PREFIX: &str = "medseal/approver/";

struct Digits([u8; 8]);

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal::write(&self.0, f)
    }
}

/// What a statement says before anything is verified: enough to heed a denial, never to count an
/// approval. A denial stands even when the key that signed it was replaced.
pub fn claimed_verdict(note: &str) -> Option<Verdict> {
    Verdict::from_name(note.lines().nth(4)?.strip_prefix("verdict ")?)
}

/// The private keys of an approver.
pub struct ApproverSigner {
    keys: ApproverKeys,
    ed25519: SigningKey,
    ml_dsa_87: SigningKey,
}

impl ApproverSigner {
    /// Derives both key pairs for a principal of a store from the approver's seed.
    ///
    /// # Errors
    /// None that can occur for 32 bytes; the signature follows the library's.
    pub fn new(store: &StoreId, principal: [u8; 8], seed: &ApproverSeed) -> Result<Self, Error> {
        let hmac = HmacKey::new(seed.expose_bytes());
        let context = [store.as_str().as_bytes(), &principal[..]];
        let ed25519 = SigningKey::ed25519(&derive::<32>(&hmac, Label::ApproverEd25519, &context))?;
        let ml_dsa_87 =
            SigningKey::ml_dsa_87(&derive::<32>(&hmac, Label::ApproverMlDsa87, &context))?;
        let keys = ApproverKeys::new(principal, ed25519.public_key(), ml_dsa_87.public_key())
            .ok_or(Error::Rejected)?;
        Ok(Self { keys, ed25519, ml_dsa_87 })
    }

    /// The public keys.
    pub fn keys(&self) -> &ApproverKeys {
        &self.keys
    }

    /// Signs a verdict on a request.
    ///
    /// # Errors
    /// [`Error::Rejected`] for what no request may say; [`Error::Random`] when the library cannot
    /// sign.
    pub fn sign(&self, request: &ApprovalRequest, verdict: Verdict) -> Result<String, Error> {
        let digest = request.digest().ok_or(Error::Rejected)?;
        let text = self.keys.statement(&request.store, request.id, digest, verdict);
        let (name, (first, second)) = (self.keys.name(), self.keys.key_ids());
        let ed25519 = signature_line(&name, first, &self.ed25519.sign(text.as_bytes())?);
        let ml_dsa_87 = signature_line(&name, second, &self.ml_dsa_87.sign(text.as_bytes())?);
        Ok(format!("{text}\n{ed25519}{ml_dsa_87}"))
    }
}

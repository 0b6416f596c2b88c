//! What field envelopes and stored secrets share: salt, nonce, commitment, ciphertext, tag.
//!
//! ```text
//! OKM = KDF(K, "medseal/v1/field", bound ‖ salt ‖ CTX, 64)    bound = header12 ‖ [token16]
//! commitment = OKM[0..32]     message key = OKM[32..64]     AAD = bound
//! ```
//! The commitment comes first, so that rejecting costs no cipher; GCM alone commits to neither key
//! nor context, and one ciphertext that opens under two keys is how partitioning oracles are built.

use crate::kdf::{Label, Message};
use crate::length_prefix::Append;
use crate::primitives::aead;
use crate::primitives::constant_time_equal;
use crate::primitives::hmac_sha256::HmacKey;
use crate::wiped::Wiped;
use crate::{Error, MalformedKind, Random, Suite};

/// Bytes of salt.
pub const SALT_BYTES: usize = 12;
/// Bytes of nonce.
pub const NONCE_BYTES: usize = aead::NONCE_BYTES;
const COMMITMENT_BYTES: usize = 32;
const PREFIX_BYTES: usize = SALT_BYTES + NONCE_BYTES + COMMITMENT_BYTES;
/// Everything but the bound header and the plaintext.
pub(crate) const OVERHEAD: usize = PREFIX_BYTES + aead::TAG_BYTES;

/// The parts behind the bound header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MessageParts<'a> {
    pub(crate) salt: &'a [u8],
    pub(crate) nonce: [u8; NONCE_BYTES],
    pub(crate) commitment: &'a [u8],
    pub(crate) ciphertext: &'a [u8],
    pub(crate) tag: &'a [u8],
}

impl<'a> MessageParts<'a> {
    /// Splits at the fixed offsets; the plaintext has at least its type byte.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.len() <= OVERHEAD {
            return Err(MalformedKind::Truncated.into());
        }
        let (salt, rest) = bytes.split_at(SALT_BYTES);
        let Some((nonce, rest)) = rest.split_first_chunk() else {
            return Err(MalformedKind::Truncated.into());
        };
        let (commitment, rest) = rest.split_at(COMMITMENT_BYTES);
        let (ciphertext, tag) = rest.split_at(rest.len() - aead::TAG_BYTES);
        Ok(Self { salt, nonce: *nonce, commitment, ciphertext, tag })
    }
}

/// Appends salt, nonce, commitment and sealed body to `out`, where `out[bound_at..]` is the bound
/// header. `context` writes CTX, `write_body` the plaintext, which is encrypted where it stands.
pub(crate) fn seal_message(
    key: &HmacKey,
    suite: Suite,
    bound_at: usize,
    context: impl FnOnce(&mut Message) -> Result<(), Error>,
    random: &mut impl Random,
    out: &mut Vec<u8>,
    write_body: impl FnOnce(&mut Vec<u8>),
) -> Result<(), Error> {
    let mut fresh = [0; SALT_BYTES + NONCE_BYTES];
    random.fill(&mut fresh)?;
    let (salt, nonce) = fresh.split_at(SALT_BYTES);
    let mut nonce12 = [0; NONCE_BYTES];
    nonce12.copy_from_slice(nonce);

    let salt_at = out.len();
    let mut okm = Wiped::new([0; 64]);
    derive_okm(key, &out[bound_at..], salt, context, &mut okm)?;
    let (commitment, message_key) = split_okm(&okm);
    out.extend_from_slice(&fresh);
    out.extend_from_slice(commitment);
    let body_at = out.len();
    write_body(out);
    let (head, body) = out.split_at_mut(body_at);
    let tag = aead::seal(suite, message_key, nonce12, &head[bound_at..salt_at], body)?;
    out.extend_from_slice(&tag);
    Ok(())
}

/// Compares the commitment, then opens.
pub(crate) fn open_message(
    key: &HmacKey,
    suite: Suite,
    bound: &[u8],
    context: impl FnOnce(&mut Message) -> Result<(), Error>,
    parts: &MessageParts<'_>,
) -> Result<Wiped<Vec<u8>>, Error> {
    let mut okm = Wiped::new([0; 64]);
    derive_okm(key, bound, parts.salt, context, &mut okm)?;
    let (commitment, message_key) = split_okm(&okm);
    if !constant_time_equal(commitment, parts.commitment) {
        return Err(Error::Rejected);
    }
    let mut plaintext = Wiped::new(vec![0; parts.ciphertext.len()]);
    let MessageParts { nonce, ciphertext, tag, .. } = *parts;
    aead::open(suite, message_key, nonce, bound, ciphertext, tag, &mut plaintext)?;
    Ok(plaintext)
}

fn derive_okm(
    key: &HmacKey,
    bound: &[u8],
    salt: &[u8],
    context: impl FnOnce(&mut Message) -> Result<(), Error>,
    okm: &mut [u8; 64],
) -> Result<(), Error> {
    let mut message = Message::new(Label::Field);
    message.append(bound);
    message.append(salt);
    context(&mut message)?;
    message.derive_into(key, okm);
    Ok(())
}

fn split_okm(okm: &[u8; 64]) -> (&[u8; 32], &[u8; 32]) {
    let (halves, _) = okm.as_chunks::<32>();
    (&halves[0], &halves[1])
}

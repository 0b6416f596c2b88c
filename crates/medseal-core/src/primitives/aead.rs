//! AES-256-GCM and ChaCha20-Poly1305 with a key that is used for one message.
//!
//! The cipher context lives on aws-lc's heap, which clears memory when it frees it, so no key
//! schedule stays behind on our stack. ring was measured and dropped: on the project machine it
//! is slower than aws-lc both with a fresh key and on long data, and it leaves its key schedule
//! on the stack (`spec/envelope.md`, Speed).

use crate::{Error, Suite};
use aws_lc_rs::aead::{
    AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey,
};

/// Bytes of a nonce.
pub const NONCE_BYTES: usize = NONCE_LEN;
/// Bytes of a tag.
pub const TAG_BYTES: usize = 16;

/// Encrypts `in_out` in place and returns the tag.
///
/// # Errors
/// Only when the length exceeds the cipher's limit; fields are bounded far below it.
pub(crate) fn seal(
    suite: Suite,
    key: &[u8; 32],
    nonce: [u8; NONCE_BYTES],
    aad: &[u8],
    in_out: &mut [u8],
) -> Result<[u8; TAG_BYTES], Error> {
    let tag = cipher(suite, key)?
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), in_out)
        .map_err(|_| Error::Misuse(crate::MisuseKind::ValueLength))?;
    let mut out = [0; TAG_BYTES];
    out.copy_from_slice(tag.as_ref());
    Ok(out)
}

/// Opens `ciphertext` into `plaintext`, which must have the same length.
///
/// # Errors
/// [`Error::Rejected`]; `plaintext` then holds nothing of the message.
pub(crate) fn open(
    suite: Suite,
    key: &[u8; 32],
    nonce: [u8; NONCE_BYTES],
    aad: &[u8],
    ciphertext: &[u8],
    tag: &[u8],
    plaintext: &mut [u8],
) -> Result<(), Error> {
    let nonce = Nonce::assume_unique_for_key(nonce);
    cipher(suite, key)?
        .open_separate_gather(nonce, Aad::from(aad), ciphertext, tag, plaintext)
        .map_err(|_| Error::Rejected)
}

fn cipher(suite: Suite, key: &[u8; 32]) -> Result<LessSafeKey, Error> {
    let algorithm = match suite {
        Suite::Aes256Gcm => &AES_256_GCM,
        Suite::ChaCha20Poly1305 => &CHACHA20_POLY1305,
    };
    // A 32-byte key is always accepted; the error type keeps this total.
    UnboundKey::new(algorithm, key).map(LessSafeKey::new).map_err(|_| Error::Rejected)
}

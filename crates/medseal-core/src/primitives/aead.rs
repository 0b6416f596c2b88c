//! AES-256-GCM and ChaCha20-Poly1305 with a key that is used for one message, or for the numbered
//! chunks of one stream.
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

/// AES-256-GCM with one key schedule for all chunks of a stream; may be used by several threads.
pub(crate) struct ChunkCipher(LessSafeKey);

impl ChunkCipher {
    pub(crate) fn new(key: &[u8; 32]) -> Result<Self, Error> {
        cipher(Suite::Aes256Gcm, key).map(Self)
    }

    /// Encrypts `plaintext` where it stands and writes the tag.
    pub(crate) fn seal(
        &self,
        nonce: [u8; NONCE_BYTES],
        plaintext: &mut [u8],
        tag_out: &mut [u8],
    ) -> Result<(), Error> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::empty(), plaintext)
            .map_err(|_| Error::Misuse(crate::MisuseKind::ValueLength))?;
        tag_out.copy_from_slice(tag.as_ref());
        Ok(())
    }

    /// Opens ciphertext and tag where they stand; on a failure nothing of `sealed` is plaintext.
    pub(crate) fn open(&self, nonce: [u8; NONCE_BYTES], sealed: &mut [u8]) -> Result<(), Error> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0.open_in_place(nonce, Aad::empty(), sealed).map(drop).map_err(|_| Error::Rejected)
    }

    /// Opens into `plaintext`, which is as long as the ciphertext without its tag.
    pub(crate) fn open_into(
        &self,
        nonce: [u8; NONCE_BYTES],
        sealed: &[u8],
        plaintext: &mut [u8],
    ) -> Result<(), Error> {
        let (ciphertext, tag) = sealed.split_at_checked(plaintext.len()).ok_or(Error::Rejected)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0
            .open_separate_gather(nonce, Aad::empty(), ciphertext, tag, plaintext)
            .map_err(|_| Error::Rejected)
    }
}

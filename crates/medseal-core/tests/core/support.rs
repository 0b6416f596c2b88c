//! What several test modules need: sources of randomness that a test controls, hex, and a KDF that
//! shares no code with the crate's.

use aws_lc_rs::aead::{AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use medseal_core::{Random, RandomFailure, Suite};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Deals out prepared bytes, then fails.
pub(crate) struct Dealt(pub(crate) Vec<u8>);

impl Random for Dealt {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomFailure> {
        if self.0.len() < out.len() {
            return Err(RandomFailure);
        }
        let later = self.0.split_off(out.len());
        out.copy_from_slice(&self.0);
        self.0 = later;
        Ok(())
    }
}

/// Never repeats within a test and is the same in every run.
#[derive(Default)]
pub(crate) struct Counting(u64);

impl Counting {
    /// Other bytes than those of [`Counting::default`].
    pub(crate) fn starting_at(n: u64) -> Self {
        Self(n)
    }
}

impl Random for Counting {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomFailure> {
        for chunk in out.chunks_mut(32) {
            self.0 += 1;
            let block = medseal_core::primitives::sha256(&self.0.to_be_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }
}

pub(crate) fn unhex(text: &[u8]) -> Vec<u8> {
    let nibble = |b: &u8| char::from(*b).to_digit(16).unwrap() as u8;
    let digits: Vec<u8> = text.iter().filter(|b| **b != b'\n').map(nibble).collect();
    assert_eq!(digits.len() % 2, 0);
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

pub(crate) fn lp(value: &[u8]) -> Vec<u8> {
    [&(value.len() as u32).to_be_bytes(), value].concat()
}

pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref().to_vec()
}

/// SP 800-108r1 in counter mode over aws-lc's HMAC.
pub(crate) fn kdf(key: &[u8], label: &str, context: &[u8], len: usize) -> Vec<u8> {
    let fixed = [label.as_bytes(), &[0], context, &(8 * len as u32).to_be_bytes()].concat();
    let block = |i: u32| hmac_sha256(key, &[&i.to_be_bytes()[..], &fixed].concat());
    let blocks: Vec<u8> = (1..=len.div_ceil(32) as u32).flat_map(block).collect();
    blocks[..len].to_vec()
}

/// Opens `sealed`, whose last 16 bytes are the tag, without a line of the crate's.
pub(crate) fn open_with_aws_lc(
    suite: Suite,
    key: &[u8],
    nonce: [u8; 12],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, Unspecified> {
    let algorithm = match suite {
        Suite::Aes256Gcm => &AES_256_GCM,
        _ => &CHACHA20_POLY1305,
    };
    let cipher = LessSafeKey::new(UnboundKey::new(algorithm, key)?);
    let (ciphertext, tag) = sealed.split_at(sealed.len() - 16);
    let (mut plaintext, nonce) = (vec![0; ciphertext.len()], Nonce::assume_unique_for_key(nonce));
    cipher.open_separate_gather(nonce, Aad::from(aad), ciphertext, tag, &mut plaintext)?;
    Ok(plaintext)
}

/// Held by tests that map gigabytes and by the one that scans the whole process.
pub(crate) fn whole_memory() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

//! HMAC-SHA-256 (FIPS 198-1) for a fixed 32-byte key whose midstates stay resident.
//!
//! A message key costs two HMACs over about a hundred bytes. Restarting from the state after the
//! key block saves two of the five compressions of each; no library here exposes that without
//! copying a whole hasher, which costs more than a compression (`spec/envelope.md`, Speed).
//!
//! The midstates are as secret as the key and are wiped on drop.

use crate::wiped::Wiped;
use sha2::block_api::compress256;
use zeroize::{Zeroize, ZeroizeOnDrop};

const BLOCK: usize = 64;

/// FIPS 180-4 section 5.3.3.
const INITIAL_STATE: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The two midstates of one key, boxed: a key is moved into what holds it, and each move would
/// leave a copy on the stack that nothing wipes.
pub struct HmacKey(Box<Midstates>);

#[derive(Zeroize, ZeroizeOnDrop)]
struct Midstates {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl HmacKey {
    /// Absorbs the key block twice (inner and outer pad).
    pub fn new(key: &[u8; 32]) -> Self {
        let mut states = Box::new(Midstates { inner: INITIAL_STATE, outer: INITIAL_STATE });
        absorb_pad(key, 0x36, &mut states.inner);
        absorb_pad(key, 0x5c, &mut states.outer);
        Self(states)
    }

    /// HMAC of a message that was laid out by [`padded_len`] and [`pad`], into 32 bytes.
    pub(crate) fn mac_padded_into(&self, blocks: &[[u8; BLOCK]], tag: &mut [u8]) {
        let mut state = self.0.inner;
        compress256(&mut state, blocks);
        let mut last = [0; BLOCK];
        write_state(&state, &mut last[..32]);
        last[32] = 0x80;
        // one key block and one 32-byte digest, in bits
        last[56..].copy_from_slice(&(8 * (BLOCK as u64 + 32)).to_be_bytes());
        state = self.0.outer;
        compress256(&mut state, std::slice::from_ref(&last));
        write_state(&state, tag);
        state.as_mut_slice().zeroize();
        last.as_mut_slice().zeroize();
    }

    /// HMAC of `message`.
    pub fn mac(&self, message: &[u8]) -> [u8; 32] {
        let mut buffer = Wiped::new(vec![0; padded_len(message.len())]);
        buffer[..message.len()].copy_from_slice(message);
        pad(&mut buffer, message.len());
        let mut tag = [0; 32];
        self.mac_padded_into(buffer.as_chunks().0, &mut tag);
        tag
    }
}

/// The length of a message of `len` bytes with SHA-256 padding behind a key block.
pub(crate) fn padded_len(len: usize) -> usize {
    (len + 9).next_multiple_of(BLOCK)
}

/// Writes the padding behind the first `len` bytes of `buffer`, which must be zero there.
pub(crate) fn pad(buffer: &mut [u8], len: usize) {
    buffer[len] = 0x80;
    let end = buffer.len();
    let bits = 8 * (BLOCK as u64 + len as u64);
    buffer[end - 8..].copy_from_slice(&bits.to_be_bytes());
}

fn absorb_pad(key: &[u8; 32], pad: u8, state: &mut [u32; 8]) {
    let mut block = Wiped::new([pad; BLOCK]);
    for (byte, key_byte) in block.iter_mut().zip(key) {
        *byte ^= key_byte;
    }
    compress256(state, std::slice::from_ref(&*block));
}

fn write_state(state: &[u32; 8], out: &mut [u8]) {
    for (word, chunk) in state.iter().zip(out.chunks_exact_mut(4)) {
        chunk.copy_from_slice(&word.to_be_bytes());
    }
}

//! Decrypting chunks, in any order, by several threads if one likes.
//!
//! An [`Opener`] exists only after the commitment was compared and the metadata opened. Where the
//! content ends is known only once a short chunk was opened.

use super::block::Block;
use super::key::ChunkKey;
use super::layout::{BodyLayout, CHUNK_BYTES, SEALED_CHUNK_BYTES};
use crate::Error;
use crate::primitives::aead::TAG_BYTES;
use crate::wiped::Wiped;

/// Opens the chunks of one stream.
pub struct Opener {
    key: ChunkKey,
}

/// A chunk that did not open; its number is public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("chunk {chunk} does not open")]
pub struct ChunkRejected {
    /// Its number.
    pub chunk: u64,
}

impl Opener {
    pub(super) fn new(key: ChunkKey) -> Self {
        Self { key }
    }

    /// Opens the ciphertext in `block`, whose first chunk has the number `first`, where it stands.
    /// Afterwards the block gives out what was opened: on a failure the chunks before the bad one.
    ///
    /// # Errors
    /// [`ChunkRejected`] with the first chunk that does not open.
    pub fn open(&self, first: u64, block: &mut Block) -> Result<(), ChunkRejected> {
        let mut opened = 0;
        let mut result = Ok(());
        for (chunk, slot) in (first..).zip(block.unopened().chunks_mut(SEALED_CHUNK_BYTES)) {
            match self.key.cipher.open(self.key.nonce(chunk), slot) {
                Ok(()) => opened += slot.len() - TAG_BYTES,
                Err(_) => {
                    result = Err(ChunkRejected { chunk });
                    break;
                }
            }
        }
        block.now_opened(opened);
        result
    }

    /// Opens a whole body that lies in memory.
    pub(super) fn open_all(
        &self,
        layout: BodyLayout,
        body: &[u8],
    ) -> Result<Wiped<Vec<u8>>, Error> {
        let content = usize::try_from(layout.content).map_err(|_| Error::Rejected)?;
        let mut out = Wiped::new(vec![0; content]);
        let (full, short) = out.as_chunks_mut::<CHUNK_BYTES>();
        let room = full.iter_mut().map(<[u8; CHUNK_BYTES]>::as_mut_slice).chain([short]);
        for ((number, sealed), room) in (0..).zip(body.chunks(SEALED_CHUNK_BYTES)).zip(room) {
            self.key.cipher.open_into(self.key.nonce(number), sealed, room)?;
        }
        Ok(out)
    }
}

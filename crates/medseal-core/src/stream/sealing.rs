//! Encrypting chunks, by several threads if one likes.
//!
//! Two contents under one nonce give both away, so chunk numbers are dealt out here and nowhere
//! else: [`Sealer`] gives each number once, [`SealRun`] is used up by sealing, neither can be
//! cloned, and the last run uses up the sealer, so that nothing follows the short chunk.

use super::block::Block;
use super::key::ChunkKey;
use super::layout::{CHUNK_BYTES, MAX_CHUNKS, SEALED_CHUNK_BYTES, sealed_body_len};
use crate::primitives::aead::TAG_BYTES;
use crate::{Error, MisuseKind};
use std::sync::Arc;

/// Deals out the chunk numbers of one stream.
pub struct Sealer {
    key: Arc<ChunkKey>,
    next: u64,
}

/// Some chunk numbers that nobody else has: the right to seal as many chunks, once.
#[must_use]
pub struct SealRun {
    key: Arc<ChunkKey>,
    first: u64,
    /// chunks of full size
    full: usize,
    /// bytes of the last chunk, in the last run
    short: Option<usize>,
}

impl Sealer {
    pub(super) fn new(key: ChunkKey) -> Self {
        Self { key: Arc::new(key), next: 0 }
    }

    /// The next `chunks` chunks, all of full size.
    ///
    /// # Errors
    /// [`MisuseKind::StreamLength`] beyond the most chunks of a stream.
    pub fn run(&mut self, chunks: usize) -> Result<SealRun, Error> {
        let first = self.next;
        let next = first.saturating_add(chunks as u64);
        // one number stays for the last chunk
        if next >= MAX_CHUNKS {
            return Err(MisuseKind::StreamLength.into());
        }
        self.next = next;
        Ok(SealRun { key: Arc::clone(&self.key), first, full: chunks, short: None })
    }

    /// The rest of the stream: `len` bytes of content, short chunk included.
    ///
    /// # Errors
    /// As [`Sealer::run`].
    pub fn last_run(mut self, len: usize) -> Result<SealRun, Error> {
        let run = self.run(len / CHUNK_BYTES)?;
        Ok(SealRun { short: Some(len % CHUNK_BYTES), ..run })
    }

    /// Appends all chunks of `content` to `out`.
    ///
    /// # Errors
    /// As [`Sealer::run`].
    pub fn seal_all(self, content: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let run = self.last_run(content.len())?;
        let body = usize::try_from(sealed_body_len(content.len() as u64))
            .map_err(|_| MisuseKind::StreamLength)?;
        out.reserve(body);
        let (full, short) = content.as_chunks::<CHUNK_BYTES>();
        let chunks = full.iter().map(<[u8; CHUNK_BYTES]>::as_slice).chain([short]);
        for (number, chunk) in (run.first..).zip(chunks) {
            let at = out.len();
            out.extend_from_slice(chunk);
            let mut tag = [0; TAG_BYTES];
            let plaintext = out.get_mut(at..).unwrap_or_default();
            run.key.cipher.seal(run.key.nonce(number), plaintext, &mut tag)?;
            out.extend_from_slice(&tag);
        }
        Ok(())
    }
}

impl SealRun {
    /// The number of the first chunk.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Bytes of content that this run seals.
    pub fn content_len(&self) -> usize {
        self.full * CHUNK_BYTES + self.short.unwrap_or_default()
    }

    /// Seals the content of `block` where it stands.
    ///
    /// # Errors
    /// [`MisuseKind::StreamLength`] when the block holds another length than the run was dealt for.
    pub fn seal(self, block: &mut Block) -> Result<(), Error> {
        let sealed = self.full * SEALED_CHUNK_BYTES + self.short.map_or(0, |len| len + TAG_BYTES);
        let room = block.content_to_seal(self.content_len(), sealed);
        let room = room.ok_or(MisuseKind::StreamLength)?;
        for (number, slot) in (self.first..).zip(room.chunks_mut(SEALED_CHUNK_BYTES)) {
            let (content, tag) = slot.split_at_mut(slot.len() - TAG_BYTES);
            self.key.cipher.seal(self.key.nonce(number), content, tag)?;
        }
        block.now_sealed(sealed);
        Ok(())
    }
}

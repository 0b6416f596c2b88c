//! Reads a segment in batches of whole frames, so that several threads can verify it.

use medseal_core::audit::{FRAME_HEADER_BYTES, FrameHeader};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Small enough that all batches at work stay in the cache and in constant memory.
const BATCH_BYTES: usize = 1 << 20;

/// Whole frames.
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) entries: u64,
}

/// What stands next in a segment.
pub(super) enum NextBatch {
    Batch(Batch),
    /// One frame at this offset that is too long for a batch.
    LongFrame(u64),
    End,
    /// Bytes at this offset that are no whole frame.
    Torn(u64),
}

/// A segment up to a given end.
pub(super) struct Batches {
    file: File,
    offset: u64,
    end: u64,
    /// Of batches that were done with: memory that is new costs more than what is read into it.
    spare: Vec<Vec<u8>>,
}

impl Batches {
    pub(super) fn new(file: File, end: u64) -> Self {
        Self { file, offset: 0, end, spare: Vec::new() }
    }

    /// Takes back a batch that was done with.
    pub(super) fn reuse(&mut self, batch: Batch) {
        self.spare.push(batch.bytes);
    }

    /// The next batch, of at most so many entries and at least one.
    pub(super) fn next(&mut self, at_most: u64) -> io::Result<NextBatch> {
        let left = self.end - self.offset;
        if left == 0 {
            return Ok(NextBatch::End);
        }
        let room = usize::try_from(left).map_or(BATCH_BYTES, |left| left.min(BATCH_BYTES));
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.resize(room, 0);
        self.file.read_exact_at(&mut bytes, self.offset)?;
        let (mut whole, mut entries) = (0, 0);
        while entries < at_most
            && let Some(length) = frame_length(&bytes, whole)
            && whole + length <= room
        {
            whole += length;
            entries += 1;
        }
        if entries == 0 {
            let long = frame_length(&bytes, 0).is_some_and(|length| length as u64 <= left);
            self.spare.push(bytes);
            let at = self.offset;
            return Ok(if long { NextBatch::LongFrame(at) } else { NextBatch::Torn(at) });
        }
        bytes.truncate(whole);
        self.offset += whole as u64;
        Ok(NextBatch::Batch(Batch { bytes, entries }))
    }

    /// Goes on at this offset.
    pub(super) fn go_to(&mut self, offset: u64) {
        self.offset = offset;
    }
}

fn frame_length(bytes: &[u8], at: usize) -> Option<usize> {
    let header = FrameHeader::parse(bytes.get(at..)?.first_chunk()?)?;
    Some(FRAME_HEADER_BYTES + header.body())
}

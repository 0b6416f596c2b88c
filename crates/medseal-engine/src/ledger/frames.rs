//! Reads frames of a segment one by one, in constant memory.

use medseal_core::audit::{FRAME_HEADER_BYTES, FrameHeader};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

const BUFFER_BYTES: usize = 1 << 18;

/// A segment from a given offset to a given end.
pub(super) struct Frames {
    reader: BufReader<File>,
    /// Where the next frame starts.
    offset: u64,
    end: u64,
    header: FrameHeader,
    entry: Vec<u8>,
}

/// What stands next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A frame; its entry is in [`Frames::entry`] and its details are to be read.
    Frame,
    /// Nothing.
    End,
    /// Bytes that are no whole frame.
    Torn,
}

impl Frames {
    pub(super) fn new(mut file: File, offset: u64, end: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(offset))?;
        let header = FrameHeader { entry: 0, details: 0 };
        let reader = BufReader::with_capacity(BUFFER_BYTES, file);
        Ok(Self { reader, offset, end, header, entry: Vec::with_capacity(512) })
    }

    /// Goes to the next frame. The details of the one before must have been read or skipped.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        let left = self.end - self.offset;
        if left == 0 {
            return Ok(Next::End);
        }
        let mut header = [0; FRAME_HEADER_BYTES];
        if left < FRAME_HEADER_BYTES as u64 {
            return Ok(Next::Torn);
        }
        self.reader.read_exact(&mut header)?;
        let Some(header) = FrameHeader::parse(&header) else { return Ok(Next::Torn) };
        if left < (FRAME_HEADER_BYTES + header.body()) as u64 {
            return Ok(Next::Torn);
        }
        self.header = header;
        self.entry.resize(header.entry, 0);
        self.reader.read_exact(&mut self.entry)?;
        Ok(Next::Frame)
    }

    /// The entry of this frame.
    pub(super) fn entry(&self) -> &[u8] {
        &self.entry
    }

    /// Where this frame starts.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Gives the details of this frame piece by piece.
    pub(super) fn details(&mut self, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        let mut left = self.header.details;
        while left > 0 {
            let buffer = self.reader.fill_buf()?;
            let piece = buffer.get(..left.min(buffer.len())).unwrap_or_default();
            if piece.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            take(piece);
            let taken = piece.len();
            self.reader.consume(taken);
            left -= taken;
        }
        self.offset += (FRAME_HEADER_BYTES + self.header.body()) as u64;
        Ok(())
    }

    /// Skips the details of this frame.
    pub(super) fn skip_details(&mut self) -> io::Result<()> {
        self.reader.seek_relative(i64::try_from(self.header.details).unwrap_or(i64::MAX))?;
        self.offset += (FRAME_HEADER_BYTES + self.header.body()) as u64;
        Ok(())
    }
}

//! Reading a part of a stream, whose end is verified all the same.

use super::decrypting::OpenStream;
use super::sink::{Sink, WRITING};
use super::source::{RegularFile, Source};
use super::work::BLOCK_CHUNKS;
use super::{FileJob, FileReport};
use crate::engine::Engine;
use crate::error::EngineError;
use medseal_core::Error;
use medseal_core::stream::{
    Block, BodyLayout, CHUNK_BYTES, ChunkRejected, chunk_offset, sealed_body_len,
};
use medseal_policy::Decrypt;
use std::io::{self, Write};

const CHUNK: u64 = CHUNK_BYTES as u64;

/// Some bytes of content, as HTTP writes them (RFC 9110 section 14.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteRange {
    /// `FIRST-LAST`, both included.
    Between(u64, u64),
    /// `FIRST-`, to the end.
    From(u64),
    /// `-N`, the last N.
    Last(u64),
}

impl ByteRange {
    /// Reads `0-99`, `100-` or `-100`.
    pub fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        let number = |digits: &str| {
            let plain = digits.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| digits.parse::<u64>().ok()).flatten()
        };
        match (first, last) {
            ("", "") => None,
            ("", last) => number(last).map(ByteRange::Last),
            (first, "") => number(first).map(ByteRange::From),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(ByteRange::Between(first, last))
            }
        }
    }

    /// Where it begins and ends (excluded) in `content` bytes.
    fn within(self, content: u64) -> Result<(u64, u64), EngineError> {
        match self {
            ByteRange::Between(first, last) if first < content => {
                Ok((first, last.saturating_add(1).min(content)))
            }
            ByteRange::From(first) if first <= content => Ok((first, content)),
            ByteRange::Last(n) => Ok((content.saturating_sub(n), content)),
            _ => Err(EngineError::BeyondTheEnd("the range")),
        }
    }
}

impl Engine {
    /// Decrypts a range. The last chunk is opened too, so the length is true.
    ///
    /// # Errors
    /// As [`Engine::decrypt_file`]; [`EngineError::FileNeeded`] for a pipe,
    /// [`EngineError::BeyondTheEnd`].
    pub async fn read_file(
        &self,
        job: &FileJob<'_>,
        source: Source,
        range: ByteRange,
        mut sink: Sink,
    ) -> Result<FileReport, EngineError> {
        if !matches!(source, Source::File(_)) {
            return Err(EngineError::FileNeeded("a range"));
        }
        let (stream, source) = self.open_stream::<Decrypt>(job, source).await?;
        let (Source::File(file), Some(layout)) = (source, stream.layout) else {
            return Err(EngineError::FileNeeded("a range"));
        };
        let reader = RangeReader { stream: &stream, file: &file, layout };
        reader.open_last()?;
        let (first, end) = range.within(layout.content)?;
        reader.copy(first, end, &mut sink)?;
        sink.finish()?;
        let stream_bytes = stream.start + sealed_body_len(layout.content);
        let kind = stream.metadata.kind.clone();
        Ok(FileReport { content_bytes: end - first, stream_bytes, kind, entries: None })
    }
}

struct RangeReader<'a> {
    stream: &'a OpenStream,
    file: &'a RegularFile,
    layout: BodyLayout,
}

impl RangeReader<'_> {
    fn open_last(&self) -> Result<(), EngineError> {
        let mut block = Block::with_chunks(1);
        self.open(self.layout.chunks - 1, 1, &mut block)
    }

    /// Opens `count` chunks from `first` on.
    fn open(&self, first: u64, count: u64, block: &mut Block) -> Result<(), EngineError> {
        let end = (first + count).min(self.layout.chunks);
        let last = end.saturating_sub(1);
        let sealed = chunk_offset(last - first) + self.layout.sealed_of(last);
        let sealed = usize::try_from(sealed).unwrap_or(usize::MAX);
        let at = self.stream.start + chunk_offset(first);
        self.file.read_exact(block.sealed_room(sealed), at)?;
        let named = |r: ChunkRejected| self.stream.at_chunk(r.chunk, Error::Rejected);
        self.stream.opener.open(first, block).map_err(named)
    }

    /// Opens no chunk but those that hold a part of the range.
    fn copy(&self, first: u64, end: u64, sink: &mut Sink) -> Result<(), EngineError> {
        let needed = |at: u64| end.div_ceil(CHUNK).saturating_sub(at / CHUNK);
        let most = needed(first).min(BLOCK_CHUNKS as u64);
        let mut block = Block::with_chunks(usize::try_from(most).unwrap_or(BLOCK_CHUNKS));
        let mut at = first;
        while at < end {
            let chunk = at / CHUNK;
            self.open(chunk, needed(at).min(most), &mut block)?;
            let mut offset = chunk * CHUNK;
            for part in block.opened() {
                let from = at.saturating_sub(offset) as usize;
                let to = part.len().min(end.saturating_sub(offset) as usize);
                let wanted = part.get(from..to).unwrap_or_default();
                write(sink, wanted).map_err(EngineError::io(WRITING))?;
                at += wanted.len() as u64;
                offset += part.len() as u64;
            }
        }
        Ok(())
    }
}

fn write(sink: &mut Sink, bytes: &[u8]) -> io::Result<()> {
    match sink {
        Sink::File(file) => file.write_all(bytes),
        Sink::Pipe(pipe) => pipe.write_all(bytes),
        Sink::Path(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

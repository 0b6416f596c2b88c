//! Reading documents: one whole JSON document, or lines of NDJSON in constant memory.

use crate::error::EngineError;
use crate::runs::ReadAhead;
use crate::wiped_buffer::WipedBuffer;
use medseal_health::ndjson::{self, Format, Line, Lines};
use std::io::Read;

/// How much is read ahead, and how much NDJSON makes one batch.
const CHUNK_BYTES: usize = 1 << 20;
/// The longest line of NDJSON.
const MAX_LINE_BYTES: usize = 256 << 20;

/// How documents stand in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentFormat {
    /// One JSON document.
    Json,
    /// One JSON document a line.
    Ndjson,
}

/// The input and what was read ahead of it.
pub(super) struct Source<'i> {
    input: ReadAhead<'i>,
    format: Option<DocumentFormat>,
    started: bool,
    max_line_bytes: usize,
    /// the number of the first line in the buffer
    line: u64,
}

/// Whole documents of the input, apart from the rest of it.
pub(super) struct Chunk {
    bytes: WipedBuffer,
    /// The number of its first line.
    pub(super) line: u64,
    pub(super) is_ndjson: bool,
    /// Bytes of the input up to its end.
    pub(super) bytes_read: u64,
}

impl Chunk {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Cuts it into documents: the bytes and the line of each.
    pub(super) fn documents(&self) -> impl Iterator<Item = (&[u8], u64)> {
        let mut lines = self.lines();
        let whole = (!self.is_ndjson).then_some((self.bytes(), self.line));
        let lines = std::iter::from_fn(move || lines.next()).filter(|_| self.is_ndjson);
        let filled = lines.filter(|(line, _)| !line.is_blank());
        whole.into_iter().chain(filled.map(|(line, number)| (line.content, number)))
    }

    /// Its lines, each with its number.
    pub(super) fn lines(&self) -> impl Iterator<Item = (Line<'_>, u64)> {
        let (mut lines, mut rest) = (Lines::new(), self.bytes());
        std::iter::from_fn(move || {
            let line = lines.next(rest, true)?;
            rest = rest.get(line.bytes()..).unwrap_or_default();
            let number = self.line + line.number - 1;
            Some((line, number))
        })
    }
}

impl<'i> Source<'i> {
    pub(super) fn new(input: &'i mut (dyn Read + Send), format: Option<DocumentFormat>) -> Self {
        let (input, max_line_bytes) = (ReadAhead::new(input), MAX_LINE_BYTES);
        Self { input, format, started: false, max_line_bytes, line: 1 }
    }

    /// The next whole documents; none when everything was given out. Empty input counts as one
    /// document, so that it is refused and not silently fine.
    pub(super) fn next(&mut self) -> Result<Option<Chunk>, EngineError> {
        if !self.fill()? {
            return Ok(None);
        }
        let buffer = self.buffer();
        let whole = match memchr::memrchr(b'\n', buffer) {
            Some(last) if self.is_ndjson() && !self.at_end() => last + 1,
            _ => buffer.len(),
        };
        let chunk = Chunk {
            bytes: WipedBuffer::copy_of(buffer.get(..whole).unwrap_or(buffer)),
            line: self.line,
            is_ndjson: self.is_ndjson(),
            bytes_read: self.input.bytes_read(),
        };
        self.line += memchr::memchr_iter(b'\n', chunk.bytes()).count() as u64;
        self.input.consume(whole);
        Ok(Some(chunk))
    }

    /// Whether [`Source::next`] has more to give; not known before the first.
    pub(super) fn has_more(&self) -> bool {
        !(self.at_end() && self.buffer().is_empty())
    }

    /// Reads until a batch is there; false when everything was given out.
    fn fill(&mut self) -> Result<bool, EngineError> {
        let first = !self.started;
        self.started = true;
        self.input.read_more(CHUNK_BYTES)?;
        if self.format.is_none() {
            self.format = Some(match ndjson::detect(self.buffer()) {
                Format::Ndjson => DocumentFormat::Ndjson,
                Format::Json => DocumentFormat::Json,
            });
        }
        while self.wants_more() && !self.at_end() {
            if self.is_ndjson() && self.buffer().len() >= self.max_line_bytes {
                let (line, limit) = (self.line, self.max_line_bytes);
                return Err(EngineError::LineTooLong { line, limit });
            }
            self.input.read_more(self.buffer().len() * 2)?;
        }
        Ok(first || !self.buffer().is_empty())
    }

    fn wants_more(&self) -> bool {
        !self.is_ndjson() || !self.buffer().contains(&b'\n')
    }

    fn is_ndjson(&self) -> bool {
        self.format == Some(DocumentFormat::Ndjson)
    }

    fn at_end(&self) -> bool {
        self.input.at_end()
    }

    fn buffer(&self) -> &[u8] {
        self.input.buffer()
    }
}

#[cfg(test)]
mod tests {
    use super::{DocumentFormat, Source};
    use std::io::Read;

    #[test]
    fn a_line_beyond_the_limit_is_named() {
        let lines = "{}\n\n{\"x\":1}\n";
        for format in [None, Some(DocumentFormat::Ndjson)] {
            let mut input = lines.as_bytes().chain(std::io::repeat(b' '));
            let mut source = Source { max_line_bytes: 4096, ..Source::new(&mut input, format) };
            assert_eq!(source.next().unwrap().unwrap().bytes(), lines.as_bytes());
            let error = source.next().err().unwrap();
            assert_eq!(error.code(), "LINE_TOO_LONG");
            assert_eq!(error.to_string(), "line 4 is longer than 4096 bytes");
        }
    }

    #[test]
    fn a_line_within_the_limit_is_not_refused() {
        let long = format!("{{}}\n{}\n", " ".repeat(3 << 20));
        let mut input = long.as_bytes();
        let mut source = Source::new(&mut input, Some(DocumentFormat::Ndjson));
        assert_eq!(source.next().unwrap().unwrap().bytes(), b"{}\n");
        assert_eq!(source.next().unwrap().unwrap().bytes().len(), (3 << 20) + 1);
        assert!(source.next().unwrap().is_none());
    }
}

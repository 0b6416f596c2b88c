//! Reading documents: one whole JSON document, or lines of NDJSON in constant memory.

use crate::error::EngineError;
use crate::runs::ReadAhead;
use medseal_health::ndjson::{self, Format};
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
    /// the number of the first line in `buffer`
    pub(super) line: u64,
}

impl<'i> Source<'i> {
    pub(super) fn new(input: &'i mut (dyn Read + Send), format: Option<DocumentFormat>) -> Self {
        let (input, max_line_bytes) = (ReadAhead::new(input), MAX_LINE_BYTES);
        Self { input, format, started: false, max_line_bytes, line: 1 }
    }

    /// Reads until a batch is there; `false` when everything was given out. Empty input counts as
    /// one document, so that it is refused and not silently fine.
    pub(super) fn fill(&mut self) -> Result<bool, EngineError> {
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

    pub(super) fn is_ndjson(&self) -> bool {
        self.format == Some(DocumentFormat::Ndjson)
    }

    pub(super) fn at_end(&self) -> bool {
        self.input.at_end()
    }

    pub(super) fn buffer(&self) -> &[u8] {
        self.input.buffer()
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.input.bytes_read()
    }

    /// Drops what a batch has dealt with.
    pub(super) fn consume(&mut self, bytes: usize) {
        let consumed = self.buffer().get(..bytes).unwrap_or(self.buffer());
        let lines = memchr::memchr_iter(b'\n', consumed).count();
        self.line += lines as u64;
        self.input.consume(bytes);
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
            assert!(source.fill().unwrap());
            source.consume(lines.len());
            let error = source.fill().unwrap_err();
            assert_eq!(error.code(), "LINE_TOO_LONG");
            assert_eq!(error.to_string(), "line 4 is longer than 4096 bytes");
        }
    }

    #[test]
    fn a_line_within_the_limit_is_not_refused() {
        let long = format!("{{}}\n{}\n", " ".repeat(3 << 20));
        let mut input = long.as_bytes();
        let mut source = Source::new(&mut input, Some(DocumentFormat::Ndjson));
        assert!(source.fill().unwrap());
        source.consume(3);
        assert!(source.fill().unwrap() && source.buffer().contains(&b'\n'));
    }
}

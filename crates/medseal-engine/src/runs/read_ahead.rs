//! An input and what was read of it but not dealt with yet.

use crate::error::{EngineError, READING_THE_INPUT};
use std::io::Read;

/// Reads ahead as far as it is told to, and no further.
pub(crate) struct ReadAhead<'i> {
    input: &'i mut (dyn Read + Send),
    buffer: Vec<u8>,
    at_end: bool,
    bytes_read: u64,
}

impl<'i> ReadAhead<'i> {
    pub(crate) fn new(input: &'i mut (dyn Read + Send)) -> Self {
        Self { input, buffer: Vec::new(), at_end: false, bytes_read: 0 }
    }

    /// Reads until `up_to` bytes are there or the input ends.
    pub(crate) fn read_more(&mut self, up_to: usize) -> Result<(), EngineError> {
        let missing = up_to.saturating_sub(self.buffer.len());
        if missing == 0 || self.at_end {
            return Ok(());
        }
        let limit = u64::try_from(missing).unwrap_or(u64::MAX);
        let read = (&mut *self.input).take(limit).read_to_end(&mut self.buffer);
        let read = read.map_err(EngineError::io(READING_THE_INPUT))?;
        self.bytes_read += read as u64;
        self.at_end = read < missing;
        Ok(())
    }

    pub(crate) fn at_end(&self) -> bool {
        self.at_end
    }

    pub(crate) fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Drops what a batch has dealt with.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.buffer.drain(..bytes.min(self.buffer.len()));
    }
}

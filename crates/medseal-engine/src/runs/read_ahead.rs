//! An input and what was read of it but not dealt with yet.

use crate::error::EngineError;
use crate::wiped_buffer::WipedBuffer;
use std::io::{ErrorKind, Read};

/// Reads ahead as far as it is told to, and no further.
pub(crate) struct ReadAhead<'i> {
    input: &'i mut (dyn Read + Send),
    buffer: WipedBuffer,
    at_end: bool,
    bytes_read: u64,
}

impl<'i> ReadAhead<'i> {
    pub(crate) fn new(input: &'i mut (dyn Read + Send)) -> Self {
        Self { input, buffer: WipedBuffer::default(), at_end: false, bytes_read: 0 }
    }

    /// Reads until `up_to` bytes are there or the input ends.
    pub(crate) fn read_more(&mut self, up_to: usize) -> Result<(), EngineError> {
        let missing = up_to.saturating_sub(self.buffer.len());
        if missing == 0 || self.at_end {
            return Ok(());
        }
        let read = append_from(self.input, missing, self.buffer.with_room(missing))?;
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
        self.buffer.consume(bytes);
    }
}

/// Appends `wanted` bytes, or all there are, and gives how many. `read_to_end` would grow the buffer
/// by itself and try the end of the input with bytes on the stack, and leave copies in both places.
fn append_from(
    input: &mut (dyn Read + Send),
    wanted: usize,
    buffer: &mut Vec<u8>,
) -> Result<usize, EngineError> {
    let start = buffer.len();
    let (mut at, end) = (start, start + wanted);
    buffer.resize(end, 0);
    while let Some(room) = buffer.get_mut(at..end).filter(|room| !room.is_empty()) {
        match input.read(room) {
            Ok(0) => break,
            Ok(read) => at = end.min(at + read),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(EngineError::io("reading the input")(error)),
        }
    }
    buffer.truncate(at);
    Ok(at - start)
}

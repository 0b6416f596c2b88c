//! A buffer for what documents hold in plaintext: wiped when dropped and when it moves to grow.
//!
//! `Vec` moves its content when it grows and leaves the old copy in the heap; whoever appends asks
//! for room first. `Zeroizing<Vec<u8>>` does not help with that, and wipes byte by byte.

use std::ops::Deref;
use zeroize::Zeroize;

/// Bytes that leave no copy behind.
#[derive(Default)]
pub(crate) struct WipedBuffer(Vec<u8>);

impl WipedBuffer {
    /// A copy of `bytes`.
    pub(crate) fn copy_of(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The buffer, to which `bytes` more may be appended without a move. What is appended beyond
    /// that must hold no plaintext.
    pub(crate) fn with_room(&mut self, bytes: usize) -> &mut Vec<u8> {
        let needed = self.0.len().saturating_add(bytes);
        if needed > self.0.capacity() {
            self.move_to(needed.max(self.0.capacity().saturating_mul(2)));
        }
        &mut self.0
    }

    /// Moves to memory of this capacity and gives back the old one, wiped.
    fn move_to(&mut self, capacity: usize) -> Vec<u8> {
        let mut larger = Vec::with_capacity(capacity);
        larger.extend_from_slice(&self.0);
        let mut old = std::mem::replace(&mut self.0, larger);
        wipe(&mut old);
        old
    }

    /// Forgets the content and keeps the memory, which is wiped at the end.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Moves what stands behind the first `bytes` to the front.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.0.drain(..bytes.min(self.0.len()));
    }
}

impl Deref for WipedBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for WipedBuffer {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Wipes a buffer up to its capacity: what was cleared or moved to the front is still there.
fn wipe(buffer: &mut Vec<u8>) {
    buffer.resize(buffer.capacity(), 0);
    buffer.as_mut_slice().zeroize();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_without_losing_what_is_there() {
        let mut buffer = WipedBuffer::copy_of(b"abc");
        for wanted in [1, 10, 1000, 0] {
            let room = buffer.with_room(wanted);
            assert!(room.capacity() - room.len() >= wanted);
            assert!(room.starts_with(b"abc"));
        }
        buffer.with_room(3).extend_from_slice(b"def");
        buffer.consume(2);
        assert_eq!(&*buffer, b"cdef");
        buffer.consume(9);
        assert_eq!(&*buffer, b"");
    }

    #[test]
    fn what_was_moved_leaves_nothing_behind() {
        let mut buffer = WipedBuffer::copy_of(b"secret");
        assert_eq!(buffer.move_to(100), [0; 6]);
        assert_eq!(&*buffer, b"secret");
    }

    #[test]
    fn what_was_cleared_is_wiped_up_to_the_capacity() {
        let mut bytes = b"secret".to_vec();
        bytes.reserve(100);
        let capacity = bytes.capacity();
        bytes.clear();
        wipe(&mut bytes);
        assert_eq!(bytes, vec![0; capacity]);
    }
}

//! The source of randomness: buffered, wiped as it is used, thrown away after `fork`.
//!
//! Every envelope needs 24 random bytes. Asking the module for them costs more than the whole
//! cipher (`spec/envelope.md`, Speed), so 4 KiB are drawn at a time, and each byte is dealt once
//! and wiped. A child of `fork` must not deal what its parent still holds: `fork_guard` notices.
//!
//! A virtual machine that is cloned or rolled back while it runs can repeat a buffer; suspend the
//! process before taking such a snapshot.

mod fork_guard;

use fork_guard::ForkGuard;
use medseal_core::{Random, RandomFailure};
use std::cell::RefCell;
use zeroize::{Zeroize, Zeroizing};

const BUFFER_BYTES: usize = 4096;

/// A handle on this thread's source. Cheap to make; holds nothing itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct BufferedRandom;

struct Buffer {
    bytes: Zeroizing<[u8; BUFFER_BYTES]>,
    next: usize,
    guard: ForkGuard,
}

thread_local! {
    static BUFFER: RefCell<Buffer> = RefCell::new(Buffer {
        bytes: Zeroizing::new([0; BUFFER_BYTES]),
        next: BUFFER_BYTES,
        guard: ForkGuard::new(),
    });
}

impl Random for BufferedRandom {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomFailure> {
        BUFFER.with_borrow_mut(|buffer| buffer.deal(out))
    }
}

impl Buffer {
    fn deal(&mut self, out: &mut [u8]) -> Result<(), RandomFailure> {
        if out.len() > BUFFER_BYTES {
            return draw(out);
        }
        if self.guard.forked() || self.next + out.len() > BUFFER_BYTES {
            draw(&mut self.bytes[..])?;
            self.next = 0;
        }
        let dealt = &mut self.bytes[self.next..self.next + out.len()];
        out.copy_from_slice(dealt);
        dealt.zeroize();
        self.next += out.len();
        Ok(())
    }
}

/// The module's generator; it reseeds itself after `fork` and from the operating system.
fn draw(out: &mut [u8]) -> Result<(), RandomFailure> {
    aws_lc_rs::rand::fill(out).map_err(|_| RandomFailure)
}

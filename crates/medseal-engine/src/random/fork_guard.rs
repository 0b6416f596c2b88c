//! Notices that this process is a child of `fork`.
//!
//! A page marked `MADV_WIPEONFORK` reads as zero in a child however it was forked, also by a bare
//! system call that no `pthread_atfork` handler sees, and costs one load to ask. Comparing process
//! ids, the alternative, costs a system call of 0.1 µs per value and misses a reused id; it is the
//! fallback where the kernel refuses the advice.

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};
use std::sync::atomic::{AtomicU32, Ordering};

const PAGE_BYTES: usize = 4096;
const SET: u32 = 0x6d73_6731;

pub(super) struct ForkGuard {
    page: Option<&'static AtomicU32>,
    process: u32,
}

impl ForkGuard {
    pub(super) fn new() -> Self {
        let page = wiped_page();
        if let Some(page) = page {
            page.store(SET, Ordering::Relaxed);
        }
        Self { page, process: std::process::id() }
    }

    /// Whether a fork happened since the last call (or since [`ForkGuard::new`]).
    pub(super) fn forked(&mut self) -> bool {
        let forked = match self.page {
            Some(page) => page.load(Ordering::Relaxed) != SET,
            None => std::process::id() != self.process,
        };
        if forked {
            if let Some(page) = self.page {
                page.store(SET, Ordering::Relaxed);
            }
            self.process = std::process::id();
        }
        forked
    }
}

impl Drop for ForkGuard {
    /// Threads that encrypt come and go with the batches of a run; their pages go with them.
    #[expect(unsafe_code, reason = "the page was mapped here")]
    fn drop(&mut self) {
        if let Some(page) = self.page.take() {
            // SAFETY: the whole of the mapping that `wiped_page` made for this guard alone, whose
            // only reference was just taken out of it.
            let _ = unsafe { munmap(page.as_ptr().cast(), PAGE_BYTES) };
        }
    }
}

/// One page that a child of `fork` finds zeroed.
#[expect(unsafe_code, reason = "no safe interface to MADV_WIPEONFORK exists")]
fn wiped_page() -> Option<&'static AtomicU32> {
    // SAFETY: a fresh private anonymous mapping, aligned to a page, readable and writable, unmapped
    // only by the guard that has the one reference to it, and reached only through the atomic.
    unsafe {
        let page = mmap_anonymous(
            std::ptr::null_mut(),
            PAGE_BYTES,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::PRIVATE,
        )
        .ok()?;
        if madvise(page, PAGE_BYTES, Advice::LinuxWipeOnFork).is_err() {
            // nothing refers to the page yet
            let _ = munmap(page, PAGE_BYTES);
            return None;
        }
        Some(&*page.cast::<AtomicU32>())
    }
}

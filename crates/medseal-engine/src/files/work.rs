//! Several threads on the blocks of one file.
//!
//! Each thread has one block, takes the next piece of work under a lock, does it, and takes the
//! next: memory is bounded by the number of threads. Pieces are numbered in the order in which
//! they are taken, so when one fails every piece before it was taken too and is finished; the
//! failure that is told is the first of the file, whichever thread was faster.

use crate::error::EngineError;
use medseal_core::stream::{Block, CHUNK_BYTES};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Chunks of one block: 1 MiB.
pub(super) const BLOCK_CHUNKS: usize = 64;
/// Bytes of content of one block.
pub(super) const BLOCK_BYTES: usize = BLOCK_CHUNKS * CHUNK_BYTES;
/// More threads gain nothing where memory and disk are the limit.
const MAX_THREADS: usize = 8;

/// What threads do with blocks.
pub(super) trait Task: Sync {
    /// One piece of work.
    type Piece: Send;

    /// Takes the next piece; pieces are numbered in this order. What is read in order is read here.
    fn take(&self, block: &mut Block) -> Result<Option<Self::Piece>, EngineError>;

    /// Does a piece.
    fn work(&self, seq: u64, piece: Self::Piece, block: &mut Block) -> Result<u64, EngineError>;

    /// Piece `seq` failed: those before it still come to an end, none behind it begins.
    fn failed(&self, seq: u64);

    /// A thread is gone; nobody may wait for it.
    fn abandoned(&self);
}

struct Shared<'p, 't, T> {
    task: &'t T,
    taking: Mutex<u64>,
    stop: AtomicBool,
    failure: Mutex<Option<(u64, EngineError)>>,
    done: AtomicU64,
    progress: Mutex<super::Progress<'p>>,
}

/// How many threads suit an input of `len` bytes.
pub(super) fn threads_for(len: Option<u64>) -> usize {
    let blocks = len.map_or(usize::MAX, |len| {
        usize::try_from(len / BLOCK_BYTES as u64).unwrap_or(usize::MAX).saturating_add(1)
    });
    if blocks == 1 {
        return 1;
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // one more than cores: while one waits for the disk, another works
    (cores + 1).min(MAX_THREADS).min(blocks)
}

/// Runs a task to its end, or to its first failure.
pub(super) fn run<T: Task>(
    task: &T,
    len: Option<u64>,
    progress: super::Progress<'_>,
) -> Result<(), EngineError> {
    let shared = Shared {
        task,
        taking: Mutex::new(0),
        stop: AtomicBool::new(false),
        failure: Mutex::new(None),
        done: AtomicU64::new(0),
        progress: Mutex::new(progress),
    };
    let chunks = len.map_or(BLOCK_CHUNKS, |len| {
        usize::try_from(len / CHUNK_BYTES as u64).unwrap_or(usize::MAX).min(BLOCK_CHUNKS - 1) + 1
    });
    let threads = threads_for(len);
    if threads == 1 {
        shared.work(chunks);
    } else {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| shared.work(chunks));
            }
        });
    }
    match shared.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

impl<T: Task> Shared<'_, '_, T> {
    fn work(&self, chunks: usize) {
        let gone = AbandonedOnPanic(self.task);
        let mut block = Block::with_chunks(chunks);
        while let Some((seq, taken)) = self.take(&mut block) {
            let done = taken.and_then(|piece| self.task.work(seq, piece, &mut block));
            match done {
                Ok(bytes) => self.tell(bytes),
                Err(error) => return self.fail(seq, error, gone),
            }
        }
        std::mem::forget(gone);
    }

    fn take(&self, block: &mut Block) -> Option<(u64, Result<T::Piece, EngineError>)> {
        let mut next = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
        if self.stop.load(Ordering::Acquire) {
            return None;
        }
        let seq = *next;
        *next += 1;
        match self.task.take(block) {
            Ok(None) => None,
            Ok(Some(piece)) => Some((seq, Ok(piece))),
            Err(error) => {
                self.stop.store(true, Ordering::Release);
                Some((seq, Err(error)))
            }
        }
    }

    fn tell(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if let Ok(mut progress) = self.progress.try_lock() {
            progress(done);
        }
    }

    fn fail(&self, seq: u64, error: EngineError, gone: AbandonedOnPanic<'_, T>) {
        self.stop.store(true, Ordering::Release);
        self.task.failed(seq);
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if failure.as_ref().is_none_or(|(first, _)| seq < *first) {
            *failure = Some((seq, error));
        }
        std::mem::forget(gone);
    }
}

/// A panic is a fault of the program; the others must not wait for the dead for ever.
struct AbandonedOnPanic<'t, T: Task>(&'t T);

impl<T: Task> Drop for AbandonedOnPanic<'_, T> {
    fn drop(&mut self) {
        self.0.abandoned();
    }
}

//! The audit log: what an entry costs beside the sync that it waits for, and how fast a log is
//! verified. The files lie in the directory for temporary files (`$TMPDIR`), which should be a disk.

use super::{Measurement, check, interleave};
use crate::error::EngineError;
use crate::ledger::bench::{BenchLog, ENTRIES};
use medseal_core::audit::leaf_hash;
use std::fs::{self, File};
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

const THREADS: usize = 64;
/// Enough that starting the threads, each with a random source of its own, does not count.
const ROUNDS: usize = if cfg!(debug_assertions) { 4 } else { 200 };
/// About what a frame with one item has.
const FRAME_BYTES: usize = 460;

fn directory() -> Result<tempfile::TempDir, EngineError> {
    tempfile::tempdir().map_err(EngineError::io("making a temporary directory"))
}

/// Appends to a file of its own and syncs, as often as it is called.
fn bare_sync(directory: &tempfile::TempDir) -> Result<impl FnMut() + use<>, EngineError> {
    let io = EngineError::io("making a temporary file");
    let file = File::create(directory.path().join("bare")).map_err(io)?;
    let mut at = 0;
    Ok(move || {
        black_box(file.write_all_at(&[7; FRAME_BYTES], at).and_then(|()| file.sync_data()).is_ok());
        at += FRAME_BYTES as u64;
    })
}

/// One writer, which waits for each entry.
pub(super) fn append_one() -> Result<Measurement, EngineError> {
    let directory = directory()?;
    let (log, baseline) = (BenchLog::create(directory.path())?, bare_sync(&directory)?);
    check(log.append())?;
    let measured = || {
        black_box(log.append());
    };
    let case = "audit.append.1";
    Ok(interleave(case, FRAME_BYTES, 1, "a write and fdatasync", measured, baseline))
}

/// Many writers at once; a ratio of 1 would be one sync for each round of all of them. The time is
/// that of one entry, the ratio that of all rounds.
pub(super) fn append_many() -> Result<Measurement, EngineError> {
    let directory = directory()?;
    let (log, mut sync) = (BenchLog::create(directory.path())?, bare_sync(&directory)?);
    let waits = Mutex::new(Vec::new());
    let timed = || {
        let start = Instant::now();
        (log.append(), start.elapsed().as_secs_f64() * 1e6)
    };
    let round = || {
        std::thread::scope(|scope| {
            let one = || {
                let (done, took): (Vec<bool>, Vec<f64>) = (0..ROUNDS).map(|_| timed()).unzip();
                waits.lock().unwrap_or_else(PoisonError::into_inner).extend(took);
                done.into_iter().all(|done| done)
            };
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(one)).collect();
            threads.into_iter().all(|thread| thread.join().unwrap_or(false))
        })
    };
    check(round())?;
    let measured = || {
        black_box(round());
    };
    let baseline = || (0..ROUNDS).for_each(|_| sync());
    let entries = THREADS * ROUNDS;
    let against = "a write and fdatasync a round";
    let case = "audit.append.64";
    let found = interleave(case, FRAME_BYTES, entries, against, measured, baseline);
    let mut waits = waits.into_inner().unwrap_or_else(PoisonError::into_inner);
    waits.sort_by(f64::total_cmp);
    let p99_us = waits.get(waits.len() * 99 / 100).copied();
    Ok(Measurement { p99_us, ..found })
}

/// A whole log with its details and signatures, against hashing the bytes of its segments.
pub(super) fn verify() -> Result<Measurement, EngineError> {
    let directory = directory()?;
    let log = BenchLog::create(directory.path())?;
    log.fill(ENTRIES)?;
    check(log.verify()? >= ENTRIES)?;
    let read = || -> Vec<Vec<u8>> {
        let listed = fs::read_dir(directory.path().join("segments")).into_iter().flatten();
        listed.flatten().filter_map(|entry| fs::read(entry.path()).ok()).collect()
    };
    let bytes: usize = read().iter().map(Vec::len).sum();
    let measured = || {
        black_box(log.verify().is_ok());
    };
    let baseline = || {
        black_box(read().iter().map(|file| leaf_hash(file)).collect::<Vec<_>>());
    };
    let entries = usize::try_from(ENTRIES).unwrap_or(1);
    let (each, against) = (bytes / entries, "reading and hashing its bytes");
    Ok(interleave("audit.verify", each, entries, against, measured, baseline))
}

//! Verifies a segment on all cores: its entries are cut into batches, each is verified by itself, and
//! the results are joined in their order, so that the first entry that is wrong is the one named.

use super::batches::{Batch, Batches, NextBatch};
use super::files::unavailable;
use super::frames::{Frames, Next};
use super::verify::{AuditReport, Snapshot};
use crate::error::EngineError;
use medseal_core::Error;
use medseal_core::audit::{DetailsState, LogId, LogVerifier, Rejection, VerifiedRun};
use std::fs::File;
use std::path::PathBuf;
use std::thread;

pub(super) struct SegmentWalk<'s> {
    snapshot: &'s Snapshot,
    path: PathBuf,
    /// Index of the first entry, and length in bytes.
    segment: (u64, u64),
    batches: Batches,
    threads: usize,
}

impl<'s> SegmentWalk<'s> {
    pub(super) fn new(
        snapshot: &'s Snapshot,
        path: PathBuf,
        segment: (u64, u64),
    ) -> Result<Self, EngineError> {
        let batches = Batches::new(File::open(&path).map_err(unavailable)?, segment.1);
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Ok(Self { snapshot, path, segment, batches, threads })
    }

    /// Takes in some entries, none from index `until` on; `false` at the end of the segment.
    pub(super) fn step(
        &mut self,
        log: LogId,
        verifier: &mut LogVerifier,
        until: u64,
        report: &mut AuditReport,
    ) -> Result<bool, EngineError> {
        let (mut batches, mut size) = (Vec::with_capacity(self.threads), verifier.size());
        while batches.len() < self.threads && size < until {
            match self.batches.next(until - size).map_err(unavailable)? {
                NextBatch::Batch(batch) => {
                    let first = size;
                    size += batch.entries;
                    batches.push((first, batch));
                }
                // whatever else stands there comes next time
                _ if !batches.is_empty() => break,
                NextBatch::LongFrame(at) => return self.long_frame(at, verifier, report),
                NextBatch::Torn(at) => {
                    return self.snapshot.torn(self.segment.0, at).map(|()| false);
                }
                NextBatch::End => return Ok(false),
            }
        }
        for run in verify_all(log, &batches) {
            let run = run.map_err(Error::from)?;
            verifier.join(&run).map_err(Error::from)?;
            report.details += run.present;
            report.erased += run.erased;
        }
        batches.into_iter().for_each(|(_, batch)| self.batches.reuse(batch));
        Ok(true)
    }

    /// A frame whose details do not fit into a batch, piece by piece.
    fn long_frame(
        &mut self,
        at: u64,
        verifier: &mut LogVerifier,
        report: &mut AuditReport,
    ) -> Result<bool, EngineError> {
        let file = File::open(&self.path).map_err(unavailable)?;
        let mut frames = Frames::new(file, at, self.segment.1).map_err(unavailable)?;
        if frames.next().map_err(unavailable)? != Next::Frame {
            return self.snapshot.torn(self.segment.0, at).map(|()| false);
        }
        verifier.entry(frames.entry()).map_err(Error::from)?;
        frames.details(|piece| verifier.details(piece)).map_err(unavailable)?;
        match verifier.end_details().map_err(Error::from)? {
            DetailsState::None => {}
            DetailsState::Present => report.details += 1,
            DetailsState::Erased => report.erased += 1,
        }
        self.batches.go_to(frames.offset());
        Ok(true)
    }
}

/// The first batch in this thread, each other one in a thread of its own.
fn verify_all(log: LogId, batches: &[(u64, Batch)]) -> Vec<Result<VerifiedRun, Rejection>> {
    let verify = |(first, batch): &(u64, Batch)| VerifiedRun::verify(log, *first, &batch.bytes);
    let Some((own, others)) = batches.split_first() else { return Vec::new() };
    thread::scope(|scope| {
        let others: Vec<_> = others.iter().map(|batch| scope.spawn(|| verify(batch))).collect();
        let mut runs = vec![verify(own)];
        for other in others {
            match other.join() {
                Ok(run) => runs.push(run),
                Err(fault) => std::panic::resume_unwind(fault),
            }
        }
        runs
    })
}

//! Verifies a whole log from its files and two public keys: nothing secret is needed, and nothing
//! is trusted that lies beside it.

use super::files::{AuditFiles, unavailable};
use super::frames::{Frames, Next};
use super::walk::SegmentWalk;
use crate::error::EngineError;
use medseal_core::Error;
use medseal_core::audit::{
    Checkpoint, DetailsState, Entry, LogKeys, LogVerifier, Rejection, RejectionKind, RejectionPlace,
};
use serde::Serialize;
use std::fs::{self, File};
use std::path::Path;

/// What is to be verified.
#[derive(Debug, Clone, Copy)]
pub struct VerifyRequest<'a> {
    /// The directory `audit/` of a home, or a copy of it.
    pub directory: &'a Path,
    /// The log's public keys.
    pub keys: &'a LogKeys,
    /// Checkpoints that were kept elsewhere; the log must continue each.
    pub kept: &'a [String],
}

/// What was found in a log that verifies.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct AuditReport {
    /// The log's id.
    pub log: String,
    /// How many entries it has.
    pub entries: u64,
    /// How many of them the newest checkpoint covers.
    pub signed: u64,
    /// How many segments.
    pub segments: u64,
    /// How many entries have their details.
    pub details: u64,
    /// How many had them erased.
    pub erased: u64,
    /// Whether a writer kept the log locked, so that what stands behind the last whole entry may be
    /// an entry that is being written.
    pub being_written: bool,
    /// Sizes of the kept checkpoints that the log continues.
    pub continues: Vec<u64>,
}

/// Verifies a log.
///
/// # Errors
/// [`Error::Audit`] with the place, [`EngineError::AuditFile`] for the files themselves,
/// [`EngineError::AuditUnavailable`] when they cannot be read.
pub fn verify_log(request: &VerifyRequest<'_>) -> Result<AuditReport, EngineError> {
    let snapshot = Snapshot::take(&AuditFiles::at(request.directory.to_owned()))?;
    let mut report = AuditReport { log: request.keys.log().to_string(), ..AuditReport::default() };
    let mut checkpoints = snapshot.checkpoints(request.keys)?;
    let newest = request.keys.verify(&snapshot.newest).map_err(Error::from)?;
    if checkpoints.iter().any(|seal| seal.size > newest.size) {
        let place = RejectionPlace::CheckpointAt(newest.size);
        return Err(rejected(place, RejectionKind::CheckpointOld));
    }
    for note in request.kept {
        let kept = request.keys.verify(note).map_err(Error::from)?;
        report.continues.push(kept.size);
        checkpoints.push(kept);
    }
    checkpoints.push(newest);
    checkpoints.sort_by_key(|checkpoint| checkpoint.size);
    let mut pending = checkpoints.iter().peekable();
    let mut verifier = LogVerifier::new(request.keys.log());
    for segment in &snapshot.segments {
        let mut walk = snapshot.segment(segment, &verifier)?;
        loop {
            while let Some(due) = pending.next_if(|due| due.size <= verifier.size()) {
                verifier.check(due).map_err(Error::from)?;
            }
            let until = pending.peek().map_or(u64::MAX, |due| due.size);
            if !walk.step(request.keys.log(), &mut verifier, until, &mut report)? {
                break;
            }
        }
    }
    pending.try_for_each(|due| verifier.check(due)).map_err(Error::from)?;
    verifier.check_newest(newest.size).map_err(Error::from)?;
    (report.entries, report.signed) = (verifier.size(), newest.size);
    report.being_written = snapshot.being_written;
    report.segments = snapshot.segments.len() as u64;
    Ok(report)
}

/// The files of a log at one moment.
pub(super) struct Snapshot {
    files: AuditFiles,
    /// First index and length in bytes.
    segments: Vec<(u64, u64)>,
    seals: Vec<u64>,
    /// The newest checkpoint's note.
    pub(super) newest: String,
    being_written: bool,
}

impl Snapshot {
    /// Looks at the files while nobody writes, or beside a writer that does not get on; what is
    /// appended later is left out. The checkpoint is read before the lengths, so that it cannot be
    /// newer than what was read.
    pub(super) fn take(files: &AuditFiles) -> Result<Self, EngineError> {
        let lock = files.lock_to_read()?;
        let listing = files.list()?;
        if let Some(name) = listing.unknown.first() {
            return Err(file(name, "is not a file of an audit log"));
        }
        let newest = match fs::read(files.checkpoint()) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| {
                rejected(RejectionPlace::Checkpoint, RejectionKind::CheckpointMalformed)
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(file("checkpoint", "is missing"));
            }
            Err(error) => return Err(unavailable(error)),
        };
        let length = |first: &u64| {
            fs::metadata(files.segment(*first)).map(|f| (*first, f.len())).map_err(unavailable)
        };
        let segments = listing.segments.iter().map(length).collect::<Result<Vec<_>, _>>()?;
        let stray = listing.seals.iter().find(|first| !listing.segments.contains(first));
        if let Some(first) = stray {
            return Err(file(
                &format!("segments/{first:020}.log"),
                "is missing and its seal is there",
            ));
        }
        let (being_written, seals) = (lock.is_none(), listing.seals);
        Ok(Self { files: files.clone(), segments, seals, newest, being_written })
    }

    /// The seals of all segments, with their signatures verified.
    fn checkpoints(&self, keys: &LogKeys) -> Result<Vec<Checkpoint>, EngineError> {
        let mut seals = Vec::new();
        for (at, (first, _)) in self.segments.iter().enumerate() {
            let next = self.segments.get(at + 1).map(|(first, _)| *first);
            if !self.seals.contains(first) {
                match next {
                    Some(_) => {
                        return Err(file(&format!("segments/{first:020}.seal"), "is missing"));
                    }
                    None => continue,
                }
            }
            let note = fs::read(self.files.seal(*first)).map_err(unavailable)?;
            let seal = keys.verify(&String::from_utf8_lossy(&note)).map_err(Error::from)?;
            if next.is_some_and(|next| next != seal.size) || seal.size <= *first {
                return Err(file(
                    &format!("segments/{first:020}.seal"),
                    "does not end its segment",
                ));
            }
            seals.push(seal);
        }
        Ok(seals)
    }

    /// The entries of one segment, which must follow on those that were verified.
    fn segment(
        &self,
        (first, length): &(u64, u64),
        verifier: &LogVerifier,
    ) -> Result<SegmentWalk<'_>, EngineError> {
        if *first != verifier.size() {
            let expected = verifier.size();
            return Err(file(&format!("segments/{expected:020}.log"), "is missing"));
        }
        SegmentWalk::new(self, self.files.segment(*first), (*first, *length))
    }

    /// Takes every entry through a verifier; `visit` is called behind each.
    pub(super) fn walk(
        &self,
        keys: &LogKeys,
        mut visit: impl FnMut(&LogVerifier, &[u8], DetailsState) -> Result<(), EngineError>,
    ) -> Result<LogVerifier, EngineError> {
        let nothing = |_: &Entry<'_>| false;
        self.walk_keeping(keys, nothing, |verifier, entry, state, _| visit(verifier, entry, state))
    }

    /// The same with the details of entries that are wanted; those of others are empty.
    pub(super) fn walk_keeping(
        &self,
        keys: &LogKeys,
        mut wanted: impl FnMut(&Entry<'_>) -> bool,
        mut visit: impl FnMut(&LogVerifier, &[u8], DetailsState, &[u8]) -> Result<(), EngineError>,
    ) -> Result<LogVerifier, EngineError> {
        let mut kept = Vec::new();
        let mut verifier = LogVerifier::new(keys.log());
        for (first, length) in &self.segments {
            if *first != verifier.size() {
                let expected = verifier.size();
                return Err(file(&format!("segments/{expected:020}.log"), "is missing"));
            }
            let segment = File::open(self.files.segment(*first)).map_err(unavailable)?;
            let mut frames = Frames::new(segment, 0, *length).map_err(unavailable)?;
            loop {
                match frames.next().map_err(unavailable)? {
                    Next::End => break,
                    Next::Torn => {
                        self.torn(*first, frames.offset())?;
                        break;
                    }
                    Next::Frame => {}
                }
                let keep = wanted(&verifier.entry(frames.entry()).map_err(Error::from)?);
                kept.clear();
                let take = |piece: &[u8]| {
                    verifier.details(piece);
                    if keep {
                        kept.extend_from_slice(piece);
                    }
                };
                frames.details(take).map_err(unavailable)?;
                let state = verifier.end_details().map_err(Error::from)?;
                visit(&verifier, frames.entry(), state, &kept)?;
            }
        }
        Ok(verifier)
    }

    /// Bytes behind the last whole entry: refused, unless somebody is just writing them.
    pub(super) fn torn(&self, first: u64, at: u64) -> Result<(), EngineError> {
        let what = "ends in bytes that are no whole entry";
        let refused = || file(&format!("segments/{first:020}.log, byte {at}"), what);
        self.being_written.then_some(()).ok_or_else(refused)
    }

    /// Decodes every entry without holding it against anything but its own form.
    pub(super) fn read(
        &self,
        mut visit: impl FnMut(&Entry<'_>, &mut Frames) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let (mut index, mut bytes) = (0, Vec::new());
        for (first, length) in &self.segments {
            let segment = File::open(self.files.segment(*first)).map_err(unavailable)?;
            let mut frames = Frames::new(segment, 0, *length).map_err(unavailable)?;
            while frames.next().map_err(unavailable)? == Next::Frame {
                bytes.clear();
                bytes.extend_from_slice(frames.entry());
                let entry = Entry::decode(&bytes, index).map_err(Error::from)?;
                visit(&entry, &mut frames)?;
                index += 1;
            }
        }
        Ok(())
    }
}

pub(super) fn file(place: &str, what: &'static str) -> EngineError {
    EngineError::AuditFile { place: place.to_owned(), what }
}

pub(super) fn rejected(place: RejectionPlace, kind: RejectionKind) -> EngineError {
    Error::from(Rejection::new(place, kind)).into()
}

//! Where the log ends, as this process knows it, and how it learns what others appended.

use super::files::{AuditFiles, broken, unavailable};
use super::frames::{Frames, Next};
use super::signing::newest_checkpoint;
use crate::error::EngineError;
use medseal_core::audit::{Entry, Event, Frontier, Hash, Head, HeadKey, LogKeys, leaf_hash};
use medseal_core::primitives::sha256;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

/// The tail and the file it was read from.
#[derive(Clone)]
pub(super) struct Tail {
    pub(super) head: Head,
    file: Option<(u64, u64)>,
}

/// Bytes behind the last whole frame.
pub(super) struct Torn {
    pub(super) bytes: u64,
    pub(super) digest: Hash,
}

/// What a look at a tail's file shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Nobody else wrote.
    Unchanged,
    /// There is more, or less, than before.
    Changed,
    /// Another file has its name.
    Replaced,
}

/// A tree that the log must continue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    pub(super) size: u64,
    pub(super) root: Hash,
}

impl Expected {
    pub(super) fn tree(frontier: &Frontier) -> Self {
        Self { size: frontier.size(), root: frontier.root() }
    }

    /// The newest checkpoint of a log, which must be this one's.
    pub(super) fn newest(files: &AuditFiles, keys: &LogKeys) -> Result<Self, EngineError> {
        let newest = newest_checkpoint(files)?.ok_or(broken("checkpoint", "is missing"))?;
        if newest.log != keys.log() {
            return Err(broken("checkpoint", "is of another log"));
        }
        Ok(Self { size: newest.size, root: newest.root })
    }

    fn check(&self, frontier: &Frontier) -> Result<(), EngineError> {
        if self.size == frontier.size() && self.root != frontier.root() {
            let what = "the entries before it are not those that were signed or written";
            return Err(broken(format!("entry {}", self.size), what));
        }
        Ok(())
    }

    pub(super) fn check_end(&self, frontier: &Frontier) -> Result<(), EngineError> {
        if frontier.size() < self.size {
            let what = "the log ends here and was longer";
            return Err(broken(format!("entry {}", frontier.size()), what));
        }
        Ok(())
    }
}

impl Tail {
    /// Before the first entry.
    pub(super) fn beginning(signed: u64) -> Self {
        let frontier = Frontier::default();
        Self::at(Head { segment: 0, offset: 0, time: 0, signed, state: None, frontier })
    }

    pub(super) fn at(head: Head) -> Self {
        Self { head, file: None }
    }

    /// From the index; from all segments when the index is of no use.
    pub(super) fn load(
        files: &AuditFiles,
        keys: &LogKeys,
        head_key: &HeadKey,
    ) -> Result<(Self, Option<Torn>), EngineError> {
        let expected = [Expected::newest(files, keys)?];
        let head = fs::read(files.head()).ok();
        let head = head.and_then(|bytes| Head::from_bytes(&bytes, head_key));
        let mut tail = match head {
            Some(head) => Tail::at(head),
            None => Tail::beginning(0),
        };
        tail.head.signed = expected[0].size;
        let torn = tail.catch_up(files, keys, &expected)?;
        Ok((tail, torn))
    }

    /// Before the first entry of a new log.
    pub(super) fn start(file: &File) -> Result<Self, EngineError> {
        let mut tail = Self::beginning(0);
        tail.file = Some(identity(&file.metadata().map_err(unavailable)?));
        Ok(tail)
    }

    /// Goes on to a segment that was just made.
    pub(super) fn enter_segment(&mut self, file: &File) -> Result<(), EngineError> {
        (self.head.segment, self.head.offset) = (self.head.frontier.size(), 0);
        self.file = Some(identity(&file.metadata().map_err(unavailable)?));
        Ok(())
    }

    /// What became of the file that this was read from.
    pub(super) fn look(&self, files: &AuditFiles) -> Result<Look, EngineError> {
        let path = files.segment(self.head.segment);
        let found = fs::metadata(path).map_err(|error| missing(self.head.segment, error))?;
        if self.file != Some(identity(&found)) {
            return Ok(Look::Replaced);
        }
        let next = self.head.frontier.size();
        let has_next = next > self.head.segment && files.segment(next).exists();
        let same = found.len() == self.head.offset && !has_next;
        Ok(if same { Look::Unchanged } else { Look::Changed })
    }

    /// Whether an open file is the one that this was read from.
    pub(super) fn is_of(&self, file: &File) -> bool {
        file.metadata().is_ok_and(|found| self.file == Some(identity(&found)))
    }

    /// Takes in what was appended behind this tail, segment by segment.
    pub(super) fn catch_up(
        &mut self,
        files: &AuditFiles,
        keys: &LogKeys,
        expected: &[Expected],
    ) -> Result<Option<Torn>, EngineError> {
        loop {
            let torn = self.read_segment(files, keys, expected)?;
            let next = self.head.frontier.size();
            let has_next = next > self.head.segment && files.segment(next).exists();
            if !has_next {
                expected.iter().try_for_each(|e| e.check_end(&self.head.frontier))?;
                return Ok(torn);
            }
            if torn.is_some() {
                return Err(broken(format!("entry {next}"), "is damaged"));
            }
            (self.head.segment, self.head.offset) = (next, 0);
        }
    }

    fn read_segment(
        &mut self,
        files: &AuditFiles,
        keys: &LogKeys,
        expected: &[Expected],
    ) -> Result<Option<Torn>, EngineError> {
        let segment = self.head.segment;
        let file = File::open(files.segment(segment)).map_err(|error| missing(segment, error))?;
        let found = file.metadata().map_err(unavailable)?;
        self.file = Some(identity(&found));
        let end = found.len();
        if end < self.head.offset {
            let place = format!("segment {segment}, byte {end}");
            return Err(broken(place, "the file ends here and was longer"));
        }
        if end == self.head.offset {
            return Ok(None);
        }
        let mut frames = Frames::new(file, self.head.offset, end).map_err(unavailable)?;
        while frames.next().map_err(unavailable)? == Next::Frame {
            if !self.take(frames.entry(), keys) {
                break;
            }
            frames.skip_details().map_err(unavailable)?;
            self.head.offset = frames.offset();
            expected.iter().try_for_each(|e| e.check(&self.head.frontier))?;
        }
        if self.head.offset == end {
            return Ok(None);
        }
        let file = File::open(files.segment(segment)).map_err(unavailable)?;
        torn(&file, self.head.offset, end).map(Some).map_err(unavailable)
    }

    /// Whether the bytes are the next entry of this log.
    fn take(&mut self, bytes: &[u8], keys: &LogKeys) -> bool {
        let index = self.head.frontier.size();
        let Ok(entry) = Entry::decode(bytes, index) else { return false };
        let own_boot = match entry.event {
            Event::Boot { ed25519, .. } => index == 0 && ed25519 == *keys.ed25519(),
            _ => index > 0,
        };
        let next = entry.log == keys.log() && entry.sequence == index && own_boot;
        if next {
            self.head.frontier.push(leaf_hash(bytes));
            self.head.time = entry.time;
            self.head.note(entry.state());
        }
        next
    }
}

fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

fn missing(segment: u64, error: io::Error) -> EngineError {
    if error.kind() == io::ErrorKind::NotFound {
        return broken(format!("segment {segment}"), "is missing");
    }
    unavailable(error)
}

fn torn(file: &File, offset: u64, end: u64) -> io::Result<Torn> {
    let bytes = end - offset;
    let mut rest = vec![0; usize::try_from(bytes).map_err(|_| io::ErrorKind::InvalidData)?];
    file.read_exact_at(&mut rest, offset)?;
    Ok(Torn { bytes, digest: sha256(&rest) })
}

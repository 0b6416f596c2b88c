//! The one writer of a process: finds the tail, appends, syncs, signs.
//!
//! Everything happens under the lock that all processes share. What this process knows of the tail
//! is a claim that is held against the file each time: another process may have appended, a kill may
//! have left half a frame, and somebody may have removed or replaced the file.

use super::draft::Draft;
use super::files::{AuditFiles, Lock, unavailable};
use super::keys::OpenedLog;
use super::signing::{Signing, make_private_directory, newest_checkpoint, replace};
use super::tail::{Expected, Look, Tail, Torn};
use crate::error::EngineError;
use crate::home::sync_directory;
use medseal_core::audit::{EntryPlace, Event, Head, HeadKey, LogKeys, leaf_hash, push_frame_of};
use medseal_core::primitives::sha256;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};

/// A clock may stand this many seconds behind the entry before without a word.
const CLOCK_TOLERANCE: u64 = 5;

/// When a segment is full and a checkpoint is due.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) segment_entries: u64,
    pub(super) segment_bytes: u64,
    pub(super) unsigned_entries: u64,
    pub(super) unsigned_seconds: u64,
}

const LIMITS: Limits = Limits {
    segment_entries: 65_536,
    segment_bytes: 64 << 20,
    unsigned_entries: 16_384,
    unsigned_seconds: 5,
};

pub(super) struct Writer {
    files: AuditFiles,
    keys: LogKeys,
    head_key: HeadKey,
    signing: Signing,
    limits: Limits,
    tail: Option<Tail>,
    /// The segment that was written to last.
    open: Option<File>,
    /// Whether this process appended since it last signed, and the time it counts from.
    unsigned_since: Option<u64>,
    /// What a test lets happen in the place of a disk that is slow, or of a fault.
    #[cfg(test)]
    pub(super) before_write: Option<Box<dyn FnMut() + Send>>,
}

impl Writer {
    pub(super) fn new(files: AuditFiles, log: OpenedLog) -> Self {
        Self::with_limits(files, log, LIMITS)
    }

    pub(super) fn with_limits(files: AuditFiles, log: OpenedLog, limits: Limits) -> Self {
        let OpenedLog { keys, seed } = log;
        let head_key = HeadKey::new(keys.log(), &seed);
        let signing = Signing::new(files.clone(), keys.log(), seed);
        Self {
            files,
            keys,
            head_key,
            signing,
            limits,
            tail: None,
            open: None,
            unsigned_since: None,
            #[cfg(test)]
            before_write: None,
        }
    }

    /// Makes a log with its first entry and its first checkpoint; the lock must be held.
    pub(super) fn create(files: &AuditFiles, log: OpenedLog, time: u64) -> Result<(), EngineError> {
        make_private_directory(&files.segments())?;
        make_private_directory(&files.index())?;
        let mut writer = Self::new(files.clone(), log);
        let file = create_segment(files, 0)?;
        let boot = Event::Boot {
            ed25519: *writer.keys.ed25519(),
            ml_dsa_87: sha256(writer.keys.ml_dsa_87()),
        };
        let mut tail = Tail::start(&file)?;
        let mut buffer = Vec::new();
        writer.push(&mut tail.head, &mut buffer, time, &boot)?;
        write(&file, 0, &buffer)?;
        tail.head.offset = buffer.len() as u64;
        writer.sign_tail(&mut tail, None)?;
        sync_directory(files.directory())
    }

    /// Appends the drafts in order; each gets its own answer.
    pub(super) fn append(&mut self, drafts: &[Draft]) -> Vec<Result<(), EngineError>> {
        let mut done = 0;
        let failed = loop {
            match self.append_some(drafts.get(done..).unwrap_or_default()) {
                Ok(0) => break None,
                Ok(count) => done += count,
                Err(error) => break Some(error),
            }
        };
        let answer = |at| match &failed {
            Some(error) if at >= done => Err(error.again()),
            _ => Ok(()),
        };
        (0..drafts.len()).map(answer).collect()
    }

    /// Whether the log could be appended to now.
    pub(super) fn examine(&mut self) -> Result<(), EngineError> {
        let _lock = self.files.lock()?;
        self.locate().map(drop)
    }

    /// Signs when enough was appended or enough time went by. A failure leaves the log as it was
    /// and is tried again after the next entry.
    pub(super) fn sign_if_due(&mut self, time: u64) {
        let (Some(tail), Some(since)) = (&self.tail, self.unsigned_since) else { return };
        let entries = tail.head.frontier.size().saturating_sub(tail.head.signed);
        let due = entries >= self.limits.unsigned_entries
            || time.saturating_sub(since) >= self.limits.unsigned_seconds;
        if due {
            // not an answer to anybody: whoever asked has theirs
            let _ = self.sign();
        }
    }

    /// Signs what is there, other processes' entries included.
    pub(super) fn sign(&mut self) -> Result<(), EngineError> {
        let lock = self.files.lock()?;
        self.sign_locked(&lock)
    }

    /// A process that appended signs when it ends. Whoever holds the lock took it after this
    /// process appended, so a writer that does will sign these entries with its own: under load
    /// one signature serves many.
    pub(super) fn end(&mut self) {
        if self.unsigned_since.is_none() {
            return;
        }
        if let Some(lock) = self.files.lock_unless_writing() {
            let _ = self.sign_locked(&lock);
        }
    }

    fn sign_locked(&mut self, _lock: &Lock) -> Result<(), EngineError> {
        self.ready()?;
        let Some(mut tail) = self.tail.take() else { return Ok(()) };
        let signed = newest_checkpoint(&self.files)?.map_or(0, |newest| newest.size);
        let result = if signed < tail.head.frontier.size() {
            self.sign_tail(&mut tail, None)
        } else {
            tail.head.signed = signed;
            Ok(())
        };
        self.tail = Some(tail);
        if result.is_ok() {
            self.unsigned_since = None;
        }
        result
    }

    /// As many drafts as the segment takes, at least one; 0 when there are none.
    fn append_some(&mut self, drafts: &[Draft]) -> Result<usize, EngineError> {
        if drafts.is_empty() {
            return Ok(0);
        }
        let _lock = self.files.lock()?;
        self.ready()?;
        let Some(mut tail) = self.tail.take() else { return Ok(0) };
        let result = self.append_to(&mut tail, drafts);
        self.tail = Some(tail);
        result
    }

    fn append_to(&mut self, tail: &mut Tail, drafts: &[Draft]) -> Result<usize, EngineError> {
        let file = self.writable(tail)?;
        let (mut head, mut buffer, mut count) = (tail.head.clone(), Vec::new(), 0);
        for draft in drafts {
            if draft.time_by_now().saturating_add(CLOCK_TOLERANCE) < head.time {
                let event = Event::ClockWentBack { before: head.time };
                self.push(&mut head, &mut buffer, draft.time, &event)?;
            }
            if count > 0 && self.is_full(&head, buffer.len() as u64) {
                break;
            }
            if let Err(second) = draft.agrees_with(head.state) {
                if count > 0 {
                    break;
                }
                return Err(second.into());
            }
            self.place(&mut head, &mut buffer, draft)?;
            count += 1;
        }
        #[cfg(test)]
        self.before_write.iter_mut().for_each(|happen| happen());
        write(&file, head.offset, &buffer)?;
        self.open = Some(file);
        head.offset += buffer.len() as u64;
        tail.head = head;
        let last = drafts.first().map_or(0, |draft| draft.time);
        self.unsigned_since.get_or_insert(last);
        Ok(count)
    }

    /// The file to append to: the next segment's when this one is full, which is sealed first.
    fn writable(&mut self, tail: &mut Tail) -> Result<File, EngineError> {
        if !self.is_full(&tail.head, 0) {
            if let Some(open) = self.open.take().filter(|open| tail.is_of(open)) {
                return Ok(open);
            }
            let path = self.files.segment(tail.head.segment);
            return OpenOptions::new().write(true).open(path).map_err(unavailable);
        }
        self.sign_tail(tail, Some(tail.head.segment))?;
        let file = create_segment(&self.files, tail.head.frontier.size())?;
        tail.enter_segment(&file)?;
        Ok(file)
    }

    fn is_full(&self, head: &Head, more: u64) -> bool {
        let entries = head.frontier.size() - head.segment;
        entries >= self.limits.segment_entries || head.offset + more >= self.limits.segment_bytes
    }

    /// An entry of the log's own.
    fn push(
        &self,
        head: &mut Head,
        buffer: &mut Vec<u8>,
        time: u64,
        event: &Event<'_>,
    ) -> Result<(), EngineError> {
        self.place(head, buffer, &Draft::of_log(time, event)?)
    }

    fn place(
        &self,
        head: &mut Head,
        buffer: &mut Vec<u8>,
        draft: &Draft,
    ) -> Result<(), EngineError> {
        let (sequence, signed) = (head.frontier.size(), head.signed);
        let place = EntryPlace { log: self.keys.log(), sequence, time: draft.time, signed };
        let entry = push_frame_of(buffer, &place, &draft.event, &draft.sealed)
            .ok_or(medseal_core::Error::Misuse(medseal_core::MisuseKind::ValueLength))?;
        head.frontier.push(leaf_hash(buffer.get(entry).unwrap_or_default()));
        head.note(draft.state);
        head.time = draft.time;
        Ok(())
    }

    /// Finds the tail and cuts what a kill left behind it.
    fn ready(&mut self) -> Result<(), EngineError> {
        let Some(torn) = self.locate()? else { return Ok(()) };
        let Some(mut tail) = self.tail.take() else { return Ok(()) };
        let result = self.recover(&mut tail, &torn);
        self.tail = Some(tail);
        result
    }

    /// Writes the entry that says what is cut over what is cut: a kill in between leaves a shorter
    /// rest, which is cut the same way.
    fn recover(&self, tail: &mut Tail, torn: &Torn) -> Result<(), EngineError> {
        let path = self.files.segment(tail.head.segment);
        let file = OpenOptions::new().write(true).open(path).map_err(unavailable)?;
        let (mut head, mut buffer) = (tail.head.clone(), Vec::new());
        let event = Event::Recovery { bytes: torn.bytes, digest: torn.digest };
        let time = head.time;
        self.push(&mut head, &mut buffer, time, &event)?;
        file.write_all_at(&buffer, head.offset).map_err(unavailable)?;
        head.offset += buffer.len() as u64;
        file.set_len(head.offset).map_err(unavailable)?;
        file.sync_data().map_err(unavailable)?;
        tail.head = head;
        Ok(())
    }

    /// Makes `self.tail` the log's real tail. What was known before is kept when that fails, so
    /// that a log that comes back shorter is noticed.
    fn locate(&mut self) -> Result<Option<Torn>, EngineError> {
        let Some(known) = &self.tail else { return self.load() };
        let mut tail = match known.look(&self.files)? {
            Look::Unchanged => return Ok(None),
            Look::Changed => known.clone(),
            Look::Replaced => {
                let expected = [self.expected_checkpoint()?, Expected::tree(&known.head.frontier)];
                let mut tail = Tail::beginning(known.head.signed);
                let torn = tail.catch_up(&self.files, &self.keys, &expected)?;
                self.tail = Some(tail);
                return Ok(torn);
            }
        };
        let torn = tail.catch_up(&self.files, &self.keys, &[])?;
        if torn.is_some() {
            self.expected_checkpoint()?.check_end(&tail.head.frontier)?;
        }
        self.tail = Some(tail);
        Ok(torn)
    }

    fn load(&mut self) -> Result<Option<Torn>, EngineError> {
        let (tail, torn) = Tail::load(&self.files, &self.keys, &self.head_key)?;
        self.tail = Some(tail);
        Ok(torn)
    }

    fn expected_checkpoint(&self) -> Result<Expected, EngineError> {
        Expected::newest(&self.files, &self.keys)
    }

    /// Signs the tail; the lock must be held and the tail be the log's.
    fn sign_tail(&mut self, tail: &mut Tail, sealing: Option<u64>) -> Result<(), EngineError> {
        let (size, root) = (tail.head.frontier.size(), tail.head.frontier.root());
        self.signing.sign((size, &root), tail.head.time, sealing)?;
        tail.head.signed = size;
        let head = tail.head.to_bytes(&self.head_key);
        // the index may be lost at any time; failing to write it costs a rebuild
        let _ = replace(&self.files.index().join("new"), &self.files.head(), &head, false);
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.end();
    }
}

/// Writes and syncs; a failed write is cut off again.
fn write(file: &File, offset: u64, bytes: &[u8]) -> Result<(), EngineError> {
    let written = file.write_all_at(bytes, offset).and_then(|()| file.sync_data());
    if written.is_err() {
        let _ = file.set_len(offset);
    }
    written.map_err(unavailable)
}

fn create_segment(files: &AuditFiles, first: u64) -> Result<File, EngineError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let file = options.open(files.segment(first)).map_err(unavailable)?;
    sync_directory(&files.segments())?;
    Ok(file)
}

#[cfg(test)]
pub(super) mod tests;

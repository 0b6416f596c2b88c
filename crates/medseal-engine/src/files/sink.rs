//! Where content or a stream goes: a file that appears whole, a pipe, or nowhere.

use crate::error::EngineError;
use crate::replace_file::ReplaceFile;
use medseal_core::stream::{Block, CHUNK_BYTES};
use rustix::io::pwritev;
use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// An output.
pub enum Sink {
    /// A file that appears under its name when it is whole.
    File(ReplaceFile),
    /// Gets everything in order, as it is done.
    Pipe(Box<dyn Write + Send>),
    /// A directory that appears when it is whole; for decrypting a directory. Another kind of
    /// content becomes a file of that name.
    Path(PathBuf),
}

impl Sink {
    /// A file that will replace `target`.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn file(target: &Path) -> Result<Self, EngineError> {
        Ok(Sink::File(ReplaceFile::create(target)?))
    }
}

/// An output while several threads write to it.
pub(super) enum Lane<'s> {
    /// Each block at its own offset.
    Offsets(&'s File),
    /// Each block in its turn.
    Turns(Turns<'s>),
    /// What was opened is only counted.
    Nowhere,
}

/// A pipe that blocks are written to in their order.
pub(super) struct Turns<'s> {
    state: Mutex<Turn<'s>>,
    next: Condvar,
}

struct Turn<'s> {
    pipe: &'s mut (dyn Write + Send),
    seq: u64,
    /// nothing is written any more
    closed: bool,
}

impl<'s> Turns<'s> {
    pub(super) fn new(pipe: &'s mut (dyn Write + Send)) -> Self {
        let turn = Turn { pipe, seq: 0, closed: false };
        Self { state: Mutex::new(turn), next: Condvar::new() }
    }

    /// Waits until it is block `seq`'s turn, or the output was closed.
    fn wait(&self, seq: u64) -> MutexGuard<'_, Turn<'s>> {
        let waiting = |turn: &mut Turn<'s>| turn.seq < seq && !turn.closed;
        let turn = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.next.wait_while(turn, waiting).unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'s> Lane<'s> {
    pub(super) fn of(sink: &'s mut Sink) -> Result<Self, EngineError> {
        match sink {
            Sink::File(file) => Ok(Lane::Offsets(file.file())),
            Sink::Pipe(pipe) => Ok(Lane::Turns(Turns::new(&mut **pipe))),
            Sink::Path(_) => Err(EngineError::FileNeeded("this output")),
        }
    }

    /// Writes the ciphertext of block `seq`.
    pub(super) fn write_sealed(
        &self,
        seq: u64,
        offset: u64,
        block: &Block,
    ) -> Result<(), EngineError> {
        match self {
            Lane::Offsets(file) => {
                file.write_all_at(block.sealed(), offset).map_err(EngineError::io(WRITING))
            }
            Lane::Turns(turns) => {
                turns.in_turn(seq, Then::GoOn, |pipe| pipe.write_all(block.sealed()))
            }
            Lane::Nowhere => Ok(()),
        }
    }

    /// Writes what was opened of block `seq`.
    pub(super) fn write_opened(
        &self,
        seq: u64,
        offset: u64,
        block: &Block,
    ) -> Result<(), EngineError> {
        self.write_opened_then(Then::GoOn, seq, offset, block)
    }

    /// Writes what was opened of block `seq`, behind which nothing may come.
    pub(super) fn write_opened_and_close(
        &self,
        seq: u64,
        offset: u64,
        block: &Block,
    ) -> Result<(), EngineError> {
        self.write_opened_then(Then::Close, seq, offset, block)
    }

    fn write_opened_then(
        &self,
        then: Then,
        seq: u64,
        offset: u64,
        block: &Block,
    ) -> Result<(), EngineError> {
        match self {
            Lane::Offsets(file) => {
                write_parts_at(file, offset, block).map_err(EngineError::io(WRITING))
            }
            Lane::Turns(turns) => turns.in_turn(seq, then, |pipe| {
                block.opened().try_for_each(|part| pipe.write_all(part))
            }),
            Lane::Nowhere => Ok(()),
        }
    }

    /// Block `seq` failed: waits for the blocks before it and lets none behind it through.
    pub(super) fn close_at(&self, seq: u64) {
        if let Lane::Turns(turns) = self {
            turns.wait(seq).closed = true;
            turns.next.notify_all();
        }
    }

    /// Lets nothing through any more, whoever waits.
    pub(super) fn close_now(&self) {
        if let Lane::Turns(turns) = self {
            turns.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
            turns.next.notify_all();
        }
    }
}

/// What comes after a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    GoOn,
    Close,
}

pub(super) const WRITING: &str = "writing the output";

impl Turns<'_> {
    fn in_turn(
        &self,
        seq: u64,
        then: Then,
        write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
    ) -> Result<(), EngineError> {
        let mut turn = self.wait(seq);
        if turn.closed {
            return Ok(());
        }
        let written = write(turn.pipe);
        turn.seq += 1;
        turn.closed = then == Then::Close || written.is_err();
        drop(turn);
        self.next.notify_all();
        written.map_err(EngineError::io(WRITING))
    }
}

/// One system call for all parts, and the rest part by part should it have taken fewer.
fn write_parts_at(file: &File, offset: u64, block: &Block) -> io::Result<()> {
    let parts: Vec<IoSlice<'_>> = block.opened().map(IoSlice::new).collect();
    if parts.is_empty() {
        return Ok(());
    }
    let written = match pwritev(file, &parts, offset) {
        Ok(written) => written,
        Err(rustix::io::Errno::INTR) => 0,
        Err(error) => return Err(error.into()),
    };
    for (n, part) in block.opened().enumerate() {
        let start = n * CHUNK_BYTES;
        let done = written.saturating_sub(start).min(part.len());
        let rest = part.get(done..).unwrap_or_default();
        if !rest.is_empty() {
            file.write_all_at(rest, offset + (start + done) as u64)?;
        }
    }
    Ok(())
}

impl Sink {
    /// Writes what stands in front of the first chunk.
    pub(super) fn write_prefix(&mut self, prefix: &[u8]) -> Result<(), EngineError> {
        match self {
            Sink::File(file) => file.file().write_all_at(prefix, 0),
            Sink::Pipe(pipe) => pipe.write_all(prefix),
            Sink::Path(_) => return Err(EngineError::FileNeeded("this output")),
        }
        .map_err(EngineError::io(WRITING))
    }

    /// Gives a file its name; flushes a pipe.
    pub(super) fn finish(self) -> Result<(), EngineError> {
        match self {
            Sink::File(file) => file.commit(),
            Sink::Pipe(mut pipe) => pipe.flush().map_err(EngineError::io(WRITING)),
            Sink::Path(_) => Ok(()),
        }
    }
}

//! Where content or a stream comes from: a file that is read at offsets, a pipe, a directory.

use crate::error::EngineError;
use medseal_core::stream::{Block, CHUNK_BYTES};
use rustix::io::preadv;
use std::fs::{File, Metadata};
use std::io::{self, IoSliceMut, Read, Seek};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// An input.
pub enum Source {
    /// A regular file.
    File(RegularFile),
    /// Anything that is read in order.
    Pipe(Box<dyn Read + Send>),
    /// A directory, to be encrypted as an archive.
    Directory {
        /// Where.
        path: PathBuf,
        /// What it is called.
        name: Option<String>,
    },
}

/// A regular file and what it was like when it was opened.
pub struct RegularFile {
    pub(super) file: File,
    pub(super) len: u64,
    pub(super) name: Option<String>,
    stamp: Stamp,
}

/// What changes when somebody writes to a file.
#[derive(PartialEq, Eq)]
struct Stamp {
    len: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self { len: metadata.len(), modified: (metadata.mtime(), metadata.mtime_nsec()) }
    }
}

impl Source {
    /// What lies at a path.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Ok(Source::Directory { path: path.to_owned(), name });
        }
        Ok(Self::of_file(file, &metadata, name))
    }

    /// Files of the kernel's own say that they are empty and are not.
    fn of_file(file: File, metadata: &Metadata, name: Option<String>) -> Self {
        let lies = metadata.len() == 0 && file.read_at(&mut [0], 0).is_ok_and(|read| read > 0);
        if !metadata.is_file() || lies {
            return Source::Pipe(Box::new(file));
        }
        let stamp = Stamp::of(metadata);
        Source::File(RegularFile { file, len: metadata.len(), name, stamp })
    }

    /// Standard input; a file that it was redirected from is read at offsets.
    ///
    /// # Errors
    /// What the system says.
    pub fn stdin() -> io::Result<Self> {
        let mut file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let metadata = file.metadata()?;
        if !metadata.is_file() || file.stream_position()? != 0 {
            return Ok(Source::Pipe(Box::new(file)));
        }
        Ok(Self::of_file(file, &metadata, None))
    }

    /// Bytes of input, where that is known.
    pub fn len(&self) -> Option<u64> {
        match self {
            Source::File(file) => Some(file.len),
            Source::Pipe(_) | Source::Directory { .. } => None,
        }
    }

    /// Whether the input is known to be empty.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }
}

impl RegularFile {
    /// Nobody wrote to the file since it was opened.
    pub(super) fn check_unchanged(&self) -> Result<(), EngineError> {
        let metadata = self.file.metadata().map_err(EngineError::io("reading the input"))?;
        if Stamp::of(&metadata) == self.stamp { Ok(()) } else { Err(EngineError::SourceChanged) }
    }

    /// Reads `len` bytes of content at `offset` into the slots of a block.
    pub(super) fn read_content(
        &self,
        block: &mut Block,
        offset: u64,
        len: usize,
    ) -> Result<(), EngineError> {
        let mut room = block.content_room();
        let mut slices: Vec<IoSliceMut<'_>> = room.slots(len).map(IoSliceMut::new).collect();
        let read = match preadv(&self.file, &mut slices, offset) {
            Ok(read) => read,
            Err(rustix::io::Errno::INTR) => 0,
            Err(error) => return Err(EngineError::io("reading the input")(error.into())),
        };
        // a short read is rare: the rest slot by slot
        for (n, slot) in room.slots(len).enumerate() {
            let start = n * CHUNK_BYTES;
            let have = read.saturating_sub(start).min(slot.len());
            let rest = slot.get_mut(have..).unwrap_or_default();
            if !rest.is_empty() {
                self.read_exact(rest, offset + (start + have) as u64)?;
            }
        }
        room.filled(len);
        Ok(())
    }

    /// Reads exactly `out` at `offset`; a file that has become shorter has changed.
    pub(super) fn read_exact(&self, out: &mut [u8], offset: u64) -> Result<(), EngineError> {
        self.file.read_exact_at(out, offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => EngineError::SourceChanged,
            kind => EngineError::Io { what: "reading the input", kind },
        })
    }
}

/// Fills the slots of a block from a pipe, up to `len` bytes; fewer at its end.
pub(super) fn fill_content(
    pipe: &mut (dyn Read + Send),
    block: &mut Block,
    len: usize,
) -> Result<usize, EngineError> {
    let mut room = block.content_room();
    let mut filled = 0;
    for slot in room.slots(len) {
        let read = fill(pipe, slot)?;
        filled += read;
        if read < slot.len() {
            break;
        }
    }
    room.filled(filled);
    Ok(filled)
}

/// Reads until `out` is full or the pipe ends.
pub(super) fn fill(pipe: &mut (dyn Read + Send), out: &mut [u8]) -> Result<usize, EngineError> {
    let mut filled = 0;
    while let Some(rest) = out.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match pipe.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(EngineError::io("reading the input")(error)),
        }
    }
    Ok(filled)
}

//! A file that appears under its name only when it is whole.
//!
//! It is written without any name (`O_TMPFILE`), so that a kill leaves nothing, least of all half a
//! document in plaintext; when it is whole and synced it is linked beside its target and renamed
//! over it. Where the file system has no unnamed files, a temporary name is used from the start.
//! A temporary name that a kill left is removed by the next run (`partial`).

use crate::error::EngineError;
use crate::home::sync_directory;
use crate::partial::{self, PartialName};
use crate::wiped_buffer::WipedBuffer;
use rustix::fs::{Mode, OFlags, open};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

const BUFFER_BYTES: usize = 1 << 18;

/// An output file in the making. Dropping it without [`ReplaceFile::commit`] leaves nothing.
pub struct ReplaceFile {
    target: PathBuf,
    writer: WipedWriter,
    /// the temporary name, where there had to be one
    name: Option<PartialName>,
}

impl ReplaceFile {
    /// Starts a file that will replace `target`; created 0600. A symbolic link is followed.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn create(target: &Path) -> Result<Self, EngineError> {
        let target = fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
        partial::sweep(directory(&target));
        let mode = Mode::RUSR | Mode::WUSR;
        let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
        let (file, name) = match open(directory(&target), flags, mode) {
            Ok(descriptor) => (File::from(descriptor), None),
            Err(_) => {
                let io = EngineError::io("creating the output file");
                let (file, name) = partial::create_file(directory(&target)).map_err(io)?;
                (file, Some(name))
            }
        };
        partial::lock(&file);
        Ok(Self { target, writer: WipedWriter::new(file), name })
    }

    /// The file itself, for writing at offsets; not to be mixed with [`Write`].
    pub(crate) fn file(&self) -> &File {
        &self.writer.file
    }

    /// Syncs the content and gives the file its name.
    ///
    /// # Errors
    /// [`EngineError::Io`]; the target is then as before.
    pub fn commit(self) -> Result<(), EngineError> {
        let io = EngineError::io("writing the output file");
        let file = self.writer.finish().map_err(&io)?;
        file.sync_all().map_err(&io)?;
        let name = match self.name {
            Some(name) => name,
            None => partial::link(&file, directory(&self.target)).map_err(&io)?,
        };
        name.persist(&self.target).map_err(&io)?;
        sync_directory(directory(&self.target))
    }
}

impl Write for ReplaceFile {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.writer.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// A buffered writer that wipes its buffer, in which plaintext may stand. Dropped, it writes no more.
struct WipedWriter {
    file: File,
    buffer: WipedBuffer,
    /// what could not be written is lost, and the file must not be committed without it
    failed: bool,
}

impl WipedWriter {
    fn new(file: File) -> Self {
        Self { file, buffer: WipedBuffer::default(), failed: false }
    }

    /// Writes what is still in the buffer.
    fn finish(mut self) -> io::Result<File> {
        self.flush()?;
        Ok(self.file)
    }
}

impl Write for WipedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush()?;
        }
        if bytes.len() > BUFFER_BYTES {
            return self.file.write(bytes);
        }
        let room = BUFFER_BYTES - self.buffer.len();
        self.buffer.with_room(room).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.failed {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let written = self.file.write_all(&self.buffer);
        self.failed = written.is_err();
        self.buffer.clear();
        written
    }
}

pub(crate) fn directory(target: &Path) -> &Path {
    target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

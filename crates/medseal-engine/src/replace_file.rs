//! A file that appears under its name only when it is whole.
//!
//! It is written without any name (`O_TMPFILE`), so that a kill leaves nothing, least of all half a
//! document in plaintext; when it is whole and synced it is linked beside its target and renamed
//! over it. Where the file system has no unnamed files, a temporary name is used from the start.
//! A temporary name that a kill left is removed by the next run (`partial`).

use crate::error::EngineError;
use crate::home::sync_directory;
use crate::partial::{self, PartialName};
use crate::wiped_buffer::wipe;
use rustix::fs::{Mode, OFlags, open};
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
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
        Ok(Self {
            target,
            writer: WipedWriter(Some(BufWriter::with_capacity(BUFFER_BYTES, file))),
            name,
        })
    }

    /// The file itself, for writing at offsets; not to be mixed with [`Write`].
    ///
    /// # Errors
    /// None before [`ReplaceFile::commit`].
    pub(crate) fn file(&self) -> io::Result<&File> {
        self.writer.file()
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
        self.writer.open()?.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.open()?.flush()
    }
}

/// A writer whose buffer, in which plaintext stood, is wiped at the end. Dropped, it writes no more.
struct WipedWriter(Option<BufWriter<File>>);

impl WipedWriter {
    fn open(&mut self) -> io::Result<&mut BufWriter<File>> {
        self.0.as_mut().ok_or_else(|| ErrorKind::BrokenPipe.into())
    }

    fn file(&self) -> io::Result<&File> {
        self.0.as_ref().map(BufWriter::get_ref).ok_or_else(|| ErrorKind::BrokenPipe.into())
    }

    /// Writes what is still in the buffer.
    fn finish(mut self) -> io::Result<File> {
        self.open()?.flush()?;
        self.take().ok_or_else(|| ErrorKind::BrokenPipe.into())
    }

    fn take(&mut self) -> Option<File> {
        let (file, buffer) = self.0.take()?.into_parts();
        if let Ok(mut buffer) = buffer {
            wipe(&mut buffer);
        }
        Some(file)
    }
}

impl Drop for WipedWriter {
    fn drop(&mut self) {
        self.take();
    }
}

pub(crate) fn directory(target: &Path) -> &Path {
    target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

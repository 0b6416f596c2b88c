//! A file that appears under its name only when it is whole.
//!
//! It is written without any name (`O_TMPFILE`), so that a kill leaves nothing, least of all half a
//! document in plaintext; when it is whole and synced it is linked beside its target and renamed
//! over it. Where the file system has no unnamed files, a temporary name is used from the start and
//! a kill can leave `.medseal-*.partial` (0600) behind.

use crate::error::EngineError;
use crate::home::sync_directory;
use crate::wiped_buffer::wipe;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use tempfile::TempPath;

const BUFFER_BYTES: usize = 1 << 18;

/// An output file in the making. Dropping it without [`ReplaceFile::commit`] leaves nothing.
pub struct ReplaceFile {
    target: PathBuf,
    writer: WipedWriter,
    /// the temporary name, where there had to be one
    name: Option<TempPath>,
}

impl ReplaceFile {
    /// Starts a file that will replace `target`; created 0600. A symbolic link is followed.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn create(target: &Path) -> Result<Self, EngineError> {
        let target = fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
        let mode = Mode::RUSR | Mode::WUSR;
        let unnamed = open(directory(&target), OFlags::WRONLY | OFlags::TMPFILE, mode);
        let (file, name) = match unnamed {
            Ok(descriptor) => (File::from(descriptor), None),
            Err(_) => {
                let io = EngineError::io("creating the output file");
                let (file, name) = named(&target).map_err(io)?;
                (file, Some(name))
            }
        };
        Ok(Self {
            target,
            writer: WipedWriter(Some(BufWriter::with_capacity(BUFFER_BYTES, file))),
            name,
        })
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
            None => link(&file, &self.target).map_err(&io)?,
        };
        name.persist(&self.target).map_err(|e| io(e.error))?;
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

fn named(target: &Path) -> io::Result<(File, TempPath)> {
    Ok(partial(directory(target))?.into_parts())
}

fn partial(directory: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().prefix(".medseal-").suffix(".partial").tempfile_in(directory)
}

/// Gives a whole, unnamed file a temporary name beside its target.
fn link(file: &File, target: &Path) -> io::Result<TempPath> {
    let name = partial(directory(target))?.into_temp_path();
    // the name is ours; `linkat` wants it free
    fs::remove_file(&name)?;
    let descriptor = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(CWD, descriptor, CWD, &*name, AtFlags::SYMLINK_FOLLOW)?;
    Ok(name)
}

fn directory(target: &Path) -> &Path {
    target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

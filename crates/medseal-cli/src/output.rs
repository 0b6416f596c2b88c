//! Where output goes: a file that appears whole, or standard output.

use crate::failure::Failure;
use crate::terminal;
use medseal_engine::replace_file::ReplaceFile;
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Stdout, Write, stdout};
use std::path::Path;

/// A destination of documents, which knows its name.
pub(crate) struct Output {
    place: String,
    sink: Sink,
}

enum Sink {
    /// Appears under its name when it is whole.
    File(ReplaceFile),
    /// A pipe or device that has a name: it is written to, never replaced.
    Special(BufWriter<File>),
    /// Gets whole documents as they are done.
    Pipe(BufWriter<Stdout>),
}

impl Output {
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            let sink = Sink::Pipe(BufWriter::with_capacity(1 << 18, stdout()));
            return Ok(Self { place: "standard output".to_owned(), sink });
        };
        let place = format!("`{}`", path.display());
        let sink = if is_special(path) {
            let opened = OpenOptions::new().write(true).open(path);
            let failed =
                |e: std::io::Error| Failure::Write { place: place.clone(), kind: e.kind() };
            Sink::Special(BufWriter::new(opened.map_err(failed)?))
        } else {
            let created = ReplaceFile::create(path);
            Sink::File(created.map_err(|error| Failure::At { place: place.clone(), error })?)
        };
        Ok(Self { place, sink })
    }

    pub(crate) fn writer(&mut self) -> &mut (dyn Write + Send) {
        match &mut self.sink {
            Sink::File(file) => file,
            Sink::Special(special) => special,
            Sink::Pipe(pipe) => pipe,
        }
    }

    /// Writes all of it.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.writer().write_all(bytes);
        written.map_err(|error| self.failed(error.kind()))
    }

    pub(crate) fn commit(self) -> Result<(), Failure> {
        let Self { place, sink } = self;
        let flushed = match sink {
            Sink::File(file) => {
                return file.commit().map_err(|error| Failure::At { place, error });
            }
            Sink::Special(mut special) => special.flush(),
            Sink::Pipe(mut pipe) => pipe.flush(),
        };
        flushed.map_err(|error| Failure::Write { place, kind: error.kind() })
    }

    /// The failure to write here.
    pub(crate) fn failed(&self, kind: std::io::ErrorKind) -> Failure {
        Failure::Write { place: self.place.clone(), kind }
    }
}

/// A pipe or device that has a name.
pub(crate) fn is_special(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Writes bytes as they are.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = stdout().lock();
    out.write_all(bytes)?;
    Ok(out.flush()?)
}

/// Writes one line for people.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    write(format!("{}\n", terminal::harmless(text)).as_bytes())
}

/// Writes text for people whose line ends are our own.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    text.split('\n').try_for_each(line)
}

/// Writes one JSON value on a line.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    write(format!("{}\n", json_text(value)?).as_bytes())
}

/// One JSON value as text.
pub(crate) fn json_text(value: &impl Serialize) -> Result<String, Failure> {
    let text =
        serde_json::to_string(value).map_err(|e| Failure::Stdio(std::io::Error::from(e).kind()))?;
    Ok(terminal::harmless_json(&text).into_owned())
}

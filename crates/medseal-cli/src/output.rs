//! Where output goes: a file that appears whole, or standard output.

use crate::failure::Failure;
use crate::terminal;
use medseal_engine::replace_file::ReplaceFile;
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write, stdout};
use std::path::Path;

/// A destination of documents.
pub(crate) enum Output {
    /// Appears under its name when it is whole.
    File(ReplaceFile),
    /// A pipe or device that has a name: it is written to, never replaced.
    Special(BufWriter<File>),
    /// Gets whole documents as they are done.
    Pipe(BufWriter<std::io::Stdout>),
}

impl Output {
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        match path.filter(|path| *path != Path::new("-")) {
            Some(path) if is_special(path) => {
                let file = OpenOptions::new().write(true).open(path)?;
                Ok(Output::Special(BufWriter::new(file)))
            }
            Some(path) => Ok(Output::File(ReplaceFile::create(path)?)),
            None => Ok(Output::Pipe(BufWriter::with_capacity(1 << 18, stdout()))),
        }
    }

    pub(crate) fn writer(&mut self) -> &mut (dyn Write + Send) {
        match self {
            Output::File(file) => file,
            Output::Special(special) => special,
            Output::Pipe(pipe) => pipe,
        }
    }

    pub(crate) fn commit(self) -> Result<(), Failure> {
        match self {
            Output::File(file) => Ok(file.commit()?),
            Output::Special(mut special) => Ok(special.flush()?),
            Output::Pipe(mut pipe) => Ok(pipe.flush()?),
        }
    }
}

fn is_special(path: &Path) -> bool {
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

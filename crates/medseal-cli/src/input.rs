//! Where input comes from.

use crate::failure::Failure;
use std::fs::File;
use std::io::{Read, stdin};
use std::path::Path;
use zeroize::Zeroizing;

/// A file, or standard input for `-`; with its size when that is known.
pub(crate) fn open(path: &Path) -> Result<(Box<dyn Read + Send>, Option<u64>), Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(stdin()), None));
    }
    let file = File::open(path).map_err(|error| failed(path, error.kind()))?;
    let metadata = file.metadata().map_err(|error| failed(path, error.kind()))?;
    if metadata.is_dir() {
        return Err(failed(path, std::io::ErrorKind::IsADirectory));
    }
    Ok((Box::new(file), metadata.is_file().then_some(metadata.len())))
}

/// The first bytes of a file, enough to tell a stream.
pub(crate) fn start_of(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut start = Vec::new();
    open(path)?.0.take(64).read_to_end(&mut start)?;
    Ok(start)
}

/// All of it, wiped after use.
pub(crate) fn read_all(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let (mut input, _) = open(path)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(1 << 16));
    input.read_to_end(&mut bytes).map_err(|error| failed(path, error.kind()))?;
    Ok(bytes)
}

/// The failure to read from there.
pub(crate) fn failed(path: &Path, kind: std::io::ErrorKind) -> Failure {
    if path == Path::new("-") {
        return Failure::Stdio(kind);
    }
    Failure::Read { path: path.display().to_string(), kind }
}

//! Files that hold one 32-byte secret: a first line that says what it is, and 64 hexadecimal digits.
//!
//! Mode 0600 and our own, or it is refused: a key that others could read must not go on being used
//! as if they had not. No link is followed and no pipe is waited for.

use crate::KmsError;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use zeroize::Zeroizing;

const HEX_DIGITS: usize = 64;
/// More than any of these files has.
const LONGEST: usize = 256;

/// Writes a new file and syncs it and its directory; an existing one is refused.
pub(crate) fn create(path: &Path, first_line: &str, secret: &[u8; 32]) -> Result<(), KmsError> {
    let mut content = Zeroizing::new(Vec::with_capacity(first_line.len() + HEX_DIGITS + 2));
    content.extend_from_slice(first_line.as_bytes());
    content.push(b'\n');
    push_hex(secret, &mut content);
    content.push(b'\n');
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = file.write_all(&content).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // half a key would only be in the way; a failure to remove it changes nothing
        let _ = fs::remove_file(path);
        return Err(error.into());
    }
    sync_parent(path)
}

/// Reads a file that [`create`] wrote.
pub(crate) fn read(path: &Path, first_line: &str) -> Result<Zeroizing<[u8; 32]>, KmsError> {
    let file = open_regular(OpenOptions::new().read(true), path)?;
    let metadata = file.metadata()?;
    if metadata.mode() & 0o077 != 0 || metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(KmsError::FilePermissions);
    }
    let mut content = Zeroizing::new(Vec::with_capacity(LONGEST));
    file.take(LONGEST as u64).read_to_end(&mut content)?;
    let hex = content
        .strip_prefix(first_line.as_bytes())
        .and_then(|rest| rest.strip_prefix(b"\n"))
        .and_then(|rest| rest.strip_suffix(b"\n"));
    hex.and_then(from_hex).ok_or(KmsError::FileMalformed)
}

/// Overwrites a file and removes it; it is no error if there is none.
pub(crate) fn wipe(path: &Path) -> Result<(), KmsError> {
    match open_regular(OpenOptions::new().write(true), path) {
        Ok(mut file) => {
            let len = file.metadata()?.len().min(LONGEST as u64);
            file.write_all(&vec![0; usize::try_from(len).unwrap_or(LONGEST)])?;
            file.sync_all()?;
        }
        Err(KmsError::File(ErrorKind::NotFound)) => {}
        Err(other) => return Err(other),
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        // also when there was none: somebody else's removal may not be durable yet
        _ => sync_parent(path),
    }
}

/// Whether a [`wipe`] was killed after it had overwritten the file.
pub(crate) fn is_wiped(path: &Path) -> Result<bool, KmsError> {
    let file = open_regular(OpenOptions::new().read(true), path)?;
    let mut content = Zeroizing::new(Vec::with_capacity(LONGEST));
    file.take(LONGEST as u64).read_to_end(&mut content)?;
    Ok(!content.is_empty() && content.iter().all(|byte| *byte == 0))
}

/// Follows no link, so that nobody can point us at another file, and does not hang on a pipe.
fn open_regular(options: &mut OpenOptions, path: &Path) -> Result<File, KmsError> {
    let flags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK);
    let opened = options.custom_flags(flags.bits() as i32).open(path);
    let file = opened.map_err(|error| match Errno::from_io_error(&error) {
        // a link, a directory to be written, a pipe without a reader
        Some(Errno::LOOP | Errno::ISDIR | Errno::NXIO) => KmsError::FileMalformed,
        _ => error.into(),
    })?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(KmsError::FileMalformed) }
}

/// Refuses a directory that others could look into or change.
pub(crate) fn check_directory(path: &Path) -> Result<(), KmsError> {
    let metadata = fs::metadata(path)?;
    let private = metadata.mode() & 0o077 == 0;
    if private && metadata.uid() == rustix::process::geteuid().as_raw() {
        Ok(())
    } else {
        Err(KmsError::FilePermissions)
    }
}

pub(crate) fn sync_parent(path: &Path) -> Result<(), KmsError> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(File::open(parent)?.sync_all()?)
}

/// 64 lower-case digits.
pub(crate) fn from_hex(hex: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    if hex.len() != HEX_DIGITS {
        return None;
    }
    let mut out = Zeroizing::new([0; 32]);
    for (byte, digits) in out.iter_mut().zip(hex.chunks_exact(2)) {
        let &[high, low] = digits else { return None };
        *byte = nibble(high)? << 4 | nibble(low)?;
    }
    Some(out)
}

fn push_hex(secret: &[u8; 32], out: &mut Vec<u8>) {
    for byte in secret {
        for nibble in [byte >> 4, byte & 15] {
            out.push(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
        }
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

//! Temporary names beside an output, which a kill cannot leave behind for good.
//!
//! A temporary file or directory is called `.medseal-N.partial`, N below [`SLOTS`], and its maker
//! holds a lock on it (`flock`) as long as it runs; the lock goes with the process. Whoever next
//! writes to the same directory looks at these few names and removes those whose lock is free. Few
//! names, so that this costs a few hundred system calls at most and never a walk through a
//! directory of a million files.

use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, flock, linkat, open};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// How many can be in the making in one directory at the same moment.
const SLOTS: u32 = 128;

/// A temporary name; dropping it removes what bears it, unless that was given its final name.
#[derive(Debug)]
pub(crate) struct PartialName {
    path: PathBuf,
    removes: bool,
}

/// A directory in the making, locked.
#[derive(Debug)]
pub(crate) struct PartialDirectory {
    name: PartialName,
    _lock: File,
}

/// Locks an output file without a name, so that it is never taken for abandoned once it has one.
pub(crate) fn lock(file: &File) {
    // where the file system knows no locks, nothing is ever taken for abandoned
    let _ = flock(file, FlockOperation::NonBlockingLockExclusive);
}

/// Removes what killed processes left in `directory`.
pub(crate) fn sweep(directory: &Path) {
    for slot in 0..SLOTS {
        remove_if_abandoned(&slot_path(directory, slot));
    }
}

/// Gives a locked file without a name a temporary one.
pub(crate) fn link(file: &File, directory: &Path) -> io::Result<PartialName> {
    let descriptor = format!("/proc/self/fd/{}", file.as_raw_fd());
    first_free(directory, |path| Ok(linkat(CWD, &descriptor, CWD, path, AtFlags::SYMLINK_FOLLOW)?))
        .map(|((), name)| name)
}

/// A new file under a temporary name, locked.
pub(crate) fn create_file(directory: &Path) -> io::Result<(File, PartialName)> {
    first_free(directory, |path| {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = File::from(open(path, flags, Mode::RUSR | Mode::WUSR)?);
        lock(&file);
        still_ours(path, &file)?;
        Ok(file)
    })
}

/// A new directory under a temporary name, for its owner alone, locked.
pub(crate) fn create_directory(directory: &Path) -> io::Result<PartialDirectory> {
    first_free(directory, |path| {
        fs::DirBuilder::new().mode(0o700).create(path)?;
        let file = File::open(path)?;
        lock(&file);
        still_ours(path, &file)?;
        Ok(file)
    })
    .map(|(lock, name)| PartialDirectory { name, _lock: lock })
}

impl PartialName {
    /// Renames to the final name, replacing what bears it.
    pub(crate) fn persist(mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.removes = false;
        Ok(())
    }
}

impl Drop for PartialName {
    fn drop(&mut self) {
        if self.removes {
            remove(&self.path);
        }
    }
}

impl PartialDirectory {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.name.path
    }

    /// Renames to the final name, which nothing may bear but an empty directory.
    pub(crate) fn persist(self, target: &Path) -> io::Result<()> {
        self.name.persist(target)
    }
}

fn slot_path(directory: &Path, slot: u32) -> PathBuf {
    directory.join(format!(".medseal-{slot}.partial"))
}

/// Tries the names in turn; `make` fails with `AlreadyExists` where one is taken.
fn first_free<T>(
    directory: &Path,
    make: impl Fn(&Path) -> io::Result<T>,
) -> io::Result<(T, PartialName)> {
    for slot in 0..SLOTS {
        let path = slot_path(directory, slot);
        match make(&path) {
            Ok(made) => return Ok((made, PartialName { path, removes: true })),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::ResourceBusy.into())
}

/// Between making and locking somebody may have taken it for abandoned and removed it.
fn still_ours(path: &Path, file: &File) -> io::Result<()> {
    if same_file(path, file) { Ok(()) } else { Err(io::ErrorKind::AlreadyExists.into()) }
}

fn same_file(path: &Path, file: &File) -> bool {
    match (fs::symlink_metadata(path), file.metadata()) {
        (Ok(named), Ok(opened)) => named.ino() == opened.ino() && named.dev() == opened.dev(),
        _ => false,
    }
}

/// Whoever removes holds the lock, so two cannot remove at once, and a name that was compared under
/// the lock still means the same file.
fn remove_if_abandoned(path: &Path) {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(descriptor) = open(path, flags, Mode::empty()) else { return };
    let file = File::from(descriptor);
    let free = flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
    if free && same_file(path, &file) {
        remove(path);
    }
}

fn remove(path: &Path) {
    // what cannot be removed now is tried again by the next run
    let _ = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        _ => fs::remove_file(path),
    };
}

#[cfg(test)]
mod tests {
    use super::{create_directory, create_file, link, lock, slot_path, sweep};
    use std::fs;

    #[test]
    fn what_is_in_the_making_is_left_alone_and_what_was_abandoned_goes() {
        let directory = tempfile::tempdir().unwrap();
        let at = |slot| slot_path(directory.path(), slot);
        let (_file, first) = create_file(directory.path()).unwrap();
        let second = create_directory(directory.path()).unwrap();
        assert_eq!(second.path(), at(1));
        fs::write(at(2), b"left by a kill").unwrap();
        fs::create_dir(at(3)).unwrap();
        fs::write(at(3).join("part"), b"left by a kill").unwrap();
        std::os::unix::fs::symlink(directory.path(), at(4)).unwrap();
        sweep(directory.path());
        let exist = [0, 1, 2, 3, 4].map(|slot| fs::symlink_metadata(at(slot)).is_ok());
        assert_eq!(exist, [true, true, false, false, true]);
        first.persist(&directory.path().join("out")).unwrap();
        drop(second);
        let names = fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(names, 2, "the output and the symbolic link");
    }

    #[test]
    fn names_run_out_instead_of_meeting() {
        let directory = tempfile::tempdir().unwrap();
        let held: Vec<_> =
            (0..super::SLOTS).map(|_| create_file(directory.path()).unwrap()).collect();
        assert!(create_file(directory.path()).is_err());
        drop(held);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        let file = tempfile::tempfile_in(directory.path()).unwrap();
        lock(&file);
        let name = link(&file, directory.path()).unwrap();
        sweep(directory.path());
        name.persist(&directory.path().join("out")).unwrap();
    }
}

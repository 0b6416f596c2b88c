//! Directories as tar archives that are the same for the same content.
//!
//! Entries are sorted by name within each directory; times and owners are zero and of the
//! permissions only "executable" stays, so an archive tells nothing about who made it when. What
//! is extracted is its owner's alone (0600, 0700), like every other output.
//!
//! Extraction trusts no path: nothing absolute, no `..`, no entry twice, none below something that
//! is no directory made here, no hard links or devices. Symbolic links are made last, so nothing
//! is ever written through one, and may not lead out of the directory. The directory appears under
//! its name when the stream has opened to its end.

use super::FileReport;
use super::bridge::{Entrance, Exit, bridge};
use crate::error::EngineError;
use crate::home::sync_directory;
use crate::partial;
use crate::replace_file::directory;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use tar::{Builder, EntryType, Header};

const READING: &str = "reading the directory";
const EXTRACTING: &str = "extracting the directory";

/// A directory that was walked once, so that what cannot be archived is refused before anything
/// is written.
pub(super) struct Plan {
    entries: u64,
}

impl Plan {
    pub(super) fn of(root: &Path) -> Result<Self, EngineError> {
        let mut entries = 0;
        walk(root, Path::new(""), &mut entries, &mut |_, _| Ok(()))?;
        Ok(Self { entries })
    }

    /// Files, directories and links.
    pub(super) fn entries(&self) -> u64 {
        self.entries
    }
}

/// Lets `consume` read the archive of `root`.
pub(super) fn with_archive(
    root: &Path,
    plan: Plan,
    consume: impl FnOnce(&mut (dyn Read + Send)) -> Result<u64, EngineError>,
) -> Result<u64, EngineError> {
    let (entrance, mut exit) = bridge();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| write_archive(root, &plan, entrance));
        let consumed = consume(&mut exit);
        drop(exit);
        match writer.join() {
            // the reader's end is only an echo of the writer's
            Ok(Err(error)) if !is_broken_pipe(&error) => Err(error),
            Ok(_) => consumed,
            Err(_) => Err(EngineError::io(READING)(io::ErrorKind::Other.into())),
        }
    })
}

fn is_broken_pipe(error: &EngineError) -> bool {
    matches!(error, EngineError::Io { kind: io::ErrorKind::BrokenPipe, .. })
}

fn write_archive(root: &Path, plan: &Plan, entrance: Entrance) -> Result<(), EngineError> {
    let mut builder = Builder::new(entrance);
    let mut entries = 0;
    walk(root, Path::new(""), &mut entries, &mut |path, found| {
        append(&mut builder, root, path, found)
    })?;
    if entries != plan.entries {
        return Err(EngineError::SourceChanged);
    }
    let entrance = builder.into_inner().map_err(EngineError::io(READING))?;
    entrance.finish().map_err(EngineError::io(READING))
}

/// What an archive takes.
enum Found {
    File { executable: bool },
    Directory,
    Link { target: PathBuf },
}

type Visit<'v> = &'v mut dyn FnMut(&Path, &Found) -> Result<(), EngineError>;

/// Visits everything below `root`, sorted by name, directories before what is in them.
fn walk(root: &Path, below: &Path, count: &mut u64, visit: Visit<'_>) -> Result<(), EngineError> {
    let io = EngineError::io(READING);
    let entries = fs::read_dir(root.join(below)).map_err(&io)?;
    let mut names = entries.map(|e| e.map(|e| e.file_name())).collect::<io::Result<Vec<_>>>();
    names.as_mut().map(|names| names.sort()).unwrap_or_default();
    for name in names.map_err(&io)? {
        *count += 1;
        let refuse = |what| EngineError::Archive { entry: *count, what };
        if name.to_str().is_none() {
            return Err(refuse("has a name that is not UTF-8"));
        }
        let path = below.join(&name);
        let metadata = fs::symlink_metadata(root.join(&path)).map_err(&io)?;
        let kind = metadata.file_type();
        let found = if kind.is_file() {
            Found::File { executable: metadata.mode() & 0o100 != 0 }
        } else if kind.is_dir() {
            Found::Directory
        } else if kind.is_symlink() {
            let target = fs::read_link(root.join(&path)).map_err(&io)?;
            if !stays_inside(&path, &target) {
                return Err(refuse("is a symbolic link that leads out of it"));
            }
            Found::Link { target }
        } else {
            return Err(refuse("is a device, pipe or socket"));
        };
        visit(&path, &found)?;
        if kind.is_dir() {
            walk(root, &path, count, visit)?;
        }
    }
    Ok(())
}

fn append(
    builder: &mut Builder<Entrance>,
    root: &Path,
    path: &Path,
    found: &Found,
) -> Result<(), EngineError> {
    let io = EngineError::io(READING);
    let mut header = Header::new_gnu();
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    match found {
        Found::Directory => {
            header.set_entry_type(EntryType::Directory);
            header.set_mode(0o755);
            header.set_size(0);
            builder.append_data(&mut header, path, io::empty()).map_err(io)
        }
        Found::Link { target } => {
            header.set_entry_type(EntryType::Symlink);
            header.set_mode(0o777);
            header.set_size(0);
            builder.append_link(&mut header, path, target).map_err(io)
        }
        Found::File { executable } => {
            let file = File::open(root.join(path)).map_err(&io)?;
            let before = file.metadata().map_err(&io)?;
            header.set_entry_type(EntryType::Regular);
            header.set_mode(if *executable { 0o755 } else { 0o644 });
            header.set_size(before.len());
            let mut content = Counted { inner: (&file).take(before.len()), bytes: 0 };
            builder.append_data(&mut header, path, &mut content).map_err(&io)?;
            let after = file.metadata().map_err(&io)?;
            let unchanged = content.bytes == before.len()
                && (after.len(), after.mtime(), after.mtime_nsec())
                    == (before.len(), before.mtime(), before.mtime_nsec());
            if unchanged { Ok(()) } else { Err(EngineError::SourceChanged) }
        }
    }
}

struct Counted<R> {
    inner: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Whether a link at `path` stays below the root: a relative target, `..` only in front and no
/// more often than the link is deep. `..` behind a name could follow another link first.
fn stays_inside(path: &Path, target: &Path) -> bool {
    let depth = path.components().count().saturating_sub(1);
    let ups = target.components().take_while(|c| *c == Component::ParentDir).count();
    let rest = target.components().skip(ups);
    let plain = |c: Component<'_>| matches!(c, Component::Normal(_) | Component::CurDir);
    target.to_str().is_some_and(|t| !t.is_empty()) && ups <= depth && { rest }.all(plain)
}

/// Extracts what `produce` writes into a directory that appears when all of it has opened.
pub(super) fn extract(
    target: &Path,
    produce: impl FnOnce(&mut (dyn Write + Send)) -> Result<FileReport, EngineError>,
) -> Result<FileReport, EngineError> {
    let io = EngineError::io(EXTRACTING);
    let empty = |path: &Path| fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    if fs::symlink_metadata(target).is_ok() && !empty(target) {
        return Err(EngineError::TargetExists);
    }
    let parent = directory(target);
    partial::sweep(parent);
    let partial = partial::create_directory(parent).map_err(&io)?;
    let (mut entrance, mut exit) = bridge();
    let (produced, extracted) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read_archive(&mut exit, partial.path()));
        let produced = produce(&mut entrance)
            .and_then(|report| entrance.finish().map_err(&io).map(|()| report));
        (produced, reader.join())
    });
    let extracted =
        extracted.unwrap_or_else(|_| Err(EngineError::io(EXTRACTING)(io::ErrorKind::Other.into())));
    let report = match (produced, extracted) {
        (Ok(report), Ok(entries)) => FileReport { entries: Some(entries), ..report },
        // the writer's broken pipe is only an echo of why the reader stopped
        (Ok(_), Err(error)) => return Err(error),
        (Err(error), Err(cause)) if is_broken_pipe(&error) => return Err(cause),
        (Err(error), _) => return Err(error),
    };
    let root = File::open(partial.path()).map_err(&io)?;
    rustix::fs::syncfs(&root).map_err(|e| io(e.into()))?;
    partial.persist(target).map_err(&io)?;
    sync_directory(parent)?;
    Ok(report)
}

fn read_archive(exit: &mut Exit, root: &Path) -> Result<u64, EngineError> {
    let broken = |entry| EngineError::Archive { entry, what: "cannot be read" };
    let mut count = 0;
    let mut links = Vec::new();
    let mut archive = tar::Archive::new(&mut *exit);
    for entry in archive.entries().map_err(|_| broken(1))? {
        count += 1;
        let mut entry = entry.map_err(|_| broken(count))?;
        let path = safe_path(&entry.path_bytes())
            .ok_or(EngineError::Archive { entry: count, what: "has a path that is not allowed" })?;
        extract_entry(&mut entry, root, path, count, &mut links)?;
    }
    for (number, path, target) in links {
        std::os::unix::fs::symlink(target, root.join(path)).map_err(|e| placing(number, e))?;
    }
    // what stands behind the archive's end was still opened, and its end must be true
    io::copy(exit, &mut io::sink()).map_err(EngineError::io(EXTRACTING))?;
    Ok(count)
}

type Links = Vec<(u64, PathBuf, PathBuf)>;

fn extract_entry(
    entry: &mut tar::Entry<'_, &mut Exit>,
    root: &Path,
    path: PathBuf,
    number: u64,
    links: &mut Links,
) -> Result<(), EngineError> {
    let refuse = |what| Err(EngineError::Archive { entry: number, what });
    let mode = entry.header().mode().unwrap_or_default();
    match entry.header().entry_type() {
        EntryType::Directory => fs::DirBuilder::new()
            .mode(0o700)
            .create(root.join(path))
            .map_err(|e| placing(number, e)),
        EntryType::Regular => {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(root.join(path))
                .map_err(|e| placing(number, e))?;
            io::copy(entry, &mut file).map_err(EngineError::io(EXTRACTING))?;
            if mode & 0o100 != 0 {
                let executable = fs::Permissions::from_mode(0o700);
                file.set_permissions(executable).map_err(EngineError::io(EXTRACTING))?;
            }
            Ok(())
        }
        EntryType::Symlink => {
            let target = entry.link_name_bytes().map(|t| t.into_owned()).unwrap_or_default();
            let target = PathBuf::from(String::from_utf8(target).unwrap_or_default());
            if !stays_inside(&path, &target) {
                return refuse("is a symbolic link that leads out of it");
            }
            links.push((number, path, target));
            Ok(())
        }
        _ => refuse("is neither file, directory nor symbolic link"),
    }
}

/// Why an entry could not be placed: it stands twice, or its directory does not stand.
fn placing(entry: u64, error: io::Error) -> EngineError {
    match error.kind() {
        io::ErrorKind::AlreadyExists => EngineError::Archive { entry, what: "stands twice" },
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            EngineError::Archive { entry, what: "stands below something that is no directory" }
        }
        _ => EngineError::io(EXTRACTING)(error),
    }
}

/// A relative path of names alone.
fn safe_path(bytes: &[u8]) -> Option<PathBuf> {
    let path = PathBuf::from(std::str::from_utf8(bytes).ok()?);
    let plain = path.components().all(|c| matches!(c, Component::Normal(_)));
    (plain && path.components().next().is_some()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::{extract, safe_path, stays_inside};
    use crate::error::EngineError;
    use crate::files::FileReport;
    use std::path::Path;
    use tar::{Builder, EntryType, Header};

    #[test]
    fn links_stay_inside() {
        let inside = |path: &str, target: &str| stays_inside(Path::new(path), Path::new(target));
        assert!(inside("a", "b") && inside("a", "b/c") && inside("a/b", "../c"));
        assert!(inside("a/b/c", "../../d"));
        for (path, target) in [
            ("a", ".."),
            ("a", "../a"),
            ("a/b", "../../c"),
            ("a", "/etc/passwd"),
            ("a/b", "x/../../../c"),
            ("a", "x/.."),
            ("a", ""),
        ] {
            assert!(!inside(path, target), "{path} -> {target}");
        }
    }

    #[test]
    fn only_relative_names_are_paths() {
        assert_eq!(safe_path(b"a/b"), Some("a/b".into()));
        for path in [&b""[..], b"/a", b"..", b"a/../b", b"../a", b"\xff"] {
            assert_eq!(safe_path(path), None, "{path:?}");
        }
    }

    /// An archive as somebody else might make it.
    fn archive(entries: &[(EntryType, &str, &str)]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (kind, path, content) in entries {
            let mut header = Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(0o644);
            let data = if *kind == EntryType::Regular { content.as_bytes() } else { b"" };
            header.set_size(data.len() as u64);
            // past the checks of the library's own writer
            header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
            if *kind != EntryType::Regular {
                let link = &mut header.as_gnu_mut().unwrap().linkname;
                link[..content.len()].copy_from_slice(content.as_bytes());
            }
            header.set_cksum();
            builder.append(&header, data).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn extracting(target: &Path, bytes: &[u8]) -> Result<FileReport, EngineError> {
        extract(target, |pipe| {
            pipe.write_all(bytes).map_err(EngineError::io("writing"))?;
            Ok(FileReport::default())
        })
    }

    #[test]
    fn hostile_archives_are_refused_and_leave_nothing() {
        use EntryType as T;
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("out");
        for (entries, wrong) in [
            (&[(T::Regular, "/etc/x", "")][..], 1),
            (&[(T::Regular, "../x", "")], 1),
            (&[(T::Directory, "a", ""), (T::Regular, "a/../../x", "")], 2),
            (&[(T::Symlink, "a", "/etc")], 1),
            (&[(T::Symlink, "a", "..")], 1),
            (&[(T::Link, "a", "b")], 1),
            (&[(T::Char, "a", "")], 1),
            (&[(T::Fifo, "a", "")], 1),
            (&[(T::Regular, "a", "1"), (T::Regular, "a", "2")], 2),
            (&[(T::Directory, "a", ""), (T::Directory, "a", "")], 2),
            (&[(T::Regular, "a/b", "")], 1),
            (&[(T::Regular, "a", ""), (T::Regular, "a/b", "")], 2),
            // through a link that was there first, and onto one
            (&[(T::Symlink, "a", "b"), (T::Regular, "a/x", "")], 2),
            (&[(T::Regular, "a", ""), (T::Symlink, "a", "b")], 2),
        ] {
            let refused = extracting(&target, &archive(entries));
            let Err(EngineError::Archive { entry, .. }) = refused else {
                panic!("{entries:?}: {refused:?}")
            };
            assert_eq!(entry, wrong, "{entries:?}");
            assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "{entries:?}");
        }
        assert!(
            extracting(&target, b"no archive at all, but long enough?".repeat(20).as_slice())
                .is_err()
        );
        let good =
            archive(&[(T::Directory, "a", ""), (T::Regular, "a/b", "x"), (T::Symlink, "c", "a/b")]);
        assert_eq!(extracting(&target, &good).unwrap().entries, Some(3));
        assert_eq!(std::fs::read(target.join("c")).unwrap(), b"x");
        assert_eq!(extracting(&target, &good).unwrap_err().code(), "TARGET_EXISTS");
    }
}

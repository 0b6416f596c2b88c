//! Writes a log as tiles and bundles (C2SP tlog-tiles), so that a web server can serve it and other
//! people's tools can prove with it.
//!
//! The log is verified before the first tile is written. A tile that is there already must be what the
//! log says; the checkpoint is replaced last, so that whoever reads it finds its tiles. Entries go
//! out as they stand in clear; their encrypted details do not.

use super::files::AuditFiles;
use super::verify::{Snapshot, VerifyRequest, file, verify_log};
use crate::error::EngineError;
use crate::replace_file::ReplaceFile;
use medseal_core::Error;
use medseal_core::audit::LogKeys;
use medseal_core::audit::tiles::{TileFile, Tiling};
use serde::Serialize;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct TilesReport {
    /// The log's id.
    pub log: String,
    /// How many entries the tiles and the checkpoint cover.
    pub size: u64,
    /// How many files were written.
    pub written: u64,
    /// How many were there already and are what the log says.
    pub kept: u64,
}

/// Writes the tiles of the log in `directory`, as its newest checkpoint has it, to `target`.
///
/// # Errors
/// Everything `verify` refuses; [`EngineError::AuditFile`] for a file in `target` that is not what the
/// log says, and for the checkpoint of another log.
pub fn write_tiles(
    directory: &Path,
    keys: &LogKeys,
    target: &Path,
) -> Result<TilesReport, EngineError> {
    let snapshot = Snapshot::take(&AuditFiles::at(directory.to_owned()))?;
    let served = target.join("checkpoint");
    let kept: Vec<String> = read(&served)?
        .map(|note| String::from_utf8_lossy(&note).into_owned())
        .into_iter()
        .chain([snapshot.newest.clone()])
        .collect();
    verify_log(&VerifyRequest { directory, keys, kept: &kept })?;
    let checkpoint = keys.verify(&snapshot.newest).map_err(Error::from)?;
    let mut out = Output { target, full: Vec::new(), report: TilesReport::default() };
    let (mut tiling, mut files) = (Tiling::default(), Vec::new());
    let walked = snapshot.walk(keys, |_, entry, _| {
        if tiling.size() < checkpoint.size {
            tiling.push(entry, &mut files).map_err(Error::from)?;
            files.drain(..).try_for_each(|tile| out.put(tile))?;
        }
        Ok(())
    })?;
    debug_assert!(walked.size() >= checkpoint.size, "it was verified");
    tiling.partial().into_iter().try_for_each(|tile| out.put(tile))?;
    out.replace(&served, snapshot.newest.as_bytes())?;
    out.remove_partial()?;
    (out.report.log, out.report.size) = (keys.log().to_string(), checkpoint.size);
    Ok(out.report)
}

struct Output<'t> {
    target: &'t Path,
    /// Tiles that are full, and so need no partial one any more.
    full: Vec<PathBuf>,
    report: TilesReport,
}

impl Output<'_> {
    fn put(&mut self, tile: TileFile) -> Result<(), EngineError> {
        let path = self.target.join(&tile.path);
        match read(&path)? {
            Some(found) if found == tile.bytes => self.report.kept += 1,
            Some(_) => return Err(file(&tile.path, "is not what the log says")),
            None => {
                let directory = path.parent().unwrap_or(self.target);
                fs::create_dir_all(directory).map_err(EngineError::io("making a directory"))?;
                self.replace(&path, &tile.bytes)?;
                self.report.written += 1;
            }
        }
        if tile.full {
            self.full.push(path);
        }
        Ok(())
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), EngineError> {
        let mut out = ReplaceFile::create(path)?;
        out.write_all(bytes).map_err(EngineError::io("writing the tiles"))?;
        out.commit()
    }

    /// Whoever still has an older checkpoint finds in the full tile what the partial one held.
    fn remove_partial(&self) -> Result<(), EngineError> {
        for path in &self.full {
            let mut partial = path.as_os_str().to_owned();
            partial.push(".p");
            match fs::remove_dir_all(partial) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(EngineError::io("removing a partial tile")(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, EngineError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(EngineError::io("reading the tiles")(error)),
    }
}

#[cfg(test)]
mod tests;

//! The monthly keys as files beside the store, for local roots.
//!
//! `epochs/` must stay out of every backup: a backup that holds it remembers what was erased.
//! Destroying overwrites before it unlinks, which helps on a plain disk and not on copy-on-write
//! file systems or flash; there the directory belongs on an encrypted volume of its own.
//!
//! A kill may leave a `.new-…` draft. It is either a key that nobody uses or one more name of a
//! month's file, and then destroying the month overwrites it too.

use crate::{EpochKeys, KmsError, secret_file};
use async_trait::async_trait;
use medseal_core::Random;
use medseal_core::secret::EpochKey;
use medseal_core::stored_secret::Month;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const FIRST_LINE: &str = "medseal-epoch-v1";

/// A directory with one file a month.
#[derive(Debug, Clone)]
pub struct EpochKeyDirectory {
    directory: PathBuf,
}

impl EpochKeyDirectory {
    /// The keys in `directory`, which must exist and be its owner's alone (mode 0700).
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    fn path(&self, month: Month) -> PathBuf {
        self.directory.join(file_name(month))
    }

    fn read(&self, month: Month) -> Result<EpochKey, KmsError> {
        let (path, missing) = (self.path(month), KmsError::EpochKeyMissing(month.yyyymm()));
        let secret = match secret_file::read(&path, FIRST_LINE) {
            Err(KmsError::File(ErrorKind::NotFound)) => return Err(missing),
            Err(KmsError::FileMalformed) if secret_file::is_wiped(&path)? => return Err(missing),
            other => other?,
        };
        EpochKey::from_slice(&secret[..]).ok_or(KmsError::FileMalformed)
    }

    /// Written whole under another name, then linked: of two callers at once the second finds the
    /// first one's key and takes it.
    fn create(&self, month: Month, mut random: &mut (dyn Random + Send)) -> Result<(), KmsError> {
        if month == Month::NONE {
            return Err(KmsError::EpochKeyMissing(0));
        }
        secret_file::check_directory(&self.directory)?;
        let key = EpochKey::generate(&mut random).map_err(|_| KmsError::Random)?;
        let mut unique = [0; 8];
        random.fill(&mut unique).map_err(|_| KmsError::Random)?;
        let name = format!(".new-{:016x}", u64::from_be_bytes(unique));
        let draft = self.directory.join(name);
        secret_file::create(&draft, FIRST_LINE, key.expose_bytes())?;
        let linked = fs::hard_link(&draft, self.path(month));
        fs::remove_file(&draft)?;
        match linked {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// `YYYY-MM.key`.
fn file_name(month: Month) -> String {
    let value = month.yyyymm();
    format!("{:04}-{:02}.key", value / 100, value % 100)
}

/// Reads what [`file_name`] writes and nothing else.
fn month_of(name: &Path) -> Option<Month> {
    let name = name.to_str()?;
    let digits = name.strip_suffix(".key")?.replacen('-', "", 1).parse().ok()?;
    Month::from_yyyymm(digits).filter(|month| file_name(*month) == name)
}

#[async_trait]
impl EpochKeys for EpochKeyDirectory {
    async fn get(&self, month: Month) -> Result<EpochKey, KmsError> {
        self.read(month)
    }

    async fn get_or_create(
        &self,
        month: Month,
        random: &mut (dyn Random + Send),
    ) -> Result<EpochKey, KmsError> {
        let key = match self.read(month) {
            Err(KmsError::EpochKeyMissing(_)) => {
                self.create(month, random)?;
                self.read(month)
            }
            other => other,
        }?;
        // Also for a key that was found: whoever made it may not have synced the directory yet,
        // and what the caller wraps under it must not outlive it.
        secret_file::sync_parent(&self.path(month))?;
        Ok(key)
    }

    async fn destroy(&self, month: Month) -> Result<(), KmsError> {
        secret_file::wipe(&self.path(month))
    }

    /// As far as a file can be: see the module.
    fn forgets(&self) -> bool {
        true
    }

    async fn months(&self) -> Result<Vec<Month>, KmsError> {
        let mut months = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            months.extend(month_of(Path::new(&entry?.file_name())));
        }
        months.sort_unstable();
        Ok(months)
    }
}

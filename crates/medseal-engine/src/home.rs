//! A home: the directory of an embedded installation.
//!
//! ```text
//! store.sqlite     keys, key versions, wrapped secrets, field definitions
//! root.key         the root, for `--root keyfile`: whoever has it and the store has everything
//! epochs/          this and the last months' keys; never part of a backup
//! audit/           the audit log (spec/audit-log.md)
//! ```
//! `init` builds a home under another name and renames it, so that a kill leaves either no home or
//! a whole one.

use crate::clock::{Clock, SystemClock};
use crate::engine::{Engine, Opened, Options};
use crate::error::EngineError;
use crate::ledger::AuditFiles;
use crate::principals::Occasion;
use crate::random::BufferedRandom;
use medseal_core::secret::Kwk;
use medseal_core::stored_secret::Place;
use medseal_core::{StoreId, row_mac};
use medseal_kms::{
    EnvironmentRoot, EpochKeyDirectory, KeyFileRoot, PassphraseKdf, PassphraseRoot, RootKind,
    RootProvider,
};
use medseal_store::{Change, Record, RootRecord, Rows, SqliteStore, StateMemory, Store};
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const ROOT_PURPOSE: &str = "kwk";
pub(crate) const KWK_VERSION: u32 = 1;

/// Where a home lies.
#[derive(Debug, Clone)]
pub struct Home {
    path: PathBuf,
}

/// What an installation is for; production refuses what only a laptop may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// A laptop, a test.
    Development,
    /// Real patients' data.
    Production,
}

impl Environment {
    /// The name on the command line and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Environment::Development => "development",
            Environment::Production => "production",
        }
    }

    /// Reads an [`Environment::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Development, Self::Production].into_iter().find(|e| e.name() == name)
    }

    /// As the row of the root has it, with or without the mark of a governed home.
    fn of_root(text: &str) -> Option<Self> {
        Self::from_name(text.strip_suffix(GOVERNED).unwrap_or(text))
    }
}

/// Stands behind the environment once an admin has replaced the built-in owner. It is in the row of
/// the root because a home without that row does not open: nobody gets the built-in owner back by
/// deleting rows.
const GOVERNED: &str = " governed";
const MAX_CASE_BYTES: usize = 1024;

/// Whether the row of the root has the mark.
pub(crate) fn governed(environment: &str) -> bool {
    environment.ends_with(GOVERNED)
}

/// The row of the root with the mark.
pub(crate) fn mark_governed(root: &RootRecord) -> RootRecord {
    let environment = format!("{}{GOVERNED}", root.environment);
    RootRecord { environment, ..root.clone() }
}

fn is_case(case: &str) -> bool {
    (1..=MAX_CASE_BYTES).contains(&case.len()) && !case.chars().any(char::is_control)
}

/// How the root is kept.
pub enum RootChoice {
    /// A file in the home, readable by its owner alone.
    KeyFile,
    /// Derived from a passphrase.
    Passphrase(Zeroizing<Vec<u8>>, PassphraseKdfChoice),
    /// `MEDSEAL_ROOT_KEY`; development only.
    Environment,
}

/// How a passphrase becomes a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassphraseKdfChoice {
    /// Argon2id (RFC 9106).
    Argon2id,
    /// PBKDF2-HMAC-SHA-512 (SP 800-132).
    Pbkdf2,
}

/// What `init` made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitReport {
    /// The home.
    pub home: PathBuf,
    /// The root's kind.
    pub root: &'static str,
    /// The root's file, when it is one.
    pub root_file: Option<PathBuf>,
    /// What it is for.
    pub environment: &'static str,
    /// The keys that were made.
    pub keys: Vec<String>,
}

impl Home {
    /// A home at `path`, which need not exist yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn store_file(&self) -> PathBuf {
        self.path.join("store.sqlite")
    }

    /// The root's file, for a home whose root is one.
    pub fn root_file(&self) -> PathBuf {
        self.path.join("root.key")
    }

    pub(crate) fn epochs(&self) -> PathBuf {
        self.path.join("epochs")
    }

    /// The directory of the audit log.
    pub fn audit(&self) -> PathBuf {
        self.path.join("audit")
    }

    pub(crate) fn audit_files(&self) -> AuditFiles {
        AuditFiles::at(self.audit())
    }

    /// The user id of the home's owner.
    pub(crate) fn owner(&self) -> Result<u32, EngineError> {
        fs::metadata(&self.path).map(|m| m.uid()).map_err(|error| unreachable_home(&error))
    }

    /// Makes a new home with the keys `default` and `files`.
    ///
    /// # Errors
    /// [`EngineError::HomeExists`], [`EngineError::HomeNotEmpty`], or whatever a part of it needs;
    /// then nothing stands under the home's name.
    pub async fn init(
        &self,
        choice: RootChoice,
        environment: Environment,
    ) -> Result<InitReport, EngineError> {
        if environment == Environment::Production && matches!(choice, RootChoice::Environment) {
            return Err(EngineError::ProductionRefuses("a root from the environment"));
        }
        self.refuse_existing()?;
        self.remove_abandoned()?;
        let building = Home::at(self.building_path()?);
        let built = building.build(choice, environment).await;
        let report = built.and_then(|report| {
            sync_directory(&building.path)?;
            fs::rename(&building.path, &self.path).map_err(EngineError::io("creating the home"))?;
            sync_directory(parent(&self.path))?;
            Ok(report)
        });
        if report.is_err() {
            // keys that never guarded anything
            let _ = fs::remove_dir_all(&building.path);
        }
        let root_file = report.as_ref().ok().and_then(|r| r.root_file.as_ref());
        let root_file = root_file.map(|_| self.root_file());
        report.map(|report| InitReport { home: self.path.clone(), root_file, ..report })
    }

    /// Opens the home. `passphrase` is called only when the root needs one.
    ///
    /// # Errors
    /// [`EngineError::HomeMissing`], a root that does not open, or a store that was tampered with.
    pub async fn open(
        &self,
        passphrase: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, EngineError>,
        options: Options,
    ) -> Result<Engine, EngineError> {
        self.open_with_clock(passphrase, options, Box::new(SystemClock)).await
    }

    /// As [`Home::open`], for a caller who shows or says something.
    ///
    /// # Errors
    /// As [`Home::open`]; [`EngineError::TokenRejected`], [`EngineError::CaseInvalid`].
    pub async fn open_as(
        &self,
        passphrase: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, EngineError>,
        options: Options,
        occasion: Occasion,
    ) -> Result<Engine, EngineError> {
        self.open_on(passphrase, options, occasion, Box::new(SystemClock)).await
    }

    /// As [`Home::open`], with the time read from `clock`.
    ///
    /// # Errors
    /// As [`Home::open`].
    pub async fn open_with_clock(
        &self,
        passphrase: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, EngineError>,
        options: Options,
        clock: Box<dyn Clock>,
    ) -> Result<Engine, EngineError> {
        self.open_on(passphrase, options, Occasion::default(), clock).await
    }

    /// As [`Home::open_as`], with the time read from `clock`.
    ///
    /// # Errors
    /// As [`Home::open_as`].
    pub async fn open_on(
        &self,
        passphrase: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, EngineError>,
        options: Options,
        occasion: Occasion,
        clock: Box<dyn Clock>,
    ) -> Result<Engine, EngineError> {
        if occasion.case.as_ref().is_some_and(|case| !is_case(case)) {
            return Err(EngineError::CaseInvalid);
        }
        fs::metadata(self.store_file()).map_err(|error| unreachable_home(&error))?;
        let store = SqliteStore::open(&self.store_file())?;
        let found = medseal_store::get::<RootRecord>(&store, &["root"]).await?;
        let row = found.ok_or(EngineError::HomeMissing)?;
        // Needed to get at the key that authenticates it; verified right after.
        let root = row.unauthenticated();
        let provider = self.provider(root, passphrase)?;
        let place = root_place(&store.state().await?.store_id);
        let kwk = provider.unwrap(&place.borrow(), &root.wrapped_kwk).await?;
        let emergency = occasion.break_glass.clone();
        let engine = self.open_with_kwk(store, kwk, options, occasion, clock).await?;
        if let Some(reason) = emergency {
            engine.break_glass(&reason).await?;
        }
        Ok(engine)
    }

    /// Opens the home with the key that its root would give.
    pub(crate) async fn open_with_kwk(
        &self,
        store: SqliteStore,
        kwk: Kwk,
        options: Options,
        occasion: Occasion,
        clock: Box<dyn Clock>,
    ) -> Result<Engine, EngineError> {
        let store_id = store.state().await?.store_id;
        let (row_mac, memory) = (kwk.row_mac_key(&store_id), StateMemory::new());
        let rows = Rows { store: &store, key: &row_mac, memory: &memory };
        let root = rows.get::<RootRecord>(&["root"]).await?.ok_or(EngineError::HomeMissing)?.record;
        let environment =
            Environment::of_root(&root.environment).ok_or(EngineError::HomeMissing)?;
        let epochs = EpochKeyDirectory::new(self.epochs());
        let home = Opened { store, store_id, kwk, memory, epochs, environment };
        Engine::start(self, home, options, occasion, clock).await
    }

    pub(crate) fn provider(
        &self,
        root: &RootRecord,
        passphrase: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, EngineError>,
    ) -> Result<Box<dyn RootProvider>, EngineError> {
        Ok(match RootKind::from_name(&root.kind) {
            Some(RootKind::KeyFile) => Box::new(KeyFileRoot::open(&self.root_file())?),
            Some(RootKind::Passphrase) => {
                let kdf = PassphraseKdf::parse(&root.parameters)?;
                Box::new(PassphraseRoot::open(passphrase()?, kdf)?)
            }
            Some(RootKind::Environment) => Box::new(EnvironmentRoot::from_env()?),
            _ => return Err(EngineError::NotAvailable("this kind of root")),
        })
    }

    fn refuse_existing(&self) -> Result<(), EngineError> {
        let mut entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(_) if self.path.is_file() => return Err(EngineError::HomeNotEmpty),
            Err(error) => {
                return match unreachable_home(&error) {
                    EngineError::HomeMissing => Ok(()),
                    unreadable => Err(unreadable),
                };
            }
        };
        if self.store_file().exists() {
            return Err(EngineError::HomeExists);
        }
        if entries.next().is_some() { Err(EngineError::HomeNotEmpty) } else { Ok(()) }
    }

    fn building_prefix(&self) -> String {
        let name = self.path.file_name().map(|n| n.to_string_lossy()).unwrap_or_default();
        format!(".{name}.init-")
    }

    fn building_path(&self) -> Result<PathBuf, EngineError> {
        fs::create_dir_all(parent(&self.path)).map_err(EngineError::io("creating the home"))?;
        let name = format!("{}{}", self.building_prefix(), std::process::id());
        Ok(parent(&self.path).join(name))
    }

    /// Removes what a killed `init` left: it never guarded anything, but it holds keys.
    fn remove_abandoned(&self) -> Result<(), EngineError> {
        let Ok(entries) = fs::read_dir(parent(&self.path)) else { return Ok(()) };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let process = name.to_str().and_then(|n| n.strip_prefix(&self.building_prefix()));
            let abandoned = process
                .and_then(|p| p.parse::<u32>().ok())
                .is_some_and(|p| p == std::process::id() || !is_running(p));
            if abandoned {
                fs::remove_dir_all(entry.path())
                    .map_err(EngineError::io("removing a stale init"))?;
            }
        }
        Ok(())
    }

    async fn build(
        &self,
        choice: RootChoice,
        environment: Environment,
    ) -> Result<InitReport, EngineError> {
        let io = EngineError::io("creating the home");
        let mut private = fs::DirBuilder::new();
        private.mode(0o700);
        private.create(&self.path).map_err(&io)?;
        private.create(self.epochs()).map_err(&io)?;
        private.create(self.audit()).map_err(&io)?;

        let random = &mut BufferedRandom;
        let store_id = StoreId::generate(random).map_err(medseal_core::Error::from)?;
        let provider = new_provider(choice, &self.root_file())?;
        let store = SqliteStore::create(&self.store_file(), &store_id)?;
        let kwk = Kwk::generate(random).map_err(medseal_core::Error::from)?;
        let place = root_place(&store_id);
        let wrapped_kwk = provider.wrap(&place.borrow(), &kwk, random).await?;
        let descriptor = provider.descriptor();
        let record = RootRecord {
            name: "root".to_owned(),
            environment: environment.name().to_owned(),
            kind: descriptor.kind.name().to_owned(),
            parameters: descriptor.parameters,
            kwk_version: i64::from(KWK_VERSION),
            wrapped_kwk,
            created_at: SystemClock.now(),
        };
        let (row_mac, memory) = (kwk.row_mac_key(&store_id), StateMemory::new());
        let rows = Rows { store: &store, key: &row_mac, memory: &memory };
        let mut change = Change::new(store.state().await?.epoch);
        change.insert(&record, &row_mac)?;
        // the first row of a new store begins its state root
        rows.commit(rows.plan(change).await?).await?;
        let epochs = EpochKeyDirectory::new(self.epochs());
        let clock = Box::new(SystemClock);
        let (options, occasion) = (Options::default(), Occasion::default());
        let home = Opened { store, store_id, kwk, memory, epochs, environment };
        let engine = Engine::start(self, home, options, occasion, clock).await?;
        let keys = engine.create_first_keys().await?;
        let root_file = (descriptor.kind == RootKind::KeyFile).then(|| self.root_file());
        Ok(InitReport {
            home: self.path.clone(),
            root: descriptor.kind.name(),
            root_file,
            environment: environment.name(),
            keys,
        })
    }
}

/// A root that is made now; the file is its own, if it is one.
pub(crate) fn new_provider(
    choice: RootChoice,
    file: &Path,
) -> Result<Box<dyn RootProvider>, EngineError> {
    let random = &mut BufferedRandom;
    Ok(match choice {
        RootChoice::KeyFile => Box::new(KeyFileRoot::create(file, random)?),
        RootChoice::Passphrase(passphrase, kdf) => {
            let kdf = match kdf {
                PassphraseKdfChoice::Argon2id => PassphraseKdf::default_argon2id(random)?,
                PassphraseKdfChoice::Pbkdf2 => PassphraseKdf::default_pbkdf2(random)?,
            };
            Box::new(PassphraseRoot::create(passphrase, kdf)?)
        }
        RootChoice::Environment => Box::new(EnvironmentRoot::from_env()?),
    })
}

/// An owned [`Place`] of the wrapped KWK.
pub(crate) struct RootPlace {
    store: StoreId,
    key: Vec<u8>,
}

pub(crate) fn root_place(store: &StoreId) -> RootPlace {
    RootPlace { store: store.clone(), key: row_mac::primary_key(&["root"]) }
}

impl RootPlace {
    pub(crate) fn borrow(&self) -> Place<'_> {
        Place {
            store: &self.store,
            table: RootRecord::table().name,
            primary_key: &self.key,
            // the row changes without the KWK being wrapped anew; that an old one does not come back is
            // the state root's to see
            version: 1,
            purpose: ROOT_PURPOSE,
        }
    }
}

/// Why a part of a home cannot be reached: only what is surely absent counts as missing.
pub(crate) fn unreachable_home(error: &io::Error) -> EngineError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => EngineError::HomeMissing,
        kind => EngineError::HomeUnreadable(kind),
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn is_running(process: u32) -> bool {
    Path::new("/proc").join(process.to_string()).exists() || !Path::new("/proc/self").exists()
}

pub(crate) fn sync_directory(path: &Path) -> Result<(), EngineError> {
    let io = EngineError::io("syncing a directory");
    fs::File::open(path).and_then(|d| d.sync_all()).map_err(io)
}

//! One open home: its keys' root, its store, its clock, its ledger.

use crate::clock::Clock;
use crate::error::EngineError;
use crate::home::{Environment, Home, KWK_VERSION};
use crate::keys::KeyCache;
use crate::ledger::{AuditKeys, Ledger, LogStore};
use crate::principals::{HeldAuthority, HeldEmergency, Occasion, Users};
use crate::random::BufferedRandom;
use medseal_core::row_mac::RowMacKey;
use medseal_core::secret::Kwk;
use medseal_core::{StoreId, TokenPepper};
use medseal_kms::EpochKeys;
use medseal_store::{Rows, StateMemory, Store};
use std::sync::atomic::AtomicU32;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How often a fresh ciphertext is decrypted again before it is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VerifyAfterEncrypt {
    /// Never.
    #[default]
    Off,
    /// One in a hundred, chosen at random.
    Sampled,
    /// Every one.
    Always,
}

/// What a caller may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The validation stage between encryption and storage.
    pub verify_after_encrypt: VerifyAfterEncrypt,
    /// How long a derived key may be kept, in milliseconds, however often it is used.
    pub cache_ttl_millis: u64,
    /// How many values one cached key may serve.
    pub cache_max_messages: u64,
    /// How many bytes of values one cached key may serve.
    pub cache_max_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            verify_after_encrypt: VerifyAfterEncrypt::Off,
            cache_ttl_millis: 5 * 60 * 1000,
            cache_max_messages: 1 << 32,
            cache_max_bytes: 1 << 40,
        }
    }
}

/// An open home.
pub struct Engine {
    pub(crate) store: Box<dyn Store>,
    pub(crate) store_id: StoreId,
    pub(crate) kwk: Kwk,
    pub(crate) row_mac: RowMacKey,
    pub(crate) memory: StateMemory,
    pub(crate) epochs: Box<dyn EpochKeys>,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) ledger: Ledger,
    pub(crate) users: Users,
    pub(crate) occasion: Occasion,
    pub(crate) authority: HeldAuthority,
    pub(crate) token_pepper: TokenPepper,
    pub(crate) emergency: HeldEmergency,
    pub(crate) environment: Environment,
    pub(crate) options: Options,
    /// The month whose duties were done, `YYYYMM`; 0 at first.
    pub(crate) month_kept: AtomicU32,
    cache: Mutex<KeyCache>,
    #[cfg(feature = "fault-injection")]
    pub(crate) fault: Option<fn(&mut [u8])>,
    #[cfg(feature = "fault-injection")]
    selftest_fails: bool,
}

/// What a home is made of, once its root has opened.
pub(crate) struct Opened<S, E> {
    pub(crate) store: S,
    pub(crate) store_id: StoreId,
    pub(crate) kwk: Kwk,
    pub(crate) memory: StateMemory,
    pub(crate) epochs: E,
    pub(crate) environment: Environment,
}

impl Engine {
    pub(crate) async fn start(
        home: &Home,
        opened: Opened<impl Store + 'static, impl EpochKeys + 'static>,
        options: Options,
        occasion: Occasion,
        clock: Box<dyn Clock>,
    ) -> Result<Engine, EngineError> {
        let Opened { store, store_id, kwk, memory, epochs, environment } = opened;
        let (row_mac, files) = (kwk.row_mac_key(&store_id), home.audit_files());
        let rows = Rows { store: &store, key: &row_mac, memory: &memory };
        let keys = LogStore { rows, store_id: &store_id, kwk: &kwk };
        let log = keys.open_or_create(&files, clock.now()).await?;
        let token_pepper = kwk.token_pepper(&store_id);
        let engine = Engine {
            row_mac,
            memory,
            store: Box::new(store),
            store_id,
            kwk,
            epochs: Box::new(epochs),
            clock,
            ledger: Ledger::new(files, log),
            users: Users { caller: rustix::process::geteuid().as_raw(), owner: home.owner()? },
            occasion,
            authority: HeldAuthority::default(),
            token_pepper,
            emergency: HeldEmergency::default(),
            environment,
            options,
            month_kept: AtomicU32::new(0),
            cache: Mutex::new(KeyCache::default()),
            #[cfg(feature = "fault-injection")]
            fault: None,
            #[cfg(feature = "fault-injection")]
            selftest_fails: false,
        };
        engine.begin_lineage().await?;
        // who asks is found out before anything is done for them; a store that does not say it opens
        // for whoever examines it, and every operation finds it out again
        match engine.begin().await {
            Ok(_) | Err(EngineError::Store(_)) => {}
            Err(other) => return Err(other),
        }
        engine.keep_month().await?;
        Ok(engine)
    }

    /// The store's rows, as they may be used.
    pub(crate) fn rows(&self) -> Rows<'_> {
        Rows { store: &*self.store, key: &self.row_mac, memory: &self.memory }
    }

    /// Lets a test break every fresh ciphertext before verification sees it.
    #[cfg(feature = "fault-injection")]
    pub fn inject_fault(&mut self, fault: fn(&mut [u8])) {
        self.fault = Some(fault);
    }

    /// Lets a test run every later self-test on a source of randomness that is stuck.
    #[cfg(feature = "fault-injection")]
    pub fn break_selftest(&mut self) {
        self.selftest_fails = true;
    }

    /// What must pass before a key or a version of one is made.
    pub(crate) fn selftest(&self) -> Result<(), EngineError> {
        #[cfg(feature = "fault-injection")]
        if self.selftest_fails {
            medseal_core::selftest::run(&mut Stuck)?;
        }
        Ok(medseal_core::selftest::run(&mut BufferedRandom)?)
    }

    /// What the home is for.
    pub fn environment(&self) -> Environment {
        self.environment
    }

    /// The public keys of the audit log.
    pub fn audit_keys(&self) -> &AuditKeys {
        self.ledger.keys()
    }

    /// The time as this engine sees it.
    pub fn now(&self) -> medseal_core::keyring::UnixSeconds {
        self.clock.now()
    }

    /// A panic while the lock was held leaves a cache that is still consistent: entries are
    /// inserted whole.
    pub(crate) fn cache(&self) -> MutexGuard<'_, KeyCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn kwk_version(&self) -> u32 {
        KWK_VERSION
    }
}

/// A source that always gives the same.
#[cfg(feature = "fault-injection")]
struct Stuck;

#[cfg(feature = "fault-injection")]
impl medseal_core::Random for Stuck {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), medseal_core::RandomFailure> {
        out.fill(7);
        Ok(())
    }
}

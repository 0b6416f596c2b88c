//! Changes of keys: one pure transition, one compare-and-set transaction, one ledger entry.
//!
//! A change reads the key at an epoch, lets the keyring's pure function decide, records it and
//! commits against that same epoch. If another process was faster, everything starts over from
//! what is now true. The ledger entry comes first: an entry whose change did not happen is
//! harmless, a change without an entry is not.

use super::{FILE_SUITE, LoadedKey};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Changed;
use crate::random::BufferedRandom;
use medseal_core::keyring::{Cause, Event, KeyVersion, Keyring, Purpose, Refusal};
use medseal_core::keyring::{RotationPolicy, State};
use medseal_core::row_mac::primary_key;
use medseal_core::secret::Kek;
use medseal_core::{Error, KeyVersionId, Suite};
use medseal_policy::approval::{Approved, DestroyKey};
use medseal_policy::{ChangeKeys, Op};
use medseal_store::{Change, KeyRecord, KeySecretRecord, KeyVersionRecord, StoreError};

/// How often a change starts over when others are faster.
const MAX_ATTEMPTS: u32 = 256;
const MAX_REASON_BYTES: usize = 1024;

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewKey<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// The name, unique in the tenant.
    pub name: &'a str,
    /// What it is for.
    pub purpose: Purpose,
    /// Its first version's suite.
    pub suite: Suite,
    /// When a new version is due.
    pub policy: RotationPolicy,
}

impl Engine {
    pub(crate) async fn create_first_keys(&self) -> Result<Vec<String>, EngineError> {
        for (name, purpose) in [("default", Purpose::Field), ("files", Purpose::File)] {
            let key = NewKey {
                tenant: "default",
                name,
                purpose,
                suite: Suite::Aes256Gcm,
                policy: RotationPolicy::default(),
            };
            self.create_key(&key, None).await?;
        }
        Ok(vec!["default".to_owned(), "files".to_owned()])
    }

    /// Makes a key with one version. The self-test runs first and a failure prevents it.
    ///
    /// # Errors
    /// [`EngineError::KeyExists`], [`EngineError::Name`], [`EngineError::Selftest`].
    pub async fn create_key(
        &self,
        key: &NewKey<'_>,
        reason: Option<&str>,
    ) -> Result<(), EngineError> {
        check_name("a key's name", key.name)?;
        check_name("a tenant", key.tenant)?;
        check_reason(reason)?;
        check_suite(key.purpose, key.suite)?;
        self.selftest()?;
        for _ in 0..MAX_ATTEMPTS {
            let epoch = self.begin().await?;
            if self.key_exists(key.tenant, key.name).await? {
                return Err(EngineError::KeyExists(key.name.to_owned()));
            }
            let (now, id) = (self.clock.now(), new_id()?);
            let keyring = Keyring::create(key.purpose, key.policy, id, key.suite, now);
            let mut change = Change::new(epoch);
            let record = KeyRecord::new(key.tenant, key.name, &keyring, now, reason);
            change.insert(&record, &self.row_mac)?;
            for version in &keyring.versions {
                let row = KeyVersionRecord::new(key.tenant, key.name, version, reason);
                change.insert(&row, &self.row_mac)?;
            }
            self.insert_secret(&mut change, id).await?;
            let what = format!("create {}", describe(key.tenant, key.name));
            let about = Changed { tenant: Some(key.tenant), id, what: &what };
            if self.commit_change::<ChangeKeys>(epoch, change, &about).await? {
                return Ok(());
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// A new version becomes primary.
    ///
    /// # Errors
    /// [`EngineError::NoSuchKey`] and what the store answers.
    pub async fn rotate_key(
        &self,
        tenant: &str,
        name: &str,
        suite: Option<Suite>,
        reason: Option<&str>,
    ) -> Result<u32, EngineError> {
        if let Some(suite) = suite {
            self.begin().await?;
            check_suite(self.load_key(tenant, name).await?.keyring.purpose, suite)?;
        }
        self.rotate::<ChangeKeys>(tenant, name, suite, reason).await
    }

    /// Rotates as an operation of its own or, when a key's policy asks for it, as maintenance.
    pub(crate) async fn rotate<O: Op>(
        &self,
        tenant: &str,
        name: &str,
        suite: Option<Suite>,
        reason: Option<&str>,
    ) -> Result<u32, EngineError> {
        self.selftest()?;
        let rotate = |key: &LoadedKey| {
            let primary = key.keyring.version(key.keyring.primary)?;
            Ok(Event::Rotate { id: new_id_or_refuse()?, suite: suite.unwrap_or(primary.suite) })
        };
        let keyring = self.change_key::<O>(tenant, name, "rotate", reason, rotate).await?;
        Ok(keyring.primary)
    }

    /// An earlier version becomes primary again.
    ///
    /// # Errors
    /// [`EngineError::Key`] when its state does not allow it.
    pub async fn rollback_key(
        &self,
        tenant: &str,
        name: &str,
        number: u32,
        reason: Option<&str>,
    ) -> Result<(), EngineError> {
        let event = |_: &LoadedKey| Ok(Event::Rollback(number));
        self.change_key::<ChangeKeys>(tenant, name, &format!("rollback @{number}"), reason, event)
            .await?;
        Ok(())
    }

    /// A version stops encrypting and decrypting until it is resumed.
    ///
    /// # Errors
    /// As [`Engine::rollback_key`].
    pub async fn suspend_key(
        &self,
        tenant: &str,
        name: &str,
        number: u32,
        reason: Option<&str>,
    ) -> Result<(), EngineError> {
        let event = |_: &LoadedKey| Ok(Event::Suspend(number));
        self.change_key::<ChangeKeys>(tenant, name, &format!("suspend @{number}"), reason, event)
            .await?;
        Ok(())
    }

    /// Ends a suspension or takes back a pending destruction.
    ///
    /// # Errors
    /// As [`Engine::rollback_key`].
    pub async fn resume_key(
        &self,
        tenant: &str,
        name: &str,
        number: u32,
        reason: Option<&str>,
    ) -> Result<(), EngineError> {
        let event = |_: &LoadedKey| Ok(Event::Resume(number));
        self.change_key::<ChangeKeys>(tenant, name, &format!("resume @{number}"), reason, event)
            .await?;
        Ok(())
    }

    /// Takes a version out of use.
    ///
    /// # Errors
    /// As [`Engine::rollback_key`].
    pub async fn revoke_key(
        &self,
        tenant: &str,
        name: &str,
        number: u32,
        cause: Cause,
        reason: Option<&str>,
    ) -> Result<(), EngineError> {
        let event = |_: &LoadedKey| Ok(Event::Revoke(number, cause));
        let what = format!("revoke @{number} {}", cause.name());
        self.change_key::<ChangeKeys>(tenant, name, &what, reason, event).await?;
        Ok(())
    }

    /// One change of one key, started over as long as others are faster.
    async fn change_key<O: Op>(
        &self,
        tenant: &str,
        name: &str,
        what: &str,
        reason: Option<&str>,
        event: impl Fn(&LoadedKey) -> Result<Event, Refusal>,
    ) -> Result<Keyring, EngineError> {
        check_reason(reason)?;
        for _ in 0..MAX_ATTEMPTS {
            let epoch = self.begin().await?;
            let key = self.read_key(tenant, name).await?;
            let event = event(&key).map_err(|refusal| key.refused(refusal))?;
            let next = key
                .keyring
                .apply(event, self.clock.now())
                .map_err(|refusal| key.refused(refusal))?;
            let change = self.key_change(epoch, &key, &next, reason, None).await?;
            let id = changed_version(&key.keyring, &next);
            let what = format!("{what} {}", describe(tenant, name));
            let about = Changed { tenant: Some(tenant), id, what: &what };
            if self.commit_change::<O>(epoch, change, &about).await? {
                return Ok(next);
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// The rows that lead from one keyring to the next. A reason that was given stays with the key
    /// and the versions it was about until another one is given: "laptop stolen" must not be lost
    /// because somebody rotates afterwards without a word.
    pub(super) async fn key_change(
        &self,
        epoch: u64,
        key: &LoadedKey,
        next: &Keyring,
        reason: Option<&str>,
        approved: Option<&Approved<DestroyKey>>,
    ) -> Result<Change, EngineError> {
        let mut change = Change::new(epoch);
        let (record, row_version) = &*key.row;
        let kept = reason.or(record.reason.as_deref());
        let record = KeyRecord::new(&key.tenant, &key.name, next, record.created_at, kept);
        change.update(*row_version, &record, &self.row_mac)?;
        for version in &next.versions {
            let row = key.row_of(version);
            match row {
                Some((_, old)) if old == version => {}
                Some((row_version, old)) => {
                    let kept = reason.or(key.reason_of(version));
                    let row = KeyVersionRecord::new(&key.tenant, &key.name, version, kept);
                    change.update(row_version, &row, &self.row_mac)?;
                    if version.state == State::Destroyed && old.state != State::Destroyed {
                        let approved = approved.ok_or(EngineError::ProofMismatch)?;
                        self.delete_secret(&mut change, version.id, approved).await?;
                    }
                }
                None => {
                    let row = KeyVersionRecord::new(&key.tenant, &key.name, version, reason);
                    change.insert(&row, &self.row_mac)?;
                    self.insert_secret(&mut change, version.id).await?;
                }
            }
        }
        Ok(change)
    }

    async fn insert_secret(
        &self,
        change: &mut Change,
        id: KeyVersionId,
    ) -> Result<(), EngineError> {
        let random = &mut BufferedRandom;
        let month = self.clock.month();
        self.epoch_key_to_wrap_under(month).await?;
        let kek = Kek::generate(random).map_err(Error::from)?;
        let key = id.to_string();
        let pk = primary_key(&[&key]);
        let wrap = self.wrap_key(month).await?;
        let secret = wrap.wrap(&self.secret_place(&pk, 1), kek.expose_bytes(), random)?;
        let month = i64::from(month.yyyymm());
        let record = KeySecretRecord { key_version_id: key, month, secret };
        change.insert(&record, &self.row_mac)?;
        Ok(())
    }

    /// Only with the proof that it was approved, or that nobody needs to approve it.
    async fn delete_secret(
        &self,
        change: &mut Change,
        id: KeyVersionId,
        _approved: &Approved<DestroyKey>,
    ) -> Result<(), EngineError> {
        let key = id.to_string();
        if let Some(row) = self.rows().get::<KeySecretRecord>(&[&key]).await? {
            change.delete::<KeySecretRecord>(&[&key], row.version)?;
        }
        Ok(())
    }

    async fn key_exists(&self, tenant: &str, name: &str) -> Result<bool, EngineError> {
        Ok(self.rows().get::<KeyRecord>(&[tenant, name]).await?.is_some())
    }
}

impl LoadedKey {
    /// The row version and the old value of a version, if the store has it.
    fn row_of(&self, version: &KeyVersion) -> Option<(u64, &KeyVersion)> {
        let at = self.keyring.versions.iter().position(|v| v.number == version.number)?;
        Some((self.version_rows.get(at)?.1, self.keyring.versions.get(at)?))
    }

    /// The reason that was last given for a change of this version.
    pub(super) fn reason_of(&self, version: &KeyVersion) -> Option<&str> {
        let at = self.keyring.versions.iter().position(|v| v.number == version.number)?;
        self.version_rows.get(at)?.0.reason.as_deref()
    }
}

/// The version that a change is about, for the ledger's digest.
fn changed_version(old: &Keyring, new: &Keyring) -> KeyVersionId {
    let changed = new.versions.iter().find(|v| !old.versions.contains(v));
    changed.or(new.versions.last()).map_or(KeyVersionId([0; 8]), |v| v.id)
}

pub(super) fn describe(tenant: &str, name: &str) -> String {
    format!("{tenant}/{name}")
}

fn new_id() -> Result<KeyVersionId, EngineError> {
    Ok(KeyVersionId::generate(&mut BufferedRandom).map_err(Error::from)?)
}

/// Inside a transition only refusals can be reported; the self-test has just shown that the source
/// works, and a failure here stops the change.
fn new_id_or_refuse() -> Result<KeyVersionId, Refusal> {
    KeyVersionId::generate(&mut BufferedRandom).map_err(|_| Refusal::DuplicateId)
}

pub(crate) fn check_name(what: &'static str, name: &str) -> Result<(), EngineError> {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(legal) {
        return Err(EngineError::Name(what));
    }
    Ok(())
}

/// Streams have one suite, so a key for files has only the one that their metadata has.
fn check_suite(purpose: Purpose, suite: Suite) -> Result<(), EngineError> {
    match purpose {
        Purpose::File if suite != FILE_SUITE => Err(EngineError::FileKeySuite),
        _ => Ok(()),
    }
}

pub(crate) fn check_reason(reason: Option<&str>) -> Result<(), EngineError> {
    match reason {
        Some(reason) if reason.len() > MAX_REASON_BYTES => Err(EngineError::ReasonTooLong),
        _ => Ok(()),
    }
}

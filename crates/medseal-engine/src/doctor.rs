//! The health of a home: everything that can be looked at without changing it.

use crate::engine::Engine;
use crate::error::EngineError;
use crate::home::Home;
use crate::keys::LoadedKey;
use crate::random::BufferedRandom;
use medseal_core::keyring::State;
use medseal_core::selftest::{self, SelftestFailure};
use medseal_core::stored_secret::Month;
use medseal_store::KeyRecord;
use serde::Serialize;
use std::os::unix::fs::MetadataExt;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckState {
    /// As it should be.
    Passed,
    /// Works, but somebody should know.
    Warning,
    /// Not as it should be.
    Failed,
}

/// One check.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How it ended.
    pub state: CheckState,
    /// What was found, when it is worth saying.
    pub detail: Option<String>,
}

/// Runs the core's self-test on this engine's random source.
///
/// # Errors
/// The first failure.
pub fn selftest() -> Result<&'static [&'static str], SelftestFailure> {
    selftest::run(&mut BufferedRandom)?;
    Ok(&selftest::CHECKS)
}

impl Engine {
    /// Looks at self-test, rows, state, keys, ledger and permissions.
    pub async fn examine(&self, home: &Home) -> Vec<Check> {
        vec![
            outcome("self-test", selftest().map(drop).map_err(EngineError::from)),
            outcome("rows are authentic", self.examine_rows().await),
            told("the store is the newest that the audit log knows", self.examine_state().await),
            outcome("every key opens", self.examine_keys().await),
            noted("keys that encrypt", "all", self.keys_without_primary().await),
            noted("rotation", "nothing is due", self.rotations_due().await),
            noted("old epoch keys", "none is overdue", self.epoch_keys_overdue().await),
            noted("people who can approve", "enough", self.approvers_missing().await),
            outcome("the audit log can be written", self.ledger.examine()),
            outcome("nobody else can read the home", examine_permissions(home)),
        ]
    }

    async fn examine_rows(&self) -> Result<(), EngineError> {
        self.rows().examine().await?;
        // a policy that does not parse any more would deny everything
        self.directory().await?.0.policy().map(drop)
    }

    async fn examine_state(&self) -> Result<String, EngineError> {
        let state = self.examined_state().await?;
        Ok(format!("epoch {}, state root {}", state.epoch, state.root))
    }

    /// Reads each key with its versions and unwraps each KEK that is not destroyed.
    async fn examine_keys(&self) -> Result<(), EngineError> {
        for key in self.read_all_keys().await? {
            for version in &key.keyring.versions {
                if version.state != State::Destroyed {
                    self.check_kek(version.id).await?;
                }
            }
        }
        Ok(())
    }

    async fn read_all_keys(&self) -> Result<Vec<LoadedKey>, EngineError> {
        let mut keys = Vec::new();
        for row in self.rows().all::<KeyRecord>(&[]).await? {
            let record = row.record;
            keys.push(self.read_key(&record.tenant, &record.name).await?);
        }
        Ok(keys)
    }

    /// Keys whose primary is suspended, revoked or gone: what is under them may open, nothing new
    /// is encrypted.
    async fn keys_without_primary(&self) -> Result<Vec<String>, EngineError> {
        let keys = self.read_all_keys().await?;
        let without = keys.iter().filter(|key| key.keyring.encrypting_version().is_err());
        Ok(without.map(|key| format!("{} has no active version", key.name)).collect())
    }

    async fn rotations_due(&self) -> Result<Vec<String>, EngineError> {
        let mut due = Vec::new();
        for key in self.read_all_keys().await? {
            let key = self.show_key(&key.tenant, &key.name).await?;
            due.extend(key.rotation_due.map(|why| format!("{} is due ({why})", key.name)));
        }
        let months = self.epochs.months().await?;
        if months.iter().max().is_none_or(|last: &Month| *last < self.clock.month()) {
            due.push("the epoch key of this month is due".to_owned());
        }
        Ok(due)
    }
}

impl Engine {
    /// Keys that should be gone: what was erased opens from old copies as long as they are not. A
    /// row that cannot be moved on keeps them.
    async fn epoch_keys_overdue(&self) -> Result<Vec<String>, EngineError> {
        let overdue = self.overdue_epoch_keys().await?;
        let told = |month: Month| format!("the epoch key of {} is overdue", month.yyyymm());
        Ok(overdue.into_iter().map(told).collect())
    }
}

fn examine_permissions(home: &Home) -> Result<(), EngineError> {
    let metadata = std::fs::metadata(home.path()).map_err(EngineError::io("reading the home"))?;
    if metadata.mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(EngineError::Kms(medseal_kms::KmsError::FilePermissions))
}

fn outcome(name: &'static str, result: Result<(), EngineError>) -> Check {
    match result {
        Ok(()) => Check { name, state: CheckState::Passed, detail: None },
        Err(error) => failed(name, &error),
    }
}

/// A check that says what it found.
fn told(name: &'static str, result: Result<String, EngineError>) -> Check {
    match result {
        Ok(detail) => Check { name, state: CheckState::Passed, detail: Some(detail) },
        Err(error) => failed(name, &error),
    }
}

/// A check that finds things somebody should know; `none` is said when it found none.
fn noted(name: &'static str, none: &'static str, found: Result<Vec<String>, EngineError>) -> Check {
    match found {
        Ok(found) if found.is_empty() => {
            Check { name, state: CheckState::Passed, detail: Some(none.to_owned()) }
        }
        Ok(found) => Check { name, state: CheckState::Warning, detail: Some(found.join(", ")) },
        Err(error) => failed(name, &error),
    }
}

fn failed(name: &'static str, error: &EngineError) -> Check {
    let detail = Some(format!("{error} [{}]", error.code()));
    Check { name, state: CheckState::Failed, detail }
}

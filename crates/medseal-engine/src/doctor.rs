//! The health of a home: everything that can be looked at without changing it.

use crate::engine::Engine;
use crate::error::EngineError;
use crate::home::Home;
use crate::random::BufferedRandom;
use medseal_core::selftest::{self, SelftestFailure};
use medseal_core::stored_secret::Month;
use medseal_store::{FieldRecord, KeyRecord, KeySecretRecord, Record, RootRecord};
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
    /// Looks at self-test, rows, keys, ledger and permissions.
    pub async fn examine(&self, home: &Home) -> Vec<Check> {
        vec![
            outcome("self-test", selftest().map(drop).map_err(EngineError::from)),
            outcome("rows are authentic", self.examine_rows().await),
            outcome("every key opens", self.examine_keys().await),
            self.examine_due().await,
            outcome("the audit log can be written", self.ledger.examine()),
            outcome("nobody else can read the home", examine_permissions(home)),
        ]
    }

    async fn examine_rows(&self) -> Result<(), EngineError> {
        self.verify_all::<RootRecord>().await?;
        self.verify_all::<KeyRecord>().await?;
        self.verify_all::<KeySecretRecord>().await?;
        self.verify_all::<FieldRecord>().await
    }

    async fn verify_all<R: Record>(&self) -> Result<(), EngineError> {
        for row in medseal_store::all::<R>(&*self.store, &[]).await? {
            row.verify(&self.row_mac)?;
        }
        Ok(())
    }

    /// Reads each key with its versions and unwraps each KEK that is not destroyed.
    async fn examine_keys(&self) -> Result<(), EngineError> {
        for row in medseal_store::all::<KeyRecord>(&*self.store, &[]).await? {
            let record = row.verify(&self.row_mac)?.record;
            let key = self.read_key(&record.tenant, &record.name).await?;
            for version in &key.keyring.versions {
                if version.state != medseal_core::keyring::State::Destroyed {
                    self.check_kek(version.id).await?;
                }
            }
        }
        Ok(())
    }

    async fn examine_due(&self) -> Check {
        let name = "no rotation is due";
        let mut due = Vec::new();
        let tenants = medseal_store::all::<KeyRecord>(&*self.store, &[]).await.unwrap_or_default();
        for row in tenants {
            let record = row.unauthenticated();
            if let Ok(key) = self.show_key(&record.tenant, &record.name).await {
                due.extend(key.rotation_due.map(|why| format!("{} ({why})", key.name)));
            }
        }
        let months = self.epochs.months().await.unwrap_or_default();
        if months.iter().max().is_none_or(|last: &Month| *last < self.clock.month()) {
            due.push("epoch key of this month".to_owned());
        }
        if due.is_empty() {
            return Check { name, state: CheckState::Passed, detail: None };
        }
        Check { name, state: CheckState::Warning, detail: Some(due.join(", ")) }
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
        Err(error) => {
            let detail = Some(format!("{error} [{}]", error.code()));
            Check { name, state: CheckState::Failed, detail }
        }
    }
}

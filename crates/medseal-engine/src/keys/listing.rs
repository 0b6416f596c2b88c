//! What a person sees of a key.

use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::keys::LoadedKey;
use medseal_store::KeyRecord;
use serde::Serialize;

/// One key.
#[derive(Debug, Clone, Serialize)]
pub struct KeySummary {
    /// The tenant.
    pub tenant: String,
    /// The name.
    pub name: String,
    /// What it is for.
    pub purpose: &'static str,
    /// `NAME@N` of the primary.
    pub primary: String,
    /// Seconds a primary serves.
    pub rotation_period_seconds: Option<i64>,
    /// The next fixed rotation.
    pub next_rotation_time: Option<String>,
    /// Messages a primary encrypts.
    pub max_messages: Option<u64>,
    /// Bytes a primary encrypts.
    pub max_bytes: Option<u64>,
    /// The reason that was last given for a change of the key.
    pub reason: Option<String>,
    /// Why a new version is due now, if it is.
    pub rotation_due: Option<&'static str>,
    /// The versions, oldest first.
    pub versions: Vec<VersionSummary>,
}

/// One key version.
#[derive(Debug, Clone, Serialize)]
pub struct VersionSummary {
    /// `NAME@N`.
    pub version: String,
    /// The id in every envelope's header.
    pub id: String,
    /// The suite.
    pub suite: &'static str,
    /// The state.
    pub state: &'static str,
    /// Why it was revoked.
    pub cause: Option<&'static str>,
    /// The reason that was last given for a change of this version.
    pub reason: Option<String>,
    /// When it was made.
    pub created: String,
    /// When it last became primary.
    pub activated: Option<String>,
    /// When its waiting period ends.
    pub destroy_after: Option<String>,
    /// Values it encrypted.
    pub messages: u64,
    /// Bytes of values it encrypted.
    pub bytes: u64,
}

impl Engine {
    /// Every key of a tenant, by name.
    ///
    /// # Errors
    /// What the store answers; a row that was tampered with is named.
    pub async fn list_keys(&self, tenant: &str) -> Result<Vec<KeySummary>, EngineError> {
        self.begin().await?;
        let mut out = Vec::new();
        for row in self.rows().all::<KeyRecord>(&[tenant]).await? {
            out.push(self.summary(&self.read_key(tenant, &row.record.name).await?).await?);
        }
        Ok(out)
    }

    /// One key.
    ///
    /// # Errors
    /// [`EngineError::NoSuchKey`].
    pub async fn show_key(&self, tenant: &str, name: &str) -> Result<KeySummary, EngineError> {
        self.begin().await?;
        let key = self.read_key(tenant, name).await?;
        self.summary(&key).await
    }

    async fn summary(&self, key: &LoadedKey) -> Result<KeySummary, EngineError> {
        let mut versions = Vec::new();
        let mut primary_usage = medseal_core::keyring::Usage::default();
        for version in &key.keyring.versions {
            let usage = self.store.usage(version.id).await?;
            if version.number == key.keyring.primary {
                primary_usage = usage;
            }
            versions.push(VersionSummary {
                version: key.version_name(version),
                id: version.id.to_string(),
                suite: version.suite.name(),
                state: version.state.name(),
                cause: version.cause.map(|c| c.name()),
                reason: key.reason_of(version).map(str::to_owned),
                created: rfc3339(version.created_at),
                activated: version.activated_at.map(rfc3339),
                destroy_after: version.destroy_after.map(rfc3339),
                messages: usage.messages,
                bytes: usage.bytes,
            });
        }
        let (keyring, policy) = (&key.keyring, &key.keyring.policy);
        let due = keyring.rotation_due(primary_usage, self.clock.now());
        Ok(KeySummary {
            tenant: key.tenant.clone(),
            name: key.name.clone(),
            purpose: keyring.purpose.name(),
            primary: format!("{}@{}", key.name, keyring.primary),
            rotation_period_seconds: policy.period,
            next_rotation_time: policy.next_time.map(rfc3339),
            max_messages: policy.max_messages,
            max_bytes: policy.max_bytes,
            reason: key.row.0.reason.clone(),
            rotation_due: due.map(|d| d.name()),
            versions,
        })
    }
}

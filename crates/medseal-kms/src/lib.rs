//! Root providers: where the root lives, and how it wraps the one key that wraps everything else.
//!
//! A provider never shows its root. It wraps and unwraps a 32-byte KWK for one place in one store.
//! The traits return boxed futures: an HSM or a cloud service answers when it answers, a local
//! provider's future is ready at once, and a home can hold any of them behind `dyn`. No runtime is
//! prescribed; a provider brings its own client.
//!
//! This crate must not know what the KWK is used for, and keeps nothing but what it was told to.
#![forbid(unsafe_code)]

#[cfg(feature = "test-util")]
pub mod conformance;
mod environment;
mod epoch_directory;
mod error;
mod key_file;
mod passphrase;
mod secret_file;

pub use environment::EnvironmentRoot;
pub use epoch_directory::EpochKeyDirectory;
pub use error::KmsError;
pub use key_file::KeyFileRoot;
pub use passphrase::{PassphraseKdf, PassphraseRoot};

use async_trait::async_trait;
use medseal_core::Random;
use medseal_core::secret::{EpochKey, Kwk, RootKey};
use medseal_core::stored_secret::{Month, Place};

/// The kind of a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RootKind {
    /// A file, readable by its owner alone.
    KeyFile,
    /// Derived from a passphrase.
    Passphrase,
    /// A variable of the environment; development only.
    Environment,
}

impl RootKind {
    /// The name on the command line and in the store.
    pub fn name(self) -> &'static str {
        match self {
            RootKind::KeyFile => "keyfile",
            RootKind::Passphrase => "passphrase",
            RootKind::Environment => "env",
        }
    }

    /// Reads a [`RootKind::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::KeyFile, Self::Passphrase, Self::Environment].into_iter().find(|k| k.name() == name)
    }
}

/// What a store keeps, in clear, to find the root again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootDescriptor {
    /// The kind.
    pub kind: RootKind,
    /// What the kind needs, such as a password hash's cost and salt. Never a secret.
    pub parameters: String,
}

/// Wraps and unwraps one KWK.
#[async_trait]
pub trait RootProvider: Send + Sync {
    /// What a store keeps to find this root again.
    fn descriptor(&self) -> RootDescriptor;

    /// Wraps `kwk` for one place.
    ///
    /// # Errors
    /// When the provider cannot be reached or refuses.
    async fn wrap(
        &self,
        place: &Place<'_>,
        kwk: &Kwk,
        random: &mut (dyn Random + Send),
    ) -> Result<Vec<u8>, KmsError>;

    /// Unwraps what [`RootProvider::wrap`] made for this very place.
    ///
    /// # Errors
    /// [`KmsError::Rejected`] for another root, another place or altered bytes.
    async fn unwrap(&self, place: &Place<'_>, wrapped: &[u8]) -> Result<Kwk, KmsError>;
}

/// The monthly keys, which never enter a store or its backups.
///
/// A key that was returned is durable: what is wrapped under it may be committed at once.
#[async_trait]
pub trait EpochKeys: Send + Sync {
    /// The key of `month`.
    ///
    /// # Errors
    /// [`KmsError::EpochKeyMissing`].
    async fn get(&self, month: Month) -> Result<EpochKey, KmsError>;

    /// The key of `month`, made if there is none. Two callers at once get the same key.
    ///
    /// # Errors
    /// When it can be neither read nor made.
    async fn get_or_create(
        &self,
        month: Month,
        random: &mut (dyn Random + Send),
    ) -> Result<EpochKey, KmsError>;

    /// Destroys the key of `month`; it is no error if there is none.
    ///
    /// # Errors
    /// When it may still exist.
    async fn destroy(&self, month: Month) -> Result<(), KmsError>;

    /// Whether a key that was destroyed is gone for good, so that what was wrapped under it opens for
    /// nobody. A provider that keeps versions or backups of its own cannot say so.
    fn forgets(&self) -> bool;

    /// The months that have a key, ascending.
    ///
    /// # Errors
    /// When they cannot be listed.
    async fn months(&self) -> Result<Vec<Month>, KmsError>;
}

/// Wrapping by a root key that is in this process: one committing format for all local providers.
fn wrap_locally(
    root: &RootKey,
    place: &Place<'_>,
    kwk: &Kwk,
    mut random: &mut (dyn Random + Send),
) -> Result<Vec<u8>, KmsError> {
    Ok(root.wrap_key().wrap(place, kwk.expose_bytes(), &mut random)?)
}

fn unwrap_locally(root: &RootKey, place: &Place<'_>, wrapped: &[u8]) -> Result<Kwk, KmsError> {
    let secret = root.wrap_key().unwrap(place, wrapped).map_err(|_| KmsError::Rejected)?;
    Kwk::from_slice(&secret).ok_or(KmsError::Rejected)
}

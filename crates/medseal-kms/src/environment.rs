//! The root in the environment, for development: every process of the user can read it.

use crate::{KmsError, RootDescriptor, RootKind, RootProvider, secret_file};
use crate::{unwrap_locally, wrap_locally};
use async_trait::async_trait;
use medseal_core::Random;
use medseal_core::secret::{Kwk, RootKey};
use medseal_core::stored_secret::Place;
use zeroize::Zeroizing;

const VARIABLE: &str = "MEDSEAL_ROOT_KEY";

/// A root from `MEDSEAL_ROOT_KEY`.
pub struct EnvironmentRoot(RootKey);

impl EnvironmentRoot {
    /// Reads the variable.
    ///
    /// # Errors
    /// [`KmsError::Environment`].
    pub fn from_env() -> Result<Self, KmsError> {
        let value = std::env::var(VARIABLE).map_err(|_| KmsError::Environment)?;
        Self::from_value(&Zeroizing::new(value))
    }

    /// Takes 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// [`KmsError::Environment`].
    pub fn from_value(value: &str) -> Result<Self, KmsError> {
        let secret = secret_file::from_hex(value.as_bytes()).ok_or(KmsError::Environment)?;
        RootKey::from_slice(&secret[..]).map(Self).ok_or(KmsError::Environment)
    }
}

#[async_trait]
impl RootProvider for EnvironmentRoot {
    fn descriptor(&self) -> RootDescriptor {
        RootDescriptor { kind: RootKind::Environment, parameters: String::new() }
    }

    async fn wrap(
        &self,
        place: &Place<'_>,
        kwk: &Kwk,
        random: &mut (dyn Random + Send),
    ) -> Result<Vec<u8>, KmsError> {
        wrap_locally(&self.0, place, kwk, random)
    }

    async fn unwrap(&self, place: &Place<'_>, wrapped: &[u8]) -> Result<Kwk, KmsError> {
        unwrap_locally(&self.0, place, wrapped)
    }
}

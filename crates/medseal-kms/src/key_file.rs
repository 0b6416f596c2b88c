//! The root in a file. Whoever holds the file and the store holds everything.

use crate::{KmsError, RootDescriptor, RootKind, RootProvider, secret_file};
use crate::{unwrap_locally, wrap_locally};
use async_trait::async_trait;
use medseal_core::Random;
use medseal_core::secret::{Kwk, RootKey};
use medseal_core::stored_secret::Place;
use std::path::Path;

const FIRST_LINE: &str = "medseal-root-v1";

/// A root that was read from a file.
pub struct KeyFileRoot(RootKey);

impl KeyFileRoot {
    /// Makes a root in a new file.
    ///
    /// # Errors
    /// [`KmsError::File`] when there is one already or it cannot be written.
    pub fn create(path: &Path, random: &mut impl Random) -> Result<Self, KmsError> {
        let root = RootKey::generate(random).map_err(|_| KmsError::Random)?;
        secret_file::create(path, FIRST_LINE, root.expose_bytes())?;
        Ok(Self(root))
    }

    /// Reads the root of an existing file.
    ///
    /// # Errors
    /// [`KmsError::FilePermissions`], [`KmsError::FileMalformed`], [`KmsError::File`].
    pub fn open(path: &Path) -> Result<Self, KmsError> {
        let secret = secret_file::read(path, FIRST_LINE)?;
        RootKey::from_slice(&secret[..]).map(Self).ok_or(KmsError::FileMalformed)
    }
}

#[async_trait]
impl RootProvider for KeyFileRoot {
    fn descriptor(&self) -> RootDescriptor {
        RootDescriptor { kind: RootKind::KeyFile, parameters: String::new() }
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

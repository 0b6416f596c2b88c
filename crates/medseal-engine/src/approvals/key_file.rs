//! The private key of an approver as the file that it keeps (`spec/approvals.md`, Key file).
//!
//! Everything but the last line is bound to the sealed seed as its place, so that a file cannot be
//! edited into one of another principal. It never lies in a home: whoever runs the home must not be
//! able to approve for others.

use super::ApprovalError;
use crate::error::EngineError;
use crate::random::BufferedRandom;
use crate::replace_file::ReplaceFile;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use medseal_core::approval::{ApproverKeyId, ApproverSigner};
use medseal_core::secret::ApproverSeed;
use medseal_core::stored_secret::Place;
use medseal_core::{Error, StoreId};
use medseal_kms::{PassphraseKdf, PassphraseRoot};
use medseal_policy::PrincipalId;
use std::io::Write;
use std::path::Path;
use zeroize::Zeroizing;

const FIRST_LINE: &str = "medseal approver key v1\n";
const TABLE: &str = "approver_keys";
const PURPOSE: &str = "approver-key";

/// A key file: whose it is, and the seed under the approver's passphrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApproverKeyFile {
    pub(super) store: StoreId,
    pub(super) principal: PrincipalId,
    pub(super) key: ApproverKeyId,
    kdf: PassphraseKdf,
    sealed: Vec<u8>,
}

impl ApproverKeyFile {
    /// Draws a seed for a principal of a store, and seals it.
    pub(super) fn create(
        store: &StoreId,
        principal: PrincipalId,
        passphrase: &Zeroizing<Vec<u8>>,
    ) -> Result<(Self, ApproverSigner), EngineError> {
        let seed = ApproverSeed::generate(&mut BufferedRandom).map_err(Error::from)?;
        let signer = ApproverSigner::new(store, principal.0, &seed)?;
        let kdf = PassphraseKdf::default_argon2id(&mut BufferedRandom)?;
        let root = PassphraseRoot::create(passphrase.clone(), kdf.clone())?;
        let (store, key) = (store.clone(), signer.keys().id());
        let mut file = Self { store, principal, key, kdf, sealed: Vec::new() };
        let seal = |place: &Place<'_>| root.seal_approver_seed(place, &seed, &mut BufferedRandom);
        file.sealed = file.with_place(seal)?;
        Ok((file, signer))
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`ApprovalError::KeyRejected`].
    pub(super) fn open(
        &self,
        passphrase: &Zeroizing<Vec<u8>>,
    ) -> Result<ApproverSigner, EngineError> {
        let root = PassphraseRoot::open(passphrase.clone(), self.kdf.clone())?;
        let seed = self.with_place(|place| root.open_approver_seed(place, &self.sealed));
        let seed = seed.map_err(|_| ApprovalError::KeyRejected)?;
        let signer = ApproverSigner::new(&self.store, self.principal.0, &seed)?;
        let same = signer.keys().id() == self.key;
        same.then_some(signer).ok_or(ApprovalError::KeyRejected.into())
    }

    /// Writes the file, readable by its owner alone; an existing one is left alone.
    ///
    /// # Errors
    /// [`EngineError::TargetExists`], [`EngineError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), EngineError> {
        if path.symlink_metadata().is_ok() {
            return Err(EngineError::TargetExists);
        }
        let mut file = ReplaceFile::create(path)?;
        let io = EngineError::io("writing the approver's key");
        file.write_all(self.to_text().as_bytes()).map_err(io)?;
        file.commit()
    }

    /// The file.
    pub fn to_text(&self) -> String {
        let (kdf, sealed) = (&self.kdf, BASE64.encode(&self.sealed));
        format!("{FIRST_LINE}{}sealed {kdf} {sealed}\n", self.lines())
    }

    /// Reads a file; one key has one text.
    ///
    /// # Errors
    /// [`ApprovalError::KeyMalformed`].
    pub fn parse(text: &str) -> Result<Self, EngineError> {
        let read = || {
            let mut lines = text.strip_prefix(FIRST_LINE)?.split_inclusive('\n');
            let mut value = |name: &str| {
                lines.next()?.strip_prefix(name)?.strip_prefix(' ')?.strip_suffix('\n')
            };
            let store = StoreId::parse(value("store")?)?;
            let principal = PrincipalId::parse(value("approver")?)?;
            let key = ApproverKeyId::parse(value("key")?)?;
            let (kdf, sealed) = value("sealed")?.rsplit_once(' ')?;
            let kdf = PassphraseKdf::parse(kdf).ok()?;
            let sealed = BASE64.decode(sealed).ok()?;
            Some(Self { store, principal, key, kdf, sealed })
        };
        let file = read().filter(|file: &Self| file.to_text() == text);
        file.ok_or(ApprovalError::KeyMalformed.into())
    }

    /// Lines 2 to 4, which are what the sealed seed is bound to.
    fn lines(&self) -> String {
        let Self { store, principal, key, .. } = self;
        format!("store {}\napprover {principal}\nkey {key}\n", store.as_str())
    }

    fn with_place<T>(&self, use_place: impl FnOnce(&Place<'_>) -> T) -> T {
        let lines = self.lines();
        use_place(&Place {
            store: &self.store,
            table: TABLE,
            primary_key: lines.as_bytes(),
            version: 1,
            purpose: PURPOSE,
        })
    }
}

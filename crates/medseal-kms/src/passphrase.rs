//! The root derived from a passphrase: Argon2id (RFC 9106), or PBKDF2-HMAC-SHA-512 (SP 800-132).
//!
//! The cost stands in the store, which a database administrator can edit. So it is bounded on both
//! sides: too little would help an attacker guess, too much would stop the service. A root is never
//! made from parameters outside the bounds, whoever wrote them.

use crate::{KmsError, RootDescriptor, RootKind, RootProvider};
use crate::{unwrap_locally, wrap_locally};
use argon2::{Algorithm, Argon2, Block, Version};
use async_trait::async_trait;
use aws_lc_rs::pbkdf2;
use medseal_core::Random;
use medseal_core::secret::{ApproverSeed, Kwk, RootKey, ShareSecret};
use medseal_core::stored_secret::Place;
use std::fmt;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use zeroize::{Zeroize, Zeroizing};

const SALT_BYTES: usize = 16;
const SHORTEST_NEW_PASSPHRASE: usize = 12;
const ARGON2_MEMORY_KIB: RangeInclusive<u32> = 19_456..=4_194_304;
const ARGON2_PASSES: RangeInclusive<u32> = 2..=64;
/// From this much memory on, one pass is enough (OWASP's 46 MiB).
const ARGON2_ONE_PASS_FROM_KIB: u32 = 47_104;
const ARGON2_LANES: RangeInclusive<u32> = 1..=16;
const PBKDF2_ITERATIONS: RangeInclusive<u32> = 100_000..=100_000_000;

/// How a passphrase becomes a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PassphraseKdf {
    /// Argon2id version 1.3.
    Argon2id {
        /// Memory in KiB.
        memory_kib: u32,
        /// Passes over it.
        passes: u32,
        /// Lanes.
        lanes: u32,
        /// The salt.
        salt: [u8; SALT_BYTES],
    },
    /// PBKDF2 with HMAC-SHA-512.
    Pbkdf2 {
        /// Iterations.
        iterations: u32,
        /// The salt.
        salt: [u8; SALT_BYTES],
    },
}

impl PassphraseKdf {
    /// Argon2id with 64 MiB and three passes.
    ///
    /// # Errors
    /// [`KmsError::Random`].
    pub fn default_argon2id(random: &mut impl Random) -> Result<Self, KmsError> {
        Ok(Self::Argon2id { memory_kib: 65_536, passes: 3, lanes: 1, salt: salt(random)? })
    }

    /// PBKDF2 with 600 000 iterations.
    ///
    /// # Errors
    /// [`KmsError::Random`].
    pub fn default_pbkdf2(random: &mut impl Random) -> Result<Self, KmsError> {
        Ok(Self::Pbkdf2 { iterations: 600_000, salt: salt(random)? })
    }

    /// Reads what [`fmt::Display`] writes, within the bounds.
    ///
    /// # Errors
    /// [`KmsError::Parameters`].
    pub fn parse(text: &str) -> Result<Self, KmsError> {
        let mut words = text.split(' ');
        let name = words.next().unwrap_or_default();
        let mut value = |key: &str| words.next()?.strip_prefix(key)?.strip_prefix('=');
        let kdf = match name {
            "argon2id" => (|| {
                Some(Self::Argon2id {
                    memory_kib: value("m")?.parse().ok()?,
                    passes: value("t")?.parse().ok()?,
                    lanes: value("p")?.parse().ok()?,
                    salt: parse_salt(value("salt")?)?,
                })
            })(),
            "pbkdf2-hmac-sha512" => (|| {
                let iterations = value("i")?.parse().ok()?;
                Some(Self::Pbkdf2 { iterations, salt: parse_salt(value("salt")?)? })
            })(),
            _ => None,
        };
        // one text for one set of parameters, and nothing behind it
        kdf.filter(|kdf| kdf.is_bounded() && kdf.to_string() == text).ok_or(KmsError::Parameters)
    }

    fn is_bounded(&self) -> bool {
        match self {
            Self::Argon2id { memory_kib, passes, lanes, .. } => {
                let one_pass = *passes == 1 && *memory_kib >= ARGON2_ONE_PASS_FROM_KIB;
                ARGON2_MEMORY_KIB.contains(memory_kib)
                    && (one_pass || ARGON2_PASSES.contains(passes))
                    && ARGON2_LANES.contains(lanes)
            }
            Self::Pbkdf2 { iterations, .. } => PBKDF2_ITERATIONS.contains(iterations),
        }
    }

    fn derive(&self, passphrase: &[u8]) -> Result<RootKey, KmsError> {
        if !self.is_bounded() {
            return Err(KmsError::Parameters);
        }
        let mut out = Zeroizing::new([0; 32]);
        match self {
            Self::Argon2id { memory_kib, passes, lanes, salt } => {
                let params = argon2::Params::new(*memory_kib, *passes, *lanes, Some(32))
                    .map_err(|_| KmsError::Parameters)?;
                let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
                hash_and_wipe(&argon2, passphrase, salt, &mut out[..])?;
            }
            Self::Pbkdf2 { iterations, salt } => {
                let iterations = NonZeroU32::new(*iterations).ok_or(KmsError::Parameters)?;
                let algorithm = pbkdf2::PBKDF2_HMAC_SHA512;
                pbkdf2::derive(algorithm, iterations, salt, passphrase, &mut out[..]);
            }
        }
        RootKey::from_slice(&out[..]).ok_or(KmsError::Parameters)
    }
}

impl fmt::Display for PassphraseKdf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let salt = match self {
            Self::Argon2id { memory_kib, passes, lanes, salt } => {
                write!(f, "argon2id m={memory_kib} t={passes} p={lanes}")?;
                salt
            }
            Self::Pbkdf2 { iterations, salt } => {
                write!(f, "pbkdf2-hmac-sha512 i={iterations}")?;
                salt
            }
        };
        f.write_str(" salt=")?;
        salt.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The crate gives its memory back as it is, and whoever reads the last blocks has the root. So the
/// memory is ours, wiped whether it went well or not.
fn hash_and_wipe(
    argon2: &Argon2<'_>,
    passphrase: &[u8],
    salt: &[u8],
    out: &mut [u8],
) -> Result<(), KmsError> {
    let count = argon2.params().block_count();
    let mut memory = Vec::new();
    memory.try_reserve_exact(count).map_err(|_| KmsError::Parameters)?;
    memory.resize(count, Block::default());
    let done = argon2.hash_password_into_with_memory(passphrase, salt, out, &mut memory);
    memory.iter_mut().for_each(Zeroize::zeroize);
    done.map_err(|_| KmsError::Parameters)
}

fn salt(random: &mut impl Random) -> Result<[u8; SALT_BYTES], KmsError> {
    let mut salt = [0; SALT_BYTES];
    random.fill(&mut salt).map_err(|_| KmsError::Random)?;
    Ok(salt)
}

fn parse_salt(hex: &str) -> Option<[u8; SALT_BYTES]> {
    let value = u128::from_str_radix(hex, 16).ok()?;
    (hex.len() == 2 * SALT_BYTES).then(|| value.to_be_bytes())
}

/// A root that a passphrase gives.
pub struct PassphraseRoot {
    root: RootKey,
    kdf: PassphraseKdf,
}

impl PassphraseRoot {
    /// For a new home: refuses a short passphrase.
    ///
    /// # Errors
    /// [`KmsError::PassphraseTooShort`], [`KmsError::Parameters`].
    pub fn create(passphrase: Zeroizing<Vec<u8>>, kdf: PassphraseKdf) -> Result<Self, KmsError> {
        if passphrase.len() < SHORTEST_NEW_PASSPHRASE {
            return Err(KmsError::PassphraseTooShort);
        }
        Self::open(passphrase, kdf)
    }

    /// For an existing home; a wrong passphrase shows when something is unwrapped.
    ///
    /// # Errors
    /// [`KmsError::Parameters`].
    pub fn open(passphrase: Zeroizing<Vec<u8>>, kdf: PassphraseKdf) -> Result<Self, KmsError> {
        Ok(Self { root: kdf.derive(&passphrase)?, kdf })
    }

    /// Seals a custodian's share of an escrow, of which the passphrase is the custodian's own.
    ///
    /// # Errors
    /// [`KmsError::Random`].
    pub fn seal_share(
        &self,
        place: &Place<'_>,
        share: &ShareSecret,
        random: &mut impl Random,
    ) -> Result<Vec<u8>, KmsError> {
        Ok(self.root.wrap_key().wrap(place, share.expose_bytes(), random)?)
    }

    /// Opens what [`PassphraseRoot::seal_share`] made for this very place.
    ///
    /// # Errors
    /// [`KmsError::Rejected`] for another passphrase, another place or altered bytes.
    pub fn open_share(&self, place: &Place<'_>, sealed: &[u8]) -> Result<ShareSecret, KmsError> {
        ShareSecret::from_slice(&self.open_sealed(place, sealed)?).ok_or(KmsError::Rejected)
    }

    /// Seals the seed of an approver's keys, of which the passphrase is the approver's own.
    ///
    /// # Errors
    /// [`KmsError::Random`].
    pub fn seal_approver_seed(
        &self,
        place: &Place<'_>,
        seed: &ApproverSeed,
        random: &mut impl Random,
    ) -> Result<Vec<u8>, KmsError> {
        Ok(self.root.wrap_key().wrap(place, seed.expose_bytes(), random)?)
    }

    /// Opens what [`PassphraseRoot::seal_approver_seed`] made for this very place.
    ///
    /// # Errors
    /// As [`PassphraseRoot::open_share`].
    pub fn open_approver_seed(
        &self,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<ApproverSeed, KmsError> {
        ApproverSeed::from_slice(&self.open_sealed(place, sealed)?).ok_or(KmsError::Rejected)
    }

    fn open_sealed(
        &self,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KmsError> {
        self.root.wrap_key().unwrap(place, sealed).map_err(|_| KmsError::Rejected)
    }
}

#[async_trait]
impl RootProvider for PassphraseRoot {
    fn descriptor(&self) -> RootDescriptor {
        RootDescriptor { kind: RootKind::Passphrase, parameters: self.kdf.to_string() }
    }

    async fn wrap(
        &self,
        place: &Place<'_>,
        kwk: &Kwk,
        random: &mut (dyn Random + Send),
    ) -> Result<Vec<u8>, KmsError> {
        wrap_locally(&self.root, place, kwk, random)
    }

    async fn unwrap(&self, place: &Place<'_>, wrapped: &[u8]) -> Result<Kwk, KmsError> {
        unwrap_locally(&self.root, place, wrapped)
    }
}

#[cfg(test)]
mod tests;

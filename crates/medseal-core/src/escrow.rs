//! Shares of the KWK (`spec/escrow.md`): Shamir's scheme over GF(2^8), by `vsss-rs`.
//!
//! ```text
//! check = KDF(KWK, "medseal/v1/escrow-check", LP(store id) ‖ set16)
//! ```
//! Any number of shares gives *some* 32 bytes; the check tells whether they are the KWK. It is a PRF's
//! output under the KWK, so it may stand beside the shares in clear.
//!
//! The root itself is never split: it may be an HSM's, and then nobody can. Whoever has the KWK can
//! wrap it under a new root.

use crate::kdf::{Label, derive};
use crate::length_prefix::length_prefixed;
use crate::primitives::constant_time_equal;
use crate::primitives::hmac_sha256::HmacKey;
use crate::secret::{Kwk, ShareSecret};
use crate::{Error, MisuseKind, Random, StoreId};
use rand_core::{TryCryptoRng, TryRng};
use std::convert::Infallible;
use vsss_rs::Gf256;
use zeroize::{Zeroize, Zeroizing};

/// The fewest shares that may be needed: with one, each custodian would have the key alone.
pub const LEAST_THRESHOLD: u8 = 2;
/// The most shares.
pub const MOST_SHARES: u8 = 32;

/// One share: the place on the polynomials, and their values there.
pub struct Share {
    /// Not 0, and another for each share.
    pub index: u8,
    /// The values.
    pub secret: ShareSecret,
}

/// Which escrow a share belongs to; random, made with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EscrowSet(pub [u8; 16]);

/// Splits a KWK.
///
/// # Errors
/// [`MisuseKind::EscrowThreshold`] unless 2 ≤ `threshold` ≤ `count` ≤ 32; [`Error::Random`].
pub fn split(
    kwk: &Kwk,
    threshold: u8,
    count: u8,
    random: &mut impl Random,
) -> Result<Vec<Share>, Error> {
    if !(LEAST_THRESHOLD..=count).contains(&threshold) || count > MOST_SHARES {
        return Err(MisuseKind::EscrowThreshold.into());
    }
    let mut source = Source { random, failed: false };
    let (needed, all) = (usize::from(threshold), usize::from(count));
    let split = Gf256::split_array(needed, all, kwk.expose_bytes(), &mut source);
    let parts = Zeroizing::new(split.map_err(|_| MisuseKind::EscrowThreshold)?);
    if source.failed {
        return Err(Error::Random);
    }
    let share = |part: &Vec<u8>| {
        let (index, values) = part.split_first()?;
        Some(Share { index: *index, secret: ShareSecret::from_slice(values)? })
    };
    parts.iter().map(|part| share(part).ok_or(MisuseKind::EscrowThreshold.into())).collect()
}

/// Brings shares together; what comes out is the KWK only if [`is_kwk`] says so.
///
/// # Errors
/// [`Error::Rejected`] for fewer than two shares, an index twice, or the index 0.
pub fn combine(shares: &[Share]) -> Result<Kwk, Error> {
    let part = |share: &Share| {
        let mut part = Vec::with_capacity(33);
        part.push(share.index);
        part.extend_from_slice(share.secret.expose_bytes());
        part
    };
    let mut parts: Vec<Vec<u8>> = shares.iter().map(part).collect();
    let combined = Gf256::combine_array(&parts);
    parts.zeroize();
    let combined = Zeroizing::new(combined.map_err(|_| Error::Rejected)?);
    Kwk::from_slice(&combined).ok_or(Error::Rejected)
}

/// What stands beside the shares of one escrow of a store.
pub fn check_value(kwk: &Kwk, store: &StoreId, set: EscrowSet) -> [u8; 32] {
    let store = length_prefixed(&[store.as_str().as_bytes()]);
    let hmac = HmacKey::new(kwk.expose_bytes());
    *derive::<32>(&hmac, Label::EscrowCheck, &[&store, &set.0])
}

/// Whether this is the KWK that was split.
pub fn is_kwk(kwk: &Kwk, store: &StoreId, set: EscrowSet, check: &[u8; 32]) -> bool {
    constant_time_equal(&check_value(kwk, store, set), check)
}

/// Our source as the crate wants one, which may not fail: it is asked afterwards whether it did.
struct Source<'r, R: Random> {
    random: &'r mut R,
    failed: bool,
}

impl<R: Random> TryRng for Source<'_, R> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        if self.failed || self.random.fill(out).is_err() {
            self.failed = true;
            // a caller that draws until it gets a value other than zero must come to an end
            out.fill(1);
        }
        Ok(())
    }
}

impl<R: Random> TryCryptoRng for Source<'_, R> {}

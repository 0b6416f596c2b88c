//! Secrets at rest in a store: KEKs, subjects' secrets, the KWK itself (`spec/envelope.md`, Stored
//! secrets).
//!
//! ```text
//! F8 04 suite 00 ‖ u32be KWK version ‖ u32be month ‖ message as in the field envelope
//! W = KDF(KWK, "medseal/v1/wrap-key", u32be month ‖ E_month)       month 0 and no E: the rest
//! ```
//! The context names store, table, row and row version, so a secret copied to another row, or an
//! older one put back under a newer version, does not open. Months are `YYYYMM` in decimal.

use crate::envelope::{MAGIC, MessageParts, open_message, seal_message};
use crate::kdf::{Label, derive};
use crate::length_prefix::{Append, push_length_prefixed};
use crate::primitives::hmac_sha256::HmacKey;
use crate::secret::{EpochKey, Kwk, RootKey};
use crate::{Error, MalformedKind, Random, StoreId, Suite};
use zeroize::Zeroizing;

/// Format byte of a stored secret.
pub const FORMAT_STORED_SECRET: u8 = 0x04;
const HEADER_BYTES: usize = 12;
/// The one suite of stored secrets: it belongs to the KWK, not to the header.
const SUITE: Suite = Suite::Aes256Gcm;
/// Type byte of the field envelope: raw bytes.
const TYPE_BYTES: u8 = 2;

/// A calendar month as `YYYYMM`; 0 stands for "under no epoch key".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(u32);

impl Month {
    /// Under no epoch key.
    pub const NONE: Month = Month(0);

    /// Reads `YYYYMM`.
    pub fn from_yyyymm(value: u32) -> Option<Self> {
        let (year, month) = (value / 100, value % 100);
        ((1..=9999).contains(&year) && (1..=12).contains(&month)).then_some(Self(value))
    }

    /// The decimal `YYYYMM`, or 0.
    pub fn yyyymm(self) -> u32 {
        self.0
    }

    /// This month moved by `months`; [`Month::NONE`] stays what it is.
    pub fn plus(self, months: i32) -> Self {
        if self == Self::NONE {
            return self;
        }
        let index = i64::from(self.0 / 100) * 12 + i64::from(self.0 % 100) - 1 + i64::from(months);
        let (year, month) = (index.div_euclid(12), index.rem_euclid(12) + 1);
        u32::try_from(year * 100 + month).ok().and_then(Self::from_yyyymm).unwrap_or(Self::NONE)
    }
}

/// Where a stored secret stands.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The store.
    pub store: &'a StoreId,
    /// The table.
    pub table: &'a str,
    /// The row's primary key, as [`crate::row_mac::primary_key`] encodes it.
    pub primary_key: &'a [u8],
    /// The row's version.
    pub version: u64,
    /// What the secret is for, such as `kek`.
    pub purpose: &'a str,
}

/// The key that wraps stored secrets of one KWK version and month.
pub struct WrapKey {
    hmac: HmacKey,
    kwk_version: u32,
    month: Month,
}

impl Kwk {
    /// The wrap key for secrets that no epoch key guards.
    pub fn wrap_key(&self, kwk_version: u32) -> WrapKey {
        wrap_key(self.expose_bytes(), kwk_version, Month::NONE, &[])
    }

    /// The wrap key for secrets that must be forgotten with `month`.
    pub fn wrap_key_for_month(&self, kwk_version: u32, month: Month, epoch: &EpochKey) -> WrapKey {
        wrap_key(self.expose_bytes(), kwk_version, month, epoch.expose_bytes())
    }
}

impl RootKey {
    /// The wrap key under which a local root keeps the KWK (KWK version 0, month 0).
    pub fn wrap_key(&self) -> WrapKey {
        wrap_key(self.expose_bytes(), 0, Month::NONE, &[])
    }
}

fn wrap_key(key: &[u8; 32], kwk_version: u32, month: Month, epoch: &[u8]) -> WrapKey {
    let month_bytes = month.0.to_be_bytes();
    let w = derive::<32>(&HmacKey::new(key), Label::WrapKey, &[&month_bytes, epoch]);
    WrapKey { hmac: HmacKey::new(&w), kwk_version, month }
}

impl WrapKey {
    /// Wraps `secret` for one place.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn wrap(
        &self,
        place: &Place<'_>,
        secret: &[u8],
        random: &mut impl Random,
    ) -> Result<Vec<u8>, Error> {
        let mut out = Vec::with_capacity(HEADER_BYTES + 74 + secret.len());
        out.extend_from_slice(&[MAGIC, FORMAT_STORED_SECRET, SUITE.code(), 0]);
        out.extend_from_slice(&self.kwk_version.to_be_bytes());
        out.extend_from_slice(&self.month.0.to_be_bytes());
        seal_message(
            &self.hmac,
            SUITE,
            0,
            |out| place.context(out),
            random,
            &mut out,
            |out| {
                out.push(TYPE_BYTES);
                out.extend_from_slice(secret);
            },
        )?;
        Ok(out)
    }

    /// Unwraps a secret that was wrapped for this very place.
    ///
    /// # Errors
    /// [`Error::Malformed`] or [`Error::Rejected`].
    pub fn unwrap(&self, place: &Place<'_>, stored: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let header = StoredHeader::parse(stored)?;
        let (bound, rest) = stored.split_at(HEADER_BYTES);
        let parts = MessageParts::parse(rest)?;
        let named = header.kwk_version == self.kwk_version && header.month == self.month;
        if !named || header.suite != SUITE {
            return Err(Error::Rejected);
        }
        let opened =
            open_message(&self.hmac, header.suite, bound, |out| place.context(out), &parts)?;
        match opened.split_first() {
            Some((&TYPE_BYTES, secret)) => Ok(Zeroizing::new(secret.to_vec())),
            _ => Err(Error::Rejected),
        }
    }
}

/// The header of a stored secret, readable without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredHeader {
    /// The suite.
    pub suite: Suite,
    /// The version of the KWK; 0 for the KWK itself under a local root.
    pub kwk_version: u32,
    /// The month whose epoch key is needed.
    pub month: Month,
}

impl StoredHeader {
    /// Reads the twelve bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let header: &[u8; HEADER_BYTES] = bytes.first_chunk().ok_or(MalformedKind::Truncated)?;
        let [magic, format, suite, flags, k1, k2, k3, k4, m1, m2, m3, m4] = *header;
        if magic != MAGIC {
            return Err(MalformedKind::Magic.into());
        }
        if format != FORMAT_STORED_SECRET {
            return Err(MalformedKind::Format.into());
        }
        if flags != 0 {
            return Err(MalformedKind::Flags.into());
        }
        let month = match u32::from_be_bytes([m1, m2, m3, m4]) {
            0 => Month::NONE,
            value => Month::from_yyyymm(value).ok_or(MalformedKind::Format)?,
        };
        let kwk_version = u32::from_be_bytes([k1, k2, k3, k4]);
        Ok(Self { suite: Suite::from_code(suite)?, kwk_version, month })
    }
}

impl Place<'_> {
    fn context(&self, out: &mut impl Append) -> Result<(), Error> {
        out.append(&[5]);
        let version = self.version.to_be_bytes();
        let values: [(u8, &[u8]); 5] = [
            (0x10, self.store.as_str().as_bytes()),
            (0x11, self.table.as_bytes()),
            (0x12, self.primary_key),
            (0x13, &version),
            (0x14, self.purpose.as_bytes()),
        ];
        for (tag, value) in values {
            out.append(&[tag]);
            push_length_prefixed(out, value);
        }
        Ok(())
    }
}

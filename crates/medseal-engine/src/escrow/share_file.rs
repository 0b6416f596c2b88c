//! A share as the file that its custodian keeps (`spec/escrow.md`, Share file).
//!
//! Everything but the last line is bound to the sealed share as its place, so that a header cannot be
//! edited into one that belongs to another escrow or asks for fewer shares.

use super::error::EscrowError;
use crate::error::EngineError;
use crate::random::BufferedRandom;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use medseal_core::StoreId;
use medseal_core::escrow::{EscrowSet, LEAST_THRESHOLD, MOST_SHARES, Share};
use medseal_core::stored_secret::Place;
use medseal_kms::{PassphraseKdf, PassphraseRoot};
use std::fmt::Write;
use zeroize::Zeroizing;

const FIRST_LINE: &str = "medseal escrow share v1\n";
const TABLE: &str = "escrow_shares";
const PURPOSE: &str = "escrow-share";

/// What a share file says without its passphrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareHeader {
    /// The store whose KWK was split.
    pub store: StoreId,
    /// Which escrow; shares of different ones do not come together.
    pub set: EscrowSet,
    /// The version of the KWK.
    pub kwk_version: u32,
    /// Which share: 1 to 255.
    pub index: u8,
    /// How many shares there are.
    pub count: u8,
    /// How many are needed.
    pub needed: u8,
    /// Who keeps it.
    pub custodian: String,
    pub(super) check: [u8; 32],
}

/// A share file: its header, and the share under the custodian's passphrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareFile {
    /// What can be read without the passphrase.
    pub header: ShareHeader,
    kdf: PassphraseKdf,
    sealed: Vec<u8>,
}

impl ShareHeader {
    /// Lines 2 to 7, which are what the sealed share is bound to.
    fn lines(&self) -> String {
        let Self { store, set, kwk_version, index, count, needed, custodian, check } = self;
        let (store, set, check) = (store.as_str(), hex(&set.0), hex(check));
        format!(
            "store {store}\nset {set}\nkwk {kwk_version}\nshare {index} of {count} needed {needed}\n\
             custodian {custodian}\ncheck {check}\n"
        )
    }

    /// The escrow's id.
    pub fn set_id(&self) -> String {
        hex(&self.set.0)
    }

    fn with_place<T>(&self, use_place: impl FnOnce(&Place<'_>) -> T) -> T {
        let lines = self.lines();
        use_place(&Place {
            store: &self.store,
            table: TABLE,
            primary_key: lines.as_bytes(),
            version: u64::from(self.kwk_version),
            purpose: PURPOSE,
        })
    }
}

impl ShareFile {
    pub(super) fn seal(
        header: ShareHeader,
        share: &Share,
        passphrase: &Zeroizing<Vec<u8>>,
    ) -> Result<Self, EngineError> {
        let kdf = PassphraseKdf::default_argon2id(&mut BufferedRandom)?;
        let root = PassphraseRoot::create(passphrase.clone(), kdf.clone())?;
        let seal = |place: &Place<'_>| root.seal_share(place, &share.secret, &mut BufferedRandom);
        let sealed = header.with_place(seal)?;
        Ok(Self { header, kdf, sealed })
    }

    /// Opens the share.
    ///
    /// # Errors
    /// Another passphrase, or a file that was altered.
    pub(super) fn open(&self, passphrase: &Zeroizing<Vec<u8>>) -> Result<Share, EngineError> {
        let root = PassphraseRoot::open(passphrase.clone(), self.kdf.clone())?;
        let opened = self.header.with_place(|place| root.open_share(place, &self.sealed));
        let rejected = || EscrowError::ShareRejected { custodian: self.header.custodian.clone() };
        Ok(Share { index: self.header.index, secret: opened.map_err(|_| rejected())? })
    }

    /// The file.
    pub fn to_text(&self) -> String {
        let (lines, kdf, sealed) = (self.header.lines(), &self.kdf, BASE64.encode(&self.sealed));
        format!("{FIRST_LINE}{lines}sealed {kdf} {sealed}\n")
    }

    /// Reads a file; one share has one text.
    ///
    /// # Errors
    /// [`EscrowError::ShareMalformed`].
    pub fn parse(text: &str) -> Result<Self, EngineError> {
        let read = || {
            let mut lines = text.strip_prefix(FIRST_LINE)?.split_inclusive('\n');
            let mut value = |name: &str| {
                lines.next()?.strip_prefix(name)?.strip_prefix(' ')?.strip_suffix('\n')
            };
            let store = StoreId::parse(value("store")?)?;
            let set = EscrowSet(unhex(value("set")?)?);
            let kwk_version = value("kwk")?.parse().ok()?;
            let (index, rest) = value("share")?.split_once(" of ")?;
            let (count, needed) = rest.split_once(" needed ")?;
            let (index, count) = (index.parse().ok()?, count.parse().ok()?);
            let needed = needed.parse().ok()?;
            let custodian = value("custodian")?.to_owned();
            let check = unhex(value("check")?)?;
            let (kdf, sealed) = value("sealed")?.rsplit_once(' ')?;
            let kdf = PassphraseKdf::parse(kdf).ok()?;
            let sealed = BASE64.decode(sealed).ok()?;
            let header =
                ShareHeader { store, set, kwk_version, index, count, needed, custodian, check };
            Some(Self { header, kdf, sealed })
        };
        let file = read().filter(|file: &Self| file.is_possible() && file.to_text() == text);
        file.ok_or(EscrowError::ShareMalformed.into())
    }

    fn is_possible(&self) -> bool {
        let ShareHeader { index, count, needed, custodian, .. } = &self.header;
        *index > 0
            && (LEAST_THRESHOLD..=*count).contains(needed)
            && *count <= MOST_SHARES
            && is_custodian(custodian)
    }
}

pub(super) fn is_custodian(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    (1..=64).contains(&name.len()) && name.bytes().all(legal) && !name.starts_with('.')
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let digit = |d: u8| (d as char).to_digit(16);
    let mut out = [0; N];
    for (byte, [high, low]) in out.iter_mut().zip(pairs) {
        *byte = u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?;
    }
    Some(out)
}

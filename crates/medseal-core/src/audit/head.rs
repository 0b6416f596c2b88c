//! What a writer keeps in the index so that appending need not read the log: its head.
//!
//! ```text
//! u64be segment ‖ u64be offset ‖ u64be time ‖ u64be signed ‖ frontier ‖ HMAC of all that
//! ```
//! The MAC is there so that an edited index costs a rebuild and nothing else: whoever could choose
//! the frontier could make the log sign a root that its entries do not have.

use super::entry::LogId;
use super::tree::Frontier;
use crate::kdf::{Label, derive};
use crate::primitives::constant_time_equal;
use crate::primitives::hmac_sha256::HmacKey;
use crate::secret::LogSeed;

/// The key that authenticates heads of one log.
pub struct HeadKey(HmacKey);

/// Where a log ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The first index of the last segment.
    pub segment: u64,
    /// Bytes of whole frames in it.
    pub offset: u64,
    /// The time of the last entry.
    pub time: u64,
    /// The size of the newest checkpoint.
    pub signed: u64,
    /// The tree over all entries.
    pub frontier: Frontier,
}

impl HeadKey {
    /// Derives it from the log's seed.
    pub fn new(log: LogId, seed: &LogSeed) -> Self {
        let hmac = HmacKey::new(seed.expose_bytes());
        Self(HmacKey::new(&derive::<32>(&hmac, Label::AuditHead, &[&log.0])))
    }
}

impl Head {
    /// The bytes with their MAC.
    pub fn to_bytes(&self, key: &HeadKey) -> Vec<u8> {
        let mut out = Vec::new();
        for number in [self.segment, self.offset, self.time, self.signed] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&self.frontier.to_bytes());
        out.extend_from_slice(&key.0.mac(&out));
        out
    }

    /// Reads [`Head::to_bytes`]; `None` for anything that this key did not authenticate.
    pub fn from_bytes(bytes: &[u8], key: &HeadKey) -> Option<Self> {
        let (body, mac) = bytes.split_last_chunk::<32>()?;
        if !constant_time_equal(&key.0.mac(body), mac) {
            return None;
        }
        let (numbers, frontier) = body.split_first_chunk::<32>()?;
        let (numbers, _) = numbers.as_chunks::<8>();
        let [segment, offset, time, signed] = numbers else { return None };
        let [segment, offset, time, signed] =
            [segment, offset, time, signed].map(|number| u64::from_be_bytes(*number));
        Some(Self { segment, offset, time, signed, frontier: Frontier::from_bytes(frontier)? })
    }
}

//! What a writer keeps in the index so that appending need not read the log: its head.
//!
//! ```text
//! 02 ‖ u64be segment ‖ u64be offset ‖ u64be time ‖ u64be signed ‖ state ‖ frontier ‖ HMAC of all that
//! state = 00 ‖ 40 zeros, or 01 ‖ u64be epoch ‖ root
//! ```
//! The MAC is there so that an edited index costs a rebuild and nothing else: whoever could choose
//! the frontier could make the log sign a root that its entries do not have.

use super::entry::LogId;
use super::tree::Frontier;
use crate::kdf::{Label, derive};
use crate::primitives::constant_time_equal;
use crate::primitives::hmac_sha256::HmacKey;
use crate::secret::LogSeed;
use crate::state_root::{StateAt, StateRoot};

const LAYOUT: u8 = 2;

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
    /// The newest state of the store that an entry names.
    pub state: Option<StateAt>,
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
    /// Takes in the state that one more entry names.
    pub fn note(&mut self, named: Option<StateAt>) {
        let newer = |named: &StateAt| self.state.is_none_or(|known| named.epoch > known.epoch);
        self.state = named.filter(newer).or(self.state);
    }

    /// The bytes with their MAC.
    pub fn to_bytes(&self, key: &HeadKey) -> Vec<u8> {
        let mut out = vec![LAYOUT];
        for number in [self.segment, self.offset, self.time, self.signed] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        let none = StateAt { epoch: 0, root: StateRoot([0; 32]) };
        let StateAt { epoch, root } = self.state.unwrap_or(none);
        out.push(u8::from(self.state.is_some()));
        out.extend_from_slice(&epoch.to_be_bytes());
        out.extend_from_slice(&root.0);
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
        let (layout, body) = body.split_first()?;
        let (numbers, rest) = body.split_first_chunk::<32>()?;
        let (there, rest) = rest.split_first()?;
        let (epoch, rest) = rest.split_first_chunk::<8>()?;
        let (root, frontier) = rest.split_first_chunk::<32>()?;
        let named = StateAt { epoch: u64::from_be_bytes(*epoch), root: StateRoot(*root) };
        let state = (*there == 1).then_some(named);
        if *layout != LAYOUT {
            return None;
        }
        let (numbers, _) = numbers.as_chunks::<8>();
        let [segment, offset, time, signed] = numbers else { return None };
        let [segment, offset, time, signed] =
            [segment, offset, time, signed].map(|number| u64::from_be_bytes(*number));
        let frontier = Frontier::from_bytes(frontier)?;
        Some(Self { segment, offset, time, signed, state, frontier })
    }
}

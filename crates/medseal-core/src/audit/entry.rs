//! One entry of the log: an allow-listed schema in deterministic CBOR (RFC 8949 section 4.2.1).
//!
//! What may stand in clear is fixed here, member by member; there is no place for free text, a
//! value or a record id. One meaning has one encoding; `decoding` refuses everything else.

use super::encoded::EntryPlace;
use super::rejection::{Rejection, RejectionKind};
use super::subject::SubjectTag;
use super::tree::Hash;
use crate::state_root::{StateAt, StateRoot};
use crate::{Random, RandomFailure};
use minicbor::Encoder;
use std::fmt;

/// The longest entry.
pub const MAX_ENTRY_BYTES: usize = 8192;
/// The longest list of names.
pub(crate) const MAX_NAMES: usize = 32;
const MAX_NAME_BYTES: usize = 128;
pub(super) const MAX_CHANGE_BYTES: usize = 1024;
pub(super) const FORMAT: u64 = 1;

pub(super) type EncodeResult = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

/// Which log; random, made with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LogId(pub [u8; 16]);

impl LogId {
    /// A fresh id.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn generate(random: &mut impl Random) -> Result<Self, RandomFailure> {
        let mut bytes = [0; 16];
        random.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Reads 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let digit = |d: u8| (d as char).to_digit(16).filter(|_| !d.is_ascii_uppercase());
        let mut bytes = [0; 16];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?;
        }
        (pairs.len() == 16 && rest.is_empty()).then_some(Self(bytes))
    }

    /// The first line of the log's checkpoints and the name of its keys.
    pub fn origin(&self) -> String {
        format!("{ORIGIN_PREFIX}{self}")
    }

    /// Reads an [`LogId::origin`].
    pub fn from_origin(origin: &str) -> Option<Self> {
        origin.strip_prefix(ORIGIN_PREFIX).and_then(Self::parse)
    }
}

const ORIGIN_PREFIX: &str = "medseal/audit/";

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The log.
    pub log: LogId,
    /// Its place in the log, from 0.
    pub sequence: u64,
    /// Seconds since 1970.
    pub time: u64,
    /// The size of the newest checkpoint that the writer knew.
    pub signed: u64,
    /// What happened.
    pub event: Event<'a>,
}

/// What an entry is about.
#[expect(clippy::large_enum_variant, reason = "almost every entry is of the large kind")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// The log begins; its keys.
    Boot {
        /// The Ed25519 public key.
        ed25519: [u8; 32],
        /// SHA-256 of the ML-DSA-87 public key.
        ml_dsa_87: Hash,
    },
    /// An operation was decided on.
    Operation(Access<'a>),
    /// The clock stands more than five seconds before the entry before this one.
    ClockWentBack {
        /// The time of the entry before.
        before: u64,
    },
    /// Bytes that a kill left behind the last whole entry were cut.
    Recovery {
        /// How many.
        bytes: u64,
        /// Their SHA-256.
        digest: Hash,
    },
    /// The store stands at this epoch and root, after a change that was made.
    Store(StateAt),
}

/// How an operation was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was allowed. The entry comes before the operation and does not say that it succeeded.
    Permitted,
    /// It was not.
    Denied,
}

impl Outcome {
    /// The name in listings.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Permitted => "permitted",
            Outcome::Denied => "denied",
        }
    }
}

/// What stands in clear about an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access<'a> {
    /// Its name.
    pub operation: &'a str,
    /// Who asked.
    pub principal: &'a str,
    /// The deciding rule, when one allowed it.
    pub rule: Option<&'a str>,
    /// How it was decided.
    pub outcome: Outcome,
    /// The store's epoch.
    pub epoch: u64,
    /// The store's root at that epoch; absent before the store had one.
    pub root: Option<StateRoot>,
    /// How many values.
    pub items: u64,
    /// The operation's digest.
    pub digest: Hash,
    /// The tenant, when all items have one and it is not too long.
    pub tenant: Option<&'a str>,
    /// Collections, ascending.
    pub collections: Vec<&'a str>,
    /// How many collections stand in the details only.
    pub more_collections: u64,
    /// Key versions as `NAME@N`, ascending.
    pub keys: Vec<&'a str>,
    /// Key-version ids, ascending.
    pub key_ids: Vec<[u8; 8]>,
    /// How many key versions stand in the details only.
    pub more_keys: u64,
    /// What was changed, for changes.
    pub change: Option<&'a str>,
    /// The encrypted details behind the entry.
    pub details: Option<SealedDetails>,
    /// The stable id of a principal that the home knows; its name is [`Access::principal`].
    pub principal_id: Option<[u8; 8]>,
    /// Deciding rules beside [`Access::rule`], ascending; of a denial, the rules that forbade.
    pub more_rules: Vec<&'a str>,
    /// What it was for.
    pub purpose: Option<&'a str>,
    /// On whose behalf the principal acted.
    pub on_behalf_of: Option<&'a str>,
    /// Limits that were passed, ascending.
    pub alarms: Vec<&'a str>,
    /// What marks the entry as being about subjects, ascending.
    pub subjects: Vec<SubjectTag>,
    /// How many further subjects stand in the details only.
    pub more_subjects: u64,
    /// Of operations on values: how many are under each of [`Access::key_ids`].
    pub key_items: Vec<u64>,
    /// Of re-encryptions: ids of the key versions that the values are carried over to, ascending.
    pub target_ids: Vec<[u8; 8]>,
    /// How many values are carried over to each of them.
    pub target_items: Vec<u64>,
    /// The request for approvals by which it was done, or that it is about.
    pub request: Option<[u8; 16]>,
}

/// What the entry commits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedDetails {
    /// Length of the ciphertext.
    pub length: u64,
    /// SHA-256 of the ciphertext.
    pub digest: Hash,
    /// The root over the salted items.
    pub items_root: Hash,
}

impl Entry<'_> {
    /// Appends the one encoding to `out`.
    ///
    /// # Errors
    /// [`RejectionKind::EntryMalformed`] for what the schema cannot hold.
    pub fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), Rejection> {
        let start = out.len();
        let refused = Rejection::entry(self.sequence, RejectionKind::EntryMalformed);
        self.write(out).map_err(|_| refused)?;
        if self.event.is_permitted() && out.len() - start <= MAX_ENTRY_BYTES {
            return Ok(());
        }
        out.truncate(start);
        Err(refused)
    }

    /// The store's state that the entry names.
    pub fn state(&self) -> Option<StateAt> {
        self.event.state()
    }

    fn write(&self, out: &mut Vec<u8>) -> EncodeResult {
        let mut e = Encoder::new(out);
        write_place(&mut e, &self.place(), (self.event.kind(), self.event.members()))?;
        self.event.write(&mut e)
    }
}

/// The first six members, and how many members there are.
pub(super) fn write_place(
    e: &mut Encoder<&mut Vec<u8>>,
    place: &EntryPlace,
    (kind, members): (u64, u64),
) -> EncodeResult {
    e.map(6 + members)?;
    e.u8(0)?.u64(FORMAT)?.u8(1)?.u64(kind)?.u8(2)?.bytes(&place.log.0)?;
    e.u8(3)?.u64(place.sequence)?.u8(4)?.u64(place.time)?.u8(5)?.u64(place.signed)?;
    Ok(())
}

/// Whether this can be an operation's name.
pub(super) fn is_operation(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(plain)
}

/// Whether a name may stand in an entry.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = (1..=MAX_NAME_BYTES).contains(&name.len());
    // almost all names are ASCII, and a verifier looks at millions
    let plain = name.bytes().all(|b| (b' '..0x7f).contains(&b));
    fits && (plain || !name.chars().any(char::is_control))
}

impl Event<'_> {
    /// The store's state that it names.
    pub fn state(&self) -> Option<StateAt> {
        match self {
            Event::Operation(access) => {
                access.root.map(|root| StateAt { epoch: access.epoch, root })
            }
            Event::Store(state) => Some(*state),
            Event::Boot { .. } | Event::ClockWentBack { .. } | Event::Recovery { .. } => None,
        }
    }

    /// Whether the schema can hold it.
    pub(super) fn is_permitted(&self) -> bool {
        let Event::Operation(access) = self else { return true };
        let ascending = |names: &[&str]| {
            names.len() <= MAX_NAMES
                && names.is_sorted_by(|a, b| a < b)
                && names.iter().all(|name| is_name(name))
        };
        is_operation(access.operation)
            && is_name(access.principal)
            && access.rule.is_none_or(is_name)
            && access.purpose.is_none_or(is_name)
            && access.on_behalf_of.is_none_or(is_name)
            && ascending(&access.more_rules)
            && ascending(&access.alarms)
            && access.tenant.is_none_or(is_name)
            && ascending(&access.collections)
            && ascending(&access.keys)
            && access.key_ids.len() <= MAX_NAMES
            && access.key_ids.is_sorted_by(|a, b| a < b)
            && access.change.is_none_or(|c| !c.is_empty() && c.len() <= MAX_CHANGE_BYTES)
            && access.subjects.len() <= MAX_NAMES
            && access.subjects.is_sorted_by(|a, b| a < b)
            && access.counts_its_items()
    }

    pub(super) fn kind(&self) -> u64 {
        match self {
            Event::Boot { .. } => 0,
            Event::Operation(_) => 1,
            Event::ClockWentBack { .. } => 2,
            Event::Recovery { .. } => 3,
            Event::Store(_) => 4,
        }
    }

    /// Its members.
    pub(super) fn write(&self, e: &mut Encoder<&mut Vec<u8>>) -> EncodeResult {
        match self {
            Event::Boot { ed25519, ml_dsa_87 } => {
                e.u8(26)?.bytes(ed25519)?.u8(27)?.bytes(ml_dsa_87)?;
            }
            Event::Operation(access) => access.write(e)?,
            Event::ClockWentBack { before } => {
                e.u8(28)?.u64(*before)?;
            }
            Event::Recovery { bytes, digest } => {
                e.u8(29)?.u64(*bytes)?.u8(30)?.bytes(digest)?;
            }
            Event::Store(StateAt { epoch, root }) => {
                e.u8(10)?.u64(*epoch)?.u8(23)?.bytes(&root.0)?;
            }
        }
        Ok(())
    }

    /// How many members stand behind the first six.
    pub(super) fn members(&self) -> u64 {
        match self {
            Event::Boot { .. } | Event::Recovery { .. } | Event::Store(_) => 2,
            Event::Operation(access) => access.members(),
            Event::ClockWentBack { .. } => 1,
        }
    }
}

impl Access<'_> {
    fn members(&self) -> u64 {
        let optional = [
            self.rule.is_some(),
            self.tenant.is_some(),
            !self.collections.is_empty(),
            self.more_collections > 0,
            !self.keys.is_empty(),
            !self.key_ids.is_empty(),
            self.more_keys > 0,
            self.change.is_some(),
            self.root.is_some(),
            self.principal_id.is_some(),
            !self.more_rules.is_empty(),
            self.purpose.is_some(),
            self.on_behalf_of.is_some(),
            !self.alarms.is_empty(),
            !self.subjects.is_empty(),
            self.more_subjects > 0,
            !self.key_items.is_empty(),
            !self.target_ids.is_empty(),
            !self.target_items.is_empty(),
            self.request.is_some(),
        ];
        let details = if self.details.is_some() { 3 } else { 0 };
        6 + details + optional.into_iter().filter(|there| *there).count() as u64
    }

    fn write(&self, e: &mut Encoder<&mut Vec<u8>>) -> EncodeResult {
        e.u8(6)?.str(self.operation)?.u8(7)?.str(self.principal)?;
        if let Some(rule) = self.rule {
            e.u8(8)?.str(rule)?;
        }
        e.u8(9)?.u64(u64::from(self.outcome == Outcome::Denied))?;
        e.u8(10)?.u64(self.epoch)?.u8(11)?.u64(self.items)?.u8(12)?.bytes(&self.digest)?;
        if let Some(tenant) = self.tenant {
            e.u8(13)?.str(tenant)?;
        }
        write_names(e, 14, &self.collections)?;
        write_count(e, 15, self.more_collections)?;
        write_names(e, 16, &self.keys)?;
        write_ids(e, 17, &self.key_ids)?;
        write_count(e, 18, self.more_keys)?;
        if let Some(change) = self.change {
            e.u8(19)?.str(change)?;
        }
        if let Some(SealedDetails { length, digest, items_root }) = &self.details {
            e.u8(20)?.u64(*length)?.u8(21)?.bytes(digest)?.u8(22)?.bytes(items_root)?;
        }
        if let Some(root) = &self.root {
            e.u8(23)?.bytes(&root.0)?;
        }
        self.write_who_and_why(e)
    }

    fn write_who_and_why(&self, e: &mut Encoder<&mut Vec<u8>>) -> EncodeResult {
        if let Some(id) = &self.principal_id {
            e.u8(32)?.bytes(id)?;
        }
        write_names(e, 33, &self.more_rules)?;
        if let Some(purpose) = self.purpose {
            e.u8(34)?.str(purpose)?;
        }
        if let Some(name) = self.on_behalf_of {
            e.u8(35)?.str(name)?;
        }
        write_names(e, 36, &self.alarms)?;
        write_ids(e, 40, &self.subjects)?;
        write_count(e, 41, self.more_subjects)?;
        write_counts(e, 46, &self.key_items)?;
        write_ids(e, 47, &self.target_ids)?;
        write_counts(e, 48, &self.target_items)?;
        if let Some(request) = &self.request {
            e.u8(49)?.bytes(request)?;
        }
        Ok(())
    }

    /// Each count stands beside its key version, none is zero, and together they are no more than
    /// the items.
    fn counts_its_items(&self) -> bool {
        let counts = |counts: &[u64], ids: &[[u8; 8]]| {
            let sum = counts.iter().try_fold(0u64, |sum, count| sum.checked_add(*count));
            counts.len() == ids.len()
                && counts.iter().all(|count| *count > 0)
                && sum.is_some_and(|sum| sum <= self.items)
        };
        (self.key_items.is_empty() || counts(&self.key_items, &self.key_ids))
            && self.target_ids.len() <= MAX_NAMES
            && self.target_ids.is_sorted_by(|a, b| a < b)
            && counts(&self.target_items, &self.target_ids)
    }
}

fn write_counts(e: &mut Encoder<&mut Vec<u8>>, member: u8, counts: &[u64]) -> EncodeResult {
    if !counts.is_empty() {
        e.u8(member)?.array(counts.len() as u64)?;
        counts.iter().try_for_each(|count| e.u64(*count).map(drop))?;
    }
    Ok(())
}

fn write_ids<const N: usize>(
    e: &mut Encoder<&mut Vec<u8>>,
    member: u8,
    ids: &[[u8; N]],
) -> EncodeResult {
    if ids.is_empty() {
        return Ok(());
    }
    e.u8(member)?.array(ids.len() as u64)?;
    for id in ids {
        e.bytes(id)?;
    }
    Ok(())
}

fn write_names(e: &mut Encoder<&mut Vec<u8>>, member: u8, names: &[&str]) -> EncodeResult {
    if names.is_empty() {
        return Ok(());
    }
    e.u8(member)?.array(names.len() as u64)?;
    for name in names {
        e.str(name)?;
    }
    Ok(())
}

fn write_count(e: &mut Encoder<&mut Vec<u8>>, member: u8, count: u64) -> EncodeResult {
    if count > 0 {
        e.u8(member)?.u64(count)?;
    }
    Ok(())
}

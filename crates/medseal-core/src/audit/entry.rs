//! One entry of the log: an allow-listed schema in deterministic CBOR (RFC 8949 section 4.2.1).
//!
//! What may stand in clear is fixed here, member by member; there is no place for free text, a
//! value or a record id. The decoder encodes again what it read and compares, so that one meaning
//! has one encoding and everything else is refused.

use super::rejection::{Rejection, RejectionKind};
use super::subject::SubjectTag;
use super::tree::Hash;
use crate::state_root::{StateAt, StateRoot};
use crate::{Random, RandomFailure};
use minicbor::{Decoder, Encoder};
use std::fmt;

/// The longest entry.
pub const MAX_ENTRY_BYTES: usize = 8192;
/// The longest list of names.
pub(crate) const MAX_NAMES: usize = 32;
const MAX_NAME_BYTES: usize = 128;
const MAX_CHANGE_BYTES: usize = 1024;
const FORMAT: u64 = 1;

type EncodeResult = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

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

impl<'a> Entry<'a> {
    /// Appends the one encoding to `out`.
    ///
    /// # Errors
    /// [`RejectionKind::EntryMalformed`] for what the schema cannot hold.
    pub fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), Rejection> {
        let start = out.len();
        let refused = Rejection::entry(self.sequence, RejectionKind::EntryMalformed);
        self.write(out).map_err(|_| refused)?;
        if self.is_permitted() && out.len() - start <= MAX_ENTRY_BYTES {
            return Ok(());
        }
        out.truncate(start);
        Err(refused)
    }

    /// Reads an entry; `index` is where it stands, `scratch` is overwritten.
    ///
    /// # Errors
    /// [`RejectionKind::EntryMalformed`] for every other encoding.
    pub fn decode(bytes: &'a [u8], index: u64, scratch: &mut Vec<u8>) -> Result<Self, Rejection> {
        let refused = Rejection::entry(index, RejectionKind::EntryMalformed);
        let entry = Members::read(bytes).and_then(Members::into_entry).ok_or(refused)?;
        scratch.clear();
        entry.encode_into(scratch).map_err(|_| refused)?;
        if scratch == bytes { Ok(entry) } else { Err(refused) }
    }

    /// The store's state that the entry names.
    pub fn state(&self) -> Option<StateAt> {
        match &self.event {
            Event::Operation(access) => {
                access.root.map(|root| StateAt { epoch: access.epoch, root })
            }
            Event::Store(state) => Some(*state),
            Event::Boot { .. } | Event::ClockWentBack { .. } | Event::Recovery { .. } => None,
        }
    }

    fn is_permitted(&self) -> bool {
        let Event::Operation(access) = &self.event else { return true };
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let ascending = |names: &[&str]| {
            names.len() <= MAX_NAMES
                && names.is_sorted_by(|a, b| a < b)
                && names.iter().all(|name| is_name(name))
        };
        is_name(access.operation)
            && access.operation.bytes().all(plain)
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

    fn write(&self, out: &mut Vec<u8>) -> EncodeResult {
        let mut e = Encoder::new(out);
        e.map(6 + self.event.members())?;
        e.u8(0)?.u64(FORMAT)?.u8(1)?.u64(self.event.kind())?.u8(2)?.bytes(&self.log.0)?;
        e.u8(3)?.u64(self.sequence)?.u8(4)?.u64(self.time)?.u8(5)?.u64(self.signed)?;
        match &self.event {
            Event::Boot { ed25519, ml_dsa_87 } => {
                e.u8(26)?.bytes(ed25519)?.u8(27)?.bytes(ml_dsa_87)?;
            }
            Event::Operation(access) => access.write(&mut e)?,
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
}

/// Whether a name may stand in an entry.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = (1..=MAX_NAME_BYTES).contains(&name.len());
    // almost all names are ASCII, and a verifier looks at millions
    let plain = name.bytes().all(|b| (b' '..0x7f).contains(&b));
    fits && (plain || !name.chars().any(char::is_control))
}

impl Event<'_> {
    fn kind(&self) -> u64 {
        match self {
            Event::Boot { .. } => 0,
            Event::Operation(_) => 1,
            Event::ClockWentBack { .. } => 2,
            Event::Recovery { .. } => 3,
            Event::Store(_) => 4,
        }
    }

    /// How many members stand behind the first six.
    fn members(&self) -> u64 {
        match self {
            Event::Boot { .. } | Event::Recovery { .. } | Event::Store(_) => 2,
            Event::Operation(access) => access.members(),
            Event::ClockWentBack { .. } => 1,
        }
    }
}

impl<'a> Access<'a> {
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

/// Every member an entry can have, as it was read. A member that stands twice or belongs to another
/// kind is found when the entry is encoded again.
struct Members<'a> {
    numbers: [u64; MEMBERS],
    /// Which of the numbers were there.
    seen: u64,
    texts: [Option<&'a str>; 7],
    bytes: [Option<&'a [u8]>; 10],
    collections: Vec<&'a str>,
    keys: Vec<&'a str>,
    more_rules: Vec<&'a str>,
    alarms: Vec<&'a str>,
    key_ids: Vec<[u8; 8]>,
    subjects: Vec<SubjectTag>,
    key_items: Vec<u64>,
    target_ids: Vec<[u8; 8]>,
    target_items: Vec<u64>,
}

/// One more than the highest member; at most 64.
const MEMBERS: usize = 50;
/// Members that are text, each at its place in [`Members::texts`].
const TEXTS: [u8; 7] = [6, 7, 8, 13, 19, 34, 35];
/// Members that are bytes, each at its place in [`Members::bytes`].
const BYTES: [u8; 10] = [2, 12, 21, 22, 23, 26, 27, 30, 32, 49];

impl<'a> Members<'a> {
    fn none() -> Self {
        Self {
            numbers: [0; MEMBERS],
            seen: 0,
            texts: [None; TEXTS.len()],
            bytes: [None; BYTES.len()],
            collections: Vec::new(),
            keys: Vec::new(),
            key_ids: Vec::new(),
            subjects: Vec::new(),
            more_rules: Vec::new(),
            alarms: Vec::new(),
            key_items: Vec::new(),
            target_ids: Vec::new(),
            target_items: Vec::new(),
        }
    }

    fn read(input: &'a [u8]) -> Option<Self> {
        let mut d = Decoder::new(input);
        let mut members = Members::none();
        for _ in 0..d.map().ok()?? {
            let member = d.u8().ok()?;
            match member {
                0 | 1 | 3..=5 | 9..=11 | 15 | 18 | 20 | 28 | 29 | 41 => {
                    *members.numbers.get_mut(usize::from(member))? = d.u64().ok()?;
                    members.seen |= 1 << member;
                }
                14 => members.collections = read_list(&mut d, |d| d.str().ok())?,
                16 => members.keys = read_list(&mut d, |d| d.str().ok())?,
                33 => members.more_rules = read_list(&mut d, |d| d.str().ok())?,
                36 => members.alarms = read_list(&mut d, |d| d.str().ok())?,
                17 => members.key_ids = read_list(&mut d, |d| d.bytes().ok()?.try_into().ok())?,
                40 => members.subjects = read_list(&mut d, |d| d.bytes().ok()?.try_into().ok())?,
                46 => members.key_items = read_list(&mut d, |d| d.u64().ok())?,
                47 => members.target_ids = read_list(&mut d, |d| d.bytes().ok()?.try_into().ok())?,
                48 => members.target_items = read_list(&mut d, |d| d.u64().ok())?,
                _ => members.read_string(member, &mut d)?,
            }
        }
        (d.position() == input.len()).then_some(members)
    }

    fn read_string(&mut self, member: u8, d: &mut Decoder<'a>) -> Option<()> {
        if let Some(at) = TEXTS.iter().position(|text| *text == member) {
            *self.texts.get_mut(at)? = Some(d.str().ok()?);
        } else {
            let at = BYTES.iter().position(|bytes| *bytes == member)?;
            *self.bytes.get_mut(at)? = Some(d.bytes().ok()?);
        }
        Some(())
    }

    fn into_entry(self) -> Option<Entry<'a>> {
        if self.number(0)? != FORMAT {
            return None;
        }
        let [log, ..] = self.bytes;
        let log = LogId(log?.try_into().ok()?);
        let (sequence, time, signed) = (self.number(3)?, self.number(4)?, self.number(5)?);
        let event = match self.number(1)? {
            0 => Event::Boot { ed25519: self.hash(26)?, ml_dsa_87: self.hash(27)? },
            2 => Event::ClockWentBack { before: self.number(28)? },
            3 => Event::Recovery { bytes: self.number(29)?, digest: self.hash(30)? },
            4 => {
                let (epoch, root) = (self.number(10)?, StateRoot(self.hash(23)?));
                Event::Store(StateAt { epoch, root })
            }
            1 => Event::Operation(self.into_access()?),
            _ => return None,
        };
        Some(Entry { log, sequence, time, signed, event })
    }

    fn into_access(self) -> Option<Access<'a>> {
        let [operation, principal, rule, tenant, change, purpose, on_behalf_of] = self.texts;
        let principal_id = match self.bytes_of(32) {
            Some(id) => Some(id.try_into().ok()?),
            None => None,
        };
        let request = match self.bytes_of(49) {
            Some(id) => Some(id.try_into().ok()?),
            None => None,
        };
        let details = match self.number(20) {
            Some(length) => {
                let (digest, items_root) = (self.hash(21)?, self.hash(22)?);
                Some(SealedDetails { length, digest, items_root })
            }
            None => None,
        };
        Some(Access {
            operation: operation?,
            principal: principal?,
            rule,
            outcome: match self.number(9)? {
                0 => Outcome::Permitted,
                1 => Outcome::Denied,
                _ => return None,
            },
            epoch: self.number(10)?,
            root: self.hash(23).map(StateRoot),
            items: self.number(11)?,
            digest: self.hash(12)?,
            tenant,
            more_collections: self.number(15).unwrap_or(0),
            more_keys: self.number(18).unwrap_or(0),
            more_subjects: self.number(41).unwrap_or(0),
            subjects: self.subjects,
            collections: self.collections,
            keys: self.keys,
            key_ids: self.key_ids,
            change,
            details,
            principal_id,
            more_rules: self.more_rules,
            purpose,
            on_behalf_of,
            alarms: self.alarms,
            key_items: self.key_items,
            target_ids: self.target_ids,
            target_items: self.target_items,
            request,
        })
    }

    fn number(&self, member: usize) -> Option<u64> {
        if self.seen & (1 << member) == 0 { None } else { self.numbers.get(member).copied() }
    }

    fn hash(&self, member: u8) -> Option<Hash> {
        self.bytes_of(member)?.try_into().ok()
    }

    fn bytes_of(&self, member: u8) -> Option<&'a [u8]> {
        let at = BYTES.iter().position(|bytes| *bytes == member)?;
        self.bytes.get(at).copied().flatten()
    }
}

fn read_list<'a, T>(
    d: &mut Decoder<'a>,
    mut item: impl FnMut(&mut Decoder<'a>) -> Option<T>,
) -> Option<Vec<T>> {
    let count = usize::try_from(d.array().ok()??).ok().filter(|n| *n <= MAX_NAMES)?;
    let mut list = Vec::with_capacity(count);
    for _ in 0..count {
        list.push(item(d)?);
    }
    Some(list)
}

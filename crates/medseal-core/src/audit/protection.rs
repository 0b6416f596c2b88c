//! The protection ledger (`spec/protection-ledger.md`): what key versions protect, counted from the
//! entries of the log and the details behind them.
//!
//! It is a function of the log alone. It must not verify, which whoever reads the entries does, and
//! it must not keep a record id or a context: places are hashes that end with it.

use super::details::{DetailItem, Details, context_value_bytes};
use super::entry::{Access, Entry, Event, Outcome};
use super::subject::SubjectPseudonym;
use crate::KeyVersionId;
use crate::primitives::sha256;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Counts of values of one collection, or of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Values {
    /// Encrypted under the version.
    pub encrypted: u64,
    /// Carried in from other versions.
    pub carried_in: u64,
    /// Carried over to other versions.
    pub carried_over: u64,
    /// Still under it.
    pub remaining: u64,
    /// Still under it, of subjects that were erased: they open no more.
    pub erased: u64,
}

/// Subjects with values under a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Subjects {
    /// That ever had one.
    pub touched: u64,
    /// That still have one and are not erased.
    pub remaining: u64,
    /// That had one and are erased.
    pub erased: u64,
}

/// Who asked, what for, and how.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opener {
    /// The principal.
    pub principal: String,
    /// Its stable id, when the home knew it.
    pub principal_id: Option<[u8; 8]>,
    /// On whose behalf.
    pub on_behalf_of: Option<String>,
    /// What for, when that was said.
    pub purpose: Option<String>,
    /// `decrypt`, `verify` or `reencrypt`.
    pub operation: String,
}

/// How often, since when, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Opened {
    /// Entries.
    pub entries: u64,
    /// Values.
    pub values: u64,
    /// Subjects whose values they are.
    pub subjects: u64,
    /// The time of the first entry.
    pub first: u64,
    /// The time of the last one.
    pub last: u64,
}

/// What one version protects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionLedger {
    /// All values.
    pub values: Values,
    /// By collection; `None` where details were erased and the entry lists several.
    pub collections: BTreeMap<Option<String>, Values>,
    /// Subjects.
    pub subjects: Subjects,
    /// Records of values without a subject.
    pub records: u64,
    /// What stands for each subject in the log that ever had a value under it.
    pub touched: BTreeSet<SubjectPseudonym>,
    /// Who opened values.
    pub opened: BTreeMap<Opener, Opened>,
    /// Who was refused.
    pub refused: BTreeMap<Opener, Opened>,
}

/// Counts entries.
pub struct ProtectionLedger {
    versions: BTreeMap<KeyVersionId, Version>,
    /// What was opened before this time does not count.
    since: u64,
    /// Digest of each erasure's entry, and whom it is about.
    erasures: Vec<([u8; 32], SubjectPseudonym)>,
    gaps: Gaps,
}

/// What the log does not say any more, or did not say when it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gaps {
    /// Entries of values whose details were erased: their subjects and records are unknown.
    pub without_details: u64,
    /// Of these, entries that do not say how many values of which version they are about.
    pub uncounted: u64,
    /// Values that were carried over to a version which their entry does not name.
    pub untraced: u64,
}

#[derive(Default)]
struct Version {
    collections: BTreeMap<Option<String>, Values>,
    places: HashMap<[u8; 16], Place>,
    records: HashSet<[u8; 16]>,
    opened: BTreeMap<Opener, Tally>,
    refused: BTreeMap<Opener, Tally>,
}

struct Place {
    collection: Option<String>,
    subject: Option<SubjectPseudonym>,
    balance: i64,
}

#[derive(Default)]
struct Tally {
    sum: Opened,
    subjects: HashSet<SubjectPseudonym>,
}

/// What an item does to one version.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Move {
    Encrypted,
    CarriedIn,
    CarriedOver,
}

/// Some values that are under one version.
struct Found<'a> {
    collection: Option<&'a str>,
    subject: Option<SubjectPseudonym>,
    place: [u8; 16],
    record: Option<[u8; 16]>,
    count: u64,
}

/// What an operation on values is to the ledger.
struct Kind {
    encrypts: bool,
    carries_over: bool,
    opens: bool,
}

impl Kind {
    fn of(operation: &str) -> Option<Self> {
        let kind = |encrypts, carries_over, opens| Some(Self { encrypts, carries_over, opens });
        match operation {
            "encrypt" => kind(true, false, false),
            "decrypt" | "verify" => kind(false, false, true),
            "reencrypt" => kind(false, true, true),
            _ => None,
        }
    }
}

impl ProtectionLedger {
    /// Of these versions; what was opened before `since` is left out.
    pub fn new(versions: impl IntoIterator<Item = KeyVersionId>, since: u64) -> Self {
        let versions = versions.into_iter().map(|id| (id, Version::default())).collect();
        Self { versions, since, erasures: Vec::new(), gaps: Gaps::default() }
    }

    /// Whether an entry may be about one of the versions, so that its details are needed.
    pub fn concerns(&self, entry: &Entry<'_>) -> bool {
        let Event::Operation(access) = &entry.event else { return false };
        if access.operation == "erase-subject" {
            return access.outcome == Outcome::Permitted;
        }
        let listed =
            |ids: &[[u8; 8]]| ids.iter().any(|id| self.versions.contains_key(&KeyVersionId(*id)));
        let targets: u64 = access.target_items.iter().sum();
        let more = access.more_keys > 0 || (targets > 0 && targets < access.items);
        let known = Kind::of(access.operation).is_some();
        known && (more || listed(&access.key_ids) || listed(&access.target_ids))
    }

    /// Counts an entry that concerns it, with its details unless they were erased.
    pub fn take(&mut self, entry: &Entry<'_>, details: Option<&Details>) {
        let Event::Operation(access) = &entry.event else { return };
        if access.operation == "erase-subject" {
            let whom = details.and_then(|details| erased_in(details.items().next()?.context));
            self.erasures.extend(whom.map(|subject| (access.digest, subject)));
            return;
        }
        let Some(kind) = Kind::of(access.operation) else { return };
        let mut seen = Seen::default();
        match details {
            Some(details) => {
                for item in details.items() {
                    self.take_item(access, &kind, &item, &mut seen);
                }
            }
            None => self.take_counts(access, &kind, &mut seen),
        }
        if kind.opens && entry.time >= self.since {
            self.take_opened(access, entry.time, seen);
        }
    }

    fn take_item(
        &mut self,
        access: &Access<'_>,
        kind: &Kind,
        item: &DetailItem<'_>,
        seen: &mut Seen,
    ) {
        seen.add(item.id, 1, item.subject().copied());
        if access.outcome == Outcome::Denied {
            return;
        }
        let target = item.target().filter(|_| kind.carries_over);
        if kind.encrypts {
            self.move_values(item.id, Move::Encrypted, &Found::of(item.id, item));
        }
        if kind.carries_over {
            self.move_values(item.id, Move::CarriedOver, &Found::of(item.id, item));
            if target.is_none() && self.versions.contains_key(&item.id) {
                self.gaps.untraced += 1;
            }
        }
        if let Some(target) = target.filter(|target| self.versions.contains_key(target)) {
            self.move_values(target, Move::CarriedIn, &Found::of(target, item));
        }
    }

    /// From the counts that stand in clear.
    fn take_counts(&mut self, access: &Access<'_>, kind: &Kind, seen: &mut Seen) {
        self.gaps.without_details += 1;
        let whole = [access.items];
        let counts: &[u64] = match (access.key_items.as_slice(), access.key_ids.as_slice()) {
            ([], [_]) if access.more_keys == 0 => &whole,
            ([], _) => {
                self.gaps.uncounted += 1;
                return;
            }
            (counts, _) => counts,
        };
        // those that are not listed stood in the details alone
        self.gaps.uncounted += u64::from(access.more_keys > 0);
        let collection = match access.collections.as_slice() {
            [only] if access.more_collections == 0 => Some(*only),
            _ => None,
        };
        let ids = |ids: &[[u8; 8]], counts: &[u64]| -> Vec<(KeyVersionId, u64)> {
            ids.iter().map(|id| KeyVersionId(*id)).zip(counts.iter().copied()).collect()
        };
        let moves = if kind.encrypts { Move::Encrypted } else { Move::CarriedOver };
        for (id, count) in ids(&access.key_ids, counts) {
            seen.add(id, count, None);
            if access.outcome == Outcome::Permitted && (kind.encrypts || kind.carries_over) {
                self.move_values(id, moves, &Found::unplaced(id, collection, count));
            }
        }
        if access.outcome == Outcome::Permitted && kind.carries_over {
            for (id, count) in ids(&access.target_ids, &access.target_items) {
                self.move_values(id, Move::CarriedIn, &Found::unplaced(id, collection, count));
            }
        }
    }

    fn move_values(&mut self, id: KeyVersionId, moves: Move, found: &Found<'_>) {
        let Some(version) = self.versions.get_mut(&id) else { return };
        let collection = found.collection.map(str::to_owned);
        let values = version.collections.entry(collection.clone()).or_default();
        let count = i64::try_from(found.count).unwrap_or(i64::MAX);
        let change = match moves {
            Move::Encrypted => {
                values.encrypted += found.count;
                count
            }
            Move::CarriedIn => {
                values.carried_in += found.count;
                count
            }
            Move::CarriedOver => {
                values.carried_over += found.count;
                -count
            }
        };
        let subject = found.subject;
        let place =
            version.places.entry(found.place).or_insert(Place { collection, subject, balance: 0 });
        place.balance = place.balance.saturating_add(change);
        if moves != Move::CarriedOver {
            version.records.extend(found.record);
        }
    }

    fn take_opened(&mut self, access: &Access<'_>, time: u64, seen: Seen) {
        let opener = Opener {
            principal: access.principal.to_owned(),
            principal_id: access.principal_id,
            on_behalf_of: access.on_behalf_of.map(str::to_owned),
            purpose: access.purpose.map(str::to_owned),
            operation: access.operation.to_owned(),
        };
        for (id, (count, subjects)) in seen.0 {
            let Some(version) = self.versions.get_mut(&id) else { continue };
            let list = match access.outcome {
                Outcome::Permitted => &mut version.opened,
                Outcome::Denied => &mut version.refused,
            };
            let tally = list.entry(opener.clone()).or_default();
            let first = if tally.sum.entries == 0 { time } else { tally.sum.first.min(time) };
            tally.sum.entries += 1;
            tally.sum.values += count;
            (tally.sum.first, tally.sum.last) = (first, tally.sum.last.max(time));
            tally.subjects.extend(subjects);
        }
    }

    /// What the log did not say.
    pub fn gaps(&self) -> Gaps {
        self.gaps
    }

    /// What each version protects. `erasures` holds the digests that certificates of erasures which
    /// were made name.
    pub fn finish(self, erasures: &BTreeSet<[u8; 32]>) -> BTreeMap<KeyVersionId, VersionLedger> {
        let made = self.erasures.iter().filter(|(digest, _)| erasures.contains(digest));
        let erased: HashSet<SubjectPseudonym> = made.map(|(_, subject)| *subject).collect();
        self.versions.into_iter().map(|(id, version)| (id, version.finish(&erased))).collect()
    }
}

/// How many values of which versions an entry is about, and whose.
#[derive(Default)]
struct Seen(BTreeMap<KeyVersionId, (u64, HashSet<SubjectPseudonym>)>);

impl Seen {
    fn add(&mut self, id: KeyVersionId, count: u64, subject: Option<SubjectPseudonym>) {
        let (sum, subjects) = self.0.entry(id).or_default();
        *sum += count;
        subjects.extend(subject);
    }
}

impl<'a> Found<'a> {
    fn of(id: KeyVersionId, item: &DetailItem<'a>) -> Self {
        let (collection, subject) = (item.collection(), item.subject().copied());
        let scope = |last: u8| -> Vec<u8> {
            let tags = (1..=last).filter_map(|tag| context_value_bytes(item.context, tag));
            tags.flat_map(|value| [&(value.len() as u64).to_be_bytes(), value].concat()).collect()
        };
        let place = match subject {
            Some(pseudonym) => short(&[&id.0, &[1], &scope(3), &pseudonym]),
            None => short(&[&id.0, &[0], item.own_context().as_ref()]),
        };
        let record = item.record().filter(|_| subject.is_none());
        let record = record.map(|record| short(&[&scope(2), record.as_bytes()]));
        Self { collection, subject, place, record, count: 1 }
    }

    /// Values of which no more than this is known.
    fn unplaced(id: KeyVersionId, collection: Option<&'a str>, count: u64) -> Self {
        let place = short(&[&id.0, &[2], collection.unwrap_or_default().as_bytes()]);
        Self { collection, subject: None, place, record: None, count }
    }
}

fn short(parts: &[&[u8]]) -> [u8; 16] {
    let digest = sha256(&parts.concat());
    let mut short = [0; 16];
    short.copy_from_slice(&digest[..16]);
    short
}

/// Whose pseudonym stands at the end of an erasure's description.
fn erased_in(description: &[u8]) -> Option<SubjectPseudonym> {
    let text = std::str::from_utf8(description).ok()?;
    let (_, digits) = text.rsplit_once("; subject ")?;
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let mut pseudonym = [0; 16];
    if pairs.len() != pseudonym.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in pseudonym.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(pseudonym)
}

impl Version {
    fn finish(self, erased: &HashSet<SubjectPseudonym>) -> VersionLedger {
        let mut ledger = VersionLedger { records: self.records.len() as u64, ..Default::default() };
        ledger.collections = self.collections;
        let mut remaining = HashSet::new();
        for place in self.places.into_values() {
            let values = ledger.collections.entry(place.collection).or_default();
            let balance = u64::try_from(place.balance).unwrap_or(0);
            let gone = place.subject.is_some_and(|subject| erased.contains(&subject));
            *if gone { &mut values.erased } else { &mut values.remaining } += balance;
            ledger.touched.extend(place.subject);
            remaining.extend(place.subject.filter(|_| balance > 0 && !gone));
        }
        ledger.subjects = Subjects {
            touched: ledger.touched.len() as u64,
            remaining: remaining.len() as u64,
            erased: ledger.touched.iter().filter(|one| erased.contains(*one)).count() as u64,
        };
        for values in ledger.collections.values() {
            ledger.values.add(values);
        }
        let counted = |tallies: BTreeMap<Opener, Tally>| {
            let sums = tallies.into_iter().map(|(opener, tally)| {
                (opener, Opened { subjects: tally.subjects.len() as u64, ..tally.sum })
            });
            sums.collect()
        };
        (ledger.opened, ledger.refused) = (counted(self.opened), counted(self.refused));
        ledger
    }
}

impl Values {
    fn add(&mut self, other: &Values) {
        self.encrypted += other.encrypted;
        self.carried_in += other.carried_in;
        self.carried_over += other.carried_over;
        self.remaining += other.remaining;
        self.erased += other.erased;
    }
}

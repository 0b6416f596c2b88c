//! An entry has one encoding. The oracle reads with another library, which takes every encoding, encodes
//! again what it read, and compares: the decoder must accept exactly what comes back as it was.

use medseal_core::audit::{Access, EncodedEvent, Entry, Event, LogId, Outcome, SealedDetails};
use medseal_core::state_root::{StateAt, StateRoot};
use minicbor::{Decoder, Encoder};
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::Index;
use std::collections::{BTreeMap, BTreeSet};

/// What an entry is made of, as it was read.
#[derive(Default)]
struct Loose<'a> {
    numbers: BTreeMap<u64, u64>,
    texts: BTreeMap<u64, &'a str>,
    bytes: BTreeMap<u64, &'a [u8]>,
    names: BTreeMap<u64, Vec<&'a str>>,
    ids: BTreeMap<u64, Vec<&'a [u8]>>,
    counts: BTreeMap<u64, Vec<u64>>,
}

impl<'a> Loose<'a> {
    fn read(input: &'a [u8]) -> Option<Self> {
        let (mut d, mut loose) = (Decoder::new(input), Self::default());
        for _ in 0..d.map().ok()?? {
            let member = d.u64().ok()?;
            match member {
                0 | 1 | 3..=5 | 9..=11 | 15 | 18 | 20 | 28 | 29 | 41 => {
                    loose.numbers.insert(member, d.u64().ok()?);
                }
                6..=8 | 13 | 19 | 34 | 35 => {
                    loose.texts.insert(member, d.str().ok()?);
                }
                14 | 16 | 33 | 36 => {
                    let count = d.array().ok()??;
                    let names = (0..count).map(|_| d.str().ok()).collect::<Option<_>>()?;
                    loose.names.insert(member, names);
                }
                17 | 40 | 47 => {
                    let count = d.array().ok()??;
                    let ids = (0..count).map(|_| d.bytes().ok()).collect::<Option<_>>()?;
                    loose.ids.insert(member, ids);
                }
                46 | 48 => {
                    let count = d.array().ok()??;
                    let counts = (0..count).map(|_| d.u64().ok()).collect::<Option<_>>()?;
                    loose.counts.insert(member, counts);
                }
                _ => {
                    loose.bytes.insert(member, d.bytes().ok()?);
                }
            }
        }
        Some(loose)
    }

    fn entry(&self) -> Option<Entry<'a>> {
        let number = |member| self.numbers.get(&member).copied();
        let event = match number(1)? {
            0 => Event::Boot { ed25519: self.fixed(26)?, ml_dsa_87: self.fixed(27)? },
            1 => Event::Operation(self.access()?),
            2 => Event::ClockWentBack { before: number(28)? },
            3 => Event::Recovery { bytes: number(29)?, digest: self.fixed(30)? },
            4 => Event::Store(StateAt { epoch: number(10)?, root: StateRoot(self.fixed(23)?) }),
            _ => return None,
        };
        let (log, sequence) = (LogId(self.fixed(2)?), number(3)?);
        Some(Entry { log, sequence, time: number(4)?, signed: number(5)?, event })
    }

    fn access(&self) -> Option<Access<'a>> {
        let number = |member| self.numbers.get(&member).copied();
        let text = |member| self.texts.get(&member).copied();
        let names = |member| self.names.get(&member).cloned().unwrap_or_default();
        let details = match number(20) {
            Some(length) => {
                let (digest, items_root) = (self.fixed(21)?, self.fixed(22)?);
                Some(SealedDetails { length, digest, items_root })
            }
            None => None,
        };
        Some(Access {
            operation: text(6)?,
            principal: text(7)?,
            rule: text(8),
            outcome: if number(9)? == 0 { Outcome::Permitted } else { Outcome::Denied },
            epoch: number(10)?,
            root: self.fixed(23).map(StateRoot),
            items: number(11)?,
            digest: self.fixed(12)?,
            tenant: text(13),
            collections: names(14),
            more_collections: number(15).unwrap_or(0),
            keys: names(16),
            key_ids: self.ids(17)?,
            more_keys: number(18).unwrap_or(0),
            change: text(19),
            details,
            principal_id: self.fixed(32),
            more_rules: names(33),
            purpose: text(34),
            on_behalf_of: text(35),
            alarms: names(36),
            subjects: self.ids(40)?,
            more_subjects: number(41).unwrap_or(0),
            key_items: self.counts.get(&46).cloned().unwrap_or_default(),
            target_ids: self.ids(47)?,
            target_items: self.counts.get(&48).cloned().unwrap_or_default(),
            request: self.fixed(49),
        })
    }

    fn fixed<const N: usize>(&self, member: u64) -> Option<[u8; N]> {
        self.bytes.get(&member)?.to_vec().try_into().ok()
    }

    fn ids<const N: usize>(&self, member: u64) -> Option<Vec<[u8; N]>> {
        let ids = self.ids.get(&member).map(Vec::as_slice).unwrap_or_default();
        ids.iter().map(|id| id.to_vec().try_into().ok()).collect()
    }
}

fn oracle(bytes: &[u8]) -> Option<Entry<'_>> {
    let entry = Loose::read(bytes)?.entry()?;
    let mut again = Vec::new();
    entry.encode_into(&mut again).ok()?;
    (again == bytes).then_some(entry)
}

/// Key versions, tags of subjects, and key versions that values are carried over to.
type Ids = (BTreeSet<[u8; 8]>, BTreeSet<[u8; 16]>, BTreeSet<[u8; 8]>);

/// What an entry owns before it is one.
#[derive(Debug, Clone)]
struct Parts {
    kind: u8,
    numbers: [u64; 8],
    names: [Option<String>; 5],
    lists: [BTreeSet<String>; 4],
    ids: Ids,
    more: [u64; 3],
    change: Option<String>,
    details: Option<u64>,
    hash: [u8; 32],
    flags: [bool; 5],
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..30u64,
        200..300u64,
        65_500..65_600u64,
        any::<u32>().prop_map(u64::from),
        any::<u64>()
    ]
}

fn parts() -> impl Strategy<Value = Parts> {
    let name = "[a-z0-9äß€ :@-]{1,30}";
    let list = || btree_set(name, 0..3);
    let key_ids = || btree_set(any::<[u8; 8]>(), 0..3);
    let ids = (key_ids(), btree_set(any::<[u8; 16]>(), 0..3), key_ids());
    let more = [0..3u64, 0..300u64, 0..2u64];
    (
        (0..6u8, proptest::array::uniform8(number())),
        proptest::array::uniform5(option::of(name)),
        [list(), list(), list(), list()],
        (ids, more),
        (option::of("[a-z/\n]{1,40}"), option::of(number())),
        (any::<[u8; 32]>(), any::<[bool; 5]>()),
    )
        .prop_map(
            |((kind, numbers), names, lists, (ids, more), (change, details), (hash, flags))| {
                Parts { kind, numbers, names, lists, ids, more, change, details, hash, flags }
            },
        )
}

impl Parts {
    fn encoded(&self) -> Vec<u8> {
        let [sequence, time, signed, a, b, ..] = self.numbers;
        let event = match self.kind {
            0 => Event::Boot { ed25519: self.hash, ml_dsa_87: [3; 32] },
            1 => Event::ClockWentBack { before: a },
            2 => Event::Recovery { bytes: a, digest: self.hash },
            3 => Event::Store(StateAt { epoch: b, root: StateRoot(self.hash) }),
            _ => Event::Operation(self.access()),
        };
        let (mut out, mut placed, log) = (Vec::new(), vec![1], LogId([7; 16]));
        let encoded = EncodedEvent::new(&event).unwrap();
        let entry = Entry { log, sequence, time, signed, event };
        entry.encode_into(&mut out).unwrap();
        encoded.encode_at(&entry.place(), &mut placed);
        assert_eq!(placed[1..], out);
        out
    }

    fn access(&self) -> Access<'_> {
        let [rule, tenant, purpose, on_behalf_of, principal] =
            self.names.each_ref().map(Option::as_deref);
        let [collections, keys, more_rules, alarms] =
            self.lists.each_ref().map(|list| list.iter().map(String::as_str).collect());
        let [more_collections, more_keys, more_subjects] = self.more;
        let [outcome, root, id, counted, request] = self.flags;
        let (key_ids, subjects, targets) = &self.ids;
        let (digest, items_root) = ([8; 32], [9; 32]);
        Access {
            operation: "decrypt",
            principal: principal.unwrap_or("os-user:1000"),
            rule,
            outcome: if outcome { Outcome::Permitted } else { Outcome::Denied },
            epoch: self.numbers[5],
            root: root.then_some(StateRoot(self.hash)),
            // the sum of what is counted is no more
            items: self.numbers[6].max(600),
            digest: self.hash,
            tenant,
            collections,
            more_collections,
            keys,
            key_ids: key_ids.iter().copied().collect(),
            more_keys,
            change: self.change.as_deref(),
            details: self.details.map(|length| SealedDetails { length, digest, items_root }),
            principal_id: id.then_some([6; 8]),
            more_rules,
            purpose,
            on_behalf_of,
            alarms,
            subjects: subjects.iter().copied().collect(),
            more_subjects,
            key_items: key_ids.iter().map(|_| 299).filter(|_| counted).collect(),
            target_ids: targets.iter().copied().collect(),
            target_items: targets.iter().map(|_| 1).collect(),
            request: request.then_some([4; 16]),
        }
    }
}

/// What may be done to an entry's members: each is its number and its value, as they are encoded.
#[derive(Debug, Clone)]
enum Change {
    Nothing,
    Drop(Index),
    Repeat(Index, Index),
    Swap(Index, Index),
    /// The value of one member under the number of another.
    Renumber(Index, u8),
    /// A head that takes more bytes than it needs, of a number, a length or a count.
    Widen(Index, u8),
    /// A byte anywhere.
    Flip(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    /// A map that says another count.
    Count(u8),
    Append(u8),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        Just(Change::Nothing),
        at().prop_map(Change::Drop),
        (at(), at()).prop_map(|(from, to)| Change::Repeat(from, to)),
        (at(), at()).prop_map(|(one, other)| Change::Swap(one, other)),
        (at(), 0..52u8).prop_map(|(member, number)| Change::Renumber(member, number)),
        (at(), 24..28u8).prop_map(|(head, width)| Change::Widen(head, width)),
        (at(), 0..8u8).prop_map(|(byte, bit)| Change::Flip(byte, bit)),
        (at(), any::<u8>()).prop_map(|(before, byte)| Change::Insert(before, byte)),
        at().prop_map(Change::Remove),
        any::<u8>().prop_map(Change::Count),
        any::<u8>().prop_map(Change::Append),
    ]
}

/// Every member as its number and its encoded value.
fn taken_apart(entry: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut d = Decoder::new(entry);
    let count = d.map().unwrap().unwrap();
    let mut member = || {
        let number = d.u64().unwrap();
        let start = d.position();
        d.skip().unwrap();
        (number, entry[start..d.position()].to_vec())
    };
    (0..count).map(|_| member()).collect()
}

fn put_together(members: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    Encoder::new(&mut out).map(members.len() as u64).unwrap();
    for (number, value) in members {
        Encoder::new(&mut out).u64(*number).unwrap();
        out.extend_from_slice(value);
    }
    out
}

/// The same head with its argument in `width`, one of the four longer forms.
fn widened(value: &[u8], width: u8) -> Vec<u8> {
    let small = value[0] & 0x1f;
    let length = if small < 24 { 0 } else { 1 << (small - 24) };
    let (argument, rest) = value[1..].split_at(length);
    let argument = match small {
        0..24 => u64::from(small),
        _ => argument.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)),
    };
    let bytes = argument.to_be_bytes();
    let kept = 1usize << (width - 24);
    [&[value[0] & 0xe0 | width], &bytes[8 - kept..], rest].concat()
}

fn changed(entry: Vec<u8>, change: &Change) -> Vec<u8> {
    let (mut members, mut bytes) = (taken_apart(&entry), entry);
    let many = members.len();
    match change {
        Change::Nothing => return bytes,
        Change::Drop(at) => drop(members.remove(at.index(many))),
        Change::Repeat(from, to) => {
            let member = members[from.index(many)].clone();
            members.insert(to.index(many + 1), member);
        }
        Change::Swap(one, other) => members.swap(one.index(many), other.index(many)),
        Change::Renumber(member, number) => members[member.index(many)].0 = u64::from(*number),
        Change::Widen(head, width) => {
            let value = &mut members[head.index(many)].1;
            *value = widened(value, *width);
        }
        Change::Flip(at, bit) => {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            return bytes;
        }
        Change::Insert(at, byte) => {
            let at = at.index(bytes.len() + 1);
            bytes.insert(at, *byte);
            return bytes;
        }
        Change::Remove(at) => {
            let at = at.index(bytes.len());
            bytes.remove(at);
            return bytes;
        }
        Change::Count(first) => {
            bytes[0] = *first;
            return bytes;
        }
        Change::Append(byte) => {
            bytes.push(*byte);
            return bytes;
        }
    }
    put_together(&members)
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(4000))]

    #[test]
    fn an_entry_is_accepted_iff_it_comes_back_as_it_was(
        parts in parts(),
        changes in vec(change(), 0..3),
    ) {
        let mut bytes = parts.encoded();
        for change in &changes {
            // what was changed may be no map any more
            if oracle(&bytes).is_none() {
                break;
            }
            bytes = changed(bytes, change);
        }
        proptest::prop_assert_eq!(Entry::decode(&bytes, 0).ok(), oracle(&bytes), "{:02x?}", bytes);
    }
}

/// Both verdicts must be reached, or the property says nothing.
#[test]
fn the_oracle_accepts_and_refuses() {
    let entry = Entry {
        log: LogId([7; 16]),
        sequence: 4,
        time: 5,
        signed: 0,
        event: Event::ClockWentBack { before: 6 },
    };
    let mut bytes = Vec::new();
    entry.encode_into(&mut bytes).unwrap();
    assert_eq!(oracle(&bytes), Some(entry));
    let members = taken_apart(&bytes);
    assert_eq!(put_together(&members), bytes);
    for at in 0..members.len() {
        for width in 24..28 {
            let mut wide = members.clone();
            wide[at].1 = widened(&wide[at].1, width);
            let wide = put_together(&wide);
            let same = wide == bytes;
            assert_eq!((oracle(&wide).is_some(), Entry::decode(&wide, 4).is_ok()), (same, same));
        }
    }
}

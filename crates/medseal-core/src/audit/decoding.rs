//! Reads an entry: member after member, in the order in which an encoder writes them.
//!
//! A member is asked for where it may stand and nowhere else, so that an unknown one, one of another
//! kind, one that stands twice or out of order is left over, and the entry is refused. The tests
//! hold this against an oracle that encodes again what it read and compares.

use super::cbor::{Items, Members};
use super::entry::{
    Access, Entry, Event, FORMAT, LogId, MAX_CHANGE_BYTES, MAX_ENTRY_BYTES, MAX_NAMES, Outcome,
    SealedDetails, is_name, is_operation,
};
use super::rejection::{Rejection, RejectionKind};
use crate::state_root::{StateAt, StateRoot};

impl<'a> Entry<'a> {
    /// Reads an entry; `index` is where it stands.
    ///
    /// # Errors
    /// [`RejectionKind::EntryMalformed`] for everything that is not the one encoding of an entry.
    pub fn decode(bytes: &'a [u8], index: u64) -> Result<Self, Rejection> {
        let refused = Rejection::entry(index, RejectionKind::EntryMalformed);
        read::<true>(bytes).ok_or(refused)
    }

    /// The same for who verifies and does not look at lists: they are checked, and empty in what is
    /// returned. A verifier would spend a fifth of its time on them.
    pub(super) fn decode_without_lists(bytes: &'a [u8], index: u64) -> Result<Self, Rejection> {
        let refused = Rejection::entry(index, RejectionKind::EntryMalformed);
        read::<false>(bytes).ok_or(refused)
    }
}

fn read<const LISTS: bool>(bytes: &[u8]) -> Option<Entry<'_>> {
    if bytes.len() > MAX_ENTRY_BYTES {
        return None;
    }
    let mut members = Members::of(bytes)?;
    let m = &mut members;
    m.required(0, Items::number).filter(|format| *format == FORMAT)?;
    let kind = m.required(1, Items::number)?;
    let log = LogId(m.required(2, Items::array)?);
    let sequence = m.required(3, Items::number)?;
    let time = m.required(4, Items::number)?;
    let signed = m.required(5, Items::number)?;
    let event = match kind {
        0 => Event::Boot {
            ed25519: m.required(26, Items::array)?,
            ml_dsa_87: m.required(27, Items::array)?,
        },
        1 => Event::Operation(read_access::<LISTS>(m)?),
        2 => Event::ClockWentBack { before: m.required(28, Items::number)? },
        3 => Event::Recovery {
            bytes: m.required(29, Items::number)?,
            digest: m.required(30, Items::array)?,
        },
        4 => Event::Store(StateAt {
            epoch: m.required(10, Items::number)?,
            root: StateRoot(m.required(23, Items::array)?),
        }),
        _ => return None,
    };
    members.are_all_read().then_some(Entry { log, sequence, time, signed, event })
}

/// Fields of a literal are evaluated in the order in which they are written: that of the members.
fn read_access<'a, const LISTS: bool>(m: &mut Members<'a>) -> Option<Access<'a>> {
    let operation = m.required(6, Items::text).filter(|name| is_operation(name))?;
    let (principal, rule) = (m.required(7, name)?, m.optional(8, name)?);
    let (outcome, epoch) = (m.required(9, outcome)?, m.required(10, Items::number)?);
    let items = m.required(11, Items::number)?;
    let (mut ids_of_keys, mut ids_of_targets) = (0, 0);
    let access = Access {
        operation,
        principal,
        rule,
        outcome,
        epoch,
        items,
        digest: m.required(12, Items::array)?,
        tenant: m.optional(13, name)?,
        collections: m.optional(14, names::<LISTS>)?.unwrap_or_default(),
        more_collections: m.optional(15, count)?.unwrap_or(0),
        keys: m.optional(16, names::<LISTS>)?.unwrap_or_default(),
        key_ids: m.optional(17, ids::<LISTS, 8>(&mut ids_of_keys))?.unwrap_or_default(),
        more_keys: m.optional(18, count)?.unwrap_or(0),
        change: m.optional(19, change)?,
        details: read_details(m)?,
        root: m.optional(23, Items::array)?.map(StateRoot),
        principal_id: m.optional(32, Items::array)?,
        more_rules: m.optional(33, names::<LISTS>)?.unwrap_or_default(),
        purpose: m.optional(34, name)?,
        on_behalf_of: m.optional(35, name)?,
        alarms: m.optional(36, names::<LISTS>)?.unwrap_or_default(),
        subjects: m.optional(40, ids::<LISTS, 16>(&mut 0))?.unwrap_or_default(),
        more_subjects: m.optional(41, count)?.unwrap_or(0),
        key_items: m.optional(46, counts::<LISTS>(ids_of_keys, items))?.unwrap_or_default(),
        target_ids: m.optional(47, ids::<LISTS, 8>(&mut ids_of_targets))?.unwrap_or_default(),
        target_items: match ids_of_targets {
            0 => Vec::new(),
            many => m.required(48, counts::<LISTS>(many, items))?,
        },
        request: m.optional(49, Items::array)?,
    };
    Some(access)
}

/// The three members of details stand together or not at all.
fn read_details(m: &mut Members<'_>) -> Option<Option<SealedDetails>> {
    let Some(length) = m.optional(20, Items::number)? else { return Some(None) };
    let (digest, items_root) = (m.required(21, Items::array)?, m.required(22, Items::array)?);
    Some(Some(SealedDetails { length, digest, items_root }))
}

fn name<'a>(items: &mut Items<'a>) -> Option<&'a str> {
    items.text().filter(|name| is_name(name))
}

fn change<'a>(items: &mut Items<'a>) -> Option<&'a str> {
    items.text().filter(|change| (1..=MAX_CHANGE_BYTES).contains(&change.len()))
}

fn outcome(items: &mut Items<'_>) -> Option<Outcome> {
    match items.number()? {
        0 => Some(Outcome::Permitted),
        1 => Some(Outcome::Denied),
        _ => None,
    }
}

/// What is not there is not counted as zero.
fn count(items: &mut Items<'_>) -> Option<u64> {
    items.number().filter(|count| *count > 0)
}

fn names<'a, const KEEP: bool>(items: &mut Items<'a>) -> Option<Vec<&'a str>> {
    ascending::<KEEP, _>(items, name)
}

/// Says how many there are as well: a list that is not kept has none.
fn ids<'a, const KEEP: bool, const N: usize>(
    length: &mut usize,
) -> impl FnOnce(&mut Items<'a>) -> Option<Vec<[u8; N]>> {
    move |items| {
        let one = |items: &mut Items<'a>| {
            *length += 1;
            items.array()
        };
        ascending::<KEEP, _>(items, one)
    }
}

/// One count for each of so many ids, none of them zero, and together no more than `total`.
fn counts<'a, const KEEP: bool>(
    ids: usize,
    total: u64,
) -> impl FnOnce(&mut Items<'a>) -> Option<Vec<u64>> {
    move |items| {
        if ids == 0 || items.list()? != ids as u64 {
            return None;
        }
        let mut list = if KEEP { Vec::with_capacity(ids) } else { Vec::new() };
        let mut sum = 0u64;
        for _ in 0..ids {
            let next = count(items)?;
            sum = sum.checked_add(next)?;
            if KEEP {
                list.push(next);
            }
        }
        (sum <= total).then_some(list)
    }
}

fn ascending<'a, const KEEP: bool, T: Ord + Copy>(
    items: &mut Items<'a>,
    mut item: impl FnMut(&mut Items<'a>) -> Option<T>,
) -> Option<Vec<T>> {
    let count = usize::try_from(items.list()?).ok().filter(|n| (1..=MAX_NAMES).contains(n))?;
    let mut list = if KEEP { Vec::with_capacity(count) } else { Vec::new() };
    let mut before = None;
    for _ in 0..count {
        let next = item(items)?;
        if before.is_some_and(|before| next <= before) {
            return None;
        }
        before = Some(next);
        if KEEP {
            list.push(next);
        }
    }
    Some(list)
}

//! Refuses an object that names one key twice.
//!
//! Readers disagree about which of two equal keys counts, so one reader's protected value would be
//! another reader's clear one. Small objects compare key hashes one by one; large objects sort
//! them when they close. Both confirm equal hashes by bytes, and neither becomes quadratic when
//! somebody crafts keys whose hashes collide.

use std::cmp::Ordering;

use super::text::Unescaped;
use super::{Flaw, Key};
use crate::error::DocumentFault;

/// Up to this many keys of one object are compared at once.
const FEW: usize = 32;

/// The keys of all open objects, as a stack.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    entries: Vec<Entry>,
    order: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u32,
    key: Key,
}

impl Entry {
    fn same(&self, other: &Self, text: &str) -> bool {
        self.hash == other.hash && self.key.same(other.key, text)
    }
}

/// One open object.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mark {
    first: u32,
    /// Two bits for each key, by its hash: one that is not set says that the key is new.
    seen: u64,
}

impl Keys {
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// The mark of an object that opens now.
    #[inline(always)]
    pub(crate) fn open(&self) -> Mark {
        Mark { first: self.entries.len() as u32, seen: 0 }
    }

    /// Adds a key to the innermost object.
    #[inline(always)]
    pub(crate) fn push(
        &mut self,
        text: &str,
        mark: &mut Mark,
        key: Key,
        hash: u64,
    ) -> Result<(), Flaw> {
        let bits = 1 << (hash & 63) | 1 << (hash >> 6 & 63);
        let seen = mark.seen & bits == bits;
        mark.seen |= bits;
        self.entries.push(Entry { hash: (hash >> 32) as u32, key });
        if seen { self.compare_few(text, mark.first as usize) } else { Ok(()) }
    }

    /// The newest key with the others of its object.
    #[inline(never)]
    fn compare_few(&self, text: &str, first: usize) -> Result<(), Flaw> {
        let own = self.entries.get(first..).unwrap_or_default();
        let Some((entry, others)) = own.split_last() else { return Ok(()) };
        if others.len() < FEW && others.iter().any(|other| other.same(entry, text)) {
            return Err(duplicate(entry.key));
        }
        Ok(())
    }

    /// Ends the innermost object.
    #[inline(always)]
    pub(crate) fn close(&mut self, text: &str, mark: Mark) -> Result<(), Flaw> {
        let first = mark.first as usize;
        if self.entries.len() > first + FEW {
            self.compare_many(text, first)?;
        }
        self.entries.truncate(first);
        Ok(())
    }

    #[inline(never)]
    fn compare_many(&mut self, text: &str, first: usize) -> Result<(), Flaw> {
        let Self { entries, order } = self;
        order.clear();
        order.extend(first as u32..entries.len() as u32);
        order.sort_unstable_by(|&a, &b| {
            let (one, other) = (&entries[a as usize], &entries[b as usize]);
            let by_hash = one.hash.cmp(&other.hash);
            by_hash.then_with(|| compare(text, one.key, other.key)).then(a.cmp(&b))
        });
        let seconds = order.windows(2).filter_map(|pair| {
            let (one, other) = (&entries[pair[0] as usize], &entries[pair[1] as usize]);
            one.same(other, text).then_some(pair[1])
        });
        seconds.min().map_or(Ok(()), |second| Err(duplicate(entries[second as usize].key)))
    }
}

/// Any total order that calls the same keys equal.
fn compare(text: &str, a: Key, b: Key) -> Ordering {
    if a.is_escaped() || b.is_escaped() {
        // UTF-8 sorts like its code points, so the two orders agree.
        Unescaped::new(a.raw(text)).cmp(Unescaped::new(b.raw(text)))
    } else {
        a.raw(text).cmp(b.raw(text))
    }
}

#[cold]
fn duplicate(key: Key) -> Flaw {
    // The body starts one byte after its quote, at which the member starts.
    Flaw::new(DocumentFault::JsonDuplicateKey, key.start as usize - 1)
}

#[cfg(test)]
mod tests {
    use super::{Key, Keys, Mark};
    use crate::json::Spelling;

    /// Pushes keys of six digits, all with the same hash, as a forger would make them.
    fn push_all(text: &str, keys: &mut Keys) -> Result<Mark, super::Flaw> {
        let mut mark = keys.open();
        for start in (0..text.len()).step_by(6) {
            let key = Key { start: start as u32, end: start as u32 + 6, spelling: Spelling::Plain };
            keys.push(text, &mut mark, key, 7)?;
        }
        Ok(mark)
    }

    #[test]
    fn colliding_hashes_neither_confuse_nor_stall() {
        for count in [2_usize, 32, 33, 100_000] {
            let unique: String = (0..count).map(|i| format!("{:06}", count - i)).collect();
            let mut keys = Keys::default();
            let start = std::time::Instant::now();
            let mark = push_all(&unique, &mut keys).unwrap();
            assert!(keys.close(&unique, mark).is_ok(), "{count}");
            let twice = format!("{unique}{:06}", 1);
            let mut keys = Keys::default();
            let found = push_all(&twice, &mut keys).and_then(|mark| keys.close(&twice, mark));
            assert_eq!(found.map_err(|flaw| flaw.at), Err(unique.len() - 1), "{count}");
            assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
        }
    }
}

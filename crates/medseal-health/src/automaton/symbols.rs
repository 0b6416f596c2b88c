//! The keys that a profile names, found by the hash of a document's key.

use super::{NAMED, OTHER};
use crate::json::hash::KeyHash;

/// An open-addressed table, at most half full. Most keys of a document are not in it, and the
/// first slot says so.
#[derive(Debug)]
pub(crate) struct Symbols {
    slots: Vec<Option<(u64, u32)>>,
    keys: Vec<Box<str>>,
}

impl Symbols {
    pub(crate) fn new<'k>(keys: impl Iterator<Item = &'k str>) -> Self {
        let mut keys: Vec<Box<str>> = keys.map(Box::from).collect();
        keys.sort_unstable();
        keys.dedup();
        let slots = vec![None; (keys.len() * 2).next_power_of_two().max(64)];
        let mut symbols = Self { slots, keys: Vec::new() };
        for (number, key) in (0..).zip(&keys) {
            let hash = KeyHash::of(key.as_bytes());
            let free = symbols.probe(hash).find(|&slot| symbols.slots[slot].is_none());
            if let Some(slot) = free {
                symbols.slots[slot] = Some((hash, number));
            }
        }
        symbols.keys = keys;
        symbols
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The column of the key with this hash for which `same` is true.
    #[inline(always)]
    pub(crate) fn find(&self, hash: u64, same: impl Fn(&str) -> bool) -> Option<usize> {
        for slot in self.probe(hash) {
            let (other, number) = self.slots[slot]?;
            if other == hash && same(&self.keys[number as usize]) {
                return Some(NAMED + number as usize);
            }
        }
        None
    }

    /// The column of a key of some pattern.
    pub(crate) fn column(&self, key: &str) -> usize {
        self.find(KeyHash::of(key.as_bytes()), |other| other == key).unwrap_or(OTHER)
    }

    #[inline(always)]
    fn probe(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let mask = self.slots.len() - 1;
        (0..=mask).map(move |step| (hash as usize).wrapping_add(step) & mask)
    }
}

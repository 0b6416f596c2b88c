//! The keys that a profile names, found by the hash of a document's key.

use super::{NAMED, OTHER};
use crate::json::hash;

/// An open-addressed table, at most half full. Most keys of a document are not in it, and the
/// first slot says so.
#[derive(Debug)]
pub(crate) struct Symbols {
    slots: Vec<Slot>,
    keys: Vec<Box<str>>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u64,
    number: u32,
}

/// The number of a slot without a key.
const FREE: u32 = u32::MAX;

impl Symbols {
    pub(crate) fn new<'k>(keys: impl Iterator<Item = &'k str>) -> Self {
        let mut keys: Vec<Box<str>> = keys.map(Box::from).collect();
        keys.sort_unstable();
        keys.dedup();
        let free = Slot { hash: 0, number: FREE };
        let slots = vec![free; (keys.len() * 2).next_power_of_two().max(64)];
        let mut symbols = Self { slots, keys: Vec::new() };
        for (number, key) in (0..).zip(&keys) {
            let hash = hash::of_key(key.as_bytes());
            let mut slot = symbols.first(hash);
            while symbols.slots[slot].number != FREE {
                slot = symbols.after(slot);
            }
            symbols.slots[slot] = Slot { hash, number };
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
        let mut slot = self.first(hash);
        loop {
            let Slot { hash: other, number } = self.slots[slot];
            if number == FREE {
                return None;
            }
            if other == hash && same(&self.keys[number as usize]) {
                return Some(NAMED + number as usize);
            }
            slot = self.after(slot);
        }
    }

    /// The column of a key of some pattern.
    pub(crate) fn column(&self, key: &str) -> usize {
        self.find(hash::of_key(key.as_bytes()), |other| other == key).unwrap_or(OTHER)
    }

    #[inline(always)]
    fn first(&self, hash: u64) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    #[inline(always)]
    fn after(&self, slot: usize) -> usize {
        (slot + 1) & (self.slots.len() - 1)
    }
}

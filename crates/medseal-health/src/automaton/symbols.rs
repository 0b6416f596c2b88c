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
const EMPTY: Slot = Slot { hash: 0, number: FREE };

impl Symbols {
    pub(crate) fn new<'k>(keys: impl Iterator<Item = &'k str>) -> Self {
        let mut symbols = Self { slots: vec![EMPTY; 64], keys: Vec::new() };
        keys.for_each(|key| symbols.insert(key));
        symbols
    }

    /// Adds a key, if it is not there.
    pub(crate) fn insert(&mut self, key: &str) {
        let hash = hash::of_key(key.as_bytes());
        if self.find(hash, |other| other == key).is_some() {
            return;
        }
        let number = self.keys.len() as u32;
        self.keys.push(key.into());
        if self.keys.len() * 2 > self.slots.len() {
            let full = std::mem::take(&mut self.slots);
            self.slots = vec![EMPTY; full.len() * 2];
            full.into_iter().filter(|slot| slot.number != FREE).for_each(|slot| self.put(slot));
        }
        self.put(Slot { hash, number });
    }

    fn put(&mut self, new: Slot) {
        let mut slot = self.first(new.hash);
        while self.slots[slot].number != FREE {
            slot = self.after(slot);
        }
        self.slots[slot] = new;
    }

    /// The keys, each once.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| &**key)
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

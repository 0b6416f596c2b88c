//! Small numbers for field paths, so that a caller can cache a derived key per path.
//!
//! The table lives as long as its scanner and only grows, so a number never changes meaning. Keys
//! of documents end up in it; that is why it is bounded.

use std::collections::HashMap;

use crate::json::hash;

/// The most distinct paths one scanner remembers.
const MAX_FIELDS: usize = 65_536;

/// The number of a field path, valid for the scanner that gave it, for its whole life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(pub(crate) u32);

impl FieldId {
    /// The number; the ids of one scanner are dense and start at 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Entries of the cache; a power of two.
const CACHED: usize = 256;

/// All paths seen, both ways.
pub(crate) struct Fields {
    /// The last path of each hash, because the documents of one file have the same few paths. Its
    /// hash can be forced to collide; then the map answers.
    cache: [Option<FieldId>; CACHED],
    // The standard hasher is keyed at random: paths come from documents.
    ids: HashMap<Box<str>, FieldId>,
    names: Vec<Box<str>>,
}

impl Default for Fields {
    fn default() -> Self {
        Self { cache: [None; CACHED], ids: HashMap::new(), names: Vec::new() }
    }
}

impl Fields {
    /// The number of `path`; none when the table is full.
    pub(crate) fn intern(&mut self, path: &str) -> Option<FieldId> {
        let slot = (hash::of_path(path) >> 32) as usize % CACHED;
        if let Some(id) = self.cache[slot].filter(|&id| self.name(id) == path) {
            return Some(id);
        }
        self.cache[slot] = self.look_up(path);
        self.cache[slot]
    }

    fn look_up(&mut self, path: &str) -> Option<FieldId> {
        if let Some(&id) = self.ids.get(path) {
            return Some(id);
        }
        if self.names.len() >= MAX_FIELDS {
            return None;
        }
        let id = FieldId(self.names.len() as u32);
        self.names.push(path.into());
        self.ids.insert(path.into(), id);
        Some(id)
    }

    pub(crate) fn name(&self, id: FieldId) -> &str {
        self.names.get(id.index()).map_or("", |name| name)
    }
}

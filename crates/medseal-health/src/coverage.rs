//! Which leaves of documents a profile covers, and which it does not.
//!
//! A list of paths leaks what nobody listed. This is how its author finds out; so it counts *all*
//! leaves, also those within a selected container and those that are `null`.

use std::collections::BTreeMap;
use std::fmt;

use crate::profile::{Placement, RuleId};

/// The most distinct paths that are counted.
const MAX_PATHS: usize = 65_536;

/// What covers a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cover {
    /// A rule names it or a container of it.
    Rule(RuleId, Placement),
    /// The record's collection or id, which stays readable.
    Identity,
    /// Nothing: it falls under the profile's `unnamed`.
    Unnamed,
}

/// One path and how often it occurred. No `Debug` form: paths are keys of documents.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CoverageEntry<'c> {
    /// From its record root; not shortened, and a value of the document.
    pub path: &'c str,
    /// Leaves at this path, `null` included.
    pub count: u64,
    /// What covers it; the same for all leaves of one path, except where a rule takes only some
    /// types: then what covered the last of them.
    pub cover: Cover,
}

/// Leaf paths of all documents given to [`crate::Scanner::cover`].
#[derive(Clone, Default)]
pub struct Coverage {
    paths: BTreeMap<Box<str>, (u64, Cover)>,
}

impl fmt::Debug for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coverage").field("paths", &self.paths.len()).finish()
    }
}

impl Coverage {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All paths, sorted.
    pub fn entries(&self) -> impl Iterator<Item = CoverageEntry<'_>> {
        self.paths.iter().map(|(path, &(count, cover))| CoverageEntry { path, count, cover })
    }

    /// Counts one leaf; false when the table is full.
    pub(crate) fn count(&mut self, path: &str, cover: Cover) -> bool {
        if let Some(known) = self.paths.get_mut(path) {
            *known = (known.0 + 1, cover);
            return true;
        }
        let room = self.paths.len() < MAX_PATHS;
        if room {
            self.paths.insert(path.into(), (1, cover));
        }
        room
    }
}

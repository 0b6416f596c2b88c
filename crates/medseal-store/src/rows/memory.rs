//! What one process has seen of a store, and the map it has read.
//!
//! Nothing here is believed because it is here: states come in verified, buckets by their hashes.

use medseal_core::state_root::{Bucket, BucketHashes, StateAt, StateRoot};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Of how many epochs the roots are remembered.
const MOST_EPOCHS: usize = 1024;

/// The newest state that was seen, and the map at it. One for each open store.
#[derive(Default)]
pub struct StateMemory(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    roots: BTreeMap<u64, StateRoot>,
    map: Option<Arc<Map>>,
}

/// The map at one state, as far as it was read.
pub(super) struct Map {
    pub(super) at: StateAt,
    pub(super) hashes: BucketHashes,
    buckets: Mutex<HashMap<u8, Arc<Bucket>>>,
}

impl StateMemory {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The newest state that was seen.
    pub fn newest(&self) -> Option<StateAt> {
        let seen = self.seen();
        seen.roots.last_key_value().map(|(epoch, root)| StateAt { epoch: *epoch, root: *root })
    }

    /// The root that this process saw at an epoch.
    pub fn root_at(&self, epoch: u64) -> Option<StateRoot> {
        self.seen().roots.get(&epoch).copied()
    }

    /// `false` when another root was seen at this epoch.
    #[must_use]
    pub(super) fn saw(&self, state: StateAt) -> bool {
        let roots = &mut self.seen().roots;
        let known = *roots.entry(state.epoch).or_insert(state.root);
        if roots.len() > MOST_EPOCHS {
            roots.pop_first();
        }
        known == state.root
    }

    pub(super) fn map_at(&self, state: &StateAt) -> Option<Arc<Map>> {
        self.seen().map.clone().filter(|map| map.at == *state)
    }

    /// Takes a map in, with those buckets of the map before it that are still the same.
    pub(super) fn install(&self, at: StateAt, hashes: BucketHashes) -> Arc<Map> {
        let before = self.seen().map.clone();
        let kept = before.map(|map| map.buckets().clone()).unwrap_or_default();
        let kept = kept.into_iter().filter(|(number, bucket)| hashes.holds(*number, bucket));
        let map = Arc::new(Map { at, buckets: Mutex::new(kept.collect()), hashes });
        let mut seen = self.seen();
        if seen.map.as_ref().is_none_or(|known| known.at.epoch <= at.epoch) {
            seen.map = Some(Arc::clone(&map));
        }
        map
    }

    pub(super) fn forget_map(&self) {
        self.seen().map = None;
    }

    /// A panic while the lock was held leaves whole entries.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Map {
    /// A map whose buckets are all known.
    pub(super) fn whole(
        at: StateAt,
        buckets: HashMap<u8, Arc<Bucket>>,
        hashes: BucketHashes,
    ) -> Self {
        Self { at, hashes, buckets: Mutex::new(buckets) }
    }

    /// Every bucket that is known.
    pub(super) fn known(&self) -> BTreeMap<u8, Bucket> {
        self.buckets().iter().map(|(number, bucket)| (*number, Bucket::clone(bucket))).collect()
    }

    pub(super) fn bucket(&self, number: u8) -> Option<Arc<Bucket>> {
        self.buckets().get(&number).cloned()
    }

    pub(super) fn keep(&self, number: u8, bucket: Bucket) -> Arc<Bucket> {
        let bucket = Arc::new(bucket);
        self.buckets().insert(number, Arc::clone(&bucket));
        bucket
    }

    fn buckets(&self) -> MutexGuard<'_, HashMap<u8, Arc<Bucket>>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

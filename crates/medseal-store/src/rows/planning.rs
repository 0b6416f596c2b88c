//! From planned rows to the state after them.
//!
//! A change is committed only as [`Planned`], so nobody can write a row and forget the root.

use super::memory::Map;
use super::{MAX_READS, Rows};
use crate::row::key_texts;
use crate::schema::{self, Standing, Table};
use crate::{Change, RawRow, StoreError, Write};
use medseal_core::row_mac::primary_key;
use medseal_core::state_root::{Bucket, BucketHashes, LeafKey, StateAt, StateRoot};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A change with the state that it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    pub(crate) change: Change,
    /// The root that it was planned on.
    pub(crate) before: Option<StateRoot>,
    pub(crate) after: StateAt,
    pub(crate) mac: [u8; 32],
    pub(crate) hashes: BucketHashes,
    /// The buckets that are others afterwards.
    pub(crate) buckets: BTreeMap<u8, Bucket>,
}

impl Planned {
    /// The state after the change.
    pub fn after(&self) -> StateAt {
        self.after
    }

    /// Whether any row of it is inside the state root.
    pub fn changes_the_root(&self) -> bool {
        self.before != Some(self.after.root)
    }
}

/// A change of rows outside the state root, which leaves epoch and root as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedBeside(pub(crate) Change);

impl Rows<'_> {
    /// Plans a change that leaves the epoch as it is: for rows outside the state root that many add
    /// at once and no cached key or definition depends on.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for a row inside the state root, which cannot change without it.
    pub fn plan_beside(&self, change: Change) -> Result<PlannedBeside, StoreError> {
        match change.writes.iter().any(|write| leaf_of(write).is_some()) {
            true => Err(StoreError::Conflict),
            false => Ok(PlannedBeside(change)),
        }
    }

    /// Commits it.
    ///
    /// # Errors
    /// As [`crate::Store::commit_beside`].
    pub async fn commit_beside(&self, planned: PlannedBeside) -> Result<(), StoreError> {
        self.store.commit_beside(planned).await
    }

    /// Works out the state after a change. In a store without a map the map begins, from the rows
    /// there are, each of them verified; whether that may be is for the caller to know.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the store is not at the epoch that the change was planned on,
    /// or a row is not what the change takes it for; as [`Rows::get`].
    pub async fn plan(&self, change: Change) -> Result<Planned, StoreError> {
        let state = self.state().await?;
        let map = match state.root {
            Some(_) => self.map().await?.ok_or(StoreError::Conflict)?,
            None => Arc::new(self.beginning(state.epoch).await?),
        };
        let epoch = change.expected_epoch;
        if map.at.epoch != epoch {
            return Err(StoreError::Conflict);
        }
        let mut edited = match state.root {
            Some(_) => BTreeMap::new(),
            None => map.known(),
        };
        for write in &change.writes {
            self.apply(&map, &mut edited, write).await?;
        }
        let mut hashes = map.hashes.clone();
        edited.iter().for_each(|(number, bucket)| hashes.set(*number, bucket));
        let next = epoch.checked_add(1).ok_or(StoreError::Conflict)?;
        let after = StateAt { epoch: next, root: hashes.root() };
        let mac = self.key.state_mac(&after);
        let mac = mac.map_err(|_| StoreError::Corrupt { table: "store_state" })?;
        Ok(Planned { change, before: state.root, after, mac, hashes, buckets: edited })
    }

    /// Commits a planned change and returns the new epoch.
    ///
    /// # Errors
    /// As [`crate::Store::commit`].
    pub async fn commit(&self, planned: Planned) -> Result<u64, StoreError> {
        let (after, hashes) = (planned.after, planned.hashes.clone());
        let epoch = self.store.commit(planned).await?;
        if self.memory.saw(after) {
            self.memory.install(after, hashes);
        }
        Ok(epoch)
    }

    async fn apply(
        &self,
        map: &Map,
        edited: &mut BTreeMap<u8, Bucket>,
        write: &Write,
    ) -> Result<(), StoreError> {
        let Some(leaf) = leaf_of(write) else { return Ok(()) };
        let number = leaf.bucket();
        let mut bucket = match edited.remove(&number) {
            Some(bucket) => bucket,
            None => {
                let read = self.bucket(map, number).await?.ok_or(StoreError::Conflict)?;
                Bucket::clone(&read)
            }
        };
        let done = match write {
            Write::Insert(_, row) => bucket.insert(&leaf, &mac_of(row)?),
            Write::Update(_, row) => bucket.replace(&leaf, &mac_of(row)?),
            Write::Delete(..) => bucket.remove(&leaf),
        };
        edited.insert(number, bucket);
        if done { Ok(()) } else { Err(StoreError::Conflict) }
    }

    /// The map over the rows of a store that has none.
    async fn beginning(&self, epoch: u64) -> Result<Map, StoreError> {
        for _ in 0..MAX_READS {
            let mut buckets: HashMap<u8, Bucket> = HashMap::new();
            for table in schema::ALL {
                let Standing::Inside { group_columns } = table.standing else { continue };
                for row in self.store.list(table, &[]).await? {
                    self.authenticate(table, &row)?;
                    let key = key_texts(table, &row.columns);
                    let leaf = LeafKey::new(table.name, &key, group_columns);
                    buckets.entry(leaf.bucket()).or_default().insert(&leaf, &mac_of(&row)?);
                }
            }
            let mut hashes = BucketHashes::empty();
            buckets.iter().for_each(|(number, bucket)| hashes.set(*number, bucket));
            let now = self.state().await?;
            if now.epoch == epoch && now.root.is_none() {
                let at = StateAt { epoch, root: hashes.root() };
                let buckets = buckets.into_iter().map(|(number, b)| (number, Arc::new(b)));
                return Ok(Map::whole(at, buckets.collect(), hashes));
            }
            if now.epoch != epoch {
                break;
            }
        }
        Err(StoreError::Conflict)
    }

    /// A row's MAC, whatever the row is of.
    pub(super) fn authenticate(
        &self,
        table: &'static Table,
        row: &RawRow,
    ) -> Result<(), StoreError> {
        let texts = key_texts(table, &row.columns);
        let RawRow { columns, version, row_mac } = row;
        let verified =
            self.key.verify(table.name, &primary_key(&texts), *version, columns, row_mac);
        verified.map_err(|_| StoreError::RowRejected { table: table.name, key: texts.join("/") })
    }
}

/// Where the row of a write stands in the map; `None` for a table outside.
fn leaf_of(write: &Write) -> Option<LeafKey> {
    let place = |table: &'static Table, key: &[&str]| match table.standing {
        Standing::Inside { group_columns } => Some(LeafKey::new(table.name, key, group_columns)),
        Standing::Outside => None,
    };
    match write {
        Write::Insert(table, row) | Write::Update(table, row) => {
            place(table, &key_texts(table, &row.columns))
        }
        Write::Delete(table, key, _) => {
            let key: Vec<&str> = key.iter().map(String::as_str).collect();
            place(table, &key)
        }
    }
}

fn mac_of(row: &RawRow) -> Result<[u8; 32], StoreError> {
    row.row_mac.as_slice().try_into().map_err(|_| StoreError::Conflict)
}

//! The rows of a store as they may be used: authenticated, and those of the state root.
//!
//! This is the one way from a store to a record. A row whose MAC is right may still be an old one
//! that was put back, and a row that is missing has no MAC; so each answer of the store is held
//! against the map of `spec/state-root.md`. When both disagree and the epoch has moved on, somebody
//! was faster and the read is repeated; when it has not, the store was rolled back.
//!
//! It must not decide what is done with a record, and knows nothing of the audit log.

mod examining;
mod memory;
mod planning;

pub use memory::StateMemory;
pub use planning::{Planned, PlannedBeside};

use crate::row::key_texts;
use crate::schema::{Standing, Table};
use crate::{RawRow, Record, RolledBack, Store, StoreError, Stored, Unverified};
use medseal_core::row_mac::RowMacKey;
use medseal_core::state_root::{Bucket, BucketHashes, LeafKey, LeafPlaces, StateAt, StateRoot};
use memory::Map;
use std::ops::Range;
use std::sync::Arc;

/// How often a read is repeated because others changed the store meanwhile.
const MAX_READS: u32 = 64;

/// A store, the key that authenticates its rows, and what this process has seen of it.
#[derive(Clone, Copy)]
pub struct Rows<'s> {
    /// The store.
    pub store: &'s dyn Store,
    /// The key of its rows.
    pub key: &'s RowMacKey,
    /// What was seen of it.
    pub memory: &'s StateMemory,
}

/// A store's epoch and root, authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedState {
    /// How many changes there were.
    pub epoch: u64,
    /// The root; `None` in a store whose map has not begun.
    pub root: Option<StateRoot>,
}

impl VerifiedState {
    /// Both, if the map has begun.
    pub fn at(&self) -> Option<StateAt> {
        self.root.map(|root| StateAt { epoch: self.epoch, root })
    }
}

/// What the map says of a row that was read.
enum Verdict {
    Agrees,
    Differs(RolledBack),
    /// The map could not be read at its epoch any more.
    Moved,
}

/// An authentic row of a list.
struct Read<R> {
    stored: Stored<R>,
    mac: Vec<u8>,
    leaf: LeafKey,
    /// A list may be read wider than it was asked for.
    asked_for: bool,
}

impl Rows<'_> {
    /// The store's state now. It never goes back: not behind what this process has seen.
    ///
    /// # Errors
    /// [`StoreError::RolledBack`]; what the store answers.
    pub async fn state(&self) -> Result<VerifiedState, StoreError> {
        // before the store is asked: another thread may see a newer state meanwhile
        let seen = self.memory.newest();
        let found = self.store.state().await?;
        let epoch = found.epoch;
        let Some(sealed) = found.root else {
            let none = VerifiedState { epoch, root: None };
            return seen.map_or(Ok(none), |_| Err(RolledBack::RootRemoved.into()));
        };
        let root = sealed.root.try_into().map_err(|_| RolledBack::StateEdited)?;
        let state = StateAt { epoch, root: StateRoot(root) };
        let now = VerifiedState { epoch, root: Some(state.root) };
        if seen == Some(state) {
            return Ok(now);
        }
        let verified = self.key.verify_state(&state, &sealed.mac);
        verified.map_err(|_| RolledBack::StateEdited)?;
        match seen {
            Some(seen) if epoch < seen.epoch => {
                Err(RolledBack::LowerEpoch { found: epoch, known: seen.epoch }.into())
            }
            _ if self.memory.saw(state) => Ok(now),
            _ => Err(RolledBack::SecondRoot(epoch).into()),
        }
    }

    /// One record.
    ///
    /// # Errors
    /// [`StoreError::RowRejected`] for an edited row; [`StoreError::RolledBack`] for an old, foreign
    /// or deleted one; what the store answers.
    pub async fn get<R: Record>(&self, key: &[&str]) -> Result<Option<Stored<R>>, StoreError> {
        let table = R::table();
        for _ in 0..MAX_READS {
            let map = self.map_for(table).await?;
            let row = self.store.read(table, key).await?;
            let row = row.map(|row| self.verified::<R>(row, key)).transpose()?;
            let Some((map, group)) = map else { return Ok(row.map(|(stored, _)| stored)) };
            let leaf = LeafKey::new(table.name, key, group);
            let mac = row.as_ref().map(|(_, mac)| &mac[..]);
            match self.judge(&map, table, key, &leaf, mac).await? {
                Verdict::Agrees => return Ok(row.map(|(stored, _)| stored)),
                Verdict::Moved => {}
                Verdict::Differs(how) if self.is_still(&map).await? => return Err(how.into()),
                Verdict::Differs(_) => {}
            }
        }
        Err(StoreError::Conflict)
    }

    /// All records whose primary key starts with `prefix`, ascending by the key's bytes, none
    /// missing.
    ///
    /// # Errors
    /// As [`Rows::get`].
    pub async fn all<R: Record>(&self, prefix: &[&str]) -> Result<Vec<Stored<R>>, StoreError> {
        let table = R::table();
        for _ in 0..MAX_READS {
            let map = self.map_for(table).await?;
            // what can be counted is a whole group or a whole table
            let counted = match map {
                Some((_, group)) => prefix.get(..group).unwrap_or_default(),
                None => prefix,
            };
            let rows = self.store.list(table, counted).await?;
            let group = map.as_ref().map_or(0, |(_, group)| *group);
            let rows = self.read_list::<R>(rows, group, counted, prefix)?;
            let verdict = match &map {
                Some((map, group)) => self.judge_list(map, table, *group, counted, &rows).await?,
                None => Verdict::Agrees,
            };
            match (verdict, &map) {
                (Verdict::Agrees, _) => {
                    let asked = rows.into_iter().filter(|read| read.asked_for);
                    return Ok(asked.map(|read| read.stored).collect());
                }
                (Verdict::Differs(how), Some((map, _))) if self.is_still(map).await? => {
                    return Err(how.into());
                }
                _ => {}
            }
        }
        Err(StoreError::Conflict)
    }

    /// At most `limit` records of a table outside the state root whose integer column is in `range`,
    /// in no order. A row that was altered is an error of its own: it is for the caller to say what
    /// becomes of the others.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn within<R: Record>(
        &self,
        column: &'static str,
        range: Range<i64>,
        limit: u32,
    ) -> Result<Vec<Result<Stored<R>, StoreError>>, StoreError> {
        let rows = self.store.list_within(R::table(), column, range, limit).await?;
        let verified = |row| self.verified::<R>(row, &[]).map(|(stored, _)| stored);
        Ok(rows.into_iter().map(verified).collect())
    }

    fn verified<R: Record>(
        &self,
        row: RawRow,
        asked: &[&str],
    ) -> Result<(Stored<R>, Vec<u8>), StoreError> {
        let mac = row.row_mac.clone();
        Ok((Unverified::<R>::from_row(row, asked)?.verify(self.key)?, mac))
    }

    /// Authenticates the rows of a list.
    fn read_list<R: Record>(
        &self,
        rows: Vec<RawRow>,
        group: usize,
        counted: &[&str],
        prefix: &[&str],
    ) -> Result<Vec<Read<R>>, StoreError> {
        let table = R::table();
        let mut places = LeafPlaces::new(table.name, group);
        let read = rows.into_iter().map(|row| {
            let key = key_texts(table, &row.columns);
            let (leaf, asked_for) = (places.place(&key), key.starts_with(prefix));
            let (stored, mac) = self.verified(row, counted)?;
            Ok(Read { stored, mac, leaf, asked_for })
        });
        read.collect()
    }

    /// The map and the group of a table that is inside it.
    async fn map_for(
        &self,
        table: &'static Table,
    ) -> Result<Option<(Arc<Map>, usize)>, StoreError> {
        match table.standing {
            Standing::Outside => Ok(None),
            Standing::Inside { group_columns } => {
                Ok(self.map().await?.map(|map| (map, group_columns)))
            }
        }
    }

    /// The map at the newest state that was seen; `None` when it has not begun.
    async fn map(&self) -> Result<Option<Arc<Map>>, StoreError> {
        for _ in 0..MAX_READS {
            let newest = match self.memory.newest() {
                Some(newest) => newest,
                None => match self.state().await?.at() {
                    Some(newest) => newest,
                    None => return Ok(None),
                },
            };
            if let Some(map) = self.memory.map_at(&newest) {
                return Ok(Some(map));
            }
            let hashes = BucketHashes::from_bytes(&self.store.bucket_hashes().await?);
            if let Some(hashes) = hashes.filter(|hashes| hashes.root() == newest.root) {
                return Ok(Some(self.memory.install(newest, hashes)));
            }
            if self.state().await?.at() == Some(newest) {
                return Err(RolledBack::HashesEdited.into());
            }
        }
        Err(StoreError::Conflict)
    }

    /// One bucket of the map; `None` when the store has moved on from the map.
    async fn bucket(&self, map: &Map, number: u8) -> Result<Option<Arc<Bucket>>, StoreError> {
        if let Some(bucket) = map.bucket(number) {
            return Ok(Some(bucket));
        }
        let bytes = self.store.bucket(number).await?;
        let bucket = Bucket::from_bytes(number, &bytes);
        match bucket.filter(|bucket| map.hashes.holds(number, bucket)) {
            Some(bucket) => Ok(Some(map.keep(number, bucket))),
            None if self.is_still(map).await? => Err(RolledBack::BucketEdited(number).into()),
            None => Ok(None),
        }
    }

    async fn is_still(&self, map: &Map) -> Result<bool, StoreError> {
        Ok(self.state().await?.at() == Some(map.at))
    }

    async fn judge(
        &self,
        map: &Map,
        table: &'static Table,
        key: &[&str],
        leaf: &LeafKey,
        mac: Option<&[u8]>,
    ) -> Result<Verdict, StoreError> {
        let Some(bucket) = self.bucket(map, leaf.bucket()).await? else {
            return Ok(Verdict::Moved);
        };
        Ok(compare(&bucket, table, key, leaf, mac))
    }

    async fn judge_list<R: Record>(
        &self,
        map: &Map,
        table: &'static Table,
        group: usize,
        counted: &[&str],
        rows: &[Read<R>],
    ) -> Result<Verdict, StoreError> {
        let mut last = None;
        for read in rows {
            let number = read.leaf.bucket();
            let bucket = match last.take() {
                Some((known, bucket)) if known == number => bucket,
                _ => match self.bucket(map, number).await? {
                    Some(bucket) => bucket,
                    None => return Ok(Verdict::Moved),
                },
            };
            if bucket.mac(&read.leaf) != Some(&read.mac[..]) {
                let columns = read.stored.record.to_columns();
                let key = key_texts(table, &columns);
                return Ok(compare(&bucket, table, &key, &read.leaf, Some(&read.mac)));
            }
            last = Some((number, bucket));
        }
        let Some(known) = self.rows_known(map, table, group, counted).await? else {
            return Ok(Verdict::Moved);
        };
        if rows.len() == known {
            return Ok(Verdict::Agrees);
        }
        let (table, found) = (table.name, rows.len());
        Ok(Verdict::Differs(RolledBack::RowsMissing { table, found, known }))
    }

    /// How many rows of a group, or of a whole table, the map has.
    async fn rows_known(
        &self,
        map: &Map,
        table: &'static Table,
        group: usize,
        counted: &[&str],
    ) -> Result<Option<usize>, StoreError> {
        let of_group = LeafKey::of_group(table.name, counted);
        if counted.len() == group {
            let bucket = self.bucket(map, of_group.bucket()).await?;
            return Ok(bucket.map(|bucket| bucket.rows_of_group(&of_group)));
        }
        self.rows_of_table(map, table).await
    }

    async fn rows_of_table(
        &self,
        map: &Map,
        table: &'static Table,
    ) -> Result<Option<usize>, StoreError> {
        let (of_table, mut known) = (LeafKey::of_group(table.name, &[]), 0);
        for number in 0..=u8::MAX {
            let Some(bucket) = self.bucket(map, number).await? else { return Ok(None) };
            known += bucket.rows_of_table(&of_table);
        }
        Ok(Some(known))
    }
}

fn compare(
    bucket: &Bucket,
    table: &'static Table,
    key: &[&str],
    leaf: &LeafKey,
    mac: Option<&[u8]>,
) -> Verdict {
    let named = || (table.name, key.join("/"));
    match (bucket.mac(leaf), mac) {
        (expected, found) if expected == found => Verdict::Agrees,
        (_, Some(_)) => {
            let (table, key) = named();
            Verdict::Differs(RolledBack::RowOutside { table, key })
        }
        (_, None) => {
            let (table, key) = named();
            Verdict::Differs(RolledBack::RowMissing { table, key })
        }
    }
}

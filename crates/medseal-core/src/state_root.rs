//! The state root: one hash over every security row of a store (`spec/state-root.md`).
//!
//! A row's MAC shows that the row was written by somebody with the key, at some time. It does not
//! show that the row is still the newest, nor that none is missing. So the MACs are leaves of a
//! Merkle map, and its root, with the number of changes, is authenticated and repeated in the audit
//! log. The root depends on the set of rows alone, not on the order of changes.
//!
//! It must not read a store; `medseal-store` keeps the map and `medseal-engine` compares the root
//! with the log.

use crate::Error;
use crate::length_prefix::length_prefixed;
use crate::primitives::constant_time_equal;
use crate::row_mac::{Column, RowMacKey, primary_key};
use sha2::{Digest, Sha256};
use std::fmt;

/// How many buckets a map has.
pub const BUCKETS: usize = 256;
const ENTRY_BYTES: usize = 64;
const TAG_BYTES: usize = 4;
const GROUP_BYTES: usize = 16;
const BUCKET_DOMAIN: &[u8] = b"medseal/v1/state-bucket\0";
const ROOT_DOMAIN: &[u8] = b"medseal/v1/state-root\0";
/// What stands in the places of table and primary key when epoch and root are authenticated.
const STATE_TABLE: &str = "store_state";
const STATE_KEY: &str = "state";

/// The root of the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StateRoot(pub [u8; 32]);

impl fmt::Display for StateRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A store's state at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateAt {
    /// How many changes there were.
    pub epoch: u64,
    /// The root over the rows after them.
    pub root: StateRoot,
}

/// Where a row's MAC stands in the map.
///
/// The first bytes name the table, the next the group of rows that are listed together, so that the
/// rows of a list can be counted; the rest names the row. Truncated hashes suffice: a clash makes
/// two rows refuse one another and lets nobody exchange them, since the MAC covers the whole key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafKey([u8; 32]);

/// Gives the places of one table's rows. Rows of a list mostly have one group, so its hash is kept.
pub struct LeafPlaces {
    tag: [u8; TAG_BYTES],
    /// SHA-256 that has taken in the table's name.
    table: Sha256,
    group_columns: usize,
    last_group: Option<(Vec<String>, [u8; 32])>,
}

impl LeafPlaces {
    /// Of a table whose first `group_columns` key columns are the group.
    pub fn new(table: &str, group_columns: usize) -> Self {
        let name = length_prefixed(&[table.as_bytes()]);
        let hasher = Sha256::new_with_prefix(&name);
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&Sha256::digest(&name)[..TAG_BYTES]);
        Self { tag, table: hasher, group_columns, last_group: None }
    }

    /// The place of the row with this primary key.
    pub fn place(&mut self, key: &[&str]) -> LeafKey {
        let row = self.hash(key);
        let group = match key.get(..self.group_columns) {
            Some(columns) if columns.len() < key.len() => self.group(columns),
            _ => row,
        };
        let mut leaf = [0; 32];
        leaf[..TAG_BYTES].copy_from_slice(&self.tag);
        leaf[TAG_BYTES..GROUP_BYTES].copy_from_slice(&group[..GROUP_BYTES - TAG_BYTES]);
        leaf[GROUP_BYTES..].copy_from_slice(&row[..32 - GROUP_BYTES]);
        LeafKey(leaf)
    }

    fn group(&mut self, columns: &[&str]) -> [u8; 32] {
        match &self.last_group {
            Some((known, hash)) if known == columns => *hash,
            _ => {
                let hash = self.hash(columns);
                let columns = columns.iter().map(|column| (*column).to_owned()).collect();
                self.last_group = Some((columns, hash));
                hash
            }
        }
    }

    /// H(LP(table) ‖ LP(LP of each column)), without laying it out first.
    fn hash(&self, columns: &[&str]) -> [u8; 32] {
        let prefix = |len: usize| u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
        let mut hasher = self.table.clone();
        hasher.update(prefix(columns.iter().map(|column| column.len() + 4).sum()));
        for column in columns {
            hasher.update(prefix(column.len()));
            hasher.update(column);
        }
        hasher.finalize().into()
    }
}

impl LeafKey {
    /// The place of the row with this primary key; its first `group_columns` columns are the group.
    pub fn new(table: &str, key: &[&str], group_columns: usize) -> Self {
        LeafPlaces::new(table, group_columns).place(key)
    }

    /// A place in the group with these columns, to count its rows; no row has it.
    pub fn of_group(table: &str, group: &[&str]) -> Self {
        Self::new(table, group, group.len())
    }

    /// The bucket that the whole group is in.
    pub fn bucket(&self) -> u8 {
        self.0[TAG_BYTES]
    }

    /// The 32 bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

/// The leaves of one bucket, ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bucket(Vec<[u8; ENTRY_BYTES]>);

impl Bucket {
    /// Reads [`Bucket::to_bytes`].
    pub fn from_bytes(number: u8, bytes: &[u8]) -> Option<Self> {
        let (entries, rest) = bytes.as_chunks::<ENTRY_BYTES>();
        let own = entries.iter().all(|entry| entry[TAG_BYTES] == number);
        let ascending = entries.is_sorted_by(|a, b| a[..32] < b[..32]);
        (rest.is_empty() && own && ascending).then(|| Self(entries.to_vec()))
    }

    /// Each leaf's key and MAC.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.as_flattened().to_vec()
    }

    /// The hash of the bucket with this number.
    pub fn hash(&self, number: u8) -> [u8; 32] {
        let mut hasher = Sha256::new_with_prefix(BUCKET_DOMAIN);
        hasher.update([number]);
        hasher.update(self.0.as_flattened());
        hasher.finalize().into()
    }

    /// The MAC of a row, if the row is in the map.
    pub fn mac(&self, leaf: &LeafKey) -> Option<&[u8]> {
        let at = self.find(leaf).ok()?;
        self.0.get(at).map(|entry| &entry[32..])
    }

    /// Puts a new row in; `false` when there is one.
    pub fn insert(&mut self, leaf: &LeafKey, mac: &[u8; 32]) -> bool {
        let Err(at) = self.find(leaf) else { return false };
        let mut entry = [0; ENTRY_BYTES];
        entry[..32].copy_from_slice(&leaf.0);
        entry[32..].copy_from_slice(mac);
        self.0.insert(at, entry);
        true
    }

    /// Puts another MAC in the place of a row's; `false` when there is no such row.
    pub fn replace(&mut self, leaf: &LeafKey, mac: &[u8; 32]) -> bool {
        let entry = self.find(leaf).ok().and_then(|at| self.0.get_mut(at));
        entry.is_some_and(|entry| {
            entry[32..].copy_from_slice(mac);
            true
        })
    }

    /// Takes a row out; `false` when there is no such row.
    pub fn remove(&mut self, leaf: &LeafKey) -> bool {
        let found = self.find(leaf);
        found.is_ok_and(|at| {
            self.0.remove(at);
            true
        })
    }

    /// How many rows of the leaf's group there are.
    pub fn rows_of_group(&self, leaf: &LeafKey) -> usize {
        self.rows_with(&leaf.0[..GROUP_BYTES])
    }

    /// How many rows of the leaf's table there are in this bucket.
    pub fn rows_of_table(&self, leaf: &LeafKey) -> usize {
        self.rows_with(&leaf.0[..TAG_BYTES])
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.0.len()
    }

    fn rows_with(&self, prefix: &[u8]) -> usize {
        let before = self.0.partition_point(|entry| entry[..prefix.len()] < *prefix);
        let with = self.0.iter().skip(before);
        with.take_while(|entry| entry.starts_with(prefix)).count()
    }

    fn find(&self, leaf: &LeafKey) -> Result<usize, usize> {
        self.0.binary_search_by(|entry| entry[..32].cmp(&leaf.0))
    }
}

/// The hashes of all buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketHashes(Vec<[u8; 32]>);

impl BucketHashes {
    /// Of a map without rows.
    pub fn empty() -> Self {
        Self((0..=u8::MAX).map(|number| Bucket::default().hash(number)).collect())
    }

    /// Reads [`BucketHashes::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        (rest.is_empty() && hashes.len() == BUCKETS).then(|| Self(hashes.to_vec()))
    }

    /// One after another.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.as_flattened().to_vec()
    }

    /// Whether a bucket is the one of this map.
    pub fn holds(&self, number: u8, bucket: &Bucket) -> bool {
        self.0.get(usize::from(number)) == Some(&bucket.hash(number))
    }

    /// Puts another bucket in its place.
    pub fn set(&mut self, number: u8, bucket: &Bucket) {
        if let Some(hash) = self.0.get_mut(usize::from(number)) {
            *hash = bucket.hash(number);
        }
    }

    /// The root.
    pub fn root(&self) -> StateRoot {
        let mut hasher = Sha256::new_with_prefix(ROOT_DOMAIN);
        hasher.update(self.0.as_flattened());
        StateRoot(hasher.finalize().into())
    }
}

impl RowMacKey {
    /// The MAC of epoch and root. It is a row's MAC with the epoch as the row's version, so that
    /// nobody without the key can write a root of his own.
    ///
    /// # Errors
    /// None that can occur: the signature follows the encoder's.
    pub fn state_mac(&self, state: &StateAt) -> Result<[u8; 32], Error> {
        let root = [Column::Bytes(state.root.0.to_vec())];
        self.mac(STATE_TABLE, &primary_key(&[STATE_KEY]), state.epoch, &root)
    }

    /// Compares in constant time.
    ///
    /// # Errors
    /// [`Error::Rejected`].
    pub fn verify_state(&self, state: &StateAt, mac: &[u8]) -> Result<(), Error> {
        let expected = self.state_mac(state)?;
        if constant_time_equal(&expected, mac) { Ok(()) } else { Err(Error::Rejected) }
    }
}

//! The state root against a model that knows nothing but SHA-256 and a sorted list, and against the
//! worked vector of `spec/state-root.md`.

use crate::support::{hmac_sha256, kdf, lp};
use medseal_core::StoreId;
use medseal_core::primitives::sha256;
use medseal_core::secret::Kwk;
use medseal_core::state_root::{BUCKETS, Bucket, BucketHashes, LeafKey, StateAt, StateRoot};
use proptest::prelude::*;
use std::collections::BTreeMap;

const SPEC: &str = include_str!("../../../../spec/state-root.md");
const STORE: &str = "018f3c2e-7b7a-4cc2-98ab-0123456789ab";

/// A leaf's key from the sentences of the specification.
fn leaf_by_hand(table: &str, key: &[&str], group: usize) -> [u8; 32] {
    let columns = |columns: &[&str]| -> Vec<u8> {
        columns.iter().flat_map(|column| lp(column.as_bytes())).collect()
    };
    let hash = |n: usize| sha256(&[lp(table.as_bytes()), lp(&columns(&key[..n]))].concat());
    let (tag, group, row) = (sha256(&lp(table.as_bytes())), hash(group), hash(key.len()));
    [&tag[..4], &group[..12], &row[..16]].concat().try_into().unwrap()
}

/// The root over all leaves, written a second time.
fn root_by_hand(leaves: &BTreeMap<[u8; 32], [u8; 32]>) -> StateRoot {
    let mut all = b"medseal/v1/state-root\0".to_vec();
    for number in 0..=255u8 {
        let mut bucket = b"medseal/v1/state-bucket\0".to_vec();
        bucket.push(number);
        for (leaf, mac) in leaves.iter().filter(|(leaf, _)| leaf[4] == number) {
            bucket.extend([leaf, mac].into_iter().flatten());
        }
        all.extend(sha256(&bucket));
    }
    StateRoot(sha256(&all))
}

/// The map as it is kept: buckets and their hashes.
struct Map {
    buckets: Vec<Bucket>,
    hashes: BucketHashes,
}

impl Map {
    fn new() -> Self {
        Self { buckets: vec![Bucket::default(); BUCKETS], hashes: BucketHashes::empty() }
    }

    fn change(&mut self, leaf: &LeafKey, change: impl FnOnce(&mut Bucket) -> bool) -> bool {
        let bucket = &mut self.buckets[usize::from(leaf.bucket())];
        let changed = change(bucket);
        self.hashes.set(leaf.bucket(), bucket);
        changed
    }
}

/// A row by numbers: few enough that rows meet one another.
fn row() -> impl Strategy<Value = (usize, [u8; 3], u8)> {
    (0..3usize, [0..3u8, 0..4, 0..4], any::<u8>())
}

fn leaf(table: usize, key: [u8; 3]) -> (LeafKey, [u8; 32]) {
    let table = ["keys", "key_versions", "field_definitions"][table];
    let parts = key.map(|part| format!("part {part}"));
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let leaf = LeafKey::new(table, &parts, 2);
    assert_eq!(leaf.to_bytes(), leaf_by_hand(table, &parts, 2));
    (leaf, leaf.to_bytes())
}

proptest! {
    #[test]
    fn every_sequence_of_changes_gives_the_root_of_the_set(
        changes in proptest::collection::vec((0..3u8, row()), 0..120)
    ) {
        let (mut map, mut model) = (Map::new(), BTreeMap::new());
        for (kind, (table, key, mac)) in changes {
            let ((leaf, plain), mac) = (leaf(table, key), [mac; 32]);
            let there = model.contains_key(&plain);
            let before = map.hashes.root();
            let done = match kind {
                0 => map.change(&leaf, |bucket| bucket.insert(&leaf, &mac)),
                1 => map.change(&leaf, |bucket| bucket.replace(&leaf, &mac)),
                _ => map.change(&leaf, |bucket| bucket.remove(&leaf)),
            };
            prop_assert_eq!(done, (kind == 0) != there);
            match kind {
                0 if !there => drop(model.insert(plain, mac)),
                1 if there => drop(model.insert(plain, mac)),
                2 => drop(model.remove(&plain)),
                _ => prop_assert_eq!(map.hashes.root(), before),
            }
            let bucket = &map.buckets[usize::from(leaf.bucket())];
            prop_assert_eq!(bucket.mac(&leaf), model.get(&plain).map(|mac| &mac[..]));
            let alike = |n: usize| model.keys().filter(|k| k[..n] == plain[..n]).count();
            prop_assert_eq!(bucket.rows_of_group(&leaf), alike(16));
            let of_table = map.buckets.iter().map(|bucket| bucket.rows_of_table(&leaf));
            prop_assert_eq!(of_table.sum::<usize>(), alike(4));
        }
        prop_assert_eq!(map.hashes.root(), root_by_hand(&model));
        prop_assert_eq!(map.buckets.iter().map(Bucket::rows).sum::<usize>(), model.len());
        let kept = BucketHashes::from_bytes(&map.hashes.to_bytes()).unwrap();
        prop_assert_eq!(kept.root(), map.hashes.root());
        for (number, bucket) in (0..=255u8).zip(&map.buckets) {
            prop_assert!(kept.holds(number, bucket));
            prop_assert_eq!(Bucket::from_bytes(number, &bucket.to_bytes()), Some(bucket.clone()));
        }
    }

    /// Any one leaf more, less or other gives another root.
    #[test]
    fn other_sets_have_other_roots(
        rows in proptest::collection::btree_map((0..3usize, [0..3u8, 0..4, 0..4]), any::<u8>(), 1..20),
        at in any::<prop::sample::Index>(),
    ) {
        let whole: BTreeMap<_, _> =
            rows.iter().map(|((table, key), mac)| (leaf(*table, *key).1, [*mac; 32])).collect();
        let root = root_by_hand(&whole);
        let one = *whole.keys().nth(at.index(whole.len())).unwrap();
        let mut less = whole.clone();
        less.remove(&one);
        let mut other = whole.clone();
        other.get_mut(&one).unwrap()[31] ^= 1;
        prop_assert_ne!(root_by_hand(&less), root);
        prop_assert_ne!(root_by_hand(&other), root);
    }
}

#[test]
fn places_keep_table_group_and_row_apart() {
    let place = |table, key: &[&str], group| LeafKey::new(table, key, group);
    let own = place("t", &["a", "b"], 1);
    for other in [
        place("u", &["a", "b"], 1),
        place("t", &["a", "c"], 1),
        place("t", &["ab", ""], 1),
        place("t", &["", "ab"], 1),
        place("t", &["a", "b"], 0),
    ] {
        assert_ne!(own, other);
    }
    assert_eq!(own.bucket(), place("t", &["a", "z"], 1).bucket(), "a group is in one bucket");
}

#[test]
fn bytes_that_are_no_bucket_or_no_hashes_are_refused() {
    let mut bucket = Bucket::default();
    let places: Vec<LeafKey> =
        (0..4).map(|n| LeafKey::new("t", &["a", &n.to_string()], 1)).collect();
    places.iter().for_each(|leaf| assert!(bucket.insert(leaf, &[1; 32])));
    let (number, bytes) = (places[0].bucket(), bucket.to_bytes());
    assert_eq!(Bucket::from_bytes(number, &bytes), Some(bucket));
    assert_eq!(Bucket::from_bytes(number ^ 1, &bytes), None, "another bucket's number");
    assert_eq!(Bucket::from_bytes(number, &bytes[1..]), None);
    assert_eq!(Bucket::from_bytes(number, &bytes[..65]), None);
    let (one, rest) = bytes.split_at(64);
    assert_eq!(Bucket::from_bytes(number, &[rest, one].concat()), None, "another order");
    assert_eq!(Bucket::from_bytes(number, &[one, one, rest].concat()), None, "a leaf twice");
    let hashes = BucketHashes::empty().to_bytes();
    assert!(BucketHashes::from_bytes(&hashes).is_some());
    assert!(BucketHashes::from_bytes(&hashes[32..]).is_none());
    assert!(BucketHashes::from_bytes(&[&hashes[..], &[0; 32]].concat()).is_none());
}

#[test]
fn epoch_and_root_verify_only_together_and_under_their_key() {
    let store = StoreId::parse(STORE).unwrap();
    let key = Kwk::from_slice(&[4; 32]).unwrap().row_mac_key(&store);
    let state = StateAt { epoch: 258, root: StateRoot([9; 32]) };
    let mac = key.state_mac(&state).unwrap();
    let raw = kdf(&[4; 32], "medseal/v1/row-mac", &lp(STORE.as_bytes()), 32);
    let root = [&[0x81, 0x58, 0x20][..], &[9; 32]].concat();
    let row = [lp(b"store_state"), lp(&lp(b"state")), 258u64.to_be_bytes().to_vec(), root];
    assert_eq!(mac.to_vec(), hmac_sha256(&raw, &row.concat()));
    assert!(key.verify_state(&state, &mac).is_ok());
    assert!(key.verify_state(&StateAt { epoch: 257, ..state }, &mac).is_err());
    assert!(key.verify_state(&StateAt { root: StateRoot([8; 32]), ..state }, &mac).is_err());
    assert!(key.verify_state(&state, &mac[..31]).is_err());
    let other = Kwk::from_slice(&[5; 32]).unwrap().row_mac_key(&store);
    assert!(other.verify_state(&state, &mac).is_err());
}

#[test]
fn the_worked_vector_is_the_one_of_the_specification() {
    let rows: [(&str, &[&str], usize, u8); 4] = [
        ("keys", &["default", "phi"], 1, 0xa1),
        ("key_versions", &["default", "phi", "0000000001"], 2, 0xb1),
        ("key_versions", &["default", "phi", "0000000002"], 2, 0xb2),
        ("root", &["root"], 0, 0xc1),
    ];
    let mut map = Map::new();
    let said = |what: &str| assert!(SPEC.contains(what), "{what} is not in the specification");
    said(&format!("empty    {}", map.hashes.root()));
    for (table, key, group, mac) in rows {
        let leaf = LeafKey::new(table, key, group);
        assert!(map.change(&leaf, |bucket| bucket.insert(&leaf, &[mac; 32])));
        said(&StateRoot(leaf.to_bytes()).to_string());
    }
    said(&format!("root     {}", map.hashes.root()));
    let key = Kwk::from_slice(&[0x0f; 32]).unwrap().row_mac_key(&StoreId::parse(STORE).unwrap());
    let mac = key.state_mac(&StateAt { epoch: 7, root: map.hashes.root() }).unwrap();
    said(&format!("mac      {}", StateRoot(mac)));
}

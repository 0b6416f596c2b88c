//! Inclusion and consistency proofs (RFC 6962 section 2.1.1 and 2.1.2) and their check
//! (RFC 9162 section 2.1.3.2 and 2.1.4.2).

use super::rejection::{Rejection, RejectionKind, RejectionPlace};
use super::tree::{Hash, node_hash};
use crate::primitives::sha256;
use std::ops::Range;

const REFUSED: Rejection = Rejection { place: RejectionPlace::Proof, kind: RejectionKind::Proof };

/// The root over a slice of leaf hashes.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// The largest power of two below `n`, for `n` of at least two.
fn split(n: usize) -> usize {
    1 << (n - 1).ilog2()
}

/// The path that proves leaf `index` in the tree over `leaves`; `None` when there is no such leaf.
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    let (mut leaves, mut index, mut path) = (leaves, index, Vec::new());
    while leaves.len() > 1 {
        let (left, right) = leaves.split_at(split(leaves.len()));
        if index < left.len() {
            path.push(root(right));
            leaves = left;
        } else {
            path.push(root(left));
            index -= left.len();
            leaves = right;
        }
    }
    path.reverse();
    Some(path)
}

/// What proves that the leaves of a range stand in the tree over `leaves`, one after another: the
/// roots of the largest subtrees beside the range, from left to right. `None` for a range that is
/// empty or goes beyond the tree.
pub fn range_proof(leaves: &[Hash], range: Range<usize>) -> Option<Vec<Hash>> {
    let there = range.start < range.end && range.end <= leaves.len();
    let mut proof = Vec::new();
    there.then(|| beside(leaves, 0, &range, &mut proof)).map(|()| proof)
}

fn beside(leaves: &[Hash], first: usize, range: &Range<usize>, proof: &mut Vec<Hash>) {
    let end = first + leaves.len();
    if end <= range.start || range.end <= first {
        proof.push(root(leaves));
    } else if first < range.start || range.end < end {
        let (left, right) = leaves.split_at(split(leaves.len()));
        beside(left, first, range, proof);
        beside(right, first + left.len(), range, proof);
    }
}

/// A tree whose inner nodes are kept, for many paths of one tree.
pub struct InclusionPaths(Vec<Vec<Hash>>);

impl InclusionPaths {
    /// Hashes the tree over `leaves` once.
    pub fn new(leaves: Vec<Hash>) -> Self {
        let mut levels = vec![leaves];
        while let Some(last) = levels.last().filter(|level| level.len() > 1) {
            // a node without a neighbour goes up as it is
            let pairs = last.chunks(2).map(|pair| match pair {
                [left, right] => node_hash(left, right),
                alone => alone.first().copied().unwrap_or_default(),
            });
            let next = pairs.collect();
            levels.push(next);
        }
        Self(levels)
    }

    /// As [`inclusion_proof`].
    pub fn path(&self, index: usize) -> Option<Vec<Hash>> {
        self.0.first().filter(|leaves| index < leaves.len())?;
        let neighbours = self.0.iter().scan(index, |at, level| {
            let neighbour = level.get(*at ^ 1).copied();
            *at /= 2;
            Some(neighbour)
        });
        Some(neighbours.flatten().collect())
    }
}

/// The proof that the tree over `leaves` continues the one over its first `old`; `None` when there
/// is no such tree.
pub fn consistency_proof(leaves: &[Hash], old: usize) -> Option<Vec<Hash>> {
    if old == 0 || old > leaves.len() {
        return None;
    }
    let (mut leaves, mut old, mut whole, mut path) = (leaves, old, true, Vec::new());
    while old < leaves.len() {
        let (left, right) = leaves.split_at(split(leaves.len()));
        if old <= left.len() {
            path.push(root(right));
            leaves = left;
        } else {
            path.push(root(left));
            old -= left.len();
            leaves = right;
            whole = false;
        }
    }
    if !whole {
        path.push(root(leaves));
    }
    path.reverse();
    Some(path)
}

/// Checks that `leaf` is number `index` of the tree with `root` over `size` leaves.
///
/// # Errors
/// [`RejectionKind::Proof`].
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    root: &Hash,
    proof: &[Hash],
) -> Result<(), Rejection> {
    if index >= size {
        return Err(REFUSED);
    }
    let (mut fnode, mut snode, mut hash) = (index, size - 1, *leaf);
    for step in proof {
        if snode == 0 {
            return Err(REFUSED);
        }
        if fnode & 1 == 1 || fnode == snode {
            hash = node_hash(step, &hash);
            while fnode & 1 == 0 && fnode != 0 {
                fnode >>= 1;
                snode >>= 1;
            }
        } else {
            hash = node_hash(&hash, step);
        }
        fnode >>= 1;
        snode >>= 1;
    }
    if snode == 0 && hash == *root { Ok(()) } else { Err(REFUSED) }
}

/// Checks that the tree of `new` leaves with `new_root` continues the one of `old` with `old_root`.
///
/// # Errors
/// [`RejectionKind::Proof`].
pub fn verify_consistency(
    (old, old_root): (u64, &Hash),
    (new, new_root): (u64, &Hash),
    proof: &[Hash],
) -> Result<(), Rejection> {
    if old == new && old_root == new_root && proof.is_empty() {
        return Ok(());
    }
    if old == 0 || old >= new {
        return Err(REFUSED);
    }
    let mut steps = proof.iter();
    let first = if old.is_power_of_two() { Some(old_root) } else { steps.next() };
    let first = *first.ok_or(REFUSED)?;
    let (mut fnode, mut snode) = (old - 1, new - 1);
    let ones = fnode.trailing_ones();
    fnode >>= ones;
    snode >>= ones;
    let (mut old_hash, mut new_hash) = (first, first);
    for step in steps {
        if snode == 0 {
            return Err(REFUSED);
        }
        if fnode & 1 == 1 || fnode == snode {
            old_hash = node_hash(step, &old_hash);
            new_hash = node_hash(step, &new_hash);
            while fnode & 1 == 0 && fnode != 0 {
                fnode >>= 1;
                snode >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, step);
        }
        fnode >>= 1;
        snode >>= 1;
    }
    let holds = snode == 0 && old_hash == *old_root && new_hash == *new_root;
    if holds { Ok(()) } else { Err(REFUSED) }
}

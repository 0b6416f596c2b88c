//! The Merkle tree of RFC 6962 section 2.1 over entries, kept as its frontier.
//!
//! ```text
//! leaf = SHA-256(00 ‖ entry)     node = SHA-256(01 ‖ left ‖ right)     root of nothing = SHA-256("")
//! ```
//! The frontier is the roots of the perfect subtrees that a size consists of, largest first. It is
//! all a writer or a verifier keeps, so both need 2 KiB at most, however long the log is.

use crate::primitives::sha256;
use sha2::{Digest, Sha256};

/// A hash of the tree.
pub type Hash = [u8; 32];

/// The hash of an entry.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// The hash of two subtrees.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    sha256(&bytes)
}

/// What has to be known of a tree to add leaves and to tell its root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// How many leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.push_subtree(0, leaf);
    }

    /// Adds the leaves of a span; `false`, and nothing is added, when it does not begin where this
    /// tree ends.
    pub fn append(&mut self, span: &Span) -> bool {
        let continues = span.first == self.size;
        if continues {
            span.roots.iter().for_each(|(level, root)| self.push_subtree(*level, *root));
        }
        continues
    }

    /// Adds a perfect subtree of 2^level leaves; the size is a multiple of that.
    fn push_subtree(&mut self, level: u32, root: Hash) {
        let mut node = root;
        // each one of the size above this level is a perfect subtree that the new one completes
        for _ in 0..(self.size >> level).trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.peaks.push(node);
        self.size += 1 << level;
    }

    /// The root over all leaves so far.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return sha256(&[]) };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }

    /// `u64be size ‖ peaks`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.size.to_be_bytes().to_vec();
        self.peaks.iter().for_each(|peak| out.extend_from_slice(peak));
        out
    }

    /// Reads [`Frontier::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (size, rest) = bytes.split_first_chunk::<8>()?;
        let size = u64::from_be_bytes(*size);
        let (peaks, rest) = rest.as_chunks::<32>();
        let whole = rest.is_empty() && peaks.len() == size.count_ones() as usize;
        whole.then(|| Self { size, peaks: peaks.to_vec() })
    }
}

/// Leaves from some index on, kept as the largest perfect subtrees of the whole tree that they fill.
/// So a part of a tree can be hashed without what stands before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    first: u64,
    end: u64,
    /// Level and root of each, from left to right.
    roots: Vec<(u32, Hash)>,
}

impl Span {
    /// No leaves yet.
    pub fn starting_at(first: u64) -> Self {
        Self { first, end: first, roots: Vec::new() }
    }

    /// The index behind its last leaf.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let (mut level, mut node) = (0, leaf);
        while self.end >> level & 1 == 1
            && let Some((_, left)) = self.roots.pop_if(|(of, _)| *of == level)
        {
            node = node_hash(&left, &node);
            level += 1;
        }
        self.roots.push((level, node));
        self.end += 1;
    }
}

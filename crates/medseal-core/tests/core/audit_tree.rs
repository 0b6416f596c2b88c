//! The tree and its proofs against the crate `ct-merkle`, and proofs that must not hold.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use medseal_core::audit::{
    Frontier, Hash, InclusionPaths, Span, consistency_proof, inclusion_proof, leaf_hash,
    range_proof, tiles, verify_consistency, verify_inclusion,
};
use medseal_core::primitives::sha256;
use sha2::Sha256;

const MOST: usize = 70;

fn entry(i: usize) -> Vec<u8> {
    format!("entry {i}").into_bytes()
}

fn leaves(n: usize) -> Vec<Hash> {
    (0..n).map(|i| leaf_hash(&entry(i))).collect()
}

fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    frontier.root()
}

fn oracle(n: usize) -> MemoryBackedTree<Sha256, Vec<u8>> {
    let mut tree = MemoryBackedTree::new();
    (0..n).for_each(|i| tree.push(entry(i)));
    tree
}

#[test]
fn roots_and_proofs_are_those_of_another_library() {
    for n in 0..=MOST {
        let (ours, theirs) = (leaves(n), oracle(n));
        assert_eq!(root(&ours)[..], theirs.root().as_bytes()[..], "{n}");
        let kept = InclusionPaths::new(ours.clone());
        assert_eq!(kept.path(n), None);
        for i in 0..n {
            let path = inclusion_proof(&ours, i).unwrap();
            assert_eq!(kept.path(i).as_ref(), Some(&path));
            assert_eq!(path.concat(), theirs.prove_inclusion(i).as_bytes(), "{i} of {n}");
            let (i, n) = (i as u64, n as u64);
            verify_inclusion(&ours[i as usize], i, n, &root(&ours), &path).unwrap();
        }
        for old in 1..=n {
            let path = consistency_proof(&ours, old).unwrap();
            if old < n {
                let theirs = theirs.prove_consistency(n - old);
                assert_eq!(path.concat(), theirs.as_bytes(), "{old} of {n}");
            }
            let (old_root, new_root) = (root(&ours[..old]), root(&ours));
            verify_consistency((old as u64, &old_root), (n as u64, &new_root), &path).unwrap();
        }
    }
    assert_eq!(inclusion_proof(&leaves(3), 3), None);
    assert_eq!(consistency_proof(&leaves(3), 4), None);
    assert_eq!(consistency_proof(&leaves(3), 0), None);
}

/// The root that follows from the leaves of a range and its proof, by the text of the specification.
fn root_of_range(
    (first, end): (usize, usize),
    range: &std::ops::Range<usize>,
    leaves: &[Hash],
    proof: &mut impl Iterator<Item = Hash>,
) -> Option<Hash> {
    if end <= range.start || range.end <= first {
        return proof.next();
    }
    if end - first == 1 {
        return Some(leaves[first - range.start]);
    }
    let mut half = 1;
    while half * 2 < end - first {
        half *= 2;
    }
    let left = root_of_range((first, first + half), range, leaves, proof)?;
    let right = root_of_range((first + half, end), range, leaves, proof)?;
    Some(sha256(&[&[1], &left[..], &right].concat()))
}

#[test]
fn a_range_leads_to_the_root_and_no_other_range_does() {
    for n in 1..=20 {
        let (ours, expected) = (leaves(n), oracle(n).root().as_bytes().to_vec());
        for (start, end) in (0..n).flat_map(|start| (start + 1..=n).map(move |end| (start, end))) {
            let proof = range_proof(&ours, start..end).unwrap();
            let found = |range: std::ops::Range<usize>, leaves: &[Hash]| {
                let mut left = proof.iter().copied();
                let root = root_of_range((0, n), &range, leaves, &mut left);
                left.next().is_none().then_some(root?.to_vec())
            };
            let inside = &ours[start..end];
            assert_eq!(found(start..end, inside).as_ref(), Some(&expected), "{start}..{end}");
            if end - start > 1 {
                assert_ne!(found(start..end - 1, &inside[1..]).as_ref(), Some(&expected));
                let mut other = inside.to_vec();
                other.swap(0, 1);
                assert_ne!(found(start..end, &other).as_ref(), Some(&expected));
            }
        }
        assert_eq!(range_proof(&ours, 0..0), None);
        assert_eq!(range_proof(&ours, n - 1..n + 1), None);
    }
}

#[test]
fn altered_inclusion_proofs_prove_nothing() {
    for n in 1..=20 {
        let ours = leaves(n);
        let (size, whole) = (n as u64, root(&ours));
        for i in 0..n {
            let (leaf, index) = (ours[i], i as u64);
            let path = inclusion_proof(&ours, i).unwrap();
            let holds = |leaf, index, size, root: &Hash, path: &[Hash]| {
                verify_inclusion(&leaf, index, size, root, path).is_ok()
            };
            assert!(holds(leaf, index, size, &whole, &path));
            assert!(!holds(leaf_hash(b"other"), index, size, &whole, &path));
            assert!(!holds(leaf, index, size, &[0; 32], &path));
            assert!(!holds(leaf, size, size, &whole, &path));
            assert!(
                (0..size).all(|other| other == index || !holds(leaf, other, size, &whole, &path))
            );
            assert!(!holds(leaf, index, size, &whole, &[&path[..], &[leaf]].concat()));
            for at in 0..path.len() {
                let mut other = path.clone();
                other[at][5] ^= 1;
                assert!(!holds(leaf, index, size, &whole, &other));
                other.remove(at);
                assert!(!holds(leaf, index, size, &whole, &other));
            }
        }
    }
}

#[test]
fn altered_consistency_proofs_prove_nothing() {
    for n in 1..=20 {
        for old in 1..n {
            let ours = leaves(n);
            let (before, after) = (root(&ours[..old]), root(&ours));
            let (old, n) = (old as u64, n as u64);
            let path = consistency_proof(&ours, old as usize).unwrap();
            let holds = |a: (u64, &Hash), b: (u64, &Hash), path: &[Hash]| {
                verify_consistency(a, b, path).is_ok()
            };
            assert!(holds((old, &before), (n, &after), &path));
            assert!(!holds((old, &[1; 32]), (n, &after), &path));
            assert!(!holds((old, &before), (n, &[1; 32]), &path));
            assert!(!holds((0, &before), (n, &after), &path));
            assert!(!holds((n, &after), (old, &before), &path));
            assert!(!holds((old, &before), (n, &after), &[&path[..], &[before]].concat()));
            for at in 0..path.len() {
                let mut other = path.clone();
                other[at][0] ^= 0x80;
                assert!(!holds((old, &before), (n, &after), &other), "{old} {n}");
                other.remove(at);
                assert!(!holds((old, &before), (n, &after), &other));
            }
        }
    }
    let one = leaves(1);
    assert!(verify_consistency((1, &one[0]), (1, &one[0]), &[one[0]]).is_err());
    assert!(verify_consistency((1, &one[0]), (1, &[0; 32]), &[]).is_err());
}

#[test]
fn a_frontier_comes_back_from_its_bytes_and_from_no_others() {
    for n in 0..=MOST {
        let mut frontier = Frontier::default();
        leaves(n).into_iter().for_each(|leaf| frontier.push(leaf));
        let bytes = frontier.to_bytes();
        assert_eq!(Frontier::from_bytes(&bytes), Some(frontier));
        assert_eq!(Frontier::from_bytes(&[&bytes[..], &[0; 32]].concat()), None);
        assert_eq!(Frontier::from_bytes(&[&bytes[..], &[0]].concat()), None);
        assert_eq!(Frontier::from_bytes(&bytes[..bytes.len() - 1]), None);
    }
}

/// The examples of C2SP tlog-tiles.
#[test]
fn paths_of_tiles_are_those_of_the_specification() {
    assert_eq!(tiles::tile_path(0, 1_234_067, 256), "tile/0/x001/x234/067");
    assert_eq!(tiles::tile_path(0, 273, 112), "tile/0/273.p/112");
    assert_eq!(tiles::tile_path(2, 0, 1), "tile/2/000.p/1");
    assert_eq!(tiles::entries_path(0, 256), "tile/entries/000");
    let mut bundle = Vec::new();
    tiles::push_to_bundle(&mut bundle, 0, b"ab").unwrap();
    tiles::push_to_bundle(&mut bundle, 1, b"").unwrap();
    assert_eq!(bundle, [0, 2, b'a', b'b', 0, 0]);
    assert!(tiles::push_to_bundle(&mut bundle, 2, &[0; 65_536]).is_err());
}

/// Wherever a tree is cut, and into however many parts, the parts come to its root.
#[test]
fn spans_of_a_tree_join_to_the_root_of_another_library() {
    for n in 1..=40 {
        let (leaves, expected) = (leaves(n), oracle(n).root());
        for (first, second) in (0..=n).flat_map(|a| (a..=n).map(move |b| (a, b))) {
            let mut tree = Frontier::default();
            for part in [0..first, first..second, second..n] {
                let mut span = Span::starting_at(part.start as u64);
                leaves[part].iter().for_each(|leaf| span.push(*leaf));
                assert!(tree.append(&span));
            }
            assert_eq!(tree.root()[..], expected.as_bytes()[..], "{n} cut at {first}, {second}");
        }
    }
    let mut tree = Frontier::default();
    let mut later = Span::starting_at(1);
    later.push([1; 32]);
    assert!(!tree.append(&later), "it does not begin where the tree ends");
    assert_eq!(tree, Frontier::default());
}

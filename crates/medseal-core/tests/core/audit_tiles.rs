//! Tiles and bundles, read by another library: it hashes them up to the root, and proves with them.

use medseal_core::audit::tiles::{TileFile, Tiling};
use medseal_core::audit::{Frontier, leaf_hash};
use std::collections::HashMap;
use tlog_tiles::{
    Error, Hash, Tile, TileHashReader, TileReader, check_record, check_tree, prove_record,
    prove_tree, record_hash,
};

fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

/// A log as it is served.
#[derive(Default)]
struct Served {
    files: HashMap<String, Vec<u8>>,
    tiling: Tiling,
    frontier: Frontier,
}

impl Served {
    fn grow_to(&mut self, size: u64) {
        let mut full = Vec::new();
        for index in self.tiling.size()..size {
            self.frontier.push(leaf_hash(&entry(index)));
            self.tiling.push(&entry(index), &mut full).unwrap();
        }
        assert!(full.iter().all(|file| file.full));
        full.extend(self.tiling.partial());
        for TileFile { path, bytes, .. } in full {
            self.files.insert(path, bytes);
        }
    }

    fn root(&self) -> Hash {
        Hash(self.frontier.root())
    }
}

/// The library's paths name the tiles' height, those of the specification do not.
impl TileReader for Served {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let path = |tile: &Tile| tile.path().replacen("tile/8/", "tile/", 1);
        let read = |tile| self.files.get(&path(tile)).cloned().ok_or(Error::InvalidTile);
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

#[test]
fn another_library_proves_with_our_tiles() {
    let mut served = Served::default();
    let mut before: Option<(u64, Hash)> = None;
    for size in [1, 2, 255, 256, 257, 600, 65_535, 65_536, 65_537, 66_000] {
        served.grow_to(size);
        let root = served.root();
        let reader = TileHashReader::new(size, root, &served);
        for index in [0, size / 3, size / 2, size - 1] {
            let (proof, leaf) =
                (prove_record(size, index, &reader).unwrap(), record_hash(&entry(index)));
            check_record(&proof, size, root, index, leaf).unwrap();
            assert!(check_record(&proof, size, root, index, record_hash(b"other")).is_err());
            assert!(check_record(&proof, size, Hash([1; 32]), index, leaf).is_err());
        }
        if let Some((old, old_root)) = before.replace((size, root)) {
            let proof = prove_tree(size, old, &reader).unwrap();
            check_tree(&proof, size, root, old, old_root).unwrap();
            assert!(check_tree(&proof, size, root, old, root).is_err());
        }
        let wrong = TileHashReader::new(size, Hash([1; 32]), &served);
        // a tree of one leaf is proved without any tile
        let refused = prove_record(size, 0, &wrong).is_err();
        assert_eq!(refused, size > 1, "tiles of another tree, {size}");
    }
    assert!(served.files.contains_key("tile/2/000.p/1"));
    assert!(served.files.contains_key("tile/1/001.p/1"));
}

#[test]
fn bundles_hold_the_entries_of_their_tile() {
    let mut served = Served::default();
    served.grow_to(600);
    for (path, entries) in [("000", 0..256), ("001", 256..512), ("002.p/88", 512..600)] {
        let mut expected = Vec::new();
        for entry in entries.map(entry) {
            expected.extend_from_slice(&(entry.len() as u16).to_be_bytes());
            expected.extend_from_slice(&entry);
        }
        assert_eq!(served.files[&format!("tile/entries/{path}")], expected);
    }
    let paths = served.files.keys().filter(|path| path.contains("entries")).count();
    assert_eq!(paths, 3);
    assert_eq!(Tiling::default().partial(), []);
}

//! The tiles of an audit log, read and proved with by another library.

use crate::world::{Ran, World};
use std::fs;
use std::path::PathBuf;
use tlog_tiles::{
    Checkpoint, Error, Hash, Tile, TileHashReader, TileReader, check_record, check_tree,
    prove_record, prove_tree, record_hash,
};

/// A directory as a web server has it.
struct Served(PathBuf);

/// The library's paths name the tiles' height, those of the specification do not.
impl TileReader for Served {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let path = |tile: &Tile| self.0.join(tile.path().replacen("tile/8/", "tile/", 1));
        tiles.iter().map(|tile| fs::read(path(tile)).map_err(|_| Error::InvalidTile)).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

impl Served {
    /// Size and root as the note's first lines say them.
    fn checkpoint(&self) -> (u64, Hash) {
        let note = fs::read_to_string(self.0.join("checkpoint")).unwrap();
        let (signed, _) = note.rsplit_once("\n\n").unwrap();
        let read = Checkpoint::from_bytes(format!("{signed}\n").as_bytes()).unwrap();
        assert!(read.origin().starts_with("medseal/audit/"));
        (read.size(), *read.hash())
    }

    /// The entries of the one bundle there is.
    fn entries(&self, size: u64) -> Vec<Vec<u8>> {
        let bundle = fs::read(self.0.join(format!("tile/entries/000.p/{size}"))).unwrap();
        let (mut rest, mut entries) = (&bundle[..], Vec::new());
        while let [high, low, behind @ ..] = rest {
            let (entry, behind) = behind.split_at(usize::from(u16::from_be_bytes([*high, *low])));
            entries.push(entry.to_vec());
            rest = behind;
        }
        entries
    }
}

fn tiles(world: &World) -> Ran {
    world.run(&["audit", "tiles", "public"], b"")
}

#[test]
fn another_library_proves_with_the_tiles_of_a_log() {
    let world = World::new();
    let envelope = world.encrypt("Doe");
    let served = Served(world.path("public"));
    let mut before: Option<(u64, Hash)> = None;
    for _ in 0..3 {
        world.decrypt(&envelope);
        assert_eq!(tiles(&world).code, 0);
        let (size, root) = served.checkpoint();
        let reader = TileHashReader::new(size, root, &served);
        let entries = served.entries(size);
        assert_eq!(entries.len() as u64, size);
        for (index, entry) in (0..).zip(&entries) {
            let proof = prove_record(size, index, &reader).unwrap();
            check_record(&proof, size, root, index, record_hash(entry)).unwrap();
            assert!(check_record(&proof, size, root, index, record_hash(b"other")).is_err());
            assert!(check_record(&proof, size, Hash([1; 32]), index, record_hash(entry)).is_err());
        }
        if let Some((old, old_root)) = before.replace((size, root)) {
            let proof = prove_tree(size, old, &reader).unwrap();
            check_tree(&proof, size, root, old, old_root).unwrap();
            assert!(check_tree(&proof, size, root, old, Hash([1; 32])).is_err());
        }
    }
}

#[test]
fn what_is_not_the_logs_is_refused_and_kept() {
    let world = World::new();
    let envelope = world.encrypt("Doe");
    assert_eq!(tiles(&world).code, 0);
    let (size, _) = Served(world.path("public")).checkpoint();
    let report = world.json(&["audit", "tiles", "public"]);
    assert_eq!((&report["size"], &report["kept"]), (&size.into(), &2.into()));
    assert_eq!(report["written"], 0);
    let refused = |what: &str, place: &str| {
        let ran = tiles(&world);
        assert_eq!(ran.code, 1, "{what}: {}", ran.err());
        assert!(ran.err().contains(place), "{what}: {}", ran.err());
    };

    let tile = world.path(&format!("public/tile/0/000.p/{size}"));
    let whole = fs::read(&tile).unwrap();
    fs::write(&tile, &whole[1..]).unwrap();
    refused("half a tile", "tile/0/000.p/");
    assert_eq!(fs::read(&tile).unwrap(), &whole[1..], "it is for somebody to look at");
    fs::write(&tile, &whole).unwrap();

    let checkpoint = world.path("public/checkpoint");
    let note = fs::read(&checkpoint).unwrap();
    fs::write(&checkpoint, b"nothing").unwrap();
    refused("no checkpoint", "checkpoint");
    let other = World::new();
    fs::copy(other.home().join("audit/checkpoint"), &checkpoint).unwrap();
    refused("a checkpoint of another log", "checkpoint");
    fs::write(&checkpoint, &note).unwrap();

    // the log was put back to before what is served
    let log = world.home().join("audit");
    let (segment, index) = ("segments/00000000000000000000.log", "index/head");
    let keep = |name: &str| fs::read(log.join(name)).unwrap();
    let old = [segment, index, "checkpoint"].map(keep);
    world.decrypt(&envelope);
    assert_eq!(tiles(&world).code, 0);
    for (name, bytes) in [segment, index, "checkpoint"].iter().zip(&old) {
        fs::write(log.join(name), bytes).unwrap();
    }
    world.write("vkeys", world.ok(&["audit", "key"], b""));
    refused("an older log", "checkpoint of");

    let damaged = flip(&old[0]);
    fs::write(log.join(segment), damaged).unwrap();
    let ran = world.run(&["audit", "tiles", "elsewhere", "--vkey", "vkeys"], b"");
    assert_eq!(ran.code, 1, "{}", ran.err());
    assert!(!world.path("elsewhere").exists(), "nothing of a log that does not verify");
    assert_eq!(ran.stdout, b"");
}

fn flip(bytes: &[u8]) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[60] ^= 1;
    flipped
}

//! The C2SP tlog-tiles layout, for a log that is served to others: paths, bundles of entries, and
//! tiles of hashes, made from the entries one by one.
//!
//! A tile of level L holds 256 roots of perfect subtrees of 256^L leaves, side by side. Whoever makes
//! them keeps one tile of each level and one bundle that are not full yet, however long the log is.

use super::rejection::{Rejection, RejectionKind};
use super::tree::{Frontier, Hash, leaf_hash};

/// How many hashes or entries a full tile has.
pub const TILE_WIDTH: u64 = 256;

/// `tile/<level>/<number>[.p/<width>]` of the tile that holds `width` hashes.
pub fn tile_path(level: u8, number: u64, width: u64) -> String {
    format!("tile/{level}/{}", number_path(number, width))
}

/// `tile/entries/<number>[.p/<width>]` of the bundle that holds `width` entries.
pub fn entries_path(number: u64, width: u64) -> String {
    format!("tile/entries/{}", number_path(number, width))
}

fn number_path(number: u64, width: u64) -> String {
    let (mut path, mut rest) = (format!("{:03}", number % 1000), number / 1000);
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    if width < TILE_WIDTH { format!("{path}.p/{width}") } else { path }
}

/// Appends one entry to a bundle: `u16be length ‖ entry`.
///
/// # Errors
/// [`RejectionKind::EntryMalformed`] for an entry that no bundle can hold.
pub fn push_to_bundle(bundle: &mut Vec<u8>, index: u64, entry: &[u8]) -> Result<(), Rejection> {
    let refused = || Rejection::entry(index, RejectionKind::EntryMalformed);
    let length = u16::try_from(entry.len()).map_err(|_| refused())?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// A file of the layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileFile {
    /// Its path below the log's prefix.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Whether it is full: then it never changes again.
    pub full: bool,
}

/// Makes the files of a log from its entries.
#[derive(Debug, Clone, Default)]
pub struct Tiling {
    size: u64,
    bundle: Vec<u8>,
    /// Of each level, the hashes of the tile that is not full yet.
    levels: Vec<Vec<Hash>>,
}

impl Tiling {
    /// How many entries were taken.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes the next entry; the files that it completes are appended to `full`.
    ///
    /// # Errors
    /// As [`push_to_bundle`].
    pub fn push(&mut self, entry: &[u8], full: &mut Vec<TileFile>) -> Result<(), Rejection> {
        push_to_bundle(&mut self.bundle, self.size, entry)?;
        self.size += 1;
        if self.size.is_multiple_of(TILE_WIDTH) {
            let path = entries_path(self.size / TILE_WIDTH - 1, TILE_WIDTH);
            full.push(TileFile { path, bytes: std::mem::take(&mut self.bundle), full: true });
        }
        self.push_hash(leaf_hash(entry), full);
        Ok(())
    }

    /// A hash of level 0, and one of each level above whose tile below became full.
    fn push_hash(&mut self, leaf: Hash, full: &mut Vec<TileFile>) {
        let (mut hash, mut leaves) = (leaf, 1);
        for level in 0..=u8::MAX {
            if self.levels.len() <= usize::from(level) {
                self.levels.push(Vec::new());
            }
            let Some(tile) = self.levels.get_mut(usize::from(level)) else { return };
            tile.push(hash);
            if (tile.len() as u64) < TILE_WIDTH {
                return;
            }
            leaves *= TILE_WIDTH;
            let path = tile_path(level, self.size / leaves - 1, TILE_WIDTH);
            let bytes = tile.as_flattened().to_vec();
            full.push(TileFile { path, bytes, full: true });
            let mut frontier = Frontier::default();
            tile.drain(..).for_each(|hash| frontier.push(hash));
            hash = frontier.root();
        }
    }

    /// The files that are not full, as the log is now.
    pub fn partial(&self) -> Vec<TileFile> {
        let mut files = Vec::new();
        let mut leaves = 1;
        for (level, tile) in (0u8..).zip(&self.levels) {
            let path = |width| tile_path(level, self.size / leaves / TILE_WIDTH, width);
            if !tile.is_empty() {
                let bytes = tile.as_flattened().to_vec();
                files.push(TileFile { path: path(tile.len() as u64), bytes, full: false });
            }
            leaves = leaves.saturating_mul(TILE_WIDTH);
        }
        if !self.bundle.is_empty() {
            let path = entries_path(self.size / TILE_WIDTH, self.size % TILE_WIDTH);
            files.push(TileFile { path, bytes: self.bundle.clone(), full: false });
        }
        files
    }
}

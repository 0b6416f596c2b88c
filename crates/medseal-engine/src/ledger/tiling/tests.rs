//! Tiles of a log that grows past the first full one.

use super::*;
use crate::ledger::writer::tests::{Bench, draft};

#[test]
fn full_tiles_are_kept_and_take_the_place_of_partial_ones() {
    let bench = Bench::new();
    let target = tempfile::tempdir().unwrap();
    let tiles = || bench.tiles(target.path());
    let there = |path: &str| target.path().join(path).exists();
    let mut writer = bench.large_writer();
    let mut append = |count: usize| {
        let drafts: Vec<_> = (0..count).map(|_| draft(1000)).collect();
        writer.append(&drafts).into_iter().for_each(|result| result.unwrap());
        writer.sign().unwrap();
    };
    append(200);
    let first = tiles().unwrap();
    assert_eq!((first.size, first.written, first.kept), (201, 2, 0));
    assert!(there("tile/0/000.p/201") && there("tile/entries/000.p/201"));
    append(400);
    let second = tiles().unwrap();
    // two full tiles and bundles, one tile of the level above, one partial tile and bundle
    assert_eq!((second.size, second.written, second.kept), (601, 7, 0));
    assert!(there("tile/0/001") && there("tile/1/000.p/2") && there("tile/entries/002.p/89"));
    assert!(!there("tile/0/000.p") && !there("tile/entries/000.p"), "the full one holds it");
    let third = tiles().unwrap();
    assert_eq!((third.size, third.written, third.kept), (601, 0, 7));
    fs::write(target.path().join("tile/0/001"), b"").unwrap();
    let refused = tiles().unwrap_err();
    assert_eq!(
        (refused.code(), refused.to_string().contains("tile/0/001")),
        ("AUDIT_FILE_REJECTED", true)
    );
}

//! A child of `fork` shares no salt and no nonce with its parent.

use medseal_core::Random;
use medseal_engine::random::BufferedRandom;
use std::collections::HashSet;
use std::fs;

const ENVELOPES: usize = 10_000;
const DRAW: usize = 24;

fn draw_all() -> Vec<u8> {
    let mut out = vec![0; ENVELOPES * DRAW];
    for draw in out.chunks_exact_mut(DRAW) {
        BufferedRandom.fill(draw).unwrap();
    }
    out
}

#[test]
#[expect(unsafe_code, reason = "there is no safe fork")]
fn fork_in_mid_buffer_shares_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("child");
    let mut warm = [0; 100];
    BufferedRandom.fill(&mut warm).unwrap();
    // SAFETY: the child only draws bytes, writes a file and leaves without unwinding.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let ok = fs::write(&path, draw_all()).is_ok();
        // SAFETY: ends the child without running the test harness's destructors.
        unsafe { libc::_exit(i32::from(!ok)) };
    }
    let ours = draw_all();
    let mut status = 0;
    // SAFETY: waits for the child made above.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    let theirs = fs::read(&path).unwrap();
    assert_eq!(theirs.len(), ours.len());
    // salts and nonces are 12 bytes each
    let seen: HashSet<&[u8]> = ours.chunks_exact(12).collect();
    assert_eq!(seen.len(), 2 * ENVELOPES);
    assert!(theirs.chunks_exact(12).all(|part| !seen.contains(part)));
    let theirs: HashSet<&[u8]> = theirs.chunks_exact(12).collect();
    assert_eq!(theirs.len(), 2 * ENVELOPES);
}

#[test]
fn large_draws_are_filled_too() {
    let mut large = vec![0; 100_000];
    BufferedRandom.fill(&mut large).unwrap();
    let zeros = large.iter().filter(|byte| **byte == 0).count();
    assert!((200..600).contains(&zeros), "about one in 256: {zeros}");
}

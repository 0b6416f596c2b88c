//! The local providers, from outside.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as a test does")]

mod conformance;
mod epoch_directory;
mod key_file;
mod roots;

use medseal_core::{Random, RandomFailure};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

/// A directory of our own, with the mode that a home gives it.
fn private_directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o700)).unwrap();
    directory
}

/// The system's randomness.
struct TestRandom;

impl Random for TestRandom {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomFailure> {
        aws_lc_rs::rand::fill(out).map_err(|_| RandomFailure)
    }
}

/// A source that is broken.
struct BrokenRandom;

impl Random for BrokenRandom {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), RandomFailure> {
        Err(RandomFailure)
    }
}

//! The self-test passes on a sound source and fails on every kind of broken one.

use crate::support::{Counting, Dealt};
use medseal_core::selftest::{CHECKS, SelftestFailure, run};
use medseal_core::{Random, RandomFailure};

struct Stuck(u8);

impl Random for Stuck {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomFailure> {
        out.fill(self.0);
        Ok(())
    }
}

/// Starts again after so many draws.
struct Replaying(Counting, u32);

impl Random for Replaying {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomFailure> {
        self.1 += 1;
        if self.1.is_multiple_of(20) {
            self.0 = Counting::default();
        }
        self.0.fill(out)
    }
}

#[test]
fn selftest_passes_with_a_sound_source() {
    assert_eq!(run(&mut Counting::default()), Ok(()));
    assert_eq!(CHECKS.len(), 7);
}

#[test]
fn selftest_fails_with_a_stuck_zero_or_replaying_source() {
    for byte in [0, 1, 0xff] {
        assert_eq!(run(&mut Stuck(byte)), Err(SelftestFailure::Randomness), "{byte}");
    }
    assert_eq!(run(&mut Replaying(Counting::default(), 0)), Err(SelftestFailure::Randomness));
}

#[test]
fn selftest_fails_with_a_failing_source() {
    let first = run(&mut Dealt(Vec::new()));
    assert_eq!(first, Err(SelftestFailure::RoundTrip("aes-256-gcm")));
    let distinct = (0u32..).flat_map(u32::to_be_bytes).take(24 * 2 + 48 + 16 * 3).collect();
    assert_eq!(run(&mut Dealt(distinct)), Err(SelftestFailure::Randomness));
}

#[test]
fn each_failure_says_which_check_it_was() {
    let failures = [
        (SelftestFailure::KnownAnswer("s"), "known answer of s differs"),
        (SelftestFailure::RoundTrip("s"), "round trip of s failed"),
        (SelftestFailure::Randomness, "the source of randomness is not healthy"),
    ];
    failures.into_iter().for_each(|(failure, text)| assert_eq!(failure.to_string(), text));
}

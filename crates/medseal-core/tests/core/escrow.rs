//! Shares of the KWK, against a Lagrange interpolation that shares no code with the crate behind them.

use crate::support::Counting;
use medseal_core::escrow::{EscrowSet, Share, check_value, combine, is_kwk, split};
use medseal_core::secret::{Kwk, ShareSecret};
use medseal_core::{Error, MisuseKind, Random, RandomFailure, StoreId};

const SECRET: [u8; 32] = *b"a key that custodians hold, 32 b";

fn kwk() -> Kwk {
    Kwk::from_slice(&SECRET).unwrap()
}

fn store() -> StoreId {
    StoreId::parse("01970000-0000-7000-8000-000000000001").unwrap()
}

fn copy(share: &Share) -> Share {
    let secret = ShareSecret::from_slice(share.secret.expose_bytes()).unwrap();
    Share { index: share.index, secret }
}

/// x^8 + x^4 + x^3 + x + 1, bit by bit.
fn times(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        if b & 1 == 1 {
            product ^= a;
        }
        a = (a << 1) ^ if a & 0x80 == 0 { 0 } else { 0x1b };
        b >>= 1;
    }
    product
}

fn inverse(a: u8) -> u8 {
    (1..=255).find(|b| times(a, *b) == 1).unwrap()
}

fn interpolated(shares: &[&Share]) -> Vec<u8> {
    let coefficient = |at: &Share| {
        let others = shares.iter().filter(|other| other.index != at.index);
        others.fold(1, |c, o| times(c, times(o.index, inverse(o.index ^ at.index))))
    };
    let byte = |i: usize| {
        shares.iter().fold(0, |sum, s| sum ^ times(coefficient(s), s.secret.expose_bytes()[i]))
    };
    (0..32).map(byte).collect()
}

#[test]
fn every_set_of_enough_shares_gives_the_key_and_smaller_ones_do_not() {
    let shares = split(&kwk(), 3, 5, &mut Counting::default()).unwrap();
    let (set, store) = (EscrowSet([7; 16]), store());
    let check = check_value(&kwk(), &store, set);
    for chosen in 0u32..32 {
        let some: Vec<&Share> = shares
            .iter()
            .enumerate()
            .filter(|(i, _)| chosen >> i & 1 == 1)
            .map(|(_, s)| s)
            .collect();
        let copies: Vec<Share> = some.iter().map(|share| copy(share)).collect();
        match combine(&copies) {
            Ok(key) => {
                assert_eq!(key.expose_bytes()[..], interpolated(&some)[..]);
                assert_eq!(is_kwk(&key, &store, set, &check), some.len() >= 3, "{chosen:b}");
            }
            Err(error) => assert!(error == Error::Rejected && some.len() < 2, "{chosen:b}"),
        }
    }
}

#[test]
fn a_share_that_was_altered_repeated_or_moved_gives_no_key() {
    let shares = split(&kwk(), 2, 3, &mut Counting::default()).unwrap();
    let (set, store) = (EscrowSet([7; 16]), store());
    let check = check_value(&kwk(), &store, set);
    let opens = |shares: &[Share]| combine(shares).is_ok_and(|k| is_kwk(&k, &store, set, &check));
    assert!(opens(&[copy(&shares[0]), copy(&shares[2])]));
    let mut altered = *shares[0].secret.expose_bytes();
    altered[31] ^= 1;
    let secret = ShareSecret::from_slice(&altered).unwrap();
    assert!(!opens(&[Share { index: shares[0].index, secret }, copy(&shares[2])]));
    assert!(!opens(&[copy(&shares[0]), copy(&shares[0])]));
    let moved = Share { index: shares[1].index, ..copy(&shares[0]) };
    assert!(!opens(&[moved, copy(&shares[2])]));
    let nowhere = Share { index: 0, ..copy(&shares[0]) };
    assert!(!opens(&[nowhere, copy(&shares[2])]));
    let key = combine(&[copy(&shares[0]), copy(&shares[2])]).unwrap();
    assert!(!is_kwk(&key, &store, EscrowSet([8; 16]), &check));
}

#[test]
fn thresholds_that_are_no_dual_control_are_refused() {
    for (threshold, count) in [(0, 3), (1, 3), (4, 3), (2, 33), (2, 1)] {
        let refused = split(&kwk(), threshold, count, &mut Counting::default()).err();
        assert_eq!(refused, Some(Error::Misuse(MisuseKind::EscrowThreshold)));
    }
    assert_eq!(split(&kwk(), 32, 32, &mut Counting::default()).unwrap().len(), 32);
}

struct Broken;

impl Random for Broken {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), RandomFailure> {
        Err(RandomFailure)
    }
}

#[test]
fn without_randomness_there_are_no_shares() {
    assert_eq!(split(&kwk(), 2, 3, &mut Broken).err(), Some(Error::Random));
}

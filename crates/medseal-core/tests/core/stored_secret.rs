//! A stored secret opens in its own place under its own key, and nowhere else.

use crate::support::{Counting, Dealt};
use medseal_core::row_mac::primary_key;
use medseal_core::secret::{EpochKey, Kwk, RootKey};
use medseal_core::stored_secret::{Month, Place, StoredHeader, WrapKey};
use medseal_core::{Error, StoreId, Suite};

const SECRET: &[u8] = &[0xee; 32];

fn store(last: char) -> StoreId {
    StoreId::parse(&format!("018f3c2e-7b7a-4cc2-98ab-0123456789a{last}")).unwrap()
}

fn month(yyyymm: u32) -> Month {
    Month::from_yyyymm(yyyymm).unwrap()
}

fn kwk(byte: u8) -> Kwk {
    Kwk::from_slice(&[byte; 32]).unwrap()
}

fn dated(kwk_byte: u8, version: u32, yyyymm: u32, epoch: u8) -> WrapKey {
    let epoch = EpochKey::from_slice(&[epoch; 32]).unwrap();
    kwk(kwk_byte).wrap_key_for_month(version, month(yyyymm), &epoch)
}

fn place<'a>(store: &'a StoreId, key: &'a [u8]) -> Place<'a> {
    Place { store, table: "key_versions", primary_key: key, version: 3, purpose: "kek" }
}

fn wrapped(key: &WrapKey, place: &Place<'_>) -> Vec<u8> {
    key.wrap(place, SECRET, &mut Counting::default()).unwrap()
}

#[test]
fn secrets_of_every_length_come_back_under_every_kind_of_key() {
    let (store, key) = (store('b'), primary_key(&["clinic-7", "1"]));
    let place = place(&store, &key);
    let root = RootKey::from_slice(&[9; 32]).unwrap();
    for wrap in [dated(1, 7, 202_611, 2), kwk(1).wrap_key(7), root.wrap_key()] {
        for length in [0, 1, 20, 32, 33, 5000] {
            let secret = vec![7; length];
            let stored = wrap.wrap(&place, &secret, &mut Counting::default()).unwrap();
            assert_eq!(stored.len(), 85 + length);
            assert_eq!(*wrap.unwrap(&place, &stored).unwrap(), secret);
        }
    }
}

#[test]
fn the_header_names_suite_version_and_month() {
    let (store, key) = (store('b'), primary_key(&["1"]));
    let stored = wrapped(&dated(1, 7, 202_611, 2), &place(&store, &key));
    let header = StoredHeader::parse(&stored).unwrap();
    let expected = StoredHeader { suite: Suite::Aes256Gcm, kwk_version: 7, month: month(202_611) };
    assert_eq!(header, expected);
    let root = RootKey::from_slice(&[9; 32]).unwrap().wrap_key();
    let header = StoredHeader::parse(&wrapped(&root, &place(&store, &key))).unwrap();
    assert_eq!((header.kwk_version, header.month), (0, Month::NONE));
}

#[test]
fn any_other_place_is_rejected() {
    let (own, other) = (store('b'), store('c'));
    let keys = [primary_key(&["ab", "c"]), primary_key(&["a", "bc"]), primary_key(&["abc"])];
    let (wrap, here) = (dated(1, 7, 202_611, 2), place(&own, &keys[0]));
    let stored = wrapped(&wrap, &here);
    let others = [
        Place { store: &other, ..here },
        Place { table: "key_version", ..here },
        Place { primary_key: &keys[1], ..here },
        Place { primary_key: &keys[2], ..here },
        Place { version: 2, ..here },
        Place { version: 4, ..here },
        Place { purpose: "index-key", ..here },
    ];
    for (number, other) in others.iter().enumerate() {
        assert_eq!(wrap.unwrap(other, &stored).err(), Some(Error::Rejected), "{number}");
    }
    assert_eq!(*wrap.unwrap(&here, &stored).unwrap(), SECRET);
}

#[test]
fn any_other_wrap_key_is_rejected() {
    let (store, key) = (store('b'), primary_key(&["1"]));
    let place = place(&store, &key);
    let stored = wrapped(&dated(1, 7, 202_611, 2), &place);
    let others = [
        dated(9, 7, 202_611, 2),
        dated(1, 8, 202_611, 2),
        dated(1, 7, 202_612, 2),
        dated(1, 7, 202_611, 3),
        kwk(1).wrap_key(7),
        RootKey::from_slice(&[1; 32]).unwrap().wrap_key(),
    ];
    for (number, other) in others.iter().enumerate() {
        assert_eq!(other.unwrap(&place, &stored).err(), Some(Error::Rejected), "{number}");
    }
}

#[test]
fn every_flipped_bit_and_every_truncation_is_refused() {
    let (store, key) = (store('b'), primary_key(&["1"]));
    let (wrap, place) = (dated(1, 7, 202_611, 2), place(&store, &key));
    let sound = wrapped(&wrap, &place);
    for bit in 0..8 * sound.len() {
        let mut flipped = sound.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let refused = wrap.unwrap(&place, &flipped).unwrap_err();
        assert!(matches!(refused, Error::Rejected | Error::Malformed(_)), "bit {bit}: {refused}");
    }
    for length in 0..sound.len() {
        let refused = wrap.unwrap(&place, &sound[..length]).unwrap_err();
        assert_eq!(matches!(refused, Error::Malformed(_)), length < 85, "{length}");
    }
}

#[test]
fn a_failing_source_of_randomness_wraps_nothing() {
    let (store, key) = (store('b'), primary_key(&["1"]));
    let outcome = kwk(1).wrap_key(1).wrap(&place(&store, &key), SECRET, &mut Dealt(vec![0; 23]));
    assert_eq!(outcome, Err(Error::Random));
}

#[test]
fn months_are_real_months() {
    for bad in [0, 12, 99, 202_600, 202_613, 202_699, 1_000_001, u32::MAX] {
        assert_eq!(Month::from_yyyymm(bad), None, "{bad}");
    }
    for good in [101, 112, 202_601, 202_612, 999_912] {
        assert_eq!(month(good).yyyymm(), good);
    }
}

#[test]
fn months_move_across_years() {
    let moves = [
        (202_611, 0, 202_611),
        (202_611, 1, 202_612),
        (202_611, 2, 202_701),
        (202_611, 14, 202_801),
        (202_601, -1, 202_512),
        (202_611, -3, 202_608),
        (202_602, -26, 202_312),
    ];
    for (from, by, to) in moves {
        assert_eq!(month(from).plus(by), month(to), "{from} {by:+}");
    }
    for (from, by) in [(101, -1), (999_912, 1), (202_611, i32::MAX), (202_611, i32::MIN)] {
        assert_eq!(month(from).plus(by), Month::NONE, "{from} {by:+}");
    }
    assert_eq!(Month::NONE.plus(5), Month::NONE);
    assert!(month(202_512) < month(202_601));
}

//! A row's MAC covers its table, key, version and every column with its type, over CBOR bytes that
//! stand here by hand.

use crate::support::{hmac_sha256, kdf, lp, unhex};
use medseal_core::row_mac::{Column, RowMacKey, primary_key};
use medseal_core::secret::Kwk;
use medseal_core::{Error, StoreId};

const STORE: &str = "018f3c2e-7b7a-4cc2-98ab-0123456789ab";

fn key(kwk: u8, store: &str) -> RowMacKey {
    let store = StoreId::parse(store).unwrap();
    Kwk::from_slice(&[kwk; 32]).unwrap().row_mac_key(&store)
}

fn text(text: &str) -> Column {
    Column::Text(text.into())
}

/// Rows and their deterministic CBOR (RFC 8949 section 4.2.1).
fn rows() -> [(Vec<Column>, &'static str); 8] {
    [
        (vec![], "80"),
        (vec![Column::Null], "81f6"),
        (vec![Column::Integer(0), Column::Integer(23), Column::Integer(24)], "8300171818"),
        (
            vec![Column::Integer(-1), Column::Integer(1000), Column::Integer(i64::MIN)],
            "83201903e83b7fffffffffffffff",
        ),
        (vec![text(""), text("ü")], "826062c3bc"),
        (vec![Column::Bytes(vec![]), Column::Bytes(vec![1, 2])], "8240420102"),
        (vec![text(&"x".repeat(24))], "817818787878787878787878787878787878787878787878787878"),
        (vec![Column::Integer(i64::MAX), text("a"), Column::Null], "831b7fffffffffffffff6161f6"),
    ]
}

#[test]
fn macs_agree_with_cbor_written_by_hand() {
    let context = lp(STORE.as_bytes());
    let raw = kdf(&[4; 32], "medseal/v1/row-mac", &context, 32);
    for (columns, cbor) in rows() {
        let mac = key(4, STORE).mac("users", b"pk", 258, &columns).unwrap();
        let version = [0, 0, 0, 0, 0, 0, 1, 2];
        let message = [lp(b"users"), lp(b"pk"), version.to_vec(), unhex(cbor.as_bytes())].concat();
        assert_eq!(mac.to_vec(), hmac_sha256(&raw, &message), "{columns:?}");
    }
}

#[test]
fn primary_keys_keep_their_columns_apart() {
    assert_eq!(primary_key(&["ab", "c"]), [lp(b"ab"), lp(b"c")].concat());
    assert_ne!(primary_key(&["ab", "c"]), primary_key(&["a", "bc"]));
    assert_ne!(primary_key(&["a", ""]), primary_key(&["a"]));
}

#[test]
fn a_row_verifies_only_as_it_was() {
    let (own, row) = (key(4, STORE), [Column::Integer(1), text("a"), Column::Null]);
    let mac = own.mac("t", b"k", 1, &row).unwrap();
    assert_eq!(own.verify("t", b"k", 1, &row, &mac), Ok(()));
    let rejected = Err(Error::Rejected);
    assert_eq!(own.verify("u", b"k", 1, &row, &mac), rejected);
    assert_eq!(own.verify("tk", b"", 1, &row, &mac), rejected);
    assert_eq!(own.verify("t", b"l", 1, &row, &mac), rejected);
    assert_eq!(own.verify("t", b"k", 2, &row, &mac), rejected);
    assert_eq!(own.verify("t", b"k", 1, &row, &mac[..31]), rejected);
    assert_eq!(own.verify("t", b"k", 1, &row, &[]), rejected);
    assert_eq!(key(5, STORE).verify("t", b"k", 1, &row, &mac), rejected);
    assert_eq!(key(4, &STORE.replace('b', "c")).verify("t", b"k", 1, &row, &mac), rejected);
}

#[test]
fn any_other_column_or_type_of_column_is_another_row() {
    let own = key(4, STORE);
    let rows = [
        vec![Column::Integer(1), text("a"), Column::Null],
        vec![Column::Integer(2), text("a"), Column::Null],
        vec![Column::Integer(1), text("b"), Column::Null],
        vec![Column::Integer(1), text("a"), text("")],
        vec![Column::Integer(1), Column::Bytes(b"a".to_vec()), Column::Null],
        vec![text("1"), text("a"), Column::Null],
        vec![text("a"), Column::Integer(1), Column::Null],
        vec![Column::Integer(1), text("a")],
        vec![Column::Integer(1), text("a"), Column::Null, Column::Null],
    ];
    let macs: Vec<_> = rows.iter().map(|row| own.mac("t", b"k", 1, row).unwrap()).collect();
    for (i, mac) in macs.iter().enumerate() {
        assert!(!macs[..i].contains(mac), "{:?}", rows[i]);
    }
}

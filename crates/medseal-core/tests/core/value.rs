//! Values as people write them: what each type takes, what it refuses, and that nothing is trimmed or
//! guessed.

use ValueType::{Boolean, Bytes, Date, DateTime, Decimal, Integer, Json, String, Uuid};
use medseal_core::envelope::{Value, ValueType};
use medseal_core::{Error, MisuseKind};

const TAKEN: [(ValueType, &[&[u8]]); 9] = [
    (String, &[b"", b"Doe", b" \0 ", "Østby".as_bytes()]),
    (Bytes, &[b"", b"\xff\0"]),
    (Integer, &[b"0", b"7", b"-7", b"123456789012345678901234567890"]),
    (Decimal, &[b"0", b"1.50", b"-0.0", b"007", b"-12"]),
    (Boolean, &[b"true", b"false"]),
    (Date, &[b"0001-01-01", b"2024-02-29", b"2000-02-29", b"9999-12-31"]),
    (
        DateTime,
        &[b"1999-12-31T23:59:59Z", b"1999-12-31T23:59:60.123+01:00", b"2026-01-01T00:00:00-00:00"],
    ),
    (Uuid, &[b"018f3c2e-7b7a-7cc2-98ab-0123456789ab"]),
    (Json, &[b"", b"\"x\"", b"{not json"]),
];

const REFUSED: [(ValueType, &[&[u8]]); 8] = [
    (String, &[b"\xff", b"\xc0\x80", b"\xed\xa0\x80"]),
    (Integer, &[b"", b"-", b"-0", b"00", b"+1", b"1.0", b" 1", b"1\n", b"1e3", "١".as_bytes()]),
    (Decimal, &[b"", b"-", b".", b"1.", b".5", b"1.2.3", b"+1", b"1e3", b"1,5", b" 1"]),
    (Boolean, &[b"", b"True", b"1", b"\x01", b"no"]),
    (
        Date,
        &[
            b"",
            b"2023-02-29",
            b"1900-02-29",
            b"0000-01-01",
            b"2026-13-01",
            b"2026-00-01",
            b"2026-01-00",
            b"2026-04-31",
            b"2026-1-1",
            b"26-01-01",
            b"02026-01-01",
            b"2026/01/01",
            b"2026-01-01 ",
            b"+026-01-01",
            b"99999-01-01",
        ],
    ),
    (
        DateTime,
        &[
            b"",
            b"1999-12-31",
            b"1999-12-31T23:59:59",
            b"1999-12-31t23:59:59Z",
            b"1999-12-31T23:59:59z",
            b"1999-12-31T24:00:00Z",
            b"1999-12-31T23:60:00Z",
            b"1999-12-31T23:59:61Z",
            b"1999-12-31T23:59:59.Z",
            b"1999-12-31T23:59Z",
            b"1999-12-31T23:59:59+24:00",
            b"1999-12-31T23:59:59+00:60",
            b"1999-12-31T23:59:59+0100",
            b"1999-02-30T00:00:00Z",
            b"1999-12-31 23:59:59Z",
            b"1999-12-31T23:59:59Z ",
        ],
    ),
    (
        Uuid,
        &[
            b"",
            b"018F3C2E-7B7A-7CC2-98AB-0123456789AB",
            b"018f3c2e7b7a7cc298ab0123456789ab",
            b"018f3c2e-7b7a-7cc2-98ab-0123456789ag",
            b"018f3c2e07b7a-7cc2-98ab-0123456789ab",
            b"-18f3c2e-7b7a-7cc2-98ab-0123456789ab",
            b"{18f3c2e-7b7a-7cc2-98ab-0123456789a}",
        ],
    ),
    (Json, &[b"\xff"]),
];

#[test]
fn values_of_their_type_are_taken() {
    for (value_type, texts) in TAKEN {
        for text in texts {
            let value = Value::parse(value_type, text).unwrap();
            assert_eq!(value.value_type(), value_type);
            if !matches!(value_type, Boolean | Uuid) {
                assert_eq!(value.as_bytes(), *text, "{value_type:?}");
            }
        }
    }
}

#[test]
fn values_not_of_their_type_are_refused() {
    for (value_type, texts) in REFUSED {
        for text in texts {
            let refused = Value::parse(value_type, text).map(drop);
            let shown = std::string::String::from_utf8_lossy(text);
            assert_eq!(
                refused,
                Err(Error::Misuse(MisuseKind::ValueType)),
                "{value_type:?} {shown}"
            );
        }
    }
}

#[test]
fn booleans_and_uuids_have_a_binary_encoding() {
    assert_eq!(Value::parse(Boolean, b"true").unwrap().as_bytes(), [1]);
    assert_eq!(Value::parse(Boolean, b"false").unwrap().as_bytes(), [0]);
    let uuid = Value::parse(Uuid, b"018f3c2e-7b7a-7cc2-98ab-0123456789ab").unwrap();
    assert_eq!(uuid.as_bytes(), 0x018f_3c2e_7b7a_7cc2_98ab_0123_4567_89ab_u128.to_be_bytes());
}

#[test]
fn shorthands_name_their_type_and_debug_prints_nothing() {
    let values =
        [(Value::string("Doe"), String), (Value::json("Doe"), Json), (Value::bytes(b"Doe"), Bytes)];
    for (value, value_type) in values {
        assert_eq!((value.value_type(), value.as_bytes()), (value_type, &b"Doe"[..]));
        assert_eq!(format!("{value:?}"), "Value(..)");
    }
}

#[test]
fn types_have_stable_codes_and_names() {
    let names =
        ["string", "bytes", "integer", "decimal", "boolean", "date", "datetime", "uuid", "json"];
    for ((value_type, name), code) in ValueType::ALL.into_iter().zip(names).zip(1..) {
        assert_eq!((value_type.code(), value_type.name()), (code, name));
    }
}

#[test]
fn the_first_wrong_byte() {
    for (value_type, text, at) in [
        (ValueType::String, &b"ab\xffc"[..], Some(2)),
        (ValueType::Json, b"\xff", Some(0)),
        (ValueType::Integer, b"12a", Some(2)),
        (ValueType::Integer, b"-x", Some(1)),
        (ValueType::Integer, b"1-", Some(1)),
        (ValueType::Integer, b"007", None),
        (ValueType::Integer, b"", None),
        (ValueType::Decimal, b".5", Some(0)),
        (ValueType::Decimal, b"-.5", Some(1)),
        (ValueType::Decimal, b"1.5.2", Some(3)),
        (ValueType::Decimal, b"5.", None),
        (ValueType::Date, b"2023-02-29", None),
        (ValueType::Uuid, b"x", None),
        (ValueType::Boolean, b"yes", None),
    ] {
        assert!(Value::parse(value_type, text).is_err(), "{value_type:?} {text:?}");
        assert_eq!(value_type.first_wrong_byte(text), at, "{value_type:?} {text:?}");
    }
    for (value_type, text) in
        [(ValueType::Integer, "-42"), (ValueType::Decimal, "-1.50"), (ValueType::String, "é")]
    {
        assert_eq!(value_type.first_wrong_byte(text.as_bytes()), None);
    }
}

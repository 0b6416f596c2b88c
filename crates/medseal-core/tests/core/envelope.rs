//! What an envelope promises: it opens to what went in, in its own context under its own key, and
//! any other bytes, context, key or spelling is refused.

use crate::support::{Counting, Dealt, whole_memory};
use medseal_core::context::{Binding, Scope};
use medseal_core::envelope::{
    Envelope, Flags, Header, InlineToken, MAX_VALUE_BYTES, Value, ValueType, decode_text,
    encode_text_into, is_text_form,
};
use medseal_core::key_schedule::FieldKey;
use medseal_core::secret::{Kek, SubjectSecret};
use medseal_core::{Error, KeyVersionId, MalformedKind, MisuseKind, Plaintext, Random, Suite};
use proptest::prelude::any;

const ID: KeyVersionId = KeyVersionId([1, 2, 3, 4, 5, 6, 7, 8]);
const NAMES: [&str; 3] = ["clinic-7", "patient", "name.family"];
const TOKEN: InlineToken = InlineToken([0xab; 16]);
const PAIRS: &[(&str, &str)] = &[("app", "ward-2"), ("site", "0")];

fn all_flags() -> Vec<Flags> {
    (0..=255).filter_map(|byte| Flags::from_byte(byte).ok()).collect()
}

/// Every suite with every legal flag set.
fn all_kinds() -> impl Iterator<Item = (Suite, Flags)> {
    Suite::ALL
        .into_iter()
        .flat_map(|suite| all_flags().into_iter().map(move |flags| (suite, flags)))
}

#[derive(Clone, Copy)]
struct KeyOf<'a> {
    kek: u8,
    id: KeyVersionId,
    suite: Suite,
    names: [&'a str; 3],
    subject: Option<&'a str>,
    secret: u8,
}

impl KeyOf<'_> {
    fn new(suite: Suite, flags: Flags) -> Self {
        let subject = flags.subject_bound().then_some("pat-1");
        Self { kek: 1, id: ID, suite, names: NAMES, subject, secret: 2 }
    }

    fn key(&self) -> FieldKey {
        let (kek, [tenant, collection, field]) =
            (Kek::from_slice(&[self.kek; 32]).unwrap(), self.names);
        let dek = match self.subject {
            None => kek.tenant_dek(self.id, self.suite, tenant),
            Some(subject) => {
                let secret = SubjectSecret::from_slice(&[self.secret; 32]).unwrap();
                kek.subject_dek(self.id, self.suite, tenant, subject, &secret).unwrap()
            }
        };
        dek.field_key(Scope::new(tenant, collection, field).unwrap()).unwrap()
    }
}

fn binding(flags: Flags) -> Binding<'static> {
    let record = flags.record_bound().then_some("r-1");
    Binding { record, row_version: Some("42"), pairs: PAIRS }
}

fn seal(key: &FieldKey, flags: Flags, binding: &Binding<'_>, value: &Value<'_>) -> Vec<u8> {
    let (mut out, token) = (Vec::new(), flags.inline_token().then_some(TOKEN));
    key.encrypt_into(flags, binding, token, value, &mut Counting::default(), &mut out).unwrap();
    out
}

fn open(
    key: &FieldKey,
    flags: Flags,
    binding: &Binding<'_>,
    sealed: &[u8],
) -> Result<Plaintext, Error> {
    key.decrypt(flags, binding, &Envelope::parse(sealed)?)
}

const SAMPLES: [(ValueType, &[u8]); 9] = [
    (ValueType::String, "Østby".as_bytes()),
    (ValueType::Bytes, b"\xff\0"),
    (ValueType::Integer, b"-42"),
    (ValueType::Decimal, b"0.50"),
    (ValueType::Boolean, b"true"),
    (ValueType::Date, b"1985-04-12"),
    (ValueType::DateTime, b"1985-04-12T23:20:50.52Z"),
    (ValueType::Uuid, b"018f3c2e-7b7a-7cc2-98ab-0123456789ab"),
    (ValueType::Json, b"{\"a\":1}"),
];

#[test]
fn values_of_every_type_come_back_with_every_flag_and_suite() {
    for (suite, flags) in all_kinds() {
        let (key, binding) = (KeyOf::new(suite, flags).key(), binding(flags));
        for (value_type, text) in SAMPLES {
            let value = Value::parse(value_type, text).unwrap();
            let sealed = seal(&key, flags, &binding, &value);
            let envelope = Envelope::parse(&sealed).unwrap();
            assert_eq!(envelope.header(), Header { suite, flags, id: ID });
            assert_eq!(envelope.token(), flags.inline_token().then_some(TOKEN));
            let opened = key.decrypt(flags, &binding, &envelope).unwrap();
            assert_eq!((opened.value_type(), opened.as_bytes()), (value_type, value.as_bytes()));
            assert_eq!(*opened.to_display_bytes(), text);
            assert_eq!(seal(&key, flags, &binding, &Value::decrypted(&opened)), sealed);
        }
    }
    let no = KeyOf::new(Suite::Aes256Gcm, Flags::UNBOUND).key();
    let sealed = seal(
        &no,
        Flags::UNBOUND,
        &Binding::default(),
        &Value::parse(ValueType::Boolean, b"false").unwrap(),
    );
    let opened = open(&no, Flags::UNBOUND, &Binding::default(), &sealed).unwrap();
    assert_eq!(*opened.to_display_bytes(), b"false");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]
    #[test]
    fn bytes_of_any_length_come_back(
        bytes in proptest::collection::vec(any::<u8>(), 0..6000),
        kind in 0..24usize,
    ) {
        let (suite, flags) = all_kinds().nth(kind).unwrap();
        let (key, binding) = (KeyOf::new(suite, flags).key(), binding(flags));
        let sealed = seal(&key, flags, &binding, &Value::bytes(&bytes));
        assert_eq!(open(&key, flags, &binding, &sealed).unwrap().as_bytes(), bytes);
        let mut text = Vec::new();
        encode_text_into(&sealed, &mut text);
        assert_eq!(decode_text(&text), Ok(sealed));
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    for (suite, flags) in all_kinds() {
        let (key, binding) = (KeyOf::new(suite, flags).key(), binding(flags));
        let mut sealed = seal(&key, flags, &binding, &Value::string("Doe"));
        for bit in 0..8 * sealed.len() {
            sealed[bit / 8] ^= 1 << (bit % 8);
            let refused = open(&key, flags, &binding, &sealed).unwrap_err();
            assert!(
                matches!(refused, Error::Rejected | Error::Malformed(_)),
                "bit {bit}: {refused}"
            );
            sealed[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn every_truncation_and_every_byte_more_is_refused() {
    for (suite, flags) in all_kinds() {
        let (key, binding) = (KeyOf::new(suite, flags).key(), binding(flags));
        let mut sealed = seal(&key, flags, &binding, &Value::string("Doe"));
        let shortest = if flags.inline_token() { 101 } else { 85 };
        for length in 0..sealed.len() {
            let refused = open(&key, flags, &binding, &sealed[..length]).unwrap_err();
            let truncated = Error::Malformed(MalformedKind::Truncated);
            let expected = if length < shortest { truncated } else { Error::Rejected };
            assert_eq!(refused, expected, "{length} of {flags:?}");
        }
        sealed.push(0);
        assert_eq!(open(&key, flags, &binding, &sealed).err(), Some(Error::Rejected));
    }
}

#[test]
fn any_other_key_is_rejected() {
    for (suite, flags) in all_kinds() {
        let (own, binding) = (KeyOf::new(suite, flags), binding(flags));
        let sealed = seal(&own.key(), flags, &binding, &Value::string("Doe"));
        let other_suite = Suite::ALL.into_iter().find(|other| *other != suite).unwrap();
        let mut others = vec![
            KeyOf { kek: 9, ..own },
            KeyOf { id: KeyVersionId([9; 8]), ..own },
            KeyOf { suite: other_suite, ..own },
            KeyOf { names: ["clinic-8", NAMES[1], NAMES[2]], ..own },
            KeyOf { names: [NAMES[0], "patients", NAMES[2]], ..own },
            KeyOf { names: [NAMES[0], NAMES[1], "name.given"], ..own },
            KeyOf { names: [NAMES[0], "patientn", "ame.family"], ..own },
            KeyOf { subject: own.subject.xor(Some("pat-1")), ..own },
        ];
        if flags.subject_bound() {
            others.push(KeyOf { subject: Some("pat-2"), ..own });
            others.push(KeyOf { secret: 9, ..own });
        }
        for (number, other) in others.iter().enumerate() {
            let refused = open(&other.key(), flags, &binding, &sealed).err();
            assert_eq!(refused, Some(Error::Rejected), "{number} {flags:?}");
        }
    }
}

#[test]
fn any_other_binding_is_rejected() {
    for (suite, flags) in all_kinds() {
        let (key, own) = (KeyOf::new(suite, flags).key(), binding(flags));
        let sealed = seal(&key, flags, &own, &Value::string("Doe"));
        let record = own.record.map_or(Some("r-1"), |_| None);
        let others = [
            Binding { record, ..own },
            Binding { record: own.record.map(|_| "r-2").or(Some("r-2")), ..own },
            Binding { row_version: Some("43"), ..own },
            Binding { row_version: None, ..own },
            Binding { pairs: &[], ..own },
            Binding { pairs: &PAIRS[..1], ..own },
            Binding { pairs: &[("app", "ward-2"), ("site", "1")], ..own },
            Binding { pairs: &[("app", "ward-2"), ("sits", "0")], ..own },
        ];
        for (number, other) in others.iter().enumerate() {
            let refused = open(&key, flags, other, &sealed).err();
            assert_eq!(refused, Some(Error::Rejected), "{number} {flags:?}");
        }
    }
}

#[test]
fn flags_other_than_the_definitions_are_rejected() {
    for (suite, flags) in all_kinds() {
        let sealed =
            seal(&KeyOf::new(suite, flags).key(), flags, &binding(flags), &Value::string("Doe"));
        for required in all_flags().into_iter().filter(|required| *required != flags) {
            let key = KeyOf::new(suite, required).key();
            let refused = open(&key, required, &binding(required), &sealed).err();
            assert_eq!(refused, Some(Error::Rejected), "{flags:?} as {required:?}");
        }
    }
}

/// A refusal to write leaves what stood in the buffer.
fn refused_write(
    key: &FieldKey,
    flags: Flags,
    binding: &Binding<'_>,
    token: Option<InlineToken>,
    random: &mut impl Random,
) -> Error {
    let mut out = b"before".to_vec();
    let outcome = key.encrypt_into(flags, binding, token, &Value::string("Doe"), random, &mut out);
    assert_eq!(out, b"before");
    outcome.unwrap_err()
}

#[test]
fn a_writer_refuses_contradictions_and_leaves_the_buffer_alone() {
    for (suite, flags) in all_kinds() {
        let (own, good) = (KeyOf::new(suite, flags), binding(flags));
        let key = own.key();
        let (token, mut random) = (flags.inline_token().then_some(TOKEN), Counting::default());
        let mut refused = |key: &FieldKey, binding: &Binding<'_>, token| {
            refused_write(key, flags, binding, token, &mut random)
        };
        let other_level = KeyOf { subject: own.subject.xor(Some("pat-1")), ..own }.key();
        assert_eq!(refused(&other_level, &good, token), Error::Misuse(MisuseKind::KeyLevel));
        let contradiction = Error::Misuse(MisuseKind::FlagsAndContext);
        let record = good.record.xor(Some("r-1"));
        assert_eq!(refused(&key, &Binding { record, ..good }, token), contradiction);
        let no_token = if token.is_some() { None } else { Some(TOKEN) };
        assert_eq!(refused(&key, &good, no_token), contradiction);
        let empty = Binding { row_version: Some(""), ..good };
        assert_eq!(refused(&key, &empty, token), Error::Misuse(MisuseKind::ContextValueLength));
        let failed = refused_write(&key, flags, &good, token, &mut Dealt(vec![0; 23]));
        assert_eq!(failed, Error::Random);
    }
}

#[test]
fn more_than_two_gigabytes_are_refused_before_they_are_read() {
    let _alone = whole_memory();
    let huge = vec![0; MAX_VALUE_BYTES + 1];
    for (length, padded) in
        [(MAX_VALUE_BYTES + 1, true), (MAX_VALUE_BYTES, true), (MAX_VALUE_BYTES, false)]
    {
        let flags = Flags::new(padded, false, false, false).unwrap();
        let key = KeyOf::new(Suite::Aes256Gcm, flags).key();
        let (value, mut out) = (Value::bytes(&huge[..length]), Vec::new());
        let mut random = Counting::default();
        let outcome =
            key.encrypt_into(flags, &Binding::default(), None, &value, &mut random, &mut out);
        assert_eq!(outcome, Err(Error::Misuse(MisuseKind::ValueLength)));
    }
}

#[test]
fn keys_keep_to_their_tenant_and_know_their_place() {
    let kek = Kek::from_slice(&[1; 32]).unwrap();
    let other = Scope::new("clinic-8", "patient", "name").unwrap();
    let refused = kek.tenant_dek(ID, Suite::Aes256Gcm, "clinic-7").field_key(other).err();
    assert_eq!(refused, Some(Error::Misuse(MisuseKind::KeyLevel)));
    let secret = SubjectSecret::from_slice(&[2; 32]).unwrap();
    let refused = kek.subject_dek(ID, Suite::Aes256Gcm, "clinic-7", "", &secret).err();
    assert_eq!(refused, Some(Error::Misuse(MisuseKind::ContextValueLength)));
    let key = KeyOf::new(Suite::ChaCha20Poly1305, Flags::UNBOUND).key();
    assert_eq!((key.id(), key.suite()), (ID, Suite::ChaCha20Poly1305));
    let scope = key.scope();
    assert_eq!([scope.tenant(), scope.collection(), scope.field()], NAMES);
}

#[test]
fn padding_hides_lengths_in_buckets() {
    let flags = Flags::new(true, false, false, false).unwrap();
    let key = KeyOf::new(Suite::Aes256Gcm, flags).key();
    let buckets = [
        (0, 32),
        (27, 32),
        (28, 64),
        (59, 64),
        (60, 128),
        (2043, 2048),
        (2044, 4096),
        (4091, 4096),
        (4092, 8192),
        (8187, 8192),
        (8188, 12_288),
    ];
    for (length, bucket) in buckets {
        let value = vec![b'x'; length];
        let sealed = seal(&key, flags, &Binding::default(), &Value::bytes(&value));
        assert_eq!(Envelope::parse(&sealed).unwrap().ciphertext_len(), bucket, "{length}");
        let opened = open(&key, flags, &Binding::default(), &sealed).unwrap();
        assert_eq!(opened.as_bytes(), value);
    }
}

#[test]
fn flags_are_read_and_built_alike() {
    let flags = all_flags();
    assert_eq!(flags.len(), 12);
    for f in flags {
        let built = Flags::new(f.padded(), f.record_bound(), f.inline_token(), f.subject_bound());
        assert_eq!(built, Ok(f));
    }
    assert_eq!(Flags::new(false, true, true, true), Err(Error::Misuse(MisuseKind::Flags)));
    assert_eq!(Flags::RECORD_BOUND.to_byte(), 2);
}

#[test]
fn debug_of_a_plaintext_prints_nothing() {
    let key = KeyOf::new(Suite::Aes256Gcm, Flags::UNBOUND).key();
    let sealed = seal(&key, Flags::UNBOUND, &Binding::default(), &Value::string("Doe"));
    let opened = open(&key, Flags::UNBOUND, &Binding::default(), &sealed).unwrap();
    assert_eq!(format!("{opened:?}"), "Plaintext(..)");
}

#[test]
fn the_text_form_has_one_spelling() {
    let mut text = Vec::new();
    encode_text_into(&[0xf8, 0xff, 0xfe, 0x01], &mut text);
    assert_eq!(text, b"ms1:-P_-AQ");
    assert!(is_text_form(&text) && !is_text_form(b"MS1:-P_-AQ"));
    assert_eq!(decode_text(&text), Ok(vec![0xf8, 0xff, 0xfe, 0x01]));
    let others: [&[u8]; 14] = [
        b"",
        b"ms1",
        b"-P_-AQ",
        b"MS1:-P_-AQ",
        b"Ms1:-P_-AQ",
        b"ms2:-P_-AQ",
        b" ms1:-P_-AQ",
        b"ms1:-P_-AQ\n",
        b"ms1:-P_-\nAQ",
        b"ms1:-P_-AQ==",
        b"ms1:-P_-AR",
        b"ms1:+P/+AQ",
        b"ms1:-P_-A",
        b"ms1:-P_-AQ ",
    ];
    for other in others {
        let shown = String::from_utf8_lossy(other);
        assert_eq!(decode_text(other), Err(Error::Malformed(MalformedKind::Text)), "{shown}");
    }
}

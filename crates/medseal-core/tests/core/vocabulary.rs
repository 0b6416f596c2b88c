//! Names, codes and identifiers that stand in stores, listings and documentation.

use crate::support::{Counting, Dealt};
use medseal_core::keyring::{Cause, DueReason, Purpose, Refusal, State};
use medseal_core::secret::{ApproverSeed, EpochKey, Kek, Kwk, RootKey, SubjectSecret};
use medseal_core::{Error, KeyVersionId, MalformedKind, MisuseKind, RandomFailure, StoreId, Suite};

#[test]
fn every_error_has_a_code_and_a_sentence_without_values() {
    let errors = [
        (
            Error::from(MalformedKind::Magic),
            "ENVELOPE_MALFORMED",
            "malformed envelope: not an envelope",
        ),
        (Error::Rejected, "REJECTED", "rejected: wrong key, wrong context or altered ciphertext"),
        (MisuseKind::ValueType.into(), "VALUE_INVALID", "the value is not of the named type"),
        (
            MisuseKind::ValueLength.into(),
            "VALUE_INVALID",
            "a field value may have at most 2 GiB; encrypt it as a file",
        ),
        (
            MisuseKind::ContextName.into(),
            "CONTEXT_INVALID",
            "a context name must match [a-z0-9._-]{1,64}",
        ),
        (RandomFailure.into(), "RANDOM_FAILED", "the source of randomness failed"),
    ];
    for (error, code, text) in errors {
        assert_eq!((error.code(), error.to_string().as_str()), (code, text));
    }
}

#[test]
fn key_version_ids_have_one_spelling() {
    let id = KeyVersionId([0, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde]);
    assert_eq!(id.to_string(), "00123456789abcde");
    assert_eq!(KeyVersionId::from_hex("00123456789abcde"), Some(id));
    for bad in ["", "00123456789ABCDE", "123456789abcde", "+0123456789abcde", "00123456789abcdg"] {
        assert_eq!(KeyVersionId::from_hex(bad), None, "{bad}");
    }
    let drawn = KeyVersionId::generate(&mut Dealt((0..8).collect())).unwrap();
    assert_eq!(drawn.0, [0, 1, 2, 3, 4, 5, 6, 7]);
    assert!(KeyVersionId::generate(&mut Dealt(vec![0; 7])).is_err());
}

#[test]
fn store_ids_are_random_uuids_in_lower_case() {
    let drawn = StoreId::generate(&mut Dealt(vec![0xff; 16])).unwrap();
    assert_eq!(drawn.as_str(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    assert_eq!(StoreId::parse(drawn.as_str()), Some(drawn));
    assert!(StoreId::generate(&mut Dealt(Vec::new())).is_err());
    let bad = [
        "",
        "FFFFFFFF-ffff-4fff-bfff-ffffffffffff",
        "ffffffffffff-4fff-bfff-ffffffffffff-",
        "ffffffff-ffff-4fff-bfff-fffffffffff",
    ];
    bad.into_iter().for_each(|bad| assert_eq!(StoreId::parse(bad), None, "{bad}"));
}

#[test]
fn suites_are_known_by_byte_and_name() {
    let suites =
        [(Suite::Aes256Gcm, 1, "aes-256-gcm"), (Suite::ChaCha20Poly1305, 3, "chacha20-poly1305")];
    for (suite, code, name) in suites {
        assert_eq!((suite.code(), suite.name()), (code, name));
        assert_eq!((Suite::from_code(code), Suite::from_name(name)), (Ok(suite), Some(suite)));
    }
    let unknown = (0..=255).filter(|code| Suite::from_code(*code).is_err()).count();
    assert_eq!((unknown, Suite::from_name("aes")), (254, None));
}

#[test]
fn words_of_the_keyring_read_back() {
    for state in State::ALL {
        assert_eq!(State::from_name(state.name()), Some(state));
    }
    for cause in [Cause::Compromise, Cause::Superseded] {
        assert_eq!(Cause::from_name(cause.name()), Some(cause));
    }
    for purpose in [Purpose::Field, Purpose::File] {
        assert_eq!(Purpose::from_name(purpose.name()), Some(purpose));
    }
    let unknown = (State::from_name(""), Cause::from_name(""), Purpose::from_name(""));
    assert_eq!(unknown, (None, None, None));
    let reasons = [DueReason::Period, DueReason::NextTime, DueReason::Messages, DueReason::Bytes];
    let names = ["period", "next-rotation-time", "messages", "bytes"];
    assert_eq!(reasons.map(DueReason::name), names);
}

#[test]
fn refusals_name_the_state() {
    let wrong = Refusal::WrongState(State::Destroyed).to_string();
    assert_eq!(wrong, "a key version that is destroyed cannot take this change");
    let closed = Refusal::DoesNotDecrypt(State::Suspended).to_string();
    assert_eq!(closed, "the key version is suspended and does not decrypt");
}

macro_rules! check_role {
    ($($role:ident),*) => {$(
        let drawn = $role::generate(&mut Counting::default()).unwrap();
        assert_eq!($role::from_slice(drawn.expose_bytes()).unwrap().expose_bytes(), drawn.expose_bytes());
        assert!($role::generate(&mut Dealt(vec![0; 31])).is_err());
        for length in [0, 31, 33] {
            assert!($role::from_slice(&vec![0; length]).is_none());
        }
    )*};
}

#[test]
fn secrets_of_every_role_have_32_bytes() {
    check_role!(RootKey, Kwk, EpochKey, Kek, SubjectSecret, ApproverSeed);
}

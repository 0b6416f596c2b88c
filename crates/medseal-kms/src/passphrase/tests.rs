//! Known answers from outside this workspace, and the bounds.

use super::*;

const PASSPHRASE: &[u8] = b"correct horse battery";

fn salt_0_to_15() -> [u8; 16] {
    std::array::from_fn(|i| i as u8)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `argon2-cffi` 25.1 (the reference implementation in C) and, independently, `cryptography`:
/// `hash_secret_raw(b"correct horse battery", bytes(range(16)), 2, 19456, 1, 32, Type.ID)`;
/// `hashlib.pbkdf2_hmac("sha512", b"correct horse battery", bytes(range(16)), 100000, 32)`.
#[test]
fn a_root_is_what_other_implementations_derive() {
    let salt = salt_0_to_15();
    let cases = [
        (
            PassphraseKdf::Argon2id { memory_kib: 19_456, passes: 2, lanes: 1, salt },
            "aaecaeb1f79eb8019ba62c34f62fa3e15289f88ff98779ae81de07821992ff1f",
        ),
        (
            PassphraseKdf::Pbkdf2 { iterations: 100_000, salt },
            "c5f36fe6c7e3b05abd101c05b2b95aa3cca7236fb364394b1e2e1c5a71182a55",
        ),
    ];
    for (kdf, expected) in cases {
        assert_eq!(hex(kdf.derive(PASSPHRASE).unwrap().expose_bytes()), expected, "{kdf}");
    }
}

/// RFC 9106, section 5.3. The secret and the associated data are the RFC's; we use neither.
#[test]
fn argon2id_gives_the_vector_of_rfc_9106() {
    let data = argon2::AssociatedData::new(&[4; 12]).unwrap();
    let mut builder = argon2::ParamsBuilder::new();
    builder.m_cost(32).t_cost(3).p_cost(4).data(data);
    let params = builder.build().unwrap();
    let secret = [3; 8];
    let argon2 =
        Argon2::new_with_secret(&secret, Algorithm::Argon2id, Version::V0x13, params).unwrap();
    let mut out = [0; 32];
    hash_and_wipe(&argon2, &[1; 32], &[2; 16], &mut out).unwrap();
    let expected = "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659";
    assert_eq!(hex(&out), expected);
}

/// `hashlib.pbkdf2_hmac("sha512", b"password", b"salt", 1, 64)`, cut to our length: the values that
/// many implementations of PBKDF2-HMAC-SHA-512 test themselves against.
#[test]
fn pbkdf2_is_with_hmac_sha512() {
    let mut out = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA512, NonZeroU32::MIN, b"salt", b"password", &mut out);
    let expected = "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252";
    assert_eq!(hex(&out), expected);
}

#[test]
fn parameters_within_the_bounds_are_read_and_written_back() {
    let salt = "salt=000102030405060708090a0b0c0d0e0f";
    let cases = [
        "argon2id m=19456 t=2 p=1",
        "argon2id m=65536 t=3 p=1",
        "argon2id m=47104 t=1 p=1",
        "argon2id m=4194304 t=64 p=16",
        "pbkdf2-hmac-sha512 i=100000",
        "pbkdf2-hmac-sha512 i=600000",
        "pbkdf2-hmac-sha512 i=100000000",
    ];
    for case in cases {
        let text = format!("{case} {salt}");
        assert_eq!(PassphraseKdf::parse(&text).unwrap().to_string(), text);
    }
}

#[test]
fn hostile_parameters_are_refused_before_they_cost_anything() {
    let salt = "salt=000102030405060708090a0b0c0d0e0f";
    let outside = [
        "argon2id m=19455 t=2 p=1",
        "argon2id m=47103 t=1 p=1",
        "argon2id m=65536 t=0 p=1",
        "argon2id m=65536 t=65 p=1",
        "argon2id m=65536 t=3 p=0",
        "argon2id m=65536 t=3 p=17",
        "argon2id m=4194305 t=3 p=1",
        "argon2id m=4294967296 t=3 p=1",
        "argon2id m=065536 t=3 p=1",
        "argon2id m=+65536 t=3 p=1",
        "argon2id t=3 m=65536 p=1",
        "argon2id m=65536 t=3",
        "argon2i m=65536 t=3 p=1",
        "argon2d m=65536 t=3 p=1",
        "pbkdf2-hmac-sha512 i=99999",
        "pbkdf2-hmac-sha512 i=100000001",
        "pbkdf2-hmac-sha512 i=0",
        "pbkdf2-hmac-sha1 i=600000",
        "",
    ];
    for case in outside {
        assert_refused(&format!("{case} {salt}"));
    }
    let salts = ["salt=", "salt=00", "salt=000102030405060708090A0B0C0D0E0F", "", "salt=zz"];
    for salt in salts {
        assert_refused(&format!("argon2id m=65536 t=3 p=1 {salt}"));
    }
    assert_refused("argon2id m=65536 t=3 p=1 salt=000102030405060708090a0b0c0d0e0f x");
    assert_refused("argon2id m=65536 t=3 p=1  salt=000102030405060708090a0b0c0d0e0f");
}

fn assert_refused(text: &str) {
    assert_eq!(PassphraseKdf::parse(text), Err(KmsError::Parameters), "`{text}`");
}

/// The enum's fields are public, so the bounds hold for values that were never parsed, too.
#[test]
fn values_outside_the_bounds_derive_nothing() {
    let salt = salt_0_to_15();
    let outside = [
        PassphraseKdf::Argon2id { memory_kib: 8, passes: 1, lanes: 1, salt },
        PassphraseKdf::Argon2id { memory_kib: u32::MAX, passes: 3, lanes: 1, salt },
        PassphraseKdf::Pbkdf2 { iterations: 1, salt },
        PassphraseKdf::Pbkdf2 { iterations: u32::MAX, salt },
    ];
    for kdf in outside {
        assert_eq!(kdf.derive(PASSPHRASE).err(), Some(KmsError::Parameters), "{kdf}");
    }
}

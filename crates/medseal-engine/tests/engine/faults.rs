//! Things that break: ciphertexts and the store behind our back.

use crate::support::{bound, code, decrypt, encrypt, fixture, open, scope, with};
use medseal_engine::keys::{KeyPurpose, NewKey};
use medseal_engine::{Environment, Options, RotationPolicy, Suite, Value, VerifyAfterEncrypt};
use pollster::block_on;

fn options(verify_after_encrypt: VerifyAfterEncrypt) -> Options {
    Options { verify_after_encrypt, ..Options::default() }
}

fn flip_last(out: &mut [u8]) {
    if let Some(last) = out.last_mut() {
        *last ^= 1;
    }
}

#[test]
fn verification_after_encryption_notices_a_broken_ciphertext() {
    let scope = scope("patients", "last_name");
    let target = bound(&scope, "r");
    let value = Value::string("Doe");
    let mut f = with(Environment::Development, options(VerifyAfterEncrypt::Always));
    let good = encrypt(&f.engine, &target, "Doe");
    assert_eq!(decrypt(&f.engine, &target, &good).as_deref(), Ok("Doe"));
    f.engine.inject_fault(flip_last);
    let broken = block_on(f.engine.encrypt_value(&target, None, &value));
    assert_eq!(code(broken), "VERIFICATION_FAILED");

    // without verification the fault passes, which shows that it was one
    let mut f = with(Environment::Development, options(VerifyAfterEncrypt::Off));
    f.engine.inject_fault(flip_last);
    let broken = encrypt(&f.engine, &target, "Doe");
    assert_eq!(decrypt(&f.engine, &target, &broken), Err("REJECTED"));

    let mut f = with(Environment::Development, options(VerifyAfterEncrypt::Sampled));
    f.engine.inject_fault(flip_last);
    let noticed = (0..1500).any(|_| {
        let sealed = block_on(f.engine.encrypt_value(&target, None, &value));
        code(sealed) == "VERIFICATION_FAILED"
    });
    assert!(noticed, "one in a hundred is looked at");
}

#[test]
fn a_failed_selftest_prevents_new_keys_and_rotation() {
    let mut f = fixture();
    let new = |name| NewKey {
        tenant: "default",
        name,
        purpose: KeyPurpose::Field,
        suite: Suite::Aes256Gcm,
        policy: RotationPolicy { max_messages: Some(1), ..RotationPolicy::default() },
    };
    block_on(f.engine.create_key(&new("few"), None)).unwrap();
    let scope = scope("patients", "last_name");
    let (target, value) = (bound(&scope, "r"), Value::string("Doe"));
    let envelope = block_on(f.engine.encrypt_value(&target, Some("few"), &value)).unwrap();
    let keys = block_on(f.engine.list_keys("default")).unwrap();
    f.engine.break_selftest();

    assert_eq!(code(block_on(f.engine.create_key(&new("other"), None))), "SELFTEST_FAILED");
    let rotate = f.engine.rotate_key("default", "default", None, None);
    assert_eq!(code(block_on(rotate)), "SELFTEST_FAILED");
    // a rotation that the policy asks for
    let due = f.engine.encrypt_value(&target, Some("few"), &value);
    assert_eq!(code(block_on(due)), "SELFTEST_FAILED");
    let after = block_on(f.engine.list_keys("default")).unwrap();
    assert_eq!(format!("{after:?}"), format!("{keys:?}"));
    // what is there still opens
    assert_eq!(decrypt(&f.engine, &target, &envelope).as_deref(), Ok("Doe"));
}

#[test]
fn an_edited_row_is_refused_and_named() {
    let edits = [
        ("key_versions", "UPDATE key_versions SET state = 'active' WHERE number = '0000000001'"),
        ("key_versions", "UPDATE key_versions SET row_version = 9"),
        ("keys", "UPDATE keys SET primary_version = 1"),
        ("key_secrets", "UPDATE key_secrets SET month = 200001"),
        ("root", "UPDATE root SET environment = 'production'"),
    ];
    for (table, sql) in edits {
        let f = fixture();
        let scope = scope("patients", "last_name");
        let target = bound(&scope, "r");
        let envelope = encrypt(&f.engine, &target, "Doe");
        block_on(f.engine.rotate_key("default", "default", None, None)).unwrap();
        let database = rusqlite::Connection::open(f.home.path().join("store.sqlite")).unwrap();
        assert!(database.execute(sql, []).unwrap() > 0);
        drop(database);
        let result = open(&f.home, &f.clock, Options::default())
            .and_then(|engine| block_on(engine.decrypt_value(&target, &envelope)).map(drop));
        let error = result.unwrap_err();
        assert_eq!(error.code(), "STORE_ROW_REJECTED", "{sql}");
        assert!(error.to_string().contains(table), "{error}");
    }
}

//! Single values: what opens, and everything that must not.

use crate::support::{bound, code, decrypt, encrypt, fixture, scope};
use medseal_engine::fields::{FieldDefinition, Reencrypted, Target};
use medseal_engine::keys::{KeyPurpose, NewKey};
use medseal_engine::{Binding, Flags, RotationPolicy, Scope, Suite, Value, inspect};
use pollster::block_on;

#[test]
fn a_value_opens_where_it_was_encrypted_and_nowhere_else() {
    let f = fixture();
    let here = scope("patients", "last_name");
    let envelope = encrypt(&f.engine, &bound(&here, "r1"), "Doe");
    assert_eq!(decrypt(&f.engine, &bound(&here, "r1"), &envelope).as_deref(), Ok("Doe"));
    let elsewhere = [
        (scope("patients", "last_name"), "r2"),
        (scope("patients", "first_name"), "r1"),
        (scope("visits", "last_name"), "r1"),
    ];
    for (scope, record) in &elsewhere {
        assert_eq!(decrypt(&f.engine, &bound(scope, record), &envelope), Err("REJECTED"));
    }
    let tenant = Scope::new("other", "patients", "last_name").unwrap();
    assert_eq!(decrypt(&f.engine, &bound(&tenant, "r1"), &envelope), Err("REJECTED"));
}

#[test]
fn row_version_and_pairs_are_bound() {
    let f = fixture();
    let scope = scope("patients", "note");
    let pairs = [("part", "1")];
    let binding = Binding { record: Some("r"), row_version: Some("7"), pairs: &pairs };
    let target = Target { scope: &scope, binding, subject: None, no_record: false };
    let envelope = encrypt(&f.engine, &target, "x");
    assert_eq!(decrypt(&f.engine, &target, &envelope).as_deref(), Ok("x"));
    let other_pairs = [("part", "2")];
    for binding in [
        Binding { row_version: Some("8"), ..binding },
        Binding { pairs: &other_pairs, ..binding },
        Binding { pairs: &[], ..binding },
    ] {
        let target = Target { scope: &scope, binding, subject: None, no_record: false };
        assert_eq!(decrypt(&f.engine, &target, &envelope), Err("REJECTED"));
    }
}

#[test]
fn a_record_is_asked_for_unless_the_caller_says_otherwise() {
    let f = fixture();
    let scope = scope("settings", "motd");
    let unbound =
        Target { scope: &scope, binding: Binding::default(), subject: None, no_record: false };
    let value = Value::string("x");
    assert_eq!(code(block_on(f.engine.encrypt_value(&unbound, None, &value))), "RECORD_REQUIRED");
    let both = Target { no_record: true, ..bound(&scope, "r") };
    assert_eq!(code(block_on(f.engine.encrypt_value(&both, None, &value))), "RECORD_NOT_BOUND");

    let meant = Target { no_record: true, ..unbound };
    let envelope = encrypt(&f.engine, &meant, "x");
    assert_eq!(decrypt(&f.engine, &meant, &envelope).as_deref(), Ok("x"));
    assert_eq!(decrypt(&f.engine, &unbound, &envelope), Err("RECORD_REQUIRED"));
    assert_eq!(decrypt(&f.engine, &bound(&scope, "r"), &envelope), Err("REJECTED"));
}

fn definition(flags: Flags, key: &str) -> FieldDefinition {
    FieldDefinition {
        key: key.to_owned(),
        class: "general".to_owned(),
        flags,
        placement: "inline".to_owned(),
        profile: None,
    }
}

#[test]
fn a_definition_is_the_authority_over_flags_and_key() {
    let f = fixture();
    let scope = scope("patients", "sex");
    let before = encrypt(&f.engine, &bound(&scope, "r"), "f");
    let padded = Flags::new(true, true, false, false).unwrap();
    block_on(f.engine.define_field(&scope, &definition(padded, "default"))).unwrap();
    // what was encrypted with other flags is not the field's any more
    assert_eq!(decrypt(&f.engine, &bound(&scope, "r"), &before), Err("REJECTED"));
    let after = encrypt(&f.engine, &bound(&scope, "r"), "f");
    assert!(inspect::inspect(&after).unwrap().padded);
    assert_eq!(decrypt(&f.engine, &bound(&scope, "r"), &after).as_deref(), Ok("f"));

    block_on(f.engine.define_field(&scope, &definition(padded, "default"))).unwrap();
    let other = definition(Flags::UNBOUND, "default");
    assert_eq!(code(block_on(f.engine.define_field(&scope, &other))), "FIELD_CONFLICT");
    let value = Value::string("f");
    let wrong_key = block_on(f.engine.encrypt_value(&bound(&scope, "r"), Some("files"), &value));
    assert_eq!(code(wrong_key), "FIELD_CONFLICT");
    let listed = block_on(f.engine.list_fields("default")).unwrap();
    assert!(listed.len() == 1 && listed[0].padded && listed[0].record_bound);

    let unbound = definition(Flags::UNBOUND, "default");
    let motd = crate::support::scope("settings", "motd");
    block_on(f.engine.define_field(&motd, &unbound)).unwrap();
    let with_record = block_on(f.engine.encrypt_value(&bound(&motd, "r"), None, &value));
    assert_eq!(code(with_record), "RECORD_NOT_BOUND");
    let bad = FieldDefinition { class: "Not A Name".to_owned(), ..unbound };
    assert_eq!(code(block_on(f.engine.define_field(&motd, &bad))), "NAME_INVALID");
    let missing = crate::support::scope("a", "b");
    let unknown = definition(Flags::UNBOUND, "nope");
    assert_eq!(code(block_on(f.engine.define_field(&missing, &unknown))), "KEY_NOT_FOUND");
}

#[test]
fn a_field_defined_under_one_key_refuses_envelopes_of_another() {
    let f = fixture();
    let key = NewKey {
        tenant: "default",
        name: "second",
        purpose: KeyPurpose::Field,
        suite: Suite::ChaCha20Poly1305,
        policy: RotationPolicy::default(),
    };
    block_on(f.engine.create_key(&key, None)).unwrap();
    let scope = scope("patients", "ssn");
    let value = Value::string("1");
    let under_second =
        block_on(f.engine.encrypt_value(&bound(&scope, "r"), Some("second"), &value)).unwrap();
    assert_eq!(inspect::inspect(&under_second).unwrap().suite, "chacha20-poly1305");
    assert_eq!(decrypt(&f.engine, &bound(&scope, "r"), &under_second).as_deref(), Ok("1"));
    let rule = definition(Flags::RECORD_BOUND, "default");
    block_on(f.engine.define_field(&scope, &rule)).unwrap();
    assert_eq!(decrypt(&f.engine, &bound(&scope, "r"), &under_second), Err("REJECTED"));
    let files = block_on(f.engine.encrypt_value(&bound(&scope, "x"), Some("files"), &value));
    assert_eq!(code(files), "FIELD_CONFLICT");
    let free = crate::support::scope("patients", "free");
    let files = block_on(f.engine.encrypt_value(&bound(&free, "x"), Some("files"), &value));
    assert_eq!(code(files), "KEY_PURPOSE");
}

#[test]
fn reencryption_moves_old_values_and_leaves_current_ones() {
    let f = fixture();
    let scope = scope("patients", "last_name");
    let target = bound(&scope, "r");
    let old = encrypt(&f.engine, &target, "Doe");
    assert_eq!(block_on(f.engine.reencrypt_value(&target, &old)).unwrap(), Reencrypted::Current);
    block_on(f.engine.rotate_key("default", "default", None, Some("test"))).unwrap();
    let Reencrypted::New(new) = block_on(f.engine.reencrypt_value(&target, &old)).unwrap() else {
        panic!("the value was not under the newest version");
    };
    assert_ne!(old[4..12], new[4..12]);
    assert_eq!(decrypt(&f.engine, &target, &new).as_deref(), Ok("Doe"));
    assert_eq!(decrypt(&f.engine, &target, &old).as_deref(), Ok("Doe"));
    let elsewhere = bound(&scope, "r2");
    assert_eq!(code(block_on(f.engine.reencrypt_value(&elsewhere, &old))), "REJECTED");
}

#[test]
fn bytes_that_are_no_envelope_are_malformed_and_unknown_keys_are_named_so() {
    let f = fixture();
    let scope = scope("patients", "last_name");
    let target = bound(&scope, "r");
    let good = encrypt(&f.engine, &target, "Doe");
    for bytes in [&b""[..], b"hello", &good[..84], &[0xF8, 1, 9, 2]] {
        assert_eq!(decrypt(&f.engine, &target, bytes), Err("ENVELOPE_MALFORMED"));
    }
    let mut other_key = good.clone();
    other_key[4] ^= 1;
    assert_eq!(decrypt(&f.engine, &target, &other_key), Err("KEY_VERSION_UNKNOWN"));
    let text = inspect::to_text(&good);
    assert_eq!(inspect::from_text(text.as_bytes()).unwrap(), good);
    assert!(inspect::is_text(text.as_bytes()) && !inspect::is_text(&good));
    assert_eq!(inspect::inspect(text.as_bytes()).unwrap().form, "text");
}

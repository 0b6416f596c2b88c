//! Names, descriptors, passphrases and the environment.

use crate::{BrokenRandom, TestRandom};
use medseal_kms::{
    EnvironmentRoot, KeyFileRoot, KmsError, PassphraseKdf, PassphraseRoot, RootKind, RootProvider,
};
use zeroize::Zeroizing;

#[test]
fn kinds_have_names() {
    let kinds = [
        (RootKind::KeyFile, "keyfile"),
        (RootKind::Passphrase, "passphrase"),
        (RootKind::Environment, "env"),
    ];
    for (kind, name) in kinds {
        assert_eq!((kind.name(), RootKind::from_name(name)), (name, Some(kind)));
    }
    assert_eq!(RootKind::from_name("KeyFile"), None);
}

#[test]
fn descriptors_say_what_is_needed_and_no_secret() {
    let home = tempfile::tempdir().unwrap();
    let file = KeyFileRoot::create(&home.path().join("root.key"), &mut TestRandom).unwrap();
    let environment = EnvironmentRoot::from_value(&"a".repeat(64)).unwrap();
    let kdf = PassphraseKdf::Pbkdf2 { iterations: 100_000, salt: [0xab; 16] };
    let phrase = PassphraseRoot::open(Zeroizing::new(b"phrase".to_vec()), kdf).unwrap();
    let salt = "ab".repeat(16);
    let cases: [(&dyn RootProvider, RootKind, String); 3] = [
        (&file, RootKind::KeyFile, String::new()),
        (&environment, RootKind::Environment, String::new()),
        (&phrase, RootKind::Passphrase, format!("pbkdf2-hmac-sha512 i=100000 salt={salt}")),
    ];
    for (root, kind, parameters) in cases {
        let descriptor = root.descriptor();
        assert_eq!((descriptor.kind, descriptor.parameters), (kind, parameters));
    }
}

#[test]
fn defaults_are_those_of_the_design_and_have_fresh_salts() {
    let argon2id = || PassphraseKdf::default_argon2id(&mut TestRandom).unwrap();
    let pbkdf2 = || PassphraseKdf::default_pbkdf2(&mut TestRandom).unwrap();
    assert!(argon2id().to_string().starts_with("argon2id m=65536 t=3 p=1 salt="));
    assert!(pbkdf2().to_string().starts_with("pbkdf2-hmac-sha512 i=600000 salt="));
    assert_ne!(argon2id(), argon2id());
    assert_ne!(pbkdf2(), pbkdf2());
    let broken = PassphraseKdf::default_argon2id(&mut BrokenRandom);
    assert_eq!(broken, Err(KmsError::Random));
}

#[test]
fn a_new_passphrase_needs_twelve_bytes_and_an_old_one_none() {
    let kdf = || PassphraseKdf::Pbkdf2 { iterations: 100_000, salt: [1; 16] };
    for (length, accepted) in [(0, false), (11, false), (12, true), (1000, true)] {
        let phrase = || Zeroizing::new(vec![b'x'; length]);
        let created = PassphraseRoot::create(phrase(), kdf()).err();
        assert_eq!(created, (!accepted).then_some(KmsError::PassphraseTooShort), "{length}");
        assert!(PassphraseRoot::open(phrase(), kdf()).is_ok(), "{length}");
    }
}

#[test]
fn the_environment_takes_64_lower_case_digits_and_nothing_else() {
    let cases = [
        ("0123456789abcdef".repeat(4), true),
        ("0123456789ABCDEF".repeat(4), false),
        ("a".repeat(63), false),
        ("a".repeat(65), false),
        (format!("{}\n", "a".repeat(64)), false),
        ("g".repeat(64), false),
        ("é".repeat(32), false),
        (String::new(), false),
    ];
    for (value, accepted) in cases {
        let error = EnvironmentRoot::from_value(&value).err();
        assert_eq!(error, (!accepted).then_some(KmsError::Environment), "`{value}`");
    }
}

//! Making and opening homes.

use crate::support::code;
use medseal_engine::{
    EngineError, Environment, Home, Options, PassphraseKdfChoice, RootChoice, bench, doctor,
};
use pollster::block_on;
use std::fs;
use zeroize::Zeroizing;

fn passphrase(text: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(text.as_bytes().to_vec())
}

#[test]
fn a_passphrase_opens_its_home_and_another_does_not() {
    for kdf in [PassphraseKdfChoice::Argon2id, PassphraseKdfChoice::Pbkdf2] {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::at(directory.path().join("nested").join("home"));
        let choice = RootChoice::Passphrase(passphrase("correct horse battery"), kdf);
        let report = block_on(home.init(choice, Environment::Production)).unwrap();
        assert_eq!((report.root, report.root_file), ("passphrase", None));
        let open = |text: &'static str| {
            block_on(home.open(move || Ok(passphrase(text)), Options::default()))
        };
        assert_eq!(code(open("correct horse battery")), "OK");
        assert_eq!(code(open("correct horse battert")), "ROOT_REJECTED");
        let nobody = home.open(|| Err(EngineError::PassphraseNeeded), Options::default());
        assert_eq!(code(block_on(nobody)), "PASSPHRASE_NEEDED");
    }
}

#[test]
fn init_refuses_what_is_not_its_own_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::at(directory.path().join("home"));
    let init = |choice, environment| block_on(home.init(choice, environment));
    let short = RootChoice::Passphrase(passphrase("short"), PassphraseKdfChoice::Argon2id);
    assert_eq!(code(init(short, Environment::Development)), "PASSPHRASE_TOO_SHORT");
    let env = init(RootChoice::Environment, Environment::Production);
    assert_eq!(code(env), "PRODUCTION_REFUSES");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);

    // what a killed init left is removed, what belongs to others is not
    fs::create_dir(directory.path().join(".home.init-999999999")).unwrap();
    fs::write(directory.path().join(".home.init-x"), "other").unwrap();
    fs::create_dir(home.path()).unwrap();
    assert_eq!(code(init(RootChoice::KeyFile, Environment::Development)), "OK");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    assert_eq!(code(init(RootChoice::KeyFile, Environment::Development)), "HOME_EXISTS");

    let other = Home::at(directory.path());
    let refused = block_on(other.init(RootChoice::KeyFile, Environment::Development));
    assert_eq!(code(refused), "HOME_NOT_EMPTY");
    let missing = Home::at(directory.path().join("none"));
    let nobody = || Err(EngineError::PassphraseNeeded);
    assert_eq!(code(block_on(missing.open(nobody, Options::default()))), "HOME_MISSING");
}

#[test]
fn selftest_and_benchmarks_run() {
    assert_eq!(doctor::selftest().unwrap().len(), 7);
    for case in ["field.encrypt.50", "scan", "record", "array", "audit"] {
        let results = bench::run(case).unwrap();
        assert!(!results.is_empty() && results.iter().all(|m| m.us_per_op > 0.0));
    }
    assert!(bench::run("nothing").unwrap().is_empty());
}

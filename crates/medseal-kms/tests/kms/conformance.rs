//! Every local provider through the suite.

use crate::{TestRandom, private_directory};
use medseal_kms::conformance::{Roots, epoch_keys, root_provider};
use medseal_kms::{
    EnvironmentRoot, EpochKeyDirectory, KeyFileRoot, PassphraseKdf, PassphraseRoot, RootProvider,
};
use pollster::block_on;
use zeroize::Zeroizing;

fn run(root: &dyn RootProvider, reopened: &dyn RootProvider, another: &dyn RootProvider) {
    block_on(root_provider(&Roots { root, reopened, another }, &mut TestRandom)).unwrap();
}

#[test]
fn key_file() {
    let home = tempfile::tempdir().unwrap();
    let (path, other) = (home.path().join("root.key"), home.path().join("other.key"));
    let root = KeyFileRoot::create(&path, &mut TestRandom).unwrap();
    let another = KeyFileRoot::create(&other, &mut TestRandom).unwrap();
    run(&root, &KeyFileRoot::open(&path).unwrap(), &another);
}

#[test]
fn passphrase() {
    let salt = [7; 16];
    let kdfs = [
        PassphraseKdf::Argon2id { memory_kib: 19_456, passes: 2, lanes: 1, salt },
        PassphraseKdf::Argon2id { memory_kib: 47_104, passes: 1, lanes: 2, salt },
        PassphraseKdf::Pbkdf2 { iterations: 100_000, salt },
    ];
    for kdf in kdfs {
        let phrase = |text: &str| Zeroizing::new(text.as_bytes().to_vec());
        let root = PassphraseRoot::create(phrase("a long passphrase"), kdf).unwrap();
        // as the store would bring it back
        let kdf = PassphraseKdf::parse(&root.descriptor().parameters).unwrap();
        let reopened = PassphraseRoot::open(phrase("a long passphrase"), kdf.clone()).unwrap();
        run(&root, &reopened, &PassphraseRoot::open(phrase("wrong"), kdf).unwrap());
    }
}

#[test]
fn another_salt_is_another_root() {
    let phrase = || Zeroizing::new(b"a long passphrase".to_vec());
    let kdf = |salt| PassphraseKdf::Pbkdf2 { iterations: 100_000, salt: [salt; 16] };
    let open = |salt| PassphraseRoot::open(phrase(), kdf(salt)).unwrap();
    run(&open(1), &open(1), &open(2));
}

#[test]
fn environment() {
    let open = |digit: &str| EnvironmentRoot::from_value(&digit.repeat(64)).unwrap();
    run(&open("a"), &open("a"), &open("b"));
}

#[test]
fn epoch_key_directory() {
    let directory = private_directory();
    let open = || EpochKeyDirectory::new(directory.path());
    block_on(epoch_keys(&open(), &open(), &mut TestRandom)).unwrap();
}

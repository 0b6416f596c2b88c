//! The epoch directory's own rules: concurrency, interrupted destruction, foreign files.

use crate::{BrokenRandom, TestRandom, private_directory};
use medseal_core::stored_secret::Month;
use medseal_kms::{EpochKeyDirectory, EpochKeys, KmsError};
use pollster::block_on;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Barrier;

fn month() -> Month {
    Month::from_yyyymm(202_611).unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// `Month::NONE` stands for "under no epoch key" and must never get one.
#[test]
fn no_month_has_no_key() {
    let directory = private_directory();
    let keys = EpochKeyDirectory::new(directory.path());
    let none = block_on(keys.get_or_create(Month::NONE, &mut TestRandom));
    assert_eq!(none.err(), Some(missing_error(Month::NONE)));
    assert!(names(directory.path()).is_empty());
}

fn missing_error(month: Month) -> KmsError {
    KmsError::EpochKeyMissing(month.yyyymm())
}

#[test]
fn callers_at_once_agree_on_one_key() {
    const CALLERS: usize = 16;
    for _ in 0..8 {
        let directory = private_directory();
        let start = Barrier::new(CALLERS);
        let make = || {
            // each with its own handle, as processes would have
            let keys = EpochKeyDirectory::new(directory.path());
            start.wait();
            *block_on(keys.get_or_create(month(), &mut TestRandom)).unwrap().expose_bytes()
        };
        let made: Vec<[u8; 32]> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..CALLERS).map(|_| scope.spawn(make)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(made.iter().all(|key| *key == made[0]), "one key for all");
        assert_eq!(names(directory.path()), ["2026-11.key"], "no draft is left");
    }
}

#[test]
fn a_file_is_private_and_in_the_documented_format() {
    let directory = private_directory();
    let keys = EpochKeyDirectory::new(directory.path());
    block_on(keys.get_or_create(month(), &mut TestRandom)).unwrap();
    let path = directory.path().join("2026-11.key");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    let content = fs::read_to_string(&path).unwrap();
    assert!(content.starts_with("medseal-epoch-v1\n") && content.len() == 17 + 65);
}

#[test]
fn no_key_is_made_where_others_could_change_it_or_without_randomness() {
    let directory = private_directory();
    let keys = EpochKeyDirectory::new(directory.path());
    let broken = block_on(keys.get_or_create(month(), &mut BrokenRandom));
    assert_eq!(broken.err(), Some(KmsError::Random));
    for mode in [0o701, 0o720, 0o755, 0o777] {
        fs::set_permissions(directory.path(), Permissions::from_mode(mode)).unwrap();
        let made = block_on(keys.get_or_create(month(), &mut TestRandom));
        assert_eq!(made.err(), Some(KmsError::FilePermissions), "{mode:o}");
    }
    assert!(names(directory.path()).is_empty());
}

/// A destruction is overwrite, sync, unlink: killed in between, the key is gone already and the
/// next call finishes the work.
#[test]
fn an_interrupted_destruction_is_a_missing_key_and_can_be_finished() {
    let directory = private_directory();
    let keys = EpochKeyDirectory::new(directory.path());
    block_on(keys.get_or_create(month(), &mut TestRandom)).unwrap();
    let path = directory.path().join("2026-11.key");
    let len = fs::read(&path).unwrap().len();
    fs::write(&path, vec![0; len]).unwrap();
    assert_eq!(block_on(keys.get(month())).err(), Some(missing_error(month())));
    block_on(keys.destroy(month())).unwrap();
    assert!(names(directory.path()).is_empty());
}

#[test]
fn destroying_overwrites_every_name_of_the_file() {
    let directory = private_directory();
    let keys = EpochKeyDirectory::new(directory.path());
    block_on(keys.get_or_create(month(), &mut TestRandom)).unwrap();
    let (path, copy) = (directory.path().join("2026-11.key"), directory.path().join(".new-0"));
    fs::hard_link(&path, &copy).unwrap();
    block_on(keys.destroy(month())).unwrap();
    assert!(fs::read(&copy).unwrap().iter().all(|byte| *byte == 0));
}

#[test]
fn destroying_never_reaches_through_a_link() {
    let directory = private_directory();
    let victim = directory.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, directory.path().join("2026-11.key")).unwrap();
    let keys = EpochKeyDirectory::new(directory.path());
    assert_eq!(block_on(keys.destroy(month())).err(), Some(KmsError::FileMalformed));
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}

#[test]
fn only_files_named_like_a_month_are_months() {
    let directory = private_directory();
    let foreign = [
        "202611.key",
        "2026-13.key",
        "2026-00.key",
        "0000-00.key",
        "2026-11.key.bak",
        "2026-11",
        "-202611.key",
        "2026-1.key",
        "+2026-1.key",
        ".new-0",
        "notes",
    ];
    for name in foreign {
        fs::write(directory.path().join(name), "").unwrap();
    }
    let keys = EpochKeyDirectory::new(directory.path());
    assert_eq!(block_on(keys.months()).unwrap(), []);
}

#[test]
fn a_damaged_key_is_an_error_and_is_not_made_anew() {
    let directory = private_directory();
    let keys = EpochKeyDirectory::new(directory.path());
    block_on(keys.get_or_create(month(), &mut TestRandom)).unwrap();
    let path = directory.path().join("2026-11.key");
    for junk in [&b""[..], b"junk", b"medseal-root-v1\n"] {
        fs::write(&path, junk).unwrap();
        let found = block_on(keys.get_or_create(month(), &mut TestRandom));
        assert_eq!(found.err(), Some(KmsError::FileMalformed));
    }
}

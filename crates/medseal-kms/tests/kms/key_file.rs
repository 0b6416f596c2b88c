//! The key file's own rules: what it looks like, and what is refused.

use crate::{BrokenRandom, TestRandom};
use medseal_kms::{KeyFileRoot, KmsError};
use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

fn write(path: &Path, content: &[u8], mode: u32) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn good() -> Vec<u8> {
    format!("medseal-root-v1\n{}\n", "0f".repeat(32)).into_bytes()
}

#[test]
fn a_new_file_is_private_and_in_the_documented_format() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("root.key");
    KeyFileRoot::create(&path, &mut TestRandom).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    let content = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = content.split('\n').collect();
    let [first, hex, ""] = lines[..] else { panic!("three parts") };
    assert_eq!(first, "medseal-root-v1");
    assert!(hex.len() == 64 && hex.bytes().all(|b| b"0123456789abcdef".contains(&b)));
}

#[test]
fn an_existing_file_is_never_replaced() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("root.key");
    KeyFileRoot::create(&path, &mut TestRandom).unwrap();
    let before = fs::read(&path).unwrap();
    let again = KeyFileRoot::create(&path, &mut TestRandom);
    assert_eq!(again.err(), Some(KmsError::File(ErrorKind::AlreadyExists)));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn without_randomness_there_is_no_file() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("root.key");
    assert_eq!(KeyFileRoot::create(&path, &mut BrokenRandom).err(), Some(KmsError::Random));
    assert!(!path.exists());
}

#[test]
fn modes_that_let_others_in_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("root.key");
    for mode in [0o600, 0o400, 0o700] {
        write(&path, &good(), mode);
        assert!(KeyFileRoot::open(&path).is_ok(), "{mode:o}");
    }
    for bit in 0..6 {
        let mode = 0o600 | 1 << bit;
        write(&path, &good(), mode);
        assert_eq!(KeyFileRoot::open(&path).err(), Some(KmsError::FilePermissions), "{mode:o}");
    }
}

/// Only root can give a file away, so this says nothing elsewhere.
#[test]
fn a_file_of_another_user_is_refused_even_by_root() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("root.key");
    write(&path, &good(), 0o600);
    if std::os::unix::fs::chown(&path, Some(65_534), None).is_ok() {
        assert_eq!(KeyFileRoot::open(&path).err(), Some(KmsError::FilePermissions));
    } else {
        assert!(!rustix::process::geteuid().is_root());
    }
}

#[test]
fn what_is_no_regular_file_is_refused_and_not_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let (path, link, pipe) =
        (home.path().join("root.key"), home.path().join("link"), home.path().join("pipe"));
    write(&path, &good(), 0o600);
    symlink(&path, &link).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    for path in [&link, &pipe, &home.path().to_owned()] {
        assert_eq!(KeyFileRoot::open(path).err(), Some(KmsError::FileMalformed), "{path:?}");
    }
    let missing = KeyFileRoot::open(&home.path().join("missing"));
    assert_eq!(missing.err(), Some(KmsError::File(ErrorKind::NotFound)));
}

#[test]
fn every_deviation_from_the_format_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("root.key");
    let text = String::from_utf8(good()).unwrap();
    let mut cases: Vec<Vec<u8>> = (0..text.len()).map(|n| good()[..n].to_vec()).collect();
    cases.extend([
        [good(), good()].concat(),
        [good(), vec![b'\n']].concat(),
        [good(), vec![b'x'; 100_000]].concat(),
        text.replace("root", "epoch").into_bytes(),
        text.replace("v1", "v2").into_bytes(),
        text.replace("0f", "0F").into_bytes(),
        text.replace("0f", "0g").into_bytes(),
        text.replace('\n', "\r\n").into_bytes(),
        vec![0; text.len()],
        vec![0xff; text.len()],
    ]);
    for case in cases {
        write(&path, &case, 0o600);
        assert_eq!(KeyFileRoot::open(&path).err(), Some(KmsError::FileMalformed), "{}", case.len());
    }
}

//! Months passing: wraps move on, old keys go, an old store opens nothing.

use crate::support::{DAY, bound, code, decrypt, encrypt, fixture, open, scope};
use medseal_engine::Options;
use pollster::block_on;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn months(home: &medseal_engine::Home) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(home.path().join("epochs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn wraps_follow_the_month_and_old_epoch_keys_are_destroyed() {
    let f = fixture();
    let scope = scope("patients", "last_name");
    let target = bound(&scope, "r");
    let envelope = encrypt(&f.engine, &target, "Doe");
    let made = months(&f.home);
    assert_eq!(made.len(), 1, "init runs on the real clock and makes one month's key");
    // the fixture's clock starts earlier than that month: far ahead, everything moves on
    f.clock.advance(365 * DAY);
    let later = open(&f.home, &f.clock, Options::default()).unwrap();
    assert_eq!(decrypt(&later, &target, &envelope).as_deref(), Ok("Doe"));
    f.clock.advance(150 * DAY);
    let later = open(&f.home, &f.clock, Options::default()).unwrap();
    assert_eq!(decrypt(&later, &target, &envelope).as_deref(), Ok("Doe"));
    let left = months(&f.home);
    assert!(!left.contains(&made[0]), "{left:?}");
    // opening again in the same month changes nothing
    let log = f.home.audit().join("segments/00000000000000000000.log");
    let before = fs::read(&log).unwrap();
    open(&f.home, &f.clock, Options::default()).unwrap();
    assert_eq!(fs::read(&log).unwrap(), before);
}

#[test]
fn a_store_without_its_epoch_key_opens_nothing() {
    let f = fixture();
    let scope = scope("patients", "last_name");
    let target = bound(&scope, "r");
    let envelope = encrypt(&f.engine, &target, "Doe");
    let path = f.home.path().join("epochs").join(&months(&f.home)[0]);
    let kept = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let restored = open(&f.home, &f.clock, Options::default());
    match restored {
        Ok(engine) => {
            assert_eq!(decrypt(&engine, &target, &envelope), Err("EPOCH_KEY_MISSING"));
        }
        Err(error) => assert_eq!(code::<()>(Err(error)), "EPOCH_KEY_MISSING"),
    }
    assert!(!kept.is_empty());
}

/// A key made anew under the old name would leave two kinds of wraps, of which one never opens.
#[test]
fn a_lost_epoch_key_is_not_made_anew() {
    let f = fixture();
    // everything moves to the month of the fixture's later clock
    f.clock.advance(365 * DAY);
    let engine = open(&f.home, &f.clock, Options::default()).unwrap();
    let scope = scope("patients", "last_name");
    let target = bound(&scope, "r");
    let envelope = encrypt(&engine, &target, "Doe");
    let path = f.home.path().join("epochs").join(months(&f.home).last().unwrap());
    let kept = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let rotate = || code(block_on(engine.rotate_key("default", "default", None, None)));
    assert_eq!(rotate(), "EPOCH_KEY_MISSING");
    assert!(!path.exists(), "nothing is put in its place");

    let mut other = kept.clone();
    let digit = other.iter().rposition(u8::is_ascii_hexdigit).unwrap();
    other[digit] = if other[digit] == b'0' { b'1' } else { b'0' };
    write_private(&path, &other);
    let reopened = open(&f.home, &f.clock, Options::default()).unwrap();
    assert_eq!(decrypt(&reopened, &target, &envelope), Err("EPOCH_KEY_WRONG"));

    write_private(&path, &kept);
    let reopened = open(&f.home, &f.clock, Options::default()).unwrap();
    assert_eq!(decrypt(&reopened, &target, &envelope).as_deref(), Ok("Doe"));
    assert_eq!(rotate(), "OK");
}

fn write_private(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

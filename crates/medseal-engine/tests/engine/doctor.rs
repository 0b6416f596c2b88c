//! What the examination of a home says, and that it says so only when it holds.

use crate::support::{DAY, Fixture, fixture};
use medseal_engine::doctor::CheckState::{self, Failed, Passed, Warning};
use medseal_engine::keys::{KeyPurpose, NewKey};
use medseal_engine::{Cause, RotationPolicy, Suite};
use pollster::block_on;

/// State and detail of the check of that name.
fn check(f: &Fixture, name: &str) -> (CheckState, String) {
    let checks = block_on(f.engine.examine(&f.home));
    let found = checks.into_iter().find(|check| check.name == name).unwrap();
    (found.state, found.detail.unwrap_or_default())
}

fn edit(f: &Fixture, sql: &str) {
    let database = rusqlite::Connection::open(f.home.path().join("store.sqlite")).unwrap();
    assert!(database.execute(sql, []).unwrap() > 0, "{sql}");
}

#[test]
fn a_sound_home_passes_every_check() {
    let f = fixture();
    let checks = block_on(f.engine.examine(&f.home));
    assert!(checks.iter().all(|check| check.state == Passed), "{checks:?}");
}

#[test]
fn an_edited_row_of_any_table_is_found() {
    let edits = [
        ("root", "UPDATE root SET environment = 'production'"),
        ("keys", "UPDATE keys SET max_messages = 5 WHERE name = 'files'"),
        ("key_versions", "UPDATE key_versions SET reason = 'none' WHERE name = 'files'"),
        ("key_secrets", "UPDATE key_secrets SET month = 200001"),
    ];
    for (table, sql) in edits {
        let f = fixture();
        edit(&f, sql);
        let (state, detail) = check(&f, "rows are authentic");
        assert_eq!(state, Failed, "{table}");
        assert!(detail.contains(table) && detail.ends_with("[STORE_ROW_REJECTED]"), "{detail}");
    }
}

#[test]
fn a_key_that_cannot_encrypt_is_named() {
    let f = fixture();
    assert_eq!(check(&f, "keys that encrypt"), (Passed, "all".to_owned()));
    let compromised = Cause::Compromise;
    block_on(f.engine.revoke_key("default", "default", 1, compromised, None)).unwrap();
    let expected = (Warning, "default has no active version".to_owned());
    assert_eq!(check(&f, "keys that encrypt"), expected);
    block_on(f.engine.suspend_key("default", "files", 1, None)).unwrap();
    let (_, detail) = check(&f, "keys that encrypt");
    assert_eq!(detail, "default has no active version, files has no active version");
    block_on(f.engine.rotate_key("default", "default", None, None)).unwrap();
    block_on(f.engine.resume_key("default", "files", 1, None)).unwrap();
    assert_eq!(check(&f, "keys that encrypt").0, Passed);
}

#[test]
fn a_rotation_that_is_due_is_called_due() {
    let f = fixture();
    assert_eq!(check(&f, "rotation"), (Passed, "nothing is due".to_owned()));
    let policy = RotationPolicy { period: Some(DAY), ..RotationPolicy::default() };
    let (tenant, name, purpose) = ("default", "p3", KeyPurpose::Field);
    let key = NewKey { tenant, name, purpose, suite: Suite::Aes256Gcm, policy };
    block_on(f.engine.create_key(&key, None)).unwrap();
    assert_eq!(check(&f, "rotation").0, Passed);
    f.clock.advance(2 * DAY);
    assert_eq!(check(&f, "rotation"), (Warning, "p3 is due (period)".to_owned()));
    // a store that cannot be read is no store in which nothing is due
    edit(&f, "UPDATE keys SET max_messages = 5 WHERE name = 'files'");
    assert_eq!(check(&f, "rotation").0, Failed);
}

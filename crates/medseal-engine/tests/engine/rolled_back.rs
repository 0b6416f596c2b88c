//! What whoever owns the store's file may put back, delete or edit, and that each is refused with
//! `STORE_ROLLED_BACK` by processes that begin and by one that runs.

use crate::support::{Fixture, bound, code, decrypt, encrypt, fixture, open, operations, scope};
use medseal_engine::doctor::CheckState;
use medseal_engine::fields::FieldDefinition;
use medseal_engine::ledger::{VerifyRequest, verify_log};
use medseal_engine::{Cause, Engine, EngineError, ErrorClass, Flags, Home, Options};
use pollster::block_on;
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};

const ROLLED_BACK: &str = "STORE_ROLLED_BACK";
const TABLES: [&str; 10] = [
    "store_state",
    "state_buckets",
    "root",
    "keys",
    "key_versions",
    "key_secrets",
    "field_definitions",
    "pseudonyms",
    "audit_logs",
    "key_usage",
];

fn database(f: &Fixture) -> Connection {
    Connection::open(f.home.path().join("store.sqlite")).unwrap()
}

fn edit(f: &Fixture, sql: &str) {
    database(f).execute_batch(sql).unwrap();
}

/// A copy of the store as it is now.
fn copy(f: &Fixture, name: &str) -> PathBuf {
    let path = f.home.path().join(name);
    database(f).execute("VACUUM INTO ?1", [path.to_str().unwrap()]).unwrap();
    path
}

/// Puts tables of a copy back, past the running process.
fn put_back(f: &Fixture, copy: &Path, tables: &[&str]) {
    let database = database(f);
    database.execute("ATTACH ?1 AS old", [copy.to_str().unwrap()]).unwrap();
    for table in tables {
        let sql = format!(
            "DELETE FROM main.{table}; INSERT INTO main.{table} SELECT * FROM old.{table};"
        );
        database.execute_batch(&sql).unwrap();
    }
}

fn reopened(f: &Fixture) -> Result<Engine, EngineError> {
    open(&f.home, &f.clock, Options::default())
}

/// What the error of a new process's first decryption says.
fn answer(f: &Fixture, envelope: &[u8]) -> Result<(), EngineError> {
    let scope = scope("patients", "last_name");
    let engine = reopened(f)?;
    block_on(engine.decrypt_value(&bound(&scope, "r"), envelope)).map(drop)
}

fn refused(f: &Fixture, envelope: &[u8], how: &str) {
    let error = answer(f, envelope).unwrap_err();
    assert_eq!((error.code(), error.class()), (ROLLED_BACK, ErrorClass::Unavailable), "{error}");
    assert!(error.to_string().contains(how), "{error}");
}

fn one_value(f: &Fixture) -> Vec<u8> {
    let scope = scope("patients", "last_name");
    encrypt(&f.engine, &bound(&scope, "r"), "Doe")
}

fn rotate(f: &Fixture) {
    block_on(f.engine.rotate_key("default", "default", None, None)).unwrap();
}

fn doctor_says(f: &Fixture, name: &str, what: &str) {
    let engine = reopened(f).unwrap();
    let checks = block_on(engine.examine(&f.home));
    let check = checks.into_iter().find(|check| check.name == name).unwrap();
    assert_eq!(check.state, CheckState::Failed);
    let detail = check.detail.unwrap();
    assert!(detail.contains(what) && detail.ends_with("[STORE_ROLLED_BACK]"), "{detail}");
}

#[test]
fn a_revoked_version_does_not_come_back_with_its_old_rows() {
    let f = fixture();
    let (envelope, old) = (one_value(&f), copy(&f, "old"));
    let revoked = f.engine.revoke_key("default", "default", 1, Cause::Compromise, None);
    block_on(revoked).unwrap();
    put_back(&f, &old, &["keys", "key_versions"]);
    refused(&f, &envelope, "a row of `keys` is not in the state root");
    doctor_says(&f, "rows are authentic", "a row of `keys`");
    let newest = copy(&f, "newest");
    put_back(&f, &old, &["state_buckets"]);
    refused(&f, &envelope, "bucket");
    put_back(&f, &newest, &["state_buckets"]);
    edit(&f, "DELETE FROM keys; DELETE FROM key_versions");
    refused(&f, &envelope, "was deleted");
}

#[test]
fn a_deleted_field_definition_is_no_default() {
    let f = fixture();
    let (place, other) = (scope("patients", "last_name"), scope("patients", "free"));
    let definition = FieldDefinition {
        key: "default".to_owned(),
        class: "phi".to_owned(),
        flags: Flags::UNBOUND,
        placement: "inline".to_owned(),
        profile: None,
    };
    block_on(f.engine.define_field(&other, &definition)).unwrap();
    let envelope = one_value(&f);
    edit(&f, "DELETE FROM field_definitions");
    // the running process and a new one
    let target = bound(&other, "r");
    for engine in [&f.engine, &reopened(&f).unwrap()] {
        let value = medseal_engine::Value::string("Doe");
        assert_eq!(code(block_on(engine.encrypt_value(&target, None, &value))), ROLLED_BACK);
        assert_eq!(code(block_on(engine.list_fields("default"))), ROLLED_BACK);
        assert_eq!(code(block_on(engine.define_field(&other, &definition))), ROLLED_BACK);
        assert_eq!(decrypt(engine, &bound(&place, "r"), &envelope).as_deref(), Ok("Doe"));
    }
    doctor_says(&f, "rows are authentic", "rows of `field_definitions` were deleted: 0 of 1");
}

/// The last version has no number after it whose absence would show.
#[test]
fn a_deleted_last_key_version_is_found() {
    let f = fixture();
    rotate(&f);
    let envelope = one_value(&f);
    block_on(f.engine.rollback_key("default", "default", 1, None)).unwrap();
    edit(&f, "DELETE FROM key_versions WHERE name = 'default' AND number = '0000000002'");
    refused(&f, &envelope, "a row of `key_versions` was deleted");
    let show = |engine: &Engine| code(block_on(engine.show_key("default", "default")));
    assert_eq!(show(&reopened(&f).unwrap()), ROLLED_BACK);
    edit(&f, "DELETE FROM key_secrets");
    refused(&f, &envelope, "a row of `key_secrets` was deleted");
}

#[test]
fn rows_of_another_home_are_not_this_ones() {
    let (f, other) = (fixture(), fixture());
    let envelope = one_value(&f);
    put_back(&f, &copy(&other, "copy"), &["keys", "key_versions", "key_secrets"]);
    refused(&f, &envelope, "a row of `key_secrets` was deleted");
    put_back(&f, &copy(&other, "more"), &["store_state", "state_buckets"]);
    assert_ne!(code(answer(&f, &envelope)), "OK");
}

#[test]
fn an_older_store_under_a_newer_log_is_refused() {
    let f = fixture();
    let (envelope, old) = (one_value(&f), copy(&f, "old"));
    rotate(&f);
    let newest = copy(&f, "newest");
    put_back(&f, &old, &TABLES);
    refused(&f, &envelope, "its epoch is 4 and was 5 before");
    doctor_says(&f, "the store is the newest that the audit log knows", "its epoch is 4");
    // what decides nothing about data says it too
    let engine = reopened(&f).unwrap();
    assert_eq!(code(block_on(engine.list_keys("default"))), ROLLED_BACK);
    assert_eq!(code(block_on(engine.rotate_key("default", "default", None, None))), ROLLED_BACK);
    put_back(&f, &newest, &TABLES);
    assert_eq!(code(answer(&f, &envelope)), "OK");
    assert_eq!(code(block_on(engine.list_keys("default"))), "OK");
}

/// The process has its keys cached and sees the epoch go back.
#[test]
fn a_running_process_stops_when_the_store_goes_back() {
    let f = fixture();
    let place = scope("patients", "last_name");
    let (envelope, old) = (one_value(&f), copy(&f, "old"));
    rotate(&f);
    let target = bound(&place, "r");
    assert_eq!(decrypt(&f.engine, &target, &envelope).as_deref(), Ok("Doe"));
    let newest = copy(&f, "newest");
    put_back(&f, &old, &TABLES);
    assert_eq!(decrypt(&f.engine, &target, &envelope), Err(ROLLED_BACK));
    put_back(&f, &newest, &TABLES);
    assert_eq!(decrypt(&f.engine, &target, &envelope).as_deref(), Ok("Doe"));
    edit(&f, "UPDATE store_state SET epoch = epoch + 1");
    assert_eq!(decrypt(&f.engine, &target, &envelope), Err(ROLLED_BACK));
    put_back(&f, &newest, &TABLES);
    edit(&f, "UPDATE store_state SET state_root = NULL");
    assert_eq!(decrypt(&f.engine, &target, &envelope), Err(ROLLED_BACK));
}

/// A process that has never seen the newer epoch learns it from the log, at the latest half a
/// second later.
#[test]
fn a_running_process_learns_from_the_log_what_others_did() {
    let f = fixture();
    let place = scope("patients", "last_name");
    let target = bound(&place, "r");
    let (envelope, old) = (one_value(&f), copy(&f, "old"));
    let other = reopened(&f).unwrap();
    block_on(other.revoke_key("default", "default", 1, Cause::Compromise, None)).unwrap();
    put_back(&f, &old, &TABLES);
    f.clock.advance(1);
    assert_eq!(decrypt(&f.engine, &target, &envelope), Err(ROLLED_BACK));
}

#[test]
fn another_store_that_changed_as_often_is_refused() {
    let f = fixture();
    let (envelope, fork) = (one_value(&f), f.home.path().with_extension("fork"));
    copy_directory(f.home.path(), &fork);
    rotate(&f);
    let newest = copy(&f, "newest");
    // a second history from the same beginning
    let engine = open(&Home::at(&fork), &f.clock, Options::default()).unwrap();
    block_on(engine.rotate_key("default", "default", None, None)).unwrap();
    drop(engine);
    put_back(&f, &fork.join("store.sqlite"), &TABLES);
    refused(&f, &envelope, "epoch 5 had another state root before");
    assert_eq!(code(block_on(f.engine.list_keys("default"))), ROLLED_BACK);
    put_back(&f, &newest, &TABLES);
    assert_eq!(code(answer(&f, &envelope)), "OK");
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_directory(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn edits_of_epoch_root_and_map_are_refused() {
    for (sql, how) in [
        ("UPDATE store_state SET epoch = epoch - 1", "edited"),
        ("UPDATE store_state SET epoch = epoch + 1", "edited"),
        ("UPDATE store_state SET state_root = zeroblob(32)", "edited"),
        ("UPDATE store_state SET state_root = 'root'", "edited"),
        ("UPDATE store_state SET state_mac = NULL", "edited"),
        ("UPDATE store_state SET bucket_hashes = zeroblob(8192)", "bucket hashes"),
        ("UPDATE store_state SET bucket_hashes = NULL", "bucket hashes"),
        ("UPDATE state_buckets SET entries = zeroblob(64)", "bucket"),
        ("DELETE FROM state_buckets", "bucket"),
        ("UPDATE store_state SET state_root = NULL, state_mac = NULL", "removed"),
    ] {
        let f = fixture();
        let envelope = one_value(&f);
        edit(&f, sql);
        refused(&f, &envelope, how);
    }
}

/// The schema of before, as if the store had never had a root.
#[test]
fn a_root_that_the_log_names_cannot_be_forgotten_by_going_back_to_an_old_schema() {
    let f = fixture();
    let envelope = one_value(&f);
    edit(&f, include_str!("../../../medseal-store/migrations/0007_approvals.down.sql"));
    edit(&f, include_str!("../../../medseal-store/migrations/0006_subjects.down.sql"));
    edit(&f, include_str!("../../../medseal-store/migrations/0005_principals.down.sql"));
    edit(&f, include_str!("../../../medseal-store/migrations/0004_state_root.down.sql"));
    edit(&f, "UPDATE store_state SET schema_version = 3");
    refused(&f, &envelope, "its state root was removed");
    assert_eq!(operations(&f.home).iter().filter(|name| *name == "store-state").count(), 2);
}

#[test]
fn the_log_of_refusals_still_verifies() {
    let f = fixture();
    let (envelope, old) = (one_value(&f), copy(&f, "old"));
    rotate(&f);
    put_back(&f, &old, &TABLES);
    refused(&f, &envelope, "epoch");
    let (directory, keys) = (f.home.audit(), f.engine.audit_keys());
    assert!(verify_log(&VerifyRequest { directory: &directory, keys, kept: &[] }).is_ok());
}

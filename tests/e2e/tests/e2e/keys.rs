//! The life of keys: versions, states, destruction, rotation policies.

use crate::world::{PLACE, World, text};

const DECRYPT: [&str; 3] = ["decrypt", "-c", PLACE];

#[test]
fn a_key_lives() {
    let world = World::new();
    world.ok(&["key", "create", "k", "--suite", "chacha20-poly1305", "--reason", "test"], b"");
    let names = world.json(&["key", "list"]);
    let names: Vec<String> = names.as_array().unwrap().iter().map(|k| text(&k["name"])).collect();
    assert_eq!(names, ["default", "files", "k"]);
    let key = world.json(&["key", "show", "k"]);
    assert_eq!(key["versions"][0]["suite"], "chacha20-poly1305");
    let first = world.json(&["key", "show", "default"]);
    assert_eq!(first["versions"][0]["suite"], "aes-256-gcm", "what nobody chose");
    assert_eq!(key["primary"], "k@1");
    assert_eq!(world.json(&["key", "rotate", "k"])["version"], "k@2");
    assert_eq!(world.json(&["key", "rotate", "k", "--suite", "aes-256-gcm"])["version"], "k@3");
    assert_eq!(world.json(&["key", "show", "k"])["versions"][2]["suite"], "aes-256-gcm");
}

#[test]
fn keys_that_are_refused() {
    let world = World::new();
    let cases: [(&[&str], i32, &str); 10] = [
        (&["key", "create", "default"], 4, "KEY_EXISTS"),
        (&["key", "create", "Upper"], 2, "NAME_INVALID"),
        (&["key", "show", "none"], 4, "KEY_NOT_FOUND"),
        (&["key", "rotate", "none"], 4, "KEY_NOT_FOUND"),
        (&["key", "rollback", "default@9"], 4, "KEY_VERSION_NOT_FOUND"),
        (&["key", "rollback", "default"], 2, "USAGE"),
        (&["key", "suspend", "default@9"], 4, "KEY_VERSION_NOT_FOUND"),
        (&["key", "destroy", "default@1"], 4, "KEY_IS_PRIMARY"),
        (&["key", "resume", "default@1"], 4, "KEY_STATE"),
        (&["key", "create", "d", "--rotation-period", "9x"], 2, "USAGE"),
    ];
    for (args, exit, code) in cases {
        world.refused(args, b"", exit, code);
    }
    let args = ["encrypt", "-c", PLACE, "--key", "files"];
    world.refused(&args, b"v", 4, "KEY_PURPOSE");
}

#[test]
fn old_ciphertexts_open_after_rotation_and_rollback() {
    let world = World::new();
    let first = world.encrypt("one");
    world.ok(&["key", "rotate", "default"], b"");
    let second = world.encrypt("two");
    assert_ne!(first[..20], second[..20]);
    world.ok(&["key", "rollback", "default@1", "--reason", "slow"], b"");
    assert_eq!(world.versions("default").0, "default@1");
    let third = world.encrypt("three");
    assert_eq!(first[..20], third[..20]);
    for (envelope, value) in [(first, "one"), (second, "two"), (third, "three")] {
        assert_eq!(world.decrypt(&envelope), value.as_bytes());
    }
}

#[test]
fn a_suspended_version_stands_still_until_it_is_resumed() {
    let world = World::new();
    let envelope = world.encrypt("one");
    world.ok(&["key", "rotate", "default"], b"");
    world.ok(&["key", "suspend", "default@1"], b"");
    assert_eq!(world.versions("default").1, ["suspended", "active"]);
    world.refused(&DECRYPT, &envelope, 4, "KEY_STATE");
    world.ok(&["key", "resume", "default@1"], b"");
    assert_eq!(world.decrypt(&envelope), b"one");
}

#[test]
fn a_compromised_version_does_not_decrypt() {
    let world = World::new();
    let envelope = world.encrypt("one");
    world.ok(&["key", "rotate", "default"], b"");
    world.ok(&["key", "revoke", "default@1", "--cause", "compromise"], b"");
    world.refused(&DECRYPT, &envelope, 4, "KEY_STATE");
    world.refused(&["key", "rollback", "default@1"], b"", 4, "KEY_STATE");
    assert_eq!(world.decrypt(&world.encrypt("two")), b"two");
}

#[test]
fn a_superseded_version_decrypts_and_a_key_without_primary_does_not_encrypt() {
    let world = World::new();
    let envelope = world.encrypt("one");
    world.ok(&["key", "revoke", "default@1", "--cause", "superseded"], b"");
    assert_eq!(world.decrypt(&envelope), b"one");
    world.refused(&["encrypt", "-c", PLACE], b"v", 4, "KEY_NO_PRIMARY");
    world.ok(&["key", "rotate", "default"], b"");
    assert_eq!(world.decrypt(&world.encrypt("two")), b"two");
    // what a rotation retired is superseded already
    world.refused(&["key", "revoke", "default@1", "--cause", "superseded"], b"", 4, "KEY_STATE");
}

#[test]
fn a_suspended_primary_does_not_encrypt() {
    let world = World::new();
    let envelope = world.encrypt("one");
    world.ok(&["key", "suspend", "default@1"], b"");
    world.refused(&["encrypt", "-c", PLACE], b"v", 4, "KEY_NO_PRIMARY");
    world.refused(&DECRYPT, &envelope, 4, "KEY_STATE");
    world.ok(&["key", "rotate", "default"], b"");
    world.encrypt("two");
    world.refused(&DECRYPT, &envelope, 4, "KEY_STATE");
}

#[test]
fn destruction_takes_two_calls_and_is_final() {
    let world = World::new();
    let envelope = world.encrypt("one");
    world.ok(&["key", "rotate", "default"], b"");
    let destroy = ["key", "destroy", "default@1", "--waiting-period"];
    world.ok(&[&destroy[..], &["1d"]].concat(), b"");
    world.refused(&DECRYPT, &envelope, 4, "KEY_STATE");
    let message = world.refused(&["key", "destroy", "default@1"], b"", 4, "KEY_WAITING");
    let until = text(&world.json(&["key", "show", "default"])["versions"][0]["destroy_after"]);
    assert!(message.ends_with(&format!("; it ends {until}")), "{message}");
    world.ok(&["key", "resume", "default@1"], b"");
    assert_eq!(world.decrypt(&envelope), b"one");

    world.ok(&[&destroy[..], &["0s"]].concat(), b"");
    world.ok(&[&destroy[..], &["0s"]].concat(), b"");
    assert_eq!(world.versions("default").1, ["destroyed", "active"]);
    world.refused(&DECRYPT, &envelope, 4, "KEY_DESTROYED");
    world.refused(&["key", "resume", "default@1"], b"", 4, "KEY_STATE");
    world.ok(&["doctor"], b"");
}

#[test]
fn production_does_not_destroy_without_approvers() {
    let world = World::production();
    let envelope = world.encrypt("one");
    world.ok(&["key", "rotate", "default"], b"");
    let destroy = ["key", "destroy", "default@1", "--waiting-period", "0s"];
    world.refused(&destroy, b"", 5, "APPROVERS_TOO_FEW");
    assert_eq!(world.decrypt(&envelope), b"one");
}

#[test]
fn the_fourth_value_is_under_the_second_version() {
    let world = World::new();
    world.ok(&["key", "create", "few", "--max-messages", "3"], b"");
    let encrypt = |_| world.ok(&["encrypt", "-c", PLACE, "--key", "few"], b"v");
    let envelopes: Vec<Vec<u8>> = (0..4).map(encrypt).collect();
    let key = world.json(&["key", "show", "few"]);
    assert_eq!(key["primary"], "few@2");
    let ids: Vec<String> = envelopes.iter().map(|e| key_version_id(&world, e)).collect();
    let ids_of_key = [0, 0, 0, 1].map(|n: usize| text(&key["versions"][n]["id"]));
    assert_eq!(ids, ids_of_key);
    envelopes.iter().for_each(|e| assert_eq!(world.decrypt(e), b"v"));
}

fn key_version_id(world: &World, envelope: &[u8]) -> String {
    let out = world.ok(&["inspect", "--json"], envelope);
    let found: serde_json::Value = serde_json::from_slice(&out).unwrap();
    text(&found["key_version_id"])
}

#[test]
fn a_rotation_that_is_due_happens_at_the_next_value() {
    {
        let policy = ["--next-rotation-time", "2020-01-01T00:00:00Z"];
        let world = World::new();
        world.ok(&[&["key", "create", "old"][..], &policy].concat(), b"");
        let envelope = world.ok(&["encrypt", "-c", PLACE, "--key", "old"], b"v");
        assert_eq!(world.versions("old").0, "old@2", "{policy:?}");
        world.ok(&["encrypt", "-c", PLACE, "--key", "old"], b"v");
        assert_eq!(world.versions("old").0, "old@2", "only once: {policy:?}");
        assert_eq!(world.decrypt(&envelope), b"v");
    }
}

#[test]
fn many_bytes_rotate() {
    let world = World::new();
    world.ok(&["key", "create", "small", "--max-bytes", "10"], b"");
    for version in ["small@1", "small@2"] {
        world.ok(&["encrypt", "-c", PLACE, "--key", "small"], b"0123456789");
        assert_eq!(world.versions("small").0, version);
    }
}

#[test]
fn a_key_says_when_it_is_due() {
    let world = World::new();
    let time = "2031-02-03T04:05:06Z";
    let create = ["key", "create", "k", "--rotation-period", "90d", "--next-rotation-time", time];
    world.ok(&[&create[..], &["--max-messages", "7", "--max-bytes", "900"]].concat(), b"");
    let key = world.json(&["key", "show", "k"]);
    assert_eq!(key["rotation_period_seconds"], 90 * 86_400);
    assert_eq!(key["next_rotation_time"], time);
    assert_eq!((&key["max_messages"], &key["max_bytes"]), (&7.into(), &900.into()));
    assert!(key["rotation_due"].is_null());
}

//! Key life cycles through the store, and rotation by policy.

use crate::support::{DAY, START, bound, code, decrypt, encrypt, fixture, scope};
use medseal_engine::doctor::CheckState;
use medseal_engine::keys::{Destroyed, KeyPurpose, NewKey};
use medseal_engine::{Cause, RotationPolicy, Suite, Value, inspect};
use pollster::block_on;

pub(crate) fn new_key(name: &str, policy: RotationPolicy) -> NewKey<'_> {
    let (purpose, suite) = (KeyPurpose::Field, Suite::Aes256Gcm);
    NewKey { tenant: "default", name, purpose, suite, policy }
}

#[test]
fn names_are_checked_and_unique() {
    let f = fixture();
    let none = RotationPolicy::default();
    for bad in ["", "Upper", "a b", "a/b", &"x".repeat(65)] {
        assert_eq!(code(block_on(f.engine.create_key(&new_key(bad, none), None))), "NAME_INVALID");
    }
    let default = block_on(f.engine.create_key(&new_key("default", none), None));
    assert_eq!(code(default), "KEY_EXISTS");
    let long = "x".repeat(1025);
    let reason = block_on(f.engine.create_key(&new_key("k", none), Some(&long)));
    assert_eq!(code(reason), "REASON_TOO_LONG");
    assert_eq!(code(block_on(f.engine.show_key("default", "k"))), "KEY_NOT_FOUND");
}

#[test]
fn states_decide_what_opens() {
    let f = fixture();
    let engine = &f.engine;
    let scope = scope("patients", "last_name");
    let target = bound(&scope, "r");
    let envelope = encrypt(engine, &target, "Doe");
    let opens = || decrypt(engine, &target, &envelope);

    block_on(engine.suspend_key("default", "default", 1, None)).unwrap();
    assert_eq!(opens(), Err("KEY_STATE"));
    let value = Value::string("x");
    let refused = block_on(engine.encrypt_value(&target, None, &value));
    assert_eq!(code(refused), "KEY_NO_PRIMARY");
    block_on(engine.resume_key("default", "default", 1, None)).unwrap();
    assert_eq!(opens().as_deref(), Ok("Doe"));

    assert_eq!(block_on(engine.rotate_key("default", "default", None, None)).unwrap(), 2);
    assert_eq!(opens().as_deref(), Ok("Doe"));
    block_on(engine.rollback_key("default", "default", 1, Some("bad build"))).unwrap();
    let again = encrypt(engine, &target, "Doe");
    assert_eq!(again[4..12], envelope[4..12]);

    block_on(engine.revoke_key("default", "default", 2, Cause::Compromise, None)).unwrap();
    let roll = block_on(engine.rollback_key("default", "default", 2, None));
    assert_eq!(code(roll), "KEY_STATE");
    let primary = block_on(engine.destroy_key("default", "default", 1, 0, None));
    assert_eq!(code(primary), "KEY_IS_PRIMARY");
    let missing = block_on(engine.suspend_key("default", "default", 9, None));
    assert_eq!(code(missing), "KEY_VERSION_NOT_FOUND");
}

#[test]
fn destruction_waits_can_be_taken_back_and_is_final() {
    let f = fixture();
    let engine = &f.engine;
    let scope = scope("patients", "last_name");
    let target = bound(&scope, "r");
    let envelope = encrypt(engine, &target, "Doe");
    block_on(engine.rotate_key("default", "default", None, None)).unwrap();
    let destroy = || block_on(engine.destroy_key("default", "default", 1, 7 * DAY, None));
    assert_eq!(destroy().unwrap(), Destroyed::Scheduled(START + 7 * DAY));
    assert_eq!(decrypt(engine, &target, &envelope), Err("KEY_STATE"));
    assert_eq!(code(destroy()), "KEY_WAITING");
    block_on(engine.resume_key("default", "default", 1, None)).unwrap();
    assert_eq!(decrypt(engine, &target, &envelope).as_deref(), Ok("Doe"));

    destroy().unwrap();
    f.clock.advance(7 * DAY);
    assert_eq!(destroy().unwrap(), Destroyed::Gone);
    assert_eq!(decrypt(engine, &target, &envelope), Err("KEY_DESTROYED"));
    assert_eq!(code(destroy()), "KEY_STATE");
    let shown = block_on(engine.show_key("default", "default")).unwrap();
    assert_eq!(shown.versions[0].state, "destroyed");
    let checks = block_on(engine.examine(&f.home));
    assert!(checks.iter().all(|c| c.state == CheckState::Passed), "{checks:?}");
}

#[test]
fn a_due_key_rotates_before_it_encrypts() {
    let cases = [
        (RotationPolicy { period: Some(90 * DAY), ..RotationPolicy::default() }, 90 * DAY),
        (RotationPolicy { next_time: Some(START + DAY), ..RotationPolicy::default() }, DAY),
        (RotationPolicy { max_messages: Some(2), ..RotationPolicy::default() }, 0),
        (RotationPolicy { max_bytes: Some(6), ..RotationPolicy::default() }, 0),
    ];
    for (policy, wait) in cases {
        let f = fixture();
        block_on(f.engine.create_key(&new_key("k", policy), None)).unwrap();
        let scope = scope("patients", "last_name");
        let target = bound(&scope, "r");
        let seal = || {
            let value = Value::string("Doe");
            block_on(f.engine.encrypt_value(&target, Some("k"), &value)).unwrap()
        };
        let ids = [seal(), seal()].map(|e| inspect::inspect(&e).unwrap().key_version_id);
        assert_eq!(ids[0], ids[1], "{policy:?}");
        f.clock.advance(wait);
        let due = block_on(f.engine.show_key("default", "k")).unwrap().rotation_due;
        assert!(due.is_some(), "{policy:?}");
        let checks = block_on(f.engine.examine(&f.home));
        assert!(
            checks.iter().any(|c| c.detail.as_ref().is_some_and(|d| d.starts_with("k is due (")))
        );
        let after = seal();
        assert_ne!(inspect::inspect(&after).unwrap().key_version_id, ids[0], "{policy:?}");
        assert_eq!(block_on(f.engine.list_keys("default")).unwrap()[2].primary, "k@2");
    }
}

#[test]
fn a_reason_stays_until_another_is_given() {
    let f = fixture();
    let engine = &f.engine;
    let rotate = |reason| block_on(engine.rotate_key("default", "default", None, reason)).unwrap();
    rotate(Some("yearly"));
    let stolen = Some("laptop stolen");
    block_on(engine.revoke_key("default", "default", 1, Cause::Compromise, stolen)).unwrap();
    rotate(None);
    let key = block_on(engine.show_key("default", "default")).unwrap();
    assert_eq!(key.reason.as_deref(), stolen);
    let reasons: Vec<_> = key.versions.iter().map(|v| v.reason.as_deref()).collect();
    assert_eq!(reasons, [stolen, Some("yearly"), None]);
    block_on(engine.destroy_key("default", "default", 1, DAY, Some("case closed"))).unwrap();
    let key = block_on(engine.show_key("default", "default")).unwrap();
    assert_eq!(key.versions[0].reason.as_deref(), Some("case closed"));
}

//! How entries name subjects, against a KDF, an HMAC and a cipher that are not the crate's.

use crate::support::{hmac_sha256, kdf, lp, open_with_aws_lc};
use medseal_core::audit::SubjectAuditKey;
use medseal_core::context::{Binding, Scope, Subject, encode_into};
use medseal_core::operation::{Group, Operation, OperationItems, Under};
use medseal_core::secret::{Kwk, SubjectAuditSecret};
use medseal_core::{KeyVersionId, StoreId, Suite};
use std::sync::Arc;

const SALT: [u8; 32] = [7; 32];
const ID: KeyVersionId = KeyVersionId([9; 8]);

fn key(byte: u8) -> Arc<SubjectAuditKey> {
    Arc::new(SubjectAuditKey::new(&SubjectAuditSecret::from_slice(&[byte; 32]).unwrap()))
}

fn context(subject: &str, record: &str) -> Vec<u8> {
    let scope = Scope::new("default", "patient", "name").unwrap();
    let subject = Subject::new(subject).unwrap();
    let mut out = Vec::new();
    encode_into(&scope, Some(&subject), &Binding::record(record), &mut out).unwrap();
    out
}

fn items() -> OperationItems {
    OperationItems::new(Operation::Decrypt, 3, SALT)
}

#[test]
fn handles_agree_with_the_specification_and_differ() {
    let store = StoreId::parse("00000000-0000-4000-8000-000000000001").unwrap();
    let handle = |kwk: u8, tenant: &str, id: &str| {
        Kwk::from_slice(&[kwk; 32]).unwrap().subject_handle_key(&store, tenant).handle(id)
    };
    let of_tenant = [lp(store.as_str().as_bytes()), lp(b"t")].concat();
    let derived = kdf(&[4; 32], "medseal/v1/subject-handle", &of_tenant, 32);
    assert_eq!(handle(4, "t", "pat-1").0, hmac_sha256(&derived, b"pat-1")[..16]);
    for other in [handle(5, "t", "pat-1"), handle(4, "u", "pat-1"), handle(4, "t", "pat-2")] {
        assert_ne!(other, handle(4, "t", "pat-1"));
    }
    let text = handle(4, "t", "pat-1").to_string();
    assert_eq!(medseal_core::SubjectHandle::from_hex(&text), Some(handle(4, "t", "pat-1")));
    for wrong in [&text[1..], &text.replace(|_: char| true, "G"), ""] {
        assert_eq!(medseal_core::SubjectHandle::from_hex(wrong), None);
    }
}

#[test]
fn an_item_of_a_subject_is_the_one_of_the_specification() {
    let mut collected = items();
    collected.add(ID, b"first", Group::default());
    let whole = context("pat-1", "pat-1");
    collected.add_of_subject(Under::Version(ID), &whole, &key(1), "class").unwrap();
    let details = collected.take_details().unwrap();
    let item = details.items().nth(1).unwrap();
    assert_eq!((item.tenant(), item.collection()), (Some("default"), Some("patient")));
    assert_eq!((item.field(), item.record()), (Some("name"), None));
    assert!(!item.context.windows(5).any(|w| w == b"pat-1"), "neither record nor subject");
    let pseudonym = &kdf(&[1; 32], "medseal/v1/audit-pseudonym", b"", 32)[..16];
    assert_eq!(item.subject().unwrap(), pseudonym);
    let of_item = kdf(
        &[1; 32],
        "medseal/v1/audit-item",
        &[&SALT[..], &[0, 0, 0, 0, 0, 0, 0, 1]].concat(),
        32,
    );
    let at = item.context.windows(16).position(|w| w == pseudonym).unwrap();
    let scope = [&[1][..], &lp(b"default"), &[2], &lp(b"patient"), &[3], &lp(b"name")].concat();
    let sealed = &item.context[at..];
    assert_eq!(item.context, [&[4][..], &scope, &[7], &lp(sealed)].concat());
    let opened = open_with_aws_lc(Suite::Aes256Gcm, &of_item, [0; 12], &ID.0, &sealed[16..]);
    assert_eq!(opened.unwrap(), whole);
}

/// What is carried over says to which key version, and nothing else about it changes.
#[test]
fn an_item_that_is_carried_over_names_where_to() {
    let to = KeyVersionId([9; 8]);
    let under = Under::CarriedOver { from: ID, to };
    let tail = [&[0xff][..], &lp(&to.0)].concat();
    let whole = context("pat-1", "r");
    let collect = |under: Under| {
        let mut collected = items();
        collected.add_value(under, &whole, "class");
        collected.add_of_subject(under, &whole, &key(1), "class").unwrap();
        let (digest, details) = (collected.digest_so_far(), collected.take_details().unwrap());
        (digest.to_bytes(), details)
    };
    let (digest, stays) = collect(Under::Version(ID));
    let (other, moves) = collect(under);
    assert_ne!(digest, other, "a decision for one version is none for another");
    let (third, _) = collect(Under::CarriedOver { from: ID, to: KeyVersionId([8; 8]) });
    assert_ne!(other, third);
    for (stays, moves) in stays.items().zip(moves.items()) {
        assert_eq!((stays.id, stays.target()), (ID, None));
        assert_eq!((moves.id, moves.target()), (ID, Some(to)));
        let one_more = [&[stays.context[0] + 1][..], &stays.context[1..], &tail].concat();
        assert_eq!(moves.context, one_more);
        assert_eq!((moves.subject(), moves.field()), (stays.subject(), stays.field()));
    }
    let plain = moves.items().next().unwrap();
    assert_eq!(plain.record(), Some("r"));
    assert_eq!(moves.contexts_of(&key(1)).unwrap(), std::slice::from_ref(&whole));
}

#[test]
fn a_subject_finds_its_own_items_and_no_others() {
    let mut collected = items();
    for (subject, record) in [(1, "a"), (2, "b"), (1, "c")] {
        let context = context(&format!("pat-{subject}"), record);
        collected.add_of_subject(Under::Version(ID), &context, &key(subject), "class").unwrap();
    }
    collected.add(ID, &context("pat-1", "plain"), Group::default());
    let tags = collected.subject_tags();
    let digest = collected.digest_so_far();
    let details = collected.take_details().unwrap();
    assert_eq!(
        details.contexts_of(&key(1)).unwrap(),
        [context("pat-1", "a"), context("pat-1", "c")]
    );
    assert_eq!(details.contexts_of(&key(2)).unwrap(), [context("pat-2", "b")]);
    assert!(details.contexts_of(&key(3)).unwrap().is_empty());
    assert_eq!(tags.len(), 2);
    assert!(
        tags.is_sorted()
            && tags.contains(&key(1).tag(&digest))
            && tags.contains(&key(2).tag(&digest))
    );
    assert!(!tags.contains(&key(3).tag(&digest)));
    let of_tags = kdf(&[1; 32], "medseal/v1/audit-subject", b"", 32);
    assert_eq!(key(1).tag(&digest), hmac_sha256(&of_tags, &digest.to_bytes())[..16]);
}

#[test]
fn the_digest_tells_subjects_apart_and_is_found_twice() {
    let digest = |subject: u8, record: &str| {
        let mut collected = items();
        let mut twin = collected.twin();
        for items in [&mut collected, &mut twin] {
            items
                .add_of_subject(Under::Version(ID), &context("pat", record), &key(subject), "class")
                .unwrap();
        }
        assert!(twin.subject_tags().is_empty(), "a twin marks nothing");
        let (one, same) = (collected.digest(), twin.digest());
        assert_eq!(one, same);
        one.to_hex()
    };
    assert_ne!(digest(1, "r"), digest(2, "r"));
    assert_ne!(digest(1, "r"), digest(1, "s"));
    let about = |subject: u8| {
        let mut collected = items();
        collected.add_about_subject("erase", &key(subject), Group::default());
        assert_eq!(collected.subject_tags().len(), 1);
        collected.digest().to_hex()
    };
    assert_ne!(about(1), about(2));
}

#[test]
fn items_that_were_moved_or_altered_do_not_open() {
    let whole = context("pat-1", "r");
    let mut first = items();
    first.add_of_subject(Under::Version(ID), &whole, &key(1), "class").unwrap();
    let details = first.take_details().unwrap();
    let item = details.items().next().unwrap();
    let reopened = |secret: [u8; 32], id: KeyVersionId, before: bool, context: &[u8]| {
        let mut moved = medseal_core::audit::Details::new(secret);
        if before {
            moved.push(id, b"something");
        }
        moved.push(id, context);
        moved.contexts_of(&key(1)).is_ok()
    };
    assert!(reopened(SALT, ID, false, item.context));
    assert!(!reopened([8; 32], ID, false, item.context), "another entry");
    assert!(!reopened(SALT, ID, true, item.context), "another place in it");
    assert!(!reopened(SALT, KeyVersionId([8; 8]), false, item.context), "another key version");
    let mut altered = item.context.to_vec();
    *altered.last_mut().unwrap() ^= 1;
    assert!(!reopened(SALT, ID, false, &altered));
    for wrong in [&whole[..4], b"", b"text", &whole[1..]] {
        assert!(
            items().add_of_subject(Under::Version(ID), wrong, &key(1), "class").is_err(),
            "no context"
        );
    }
}

//! The digest that ties a decision to its record differs with everything it is about.

use crate::support::unhex;
use medseal_core::KeyVersionId;
use medseal_core::context::{Binding, Scope, encode_into};
use medseal_core::operation::{Group, Operation, OperationItems, Under};
use medseal_core::primitives::sha256;

const OPERATIONS: [(Operation, &str); 4] = [
    (Operation::Encrypt, "encrypt"),
    (Operation::Decrypt, "decrypt"),
    (Operation::Reencrypt, "reencrypt"),
    (Operation::ChangeKeys, "change-keys"),
];

fn digest(operation: Operation, epoch: u64, items: &[(u8, &[u8])]) -> String {
    let mut collected = OperationItems::new(operation, epoch, [7; 32]);
    items
        .iter()
        .for_each(|(id, context)| collected.add(KeyVersionId([*id; 8]), context, Group::default()));
    assert_eq!((collected.operation(), collected.epoch()), (operation, epoch));
    assert_eq!(collected.count(), items.len() as u64);
    collected.digest().to_hex()
}

#[test]
fn the_digest_is_sha256_over_the_layout_of_its_documentation() {
    let (epoch, one) = (7u64.to_be_bytes(), 1u64.to_be_bytes());
    let (id, len) = ([9; 8], 3u64.to_be_bytes());
    let (label, salt): (&[u8], _) = (b"medseal/v1/operation\0", [7; 32]);
    let bytes = [label, &salt, b"decrypt\0", &epoch, &id, &len, b"ctx", &one].concat();
    let hex = digest(Operation::Decrypt, 7, &[(9, b"ctx")]);
    assert_eq!(unhex(hex.as_bytes()), sha256(&bytes));
}

#[test]
fn the_digest_differs_with_operation_epoch_and_every_item() {
    let mut digests: Vec<String> =
        OPERATIONS.map(|(operation, _)| digest(operation, 1, &[(1, b"a")])).into();
    let items: [&[(u8, &[u8])]; 6] = [
        &[],
        &[(2, b"a")],
        &[(1, b"b")],
        &[(1, b"a"), (1, b"a")],
        &[(1, b"a"), (1, b"b")],
        &[(1, b"b"), (1, b"a")],
    ];
    digests.extend(items.map(|items| digest(Operation::Encrypt, 1, items)));
    digests.push(digest(Operation::Encrypt, 2, &[(1, b"a")]));
    let count = digests.len();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), count);
}

#[test]
fn operations_have_stable_names() {
    OPERATIONS.into_iter().for_each(|(operation, name)| assert_eq!(operation.name(), name));
}

fn value(collected: &mut OperationItems, collection: &str, field: &str, class: &str) {
    let scope = Scope::new("t", collection, field).unwrap();
    let mut context = Vec::new();
    encode_into(&scope, None, &Binding::record("17"), &mut context).unwrap();
    collected.add_value(Under::Version(KeyVersionId([1; 8])), &context, class);
}

fn groups(collected: &OperationItems) -> Vec<[&str; 3]> {
    let text = |text: &'_ Option<String>| text.as_deref().unwrap_or("-").to_owned().leak() as &str;
    collected.groups().map(|g| [text(&g.tenant), text(&g.collection), text(&g.class)]).collect()
}

#[test]
fn values_are_grouped_by_tenant_collection_and_class() {
    let mut collected = OperationItems::new(Operation::Decrypt, 1, [7; 32]);
    value(&mut collected, "patient", "phone", "contact");
    value(&mut collected, "patient", "ssn", "identifier");
    value(&mut collected, "patient", "fax", "contact");
    value(&mut collected, "lab", "fax", "contact");
    let other = Group { tenant: Some("u".to_owned()), ..Group::default() };
    collected.add(KeyVersionId([0; 8]), b"x", other);
    let expected = [
        ["t", "lab", "contact"],
        ["t", "patient", "contact"],
        ["t", "patient", "identifier"],
        ["u", "-", "-"],
    ];
    assert_eq!((groups(&collected), collected.count()), (expected.to_vec(), 5));
    assert_eq!(collected.records(), 2, "one of each collection");
}

#[test]
fn records_are_counted_once_in_whatever_order_they_come() {
    let mut collected = OperationItems::new(Operation::Decrypt, 1, [7; 32]);
    assert_eq!(collected.records(), 0);
    for (collection, record) in [("a", "1"), ("a", "1"), ("a", "2"), ("b", "1"), ("a", "1")] {
        let scope = Scope::new("t", collection, "f").unwrap();
        let mut context = Vec::new();
        encode_into(&scope, None, &Binding::record(record), &mut context).unwrap();
        collected.add_value(Under::Version(KeyVersionId([1; 8])), &context, "c");
    }
    assert_eq!((collected.count(), collected.records()), (5, 3));
}

#[test]
fn an_item_in_no_group_leaves_nothing_to_decide_on() {
    for context in [&b""[..], &[0], &[1, 2, 0, 0, 0, 1, b'c'], &[2, 1, 0, 0, 0, 9]] {
        let mut collected = OperationItems::new(Operation::Decrypt, 1, [7; 32]);
        value(&mut collected, "patient", "phone", "contact");
        collected.add_value(Under::Version(KeyVersionId([1; 8])), context, "contact");
        assert_eq!(groups(&collected).len(), 0, "{context:?}");
    }
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<&str> = Operation::ALL.map(Operation::name).into();
    assert_eq!(names.len(), Operation::ALL.len());
    let of_values = Operation::ALL.into_iter().filter(|o| o.is_of_values()).map(Operation::name);
    assert_eq!(of_values.collect::<Vec<_>>(), ["encrypt", "decrypt", "verify", "reencrypt"]);
}

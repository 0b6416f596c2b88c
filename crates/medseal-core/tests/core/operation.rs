//! The digest that ties a decision to its record differs with everything it is about.

use crate::support::unhex;
use medseal_core::KeyVersionId;
use medseal_core::operation::{Operation, OperationItems};
use medseal_core::primitives::sha256;

const OPERATIONS: [(Operation, &str); 4] = [
    (Operation::Encrypt, "encrypt"),
    (Operation::Decrypt, "decrypt"),
    (Operation::Reencrypt, "reencrypt"),
    (Operation::ChangeKeys, "change-keys"),
];

fn digest(operation: Operation, epoch: u64, items: &[(u8, &[u8])]) -> String {
    let mut collected = OperationItems::new(operation, epoch, [7; 32]);
    items.iter().for_each(|(id, context)| collected.add(KeyVersionId([*id; 8]), context));
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

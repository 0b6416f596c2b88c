//! The labels of the KDF: one that held a NUL or stood twice would let two derivations meet.

use medseal_core::kdf::Label;
use std::collections::BTreeSet;

#[test]
fn labels_are_distinct_versioned_and_without_nul() {
    for label in Label::ALL.map(Label::as_str) {
        let name = label.strip_prefix("medseal/v1/").unwrap();
        assert!(
            name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
            "{label}"
        );
        assert!(!name.is_empty());
    }
    let distinct: BTreeSet<&str> = Label::ALL.map(Label::as_str).into();
    assert_eq!(distinct.len(), Label::ALL.len());
}

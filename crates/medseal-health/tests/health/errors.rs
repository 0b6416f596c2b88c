//! Every code of this crate has its section in the error reference.

use medseal_health::{DocumentFault, ProfileFault};

const PAGE: &str = include_str!("../../../../docs/errors.md");

#[test]
fn every_code_is_documented() {
    let documents = DocumentFault::ALL.iter().map(|fault| fault.code());
    let profiles = ProfileFault::ALL.iter().map(|fault| fault.code());
    for code in documents.chain(profiles) {
        assert!(PAGE.contains(&format!("\n## {code}\n")), "docs/errors.md does not know {code}");
    }
}

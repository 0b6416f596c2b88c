//! Tests of the public interface, one binary.

#![cfg(test)]

mod builtin;
mod coverage;
mod errors;
mod fhir;
mod fhir_properties;
mod identity;
mod json;
mod mutations;
mod ndjson;
mod oracle;
mod paths;
mod profile;
mod properties;
mod removal;
mod selecting;
mod table_columns;
mod table_oracle;
mod table_profile;
mod table_properties;
mod table_rows;
mod vault;
mod vectors;

use std::sync::Arc;

use medseal_health::{Collection, HealthError, Limits, Profile, Record, Scanner};

/// A scanner that protects these paths, with nothing needed to name a record.
fn scanner_for(paths: &[&str]) -> Scanner {
    let collection = Collection::Constant("test".to_owned());
    let profile = Profile::from_paths(paths, collection, Record::Unbound).unwrap();
    Scanner::new(Arc::new(profile), Limits::default())
}

/// A scanner for rules written as TOML after this head.
fn scanner_with(document: &str, rules: &str) -> Scanner {
    Scanner::new(Arc::new(profile_with(document, rules).unwrap()), Limits::default())
}

fn profile_with(document: &str, rules: &str) -> Result<Profile, HealthError> {
    Profile::from_toml(&format!("profile = \"t\"\nrevision = 1\n[document]\n{document}\n{rules}"))
}

/// `path=value` of each span.
fn found(scanner: &mut Scanner, document: &str) -> Result<Vec<String>, HealthError> {
    let scanned = scanner.scan(document.as_bytes())?;
    let spans = scanned.spans().iter();
    Ok(spans
        .map(|span| format!("{}={}", scanned.field(span), &document[span.value.clone()]))
        .collect())
}

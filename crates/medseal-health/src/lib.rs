//! Finds the values of a health document that must be protected, and where they stand.
//!
//! A [`Profile`] says which paths of a document are protected. A [`Scanner`] reads a JSON document
//! once, checks it completely and reports the byte range of each protected value ([`Span`]), the
//! path it is bound to and the record it belongs to. [`splice`] then replaces those ranges; every
//! other byte is copied, so that a decrypted document equals the original byte for byte. [`table`] does
//! the same for delimited text.
//!
//! This crate is pure. It must not read files, clocks, the environment or the network, holds no
//! keys and does no cryptography; and no error of it repeats a value or a key of a document.
#![forbid(unsafe_code)]

mod automaton;
mod coverage;
mod error;
pub mod fhir;
mod fields;
mod json;
pub mod ndjson;
mod path;
mod profile;
mod scanner;
mod selector;
mod splice;
pub mod table;

pub use coverage::{Cover, Coverage, CoverageEntry};
pub use error::{DocumentFault, HealthError, Position, ProfileFault};
pub use fields::FieldId;
pub use path::{FieldPath, MAX_PATH_BYTES, Step};
pub use profile::{Collection, Placement, Profile, Record, Rule, RuleId, UNCLASSIFIED, Unnamed};
pub use scanner::{Limits, Root, Scanned, Scanner, Span, ValueKind};
pub use selector::Selector;
pub use splice::splice;

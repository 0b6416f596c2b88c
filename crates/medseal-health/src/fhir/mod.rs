//! What this crate knows of FHIR: types, references, and how a ciphertext keeps a resource valid.
//!
//! A profile of FHIR names datatypes and elements instead of paths. They are resolved against the
//! table of types when the profile is loaded, so that the scanner meets states only.

pub(crate) mod compile;
pub(crate) mod known;
pub(crate) mod masked;
pub(crate) mod reference;
pub(crate) mod selector;
pub(crate) mod types;

pub use masked::{CIPHERTEXT_URL, RECORD_URL};
pub use reference::{is_pseudonym, pseudonym};
pub use types::Release;

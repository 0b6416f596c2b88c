//! The engine on real homes in temporary directories, with a clock that tests move.

#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod approvals;
mod audit;
mod doctor;
mod epochs;
mod errors;
mod export;
mod faults;
mod fhir;
mod files;
mod fork;
mod homes;
mod impact;
mod keys;
mod leak;
mod principals;
#[cfg(test)]
mod proofs;
mod records;
mod rolled_back;
mod subjects;
mod support;
mod tables;
mod values;

//! The tests of `medseal-core`, against its public interface only.
//!
//! One module an idea. The oracles stand outside the crate: published vectors, Wycheproof, aws-lc's
//! HMAC, small parsers and models written for the test alone.

#[cfg(test)]
mod access_token;
#[cfg(test)]
mod approval;
#[cfg(test)]
mod audit_canonical;
#[cfg(test)]
mod audit_entries;
#[cfg(test)]
mod audit_notes;
#[cfg(test)]
mod audit_subjects;
#[cfg(test)]
mod audit_tiles;
#[cfg(test)]
mod audit_tree;
#[cfg(test)]
mod certificate;
#[cfg(test)]
mod context;
#[cfg(test)]
mod envelope;
#[cfg(test)]
mod escrow;
#[cfg(test)]
mod keyring;
#[cfg(test)]
mod labels;
#[cfg(test)]
mod leak;
#[cfg(test)]
mod operation;
#[cfg(test)]
mod protection;
#[cfg(test)]
mod pseudonym;
#[cfg(test)]
mod row_mac;
#[cfg(test)]
mod selftest;
#[cfg(test)]
mod state_root;
#[cfg(test)]
mod stored_secret;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod stream_vectors;
#[cfg(test)]
mod support;
#[cfg(test)]
mod value;
#[cfg(test)]
mod vector_file;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod vocabulary;
#[cfg(test)]
mod wycheproof;

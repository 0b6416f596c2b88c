//! The pure part of Medseal: bytes in, bytes out.
//!
//! This crate holds the formats and the key schedule: secrets, the two primitives they need, the
//! field envelope, streams, stored secrets, row authentication and the keyring's life cycle. It
//! follows `spec/envelope.md`, `spec/stream.md`, SP 800-108r1, SP 800-38D, RFC 8439 and SP 800-57.
//!
//! What it does *not* do: it opens no file and no socket, reads no clock and no environment, owns
//! no source of randomness ([`Random`] is handed in) and decides nothing about who may decrypt.
//! Those belong to `medseal-engine`, the only crate that should call [`envelope`] on real data.
#![forbid(unsafe_code)]

mod access_token;
pub mod approval;
pub mod audit;
pub mod context;
pub mod envelope;
mod error;
pub mod escrow;
pub mod id;
pub mod kdf;
pub mod key_schedule;
pub mod keyring;
mod length_prefix;
pub mod operation;
pub mod plaintext;
pub mod primitives;
mod pseudonym;
mod random;
pub mod row_mac;
pub mod secret;
pub mod selftest;
pub mod state_root;
pub mod stored_secret;
pub mod stream;
mod subject;
mod wiped;

pub use access_token::{AccessToken, TokenPepper};
pub use error::{Error, MalformedKind, MisuseKind};
pub use id::{KeyVersionId, StoreId, Suite};
pub use plaintext::Plaintext;
pub use pseudonym::PseudonymKey;
pub use random::{Random, RandomFailure};
pub use subject::{SubjectHandle, SubjectHandleKey};

/// NIST's vectors, run through the crate's own calls.
#[cfg(test)]
#[path = "tests/nist.rs"]
mod nist;
/// Wycheproof's vectors, run through the crate's own calls.
#[cfg(test)]
#[path = "tests/wycheproof.rs"]
mod wycheproof;

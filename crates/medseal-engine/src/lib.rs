//! The engine: the only place where a key, a decision and a durable record meet.
//!
//! A surface opens an [`Engine`] on a [`Home`] and asks it for whole operations. Each goes the same
//! way: collect the items, let the policy decide, write the ledger, only then touch a key. The
//! types keep that order: decrypting takes an [`medseal_policy::Authorized`] and a
//! [`ledger::Recorded`], which only those two steps can make and which must carry the same digest.
//!
//! It must not parse formats itself (`medseal-core`, `medseal-health`), hold SQL (`medseal-store`)
//! or know a provider's protocol (`medseal-kms`).

pub mod approvals;
pub mod bench;
pub mod clock;
pub mod doctor;
mod engine;
mod error;
pub mod escrow;
pub mod fields;
pub mod files;
mod gate;
pub mod home;
pub mod impact;
pub mod inspect;
pub mod keys;
pub mod ledger;
mod lineage;
mod partial;
pub mod principals;
pub mod random;
pub mod records;
pub mod replace_file;
mod runs;
pub mod subjects;
pub mod tables;
mod wiped_buffer;

pub use engine::{Engine, Options, VerifyAfterEncrypt};
pub use error::{End, EngineError, ErrorClass};
pub use home::{Environment, Home, InitReport, PassphraseKdfChoice, RootChoice};

pub use medseal_core::context::{Binding, Scope};
pub use medseal_core::envelope::{Flags, Value, ValueType};
pub use medseal_core::keyring::{Cause, RotationPolicy, State, UnixSeconds, Usage};
pub use medseal_core::{KeyVersionId, Plaintext, Suite};
pub use medseal_health as health;

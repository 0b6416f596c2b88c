//! One run over many values: what documents and tables have in common.
//!
//! A run resolves the key of each field once, holds every envelope of a batch against its field's
//! definition before the decision is asked for, and opens nothing before that decision stands in the
//! ledger. What a value looks like in its file, and how the file is cut into batches, is not known
//! here.

mod finding;
mod keys;
pub(crate) mod lanes;
mod read_ahead;
mod sealed;
pub(crate) mod side_by_side;

pub use finding::Finding;
pub(crate) use finding::judge;
pub(crate) use keys::{FieldNeeded, Identity, NewFields, RunKeys, UsageByVersion, agreed, binding};
pub(crate) use read_ahead::ReadAhead;
pub(crate) use sealed::{Held, open_held};

/// What to do with the protected values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Plaintext to envelopes.
    Encrypt,
    /// Envelopes to plaintext.
    Decrypt,
    /// Envelopes to envelopes under the newest key version; current ones stay as they are.
    Reencrypt,
}

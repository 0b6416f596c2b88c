//! One newtype per role a secret can play.
//!
//! A KEK cannot be passed where a DEK is meant. None of these types has `Debug`, `Clone`,
//! `PartialEq` or serialisation; all are boxed, so that moving one leaves no copy on the stack,
//! and wiped on drop. Raw bytes leave through one method, [`expose_bytes`](RootKey::expose_bytes),
//! so that a search finds every place.

use crate::{Random, RandomFailure};
use zeroize::Zeroizing;

macro_rules! role {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name(Box<Zeroizing<[u8; 32]>>);

        impl $name {
            /// Draws a fresh secret, in place.
            ///
            /// # Errors
            /// When the random source fails.
            pub fn generate(random: &mut impl Random) -> Result<Self, RandomFailure> {
                let mut bytes = Box::new(Zeroizing::new([0; 32]));
                random.fill(&mut bytes[..])?;
                Ok(Self(bytes))
            }

            /// Copies 32 bytes; `None` for any other length. The caller wipes its own copy.
            pub fn from_slice(slice: &[u8]) -> Option<Self> {
                let mut bytes = Box::new(Zeroizing::new([0; 32]));
                (slice.len() == 32).then(|| {
                    bytes.copy_from_slice(slice);
                    Self(bytes)
                })
            }

            /// The raw bytes. Only a provider that stores this role, and key derivation, may ask.
            pub fn expose_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }
    };
}

role!(
    /// The root: never leaves its provider; wraps one [`Kwk`].
    RootKey
);
role!(
    /// The key-wrapping key of a store: everything stored is wrapped under it.
    Kwk
);
role!(
    /// One month's key, never in the store nor in its backups; destroying it makes the wraps of
    /// that month unreadable.
    EpochKey
);
role!(
    /// The key-encryption key of one key version.
    Kek
);
role!(
    /// The seed of an audit log's keys: signatures, details, head. Apart from all data keys.
    LogSeed
);
role!(
    /// A subject's own random secret (S32); destroying it erases the subject.
    SubjectSecret
);
role!(
    /// What names a subject in the audit log (A32); destroyed with [`SubjectSecret`], and then the
    /// entries about the subject say nothing of it any more.
    SubjectAuditSecret
);
role!(
    /// What one custodian holds of an escrowed [`Kwk`]; fewer than the threshold say nothing of it.
    ShareSecret
);
role!(
    /// The seed of an approver's keys; in a file of the approver's own, never in a home.
    ApproverSeed
);

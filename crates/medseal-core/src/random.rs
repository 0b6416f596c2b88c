//! The one way randomness enters this crate.
//!
//! Core never draws randomness itself: the engine owns the buffered, fork-safe source and hands it
//! in, so that a test can count every byte and no caller can smuggle in a nonce.

/// A source of cryptographically secure random bytes.
pub trait Random {
    /// Fills `out` completely.
    ///
    /// # Errors
    /// [`RandomFailure`] when the source is unhealthy; nothing that was drawn may then be used.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomFailure>;
}

impl<R: Random + ?Sized> Random for &mut R {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomFailure> {
        (**self).fill(out)
    }
}

/// The random source failed; no salt, nonce or key may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the source of randomness failed")]
pub struct RandomFailure;

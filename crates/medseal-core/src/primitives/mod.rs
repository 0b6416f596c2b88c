//! The primitives, thin and named as in their standards.
//!
//! Ciphers and HKDF come from `aws-lc-rs`; the SHA-256 compression function from `sha2`, because only with
//! it can the two HMAC midstates of a resident key be kept. Nothing else in the project touches
//! either.

pub mod aead;
pub(crate) mod hkdf_sha512;
pub mod hmac_sha256;
pub(crate) mod signature;

/// Compares in time that depends on the lengths alone.
pub fn constant_time_equal(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// SHA-256 (FIPS 180-4).
pub fn sha256(data: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(data).into()
}

/// SHA-256 of what comes piece by piece.
#[derive(Default)]
pub struct RunningSha256(sha2::Sha256);

impl RunningSha256 {
    /// Adds a piece.
    pub fn update(&mut self, piece: &[u8]) {
        sha2::Digest::update(&mut self.0, piece);
    }

    /// The hash of all pieces.
    pub fn finish(self) -> [u8; 32] {
        sha2::Digest::finalize(self.0).into()
    }
}

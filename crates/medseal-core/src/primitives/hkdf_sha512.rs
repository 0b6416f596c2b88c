//! HKDF-Expand (RFC 5869) with SHA-512: the feedback-mode KDF of SP 800-108r1.
//!
//! Streams alone use it, because the Cobblestone construction asks for it. Extraction is not
//! needed: the input key is uniform already.

use crate::Error;
use crate::wiped::Kept;
use aws_lc_rs::hkdf::{HKDF_SHA512, KeyType, Prk};

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// Expands `key` to `N` bytes; the parts of `info` are concatenated.
///
/// # Errors
/// Never for the lengths of this crate; the type keeps the function total.
pub(crate) fn expand<const N: usize>(key: &[u8; 32], info: &[&[u8]]) -> Result<Kept<N>, Error> {
    let mut out = Kept::zeroed();
    let prk = Prk::new_less_safe(HKDF_SHA512, key);
    let okm = prk.expand(info, Length(N)).map_err(|_| Error::Rejected)?;
    okm.fill(&mut out[..]).map_err(|_| Error::Rejected)?;
    Ok(out)
}

//! Signatures: Ed25519 (RFC 8032) and ML-DSA (FIPS 204, empty context).

use crate::Error;
use aws_lc_rs::signature::{
    ED25519, Ed25519KeyPair, KeyPair, ML_DSA_44, ML_DSA_44_SIGNING, ML_DSA_87, ML_DSA_87_SIGNING,
    PqdsaKeyPair, PqdsaSigningAlgorithm, UnparsedPublicKey,
};

/// A signing key; wiped by the library when it is dropped.
pub(crate) enum SigningKey {
    Ed25519(Ed25519KeyPair),
    MlDsa(PqdsaKeyPair),
}

impl SigningKey {
    pub(crate) fn ed25519(seed: &[u8; 32]) -> Result<Self, Error> {
        Ed25519KeyPair::from_seed_unchecked(seed).map(Self::Ed25519).map_err(|_| Error::Rejected)
    }

    pub(crate) fn ml_dsa_87(seed: &[u8; 32]) -> Result<Self, Error> {
        Self::ml_dsa(&ML_DSA_87_SIGNING, seed)
    }

    pub(crate) fn ml_dsa_44(seed: &[u8; 32]) -> Result<Self, Error> {
        Self::ml_dsa(&ML_DSA_44_SIGNING, seed)
    }

    fn ml_dsa(algorithm: &'static PqdsaSigningAlgorithm, seed: &[u8; 32]) -> Result<Self, Error> {
        PqdsaKeyPair::from_seed(algorithm, seed).map(Self::MlDsa).map_err(|_| Error::Rejected)
    }

    pub(crate) fn public_key(&self) -> &[u8] {
        match self {
            SigningKey::Ed25519(key) => key.public_key().as_ref(),
            SigningKey::MlDsa(key) => key.public_key().as_ref(),
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        match self {
            SigningKey::Ed25519(key) => Ok(key.sign(message).as_ref().to_vec()),
            SigningKey::MlDsa(key) => {
                let mut signature = vec![0; key.algorithm().signature_len()];
                key.sign(message, &mut signature).map_err(|_| Error::Random)?;
                Ok(signature)
            }
        }
    }
}

pub(crate) fn verify_ed25519(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public_key).verify(message, signature).is_ok()
}

pub(crate) fn verify_ml_dsa_87(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ML_DSA_87, public_key).verify(message, signature).is_ok()
}

pub(crate) fn verify_ml_dsa_44(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ML_DSA_44, public_key).verify(message, signature).is_ok()
}

//! A witness's signature under a checkpoint: C2SP tlog-cosignature with ML-DSA-44 (type 0x06).
//!
//! It says that the witness saw this tree continue every tree of this log that it saw before.

use super::checkpoint::Checkpoint;
use super::note::{Note, key_id, parse_vkey, signature_line, vkey};
use super::rejection::{Rejection, RejectionKind, RejectionPlace};
use crate::Error;
use crate::primitives::signature::{SigningKey, verify_ml_dsa_44};

const ML_DSA_44: &[u8] = &[0x06];

/// The public key of a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessKeys {
    name: String,
    public_key: Vec<u8>,
}

impl WitnessKeys {
    /// The verifier key.
    pub fn to_vkey(&self) -> String {
        vkey(&self.name, ML_DSA_44, &self.public_key)
    }

    /// Reads a [`WitnessKeys::to_vkey`].
    ///
    /// # Errors
    /// [`RejectionKind::PublicKey`].
    pub fn from_vkey(line: &str) -> Result<Self, Rejection> {
        let refused = Rejection::new(RejectionPlace::PublicKey, RejectionKind::PublicKey);
        let (name, public_key) = parse_vkey(line.trim_end(), ML_DSA_44).ok_or(refused)?;
        Ok(Self { name: name.to_owned(), public_key })
    }

    /// Verifies this witness's line under `checkpoint`, which `note` must hold; gives its time.
    ///
    /// # Errors
    /// [`RejectionKind::Cosignature`].
    pub fn verify(&self, note: &str, checkpoint: &Checkpoint) -> Result<u64, Rejection> {
        let refused = Rejection::checkpoint(checkpoint.size, RejectionKind::Cosignature);
        let note = Note::parse(note).ok_or(refused)?;
        let id = key_id(&self.name, ML_DSA_44, &self.public_key);
        let line = note.signature(&self.name, id).ok_or(refused)?;
        let (time, signature) = line.split_first_chunk::<8>().ok_or(refused)?;
        let time = u64::from_be_bytes(*time);
        let message = message(&self.name, time, checkpoint);
        let good = verify_ml_dsa_44(&self.public_key, &message, signature);
        if good { Ok(time) } else { Err(refused) }
    }
}

/// The private key of a witness.
pub struct WitnessSigner {
    keys: WitnessKeys,
    key: SigningKey,
}

impl WitnessSigner {
    /// From its seed. The name has no space and no `+` and at most 255 bytes.
    ///
    /// # Errors
    /// [`Error::Audit`] for a name that no line can hold.
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Self, Error> {
        let legal = |c: char| !c.is_whitespace() && c != '+' && !c.is_control();
        if name.is_empty() || name.len() > 255 || !name.chars().all(legal) {
            let place = RejectionPlace::PublicKey;
            return Err(Rejection::new(place, RejectionKind::PublicKey).into());
        }
        let key = SigningKey::ml_dsa_44(seed)?;
        let public_key = key.public_key().to_vec();
        Ok(Self { keys: WitnessKeys { name: name.to_owned(), public_key }, key })
    }

    /// The public key.
    pub fn keys(&self) -> &WitnessKeys {
        &self.keys
    }

    /// The line to append to the checkpoint's note.
    ///
    /// # Errors
    /// [`Error::Random`] when the library cannot sign.
    pub fn cosign(&self, checkpoint: &Checkpoint, time: u64) -> Result<String, Error> {
        let WitnessKeys { name, public_key } = &self.keys;
        let signature = self.key.sign(&message(name, time, checkpoint))?;
        let signed = [&time.to_be_bytes()[..], &signature].concat();
        Ok(signature_line(name, key_id(name, ML_DSA_44, public_key), &signed))
    }
}

fn message(name: &str, time: u64, checkpoint: &Checkpoint) -> Vec<u8> {
    let mut out = b"subtree/v1\n\0".to_vec();
    push_short(&mut out, name);
    out.extend_from_slice(&time.to_be_bytes());
    push_short(&mut out, &checkpoint.log.origin());
    out.extend_from_slice(&0u64.to_be_bytes());
    out.extend_from_slice(&checkpoint.size.to_be_bytes());
    out.extend_from_slice(&checkpoint.root);
    out
}

/// Names are bounded by 255 bytes before they come here.
fn push_short(out: &mut Vec<u8>, text: &str) {
    out.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(text.as_bytes());
}

//! Checkpoints: how many entries, which root, signed twice (C2SP tlog-checkpoint).
//!
//! ```text
//! medseal/audit/<log id>
//! <size>
//! <root, base64>
//! medseal/v1 keys=<Ed25519 key id>,<ML-DSA-87 key id> time=<seconds since 1970>
//! ```
//! Both keys sign the whole text, and the fourth line names both, so that a verifier that knows
//! only Ed25519 sees that a line was stripped. Neither signature is enough alone.

use super::entry::LogId;
use super::note::{KeyId, Note, key_id, parse_vkey, signature_line, vkey};
use super::rejection::{Rejection, RejectionKind, RejectionPlace};
use super::tree::Hash;
use crate::Error;
use crate::kdf::{Label, derive};
use crate::primitives::hmac_sha256::HmacKey;
use crate::primitives::signature::{SigningKey, verify_ed25519, verify_ml_dsa_87};
use crate::secret::LogSeed;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const ED25519: &[u8] = &[0x01];
const ML_DSA_87: &[u8] = b"\xffmedseal/ml-dsa-87";
const ML_DSA_87_PUBLIC_KEY_BYTES: usize = 2592;

/// What a checkpoint says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log.
    pub log: LogId,
    /// How many entries.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// When it was signed, in seconds since 1970, as the signer's clock had it.
    pub time: u64,
}

/// The public keys of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKeys {
    log: LogId,
    ed25519: [u8; 32],
    ml_dsa_87: Vec<u8>,
}

/// A checkpoint whose text was read and whose signatures were **not** verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenedCheckpoint {
    /// What it says.
    pub unverified: Checkpoint,
    keys: (KeyId, KeyId),
}

impl OpenedCheckpoint {
    /// Reads a checkpoint's text.
    ///
    /// # Errors
    /// [`RejectionKind::CheckpointMalformed`].
    pub fn parse(note: &str) -> Result<Self, Rejection> {
        Note::parse(note).and_then(|note| parse_text(note.text)).ok_or(MALFORMED)
    }
}

const MALFORMED: Rejection =
    Rejection { place: RejectionPlace::Checkpoint, kind: RejectionKind::CheckpointMalformed };

impl LogKeys {
    /// Keys that were kept elsewhere; `None` when they are not of the right size.
    pub fn new(log: LogId, ed25519: &[u8], ml_dsa_87: &[u8]) -> Option<Self> {
        let ed25519 = ed25519.try_into().ok()?;
        let whole = ml_dsa_87.len() == ML_DSA_87_PUBLIC_KEY_BYTES;
        whole.then(|| Self { log, ed25519, ml_dsa_87: ml_dsa_87.to_vec() })
    }

    /// Which log.
    pub fn log(&self) -> LogId {
        self.log
    }

    /// The Ed25519 public key.
    pub fn ed25519(&self) -> &[u8; 32] {
        &self.ed25519
    }

    /// The ML-DSA-87 public key.
    pub fn ml_dsa_87(&self) -> &[u8] {
        &self.ml_dsa_87
    }

    /// Both verifier keys, a line each.
    pub fn to_vkeys(&self) -> String {
        let name = self.log.origin();
        let ed25519 = vkey(&name, ED25519, &self.ed25519);
        format!("{ed25519}\n{}\n", vkey(&name, ML_DSA_87, &self.ml_dsa_87))
    }

    /// Reads [`LogKeys::to_vkeys`]; lines of other keys may stand beside them.
    ///
    /// # Errors
    /// [`RejectionKind::PublicKey`].
    pub fn from_vkeys(text: &str) -> Result<Self, Rejection> {
        let find = |kind| text.lines().find_map(|line| parse_vkey(line.trim_end(), kind));
        let keys = find(ED25519).zip(find(ML_DSA_87)).and_then(|(ed25519, ml_dsa_87)| {
            let log = LogId::from_origin(ed25519.0).filter(|_| ed25519.0 == ml_dsa_87.0)?;
            Self::new(log, &ed25519.1, &ml_dsa_87.1)
        });
        keys.ok_or(Rejection::new(RejectionPlace::PublicKey, RejectionKind::PublicKey))
    }

    /// Reads a checkpoint and verifies both signatures.
    ///
    /// # Errors
    /// A [`Rejection`] that says which part is wrong.
    pub fn verify(&self, note: &str) -> Result<Checkpoint, Rejection> {
        let parsed = Note::parse(note).ok_or(MALFORMED)?;
        let opened = parse_text(parsed.text).ok_or(MALFORMED)?;
        let checkpoint = opened.unverified;
        let refused = |kind| Rejection::checkpoint(checkpoint.size, kind);
        let (ed25519, ml_dsa_87) = self.key_ids();
        if checkpoint.log != self.log || opened.keys != (ed25519, ml_dsa_87) {
            return Err(refused(RejectionKind::CheckpointMalformed));
        }
        self.verify_signatures(&parsed).map_err(refused)?;
        Ok(checkpoint)
    }

    /// Both signatures of a note, whatever its text says.
    pub(super) fn verify_signatures(&self, note: &Note<'_>) -> Result<(), RejectionKind> {
        let (ed25519, ml_dsa_87) = self.key_ids();
        let (name, text) = (self.log.origin(), note.text.as_bytes());
        let signed = note.signature(&name, ed25519);
        if !signed.is_some_and(|signature| verify_ed25519(&self.ed25519, text, signature)) {
            return Err(RejectionKind::Ed25519Signature);
        }
        let signed = note.signature(&name, ml_dsa_87);
        if !signed.is_some_and(|signature| verify_ml_dsa_87(&self.ml_dsa_87, text, signature)) {
            return Err(RejectionKind::MlDsa87Signature);
        }
        Ok(())
    }

    /// Both key ids as a signed text names them.
    pub(super) fn named(&self) -> String {
        let (first, second) = self.key_ids();
        let [first, second] = [first, second].map(u32::from_be_bytes);
        format!("{first:08x},{second:08x}")
    }

    fn key_ids(&self) -> (KeyId, KeyId) {
        let name = self.log.origin();
        (key_id(&name, ED25519, &self.ed25519), key_id(&name, ML_DSA_87, &self.ml_dsa_87))
    }
}

fn parse_text(text: &str) -> Option<OpenedCheckpoint> {
    let lines: Vec<&str> = text.strip_suffix('\n')?.split('\n').collect();
    let [origin, size, root, extension] = lines[..] else { return None };
    let log = LogId::from_origin(origin)?;
    let (size, root) = (decimal(size)?, STANDARD.decode(root).ok()?.try_into().ok()?);
    let (keys, time) = extension.strip_prefix("medseal/v1 keys=")?.split_once(" time=")?;
    let (ed25519, ml_dsa_87) = keys.split_once(',')?;
    let keys = (parse_id(ed25519)?, parse_id(ml_dsa_87)?);
    Some(OpenedCheckpoint {
        unverified: Checkpoint { log, size, root, time: decimal(time)? },
        keys,
    })
}

/// The shortest decimal.
pub(super) fn decimal(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().filter(|n| n.to_string() == text)
}

fn parse_id(text: &str) -> Option<KeyId> {
    let id = u32::from_str_radix(text, 16).ok().filter(|id| format!("{id:08x}") == text)?;
    Some(id.to_be_bytes())
}

/// The private keys of a log.
pub struct LogSigner {
    keys: LogKeys,
    ed25519: SigningKey,
    ml_dsa_87: SigningKey,
}

impl LogSigner {
    /// Derives both key pairs from the log's seed.
    ///
    /// # Errors
    /// None that can occur for 32 bytes; the signature follows the library's.
    pub fn new(log: LogId, seed: &LogSeed) -> Result<Self, Error> {
        let hmac = HmacKey::new(seed.expose_bytes());
        let ed25519 = SigningKey::ed25519(&derive::<32>(&hmac, Label::AuditEd25519, &[&log.0]))?;
        let ml_dsa_87 =
            SigningKey::ml_dsa_87(&derive::<32>(&hmac, Label::AuditMlDsa87, &[&log.0]))?;
        let keys = LogKeys::new(log, ed25519.public_key(), ml_dsa_87.public_key())
            .ok_or(Error::Rejected)?;
        Ok(Self { keys, ed25519, ml_dsa_87 })
    }

    /// The public keys.
    pub fn keys(&self) -> &LogKeys {
        &self.keys
    }

    /// Signs a checkpoint of this log.
    ///
    /// # Errors
    /// [`Error::Random`] when the library cannot sign.
    pub fn sign(&self, size: u64, root: &Hash, time: u64) -> Result<String, Error> {
        let (name, keys) = (self.keys.log.origin(), self.keys.named());
        let root = STANDARD.encode(root);
        self.sign_text(&format!("{name}\n{size}\n{root}\nmedseal/v1 keys={keys} time={time}\n"))
    }

    /// Signs a text with both keys. Its first line must tell it from every other kind of text.
    pub(super) fn sign_text(&self, text: &str) -> Result<String, Error> {
        let (name, (ed25519, ml_dsa_87)) = (self.keys.log.origin(), self.keys.key_ids());
        let signed = self.ed25519.sign(text.as_bytes())?;
        let first = signature_line(&name, ed25519, &signed);
        let signed = self.ml_dsa_87.sign(text.as_bytes())?;
        let second = signature_line(&name, ml_dsa_87, &signed);
        Ok(format!("{text}\n{first}{second}"))
    }
}

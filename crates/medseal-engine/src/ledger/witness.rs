//! A witness: remembers the newest checkpoint in a place of its own and signs what continues it.
//!
//! ```text
//! witness.key             its name and private seed, made at the first run
//! witness.vkey            its public key
//! <log id>.vkey           the log's public keys as they were at the first run
//! <log id>.checkpoint     the newest checkpoint it saw, with its signature
//! ```
//! The place is worth something only where those who can write the log cannot write.

use super::prove::SignedLeaves;
use super::verify::{file, rejected};
use crate::error::EngineError;
use crate::random::BufferedRandom;
use crate::replace_file::ReplaceFile;
use medseal_core::audit::{
    LogKeys, RejectionKind, RejectionPlace, WitnessSigner, consistency_proof, verify_consistency,
};
use medseal_core::keyring::UnixSeconds;
use medseal_core::{Error, Random};
use serde::Serialize;
use std::fs;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use zeroize::Zeroizing;

/// What a witness saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WitnessReport {
    /// The log's id.
    pub log: String,
    /// How many entries it saw the last time.
    pub before: Option<u64>,
    /// How many entries the checkpoint covers that it signed now.
    pub size: u64,
    /// The witness's public key.
    pub vkey: String,
}

/// Holds the log in `directory` against what the witness in `memory` remembers, and signs.
///
/// # Errors
/// [`Error::Audit`] when the log does not continue what was seen; then nothing is signed and the
/// memory stays as it is.
pub fn witness(
    directory: &Path,
    keys: &LogKeys,
    memory: &Path,
    now: UnixSeconds,
) -> Result<WitnessReport, EngineError> {
    let io = EngineError::io("making the witness's directory");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(memory).map_err(io)?;
    let log = keys.log().to_string();
    let keys = pinned_keys(&memory.join(format!("{log}.vkey")), keys)?;
    let kept = memory.join(format!("{log}.checkpoint"));
    let signed = SignedLeaves::read(directory, &keys, None)?;
    let new = signed.checkpoint;
    let before = match read_text(&kept)? {
        Some(note) => Some(keys.verify(&note).map_err(Error::from)?),
        None => None,
    };
    if let Some(old) = before {
        if old.size > new.size {
            let place = RejectionPlace::CheckpointAt(old.size);
            return Err(rejected(place, RejectionKind::Truncated));
        }
        let size = usize::try_from(old.size).unwrap_or(usize::MAX);
        let path = consistency_proof(&signed.leaves, size).unwrap_or_default();
        let place = RejectionPlace::CheckpointAt(old.size);
        verify_consistency((old.size, &old.root), (new.size, &new.root), &path)
            .map_err(|_| rejected(place, RejectionKind::Root))?;
    }
    let signer = signer(&memory.join("witness.key"))?;
    let line = signer.cosign(&new, u64::try_from(now).unwrap_or(0))?;
    // lines of other witnesses, or of this one from an earlier run, are not carried along
    write(&kept, &format!("{}{line}", signed.note))?;
    write(&memory.join("witness.vkey"), &format!("{}\n", signer.keys().to_vkey()))?;
    let (before, size, vkey) = (before.map(|old| old.size), new.size, signer.keys().to_vkey());
    Ok(WitnessReport { log, before, size, vkey })
}

/// The keys of the first run; a log that changes its keys is another log.
fn pinned_keys(path: &Path, keys: &LogKeys) -> Result<LogKeys, EngineError> {
    match read_text(path)? {
        Some(text) => {
            let pinned = LogKeys::from_vkeys(&text).map_err(Error::from)?;
            if pinned != *keys {
                return Err(rejected(RejectionPlace::PublicKey, RejectionKind::PublicKey));
            }
            Ok(pinned)
        }
        None => {
            write(path, &keys.to_vkeys())?;
            Ok(keys.clone())
        }
    }
}

/// `name` and 32 bytes in hexadecimal, each on a line.
fn signer(path: &Path) -> Result<WitnessSigner, EngineError> {
    if let Some(text) = read_text(path)? {
        let text = Zeroizing::new(text);
        let seed = text.split_once('\n').and_then(|(name, hex)| Some((name, unhex(hex.trim())?)));
        let (name, seed) = seed.ok_or_else(|| file("witness.key", "is damaged"))?;
        return Ok(WitnessSigner::new(name, &seed)?);
    }
    let mut seed = Zeroizing::new([0; 32]);
    let mut id = [0; 8];
    BufferedRandom.fill(&mut *seed).map_err(Error::from)?;
    BufferedRandom.fill(&mut id).map_err(Error::from)?;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let name = format!("medseal/witness/{}", hex(&id));
    let text = Zeroizing::new(format!("{name}\n{}\n", *Zeroizing::new(hex(&*seed))));
    let signer = WitnessSigner::new(&name, &seed)?;
    write(path, &text)?;
    Ok(signer)
}

fn unhex(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let digit = |d: &u8| char::from(*d).to_digit(16);
        *byte = u8::try_from(digit(high)? * 16 + digit(low)?).ok()?;
    }
    (pairs.len() == 32 && rest.is_empty()).then_some(bytes)
}

fn read_text(path: &Path) -> Result<Option<String>, EngineError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(EngineError::io("reading the witness's memory")(error)),
    }
}

fn write(path: &Path, text: &str) -> Result<(), EngineError> {
    let mut out = ReplaceFile::create(path)?;
    let written = out.write_all(text.as_bytes());
    written.map_err(EngineError::io("writing the witness's memory"))?;
    out.commit()
}

//! A proof that fits in a file: C2SP tlog-proof with the entry itself as its extra data.

use super::checkpoint::{Checkpoint, LogKeys, decimal};
use super::proof::verify_inclusion;
use super::rejection::{Rejection, RejectionKind, RejectionPlace};
use super::tree::{Hash, leaf_hash};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1\n";
const REFUSED: Rejection = Rejection { place: RejectionPlace::Proof, kind: RejectionKind::Proof };

/// An entry, its path to the root, and the checkpoint that signs the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// The entry's bytes.
    pub entry: Vec<u8>,
    /// Its place in the log.
    pub index: u64,
    /// The path.
    pub path: Vec<Hash>,
    /// The checkpoint's note.
    pub checkpoint: String,
}

impl TlogProof {
    /// The text form.
    pub fn to_text(&self) -> String {
        let path: String = self.path.iter().map(|hash| STANDARD.encode(hash) + "\n").collect();
        let (extra, index) = (STANDARD.encode(&self.entry), self.index);
        format!("{FIRST_LINE}extra {extra}\nindex {index}\n{path}\n{}", self.checkpoint)
    }

    /// Reads the text form; nothing is verified.
    ///
    /// # Errors
    /// [`RejectionKind::Proof`].
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        Self::read(text).ok_or(REFUSED)
    }

    fn read(text: &str) -> Option<Self> {
        let (head, checkpoint) = text.strip_prefix(FIRST_LINE)?.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let entry = STANDARD.decode(lines.next()?.strip_prefix("extra ")?).ok()?;
        let index = decimal(lines.next()?.strip_prefix("index ")?)?;
        let hash = |line: &str| STANDARD.decode(line).ok()?.try_into().ok();
        let path = lines.map(hash).collect::<Option<Vec<Hash>>>()?;
        Some(Self { entry, index, path, checkpoint: checkpoint.to_owned() })
    }

    /// Verifies the checkpoint's signatures and the path.
    ///
    /// # Errors
    /// A [`Rejection`] that says which of the two is wrong.
    pub fn verify(&self, keys: &LogKeys) -> Result<Checkpoint, Rejection> {
        let checkpoint = keys.verify(&self.checkpoint)?;
        let leaf = leaf_hash(&self.entry);
        verify_inclusion(&leaf, self.index, checkpoint.size, &checkpoint.root, &self.path)?;
        Ok(checkpoint)
    }
}

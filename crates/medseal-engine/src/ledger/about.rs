//! Every entry about one subject, each with the proof that it stands in the log.
//!
//! Entries are found by tags that only the subject's own key makes. The whole log is verified on the
//! way: a list of accesses is worth something only when nothing was taken out of it.

use super::Ledger;
use super::read::EntrySummary;
use super::signed_walk::SignedEntry;
use crate::error::EngineError;
use crate::gate::Admitted;
use medseal_core::audit::{
    DetailItem, DetailsState, Entry, Event, Hash, InclusionPaths, SubjectAuditKey, TlogProof,
    leaf_hash,
};
use std::collections::BTreeSet;

/// An entry about a subject.
pub(crate) struct EntryAbout {
    pub(crate) entry: EntrySummary,
    /// What it says of this subject; none when its details were erased.
    pub(crate) items: Option<ItemsAbout>,
    /// C2SP tlog-proof.
    pub(crate) proof: String,
}

/// The items of one entry that are about one subject.
#[derive(Default)]
pub(crate) struct ItemsAbout {
    pub(crate) count: u64,
    pub(crate) collections: BTreeSet<String>,
    pub(crate) fields: BTreeSet<String>,
}

/// The entries about a subject, and the log that they were found in.
pub(crate) struct Found {
    pub(crate) log: String,
    /// How many entries the log has.
    pub(crate) size: u64,
    pub(crate) entries: Vec<EntryAbout>,
}

struct Match {
    index: u64,
    bytes: Vec<u8>,
    summary: EntrySummary,
    items: Option<ItemsAbout>,
}

impl Ledger {
    /// Finds them all. Signs first, so that every entry up to now can be proved.
    pub(crate) fn entries_about(
        &self,
        _admitted: &Admitted,
        subject: &SubjectAuditKey,
    ) -> Result<Found, EngineError> {
        let (mut leaves, mut matches): (Vec<Hash>, Vec<Match>) = (Vec::new(), Vec::new());
        let may_be = |entry: &Entry<'_>| may_be_about(entry, subject) != Some(false);
        let covered = self.walk_signed(may_be, |signed| {
            leaves.push(leaf_hash(signed.bytes));
            if signed.wanted {
                matches.extend(self.matching(signed, subject)?);
            }
            Ok(())
        })?;
        let paths = InclusionPaths::new(leaves);
        let entries = matches.into_iter().map(|found| prove(found, &paths, &covered.note));
        let entries = entries.collect::<Result<_, _>>()?;
        Ok(Found { log: self.keys.log().to_string(), size: covered.checkpoint.size, entries })
    }

    fn matching(
        &self,
        signed: &SignedEntry<'_>,
        subject: &SubjectAuditKey,
    ) -> Result<Option<Match>, EngineError> {
        let entry = signed.decode()?;
        let marked = may_be_about(&entry, subject);
        let Event::Operation(access) = &entry.event else { return Ok(None) };
        let items = match (signed.state, &access.details) {
            (DetailsState::Present, Some(sealed)) => {
                let opened = self.details.open(signed.details, &sealed.items_root)?;
                Some(ItemsAbout::of(&opened.contexts_of(subject)?))
            }
            _ => None,
        };
        // of an entry with more subjects than it lists only the details can tell
        let about = marked.unwrap_or(items.as_ref().is_some_and(|items| items.count > 0));
        let summary = EntrySummary::of(&entry);
        let found = Match { index: entry.sequence, bytes: signed.bytes.to_vec(), summary, items };
        Ok(about.then_some(found))
    }
}

fn may_be_about(entry: &Entry<'_>, subject: &SubjectAuditKey) -> Option<bool> {
    match &entry.event {
        Event::Operation(access) => subject.marks(access),
        _ => Some(false),
    }
}

fn prove(found: Match, paths: &InclusionPaths, note: &str) -> Result<EntryAbout, EngineError> {
    let Match { index, bytes: entry, summary, items } = found;
    let at = usize::try_from(index).unwrap_or(usize::MAX);
    let path = paths.path(at).ok_or(EngineError::NoSuchEntry(index))?;
    let proof = TlogProof { entry, index, path, checkpoint: note.to_owned() }.to_text();
    Ok(EntryAbout { entry: summary, items, proof })
}

impl ItemsAbout {
    fn of(contexts: &[Vec<u8>]) -> Self {
        let mut about = ItemsAbout { count: contexts.len() as u64, ..Self::default() };
        for context in contexts {
            let item = DetailItem { id: medseal_core::KeyVersionId([0; 8]), context };
            about.collections.extend(item.collection().map(str::to_owned));
            about.fields.extend(item.field().map(str::to_owned));
        }
        about
    }
}

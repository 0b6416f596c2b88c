//! The collection, the id and the subject of each record.
//!
//! They may stand after the values they name, so they are noted while the document is read and
//! judged at its end. Whatever is read here from the plain document must read the same from the
//! encrypted one: an identity inside a protected value is refused, never replaced by another.

use std::borrow::Cow;

use super::span::{Root, ValueKind};
use crate::error::DocumentFault as Fault;
use crate::json::{Flaw, text::unescape};
use crate::path::MAX_PATH_BYTES;
use crate::profile::{Collection, Profile, Record};

/// A value at a path of the identity. A `null` is not noted: it counts as absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) start: u32,
    /// For an object or array any offset: it is refused anyway.
    pub(super) end: u32,
    pub(super) kind: ValueKind,
    /// Rank among the alternatives; the lowest counts.
    pub(super) rank: u8,
    /// It stands in a value that will not be readable.
    pub(super) protected: bool,
}

/// Keeps the better of two alternatives.
pub(super) fn note(slot: &mut Option<Found>, found: Found) {
    if slot.is_none_or(|known| found.rank < known.rank) {
        *slot = Some(found);
    }
}

/// The text of an identity; none when it cannot be one.
pub(super) fn text<'d>(document: &'d [u8], found: &Found) -> Option<Cow<'d, str>> {
    let raw = document.get(found.start as usize..found.end as usize)?;
    let raw = std::str::from_utf8(raw).ok()?;
    let text = match found.kind {
        ValueKind::String => unescape(raw.get(1..raw.len() - 1)?),
        ValueKind::Number if is_shortest_integer(raw) => Cow::Borrowed(raw),
        _ => return None,
    };
    (1..=MAX_PATH_BYTES).contains(&text.len()).then_some(text)
}

/// A JSON number has no leading zeros already.
pub(super) fn is_shortest_integer(raw: &str) -> bool {
    raw != "-0" && raw.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit())
}

/// Refuses a document with a record that has protected values and no usable identity.
pub(super) fn check(profile: &Profile, document: &str, roots: &[Root]) -> Result<(), Flaw> {
    roots.iter().enumerate().filter(|(_, root)| root.spans > 0).try_for_each(|(number, root)| {
        if let Collection::At { otherwise, .. } = profile.collection() {
            let missing = otherwise.is_none().then_some(Fault::CollectionMissing);
            check_one(document, root, root.collection, missing, Fault::CollectionInvalid)?;
        }
        if let Record::At(_) = profile.record() {
            let missing = Some(Fault::RecordIdMissing);
            check_one(document, root, root.record, missing, Fault::RecordIdInvalid)?;
        }
        if profile.subject().is_some() {
            let (found, missing) = (subject(roots, number), Some(Fault::SubjectMissing));
            check_one(document, root, found, missing, Fault::SubjectInvalid)?;
        }
        Ok(())
    })
}

/// The subject of a record: its own, else that of the nearest record around it that has one.
pub(super) fn subject(roots: &[Root], number: usize) -> Option<Found> {
    let inner = roots.get(number)?;
    let around = roots.get(..=number)?.iter().rev().filter(|outer| {
        outer.value.start <= inner.value.start && inner.value.end <= outer.value.end
    });
    around.filter_map(|root| root.subject).next()
}

fn check_one(
    document: &str,
    root: &Root,
    found: Option<Found>,
    missing: Option<Fault>,
    invalid: Fault,
) -> Result<(), Flaw> {
    let needed = root.inline > 0;
    match found {
        None => match missing {
            Some(fault) if needed => Err(Flaw::new(fault, root.value.start)),
            _ => Ok(()),
        },
        Some(found) if found.protected => {
            Err(Flaw::new(Fault::IdentityProtected, found.start as usize))
        }
        Some(found) if needed && text(document.as_bytes(), &found).is_none() => {
            Err(Flaw::new(invalid, found.start as usize))
        }
        Some(_) => Ok(()),
    }
}

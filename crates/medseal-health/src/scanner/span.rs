//! What a scan reports.

use std::borrow::Cow;
use std::ops::Range;

use super::identity::Found;
use crate::fields::FieldId;
use crate::profile::{Placement, RuleId};

/// The type of a JSON value; `null` is never reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// A string, quotes included.
    String,
    /// A number, as written.
    Number,
    /// `true` or `false`.
    Boolean,
    /// An object with all that is in it.
    Object,
    /// An array with all that is in it.
    Array,
}

/// A protected value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The bytes of the value.
    pub value: Range<usize>,
    /// For placement `remove`, the bytes to delete so that valid JSON remains when all `remove`
    /// spans of the document are deleted: the member or element and one comma. Otherwise `value`.
    pub removal: Range<usize>,
    /// The rule that named it.
    pub rule: RuleId,
    /// What happens to it; never `keep`.
    pub placement: Placement,
    /// The type of the value.
    pub kind: ValueKind,
    /// The index of its record among the roots.
    pub root: u32,
    /// The path to which it is bound, from its record root.
    pub field: FieldId,
    /// Where in the document the text of an envelope, or a pseudonym, stands; none when the value
    /// is plain. An envelope is in its text form, or in base64 where the placement is
    /// `Attachment`.
    pub sealed: Option<Range<usize>>,
    pub(super) shape: Shape,
}

/// What `value` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Value,
    /// A member with its key, whose body starts and ends here; its value starts at the third.
    Member(u32, u32, u32),
    /// Several members, in the place of which one with this key stands.
    Members(u32, u32),
    /// A member in the place of which one of this name stands; the key's body ends at the first,
    /// the value starts at the second.
    Renamed(&'static str, u32, u32),
    /// A member that may stand for another one; as `Member`.
    Choice(u32, u32, u32),
    /// Nothing yet: an id of a record is to be inserted.
    Insert(Insert),
}

/// In what an inserted id of a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Insert {
    Element,
    Member,
    Meta,
}

/// A record: the unit to which values are bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// The bytes of the record.
    pub value: Range<usize>,
    /// How many spans are bound to it; those inside an inner record do not count.
    pub spans: u32,
    /// How many of them are encrypted in place, for which the record needs an identity.
    pub inline: u32,
    pub(super) collection: Option<Found>,
    pub(super) record: Option<Found>,
    pub(super) subject: Option<Found>,
    /// What only a resource of FHIR has.
    pub(super) resource: Option<Box<Resource>>,
}

/// What names a resource beside its own id, and where a name could be put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    /// The record around a contained resource.
    pub(super) parent: Option<u32>,
    /// The id that was made for it.
    pub(super) made: Option<Found>,
    pub(super) full_url: Option<Found>,
    /// It has extensions of its own; others have them in `meta`.
    pub(super) domain: bool,
    /// Where its first member starts.
    pub(super) first: u32,
    pub(super) meta: Inside,
    pub(super) extensions: Inside,
}

/// What stands in an object or array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    /// There is no such object or array.
    Absent,
    /// It is empty, or cannot be reached.
    Nothing,
    /// Its first item starts here.
    First(u32),
}

impl Span {
    /// The bytes that give way to what stands for the span.
    #[must_use]
    pub fn replaced(&self) -> Range<usize> {
        match self.placement {
            Placement::Remove | Placement::Record => self.removal.clone(),
            _ => self.value.clone(),
        }
    }

    /// What is encrypted: the value as JSON text, or, where it takes several members, those in
    /// braces.
    #[must_use]
    pub fn plaintext<'d>(&self, document: &'d [u8]) -> Cow<'d, [u8]> {
        let bytes = |range: Range<usize>| document.get(range).unwrap_or_default();
        match self.shape {
            Shape::Member(_, _, value) => Cow::Borrowed(bytes(value as usize..self.value.end)),
            Shape::Members(..) | Shape::Renamed(..) => {
                Cow::Owned([b"{", bytes(self.value.clone()), b"}"].concat())
            }
            Shape::Value | Shape::Choice(..) | Shape::Insert(_) => {
                Cow::Borrowed(bytes(self.value.clone()))
            }
        }
    }
}

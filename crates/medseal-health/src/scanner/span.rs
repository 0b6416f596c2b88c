//! What a scan reports.

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
}

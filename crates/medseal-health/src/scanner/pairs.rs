//! A masked primitive and the extensions beside it, which are two members of one object.
//!
//! FHIR writes `"birthDate": …, "_birthDate": {…}`, in either order and perhaps apart. Masking puts
//! a `_birthDate` of its own there, so the two, and what stands between them, are one value.

use std::ops::Range;

use super::frame::Frame;
use super::span::{Inside, Shape};
use super::walk::Walk;
use super::{Span, ValueKind};
use crate::error::DocumentFault as Fault;
use crate::json::text::Unescaped;
use crate::json::{Flaw, Key};

/// A member that may be one of two.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub(super) key: Key,
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) role: PairRole,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PairRole {
    /// `birthDate`, to be masked.
    Value,
    /// `_birthDate`, as its author wrote it.
    Beside,
    /// `_birthDate` with an envelope.
    Sealed,
    /// One of a choice of types that stands, or comes to stand, under this name.
    Choice(&'static str),
}

impl Pair {
    /// Whether this is `birthDate` to `_birthDate`.
    fn belongs_to(&self, beside: &Self, text: &str) -> bool {
        let mut name = Unescaped::new(beside.key.raw(text));
        name.next() == Some('_') && name.eq(Unescaped::new(self.key.raw(text)))
    }
}

impl Walk<'_> {
    /// Makes one span of each two members that belong together in an object that closes.
    pub(super) fn join_pairs(&mut self, inner: &Frame) -> Result<(), Flaw> {
        let first = inner.pairs as usize;
        let members = self.buffers.pairs.get(first..).unwrap_or_default();
        let beside = |pair: &Pair| matches!(pair.role, PairRole::Beside | PairRole::Sealed);
        if members.len() == 1 || !members.iter().any(beside) {
            check_choices(members)?;
            self.buffers.pairs.truncate(first);
            return Ok(());
        }
        check_choices(members)?;
        let members = self.buffers.pairs.split_off(first);
        let mut slices: Vec<(Range<u32>, Pair)> = Vec::new();
        for beside in members.iter().filter(|pair| beside(pair)) {
            let values = members.iter().filter(|pair| pair.role == PairRole::Value);
            let Some(value) = values.clone().find(|pair| pair.belongs_to(beside, self.text)) else {
                continue;
            };
            if beside.role == PairRole::Sealed {
                return Err(Flaw::new(Fault::MaskedTwice, value.start as usize));
            }
            slices.push((value.start.min(beside.start)..value.end.max(beside.end), *value));
        }
        slices.sort_by_key(|(range, _)| range.start);
        for (range, value) in merged(slices) {
            self.join(inner, range.start as usize..range.end as usize, value)?;
        }
        Ok(())
    }

    /// Puts one span in the place of all in this range.
    fn join(&mut self, inner: &Frame, range: Range<usize>, value: Pair) -> Result<(), Flaw> {
        let (spans, roots) = (&mut self.buffers.spans, &mut self.buffers.roots);
        let from = spans.partition_point(|span| span.value.start < range.start);
        let to = spans.partition_point(|span| span.value.start < range.end);
        let template = spans.get(from..to).unwrap_or_default().iter();
        let Some(template) = template.clone().find(|s| s.value.start == value.start as usize)
        else {
            return Ok(());
        };
        let key = value.key;
        let joined = Span {
            value: range.clone(),
            removal: range.clone(),
            kind: ValueKind::Object,
            shape: Shape::Members(key.start, key.end),
            ..template.clone()
        };
        for span in spans.splice(from..to, [joined]) {
            let root = &mut roots[span.root as usize];
            root.spans -= 1;
            root.inline -= u32::from(span.placement.is_sealed());
        }
        let root = &mut roots[inner.root as usize];
        root.spans += 1;
        root.inline += 1;
        let hidden = |at: u32| range.contains(&(at as usize));
        let resource = root.resource.as_deref_mut();
        let made = resource.as_ref().and_then(|resource| resource.made);
        for found in [root.collection, root.record, made].into_iter().flatten() {
            if hidden(found.start) {
                return Err(Flaw::new(Fault::IdentityProtected, found.start as usize));
            }
        }
        if let Some(resource) = resource {
            for inside in [&mut resource.extensions, &mut resource.meta] {
                if matches!(inside, Inside::First(at) if hidden(*at)) {
                    *inside = Inside::Nothing;
                }
            }
        }
        Ok(())
    }
}

/// A choice that is made twice could not be told apart once it is encrypted.
fn check_choices(members: &[Pair]) -> Result<(), Flaw> {
    for (at, pair) in members.iter().enumerate() {
        let before = members.get(..at).unwrap_or_default();
        let choice = matches!(pair.role, PairRole::Choice(_));
        if choice && before.iter().any(|other| other.role == pair.role) {
            return Err(Flaw::new(Fault::MaskedTwice, pair.start as usize));
        }
    }
    Ok(())
}

/// Ranges that overlap become one, under the first one's name.
fn merged(slices: Vec<(Range<u32>, Pair)>) -> Vec<(Range<u32>, Pair)> {
    let mut merged: Vec<(Range<u32>, Pair)> = Vec::new();
    for (range, value) in slices {
        match merged.last_mut() {
            Some((last, _)) if range.start < last.end => last.end = last.end.max(range.end),
            _ => merged.push((range, value)),
        }
    }
    merged
}

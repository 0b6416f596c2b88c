//! What a value is to the profile: a record, a name of one, a protected value, or nothing.
//!
//! Only values whose state has a meaning come here. What is decided must depend on nothing but the
//! value's path and whether it is a scalar, because the encrypted document has to give the same
//! answers.

use std::ops::Range;

use super::frame::{Container, Frame, NONE};
use super::identity::{self, Found};
use super::span::{Resource, Shape};
use super::walk::Walk;
use super::{Root, Span, ValueKind};
use crate::automaton::Meaning;
use crate::coverage::Cover;
use crate::error::DocumentFault as Fault;
use crate::fhir::masked;
use crate::fields::FieldId;
use crate::json::Flaw;
use crate::path;
use crate::profile::{Placement, Rule, RuleId, Unnamed};

/// A complete scalar.
#[derive(Clone, Copy)]
pub(super) struct Leaf {
    pub(super) start: usize,
    pub(super) end: usize,
    /// None for `null`.
    pub(super) kind: Option<ValueKind>,
}

/// What a value is to the profile.
#[derive(Clone, Copy)]
enum Verdict {
    /// It stands in a value that a rule selected.
    Within(RuleId),
    /// A rule names it.
    Named(RuleId),
    Identity,
    Unnamed,
}

impl Walk<'_> {
    pub(super) fn meaningful_leaf(&mut self, leaf: Leaf) -> Result<(), Flaw> {
        let outer = self.frame.root;
        let automaton = self.automaton;
        let meaning = automaton.meaning(self.frame.child);
        if let Some(typed) = &meaning.typed {
            return self.typed_leaf(leaf, typed);
        }
        let is_root = self.enter_root(meaning, leaf.start);
        let verdict = self.verdict(meaning, meaning.scalar);
        self.cover(&leaf, verdict, is_root)?;
        if let Some(kind) = leaf.kind {
            self.note_identity(meaning, verdict, leaf, kind);
            self.protect_leaf(verdict, leaf, kind, is_root)?;
        }
        if is_root {
            self.buffers.roots[self.frame.root as usize].value.end = leaf.end;
        }
        self.frame.root = outer;
        Ok(())
    }

    fn protect_leaf(
        &mut self,
        verdict: Verdict,
        leaf: Leaf,
        kind: ValueKind,
        is_root: bool,
    ) -> Result<(), Flaw> {
        let rule = match verdict {
            Verdict::Named(rule) => rule,
            Verdict::Unnamed => match self.profile.unnamed() {
                Unnamed::Keep => return Ok(()),
                Unnamed::Encrypt => RuleId::UNNAMED,
                Unnamed::Refuse if self.coverage.is_some() => return Ok(()),
                Unnamed::Refuse => return Err(Flaw::new(Fault::UnnamedValue, leaf.start)),
            },
            Verdict::Within(_) | Verdict::Identity => return Ok(()),
        };
        if let Some(span) = self.begin_span(rule, leaf.start, kind, is_root)? {
            self.end_span(span, leaf.end);
        }
        Ok(())
    }

    /// Makes the value that starts here a record of its own, if it is one.
    fn enter_root(&mut self, meaning: &Meaning, start: usize) -> bool {
        let document = self.frame.container == Container::Document;
        if !(document || meaning.root) {
            return false;
        }
        if self.frame.selected.is_some() {
            self.frame.root = NONE;
            return false;
        }
        let value = start..start;
        self.push_root(value, None);
        true
    }

    /// A record starts; it is that of the items from now on.
    pub(super) fn push_root(&mut self, value: Range<usize>, resource: Option<Box<Resource>>) {
        self.frame.root = self.buffers.roots.len() as u32;
        let (collection, record, subject) = (None, None, None);
        let root = Root { value, spans: 0, inline: 0, collection, record, subject, resource };
        self.buffers.roots.push(root);
    }

    fn verdict(&mut self, meaning: &Meaning, rule: Option<u16>) -> Verdict {
        if let Some((rule, _)) = self.frame.selected {
            return Verdict::Within(rule);
        }
        if !meaning.selectors.is_empty() {
            let hits = &mut self.hits[self.frame.child as usize];
            *hits = hits.saturating_add(1);
        }
        match rule {
            Some(rule) => Verdict::Named(RuleId(rule)),
            None if meaning.is_identity() => Verdict::Identity,
            None => Verdict::Unnamed,
        }
    }

    fn placement(&self, rule: RuleId) -> Placement {
        self.profile.rule(rule).map_or(Placement::Inline, Rule::placement)
    }

    fn note_identity(&mut self, meaning: &Meaning, verdict: Verdict, leaf: Leaf, kind: ValueKind) {
        if !meaning.is_identity() {
            return;
        }
        let protected = match verdict {
            Verdict::Within(rule) | Verdict::Named(rule) => self.placement(rule) != Placement::Keep,
            Verdict::Identity | Verdict::Unnamed => false,
        };
        let Some(root) = self.buffers.roots.get_mut(self.frame.root as usize) else { return };
        let Leaf { start, end, .. } = leaf;
        let found = Found { start: start as u32, end: end as u32, kind, rank: 0, protected };
        if meaning.collection {
            identity::note(&mut root.collection, found);
        }
        if let Some(rank) = meaning.record {
            identity::note(&mut root.record, Found { rank, ..found });
        }
        if let Some(rank) = meaning.subject {
            identity::note(&mut root.subject, Found { rank, ..found });
        }
    }

    /// Begins a span at the present item; none for placement `keep`.
    fn begin_span(
        &mut self,
        rule: RuleId,
        start: usize,
        kind: ValueKind,
        is_root: bool,
    ) -> Result<Option<u32>, Flaw> {
        let placement = self.placement(rule);
        if placement == Placement::Keep || self.coverage.is_some() {
            return Ok(None);
        }
        let field = self.field(is_root, start)?;
        Ok(Some(self.push_span(rule, placement, start..start, kind, field)))
    }

    pub(super) fn push_span(
        &mut self,
        rule: RuleId,
        placement: Placement,
        value: Range<usize>,
        kind: ValueKind,
        field: FieldId,
    ) -> u32 {
        let root = &mut self.buffers.roots[self.frame.root as usize];
        root.spans += 1;
        root.inline += u32::from(placement.is_sealed());
        let removal = value.clone();
        let (root, sealed, shape) = (self.frame.root, None, Shape::Value);
        self.buffers.spans.push(Span {
            value,
            removal,
            rule,
            placement,
            kind,
            root,
            field,
            sealed,
            shape,
        });
        self.buffers.spans.len() as u32 - 1
    }

    pub(super) fn end_span(&mut self, number: u32, end: usize) {
        let span = &mut self.buffers.spans[number as usize];
        span.value.end = end;
        span.removal.end = end;
        if span.placement == Placement::Inline {
            span.sealed = masked::in_string(self.bytes, &span.value);
        }
        if !matches!(span.placement, Placement::Remove | Placement::Record) {
            return;
        }
        // An item takes the comma before it along, unless nothing stays before it: then it takes
        // the one after it. So removals next to one another never take the same comma.
        let items = &mut self.frame.items;
        if items.stays_before() {
            span.removal.start = items.comma as usize;
        } else {
            span.removal.start = items.start as usize;
            items.open_removal = number;
        }
        items.removed += 1;
    }

    pub(super) fn meaningful_container(
        &mut self,
        at: usize,
        inner: &mut Frame,
    ) -> Result<(), Flaw> {
        let outer = self.frame.root;
        let automaton = self.automaton;
        let meaning = automaton.meaning(self.frame.child);
        if let Some(typed) = &meaning.typed {
            return self.typed_container(at, inner, typed);
        }
        let (kind, rule) = match inner.container {
            Container::Array => (ValueKind::Array, meaning.array),
            _ => (ValueKind::Object, meaning.object),
        };
        inner.is_root = self.enter_root(meaning, at);
        inner.root = self.frame.root;
        if inner.is_root {
            inner.root_level = self.buffers.stack.len() as u32 + 1;
        }
        let verdict = self.verdict(meaning, rule);
        self.note_identity(meaning, verdict, Leaf { start: at, end: at, kind: None }, kind);
        if let Verdict::Named(rule) = verdict {
            inner.selected = Some((rule, self.placement(rule)));
            inner.span = self.begin_span(rule, at, kind, inner.is_root)?.unwrap_or(NONE);
        }
        self.frame.root = outer;
        Ok(())
    }

    fn cover(&mut self, leaf: &Leaf, verdict: Verdict, is_root: bool) -> Result<(), Flaw> {
        if self.coverage.is_none() {
            return Ok(());
        }
        let cover = match verdict {
            Verdict::Named(rule) | Verdict::Within(rule) => Cover::Rule(rule, self.placement(rule)),
            Verdict::Identity => Cover::Identity,
            Verdict::Unnamed => Cover::Unnamed,
        };
        self.count_cover(leaf.start, cover, is_root)
    }

    pub(super) fn count_cover(
        &mut self,
        start: usize,
        cover: Cover,
        is_root: bool,
    ) -> Result<(), Flaw> {
        let field = self.field(is_root, start);
        let path = match field {
            Ok(field) => self.fields.name(field),
            Err(_) => {
                self.write_path(is_root);
                path::relative(&self.buffers.path)
            }
        };
        let counted = match &mut self.coverage {
            Some(coverage) => coverage.count(path, cover),
            None => true,
        };
        if counted { Ok(()) } else { Err(Flaw::new(Fault::TooManyFields, start)) }
    }
}

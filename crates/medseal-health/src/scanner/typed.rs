//! What a value is to a profile of FHIR.
//!
//! As for paths, what is decided depends on nothing that encryption takes away: types, the names
//! of elements, urls of extensions, and the form in which a ciphertext stands.

use std::ops::Range;

use super::ValueKind;
use super::frame::{Container, Frame, NONE};
use super::identity::{self, Found};
use super::meaning::Leaf;
use super::pairs::{Pair, PairRole};
use super::span::{Inside, Shape};
use super::walk::Walk;
use crate::automaton::{Role, Typed};
use crate::coverage::Cover;
use crate::error::DocumentFault as Fault;
use crate::fhir::{masked, reference};
use crate::fields::FieldId;
use crate::json::Flaw;
use crate::profile::{Placement, RuleId};

/// What happens to a scalar: by which rule, how, and to which of its bytes.
struct Verdict {
    rule: RuleId,
    placement: Placement,
    bytes: Range<usize>,
}

impl Walk<'_> {
    pub(super) fn typed_leaf(&mut self, leaf: Leaf, typed: &Typed) -> Result<(), Flaw> {
        let outer = self.frame.root;
        let document = self.frame.container == Container::Document;
        if document {
            self.push_root(leaf.start..leaf.end, None);
        }
        let done = self.judge_leaf(leaf, typed, document);
        self.frame.root = outer;
        done
    }

    fn judge_leaf(&mut self, leaf: Leaf, typed: &Typed, document: bool) -> Result<(), Flaw> {
        if let Some((rule, placement)) = self.frame.selected {
            return self.count(leaf.start, rule, placement);
        }
        if matches!(typed.role, Role::Extension(_) | Role::Meta) {
            self.note_inside(Inside::Nothing);
        }
        if matches!(typed.role, Role::Sibling) {
            self.push_pair(PairRole::Beside, leaf.end);
        }
        let Some(kind) = leaf.kind else {
            // a choice of nothing still stands under the name that an encrypted one takes
            if let Role::Renamed(name) | Role::Choice(name) = typed.role {
                self.push_pair(PairRole::Choice(name), leaf.end);
            }
            return self.count(leaf.start, typed.rule, typed.placement);
        };
        let verdict = self.typed_verdict(leaf, kind, typed)?;
        self.note_typed_identity(leaf, kind, typed);
        if let Role::Renamed(name) | Role::Choice(name) = typed.role
            && self.frame.container == Container::Object
        {
            self.push_pair(PairRole::Choice(name), leaf.end);
            if self.coverage.is_none() {
                return self.protect_choice(&verdict, leaf, kind, typed);
            }
        }
        if self.coverage.is_some() {
            return match typed.role {
                Role::Collection => self.count_cover(leaf.start, Cover::Identity, document),
                _ => self.count(leaf.start, verdict.rule, verdict.placement),
            };
        }
        self.protect(verdict, leaf, kind, document)
    }

    fn count(&mut self, start: usize, rule: RuleId, placement: Placement) -> Result<(), Flaw> {
        if self.coverage.is_none() {
            return Ok(());
        }
        self.count_cover(start, Cover::Rule(rule, placement), false)
    }

    fn typed_verdict(&self, leaf: Leaf, kind: ValueKind, typed: &Typed) -> Result<Verdict, Flaw> {
        let bytes = leaf.start..leaf.end;
        let verdict = |placement| Verdict { rule: typed.rule, placement, bytes: bytes.clone() };
        let string = kind == ValueKind::String;
        let body = leaf.start + 1..leaf.end.saturating_sub(1);
        Ok(match typed.role {
            // an id in an array names nothing
            Role::Id | Role::Collection if self.frame.container != Container::Object => {
                Verdict { rule: RuleId::UNNAMED, ..verdict(Placement::Inline) }
            }
            // beside a primitive there are only objects
            Role::Sibling => Verdict { rule: RuleId::UNNAMED, ..verdict(Placement::Inline) },
            Role::Number if string => {
                Verdict { rule: RuleId::UNNAMED, ..verdict(Placement::Inline) }
            }
            Role::Id if typed.placement == Placement::Pseudonym => {
                if self.is_contained() {
                    return Ok(verdict(Placement::Keep));
                }
                if !string {
                    return Err(Flaw::new(Fault::RecordIdInvalid, leaf.start));
                }
                self.check_plain(body.clone())?;
                Verdict { bytes: body, ..verdict(Placement::Pseudonym) }
            }
            Role::Reference if string => match self.id_within(&body) {
                Within::Id(bytes) => Verdict { bytes, ..verdict(Placement::Pseudonym) },
                Within::Nothing => verdict(Placement::Keep),
                Within::Unknown => verdict(Placement::Inline),
            },
            Role::Reference => verdict(Placement::Inline),
            _ => verdict(typed.placement),
        })
    }

    fn is_contained(&self) -> bool {
        let root = self.buffers.roots.get(self.frame.root as usize);
        root.and_then(|root| root.resource.as_ref()).is_some_and(|of| of.parent.is_some())
    }

    /// An id with escapes would have two spellings and two pseudonyms.
    fn check_plain(&self, body: Range<usize>) -> Result<(), Flaw> {
        let escape = self.bytes.get(body.clone()).and_then(|b| memchr::memchr(b'\\', b));
        match escape {
            Some(at) => Err(Flaw::new(Fault::IdEscaped, body.start + at)),
            None => Ok(()),
        }
    }

    fn id_within(&self, body: &Range<usize>) -> Within {
        let text = self.text.get(body.clone()).unwrap_or_default();
        let ids = self.profile.fhir().map(|fhir| &fhir.pseudonymous);
        let known = |kind: &str| ids.and_then(|ids| ids.get(kind)).copied();
        let at = |id: Range<usize>| Within::Id(body.start + id.start..body.start + id.end);
        match reference::named(text) {
            reference::Named::Resource { kind, id } => match known(kind) {
                Some(true) => at(id),
                Some(false) => Within::Nothing,
                None => Within::Unknown,
            },
            reference::Named::Uuid(id) => at(id),
            reference::Named::Open if text.starts_with('#') => Within::Nothing,
            reference::Named::Open if known(text).is_some() => Within::Nothing,
            reference::Named::Open | reference::Named::Other => Within::Unknown,
        }
    }

    fn note_typed_identity(&mut self, leaf: Leaf, kind: ValueKind, typed: &Typed) {
        if self.frame.container != Container::Object {
            return;
        }
        let Some(root) = self.buffers.roots.get_mut(self.frame.root as usize) else { return };
        let (start, end) = (leaf.start as u32, leaf.end as u32);
        let found = Found { start, end, kind, rank: 0, protected: false };
        match typed.role {
            Role::Collection => identity::note(&mut root.collection, found),
            Role::Id => identity::note(&mut root.record, found),
            _ => {}
        }
    }

    fn protect(
        &mut self,
        verdict: Verdict,
        leaf: Leaf,
        kind: ValueKind,
        document: bool,
    ) -> Result<(), Flaw> {
        let Verdict { rule, placement, bytes } = verdict;
        if placement == Placement::Keep {
            return Ok(());
        }
        let field = self.field(document, leaf.start)?;
        let member = placement == Placement::Masked && self.frame.container == Container::Object;
        let value = if member { self.frame.items.start as usize..leaf.end } else { bytes };
        let number = self.push_span(rule, placement, value.clone(), kind, field);
        let span = &mut self.buffers.spans[number as usize];
        span.sealed = match placement {
            Placement::Inline => masked::in_string(self.bytes, &value),
            Placement::Narrative => masked::in_narrative(self.bytes, &value),
            Placement::Attachment => masked::in_base64(self.bytes, &value),
            Placement::Pseudonym => {
                let id = self.text.get(value.clone()).unwrap_or_default();
                reference::is_pseudonym(id).then_some(value)
            }
            _ => None,
        };
        if member {
            let key = self.frame.key;
            span.shape = Shape::Member(key.start, key.end, leaf.start as u32);
            self.push_pair(PairRole::Value, leaf.end);
        }
        Ok(())
    }

    /// One of a choice of types, which stands under the string's name once it is encrypted.
    fn protect_choice(
        &mut self,
        verdict: &Verdict,
        leaf: Leaf,
        kind: ValueKind,
        typed: &Typed,
    ) -> Result<(), Flaw> {
        let (value, key) = (leaf.start..leaf.end, self.frame.key);
        let member = self.frame.items.start as usize..leaf.end;
        let (start, end, at) = (key.start, key.end, leaf.start as u32);
        let (bytes, shape, sealed) = match typed.role {
            Role::Renamed(name) => (member, Shape::Renamed(name, end, at), None),
            _ => match masked::in_string(self.bytes, &value) {
                None => (value, Shape::Value, None),
                sealed => (member, Shape::Choice(start, end, at), sealed),
            },
        };
        let field = match typed.role {
            Role::Renamed(name) => self.field_beside(leaf.start, |_| name.to_owned())?,
            _ => self.field(false, leaf.start)?,
        };
        let number = self.push_span(verdict.rule, verdict.placement, bytes, kind, field);
        let span = &mut self.buffers.spans[number as usize];
        (span.shape, span.sealed) = (shape, sealed);
        Ok(())
    }

    fn push_pair(&mut self, role: PairRole, end: usize) {
        if self.frame.container == Container::Object {
            let (key, start) = (self.frame.key, self.frame.items.start);
            self.buffers.pairs.push(Pair { key, start, end: end as u32, role });
        }
    }

    pub(super) fn typed_container(
        &mut self,
        at: usize,
        inner: &mut Frame,
        typed: &Typed,
    ) -> Result<(), Flaw> {
        if self.frame.selected.is_some() {
            return Ok(());
        }
        let outer = self.frame.root;
        let object = inner.container == Container::Object;
        match &typed.role {
            Role::Resource(resources) if object => self.open_resource(at, inner, resources),
            Role::Extension(by_url) if object => {
                self.note_inside(Inside::Nothing);
                self.open_extension(at, inner, by_url)?;
            }
            Role::Meta if !object => self.note_inside(Inside::Nothing),
            Role::Extension(_) | Role::Meta => self.note_inside(self.inside(at)),
            Role::Entry if object => self.open_entry(at, inner),
            Role::Sibling if self.frame.container == Container::Object => {
                self.open_sibling(at, inner, typed)?;
            }
            _ if typed.whole && !object && self.frame.container == Container::Object => {
                self.open_masked_array(at, inner, typed)?;
            }
            _ if self.frame.container == Container::Document => {
                self.push_root(at..at, None);
                inner.is_root = true;
            }
            _ => {}
        }
        inner.root = self.frame.root;
        if inner.is_root {
            inner.root_level = self.buffers.stack.len() as u32 + 1;
        }
        self.frame.root = outer;
        Ok(())
    }

    /// `_birthDate`: with an envelope, or with what its author wrote.
    fn open_sibling(&mut self, at: usize, inner: &mut Frame, typed: &Typed) -> Result<(), Flaw> {
        let Some(sealed) = masked::envelope(self.bytes, at) else {
            inner.pair = self.buffers.pairs.len() as u32;
            self.push_pair(PairRole::Beside, at);
            return Ok(());
        };
        self.push_pair(PairRole::Sealed, at);
        inner.selected = Some((typed.rule, Placement::Masked));
        if self.coverage.is_some() {
            return Ok(());
        }
        let own = |name: &str| name.strip_prefix('_').unwrap_or(name).to_owned();
        let field = self.field_beside(at, own)?;
        let kind =
            if inner.container == Container::Array { ValueKind::Array } else { ValueKind::Object };
        inner.span = self.push_member(typed.rule, at, kind, field);
        self.buffers.spans[inner.span as usize].sealed = Some(sealed);
        Ok(())
    }

    fn open_masked_array(
        &mut self,
        at: usize,
        inner: &mut Frame,
        typed: &Typed,
    ) -> Result<(), Flaw> {
        inner.selected = Some((typed.rule, Placement::Masked));
        if self.coverage.is_some() {
            return Ok(());
        }
        let field = self.field(false, at)?;
        inner.span = self.push_member(typed.rule, at, ValueKind::Array, field);
        inner.pair = self.buffers.pairs.len() as u32;
        self.push_pair(PairRole::Value, at);
        Ok(())
    }

    /// A masked span of the present member, whose value starts at `at`.
    fn push_member(&mut self, rule: RuleId, at: usize, kind: ValueKind, field: FieldId) -> u32 {
        let start = self.frame.items.start as usize;
        let number = self.push_span(rule, Placement::Masked, start..at, kind, field);
        let key = self.frame.key;
        self.buffers.spans[number as usize].shape = Shape::Member(key.start, key.end, at as u32);
        number
    }

    /// The field of another member of the present object, whose name `other` makes of the present
    /// member's.
    fn field_beside(&mut self, at: usize, other: impl Fn(&str) -> String) -> Result<FieldId, Flaw> {
        let beside = self.field(false, at)?;
        let path = self.fields.name(beside);
        let start = path.rfind('.').map_or(0, |dot| dot + 1);
        let (before, name) = path.split_at(start);
        let path = format!("{before}{}", other(name));
        self.fields.intern(&path).ok_or(Flaw::new(Fault::TooManyFields, at))
    }

    /// What only a profile of FHIR has to do when a container closes.
    pub(super) fn close_typed(&mut self, inner: &Frame, end: usize) -> Result<(), Flaw> {
        if let Some(pair) = self.buffers.pairs.get_mut(inner.pair as usize) {
            pair.end = end as u32;
        }
        if inner.container == Container::Object && self.buffers.pairs.len() > inner.pairs as usize {
            self.join_pairs(inner)?;
        }
        if self.made_id != NONE {
            self.widen_made_id(inner, end);
        }
        Ok(())
    }
}

/// What a reference holds.
enum Within {
    /// An id that gets a pseudonym.
    Id(Range<usize>),
    /// Nothing to hide.
    Nothing,
    Unknown,
}

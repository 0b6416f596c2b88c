//! Where a resource starts, what names it, and the id that is made for one without a name.
//!
//! A record is named by the id made for it, else by the `fullUrl` of its entry, else by type and
//! id; a contained one by the record around it and `#id`. All of them are read again from the
//! encrypted document.

use std::borrow::Cow;
use std::ops::Range;

use super::frame::{Container, Frame, NONE};
use super::identity::{self, Found};
use super::span::{Insert, Inside, Resource, Shape};
use super::walk::Walk;
use super::{Buffers, Root, Span, ValueKind};
use crate::automaton::{Resources, State};
use crate::error::DocumentFault as Fault;
use crate::fhir::known::Known;
use crate::fhir::{RECORD_URL, reference};
use crate::fields::FieldId;
use crate::json::text::{Unescaped, unescape};
use crate::json::{Flaw, lex};
use crate::profile::{Placement, Profile, Record, RuleId};

impl Walk<'_> {
    pub(super) fn open_resource(&mut self, at: usize, inner: &mut Frame, known: &Resources) {
        let name = self.member_text(at, "resourceType").map(|(name, _)| name);
        let found = name.as_deref().and_then(|name| known.by_name.get(name));
        let (state, domain) = found.copied().unwrap_or((known.foreign, false));
        inner.state = state;
        let parent = (known.contained && self.frame.root != NONE).then_some(self.frame.root);
        let resource = Resource {
            parent,
            made: None,
            full_url: self.full_url(),
            domain,
            first: lex::space(self.bytes, at + 1) as u32,
            meta: Inside::Absent,
            extensions: Inside::Absent,
        };
        self.push_root(at..at, Some(Box::new(resource)));
        inner.is_root = true;
    }

    /// The `fullUrl` of the entry in which a resource opens, if it says which resource it is.
    fn full_url(&self) -> Option<Found> {
        let (start, end) = self.frame.full_url;
        let body = self.text.get(start as usize + 1..(end as usize).checked_sub(1)?)?;
        let names = match reference::named(body) {
            reference::Named::Resource { kind, .. } => {
                self.profile.fhir().is_some_and(|fhir| fhir.pseudonymous.contains_key(kind))
            }
            reference::Named::Uuid(_) => true,
            _ => false,
        };
        let found = Found { start, end, kind: ValueKind::String, rank: 0, protected: false };
        names.then_some(found)
    }

    pub(super) fn open_entry(&mut self, at: usize, inner: &mut Frame) {
        if let Some((_, found)) = self.member_text(at, "fullUrl") {
            inner.full_url = (found.start as u32, found.end as u32);
        }
    }

    pub(super) fn open_extension(
        &mut self,
        at: usize,
        inner: &mut Frame,
        by_url: &Known<Box<str>, State>,
    ) -> Result<(), Flaw> {
        let Some((url, _)) = self.member_text(at, "url") else { return Ok(()) };
        if let Some(&state) = by_url.get(&*url) {
            inner.state = state;
        }
        if url == RECORD_URL && self.has_place_of_made_id() {
            self.note_made_id(at, inner)?;
        }
        Ok(())
    }

    /// In the extensions of a resource, or of its `meta` where it can have none itself.
    fn has_place_of_made_id(&self) -> bool {
        let stack = &self.buffers.stack;
        let key = |frame: &Frame| unescape(frame.key.raw(self.text));
        let Some(array_in) = stack.last() else { return false };
        if self.frame.container != Container::Array || key(array_in) != "extension" {
            return false;
        }
        let domain = |frame: &Frame| {
            let root = self.buffers.roots.get(frame.root as usize);
            root.and_then(|root| root.resource.as_ref()).is_some_and(|of| of.domain)
        };
        if array_in.is_root {
            return domain(array_in);
        }
        let outer = stack.len().checked_sub(2).and_then(|level| stack.get(level));
        outer.is_some_and(|frame| frame.is_root && key(frame) == "meta" && !domain(frame))
    }

    fn note_made_id(&mut self, at: usize, inner: &mut Frame) -> Result<(), Flaw> {
        let Some((_, value)) = self.member_text(at, "valueString") else { return Ok(()) };
        let field = self.field(false, at)?;
        let root = &mut self.buffers.roots[self.frame.root as usize];
        if let Some(resource) = root.resource.as_deref_mut().filter(|of| of.made.is_none()) {
            resource.made = Some(Found {
                start: value.start as u32,
                end: value.end as u32,
                kind: ValueKind::String,
                rank: 0,
                protected: false,
            });
            if self.coverage.is_none() {
                let kind = ValueKind::Object;
                inner.span =
                    self.push_span(RuleId::UNNAMED, Placement::Record, at..at, kind, field);
                self.buffers.spans[inner.span as usize].sealed = Some(value);
                self.made_id = inner.span;
            }
            inner.selected = Some((RuleId::UNNAMED, Placement::Keep));
        }
        Ok(())
    }

    /// An array, or `meta`, that holds nothing but a made id goes with it.
    pub(super) fn widen_made_id(&mut self, inner: &Frame, end: usize) {
        if inner.span == self.made_id {
            return;
        }
        let number = self.made_id;
        if inner.is_root || inner.items.begun != 1 || inner.items.removed != 1 {
            self.made_id = NONE;
            return;
        }
        self.buffers.spans[number as usize].value.start = self.frame.items.start as usize;
        self.end_span(number, end);
    }

    /// Notes where in an array of extensions, or in a `meta`, a made id could be put. Where either
    /// is no such thing, it could not.
    pub(super) fn note_inside(&mut self, inside: Inside) {
        if self.frame.container != Container::Object {
            return;
        }
        let key = |frame: &Frame| unescape(frame.key.raw(self.text));
        let in_meta = self.buffers.stack.last().is_some_and(|f| f.is_root && key(f) == "meta");
        let (own, here) = (self.frame.is_root, key(&self.frame));
        let (meta, extension) = (own && here == "meta", here == "extension" && (own || in_meta));
        let Some(resource) = self.resource() else { return };
        if meta {
            resource.meta = inside;
        } else if extension && resource.domain == own {
            resource.extensions = inside;
        }
    }

    fn resource(&mut self) -> Option<&mut Resource> {
        self.buffers.roots.get_mut(self.frame.root as usize)?.resource.as_deref_mut()
    }

    /// What stands in the container that opens at `at`.
    pub(super) fn inside(&self, at: usize) -> Inside {
        let first = lex::space(self.bytes, at + 1);
        match lex::peek(self.bytes, first) {
            b']' | b'}' => Inside::Nothing,
            _ => Inside::First(first as u32),
        }
    }

    /// The text of a string member of the object that opens at `at`, and where its value stands.
    /// Faults of syntax are left to the walk.
    fn member_text(&self, at: usize, name: &str) -> Option<(Cow<'_, str>, Range<usize>)> {
        let mut at = lex::space(self.bytes, at + 1);
        while lex::peek(self.bytes, at) == b'"' {
            let key_end = lex::string(self.bytes, at + 1).ok()?;
            let key = self.text.get(at + 1..key_end - 1)?;
            let colon = lex::space(self.bytes, key_end);
            let value = lex::space(self.bytes, colon + 1);
            let end = skip(self.bytes, value)?;
            let same = key == name || key.contains('\\') && Unescaped::new(key).eq(name.chars());
            if same {
                let string = lex::peek(self.bytes, value) == b'"';
                let body = string.then(|| self.text.get(value + 1..end - 1)).flatten()?;
                return Some((unescape(body), value..end));
            }
            at = lex::space(self.bytes, lex::space(self.bytes, end) + 1);
        }
        None
    }
}

/// The end of the value at `at`; none at a fault.
fn skip(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        at = match lex::peek(bytes, at) {
            b'"' => lex::string(bytes, at + 1).ok()?,
            b'{' | b'[' => {
                depth += 1;
                at + 1
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                at + 1
            }
            0 => return None,
            b'-' | b'0'..=b'9' if depth == 0 => lex::number(bytes, at).ok()?,
            b'a'..=b'z' if depth == 0 => {
                let word = bytes.get(at..)?.iter().take_while(|b| b.is_ascii_lowercase());
                at + word.count()
            }
            _ if depth == 0 => return None,
            _ => at + 1,
        };
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Refuses records without collection, and finds the places for the ids of those without one.
pub(super) fn complete(profile: &Profile, text: &str, buffers: &mut Buffers) -> Result<(), Flaw> {
    let roots = &mut buffers.roots;
    for number in (0..roots.len()).rev() {
        let Some(root) = roots.get(number).filter(|root| root.inline > 0) else { continue };
        check_collection(text, root)?;
        if matches!(profile.record(), Record::Unbound) {
            continue;
        }
        let resource = root.resource.as_deref();
        let named = resource.is_some_and(|of| of.made.or(of.full_url).is_some());
        let parent = resource.and_then(|of| of.parent);
        match root.record {
            Some(found) if identity::text(text.as_bytes(), &found).is_none() && !named => {
                return Err(Flaw::new(Fault::RecordIdInvalid, found.start as usize));
            }
            Some(_) => {}
            None if named => {}
            None => insert(number, root, &mut buffers.spans)?,
        }
        if let Some(parent) = parent.and_then(|parent| roots.get_mut(parent as usize)) {
            // its name is a part of this one's
            parent.inline += 1;
        }
    }
    // what is inserted comes before what starts there
    buffers.spans.sort_by_key(|span| (span.value.start, span.value.end));
    Ok(())
}

fn check_collection(text: &str, root: &Root) -> Result<(), Flaw> {
    let Some(found) = root.collection else {
        return Err(Flaw::new(Fault::CollectionMissing, root.value.start));
    };
    match identity::text(text.as_bytes(), &found) {
        Some(_) if found.kind == ValueKind::String => Ok(()),
        _ => Err(Flaw::new(Fault::CollectionInvalid, found.start as usize)),
    }
}

/// Plans the id of a record that has none.
fn insert(number: usize, root: &Root, spans: &mut Vec<Span>) -> Result<(), Flaw> {
    let missing = Flaw::new(Fault::RecordIdMissing, root.value.start);
    let Some(resource) = root.resource.as_deref() else { return Err(missing) };
    let (at, form) = match (resource.extensions, resource.domain, resource.meta) {
        (Inside::Nothing, ..) | (Inside::Absent, false, Inside::Nothing) => return Err(missing),
        (Inside::First(at), ..) => (at, Insert::Element),
        (Inside::Absent, true, _) => (resource.first, Insert::Member),
        (Inside::Absent, false, Inside::First(at)) => (at, Insert::Member),
        (Inside::Absent, false, Inside::Absent) => (resource.first, Insert::Meta),
    };
    let at = at as usize;
    spans.push(Span {
        value: at..at,
        removal: at..at,
        rule: RuleId::UNNAMED,
        placement: Placement::Record,
        kind: ValueKind::Object,
        root: number as u32,
        field: FieldId(0),
        sealed: None,
        shape: Shape::Insert(form),
    });
    Ok(())
}

/// The name of a record. `replaced` says what stands for an id in the encrypted document, `made`
/// gives the id of a record that has none.
pub(super) fn name(
    profile: &Profile,
    document: &[u8],
    roots: &[Root],
    number: usize,
    replaced: &mut dyn FnMut(&str) -> String,
    made: &mut dyn FnMut(usize) -> Option<String>,
) -> Option<String> {
    let root = roots.get(number)?;
    let text = |found: &Found| identity::text(document, found).map(Cow::into_owned);
    let resource = root.resource.as_deref()?;
    if let Some(id) = resource.made.as_ref().and_then(text) {
        return Some(id);
    }
    let ids = profile.fhir().map(|fhir| &fhir.pseudonymous)?;
    if let Some(url) = resource.full_url {
        let body = document.get(url.start as usize + 1..url.end as usize - 1)?;
        return Some(
            unescape(&with_id_replaced(std::str::from_utf8(body).ok()?, ids, replaced))
                .into_owned(),
        );
    }
    let Some(id) = root.record.as_ref().and_then(text) else { return made(number) };
    if let Some(parent) = resource.parent {
        let parent = name(profile, document, roots, parent as usize, replaced, made)?;
        return Some(format!("{parent}#{id}"));
    }
    let kind = root.collection.as_ref().and_then(text)?;
    let hidden = ids.get(kind.as_str()).copied().unwrap_or(true);
    let id = if hidden && !reference::is_pseudonym(&id) { replaced(&id) } else { id };
    Some(format!("{kind}/{id}"))
}

fn with_id_replaced(
    body: &str,
    ids: &Known<&'static str, bool>,
    replaced: &mut dyn FnMut(&str) -> String,
) -> String {
    let id = match reference::named(body) {
        reference::Named::Resource { kind, id } if ids.get(kind) == Some(&true) => id,
        reference::Named::Uuid(id) => id,
        _ => return body.to_owned(),
    };
    let old = body.get(id.clone()).unwrap_or_default();
    if reference::is_pseudonym(old) {
        return body.to_owned();
    }
    let (before, after) = (body.get(..id.start), body.get(id.end..));
    format!("{}{}{}", before.unwrap_or_default(), replaced(old), after.unwrap_or_default())
}

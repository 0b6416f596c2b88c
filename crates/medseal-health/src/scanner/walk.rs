//! The state machine over one document: containers, keys, commas.
//!
//! Its stack is its own, so that no input can exhaust the thread's. Most values mean nothing to a
//! profile; they cost one look-up and are never looked at again.

use super::frame::NONE;
use super::frame::{Container, Frame};
use super::meaning::Leaf;
use super::steps::Steps;
use super::{Buffers, Limits, Scanner, ValueKind};
use crate::automaton::{Automaton, State};
use crate::coverage::Coverage;
use crate::error::DocumentFault as Fault;
use crate::fields::{FieldId, Fields};
use crate::json::keys::Mark;
use crate::json::text::Unescaped;
use crate::json::{Flaw, Key, lex};
use crate::profile::{Profile, Unnamed};

/// What comes next: a value at this offset, or whatever follows a value.
enum Next {
    Value(usize),
    After(usize),
}

pub(super) struct Walk<'a> {
    pub(super) text: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) profile: &'a Profile,
    pub(super) automaton: &'a Automaton,
    pub(super) limits: Limits,
    pub(super) buffers: &'a mut Buffers,
    pub(super) fields: &'a mut Fields,
    pub(super) field_of_state: &'a mut [Option<FieldId>],
    pub(super) hits: &'a mut [u64],
    pub(super) coverage: Option<&'a mut Coverage>,
    /// Leaves in plain states concern nobody.
    pub(super) skip_plain: bool,
    /// States are types of FHIR.
    pub(super) automaton_is_typed: bool,
    /// A span that removes a made id and may yet come to take what is around it.
    pub(super) made_id: u32,
    /// The innermost frame; the others are on the stack.
    pub(super) frame: Frame,
    pub(super) steps: &'a mut Steps,
    /// So many levels know their place.
    pub(super) placed_levels: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        text: &'a str,
        scanner: &'a mut Scanner,
        coverage: Option<&'a mut Coverage>,
    ) -> Self {
        let Scanner { profile, limits, buffers, fields, steps, field_of_state, hits, .. } = scanner;
        buffers.keys.clear();
        buffers.stack.clear();
        buffers.spans.clear();
        buffers.roots.clear();
        buffers.path.clear();
        buffers.pairs.clear();
        Self {
            text,
            bytes: text.as_bytes(),
            automaton: profile.automaton(),
            skip_plain: (profile.unnamed() == Unnamed::Keep || profile.fhir().is_some())
                && coverage.is_none(),
            automaton_is_typed: profile.fhir().is_some(),
            made_id: NONE,
            profile,
            limits: *limits,
            buffers,
            fields,
            field_of_state,
            hits,
            coverage,
            frame: Frame::document(),
            steps,
            placed_levels: 0,
        }
    }

    pub(super) fn run(mut self) -> Result<(), Flaw> {
        let mut at = lex::space(self.bytes, 0);
        if at == self.bytes.len() {
            return Err(Flaw::new(Fault::JsonEmpty, at));
        }
        loop {
            at = match self.value(at)? {
                Next::Value(at) => at,
                Next::After(at) => match self.after(at)? {
                    Some(at) => at,
                    None => return Ok(()),
                },
            };
        }
    }

    #[inline(always)]
    fn value(&mut self, at: usize) -> Result<Next, Flaw> {
        if lex::peek(self.bytes, at) == b'"' {
            let end = lex::string(self.bytes, at + 1)?;
            return self.leaf(at, end, Some(ValueKind::String));
        }
        self.other_value(at)
    }

    /// All but strings. Apart, so that the most frequent branch is one and not one of a table.
    #[inline(never)]
    fn other_value(&mut self, at: usize) -> Result<Next, Flaw> {
        match lex::peek(self.bytes, at) {
            b'{' => self.open(at, Container::Object),
            b'[' => self.open(at, Container::Array),
            b'-' | b'0'..=b'9' => {
                let end = lex::number(self.bytes, at)?;
                self.leaf(at, end, Some(ValueKind::Number))
            }
            b't' => self.literal(at, b"true", Some(ValueKind::Boolean)),
            b'f' => self.literal(at, b"false", Some(ValueKind::Boolean)),
            b'n' => self.literal(at, b"null", None),
            _ => Err(lex::unexpected(self.bytes, at)),
        }
    }

    fn literal(&mut self, at: usize, word: &[u8], kind: Option<ValueKind>) -> Result<Next, Flaw> {
        let end = lex::literal(self.bytes, at, word)?;
        self.leaf(at, end, kind)
    }

    /// Closes what closes here and finds the next value; none at the document's end.
    #[inline(always)]
    fn after(&mut self, mut at: usize) -> Result<Option<usize>, Flaw> {
        // most values are followed by the next member, without white space
        if lex::pair(self.bytes, at) == *b",\"" && self.frame.container == Container::Object {
            self.frame.items.comma = at as u32;
            return self.member_at_quote(at + 1).map(Some);
        }
        loop {
            at = lex::space(self.bytes, at);
            if lex::peek(self.bytes, at) == b',' && self.frame.container != Container::Document {
                return self.item_after(at).map(Some);
            }
            match self.closing(at)? {
                Some(after) => at = after,
                None => return Ok(None),
            }
        }
    }

    #[inline(always)]
    fn item_after(&mut self, comma: usize) -> Result<usize, Flaw> {
        self.frame.items.comma = comma as u32;
        let at = lex::space(self.bytes, comma + 1);
        if self.frame.container == Container::Object {
            return self.member(at);
        }
        self.begin_item(at);
        Ok(at)
    }

    /// What follows a value and is no comma; none at the document's end.
    #[inline(never)]
    fn closing(&mut self, at: usize) -> Result<Option<usize>, Flaw> {
        match (self.frame.container, lex::peek(self.bytes, at)) {
            (Container::Object, b'}') | (Container::Array, b']') => self.close(at + 1)?,
            (Container::Document, _) if at == self.bytes.len() => return Ok(None),
            (Container::Document, _) => return Err(Flaw::new(Fault::JsonTrailingData, at)),
            _ => return Err(lex::unexpected(self.bytes, at)),
        }
        Ok(Some(at + 1))
    }

    /// Reads a key and its colon; gives the offset of the value.
    #[inline(always)]
    fn member(&mut self, at: usize) -> Result<usize, Flaw> {
        if lex::peek(self.bytes, at) != b'"' {
            return Err(lex::unexpected(self.bytes, at));
        }
        self.member_at_quote(at)
    }

    #[inline(always)]
    fn member_at_quote(&mut self, at: usize) -> Result<usize, Flaw> {
        self.begin_item(at);
        let (key, hash) = match lex::plain_key(self.bytes, at + 1) {
            Some(found) => found,
            None => lex::unusual_key(self.bytes, at + 1)?,
        };
        self.buffers.keys.push(self.text, &mut self.frame.keys, key, hash)?;
        self.frame.key = key;
        self.frame.key_hash = (hash >> 32) as u32;
        self.frame.child = self.step(key, hash);
        let after = key.end as usize + 1;
        if let [b':', b'!'..=u8::MAX] = lex::pair(self.bytes, after) {
            return Ok(after + 1);
        }
        let colon = lex::space(self.bytes, after);
        if lex::peek(self.bytes, colon) != b':' {
            return Err(lex::unexpected(self.bytes, colon));
        }
        Ok(lex::space(self.bytes, colon + 1))
    }

    #[inline(always)]
    fn step(&self, key: Key, hash: u64) -> State {
        self.automaton.key(self.frame.state, hash, |named| {
            if key.is_escaped() {
                Unescaped::new(key.raw(self.text)).eq(named.chars())
            } else {
                key.raw(self.text) == named
            }
        })
    }

    #[inline(always)]
    fn begin_item(&mut self, at: usize) {
        let items = &mut self.frame.items;
        items.start = at as u32;
        items.begun += 1;
        if items.open_removal != NONE {
            self.buffers.spans[items.open_removal as usize].removal.end = at;
            items.open_removal = NONE;
        }
    }

    #[inline(always)]
    fn leaf(&mut self, start: usize, end: usize, kind: Option<ValueKind>) -> Result<Next, Flaw> {
        let skip = self.skip_plain && self.automaton.is_plain(self.frame.child);
        if !skip || self.frame.container == Container::Document {
            self.meaningful_leaf(Leaf { start, end, kind })?;
        }
        Ok(Next::After(end))
    }

    #[inline(always)]
    fn open(&mut self, at: usize, container: Container) -> Result<Next, Flaw> {
        if self.buffers.stack.len() >= self.limits.max_depth {
            return Err(Flaw::new(Fault::JsonTooDeep, at));
        }
        self.begin_container(at, container)?;
        let first = lex::space(self.bytes, at + 1);
        match (container, lex::peek(self.bytes, first)) {
            (Container::Object, b'}') | (Container::Array, b']') => {
                self.close(first + 1)?;
                Ok(Next::After(first + 1))
            }
            (Container::Object, _) => self.member(first).map(Next::Value),
            _ => {
                self.begin_item(first);
                Ok(Next::Value(first))
            }
        }
    }

    #[inline(always)]
    fn begin_container(&mut self, at: usize, container: Container) -> Result<(), Flaw> {
        let keys = self.buffers.keys.open();
        let document = self.frame.container == Container::Document;
        if document || !self.automaton.is_plain_container(self.frame.child) {
            return self.begin_meaningful_container(at, container, keys);
        }
        self.buffers.stack.push(self.frame);
        self.frame.enter(container, keys);
        self.begin_items(container);
        Ok(())
    }

    #[inline(never)]
    fn begin_meaningful_container(
        &mut self,
        at: usize,
        container: Container,
        keys: Mark,
    ) -> Result<(), Flaw> {
        let mut inner = self.frame;
        inner.enter(container, keys);
        self.meaningful_container(at, &mut inner)?;
        self.buffers.stack.push(std::mem::replace(&mut self.frame, inner));
        self.begin_items(container);
        Ok(())
    }

    #[inline(always)]
    fn begin_items(&mut self, container: Container) {
        if container == Container::Array {
            self.frame.child = self.automaton.elements(self.frame.state);
        }
        self.frame.pairs = self.buffers.pairs.len() as u32;
    }

    /// Ends the innermost container; `end` is after its bracket.
    fn close(&mut self, end: usize) -> Result<(), Flaw> {
        self.buffers.keys.close(self.text, self.frame.keys)?;
        let Some(outer) = self.buffers.stack.pop() else { return Ok(()) };
        let inner = std::mem::replace(&mut self.frame, outer);
        self.placed_levels = self.placed_levels.min(self.buffers.stack.len() + 1);
        if inner.span != NONE {
            self.end_span(inner.span, end);
        }
        if inner.is_root {
            self.buffers.roots[inner.root as usize].value.end = end;
        }
        if self.automaton_is_typed {
            self.close_typed(&inner, end)?;
        }
        Ok(())
    }
}

//! Reads a document once and reports what a profile protects in it.
//!
//! The scanner keeps its buffers from document to document. It never changes a document, never
//! interprets a number, and never reports anything of a document that is not valid to its end.

mod frame;
mod identity;
mod meaning;
mod pairs;
mod paths;
mod resource;
mod span;
mod steps;
mod typed;
mod walk;
mod written;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

pub use span::{Root, Span, ValueKind};

use crate::coverage::Coverage;
use crate::error::{DocumentFault, HealthError, Position};
use crate::fields::{FieldId, Fields};
use crate::json::Flaw;
use crate::json::keys::Keys;
use crate::profile::{Collection, Profile, Record, RuleId};
use crate::selector::Selector;
use frame::Frame;

/// What a document may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Objects and arrays open at once; 128 by default.
    pub max_depth: usize,
    /// Length of a document; at most, and by default, 4 GiB less one byte.
    pub max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_depth: 128, max_bytes: u32::MAX as usize }
    }
}

/// Buffers that are filled anew for each document.
#[derive(Default)]
struct Buffers {
    keys: Keys,
    stack: Vec<Frame>,
    spans: Vec<Span>,
    roots: Vec<Root>,
    path: String,
    pairs: Vec<pairs::Pair>,
}

/// A reusable scanner for documents of one profile.
///
/// Its `Debug` form is the profile's name: the buffers hold keys of documents.
pub struct Scanner {
    profile: Arc<Profile>,
    limits: Limits,
    buffers: Buffers,
    fields: Fields,
    steps: steps::Steps,
    /// The field of a state whose values all have the same path, once one was met.
    field_of_state: Vec<Option<FieldId>>,
    /// How many values were met in each state of the automaton that has a meaning.
    hits: Vec<u64>,
    identities: Identities,
}

/// Whether a record with protected values must have its names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Identities {
    Needed,
    NotNeeded,
}

impl Scanner {
    /// A scanner with empty buffers and counters.
    #[must_use]
    pub fn new(profile: Arc<Profile>, limits: Limits) -> Self {
        let states = profile.automaton().meanings().len();
        Self {
            profile,
            limits: Limits { max_bytes: limits.max_bytes.min(u32::MAX as usize), ..limits },
            buffers: Buffers::default(),
            fields: Fields::default(),
            steps: steps::Steps::default(),
            field_of_state: vec![None; states],
            hits: vec![0; states],
            identities: Identities::Needed,
        }
    }

    /// The same scanner for whoever looks only and binds nothing: a record may lack its identity.
    /// What FHIR says of identities is part of what a value is, and is asked for all the same.
    #[must_use]
    pub fn without_identities(mut self) -> Self {
        self.identities = Identities::NotNeeded;
        self
    }

    /// Finds the protected values of one JSON document.
    ///
    /// A protected value that is `null` is no span, as there is nothing to protect; an empty
    /// string is one.
    ///
    /// # Errors
    /// A [`HealthError::Document`]; then nothing of the document may be used.
    pub fn scan<'s>(&'s mut self, document: &'s [u8]) -> Result<Scanned<'s>, HealthError> {
        self.run(document, None)?;
        Ok(Scanned { scanner: self, document })
    }

    /// Adds all leaf paths of one document to `coverage`, protected or not.
    ///
    /// # Errors
    /// As [`Self::scan`], except that a record may lack its identity and an unnamed value is
    /// counted under `unnamed = "refuse"` too: this is the way to find both.
    pub fn cover(&mut self, document: &[u8], coverage: &mut Coverage) -> Result<(), HealthError> {
        self.run(document, Some(coverage))
    }

    /// The profile.
    #[must_use]
    pub fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    /// The path of a field id that this scanner gave.
    #[must_use]
    pub fn field(&self, id: FieldId) -> &str {
        self.fields.name(id)
    }

    /// How many values each selector has named so far, `null` included, in the profile's order. A
    /// value counts for each selector that names it, also for one that another precedes.
    #[must_use]
    pub fn selector_hits(&self) -> Vec<u64> {
        let mut hits = vec![0_u64; self.profile.selectors().count()];
        for (&count, meaning) in self.hits.iter().zip(self.profile.automaton().meanings()) {
            for &selector in &meaning.selectors {
                hits[selector as usize] = hits[selector as usize].saturating_add(count);
            }
        }
        hits
    }

    /// The selectors that have named no value so far: typing errors, or rules of no use here.
    #[must_use]
    pub fn unmatched_selectors(&self) -> Vec<(RuleId, &Selector)> {
        let selectors = self.profile.selectors().zip(self.selector_hits());
        selectors.filter(|(_, hits)| *hits == 0).map(|(selector, _)| selector).collect()
    }

    /// The rules none of whose selectors has named a value so far.
    #[must_use]
    pub fn unmatched_rules(&self) -> Vec<RuleId> {
        let hits = self.profile.selectors().zip(self.selector_hits());
        let mut used = vec![false; self.profile.rules().len()];
        for ((rule, _), hits) in hits {
            used[usize::from(rule.0)] |= hits > 0;
        }
        (0..).zip(used).filter(|(_, used)| !used).map(|(rule, _)| RuleId(rule)).collect()
    }

    fn run(&mut self, document: &[u8], coverage: Option<&mut Coverage>) -> Result<(), HealthError> {
        self.walk(document, coverage).map_err(|Flaw { fault, at }| HealthError::Document {
            fault,
            at: Position::of(document, at),
        })
    }

    fn walk(&mut self, document: &[u8], coverage: Option<&mut Coverage>) -> Result<(), Flaw> {
        let text = checked_text(document, self.limits.max_bytes)?;
        let counting = coverage.is_some();
        walk::Walk::new(text, self, coverage).run()?;
        match self.profile.fhir() {
            _ if counting => Ok(()),
            Some(_) => resource::complete(&self.profile, text, &mut self.buffers),
            None if self.identities == Identities::NotNeeded => Ok(()),
            None => identity::check(&self.profile, text, &self.buffers.roots),
        }
    }
}

/// UTF-8 is checked once and first, so that the grammar works on single bytes.
fn checked_text(document: &[u8], max_bytes: usize) -> Result<&str, Flaw> {
    if document.len() > max_bytes {
        return Err(Flaw::new(DocumentFault::DocumentTooLarge, max_bytes));
    }
    if document.starts_with(b"\xEF\xBB\xBF") {
        return Err(Flaw::new(DocumentFault::JsonBom, 0));
    }
    simdutf8::basic::from_utf8(document).map_err(|_| {
        let valid = simdutf8::compat::from_utf8(document).err().map(|error| error.valid_up_to());
        Flaw::new(DocumentFault::JsonInvalidUtf8, valid.unwrap_or(0))
    })
}

/// What one document holds, borrowed from it and from its scanner.
///
/// Its `Debug` form counts; it shows nothing of the document.
pub struct Scanned<'s> {
    scanner: &'s Scanner,
    document: &'s [u8],
}

impl fmt::Debug for Scanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scanner").field("profile", &self.profile.name()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Scanned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (spans, roots) = (self.spans().len(), self.roots().len());
        f.debug_struct("Scanned").field("spans", &spans).field("roots", &roots).finish()
    }
}

impl<'s> Scanned<'s> {
    /// The protected values in the order of the document; none overlaps another.
    #[must_use]
    pub fn spans(&self) -> &'s [Span] {
        &self.scanner.buffers.spans
    }

    /// The record roots in the order of the document; the first is the document itself.
    #[must_use]
    pub fn roots(&self) -> &'s [Root] {
        &self.scanner.buffers.roots
    }

    /// The path to which a span is bound.
    #[must_use]
    pub fn field(&self, span: &Span) -> &'s str {
        self.scanner.field(span.field)
    }

    /// The record root of a span.
    #[must_use]
    pub fn root(&self, span: &Span) -> Option<&'s Root> {
        self.roots().get(span.root as usize)
    }

    /// The collection of a record, unescaped. None only for a root without protected values.
    #[must_use]
    pub fn collection(&self, root: &Root) -> Option<Cow<'s, str>> {
        match self.scanner.profile.collection() {
            Collection::Constant(name) => Some(Cow::Borrowed(name)),
            Collection::At { otherwise, .. } => match &root.collection {
                Some(found) => identity::text(self.document, found),
                None => otherwise.as_deref().map(Cow::Borrowed),
            },
        }
    }

    /// The id of a record, unescaped. None when the profile binds no record, and for a root
    /// without protected values that has none.
    #[must_use]
    pub fn record(&self, root: &Root) -> Option<Cow<'s, str>> {
        match self.scanner.profile.record() {
            Record::Unbound => None,
            Record::At(_) => identity::text(self.document, root.record.as_ref()?),
        }
    }

    /// The subject of a record (by its number), unescaped: its own, else that of the nearest record
    /// around it. None when the profile binds no subject, and for a root without protected values
    /// that has none.
    #[must_use]
    pub fn subject(&self, number: usize) -> Option<Cow<'s, str>> {
        self.scanner.profile.subject()?;
        identity::text(self.document, &identity::subject(self.roots(), number)?)
    }

    /// The name of a record, as the encrypted document gives it; none as for [`Self::record`].
    ///
    /// In a profile of FHIR ids may be pseudonyms: `replaced` says what stands for one, and `made`
    /// gives the id of a record (by its number) that has none of its own.
    #[must_use]
    pub fn record_name(
        &self,
        number: usize,
        replaced: &mut dyn FnMut(&str) -> String,
        made: &mut dyn FnMut(usize) -> Option<String>,
    ) -> Option<String> {
        let profile = &self.scanner.profile;
        let root = self.roots().get(number)?;
        if profile.fhir().is_none() || matches!(profile.record(), Record::Unbound) {
            return self.record(root).map(Cow::into_owned);
        }
        resource::name(profile, self.document, self.roots(), number, replaced, made)
    }

    /// Line and column of a byte offset; takes time linear in the offset.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        Position::of(self.document, offset)
    }
}

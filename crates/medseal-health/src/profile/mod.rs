//! What is protected in a kind of document, and how its records are named.
//!
//! A profile is data, checked completely when it is loaded: a contradiction is an error then, not
//! when the ten-thousandth patient is read. It says nothing about keys but their names.

mod build;
mod builtin;
mod fhir_toml;
pub(crate) mod toml;

use std::collections::BTreeSet;

use crate::automaton::{Automaton, Types};
use crate::error::HealthError;
use crate::fhir::Release;
use crate::fhir::known::Known;
use crate::fhir::selector::Named;
use crate::path::FieldPath;
use crate::selector::Selector;

/// What happens to the values of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Placement {
    /// The value is replaced by its ciphertext, in its place.
    Inline,
    /// The value is deleted, with its key or its place in the array.
    Remove,
    /// The value stays readable, with all that is in it.
    Keep,
    /// The element's value gives way to extensions, one of which holds the ciphertext.
    Masked,
    /// A narrative gives way to one that holds the ciphertext.
    Narrative,
    /// Base64 gives way to the base64 of the ciphertext.
    Attachment,
    /// An id gives way to another one; the store keeps which is which.
    Pseudonym,
    /// Not of a rule: the id that was made for a record without one.
    Record,
}

impl Placement {
    /// The value stays in the document as ciphertext, bound to its record.
    #[must_use]
    pub fn is_sealed(self) -> bool {
        matches!(self, Self::Inline | Self::Masked | Self::Narrative | Self::Attachment)
    }

    /// The name in a profile, a field's definition and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Remove => "remove",
            Self::Keep => "keep",
            Self::Masked => "masked",
            Self::Narrative => "narrative",
            Self::Attachment => "attachment",
            Self::Pseudonym => "pseudonym",
            Self::Record => "record",
        }
    }
}

/// What happens to values that no rule names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unnamed {
    /// They stay readable.
    #[default]
    Keep,
    /// Each string, number and boolean is a span of placement `inline`.
    Encrypt,
    /// The document is refused.
    Refuse,
}

/// Where the collection of a record comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Collection {
    /// The same for all records.
    Constant(String),
    /// A value of the record.
    At {
        /// Its path from the record root; keys only.
        path: FieldPath,
        /// The collection of records that have no such value.
        otherwise: Option<String>,
    },
}

/// Where the id of a record comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// Values are not bound to a record.
    Unbound,
    /// The first of these paths from the record root that has a value; keys only.
    At(Vec<FieldPath>),
}

/// The rule by which a span was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub(crate) u16);

impl RuleId {
    /// No rule: the value was found under `unnamed = "encrypt"`.
    pub const UNNAMED: Self = Self(u16::MAX);

    /// Its place among [`Profile::rules`]; none for [`Self::UNNAMED`].
    #[must_use]
    pub fn index(self) -> Option<usize> {
        (self != Self::UNNAMED).then_some(usize::from(self.0))
    }
}

/// One rule of a profile.
#[derive(Debug, Clone)]
pub struct Rule {
    selectors: Vec<Selector>,
    elements: Vec<Named>,
    extensions: Vec<String>,
    types: Types,
    placement: Placement,
    class: String,
    key: Option<String>,
    padded: bool,
}

impl Rule {
    /// What it names.
    #[must_use]
    pub fn selectors(&self) -> &[Selector] {
        &self.selectors
    }

    /// The types and elements of FHIR that it names.
    pub(crate) fn elements(&self) -> &[Named] {
        &self.elements
    }

    /// The urls of the extensions of FHIR that it names.
    pub(crate) fn extensions(&self) -> &[String] {
        &self.extensions
    }

    /// Whether it takes an object whole; otherwise it leaves the object to the other rules.
    #[must_use]
    pub fn takes_objects(&self) -> bool {
        self.types.objects
    }

    /// Whether it takes an array whole; otherwise it leaves the array to the other rules.
    #[must_use]
    pub fn takes_arrays(&self) -> bool {
        self.types.arrays
    }

    /// What happens to it.
    #[must_use]
    pub fn placement(&self) -> Placement {
        self.placement
    }

    /// The field class, for policy.
    #[must_use]
    pub fn class(&self) -> &str {
        &self.class
    }

    /// The key's name, when it is not the default one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Whether the length of its values is hidden.
    #[must_use]
    pub fn padded(&self) -> bool {
        self.padded
    }
}

/// A checked profile.
#[derive(Debug)]
pub struct Profile {
    name: String,
    revision: u32,
    description: String,
    roots: Vec<Selector>,
    collection: Collection,
    record: Record,
    subject: Option<Vec<FieldPath>>,
    unnamed: Unnamed,
    rules: Vec<Rule>,
    automaton: Automaton,
    fhir: Option<Fhir>,
}

/// What a profile of FHIR knows beside its automaton.
#[derive(Debug)]
pub(crate) struct Fhir {
    pub(crate) release: Release,
    /// Each type of resource, and whether its ids are pseudonyms.
    pub(crate) pseudonymous: Known<&'static str, bool>,
}

/// The field class of values of which nobody has said one.
pub const UNCLASSIFIED: &str = "unclassified";

impl Profile {
    /// Reads a profile from TOML.
    ///
    /// # Errors
    /// `PROFILE_SYNTAX`, `PROFILE_CONFLICT`, `PROFILE_TOO_COMPLEX` and `SELECTOR_SYNTAX`, with the
    /// line of the TOML text where there is one.
    pub fn from_toml(text: &str) -> Result<Self, HealthError> {
        toml::read(text)
    }

    /// A profile named `paths` which protects these selectors inline and keeps everything else.
    ///
    /// Its one rule has the class `unclassified` and the default key.
    ///
    /// # Errors
    /// `SELECTOR_SYNTAX`, `PROFILE_SYNTAX` and `PROFILE_CONFLICT`, as for [`Self::from_toml`].
    pub fn from_paths(
        paths: &[&str],
        collection: Collection,
        record: Record,
    ) -> Result<Self, HealthError> {
        let selectors = paths.iter().map(|path| Selector::parse(path));
        let rule = Rule {
            selectors: selectors.collect::<Result<_, _>>()?,
            elements: Vec::new(),
            extensions: Vec::new(),
            types: Types { objects: true, arrays: true },
            placement: Placement::Inline,
            class: UNCLASSIFIED.to_owned(),
            key: None,
            padded: false,
        };
        build::build(build::Parts {
            name: "paths".to_owned(),
            rules: vec![rule],
            ..build::Parts::new(collection, record)
        })
    }

    /// The built-in profile of this name.
    #[must_use]
    pub fn builtin(name: &str) -> Option<Self> {
        builtin::load(name)
    }

    /// The names of the built-in profiles.
    pub fn builtin_names() -> impl Iterator<Item = &'static str> {
        builtin::names()
    }

    /// The TOML text of the built-in profile of this name, to start an own one from.
    #[must_use]
    pub fn builtin_toml(name: &str) -> Option<&'static str> {
        builtin::text(name)
    }

    /// The same profile with values that are not bound to a record.
    #[must_use]
    pub fn without_record(mut self) -> Self {
        self.record = Record::Unbound;
        self
    }

    /// Its name, `[a-z0-9-]+`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its revision, from 1 up; 0 for [`Self::from_paths`].
    #[must_use]
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// What it is for.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Where records start besides the document itself, relative to the document.
    #[must_use]
    pub fn roots(&self) -> &[Selector] {
        &self.roots
    }

    /// Where the collection comes from.
    #[must_use]
    pub fn collection(&self) -> &Collection {
        &self.collection
    }

    /// Where the record id comes from.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Where the patient's id comes from, when values are bound to one: the first of these paths
    /// from the record root that has a value; keys only.
    #[must_use]
    pub fn subject(&self) -> Option<&[FieldPath]> {
        self.subject.as_deref()
    }

    /// What happens to values that no rule names.
    #[must_use]
    pub fn unnamed(&self) -> Unnamed {
        self.unnamed
    }

    /// The rules in order: of those that name one value, the first wins.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule with this id; none for [`RuleId::UNNAMED`].
    #[must_use]
    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.rules.get(id.index()?)
    }

    /// The field class of values of this rule; `unclassified` for values no rule names.
    #[must_use]
    pub fn class(&self, id: RuleId) -> &str {
        self.rule(id).map_or(UNCLASSIFIED, Rule::class)
    }

    /// All field classes that spans of this profile can have.
    #[must_use]
    pub fn classes(&self) -> BTreeSet<&str> {
        let rules = self.rules.iter().filter(|rule| rule.placement != Placement::Keep);
        let unnamed = (self.unnamed == Unnamed::Encrypt).then_some(UNCLASSIFIED);
        rules.map(Rule::class).chain(unnamed).collect()
    }

    /// The release of FHIR whose types the rules name; none for a profile of paths.
    #[must_use]
    pub fn release(&self) -> Option<Release> {
        self.fhir.as_ref().map(|fhir| fhir.release)
    }

    pub(crate) fn fhir(&self) -> Option<&Fhir> {
        self.fhir.as_ref()
    }

    /// A profile that finds nothing, to check documents with.
    pub(crate) fn nothing() -> Self {
        build::nothing()
    }

    pub(crate) fn automaton(&self) -> &Automaton {
        &self.automaton
    }

    /// All selectors with their rules, in the order of the automaton's numbers.
    pub(crate) fn selectors(&self) -> impl Iterator<Item = (RuleId, &Selector)> {
        let rules = (0..).map(RuleId).zip(&self.rules);
        rules.flat_map(|(id, rule)| rule.selectors.iter().map(move |selector| (id, selector)))
    }
}

//! Checks the parts of a profile against one another and compiles its selectors.

use super::{Collection, Fhir, Placement, Profile, Record, Rule, RuleId, Unnamed};
use crate::automaton::{Automaton, Purpose};
use crate::error::{HealthError, Position, ProfileFault};
use crate::fhir::compile::compile as compile_types;
use crate::fhir::types::{Release, Types};
use crate::json::hash;
use crate::path::{FieldPath, MAX_PATH_BYTES, ROOT, Step, Token};
use crate::selector::Selector;

/// A rule's number must stay below that of "unnamed".
const MAX_RULES: usize = 10_000;
/// Alternative paths of a record id.
const MAX_ALTERNATIVES: usize = 16;

/// A profile before it is checked.
pub(super) struct Parts {
    pub(super) name: String,
    pub(super) revision: u32,
    pub(super) description: String,
    pub(super) roots: Vec<Selector>,
    pub(super) collection: Collection,
    pub(super) record: Record,
    pub(super) subject: Option<Vec<FieldPath>>,
    pub(super) unnamed: Unnamed,
    pub(super) rules: Vec<Rule>,
    /// Where the selectors of all rules stand in the TOML text, in order; empty without a text.
    pub(super) places: Vec<Position>,
}

impl Parts {
    pub(super) fn new(collection: Collection, record: Record) -> Self {
        Self {
            name: String::new(),
            revision: 0,
            description: String::new(),
            roots: Vec::new(),
            collection,
            record,
            subject: None,
            unnamed: Unnamed::Keep,
            rules: Vec::new(),
            places: Vec::new(),
        }
    }
}

/// The profile without any rule.
pub(super) fn nothing() -> Profile {
    let collection = Collection::Constant(String::new());
    assemble(Parts::new(collection, Record::Unbound), Automaton::nothing(), None)
}

/// A profile of FHIR: records are resources, and what no rule names is encrypted.
pub(super) fn build_fhir(
    name: String,
    revision: u32,
    description: String,
    rules: Vec<Rule>,
    release: Release,
    types: &Types,
) -> Result<Profile, HealthError> {
    let path = FieldPath::from_any_spelling;
    let collection = Collection::At { path: path("resourceType")?, otherwise: None };
    let record = Record::At(vec![path("id")?]);
    check_count(&rules)?;
    let (automaton, pseudonymous) = compile_types(types, &rules)?;
    let parts = Parts {
        name,
        revision,
        description,
        rules,
        unnamed: Unnamed::Encrypt,
        ..Parts::new(collection, record)
    };
    Ok(assemble(parts, automaton, Some(Fhir { release, pseudonymous })))
}

fn check_count(rules: &[Rule]) -> Result<(), HealthError> {
    if rules.len() > MAX_RULES {
        return Err(HealthError::profile(ProfileFault::TooComplex, "more than 10000 rules"));
    }
    Ok(())
}

pub(super) fn build(mut parts: Parts) -> Result<Profile, HealthError> {
    check_identity(&parts)?;
    check_count(&parts.rules)?;
    let places = std::mem::take(&mut parts.places);
    let automaton = compile(&parts).ok_or_else(|| {
        HealthError::profile(ProfileFault::TooComplex, "their table would exceed 4 MiB")
    })?;
    let profile = assemble(parts, automaton, None);
    check_removals(&profile, &places)?;
    check_identity_kept(&profile, &places)?;
    check_same_rule_again(&profile, &places)?;
    Ok(profile)
}

fn assemble(parts: Parts, automaton: Automaton, fhir: Option<Fhir>) -> Profile {
    let Parts { name, revision, description, roots, unnamed, rules, .. } = parts;
    let Parts { collection, record, subject, .. } = parts;
    Profile {
        name,
        revision,
        description,
        roots,
        collection,
        record,
        subject,
        unnamed,
        rules,
        automaton,
        fhir,
    }
}

/// An identity is one value of the record, so its path has keys only; and it must fit a context.
fn check_identity(parts: &Parts) -> Result<(), HealthError> {
    let Parts { collection, record, subject, .. } = parts;
    let paths = collection_path(collection).into_iter().chain(record_paths(record));
    for path in paths.chain(subject.iter().flatten()) {
        if path.as_str() == ROOT || path.steps().any(|step| step == Step::Elements) {
            let detail = format!("`{path}` does not lead to one value by keys alone");
            return Err(HealthError::profile(ProfileFault::Selector, detail));
        }
    }
    let constant = match collection {
        Collection::Constant(constant) => Some(constant),
        Collection::At { otherwise, .. } => otherwise.as_ref(),
    };
    if constant.is_some_and(|constant| !(1..=MAX_PATH_BYTES).contains(&constant.len())) {
        return Err(malformed("a collection has 1 to 1024 bytes"));
    }
    if matches!(record, Record::At(paths) if !(1..=MAX_ALTERNATIVES).contains(&paths.len())) {
        return Err(malformed("a record id has 1 to 16 alternative paths"));
    }
    if matches!(subject, Some(paths) if !(1..=MAX_ALTERNATIVES).contains(&paths.len())) {
        return Err(malformed("a subject has 1 to 16 alternative paths"));
    }
    Ok(())
}

fn malformed(detail: &str) -> HealthError {
    HealthError::profile(ProfileFault::Syntax, detail)
}

fn collection_path(collection: &Collection) -> Option<&FieldPath> {
    match collection {
        Collection::Constant(_) => None,
        Collection::At { path, .. } => Some(path),
    }
}

fn record_paths(record: &Record) -> &[FieldPath] {
    match record {
        Record::Unbound => &[],
        Record::At(paths) => paths,
    }
}

fn compile(parts: &Parts) -> Option<Automaton> {
    let keys = |path: &FieldPath| path.steps().filter_map(key_token).collect::<Vec<_>>();
    let collection = collection_path(&parts.collection).map(keys);
    let records: Vec<_> = record_paths(&parts.record).iter().map(keys).collect();
    let subjects: Vec<_> = parts.subject.iter().flatten().map(keys).collect();
    let rules = (0..).zip(&parts.rules);
    let selectors =
        rules.flat_map(|(rule, r)| r.selectors.iter().map(move |s| (rule, r.types, s.tokens())));
    let mut patterns: Vec<(Purpose, &[Token])> = Vec::new();
    patterns.extend(parts.roots.iter().map(|root| (Purpose::Root, root.tokens())));
    patterns.extend(collection.iter().map(|tokens| (Purpose::Collection, &tokens[..])));
    patterns.extend((0..).zip(&records).map(|(rank, path)| (Purpose::Record(rank), &path[..])));
    patterns.extend((0..).zip(&subjects).map(|(rank, path)| (Purpose::Subject(rank), &path[..])));
    patterns.extend((0..).zip(selectors).map(|(selector, (rule, types, tokens))| {
        (Purpose::Rule { selector, rule, types }, tokens)
    }));
    // The document is a root anyway, and a pattern that says so would name inner values as well.
    patterns.retain(|(purpose, tokens)| *purpose != Purpose::Root || !tokens.is_empty());
    Automaton::new(&patterns)
}

fn key_token(step: Step<'_>) -> Option<Token> {
    match step {
        Step::Key(key) => Some(Token::Key(key.into_owned())),
        Step::Elements => None,
    }
}

fn conflict(detail: String, place: Option<&Position>) -> HealthError {
    let error = HealthError::profile(ProfileFault::Conflict, detail);
    place.map_or(error.clone(), |&place| error.placed(place))
}

/// Without its root a document would be no JSON any more.
fn check_removals(profile: &Profile, places: &[Position]) -> Result<(), HealthError> {
    for (number, (rule, selector)) in profile.selectors().enumerate() {
        if placement(profile, rule) == Placement::Remove && selector.as_str() == ROOT {
            let detail = "`$` is the whole record and cannot be removed from itself".to_owned();
            return Err(conflict(detail, places.get(number)));
        }
    }
    Ok(())
}

/// Refuses a rule that hides an identity at its very path. A rule that hides a container of it is
/// found in the document: another alternative may be present there.
fn check_identity_kept(profile: &Profile, places: &[Position]) -> Result<(), HealthError> {
    let automaton = profile.automaton();
    let paths = collection_path(&profile.collection).into_iter();
    let paths = paths.chain(record_paths(&profile.record));
    for path in paths.chain(profile.subject.iter().flatten()) {
        let steps = path.steps().filter_map(key_token);
        let state = steps.fold(Automaton::START, |state, token| match token {
            Token::Key(key) => {
                automaton.key(state, hash::of_key(key.as_bytes()), |other| other == key)
            }
            _ => state,
        });
        let meaning = automaton.meaning(state);
        let rule = meaning.scalar.map(RuleId);
        if rule.is_some_and(|rule| placement(profile, rule) != Placement::Keep) {
            let selector = meaning.selectors.first().map_or(0, |&selector| selector as usize);
            let detail = format!("a rule protects `{path}`, by which records are named");
            return Err(conflict(detail, places.get(selector)));
        }
    }
    Ok(())
}

/// An encrypted object or array has become a string, and the same rule must find that string.
fn check_same_rule_again(profile: &Profile, places: &[Position]) -> Result<(), HealthError> {
    for meaning in profile.automaton().meanings() {
        let same = |rule: Option<u16>| rule.is_none() || rule == meaning.scalar;
        if !(same(meaning.object) && same(meaning.array)) {
            let detail = "two rules with different `types` name the same value".to_owned();
            let selector = meaning.selectors.first().map_or(0, |&selector| selector as usize);
            return Err(conflict(detail, places.get(selector)));
        }
    }
    Ok(())
}

fn placement(profile: &Profile, rule: RuleId) -> Placement {
    profile.rule(rule).map_or(Placement::Inline, Rule::placement)
}

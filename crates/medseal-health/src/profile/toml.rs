//! The TOML form of a profile, and where in it an error stands.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::build::{Parts, build};
use super::{Collection, Placement, Profile, Record, Rule, Unnamed, fhir_toml};
use crate::automaton::Types;
use crate::error::{HealthError, Position, ProfileFault};
use crate::fhir::Release;
use crate::path::FieldPath;
use crate::selector::Selector;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProfile {
    pub(super) profile: Spanned<String>,
    pub(super) revision: u32,
    #[serde(default)]
    pub(super) description: String,
    /// The release whose types the rules name.
    pub(super) fhir: Option<Release>,
    /// A built-in profile of FHIR whose rules follow these.
    pub(super) base: Option<Spanned<String>>,
    document: Option<Spanned<RawDocument>>,
    #[serde(default)]
    pub(super) rule: Vec<RawRule>,
}

impl RawProfile {
    pub(super) fn has_document(&self) -> bool {
        self.document.is_some()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDocument {
    #[serde(default)]
    roots: Vec<Spanned<String>>,
    collection: Spanned<RawCollection>,
    record: Spanned<RawRecord>,
    subject: Option<Spanned<RawRecord>>,
    #[serde(default)]
    unnamed: Unnamed,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a name, or { path = \"...\", otherwise = \"...\" }")]
enum RawCollection {
    Constant(String),
    At(RawAt),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAt {
    path: String,
    otherwise: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected \"none\", or { path = \"...\" }, or { path = [...] }")]
enum RawRecord {
    Word(Unbound),
    At(RawPaths),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unbound {
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPaths {
    path: OneOrMore,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    pub(super) paths: Option<Spanned<Vec<Spanned<String>>>>,
    /// Types and elements of FHIR.
    pub(super) elements: Option<Spanned<Vec<Spanned<String>>>>,
    /// Urls of extensions of FHIR.
    pub(super) extensions: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) types: Option<Spanned<Vec<RawType>>>,
    pub(super) placement: Spanned<RawPlacement>,
    pub(super) class: Spanned<String>,
    pub(super) key: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) padded: bool,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawPlacement {
    Inline,
    Remove,
    Keep,
    Encrypt,
    Masked,
    Pseudonym,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawType {
    Scalar,
    Object,
    Array,
}

pub(super) fn read(text: &str) -> Result<Profile, HealthError> {
    let raw: RawProfile = toml::from_str(text).map_err(|error| syntax(text, &error))?;
    let reader = Reader { text };
    if raw.fhir.is_some() || raw.base.is_some() {
        return fhir_toml::read(&reader, raw);
    }
    let name = reader.word(&raw.profile)?;
    let Some(document) = raw.document else {
        let error = HealthError::profile(ProfileFault::Syntax, "missing field `document`");
        return Err(error.placed(Position::of(text.as_bytes(), 0)));
    };
    let place = reader.place(document.span());
    let document = document.into_inner();
    let subject = document.subject.map(|subject| reader.record(subject)).transpose()?;
    let roots = document.roots.iter().map(|root| reader.selector(root));
    let places = raw.rule.iter().flat_map(|rule| rule.paths.iter().flat_map(Spanned::as_ref));
    let parts = Parts {
        name,
        revision: raw.revision,
        description: raw.description,
        roots: roots.collect::<Result<_, _>>()?,
        unnamed: document.unnamed,
        places: places.map(|path| reader.place(path.span())).collect(),
        rules: raw.rule.iter().map(|rule| reader.rule(rule)).collect::<Result<_, _>>()?,
        subject: match subject {
            Some(Record::At(paths)) => Some(paths),
            Some(Record::Unbound) | None => None,
        },
        ..Parts::new(reader.collection(document.collection)?, reader.record(document.record)?)
    };
    build(parts).map_err(|error| match error.position() {
        Some(_) => error,
        None => error.placed(place),
    })
}

/// Takes only the first line of the parser's message: the others draw the text.
pub(crate) fn syntax(text: &str, error: &toml::de::Error) -> HealthError {
    let detail = error.message().lines().next().unwrap_or_default();
    let at = error.span().map_or(0, |span| span.start);
    HealthError::profile(ProfileFault::Syntax, detail).placed(Position::of(text.as_bytes(), at))
}

pub(crate) struct Reader<'t> {
    pub(crate) text: &'t str,
}

impl Reader<'_> {
    pub(crate) fn place(&self, span: Range<usize>) -> Position {
        Position::of(self.text.as_bytes(), span.start)
    }

    fn selector(&self, text: &Spanned<String>) -> Result<Selector, HealthError> {
        Selector::parse(text.as_ref()).map_err(|error| error.placed(self.place(text.span())))
    }

    fn path(&self, text: &str, place: Position) -> Result<FieldPath, HealthError> {
        FieldPath::from_any_spelling(text).map_err(|error| match error {
            HealthError::Profile { detail, .. } => {
                HealthError::profile(ProfileFault::Selector, format!("`{text}`: {detail}"))
                    .placed(place)
            }
            other => other,
        })
    }

    fn collection(&self, raw: Spanned<RawCollection>) -> Result<Collection, HealthError> {
        let place = self.place(raw.span());
        Ok(match raw.into_inner() {
            RawCollection::Constant(name) => Collection::Constant(name),
            RawCollection::At(RawAt { path, otherwise }) => {
                Collection::At { path: self.path(&path, place)?, otherwise }
            }
        })
    }

    fn record(&self, raw: Spanned<RawRecord>) -> Result<Record, HealthError> {
        let place = self.place(raw.span());
        let paths = match raw.into_inner() {
            RawRecord::Word(Unbound::None) => return Ok(Record::Unbound),
            RawRecord::At(RawPaths { path: OneOrMore::One(path) }) => vec![path],
            RawRecord::At(RawPaths { path: OneOrMore::More(paths) }) => paths,
        };
        let paths = paths.iter().map(|path| self.path(path, place));
        Ok(Record::At(paths.collect::<Result<_, _>>()?))
    }

    fn rule(&self, raw: &RawRule) -> Result<Rule, HealthError> {
        let paths = raw.paths.as_ref().map(Spanned::as_ref).unwrap_or(const { &Vec::new() });
        let paths_only = raw.elements.is_none() && raw.extensions.is_none();
        if paths.is_empty() || !paths_only {
            let detail =
                "a rule needs a path; `elements` and `extensions` are for profiles of FHIR";
            let named = raw.paths.as_ref().or(raw.elements.as_ref()).or(raw.extensions.as_ref());
            return Err(self.syntax(detail, named.map_or(raw.class.span(), Spanned::span)));
        }
        let selectors = paths.iter().map(|path| self.selector(path));
        Ok(Rule {
            selectors: selectors.collect::<Result<_, _>>()?,
            elements: Vec::new(),
            extensions: Vec::new(),
            types: self.types(raw.types.as_ref())?,
            placement: self.placement(&raw.placement)?,
            class: self.word(&raw.class)?,
            key: raw.key.as_ref().map(|key| self.key_name(key)).transpose()?,
            padded: raw.padded,
        })
    }

    fn placement(&self, raw: &Spanned<RawPlacement>) -> Result<Placement, HealthError> {
        match raw.as_ref() {
            RawPlacement::Inline => Ok(Placement::Inline),
            RawPlacement::Remove => Ok(Placement::Remove),
            RawPlacement::Keep => Ok(Placement::Keep),
            _ => {
                let detail = "a profile of paths knows `inline`, `remove` and `keep`";
                Err(self.syntax(detail, raw.span()))
            }
        }
    }

    pub(super) fn syntax(&self, detail: &str, span: Range<usize>) -> HealthError {
        HealthError::profile(ProfileFault::Syntax, detail).placed(self.place(span))
    }

    fn types(&self, raw: Option<&Spanned<Vec<RawType>>>) -> Result<Types, HealthError> {
        let Some(raw) = raw else {
            return Ok(Types { objects: true, arrays: true });
        };
        let types = raw.as_ref();
        if !types.contains(&RawType::Scalar) {
            let detail = "`types` contains \"scalar\": an encrypted value is a string";
            let error = HealthError::profile(ProfileFault::Syntax, detail);
            return Err(error.placed(self.place(raw.span())));
        }
        Ok(Types {
            objects: types.contains(&RawType::Object),
            arrays: types.contains(&RawType::Array),
        })
    }

    /// A name of the profile's own vocabulary.
    pub(crate) fn word(&self, text: &Spanned<String>) -> Result<String, HealthError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        self.name(text, allowed, "a name has 1 to 64 of the characters a-z, 0-9 and -")
    }

    /// A key's name; which keys exist is not known here.
    pub(crate) fn key_name(&self, text: &Spanned<String>) -> Result<String, HealthError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        self.name(
            text,
            allowed,
            "a key name has 1 to 64 of the characters A-Z, a-z, 0-9, ., _ and -",
        )
    }

    fn name(
        &self,
        text: &Spanned<String>,
        allowed: impl Fn(u8) -> bool,
        rule: &str,
    ) -> Result<String, HealthError> {
        let name = text.as_ref();
        if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
            return Ok(name.clone());
        }
        let error = HealthError::profile(ProfileFault::Syntax, rule);
        Err(error.placed(self.place(text.span())))
    }
}

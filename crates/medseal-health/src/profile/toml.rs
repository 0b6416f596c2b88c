//! The TOML form of a profile, and where in it an error stands.

use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use super::build::{Parts, build};
use super::{Collection, Placement, Profile, Record, Rule, Unnamed};
use crate::automaton::Types;
use crate::error::{HealthError, Position, ProfileFault};
use crate::path::FieldPath;
use crate::selector::Selector;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProfile {
    profile: Spanned<String>,
    revision: u32,
    #[serde(default)]
    description: String,
    document: Spanned<RawDocument>,
    #[serde(default)]
    rule: Vec<RawRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDocument {
    #[serde(default)]
    roots: Vec<Spanned<String>>,
    collection: Spanned<RawCollection>,
    record: Spanned<RawRecord>,
    /// Known, so that it is refused as what it is and not as a typing error.
    subject: Option<Spanned<IgnoredAny>>,
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
struct RawRule {
    paths: Spanned<Vec<Spanned<String>>>,
    types: Option<Spanned<Vec<RawType>>>,
    placement: Placement,
    class: Spanned<String>,
    key: Option<Spanned<String>>,
    #[serde(default)]
    padded: bool,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum RawType {
    Scalar,
    Object,
    Array,
}

pub(super) fn read(text: &str) -> Result<Profile, HealthError> {
    let raw: RawProfile = toml::from_str(text).map_err(|error| syntax(text, &error))?;
    let reader = Reader { text };
    let name = reader.word(&raw.profile)?;
    let place = reader.place(raw.document.span());
    let document = raw.document.into_inner();
    if let Some(subject) = &document.subject {
        let fault = ProfileFault::NotAvailable;
        let error = HealthError::profile(fault, "`subject` binds values to a patient");
        return Err(error.placed(reader.place(subject.span())));
    }
    let roots = document.roots.iter().map(|root| reader.selector(root));
    let places = raw.rule.iter().flat_map(|rule| rule.paths.as_ref());
    let parts = Parts {
        name,
        revision: raw.revision,
        description: raw.description,
        roots: roots.collect::<Result<_, _>>()?,
        unnamed: document.unnamed,
        places: places.map(|path| reader.place(path.span())).collect(),
        rules: raw.rule.iter().map(|rule| reader.rule(rule)).collect::<Result<_, _>>()?,
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
        let paths = raw.paths.as_ref();
        if paths.is_empty() {
            let place = self.place(raw.paths.span());
            let error = HealthError::profile(ProfileFault::Syntax, "a rule needs a path");
            return Err(error.placed(place));
        }
        let selectors = paths.iter().map(|path| self.selector(path));
        Ok(Rule {
            selectors: selectors.collect::<Result<_, _>>()?,
            types: self.types(raw.types.as_ref())?,
            placement: raw.placement,
            class: self.word(&raw.class)?,
            key: raw.key.as_ref().map(|key| self.key_name(key)).transpose()?,
            padded: raw.padded,
        })
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

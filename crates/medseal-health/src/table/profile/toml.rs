//! The TOML form of a table's profile, and where in it an error stands.

use serde::Deserialize;
use toml::Spanned;

use super::{ColumnPlacement, ColumnRule, NamePattern, TableProfile, TableRecord};
use crate::error::HealthError;
use crate::profile::Unnamed;
use crate::profile::toml::{Reader, Unbound, syntax};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProfile {
    profile: Spanned<String>,
    revision: u32,
    #[serde(default)]
    description: String,
    table: Spanned<RawTable>,
    #[serde(default)]
    column: Vec<RawColumn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    collection: Option<String>,
    record: Spanned<RawRecord>,
    subject: Option<Spanned<RawRecord>>,
    #[serde(default)]
    unnamed: Unnamed,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected \"none\", or { names = [...], like = [...] }")]
enum RawRecord {
    Word(Unbound),
    Column(RawNames),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNames {
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    like: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawColumn {
    #[serde(default)]
    names: Vec<Spanned<String>>,
    #[serde(default)]
    like: Vec<Spanned<String>>,
    placement: ColumnPlacement,
    class: Spanned<String>,
    key: Option<Spanned<String>>,
    #[serde(default)]
    padded: bool,
}

pub(super) fn read(text: &str) -> Result<TableProfile, HealthError> {
    let raw: RawProfile = toml::from_str(text).map_err(|error| syntax(text, &error))?;
    let reader = Reader { text };
    let name = reader.word(&raw.profile)?;
    let place = reader.place(raw.table.span());
    let table = raw.table.into_inner();
    let record = record(&reader, table.record)?;
    let subject = table.subject.map(|subject| self::record(&reader, subject)).transpose()?;
    let rules = raw.column.iter().map(|raw| rule(&reader, raw));
    TableProfile {
        name,
        revision: raw.revision,
        description: raw.description,
        collection: table.collection,
        record,
        subject: match subject {
            Some(TableRecord::Column(patterns)) => Some(patterns),
            Some(TableRecord::Unbound) | None => None,
        },
        unnamed: table.unnamed,
        rules: rules.collect::<Result<_, _>>()?,
        all_named: false,
    }
    .checked()
    .map_err(|error| error.placed(place))
}

fn record(reader: &Reader<'_>, raw: Spanned<RawRecord>) -> Result<TableRecord, HealthError> {
    let place = reader.place(raw.span());
    let raw = match raw.into_inner() {
        RawRecord::Word(Unbound::None) => return Ok(TableRecord::Unbound),
        RawRecord::Column(raw) => raw,
    };
    let exact = raw.names.iter().map(|name| Ok(NamePattern::exact(name)));
    let like = raw.like.iter().map(|pattern| NamePattern::like(pattern));
    let patterns = exact.chain(like).collect::<Result<_, _>>();
    Ok(TableRecord::Column(patterns.map_err(|error: HealthError| error.placed(place))?))
}

fn rule(reader: &Reader<'_>, raw: &RawColumn) -> Result<ColumnRule, HealthError> {
    let class = reader.word(&raw.class)?;
    let patterns = patterns(reader, &raw.names, &raw.like)?;
    if patterns.is_empty() {
        let error = super::malformed("a column rule needs `names` or `like`");
        return Err(error.placed(reader.place(raw.class.span())));
    }
    let key = raw.key.as_ref().map(|key| reader.key_name(key)).transpose()?;
    Ok(ColumnRule { patterns, placement: raw.placement, class, key, padded: raw.padded })
}

fn patterns(
    reader: &Reader<'_>,
    names: &[Spanned<String>],
    like: &[Spanned<String>],
) -> Result<Vec<NamePattern>, HealthError> {
    let exact = names.iter().map(|name| Ok(NamePattern::exact(name.as_ref())));
    let like = like.iter().map(|pattern| {
        NamePattern::like(pattern.as_ref())
            .map_err(|error| error.placed(reader.place(pattern.span())))
    });
    exact.chain(like).collect()
}

//! The header held against the profile: what each column is.

use std::collections::HashSet;
use std::ops::Range;

use super::dialect::{Dialect, unquoted};
use super::lex::Fault;
use super::profile::{ColumnPlacement, ColumnRule, NamePattern, TableProfile, TableRecord};
use super::words::Words;
use crate::error::{DocumentFault, HealthError, ProfileFault};
use crate::fields::FieldId;
use crate::profile::Unnamed;

/// The most columns of a table; spreadsheets end there.
const MAX_COLUMNS: usize = 16_384;

/// What covers a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnCover {
    /// A rule names it: its number among [`TableProfile::rules`], and what happens.
    Rule(usize, ColumnPlacement),
    /// It names the record and stays readable.
    Record,
    /// It names the subject and stays readable.
    Subject,
    /// No rule names it, and it is encrypted because the profile says so.
    UnnamedEncrypted,
    /// No rule names it, and it stays readable.
    Unnamed,
}

/// One column of a table. No `Debug` form: names are keys of a document.
#[derive(Clone)]
pub struct Column {
    name: String,
    field: FieldId,
    cover: ColumnCover,
    class: String,
    overruled: Vec<usize>,
}

impl Column {
    /// Its name, to which its cells are bound: the text of the header's cell, without quotes.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number, as spans carry it.
    #[must_use]
    pub fn field(&self) -> FieldId {
        self.field
    }

    /// What covers it.
    #[must_use]
    pub fn cover(&self) -> ColumnCover {
        self.cover
    }

    /// The field class of its cells; `unclassified` where no rule names it.
    #[must_use]
    pub fn class(&self) -> &str {
        &self.class
    }

    /// The rule that names it.
    #[must_use]
    pub fn rule<'p>(&self, profile: &'p TableProfile) -> Option<&'p ColumnRule> {
        match self.cover {
            ColumnCover::Rule(rule, _) => profile.rules().get(rule),
            _ => None,
        }
    }

    /// Later rules that name it too and would have done something else with it.
    #[must_use]
    pub fn overruled(&self) -> &[usize] {
        &self.overruled
    }

    /// What happens to its cells.
    #[must_use]
    pub fn placement(&self) -> ColumnPlacement {
        match self.cover {
            ColumnCover::Rule(_, placement) => placement,
            ColumnCover::UnnamedEncrypted => ColumnPlacement::Inline,
            ColumnCover::Record | ColumnCover::Subject | ColumnCover::Unnamed => {
                ColumnPlacement::Keep
            }
        }
    }
}

/// The columns of one table.
pub(super) struct Columns {
    pub(super) all: Vec<Column>,
    /// The column that names the record.
    pub(super) record: Option<usize>,
    /// The column that names the subject.
    pub(super) subject: Option<usize>,
    /// Columns whose cells become spans, ascending.
    pub(super) protected: Vec<usize>,
}

/// Whether rows have to be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identities {
    Needed,
    NotNeeded,
}

/// A header is refused with a byte of it, or because the profile does not fit it.
pub(super) enum Refusal {
    At(Fault),
    Profile(HealthError),
}

impl Columns {
    pub(super) fn resolve(
        header: &[u8],
        cells: &[Range<usize>],
        dialect: Dialect,
        profile: &TableProfile,
        identities: Identities,
    ) -> Result<Self, Refusal> {
        let names = names(header, cells, dialect)?;
        let words: Vec<Words> = names.iter().map(|name| Words::of(name)).collect();
        let named = || names.iter().map(String::as_str).zip(&words);
        check_all_found(profile, &names)?;
        let needed = |found: Result<Option<usize>, Refusal>| match identities {
            Identities::Needed => found,
            Identities::NotNeeded => Ok(found.unwrap_or_default()),
        };
        let record = needed(record_column(profile, named()))?;
        let subject = needed(subject_column(profile, named()))?;
        let mut all = Vec::with_capacity(names.len());
        for (at, (name, words)) in named().enumerate() {
            let start = cells.get(at).map_or(0, |cell| cell.start);
            let refused = |fault| Refusal::At((fault, start));
            let identity = match at {
                _ if record == Some(at) => Some(ColumnCover::Record),
                _ if subject == Some(at) => Some(ColumnCover::Subject),
                _ => None,
            };
            let column = column(at, name, words, identity, profile);
            let column = column.map_err(refused)?;
            all.push(column);
        }
        let is_protected = |column: &&Column| column.placement() != ColumnPlacement::Keep;
        let protected = all.iter().filter(is_protected).map(|c| c.field.index()).collect();
        Ok(Self { all, record, subject, protected })
    }
}

fn names(header: &[u8], cells: &[Range<usize>], dialect: Dialect) -> Result<Vec<String>, Refusal> {
    let at = |fault, cell: &Range<usize>| Refusal::At((fault, cell.start));
    let mut names = Vec::with_capacity(cells.len());
    let mut seen = HashSet::new();
    for (number, cell) in cells.iter().enumerate() {
        if number >= MAX_COLUMNS {
            return Err(at(DocumentFault::CsvTooManyColumns, cell));
        }
        let bytes = unquoted(header.get(cell.clone()).unwrap_or_default());
        let name = dialect.encoding.decode(&bytes);
        let name = name.ok_or_else(|| at(DocumentFault::CsvInvalidUtf8, cell))?.into_owned();
        if name.trim().is_empty() {
            return Err(at(DocumentFault::CsvHeaderEmpty, cell));
        }
        if !seen.insert(name.clone()) {
            return Err(at(DocumentFault::CsvHeaderTwice, cell));
        }
        names.push(name);
    }
    Ok(names)
}

/// A name that was typed for this table and is not in it is a mistake, and the column that was meant
/// would stay readable.
fn check_all_found(profile: &TableProfile, names: &[String]) -> Result<(), Refusal> {
    let mut typed = profile.rules().iter().flat_map(ColumnRule::patterns);
    let missing = typed.find(|pattern| !names.iter().any(|name| name == pattern.as_str()));
    match missing.filter(|_| profile.all_named()) {
        Some(pattern) => Err(unfit(ProfileFault::ColumnMissing, pattern.as_str())),
        None => Ok(()),
    }
}

fn unfit(fault: ProfileFault, pattern: &str) -> Refusal {
    Refusal::Profile(HealthError::profile(fault, format!("`{pattern}`")))
}

fn record_column<'n>(
    profile: &TableProfile,
    named: impl Iterator<Item = (&'n str, &'n Words)> + Clone,
) -> Result<Option<usize>, Refusal> {
    let TableRecord::Column(patterns) = profile.record() else { return Ok(None) };
    let faults = (ProfileFault::RecordColumnMissing, ProfileFault::RecordColumnUnclear);
    identity_column(patterns, named, faults)
}

fn subject_column<'n>(
    profile: &TableProfile,
    named: impl Iterator<Item = (&'n str, &'n Words)> + Clone,
) -> Result<Option<usize>, Refusal> {
    let Some(patterns) = profile.subject() else { return Ok(None) };
    let faults = (ProfileFault::SubjectColumnMissing, ProfileFault::SubjectColumnUnclear);
    identity_column(patterns, named, faults)
}

/// The column that the first pattern finds which finds any.
fn identity_column<'n>(
    patterns: &[NamePattern],
    named: impl Iterator<Item = (&'n str, &'n Words)> + Clone,
    (missing, unclear): (ProfileFault, ProfileFault),
) -> Result<Option<usize>, Refusal> {
    for pattern in patterns {
        let columns = named.clone().enumerate();
        let mut found = columns.filter(|(_, (name, words))| pattern.matches(name, words));
        match (found.next(), found.next()) {
            (None, _) => {}
            (Some((at, _)), None) => return Ok(Some(at)),
            _ => return Err(unfit(unclear, pattern.as_str())),
        }
    }
    let all: Vec<&str> = patterns.iter().map(NamePattern::as_str).collect();
    Err(unfit(missing, &all.join("`, `")))
}

fn column(
    at: usize,
    name: &str,
    words: &Words,
    identity: Option<ColumnCover>,
    profile: &TableProfile,
) -> Result<Column, DocumentFault> {
    let names = |rule: &ColumnRule| rule.patterns().iter().any(|p| p.matches(name, words));
    let mut found = profile.rules().iter().enumerate().filter(|(_, rule)| names(rule));
    let first = found.next();
    let differs = |rule: &ColumnRule| {
        first.is_some_and(|(_, first)| {
            (rule.placement(), rule.class(), rule.key(), rule.padded())
                != (first.placement(), first.class(), first.key(), first.padded())
        })
    };
    let overruled = found.filter(|(_, rule)| differs(rule)).map(|(at, _)| at).collect();
    let cover = match (identity, first, profile.unnamed()) {
        (Some(_), Some((_, rule)), _) if rule.placement() != ColumnPlacement::Keep => {
            return Err(DocumentFault::IdentityProtected);
        }
        (Some(identity), ..) => identity,
        (None, Some((number, rule)), _) => ColumnCover::Rule(number, rule.placement()),
        (None, None, Unnamed::Keep) => ColumnCover::Unnamed,
        (None, None, Unnamed::Encrypt) => ColumnCover::UnnamedEncrypted,
        (None, None, Unnamed::Refuse) => return Err(DocumentFault::UnnamedValue),
    };
    let class = profile.class_of(first.map(|(number, _)| number)).to_owned();
    // a table has at most 16384 columns
    let field = FieldId(u32::try_from(at).unwrap_or(u32::MAX));
    Ok(Column { name: name.to_owned(), field, cover, class, overruled })
}

impl Columns {
    /// Names and patterns that are no column.
    pub(super) fn unmatched<'p>(&self, profile: &'p TableProfile) -> Vec<&'p str> {
        let words: Vec<Words> = self.all.iter().map(|column| Words::of(&column.name)).collect();
        let used = |pattern: &NamePattern| {
            self.all.iter().zip(&words).any(|(column, words)| pattern.matches(&column.name, words))
        };
        let patterns = profile.rules().iter().flat_map(ColumnRule::patterns);
        patterns.filter(|pattern| !used(pattern)).map(NamePattern::as_str).collect()
    }
}

//! Which columns of tables are protected, and which column names the record.
//!
//! As for documents, a profile is data and is checked completely when it is loaded. It names columns
//! by their exact names or by patterns on words; of several rules that name a column, the first
//! counts.

mod builtin;
mod toml;

use crate::error::{HealthError, ProfileFault};
use crate::path::MAX_PATH_BYTES;
use crate::profile::{UNCLASSIFIED, Unnamed};
use crate::table::words::{WordPattern, Words};

/// What happens to the cells of a column. A cell has no other place to put a ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnPlacement {
    /// Each cell that is not empty is replaced by its ciphertext.
    Inline,
    /// The cells are emptied for good; the column stays, so that the table keeps its shape.
    Remove,
    /// The cells stay readable.
    Keep,
}

/// Something that names columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern {
    text: String,
    /// None for an exact name.
    words: Option<WordPattern>,
}

impl NamePattern {
    /// The column of this very name.
    #[must_use]
    pub fn exact(name: &str) -> Self {
        Self { text: name.to_owned(), words: None }
    }

    /// Columns that have these words, such as `first name`, or no others, such as `=first`.
    ///
    /// # Errors
    /// `COLUMN_PATTERN_SYNTAX` for anything but words in lower case with one space between them.
    pub fn like(pattern: &str) -> Result<Self, HealthError> {
        let words = WordPattern::parse(pattern).ok_or_else(|| {
            HealthError::profile(ProfileFault::ColumnPattern, format!("`{pattern}`"))
        })?;
        Ok(Self { text: pattern.to_owned(), words: Some(words) })
    }

    /// The name or pattern as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn matches(&self, name: &str, words: &Words) -> bool {
        match &self.words {
            Some(pattern) => pattern.matches(words),
            None => self.text == name,
        }
    }
}

/// Where the id of a row's record stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableRecord {
    /// Cells are not bound to a record.
    Unbound,
    /// In the column that the first of these finds.
    Column(Vec<NamePattern>),
}

/// One rule of a table's profile.
#[derive(Debug, Clone)]
pub struct ColumnRule {
    patterns: Vec<NamePattern>,
    placement: ColumnPlacement,
    class: String,
    key: Option<String>,
    padded: bool,
}

impl ColumnRule {
    /// What it names.
    #[must_use]
    pub fn patterns(&self) -> &[NamePattern] {
        &self.patterns
    }

    /// What happens to the cells.
    #[must_use]
    pub fn placement(&self) -> ColumnPlacement {
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

/// A checked profile of tables.
#[derive(Debug, Clone)]
pub struct TableProfile {
    name: String,
    revision: u32,
    description: String,
    collection: Option<String>,
    record: TableRecord,
    subject: Option<Vec<NamePattern>>,
    unnamed: Unnamed,
    rules: Vec<ColumnRule>,
    /// Every exact name must be a column: they were typed for this table.
    all_named: bool,
}

/// Rules and patterns are compared with each column name, one by one.
const MAX_PATTERNS: usize = 10_000;

impl TableProfile {
    /// Reads a profile from TOML.
    ///
    /// # Errors
    /// `PROFILE_SYNTAX`, `PROFILE_CONFLICT`, `PROFILE_TOO_COMPLEX` and `COLUMN_PATTERN_SYNTAX`, with
    /// the line of the TOML text where there is one.
    pub fn from_toml(text: &str) -> Result<Self, HealthError> {
        toml::read(text)
    }

    /// Whether a TOML text is a profile of tables and not of documents; says nothing about whether
    /// it is a good one.
    #[must_use]
    pub fn is_meant_by(text: &str) -> bool {
        text.lines().any(|line| line.trim() == "[table]")
    }

    /// A profile named `columns-given` that protects the columns of these names and keeps all
    /// others. A table that lacks one of them is refused.
    ///
    /// # Errors
    /// `PROFILE_SYNTAX` for an empty name, `PROFILE_CONFLICT` for one that stands twice.
    pub fn from_columns(names: &[&str], record: TableRecord) -> Result<Self, HealthError> {
        let rule = ColumnRule {
            patterns: names.iter().map(|name| NamePattern::exact(name)).collect(),
            placement: ColumnPlacement::Inline,
            class: UNCLASSIFIED.to_owned(),
            key: None,
            padded: false,
        };
        Self {
            name: "columns-given".to_owned(),
            revision: 0,
            description: String::new(),
            collection: None,
            record,
            subject: None,
            unnamed: Unnamed::Keep,
            rules: vec![rule],
            all_named: true,
        }
        .checked()
    }

    /// The built-in profile of this name.
    #[must_use]
    pub fn builtin(name: &str) -> Option<Self> {
        Self::from_toml(builtin::text(name)?).ok()
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

    /// The same profile with cells bound to another record column, or to none.
    #[must_use]
    pub fn with_record(mut self, record: TableRecord) -> Self {
        self.record = record;
        self
    }

    /// The same profile with cells bound to the subject of another column.
    #[must_use]
    pub fn with_subject(mut self, column: NamePattern) -> Self {
        self.subject = Some(vec![column]);
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its revision, from 1 up; 0 for [`Self::from_columns`].
    #[must_use]
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// What it is for.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The collection, if the profile says it.
    #[must_use]
    pub fn collection(&self) -> Option<&str> {
        self.collection.as_deref()
    }

    /// Where the record id stands.
    #[must_use]
    pub fn record(&self) -> &TableRecord {
        &self.record
    }

    /// Where the patient's id stands, when cells are bound to one: in the column that the first of
    /// these finds.
    #[must_use]
    pub fn subject(&self) -> Option<&[NamePattern]> {
        self.subject.as_deref()
    }

    /// What happens to columns that no rule names.
    #[must_use]
    pub fn unnamed(&self) -> Unnamed {
        self.unnamed
    }

    /// The rules in order: of those that name a column, the first counts.
    #[must_use]
    pub fn rules(&self) -> &[ColumnRule] {
        &self.rules
    }

    pub(super) fn class_of(&self, rule: Option<usize>) -> &str {
        rule.and_then(|rule| self.rules.get(rule)).map_or(UNCLASSIFIED, ColumnRule::class)
    }

    pub(super) fn all_named(&self) -> bool {
        self.all_named
    }

    /// Holds the parts against one another.
    fn checked(self) -> Result<Self, HealthError> {
        let context = |name: &String| (1..=MAX_PATH_BYTES).contains(&name.len());
        if !self.collection.as_ref().is_none_or(context) {
            return Err(malformed("a collection has 1 to 1024 bytes"));
        }
        let record: &[NamePattern] = match &self.record {
            TableRecord::Column(patterns) if patterns.is_empty() => {
                return Err(malformed("a record column needs a name or a pattern"));
            }
            TableRecord::Column(patterns) => patterns,
            TableRecord::Unbound => &[],
        };
        let subject = self.subject.as_deref();
        if subject.is_some_and(<[_]>::is_empty) {
            return Err(malformed("a subject column needs a name or a pattern"));
        }
        let patterns = || self.rules.iter().flat_map(ColumnRule::patterns);
        if patterns().count() > MAX_PATTERNS {
            let detail = "more than 10000 names and patterns";
            return Err(HealthError::profile(ProfileFault::TooComplex, detail));
        }
        if patterns()
            .chain(record)
            .chain(subject.unwrap_or_default())
            .any(|pattern| pattern.text.is_empty())
        {
            return Err(malformed("a column name is not empty"));
        }
        let mut seen = std::collections::HashSet::new();
        for pattern in patterns() {
            if !seen.insert((pattern.words.is_some(), pattern.as_str())) {
                let detail = format!("`{}` stands twice", pattern.as_str());
                return Err(HealthError::profile(ProfileFault::Conflict, detail));
            }
        }
        Ok(self)
    }
}

fn malformed(detail: &str) -> HealthError {
    HealthError::profile(ProfileFault::Syntax, detail)
}

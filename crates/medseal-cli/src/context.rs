//! `-c COLLECTION/FIELD[/RECORD]` and `--context`, from the line or from a file.
//!
//! Patients' ids need never stand on a command line, where every process can see them: `@FILE`
//! reads the same text from a file (`@-` is not taken, standard input carries the value).

use crate::failure::Failure;
use crate::subject;
use medseal_engine::fields::Target;
use medseal_engine::files::{DEFAULT_COLLECTION, DEFAULT_FIELD};
use medseal_engine::{Binding, EngineError, Scope};
use std::path::Path;

pub(crate) const DEFAULT_TENANT: &str = "default";

/// A parsed context that owns its text.
pub(crate) struct Context {
    scope: Scope,
    record: Option<String>,
    row_version: Option<String>,
    pairs: Vec<(String, String)>,
    subject: Option<String>,
    no_record: bool,
}

impl Context {
    /// From `-c`, `--context` and `--tenant`.
    pub(crate) fn parse(
        place: Option<&str>,
        context: Option<&str>,
        tenant: Option<&str>,
        no_record: bool,
    ) -> Result<Self, Failure> {
        match (place, context) {
            (Some(place), None) => Self::from_place(
                read_text(place)?.trim_end_matches(['\r', '\n']),
                tenant.unwrap_or(DEFAULT_TENANT),
                no_record,
            ),
            (None, Some(context)) => Self::from_pairs(&read_text(context)?, tenant, no_record),
            _ => Err(Failure::usage("say where the value stands: -c COLLECTION/FIELD[/RECORD]")),
        }
    }

    /// Where a file belongs when nobody says.
    pub(crate) fn of_files(tenant: &str) -> Result<Self, Failure> {
        let scope = scope(tenant, DEFAULT_COLLECTION, DEFAULT_FIELD)?;
        let (record, row_version, pairs, subject) = (None, None, Vec::new(), None);
        Ok(Self { scope, record, row_version, pairs, subject, no_record: true })
    }

    /// Split at the first two slashes: a record's id may hold more of them.
    fn from_place(place: &str, tenant: &str, no_record: bool) -> Result<Self, Failure> {
        let mut parts = place.splitn(3, '/');
        let (Some(collection), Some(field)) = (parts.next(), parts.next()) else {
            return Err(Failure::usage("a place is COLLECTION/FIELD or COLLECTION/FIELD/RECORD"));
        };
        let record = parts.next().map(str::to_owned);
        let scope = scope(tenant, collection, field)?;
        let (row_version, pairs, subject) = (None, Vec::new(), None);
        Ok(Self { scope, record, row_version, pairs, subject, no_record })
    }

    fn from_pairs(text: &str, tenant: Option<&str>, no_record: bool) -> Result<Self, Failure> {
        let separator = if text.contains('\n') { '\n' } else { ',' };
        let mut known: [(&str, Option<&str>); 6] = [
            ("tenant", None),
            ("collection", None),
            ("field", None),
            ("record", None),
            ("row_version", None),
            ("subject", None),
        ];
        let mut pairs = Vec::new();
        for pair in text.split(separator).map(|p| p.trim_end_matches('\r')) {
            if pair.is_empty() {
                continue;
            }
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| Failure::usage("a context pair is name=value"))?;
            match known.iter_mut().find(|(known, _)| *known == name) {
                Some((_, Some(_))) => return Err(twice()),
                Some((_, slot)) => *slot = Some(value),
                None => pairs.push((name.to_owned(), value.to_owned())),
            }
        }
        pairs.sort();
        let [named_tenant, collection, field, record, row_version, subject] =
            known.map(|(_, value)| value);
        let missing = || Failure::usage("a context needs collection= and field=");
        let (collection, field) = collection.zip(field).ok_or_else(missing)?;
        let tenant = match (tenant, named_tenant) {
            (Some(option), Some(pair)) if option != pair => {
                return Err(Failure::usage("--tenant and tenant= differ; leave one of them out"));
            }
            (option, pair) => pair.or(option).unwrap_or(DEFAULT_TENANT),
        };
        let scope = scope(tenant, collection, field)?;
        let [record, row_version, subject] =
            [record, row_version, subject].map(|value| value.map(str::to_owned));
        Ok(Self { scope, record, row_version, pairs, subject, no_record })
    }

    /// The same place for the subject that `--subject` names.
    pub(crate) fn with_subject(mut self, given: Option<&str>) -> Result<Self, Failure> {
        match (given, &self.subject) {
            (Some(_), Some(_)) => {
                Err(Failure::usage("--subject and subject= name one twice; leave one of them out"))
            }
            (Some(given), None) => {
                self.subject = Some(subject::from_file(given)?);
                Ok(self)
            }
            (None, _) => Ok(self),
        }
    }

    pub(crate) fn tenant(&self) -> &str {
        self.scope.tenant()
    }

    /// The caller's own pairs, for [`Context::target`].
    pub(crate) fn pairs(&self) -> Vec<(&str, &str)> {
        self.pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect()
    }

    /// The target; `pairs` are [`Context::pairs`].
    pub(crate) fn target<'a>(&'a self, pairs: &'a [(&'a str, &'a str)]) -> Target<'a> {
        let binding = Binding {
            record: self.record.as_deref(),
            row_version: self.row_version.as_deref(),
            pairs,
        };
        let subject = self.subject.as_deref();
        Target { scope: &self.scope, binding, subject, no_record: self.no_record }
    }
}

/// COLLECTION/FIELD without a record.
pub(crate) fn scope_of(field: &str, tenant: &str) -> Result<Scope, Failure> {
    let (collection, field) =
        field.split_once('/').ok_or_else(|| Failure::usage("a field is COLLECTION/FIELD"))?;
    scope(tenant, collection, field)
}

fn scope(tenant: &str, collection: &str, field: &str) -> Result<Scope, Failure> {
    Ok(Scope::new(tenant, collection, field).map_err(EngineError::from)?)
}

fn twice() -> Failure {
    Failure::usage("a context name stands twice")
}

/// The text itself, or the content of the file after `@`.
fn read_text(text: &str) -> Result<String, Failure> {
    let Some(path) = text.strip_prefix('@') else { return Ok(text.to_owned()) };
    std::fs::read_to_string(Path::new(path))
        .map_err(|error| Failure::Read { path: path.to_owned(), kind: error.kind() })
}

//! Which fields a batch of documents needs, and how a profile defines them.

use super::Run;
use super::batch::Document;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::fields::{DEFAULT_KEY, FieldDefinition};
use crate::runs::{FieldNeeded, NewFields, agreed};
use medseal_core::context::Scope;
use medseal_core::envelope::Flags;
use medseal_health::{Placement, Record, Span};

impl Engine {
    /// Resolves every field of a batch.
    pub(super) async fn resolve_fields(
        &self,
        run: &mut Run<'_>,
        documents: &[Document],
        new_fields: NewFields,
    ) -> Result<u64, EngineError> {
        let spans = documents.iter().flat_map(|d| d.spans.iter().map(move |span| (d, span)));
        let bound = spans.filter(|(_, span)| !is_of_ids(span));
        let needed = bound.filter_map(|(document, span)| {
            let identity = document.identity(span)?;
            Some(FieldNeeded { identity, field: span.field, place: (document, span) })
        });
        let Run { scanner, keys, job, .. } = run;
        let describe = |needed: &FieldNeeded<'_, (&Document, &Span)>, known: &_| {
            let (document, span) = needed.place;
            let name = scanner.field(span.field);
            let described = Scope::new(&job.tenant, &needed.identity.collection, name)
                .map_err(EngineError::from)
                .and_then(|scope| {
                    let definition = agreed(known, &scope, wanted(&job.profile, span)?)?;
                    Ok((scope, definition))
                });
            described.map_err(|error| error.at(document.position(span)))
        };
        self.resolve_needed(keys, &job.tenant, needed, describe, new_fields).await
    }
}

/// Ids are replaced and led back, not sealed in their place: no field is defined for them.
fn is_of_ids(span: &Span) -> bool {
    matches!(span.placement, Placement::Pseudonym | Placement::Record)
}

/// The definition that the profile asks for.
fn wanted(profile: &medseal_health::Profile, span: &Span) -> Result<FieldDefinition, EngineError> {
    let rule = profile.rule(span.rule);
    let record_bound = !matches!(profile.record(), Record::Unbound);
    let subject_bound = profile.subject().is_some();
    let padded = rule.is_some_and(|rule| rule.padded());
    Ok(FieldDefinition {
        key: rule.and_then(|rule| rule.key()).unwrap_or(DEFAULT_KEY).to_owned(),
        class: profile.class(span.rule).to_owned(),
        flags: Flags::new(padded, record_bound, false, subject_bound)?,
        placement: span.placement.name().to_owned(),
        profile: Some(profile.name().to_owned()),
    })
}

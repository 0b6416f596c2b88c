//! The keys of one run: each (collection, field) is resolved once, not once a value.

use super::Run;
use super::batch::{Document, Identity};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::fields::{DEFAULT_KEY, Definitions, FieldDefinition, ResolvedKey};
use medseal_core::KeyVersionId;
use medseal_core::context::{Binding, Scope};
use medseal_core::envelope::{Envelope, Flags};
use medseal_core::keyring::Usage;
use medseal_health::{FieldId, Placement, Record, Span};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What stands for one field in one collection.
pub(super) struct RunField {
    pub(super) scope: Scope,
    pub(super) definition: FieldDefinition,
    /// the key that encrypts, once it is needed
    pub(super) encrypting: Option<ResolvedKey>,
    /// keys that decrypt, by the version a header names
    decrypting: HashMap<KeyVersionId, Arc<ResolvedKey>>,
}

/// A collection within one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct CollectionNumber(usize);

/// A field of a collection within one run.
type Place = (CollectionNumber, FieldId);

#[derive(Default)]
pub(super) struct RunKeys {
    fields: HashMap<(CollectionNumber, FieldId), RunField>,
    /// Numbers for collections, so that a value is looked up without its collection's text.
    collections: HashMap<String, CollectionNumber>,
    /// The definitions as the run found them, read once an epoch.
    definitions: Option<(u64, Definitions)>,
    pub(super) usage: HashMap<KeyVersionId, Usage>,
    pub(super) version_names: BTreeSet<String>,
    epoch: u64,
}

impl RunKeys {
    /// Nothing that was resolved at another epoch is used.
    pub(super) fn enter_epoch(&mut self, epoch: u64) {
        if self.epoch != epoch {
            self.fields.clear();
            self.definitions = None;
            self.epoch = epoch;
        }
    }

    pub(super) fn field(&self, identity: &Identity, field: FieldId) -> Option<&RunField> {
        self.fields.get(&(identity.number, field))
    }

    fn field_mut(&mut self, identity: &Identity, field: FieldId) -> Option<&mut RunField> {
        self.fields.get_mut(&(identity.number, field))
    }

    /// The number of a collection, for the life of the run.
    pub(super) fn number(&mut self, collection: &str) -> CollectionNumber {
        if let Some(known) = self.collections.get(collection) {
            return *known;
        }
        let number = CollectionNumber(self.collections.len());
        self.collections.insert(collection.to_owned(), number);
        number
    }

    pub(super) fn count(&mut self, id: KeyVersionId, bytes: usize) {
        let usage = self.usage.entry(id).or_default();
        usage.messages += 1;
        usage.bytes += bytes as u64;
    }
}

impl RunField {
    pub(super) fn flags(&self) -> Flags {
        self.definition.flags
    }

    pub(super) fn decrypting(&self, id: KeyVersionId) -> Option<&Arc<ResolvedKey>> {
        self.decrypting.get(&id)
    }
}

/// What a value is bound to beside its field.
pub(super) fn binding(identity: &Identity) -> Binding<'_> {
    Binding { record: identity.record.as_deref(), ..Binding::default() }
}

impl Engine {
    /// Resolves every field of a batch; registers definitions when values are to be encrypted.
    pub(super) async fn resolve_fields(
        &self,
        run: &mut Run<'_>,
        documents: &[Document],
        register: bool,
    ) -> Result<u64, EngineError> {
        let epoch = self.begin().await?;
        run.keys.enter_epoch(epoch);
        let new = self.new_fields(run, documents, epoch).await?;
        if new.is_empty() {
            return Ok(epoch);
        }
        if register {
            let fields: Vec<_> = new.iter().map(|(_, s, d)| (s.clone(), d.clone())).collect();
            self.register_fields(&run.job.tenant, &fields).await?;
        }
        let after = self.begin().await?;
        if after != epoch {
            run.keys.epoch = after;
            run.keys.definitions = None;
        }
        for (place, scope, definition) in new {
            let field =
                RunField { scope, definition, encrypting: None, decrypting: HashMap::new() };
            run.keys.fields.insert(place, field);
        }
        Ok(after)
    }

    async fn new_fields(
        &self,
        run: &mut Run<'_>,
        documents: &[Document],
        epoch: u64,
    ) -> Result<Vec<(Place, Scope, FieldDefinition)>, EngineError> {
        let mut new: HashMap<Place, (Scope, FieldDefinition)> = HashMap::new();
        for document in documents {
            for span in &document.spans {
                if matches!(span.placement, Placement::Pseudonym | Placement::Record) {
                    continue;
                }
                let Some(identity) = document.identity(span) else { continue };
                let place = (identity.number, span.field);
                if run.keys.fields.contains_key(&place) || new.contains_key(&place) {
                    continue;
                }
                if run.keys.definitions.is_none() {
                    let definitions = self.definitions(&run.job.tenant).await?;
                    run.keys.definitions = Some((epoch, definitions));
                }
                let name = run.scanner.field(span.field);
                let scope = Scope::new(&run.job.tenant, &identity.collection, name)
                    .map_err(|e| EngineError::from(e).at(document.position(span)))?;
                let definition =
                    definition_for(run, span, &scope).map_err(|e| e.at(document.position(span)))?;
                new.insert(place, (scope, definition));
            }
        }
        Ok(new.into_iter().map(|(place, (s, d))| (place, s, d)).collect())
    }

    /// The key that encrypts a field in this run.
    pub(super) async fn resolve_for_encrypting(
        &self,
        run: &mut Run<'_>,
        identity: &Identity,
        field: FieldId,
    ) -> Result<(), EngineError> {
        let Some(found) = run.keys.field(identity, field) else { return Ok(()) };
        if found.encrypting.is_some() {
            return Ok(());
        }
        let (flags, key) = (found.flags(), found.definition.key.clone());
        let resolved = self.resolve_encrypting(&found.scope, &key, flags).await?;
        run.keys.version_names.insert(resolved.version_name.clone());
        if let Some(found) = run.keys.field_mut(identity, field) {
            found.encrypting = Some(resolved);
        }
        Ok(())
    }

    /// The key that an envelope's header names, for one field of this run.
    pub(super) async fn resolve_for_decrypting(
        &self,
        run: &mut Run<'_>,
        identity: &Identity,
        field: FieldId,
        envelope: &Envelope<'_>,
    ) -> Result<Option<Arc<ResolvedKey>>, EngineError> {
        let id = envelope.header().id;
        let Some(found) = run.keys.field(identity, field) else { return Ok(None) };
        if let Some(known) = found.decrypting(id) {
            let header = envelope.header();
            if header.flags != known.flags || header.suite != known.field_key.suite() {
                return Err(medseal_core::Error::Rejected.into());
            }
            return Ok(Some(Arc::clone(known)));
        }
        let (flags, key) = (found.flags(), Some(found.definition.key.as_str()));
        let (resolved, _) = self.resolve_decrypting(&found.scope, key, flags, envelope).await?;
        run.keys.version_names.insert(resolved.version_name.clone());
        let resolved = Arc::new(resolved);
        if let Some(found) = run.keys.field_mut(identity, field) {
            found.decrypting.insert(id, Arc::clone(&resolved));
        }
        Ok(Some(resolved))
    }

    /// Writes what the run encrypted to the usage counters.
    pub(super) async fn charge_run(&self, run: &Run<'_>) -> Result<(), EngineError> {
        for (id, usage) in &run.keys.usage {
            self.add_usage(*id, *usage).await?;
        }
        Ok(())
    }
}

/// The registered definition, which must agree with the profile, or the profile's own.
fn definition_for(
    run: &Run<'_>,
    span: &Span,
    scope: &Scope,
) -> Result<FieldDefinition, EngineError> {
    let profile = &run.job.profile;
    let rule = profile.rule(span.rule);
    let record_bound = !matches!(profile.record(), Record::Unbound);
    let padded = rule.is_some_and(|rule| rule.padded());
    let sealed = span.placement.is_sealed();
    let placement = if sealed { span.placement } else { Placement::Inline };
    let wanted = FieldDefinition {
        key: rule.and_then(|rule| rule.key()).unwrap_or(DEFAULT_KEY).to_owned(),
        class: profile.class(span.rule).to_owned(),
        flags: Flags::new(padded, record_bound, false, false)?,
        placement: placement.name().to_owned(),
        profile: Some(profile.name().to_owned()),
    };
    let known = run.keys.definitions.as_ref().and_then(|(_, definitions)| {
        definitions.get(&(scope.collection().to_owned(), scope.field().to_owned()))
    });
    match known {
        Some(known) if known.flags == wanted.flags && known.key == wanted.key => Ok(known.clone()),
        Some(_) => Err(EngineError::FieldConflict {
            collection: scope.collection().to_owned(),
            field: scope.field().to_owned(),
        }),
        None => Ok(wanted),
    }
}

//! The keys of one run: each (collection, field) is resolved once, not once a value.

use crate::engine::Engine;
use crate::error::EngineError;
use crate::fields::{Definitions, FieldDefinition, ResolvedKey};
use crate::keys::SubjectKeys;
use medseal_core::context::{Binding, Scope};
use medseal_core::envelope::{Envelope, Flags};
use medseal_core::keyring::{Purpose, Usage};
use medseal_core::{Error, KeyVersionId};
use medseal_health::{FieldId, UNCLASSIFIED};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the values of one record are bound to beside their field.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) collection: String,
    pub(crate) record: Option<String>,
    /// The patient, where values are bound to one.
    pub(crate) subject: Option<String>,
}

/// The binding of one record's values.
pub(crate) fn binding(identity: &Identity) -> Binding<'_> {
    Binding { record: identity.record.as_deref(), ..Binding::default() }
}

/// A field that a batch needs, and where `P` says that it was met.
pub(crate) struct FieldNeeded<'n, P> {
    pub(crate) identity: &'n Identity,
    pub(crate) field: FieldId,
    pub(crate) place: P,
}

/// What becomes of fields that have no definition yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NewFields {
    /// They are registered, because values are to be encrypted.
    Register,
    /// The definition that is wanted holds for this run alone.
    Assume,
}

/// What stands for one field in one collection.
pub(crate) struct RunField {
    pub(crate) scope: Scope,
    definition: FieldDefinition,
    /// the key that encrypts, once it is needed
    pub(crate) encrypting: Option<ResolvedKey>,
    /// keys that decrypt, by the version a header names
    decrypting: HashMap<KeyVersionId, Arc<ResolvedKey>>,
}

impl RunField {
    pub(crate) fn flags(&self) -> Flags {
        self.definition.flags
    }

    pub(crate) fn class(&self) -> &str {
        &self.definition.class
    }
}

/// The fields of one collection, and of one subject where values are bound to one, by number: the
/// numbers of one run are dense.
type FieldsByNumber = Vec<Option<Box<RunField>>>;

/// Whose fields they are: a collection, and a subject or the empty text.
type Whose = (String, String);

/// The most places that are kept from batch to batch: a table has more patients than memory.
const MAX_PLACES: usize = 4096;

/// What was encrypted, by key version. A run has few of them, and comparing is cheaper than hashing.
#[derive(Default)]
pub(crate) struct UsageByVersion(Vec<(KeyVersionId, Usage)>);

impl UsageByVersion {
    fn add(&mut self, other: UsageByVersion) {
        for (id, more) in other.0 {
            match self.0.iter_mut().find(|(known, _)| *known == id) {
                Some((_, usage)) => {
                    usage.messages += more.messages;
                    usage.bytes += more.bytes;
                }
                None => self.0.push((id, more)),
            }
        }
    }

    pub(crate) fn count(&mut self, id: KeyVersionId, bytes: usize) {
        let usage = match self.0.iter().position(|(known, _)| *known == id) {
            Some(place) => self.0.get_mut(place),
            None => {
                self.0.push((id, Usage::default()));
                self.0.last_mut()
            }
        };
        if let Some((_, usage)) = usage {
            usage.messages += 1;
            usage.bytes += bytes as u64;
        }
    }
}

#[derive(Default)]
pub(crate) struct RunKeys {
    fields: Vec<(Whose, FieldsByNumber)>,
    places: HashMap<Whose, usize>,
    /// The place of the last value: the next is mostly of the same, and comparing is cheaper
    /// than hashing. Atomic so that runs may move between threads.
    recent: AtomicUsize,
    /// The definitions as the run found them, read once an epoch.
    definitions: Option<Definitions>,
    usage: UsageByVersion,
    version_names: BTreeSet<String>,
    epoch: u64,
}

impl RunKeys {
    /// Nothing that was resolved at another epoch is used.
    fn enter_epoch(&mut self, epoch: u64) {
        if self.epoch != epoch {
            self.fields.clear();
            self.places.clear();
            self.definitions = None;
            self.epoch = epoch;
        } else if self.fields.len() > MAX_PLACES {
            self.fields.clear();
            self.places.clear();
        }
    }

    pub(crate) fn field(&self, identity: &Identity, field: FieldId) -> Option<&RunField> {
        let (_, fields) = self.fields.get(self.place(identity)?)?;
        fields.get(field.index())?.as_deref()
    }

    fn place(&self, identity: &Identity) -> Option<usize> {
        let (collection, subject) = (&identity.collection, subject_of(identity));
        let recent = self.recent.load(Ordering::Relaxed);
        let same = |(c, s): &Whose| c == collection && s == subject;
        if self.fields.get(recent).is_some_and(|(whose, _)| same(whose)) {
            return Some(recent);
        }
        let place = *self.places.get(&whose(identity))?;
        self.recent.store(place, Ordering::Relaxed);
        Some(place)
    }

    fn field_mut(&mut self, identity: &Identity, field: FieldId) -> Option<&mut RunField> {
        let place = self.place(identity)?;
        let (_, fields) = self.fields.get_mut(place)?;
        fields.get_mut(field.index())?.as_deref_mut()
    }

    fn insert(&mut self, identity: &Identity, field: FieldId, found: RunField) {
        let place = self.place(identity).unwrap_or_else(|| {
            self.places.insert(whose(identity), self.fields.len());
            self.fields.push((whose(identity), Vec::new()));
            self.fields.len() - 1
        });
        let Some((_, fields)) = self.fields.get_mut(place) else { return };
        if fields.len() <= field.index() {
            fields.resize_with(field.index() + 1, || None);
        }
        if let Some(slot) = fields.get_mut(field.index()) {
            *slot = Some(Box::new(found));
        }
    }

    /// Counts one value that was encrypted.
    pub(crate) fn count(&mut self, id: KeyVersionId, bytes: usize) {
        self.usage.count(id, bytes);
    }

    /// Adds what another part of the run used.
    pub(crate) fn join(&mut self, other: RunKeys) {
        self.usage.add(other.usage);
        self.version_names.extend(other.version_names);
    }

    /// Adds what was counted elsewhere.
    pub(crate) fn count_all(&mut self, usage: UsageByVersion) {
        self.usage.add(usage);
    }

    /// `NAME@N` of every key version that the run has used.
    pub(crate) fn version_names(&self) -> Vec<String> {
        self.version_names.iter().cloned().collect()
    }
}

fn whose(identity: &Identity) -> Whose {
    (identity.collection.clone(), subject_of(identity).to_owned())
}

/// Subjects' ids are not empty.
fn subject_of(identity: &Identity) -> &str {
    identity.subject.as_deref().unwrap_or_default()
}

/// Of fields that are new to a run those that the store does not know; of many subjects' fields each
/// once.
fn unknown<'n>(
    known: Option<&Definitions>,
    new: impl Iterator<Item = &'n (&'n Identity, Scope, FieldDefinition)>,
) -> Vec<(Scope, FieldDefinition)> {
    let mut fields = HashMap::new();
    for (_, scope, definition) in new {
        let place = (scope.collection().to_owned(), scope.field().to_owned());
        if !known.is_some_and(|known| known.contains_key(&place)) {
            fields.insert(place, (scope.clone(), definition.clone()));
        }
    }
    fields.into_values().collect()
}

/// The registered definition of a field, which must agree with the one that is wanted, or that one.
pub(crate) fn agreed(
    definitions: &Definitions,
    scope: &Scope,
    wanted: FieldDefinition,
) -> Result<FieldDefinition, EngineError> {
    let place = (scope.collection().to_owned(), scope.field().to_owned());
    match definitions.get(&place) {
        Some(known) if known.agrees_with(&wanted) => Ok(known.clone()),
        Some(_) => {
            let (collection, field) = place;
            Err(EngineError::FieldConflict { collection, field })
        }
        None => Ok(wanted),
    }
}

impl Engine {
    /// Resolves every field of a batch and gives the epoch at which that holds. `describe` says what
    /// a field is.
    pub(crate) async fn resolve_needed<'n, P>(
        &self,
        keys: &mut RunKeys,
        tenant: &str,
        needed: impl Iterator<Item = FieldNeeded<'n, P>>,
        describe: impl Fn(
            &FieldNeeded<'n, P>,
            &Definitions,
        ) -> Result<(Scope, FieldDefinition), EngineError>,
        new_fields: NewFields,
    ) -> Result<u64, EngineError> {
        let epoch = self.begin().await?;
        keys.enter_epoch(epoch);
        let mut new: HashMap<_, (&Identity, Scope, FieldDefinition)> = HashMap::new();
        for one in needed {
            let place = (one.identity.collection.as_str(), subject_of(one.identity), one.field);
            if keys.field(one.identity, one.field).is_some() || new.contains_key(&place) {
                continue;
            }
            let definitions = match &mut keys.definitions {
                Some(known) => known,
                none => none.insert(self.definitions(tenant).await?),
            };
            let (scope, mut definition) = describe(&one, definitions)?;
            let known = (scope.collection().to_owned(), scope.field().to_owned());
            if new_fields == NewFields::Assume && !definitions.contains_key(&known) {
                // what a caller's profile says of a field that nobody registered gives no rights
                UNCLASSIFIED.clone_into(&mut definition.class);
            }
            new.insert(place, (one.identity, scope, definition));
        }
        if new.is_empty() {
            return Ok(epoch);
        }
        if new_fields == NewFields::Register {
            let subjects = new.values().filter_map(|(identity, ..)| identity.subject.as_deref());
            self.ensure_subjects(tenant, &subjects.collect()).await?;
            let fields = unknown(keys.definitions.as_ref(), new.values());
            if !fields.is_empty() {
                self.check_purposes(tenant, &fields).await?;
                self.register_fields(tenant, &fields).await?;
            }
        }
        let after = self.begin().await?;
        if after != epoch {
            keys.epoch = after;
            keys.definitions = None;
        }
        for ((_, _, field), (identity, scope, definition)) in new {
            let (encrypting, decrypting) = (None, HashMap::new());
            let found = RunField { scope, definition, encrypting, decrypting };
            keys.insert(identity, field, found);
        }
        Ok(after)
    }

    /// A definition never changes, so a field of values under a key for files could never be used.
    async fn check_purposes(
        &self,
        tenant: &str,
        fields: &[(Scope, FieldDefinition)],
    ) -> Result<(), EngineError> {
        for (_, definition) in fields {
            let key = self.load_key(tenant, &definition.key).await?;
            if key.keyring.purpose != Purpose::Field {
                return Err(EngineError::KeyPurpose(definition.key.clone()));
            }
        }
        Ok(())
    }

    /// The key that encrypts a field in this run.
    pub(crate) async fn resolve_for_encrypting(
        &self,
        keys: &mut RunKeys,
        identity: &Identity,
        field: FieldId,
    ) -> Result<(), EngineError> {
        let Some(found) = keys.field(identity, field) else { return Ok(()) };
        if found.encrypting.is_some() {
            return Ok(());
        }
        let key = found.definition.key.clone();
        let subject = self.subject_in_run(&found.scope, identity).await?;
        let whose = (found.class(), subject);
        let resolved = self.resolve_encrypting(&found.scope, &key, found.flags(), whose).await?;
        keys.version_names.insert(resolved.version_name.clone());
        if let Some(found) = keys.field_mut(identity, field) {
            found.encrypting = Some(resolved);
        }
        Ok(())
    }

    /// The key that an envelope's header names, for one field of this run.
    pub(crate) async fn resolve_for_decrypting(
        &self,
        keys: &mut RunKeys,
        identity: &Identity,
        field: FieldId,
        envelope: &Envelope<'_>,
    ) -> Result<Arc<ResolvedKey>, EngineError> {
        let id = envelope.header().id;
        let found = keys.field(identity, field).ok_or(Error::Rejected)?;
        if let Some(known) = found.decrypting.get(&id) {
            let header = envelope.header();
            if header.flags != known.flags || header.suite != known.field_key.suite() {
                return Err(Error::Rejected.into());
            }
            return Ok(Arc::clone(known));
        }
        let (flags, key) = (found.flags(), Some(found.definition.key.as_str()));
        let subject = self.subject_in_run(&found.scope, identity).await?;
        let (scope, whose) = (&found.scope, (found.class(), subject));
        let (resolved, _) = self.resolve_decrypting(scope, key, flags, whose, envelope).await?;
        keys.version_names.insert(resolved.version_name.clone());
        let resolved = Arc::new(resolved);
        if let Some(found) = keys.field_mut(identity, field) {
            found.decrypting.insert(id, Arc::clone(&resolved));
        }
        Ok(resolved)
    }

    async fn subject_in_run(
        &self,
        scope: &Scope,
        identity: &Identity,
    ) -> Result<Option<Arc<SubjectKeys>>, EngineError> {
        let Some(subject) = &identity.subject else { return Ok(None) };
        self.subject(scope.tenant(), subject).await.map(Some)
    }

    /// Writes what the run encrypted to the usage counters.
    pub(crate) async fn charge_run(&self, keys: &RunKeys) -> Result<(), EngineError> {
        for (id, usage) in &keys.usage.0 {
            self.add_usage(*id, *usage).await?;
        }
        Ok(())
    }
}

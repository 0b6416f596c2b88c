//! Derived keys, kept for a while.
//!
//! Everything here belongs to one epoch of the store: any change of keys or definitions empties
//! it. A key leaves at its absolute age, or when it has served its messages or bytes, whichever
//! comes first; dropping it wipes it. Only keys are cached, never data.

use super::{LoadedKey, SubjectKeys};
use crate::engine::Options;
use medseal_core::KeyVersionId;
use medseal_core::context::Scope;
use medseal_core::key_schedule::{Dek, FieldKey};
use std::collections::HashMap;
use std::sync::Arc;

/// The most field keys that are kept; beyond it the cache starts over.
const MAX_FIELD_KEYS: usize = 65_536;
/// The same for subjects and for their data keys.
const MAX_SUBJECTS: usize = 16_384;

#[derive(Default)]
pub(crate) struct KeyCache {
    epoch: u64,
    keys: HashMap<(String, String), Arc<LoadedKey>>,
    owners: HashMap<KeyVersionId, (String, String)>,
    field_keys: HashMap<FieldPlace, Entry>,
    /// By tenant and id.
    subjects: HashMap<(String, String), Aged<SubjectKeys>>,
    /// By key version, which has one tenant, and subject; the subject is empty for the tenant's own.
    deks: HashMap<(KeyVersionId, String), Aged<Dek>>,
}

/// Key version, collection, field and subject; the subject is empty in keys of a tenant.
type FieldPlace = (KeyVersionId, String, String, String);

/// Something that leaves at its age alone.
struct Aged<T> {
    it: Arc<T>,
    since_millis: u64,
}

impl<T> Aged<T> {
    fn fresh(&self, now_millis: u64, options: &Options) -> Option<Arc<T>> {
        let age = now_millis.saturating_sub(self.since_millis);
        (age < options.cache_ttl_millis).then(|| Arc::clone(&self.it))
    }
}

struct Entry {
    key: Arc<FieldKey>,
    since_millis: u64,
    messages: u64,
    bytes: u64,
}

impl KeyCache {
    pub(crate) fn enter_epoch(&mut self, epoch: u64) {
        if self.epoch != epoch {
            *self = KeyCache { epoch, ..KeyCache::default() };
        }
    }

    pub(super) fn key(&self, tenant: &str, name: &str) -> Option<Arc<LoadedKey>> {
        self.keys.get(&(tenant.to_owned(), name.to_owned())).cloned()
    }

    pub(super) fn key_of_version(&self, id: KeyVersionId) -> Option<Arc<LoadedKey>> {
        self.owners.get(&id).and_then(|owner| self.keys.get(owner)).cloned()
    }

    pub(super) fn put_key(&mut self, key: Arc<LoadedKey>) {
        let owner = (key.tenant.clone(), key.name.clone());
        for version in &key.keyring.versions {
            self.owners.insert(version.id, owner.clone());
        }
        self.keys.insert(owner, key);
    }

    /// A key that is neither too old nor used up.
    pub(super) fn field_key(
        &mut self,
        id: KeyVersionId,
        scope: &Scope,
        subject: &str,
        now_millis: u64,
        options: &Options,
    ) -> Option<Arc<FieldKey>> {
        let place = place_of(id, scope, subject);
        let entry = self.field_keys.get(&place)?;
        let fresh = now_millis.saturating_sub(entry.since_millis) < options.cache_ttl_millis
            && entry.messages < options.cache_max_messages
            && entry.bytes < options.cache_max_bytes;
        let same_tenant = entry.key.scope().tenant() == scope.tenant();
        if fresh && same_tenant {
            return Some(Arc::clone(&entry.key));
        }
        // and what it came from, or its limits would be those of one derivation
        self.field_keys.remove(&place);
        self.deks.remove(&(id, subject.to_owned()));
        None
    }

    pub(super) fn put_field_key(&mut self, id: KeyVersionId, key: Arc<FieldKey>, now_millis: u64) {
        if self.field_keys.len() >= MAX_FIELD_KEYS {
            self.field_keys.clear();
        }
        let place = place_of(id, key.scope(), subject_of(&key));
        let entry = Entry { key, since_millis: now_millis, messages: 0, bytes: 0 };
        self.field_keys.insert(place, entry);
    }

    /// Charges what a cached key has served.
    pub(crate) fn charge(&mut self, key: &FieldKey, messages: u64, bytes: u64) {
        let place = place_of(key.id(), key.scope(), subject_of(key));
        if let Some(entry) = self.field_keys.get_mut(&place) {
            entry.messages += messages;
            entry.bytes += bytes;
        }
    }

    /// The keys of a subject, unless they are too old.
    pub(super) fn subject(
        &self,
        tenant: &str,
        subject: &str,
        now_millis: u64,
        options: &Options,
    ) -> Option<Arc<SubjectKeys>> {
        let place = (tenant.to_owned(), subject.to_owned());
        self.subjects.get(&place)?.fresh(now_millis, options)
    }

    pub(super) fn put_subject(&mut self, tenant: &str, keys: Arc<SubjectKeys>, now_millis: u64) {
        if self.subjects.len() >= MAX_SUBJECTS {
            self.subjects.clear();
        }
        let place = (tenant.to_owned(), keys.subject().as_str().to_owned());
        self.subjects.insert(place, Aged { it: keys, since_millis: now_millis });
    }

    /// The data key of a subject, unless it is too old.
    pub(super) fn dek(
        &self,
        id: KeyVersionId,
        subject: &str,
        now_millis: u64,
        options: &Options,
    ) -> Option<Arc<Dek>> {
        self.deks.get(&(id, subject.to_owned()))?.fresh(now_millis, options)
    }

    pub(super) fn put_dek(
        &mut self,
        id: KeyVersionId,
        subject: &str,
        dek: Arc<Dek>,
        now_millis: u64,
    ) {
        if self.deks.len() >= MAX_SUBJECTS {
            self.deks.clear();
        }
        self.deks.insert((id, subject.to_owned()), Aged { it: dek, since_millis: now_millis });
    }
}

fn place_of(id: KeyVersionId, scope: &Scope, subject: &str) -> FieldPlace {
    (id, scope.collection().to_owned(), scope.field().to_owned(), subject.to_owned())
}

fn subject_of(key: &FieldKey) -> &str {
    key.subject().map_or("", |subject| subject.as_str())
}

//! Field definitions: the authority over what must be bound.
//!
//! If the header of an envelope could say "no record", somebody who may encrypt once could make a
//! value that opens in every row. So the flags stand here, authenticated in the store, and an
//! envelope with others is rejected.

use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Changed;
use crate::keys::check_name;
use medseal_core::KeyVersionId;
use medseal_core::context::Scope;
use medseal_core::envelope::Flags;
use medseal_health::UNCLASSIFIED;
use medseal_policy::DefineFields;
use medseal_store::{Change, FieldRecord, StoreError, Stored};
use serde::Serialize;
use std::collections::HashMap;

const MAX_ATTEMPTS: u32 = 64;

/// What is fixed about one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDefinition {
    /// The key its values are under.
    pub key: String,
    /// The class that policies speak of.
    pub class: String,
    /// The flags every envelope must have.
    pub flags: Flags,
    /// What happens to its values in documents, as a profile names it; `inline` for single values.
    pub placement: String,
    /// The profile that registered it.
    pub profile: Option<String>,
}

/// A definition as a person sees it.
#[derive(Debug, Clone, Serialize)]
pub struct FieldSummary {
    /// The tenant.
    pub tenant: String,
    /// The collection.
    pub collection: String,
    /// The field.
    pub field: String,
    /// The key.
    pub key: String,
    /// The class.
    pub class: String,
    /// Bound to a record.
    pub record_bound: bool,
    /// Bound to a subject, and under its key.
    pub subject_bound: bool,
    /// Length hidden in buckets.
    pub padded: bool,
    /// The placement.
    pub placement: String,
    /// The profile that registered it.
    pub profile: Option<String>,
}

/// All definitions of one tenant, by collection and field.
pub(crate) type Definitions = HashMap<(String, String), FieldDefinition>;

impl FieldDefinition {
    /// Whether `wanted` asks for nothing else than what is fixed. Whoever says no class takes the
    /// one there is; the profile that registered a definition is for people, two may agree.
    pub(crate) fn agrees_with(&self, wanted: &FieldDefinition) -> bool {
        let class_agrees = wanted.class == UNCLASSIFIED || self.class == wanted.class;
        class_agrees
            && self.key == wanted.key
            && self.flags == wanted.flags
            && self.placement == wanted.placement
    }
}

impl Engine {
    /// Defines a field. Doing it again in the same way changes nothing.
    ///
    /// # Errors
    /// [`EngineError::FieldConflict`] when it is defined differently; a definition never changes
    /// under data that relies on it.
    pub async fn define_field(
        &self,
        scope: &Scope,
        definition: &FieldDefinition,
    ) -> Result<(), EngineError> {
        let new = [(scope.clone(), definition.clone())];
        self.register_fields(scope.tenant(), &new).await
    }

    /// Registers several fields of one tenant in one transaction.
    pub(crate) async fn register_fields(
        &self,
        tenant: &str,
        new: &[(Scope, FieldDefinition)],
    ) -> Result<(), EngineError> {
        for (_, definition) in new {
            check_name("a field's class", &definition.class)?;
        }
        for _ in 0..MAX_ATTEMPTS {
            let epoch = self.begin().await?;
            let known = self.definitions(tenant).await?;
            let mut change = Change::new(epoch);
            let mut count = 0;
            for (scope, definition) in new {
                match known.get(&place(scope)) {
                    Some(old) if old.agrees_with(definition) => {}
                    Some(_) => return Err(conflict(scope)),
                    None => {
                        self.load_key(tenant, &definition.key).await?;
                        let row = record(scope, definition, self.clock.now());
                        change.insert(&row, &self.row_mac)?;
                        count += 1;
                    }
                }
            }
            let what = format!("define {count} fields of {tenant}");
            let about = Changed { tenant: Some(tenant), id: KeyVersionId([0; 8]), what: &what };
            let done =
                count == 0 || self.commit_change::<DefineFields>(epoch, change, &about).await?;
            if done {
                return Ok(());
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// The definition of one field.
    pub(crate) async fn definition(
        &self,
        scope: &Scope,
    ) -> Result<Option<FieldDefinition>, EngineError> {
        let key = [scope.tenant(), scope.collection(), scope.field()];
        let row = self.rows().get::<FieldRecord>(&key).await?;
        row.map(|row| parse(&row.record)).transpose()
    }

    /// Every definition of a tenant.
    pub(crate) async fn definitions(&self, tenant: &str) -> Result<Definitions, EngineError> {
        let mut out = Definitions::new();
        for Stored { record, .. } in self.rows().all::<FieldRecord>(&[tenant]).await? {
            let definition = parse(&record)?;
            out.insert((record.collection, record.field), definition);
        }
        Ok(out)
    }

    /// Every definition of a tenant, for people.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn list_fields(&self, tenant: &str) -> Result<Vec<FieldSummary>, EngineError> {
        self.begin().await?;
        let mut out: Vec<FieldSummary> = self
            .definitions(tenant)
            .await?
            .into_iter()
            .map(|((collection, field), d)| FieldSummary {
                tenant: tenant.to_owned(),
                collection,
                field,
                key: d.key,
                class: d.class,
                record_bound: d.flags.record_bound(),
                subject_bound: d.flags.subject_bound(),
                padded: d.flags.padded(),
                placement: d.placement,
                profile: d.profile,
            })
            .collect();
        out.sort_by(|a, b| (&a.collection, &a.field).cmp(&(&b.collection, &b.field)));
        Ok(out)
    }
}

fn place(scope: &Scope) -> (String, String) {
    (scope.collection().to_owned(), scope.field().to_owned())
}

fn conflict(scope: &Scope) -> EngineError {
    let (collection, field) = place(scope);
    EngineError::FieldConflict { collection, field }
}

fn record(scope: &Scope, definition: &FieldDefinition, now: i64) -> FieldRecord {
    FieldRecord {
        tenant: scope.tenant().to_owned(),
        collection: scope.collection().to_owned(),
        field: scope.field().to_owned(),
        key_name: definition.key.clone(),
        class: definition.class.clone(),
        flags: i64::from(definition.flags.to_byte()),
        token_index: None,
        placement: definition.placement.clone(),
        profile: definition.profile.clone(),
        created_at: now,
    }
}

fn parse(record: &FieldRecord) -> Result<FieldDefinition, EngineError> {
    let byte = u8::try_from(record.flags).unwrap_or(u8::MAX);
    Ok(FieldDefinition {
        key: record.key_name.clone(),
        class: record.class.clone(),
        flags: Flags::from_byte(byte)?,
        placement: record.placement.clone(),
        profile: record.profile.clone(),
    })
}

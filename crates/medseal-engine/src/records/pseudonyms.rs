//! Pseudonyms: made from ids by a key, led back by rows of the store.
//!
//! A row is written before the document that needs it leaves the engine, so that no pseudonym is
//! ever without its way back. Opening a row is decrypting: it takes an admitted operation, as
//! opening an envelope does.

use super::batch::Document;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Admitted;
use crate::random::BufferedRandom;
use medseal_core::operation::OperationItems;
use medseal_core::row_mac::primary_key;
use medseal_core::stored_secret::Place;
use medseal_core::{KeyVersionId, PseudonymKey};
use medseal_health::{Placement, Span, fhir};
use medseal_store::{Change, PseudonymRecord, Record, StoreError};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use zeroize::Zeroizing;

const PURPOSE: &str = "pseudonym";
/// Rows of one transaction.
const MAX_ROWS: usize = 4096;
/// Ids remembered from batch to batch.
const MAX_REMEMBERED: usize = 65_536;
const MAX_ATTEMPTS: u32 = 64;

/// The pseudonyms of one run.
pub(super) struct Pseudonyms {
    key: PseudonymKey,
    made: HashMap<String, String>,
    /// Those that have their row.
    stored: HashSet<String>,
}

/// Rows of one batch by pseudonym, not opened yet.
pub(super) type SealedIds = BTreeMap<String, (PseudonymRecord, u64)>;
/// Ids of one batch by pseudonym.
pub(super) type OpenedIds = HashMap<String, Zeroizing<Vec<u8>>>;

impl Pseudonyms {
    /// What stands for an id; for a pseudonym itself.
    pub(super) fn of(&mut self, id: &str) -> String {
        if fhir::is_pseudonym(id) {
            return id.to_owned();
        }
        if let Some(known) = self.made.get(id) {
            return known.clone();
        }
        if self.made.len() >= MAX_REMEMBERED {
            self.made.clear();
            self.stored.clear();
        }
        let made = fhir::pseudonym(self.key.bytes_for(id));
        self.made.insert(id.to_owned(), made.clone());
        made
    }
}

impl Pseudonyms {
    /// What stands for an id, of which nothing is remembered anew.
    pub(super) fn known(&self, id: &str) -> Cow<'_, str> {
        match self.made.get(id) {
            Some(known) => Cow::Borrowed(known),
            None if fhir::is_pseudonym(id) => Cow::Owned(id.to_owned()),
            None => Cow::Owned(fhir::pseudonym(self.key.bytes_for(id))),
        }
    }
}

/// The pseudonyms, or the ids, that stand in documents.
pub(super) fn ids<'d>(
    documents: impl IntoIterator<Item = &'d Document>,
) -> impl Iterator<Item = (&'d Document, &'d Span, &'d str)> {
    documents.into_iter().flat_map(|document| {
        let spans = document.spans.iter().filter(|s| s.placement == Placement::Pseudonym);
        spans.map(move |span| (document, span, document.text(span)))
    })
}

impl Engine {
    pub(super) fn pseudonyms(&self, tenant: &str) -> Pseudonyms {
        let key = self.kwk.pseudonym_key(&self.store_id, tenant);
        Pseudonyms { key, made: HashMap::new(), stored: HashSet::new() }
    }

    /// Sees to it that every id of these documents has its row.
    pub(super) async fn store_ids(
        &self,
        tenant: &str,
        pseudonyms: &mut Pseudonyms,
        documents: &[Document],
    ) -> Result<(), EngineError> {
        let mut missing = BTreeMap::new();
        for (_, span, id) in ids(documents) {
            let pseudonym = pseudonyms.of(id);
            if span.sealed.is_none() && !pseudonyms.stored.contains(&pseudonym) {
                missing.insert(pseudonym, id);
            }
        }
        let missing: Vec<_> = missing.into_iter().collect();
        for rows in missing.chunks(MAX_ROWS) {
            self.insert_ids(tenant, rows).await?;
        }
        pseudonyms.stored.extend(missing.into_iter().map(|(pseudonym, _)| pseudonym));
        Ok(())
    }

    async fn insert_ids(&self, tenant: &str, rows: &[(String, &str)]) -> Result<(), EngineError> {
        for _ in 0..MAX_ATTEMPTS {
            let epoch = self.begin().await?;
            let (mut change, mut count) = (Change::new(epoch), 0);
            for (pseudonym, id) in rows {
                if self.sealed_id(tenant, pseudonym).await?.is_none() {
                    change.insert(&self.seal_id(tenant, pseudonym, id)?, &self.row_mac)?;
                    count += 1;
                }
            }
            let what = format!("add {count} pseudonyms of {tenant}");
            if count == 0 || self.commit_change(epoch, change, KeyVersionId([0; 8]), &what).await? {
                return Ok(());
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn sealed_id(
        &self,
        tenant: &str,
        pseudonym: &str,
    ) -> Result<Option<(PseudonymRecord, u64)>, EngineError> {
        let row = self.rows().get::<PseudonymRecord>(&[tenant, pseudonym]).await?;
        Ok(row.map(|row| (row.record, row.version)))
    }

    fn seal_id(
        &self,
        tenant: &str,
        pseudonym: &str,
        id: &str,
    ) -> Result<PseudonymRecord, EngineError> {
        let pk = primary_key(&[tenant, pseudonym]);
        let wrap = self.kwk.wrap_key(self.kwk_version());
        let original = wrap.wrap(&self.id_place(&pk, 1), id.as_bytes(), &mut BufferedRandom)?;
        Ok(PseudonymRecord {
            tenant: tenant.to_owned(),
            pseudonym: pseudonym.to_owned(),
            original,
            created_at: self.clock.now(),
        })
    }

    fn id_place<'a>(&'a self, primary_key: &'a [u8], version: u64) -> Place<'a> {
        let table = PseudonymRecord::table().name;
        Place { store: &self.store_id, table, primary_key, version, purpose: PURPOSE }
    }

    /// Reads the rows behind the pseudonyms of one document.
    pub(super) async fn read_ids(
        &self,
        tenant: &str,
        document: &Document,
        found: &mut SealedIds,
    ) -> Result<(), EngineError> {
        for (document, span, pseudonym) in ids([document]) {
            if span.sealed.is_none() || found.contains_key(pseudonym) {
                continue;
            }
            let row = self.sealed_id(tenant, pseudonym).await?;
            let row = row.ok_or(EngineError::PseudonymUnknown);
            let row = row.map_err(|error| error.at(document.position(span)))?;
            found.insert(pseudonym.to_owned(), row);
        }
        Ok(())
    }

    /// The ids behind the pseudonyms of a batch that was admitted.
    pub(super) fn open_ids(
        &self,
        _admitted: &Admitted,
        sealed: &SealedIds,
    ) -> Result<OpenedIds, EngineError> {
        let mut opened = OpenedIds::new();
        let wrap = self.kwk.wrap_key(self.kwk_version());
        for (pseudonym, (row, version)) in sealed {
            let pk = primary_key(&[&row.tenant, pseudonym]);
            let id = wrap.unwrap(&self.id_place(&pk, *version), &row.original)?;
            opened.insert(pseudonym.clone(), id);
        }
        Ok(opened)
    }
}

/// Adds to an operation what is opened beside its envelopes.
pub(super) fn add_ids(sealed: &SealedIds, items: &mut OperationItems) {
    for (pseudonym, (row, _)) in sealed {
        items.add(KeyVersionId([0; 8]), &primary_key(&[PURPOSE, &row.tenant, pseudonym]));
    }
}

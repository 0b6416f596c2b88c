//! How far a key version reaches: what it protects, whose data that is, and who opened it.
//!
//! Everything is counted from the audit log (`spec/protection-ledger.md`), which is verified on the way.
//! Asking is an operation of its own; ids of patients are shown only to whoever may read disclosures,
//! and the entry of that is about each of them.

use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::{Admitted, Changed, Subject, admit};
use crate::keys::{LoadedKey, SubjectKeys};
use crate::subjects::Ids;
use medseal_core::audit::{
    Opened, Opener, ProtectionLedger, SubjectPseudonym, Subjects, Values, VersionLedger,
};
use medseal_core::keyring::{KeyVersion, UnixSeconds};
use medseal_core::operation::Group;
use medseal_core::{Error, KeyVersionId};
use medseal_policy::{PrincipalId, ReadAudit, ReadDisclosures};
use medseal_store::{SubjectRecord, SubjectTombstoneRecord};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct ImpactRequest<'a> {
    /// The key's tenant.
    pub tenant: &'a str,
    /// The key.
    pub key: &'a str,
    /// One version, or all of them.
    pub version: Option<u32>,
    /// What was opened before this time is left out.
    pub since: Option<UnixSeconds>,
    /// Whether ids of patients are shown.
    pub ids: Ids,
}

/// How far a key reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyImpact {
    /// The tenant.
    pub tenant: String,
    /// The key.
    pub key: String,
    /// `field` or `file`.
    pub purpose: &'static str,
    /// The log.
    pub log: String,
    /// How many entries it has; all of them were read and verified.
    pub entries: u64,
    /// From when on openings are listed, RFC 3339; from the beginning if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The versions, oldest first.
    pub versions: Vec<VersionImpact>,
    /// Entries about the key whose details were erased: their subjects and records are unknown.
    pub entries_without_details: u64,
    /// Of these, entries that do not say how many values of which version they are about.
    pub entries_uncounted: u64,
    /// Values carried over to a version that their entry does not name.
    pub values_untraced: u64,
    /// What the figures do not cover.
    pub not_covered: &'static [&'static str],
}

/// How far one version reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionImpact {
    /// `NAME@N`.
    pub version: String,
    /// The id in every header.
    pub id: String,
    /// Its state.
    pub state: &'static str,
    /// Its values.
    #[serde(flatten)]
    pub values: ValueCounts,
    /// What was encrypted under it as the store counted it, after each operation: where a run was
    /// killed it is less than what the log says.
    pub counted_by_store: u64,
    /// Subjects.
    pub subjects: SubjectCounts,
    /// Records of values that are bound to no subject.
    pub records_without_subject: u64,
    /// By collection; without a name where the log does not tell it any more.
    pub collections: Vec<CollectionImpact>,
    /// Who opened values.
    pub opened_by: Vec<OpenedBy>,
    /// Who was refused.
    pub refused: Vec<OpenedBy>,
    /// Ids of the subjects that were not erased, when they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_ids: Option<SubjectIds>,
}

/// Counts of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ValueCounts {
    /// Encrypted under it.
    pub encrypted: u64,
    /// Carried in from other versions.
    pub carried_in: u64,
    /// Carried over to other versions.
    pub carried_over: u64,
    /// Still under it.
    pub remaining: u64,
    /// Still under it, of subjects that were erased.
    pub erased: u64,
}

/// Counts of subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SubjectCounts {
    /// With a value under it at any time.
    pub touched: u64,
    /// With a value that is still under it, and not erased.
    pub remaining: u64,
    /// Of those touched, erased.
    pub erased: u64,
}

/// What of one collection is under a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CollectionImpact {
    /// The collection.
    pub collection: Option<String>,
    /// Its values.
    #[serde(flatten)]
    pub values: ValueCounts,
}

/// Somebody who opened values, or was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenedBy {
    /// The principal.
    pub principal: String,
    /// Its stable id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<String>,
    /// On whose behalf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// What for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// `decrypt`, `verify` or `reencrypt`.
    pub operation: String,
    /// How many times.
    pub times: u64,
    /// How many values, each as often as it was opened.
    pub values: u64,
    /// How many subjects.
    pub subjects: u64,
    /// The first time, RFC 3339.
    pub first: String,
    /// The last time.
    pub last: String,
}

/// Patients' ids; they are not printed.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct SubjectIds(pub Vec<String>);

impl std::fmt::Debug for SubjectIds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SubjectIds({})", self.0.len())
    }
}

const NOT_COVERED: &[&str] = &[
    "what was encrypted or opened past Medseal, by whoever holds the root and the store",
    "patients of values that are bound to no subject",
    "ciphertexts that the application deleted, overwrote or put back",
];

impl Engine {
    /// What a key or one of its versions protects and who opened it, as the log tells.
    ///
    /// # Errors
    /// [`EngineError::NoSuchKey`], a version that there is not, a denial, a log that does not verify.
    pub async fn key_impact(&self, request: &ImpactRequest<'_>) -> Result<KeyImpact, EngineError> {
        let epoch = self.begin().await?;
        let key = self.read_key(request.tenant, request.key).await?;
        let versions = wanted_versions(&key, request.version)?;
        let id = match versions.as_slice() {
            [only] if request.version.is_some() => only.id,
            _ => KeyVersionId([0; 8]),
        };
        let named = request.version.map(|number| format!("{}@{number}", key.name));
        let what = format!("read the impact of key {}", named.as_ref().unwrap_or(&key.name));
        let about = Changed { tenant: Some(request.tenant), id, what: &what };
        let admitted = self.admit_change::<ReadAudit>(epoch, &about).await?;
        let since = request.since.map_or(0, |since| u64::try_from(since).unwrap_or(0));
        let counted = ProtectionLedger::new(versions.iter().map(|version| version.id), since);
        let (counted, entries) = self.ledger.count_protection(&admitted, counted)?;
        let gaps = counted.gaps();
        let ledgers = counted.finish(&self.erasures(request.tenant).await?);
        let ids = match request.ids {
            Ids::Hidden => None,
            Ids::Shown => Some(self.ids_of(request.tenant, &what, &ledgers).await?),
        };
        let mut impacts = Vec::with_capacity(versions.len());
        for version in versions {
            let ledger = ledgers.get(&version.id).cloned().unwrap_or_default();
            impacts.push(self.version_impact(&key, version, ledger, ids.as_ref()).await?);
        }
        Ok(KeyImpact {
            tenant: key.tenant.clone(),
            key: key.name.clone(),
            purpose: key.keyring.purpose.name(),
            log: self.audit_keys().log().to_string(),
            entries,
            since: request.since.map(rfc3339),
            versions: impacts,
            entries_without_details: gaps.without_details,
            entries_uncounted: gaps.uncounted,
            values_untraced: gaps.untraced,
            not_covered: NOT_COVERED,
        })
    }

    /// The entries of erasures that were made: each tombstone holds the certificate that names one.
    async fn erasures(&self, tenant: &str) -> Result<BTreeSet<[u8; 32]>, EngineError> {
        let mut entries = BTreeSet::new();
        for row in self.rows().all::<SubjectTombstoneRecord>(&[tenant]).await? {
            let certificate = self.audit_keys().verify_certificate(&row.record.certificate);
            entries.insert(certificate.map_err(Error::from)?.entry);
        }
        Ok(entries)
    }

    /// Ids of the living subjects of these ledgers, after it was decided that they may be shown and
    /// recorded that they are.
    async fn ids_of(
        &self,
        tenant: &str,
        what: &str,
        ledgers: &BTreeMap<KeyVersionId, VersionLedger>,
    ) -> Result<BTreeMap<SubjectPseudonym, String>, EngineError> {
        let epoch = self.begin().await?;
        let living = self.living_subjects(tenant).await?;
        let touched = |keys: &&SubjectKeys| {
            ledgers.values().any(|ledger| ledger.touched.contains(keys.audit().pseudonym()))
        };
        let found: Vec<&SubjectKeys> = living.iter().filter(touched).collect();
        let what = format!("{what}, with the ids of {} subjects", found.len());
        let mut items = self.items::<ReadDisclosures>(epoch)?;
        let mut same = items.twin();
        let of_tenant = Group { tenant: Some(tenant.to_owned()), ..Group::default() };
        for collected in [&mut items, &mut same] {
            collected.add(KeyVersionId([0; 8]), what.as_bytes(), of_tenant.clone());
            for keys in &found {
                collected.add_about_subject(&what, keys.audit(), of_tenant.clone());
            }
        }
        let about = Subject { epoch, keys: &[], change: Some(&what) };
        let (authorized, recorded) =
            self.permit::<ReadDisclosures>(items, &about).await?.into_proofs();
        let admitted = admit(authorized, recorded, same.digest())?;
        Ok(named(&admitted, &found))
    }

    async fn living_subjects(&self, tenant: &str) -> Result<Vec<SubjectKeys>, EngineError> {
        let erased = self.rows().all::<SubjectTombstoneRecord>(&[tenant]).await?;
        let erased: BTreeSet<String> = erased.into_iter().map(|row| row.record.handle).collect();
        let mut living = Vec::new();
        for row in self.rows().all::<SubjectRecord>(&[tenant]).await? {
            // a row from before an erasure that somebody put back
            if !erased.contains(&row.record.handle) {
                living.push(self.open_subject(row).await?);
            }
        }
        Ok(living)
    }

    async fn version_impact(
        &self,
        key: &LoadedKey,
        version: &KeyVersion,
        ledger: VersionLedger,
        ids: Option<&BTreeMap<SubjectPseudonym, String>>,
    ) -> Result<VersionImpact, EngineError> {
        let ids_of = |ids: &BTreeMap<SubjectPseudonym, String>| {
            let mut ids: Vec<String> =
                ledger.touched.iter().filter_map(|one| ids.get(one).cloned()).collect();
            ids.sort();
            SubjectIds(ids)
        };
        Ok(VersionImpact {
            version: key.version_name(version),
            id: version.id.to_string(),
            state: version.state.name(),
            values: ledger.values.into(),
            counted_by_store: self.store.usage(version.id).await?.messages,
            subjects: ledger.subjects.into(),
            records_without_subject: ledger.records,
            subject_ids: ids.map(ids_of),
            collections: ledger
                .collections
                .into_iter()
                .map(|(collection, values)| CollectionImpact { collection, values: values.into() })
                .collect(),
            opened_by: ledger.opened.into_iter().map(OpenedBy::of).collect(),
            refused: ledger.refused.into_iter().map(OpenedBy::of).collect(),
        })
    }
}

/// Gives out ids, which takes that it was decided and recorded.
fn named(_admitted: &Admitted, found: &[&SubjectKeys]) -> BTreeMap<SubjectPseudonym, String> {
    let id = |keys: &&SubjectKeys| keys.subject().as_str().to_owned();
    found.iter().map(|keys| (*keys.audit().pseudonym(), id(keys))).collect()
}

fn wanted_versions(key: &LoadedKey, number: Option<u32>) -> Result<Vec<&KeyVersion>, EngineError> {
    match number {
        None => Ok(key.keyring.versions.iter().collect()),
        Some(number) => {
            let found = key.keyring.version(number).map_err(|refusal| key.refused(refusal))?;
            Ok(vec![found])
        }
    }
}

impl From<Values> for ValueCounts {
    fn from(values: Values) -> Self {
        let Values { encrypted, carried_in, carried_over, remaining, erased } = values;
        Self { encrypted, carried_in, carried_over, remaining, erased }
    }
}

impl From<Subjects> for SubjectCounts {
    fn from(subjects: Subjects) -> Self {
        let Subjects { touched, remaining, erased } = subjects;
        Self { touched, remaining, erased }
    }
}

impl OpenedBy {
    fn of((opener, opened): (Opener, Opened)) -> Self {
        let time = |seconds: u64| rfc3339(i64::try_from(seconds).unwrap_or(i64::MAX));
        Self {
            principal: opener.principal,
            principal_id: opener.principal_id.map(|id| PrincipalId(id).to_string()),
            on_behalf_of: opener.on_behalf_of,
            purpose: opener.purpose,
            operation: opener.operation,
            times: opened.entries,
            values: opened.values,
            subjects: opened.subjects,
            first: time(opened.first),
            last: time(opened.last),
        }
    }
}

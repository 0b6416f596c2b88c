//! Who had access to a subject's data: every entry about it, with its proof.
//!
//! It lists what went through Medseal and was bound to the subject. Once the subject is erased there
//! is nothing to list: what led from the entries to it is gone.

use super::SubjectName;
use crate::clock::parse_rfc3339;
use crate::engine::Engine;
use crate::error::EngineError;
use medseal_core::keyring::UnixSeconds;
use medseal_policy::ReadDisclosures;
use serde::Serialize;

/// Which accesses are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct DisclosureFilter {
    /// Not before this time.
    pub since: Option<UnixSeconds>,
    /// Not after this time.
    pub until: Option<UnixSeconds>,
}

/// Accesses to one subject's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disclosures {
    /// What stands for the subject in the store.
    pub subject: String,
    /// The log.
    pub log: String,
    /// How many entries it has; all of them were verified.
    pub entries: u64,
    /// The accesses, oldest first.
    pub disclosures: Vec<Disclosure>,
}

/// One access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disclosure {
    /// Its place in the log.
    pub index: u64,
    /// When, RFC 3339.
    pub time: String,
    /// Who.
    pub principal: String,
    /// What was done.
    pub operation: String,
    /// `permitted` or `denied`.
    pub outcome: String,
    /// What for, when that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Collections of the values.
    pub collections: Vec<String>,
    /// Fields of the values.
    pub fields: Vec<String>,
    /// How many values of this subject; none when the entry's details were erased.
    pub items: Option<u64>,
    /// What else there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The proof that the entry stands in the log (C2SP tlog-proof).
    pub proof: String,
}

impl Engine {
    /// Every access to a subject's data that stands in the log, this one included.
    ///
    /// # Errors
    /// [`EngineError::SubjectErased`], [`EngineError::SubjectUnknown`]; a log that does not verify.
    pub async fn disclosures(
        &self,
        subject: SubjectName<'_>,
        filter: &DisclosureFilter,
    ) -> Result<Disclosures, EngineError> {
        let epoch = self.begin().await?;
        let keys = self.subject(subject.tenant, subject.id).await?;
        let what = "read the disclosures of a subject";
        let whose = (subject.tenant, &*keys);
        let (admitted, _) =
            self.admit_about_subject::<ReadDisclosures>(epoch, whose, what, what).await?;
        let found = self.ledger.entries_about(&admitted, keys.audit())?;
        let disclosures = found.entries.into_iter().map(|about| {
            let items = about.items.as_ref();
            Disclosure {
                index: about.entry.index,
                principal: about.entry.principal.unwrap_or_default(),
                outcome: about.entry.outcome.unwrap_or_default().to_owned(),
                purpose: about.entry.purpose,
                collections: items
                    .map(|items| items.collections.iter().cloned().collect())
                    .unwrap_or(about.entry.collections),
                fields: items
                    .map(|items| items.fields.iter().cloned().collect())
                    .unwrap_or_default(),
                items: items.map(|items| items.count),
                note: about.entry.note,
                time: about.entry.time,
                operation: about.entry.operation,
                proof: about.proof,
            }
        });
        Ok(Disclosures {
            subject: self.subject_handle(subject.tenant, subject.id).to_string(),
            log: found.log,
            entries: found.size,
            disclosures: disclosures.filter(|one| filter.passes(one)).collect(),
        })
    }
}

impl DisclosureFilter {
    fn passes(&self, disclosure: &Disclosure) -> bool {
        let Some(time) = parse_rfc3339(&disclosure.time) else { return true };
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time <= until)
    }
}

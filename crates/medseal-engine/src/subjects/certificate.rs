//! Certificates of erasure: found again, and verified far away from the home.

use super::SubjectName;
use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::error::EngineError;
use medseal_core::Error;
use medseal_core::audit::{ErasureCertificate, LogId, LogKeys, NOT_COVERED};
use medseal_core::keyring::UnixSeconds;
use serde::Serialize;

/// What a certificate that verifies says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateReport {
    /// Its number.
    pub certificate: String,
    /// The log that has the entry.
    pub log: String,
    /// The store.
    pub store: String,
    /// The tenant.
    pub tenant: String,
    /// What stands for the subject in that store.
    pub subject: String,
    /// From when on its data opens in no live store.
    pub live: String,
    /// From when on it opens from no copy of the store either; none: live only.
    pub complete: Option<String>,
    /// Whether that moment has come, by the clock of whoever verifies.
    pub is_complete: bool,
    /// Who asked.
    pub principal: String,
    /// The digest of the operation in the log's entry.
    pub entry: String,
    /// How many pseudonyms of ids were deleted with it.
    pub pseudonyms: u64,
    /// What the erasure does not reach.
    pub not_covered: Vec<&'static str>,
    /// Why.
    pub reason: String,
    /// Whether it is of the subject that was asked for; none when nobody was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_of_subject: Option<bool>,
}

/// What is to be verified.
#[derive(Debug, Clone, Copy)]
pub struct VerifyCertificate<'a> {
    /// The certificate.
    pub certificate: &'a str,
    /// The public keys of the log.
    pub keys: &'a LogKeys,
    /// The time, to say whether the second date has come.
    pub now: UnixSeconds,
}

/// Verifies a certificate from its text and two public keys alone.
///
/// # Errors
/// [`Error::Audit`].
pub fn verify_certificate(
    request: &VerifyCertificate<'_>,
) -> Result<CertificateReport, EngineError> {
    let found = request.keys.verify_certificate(request.certificate).map_err(Error::from)?;
    Ok(CertificateReport::of(found, request.now))
}

impl CertificateReport {
    fn of(certificate: ErasureCertificate, now: UnixSeconds) -> Self {
        Self {
            certificate: LogId(certificate.id).to_string(),
            log: certificate.log.to_string(),
            store: certificate.store.as_str().to_owned(),
            subject: certificate.subject.to_string(),
            live: rfc3339(certificate.live),
            complete: certificate.complete.map(rfc3339),
            is_complete: certificate.complete.is_some_and(|time| time <= now),
            entry: certificate.entry.iter().map(|byte| format!("{byte:02x}")).collect(),
            tenant: certificate.tenant,
            principal: certificate.principal,
            pseudonyms: certificate.pseudonyms,
            not_covered: NOT_COVERED.split(' ').collect(),
            reason: certificate.reason,
            is_of_subject: None,
        }
    }
}

impl Engine {
    /// The certificate of a subject that was erased.
    ///
    /// # Errors
    /// [`EngineError::SubjectNotErased`], [`EngineError::SubjectUnknown`].
    pub async fn erasure_certificate(
        &self,
        subject: SubjectName<'_>,
    ) -> Result<String, EngineError> {
        self.begin().await?;
        let handle = self.subject_handle(subject.tenant, subject.id).to_string();
        if let Some(tombstone) = self.tombstone(subject.tenant, &handle).await? {
            return Ok(tombstone.certificate);
        }
        Err(match self.subject_row(subject.tenant, &handle).await? {
            Some(_) => EngineError::SubjectNotErased,
            None => EngineError::SubjectUnknown,
        })
    }

    /// Verifies a certificate of this home, and whether it is of this subject: only the home that
    /// issued it can tell.
    ///
    /// # Errors
    /// [`Error::Audit`].
    pub fn verify_own_certificate(
        &self,
        certificate: &str,
        subject: Option<SubjectName<'_>>,
    ) -> Result<CertificateReport, EngineError> {
        let keys = self.audit_keys();
        let now = self.clock.now();
        let mut report = verify_certificate(&VerifyCertificate { certificate, keys, now })?;
        report.is_of_subject = subject.map(|subject| {
            let handle = self.subject_handle(subject.tenant, subject.id).to_string();
            subject.tenant == report.tenant && handle == report.subject
        });
        Ok(report)
    }
}

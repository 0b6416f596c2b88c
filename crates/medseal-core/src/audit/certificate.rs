//! The certificate that a subject was erased (`spec/erasure-certificate.md`): what it says, signed as
//! a checkpoint is.
//!
//! It is signed by the log's keys and not by keys of its own: whoever audits a log holds its public
//! keys already, and a certificate that is to be believed must point into that log. The first line
//! tells it from a checkpoint, whose first line is the log's origin, so neither passes as the other.

use super::checkpoint::{LogKeys, LogSigner};
use super::entry::LogId;
use super::note::Note;
use super::rejection::{Rejection, RejectionKind, RejectionPlace};
use crate::operation::OperationDigest;
use crate::{Error, StoreId, SubjectHandle};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const FIRST_LINE: &str = "medseal/erasure-certificate/v1";
const NEVER: &str = "never";

/// The longest reason.
pub const MAX_REASON_BYTES: usize = 1024;

/// What an erasure does not reach; the same in every certificate of this version.
pub const NOT_COVERED: &str =
    "tenant-keys leased-keys plaintext-copies pseudonyms-in-copies copies-of-epoch-keys";

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureCertificate {
    /// Its own number, random.
    pub id: [u8; 16],
    /// The log that has the entry, and whose keys sign.
    pub log: LogId,
    /// The store.
    pub store: StoreId,
    /// The tenant.
    pub tenant: String,
    /// The subject, as only the home that issued it can name it.
    pub subject: SubjectHandle,
    /// From when on the subject's data opens in no live store, in seconds since 1970.
    pub live: i64,
    /// From when on it opens from no copy of the store either; `None` where month keys cannot be
    /// forgotten.
    pub complete: Option<i64>,
    /// Who asked.
    pub principal: String,
    /// The digest of the operation, which the log's entry holds.
    pub entry: [u8; 32],
    /// How many pseudonyms of ids were deleted with it.
    pub pseudonyms: u64,
    /// Why.
    pub reason: String,
}

const MALFORMED: Rejection =
    Rejection { place: RejectionPlace::Certificate, kind: RejectionKind::CertificateMalformed };

impl ErasureCertificate {
    /// The digest of the operation that the entry holds.
    pub fn is_of(&self, operation: &OperationDigest) -> bool {
        self.entry == operation.to_bytes()
    }

    /// The one text that says this; `None` for what no certificate can say.
    fn to_text(&self, keys: &str) -> Option<String> {
        let plain = |text: &str| !text.is_empty() && !text.contains(char::is_control);
        let fits = plain(&self.tenant) && plain(&self.principal) && plain(&self.reason);
        if !fits || self.reason.len() > MAX_REASON_BYTES {
            return None;
        }
        let complete = match self.complete {
            Some(time) => rfc3339(time)?,
            None => NEVER.to_owned(),
        };
        let id = LogId(self.id);
        let entry: String = self.entry.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(format!(
            "{FIRST_LINE}\ncertificate {id}\nlog {}\nstore {}\ntenant {}\nsubject {}\nlive {}\n\
             complete {complete}\nprincipal {}\nentry {entry}\npseudonyms {}\n\
             not-covered {NOT_COVERED}\nreason {}\nkeys {keys}\n",
            self.log,
            self.store.as_str(),
            self.tenant,
            self.subject,
            rfc3339(self.live)?,
            self.principal,
            self.pseudonyms,
            self.reason,
        ))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let first = lines.next()? == FIRST_LINE;
        let mut next = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let id = LogId::parse(next("certificate")?)?.0;
        let log = LogId::parse(next("log")?)?;
        let store = StoreId::parse(next("store")?)?;
        let tenant = next("tenant")?.to_owned();
        let subject = SubjectHandle::from_hex(next("subject")?)?;
        let live = seconds(next("live")?)?;
        let complete = match next("complete")? {
            NEVER => None,
            time => Some(seconds(time)?),
        };
        let principal = next("principal")?.to_owned();
        let entry = digest(next("entry")?)?;
        let pseudonyms = super::checkpoint::decimal(next("pseudonyms")?)?;
        let covered = next("not-covered")? == NOT_COVERED;
        let reason = next("reason")?.to_owned();
        let (_keys, end) = (next("keys")?, lines.next().is_none());
        let certificate = Self {
            id,
            log,
            store,
            tenant,
            subject,
            live,
            complete,
            principal,
            entry,
            pseudonyms,
            reason,
        };
        (first && covered && end).then_some(certificate)
    }
}

impl LogSigner {
    /// Signs a certificate of this log.
    ///
    /// # Errors
    /// A [`Rejection`] for what a certificate cannot say; [`Error::Random`].
    pub fn certify(&self, certificate: &ErasureCertificate) -> Result<String, Error> {
        let text = certificate.to_text(&self.keys().named()).ok_or(MALFORMED)?;
        if certificate.log != self.keys().log() {
            return Err(MALFORMED.into());
        }
        self.sign_text(&text)
    }
}

impl LogKeys {
    /// Reads a certificate and verifies both signatures.
    ///
    /// # Errors
    /// A [`Rejection`] that says which part is wrong.
    pub fn verify_certificate(&self, note: &str) -> Result<ErasureCertificate, Rejection> {
        let note = Note::parse(note).ok_or(MALFORMED)?;
        let certificate = ErasureCertificate::parse(note.text).ok_or(MALFORMED)?;
        let same = certificate.to_text(&self.named()).is_some_and(|text| text == note.text);
        if !same || certificate.log != self.log() {
            return Err(MALFORMED);
        }
        self.verify_signatures(&note)
            .map_err(|kind| Rejection::new(RejectionPlace::Certificate, kind))?;
        Ok(certificate)
    }
}

fn rfc3339(time: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(time).ok()?.format(&Rfc3339).ok()
}

fn seconds(text: &str) -> Option<i64> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp)
}

fn digest(text: &str) -> Option<[u8; 32]> {
    let (first, second) = text.split_at_checked(32)?;
    let (first, second) = (LogId::parse(first)?.0, LogId::parse(second)?.0);
    [first, second].concat().try_into().ok()
}

//! Subjects (patients): who they are here, who holds them, and how one is forgotten.
//!
//! A subject's secrets are kept by `keys`; here are the operations on the subject itself. A subject's
//! id comes from whoever asks and goes nowhere: the store, the log and every error name a handle, a
//! pseudonym, or nobody.

mod accounting;
mod certificate;
mod disclosures;
mod erase;
mod hold;
mod list;

pub use certificate::{CertificateReport, VerifyCertificate, verify_certificate};
pub use disclosures::{Disclosure, DisclosureFilter, Disclosures};
pub use erase::Erased;
pub use hold::{HoldSummary, NewHold};
pub use list::{Ids, SubjectState, SubjectSummary};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::{Admitted, Subject, admit};
use crate::keys::SubjectKeys;
use medseal_core::audit::MAX_REASON_BYTES;
use medseal_core::operation::{Group, OperationDigest};
use medseal_policy::Op;

/// A subject of a tenant.
#[derive(Clone, Copy)]
pub struct SubjectName<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// The id that its values are bound to.
    pub id: &'a str,
}

/// A patient's id is not printed.
impl std::fmt::Debug for SubjectName<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SubjectName(..)")
    }
}

impl Engine {
    /// Decides on and records something that is done to a subject. `shown` stands in the entry,
    /// `details` behind it.
    async fn admit_about_subject<O: Op>(
        &self,
        epoch: u64,
        (tenant, keys): (&str, &SubjectKeys),
        shown: &str,
        details: &str,
    ) -> Result<(Admitted, OperationDigest), EngineError> {
        let mut items = self.items::<O>(epoch)?;
        let mut same = items.twin();
        for collected in [&mut items, &mut same] {
            collected.add_about_subject(details, keys.audit(), of_tenant(tenant));
        }
        let about = Subject { epoch, keys: &[], change: Some(shown) };
        let (authorized, recorded) = self.permit::<O>(items, &about).await?.into_proofs();
        let digest = same.digest();
        Ok((admit(authorized, recorded, digest)?, digest))
    }
}

/// What a policy is to know of something that is done to a tenant's subject.
fn of_tenant(tenant: &str) -> Group {
    Group { tenant: Some(tenant.to_owned()), ..Group::default() }
}

/// A reason that may stand in the store: a line, and not the place for the id that is kept out of it
/// everywhere else. An id of three characters or less would forbid half the words.
fn check_reason(reason: &str, id: &str) -> Result<(), EngineError> {
    let line = !reason.is_empty()
        && reason.len() <= MAX_REASON_BYTES
        && !reason.contains(char::is_control);
    let names = id.chars().count() > 3 && reason.contains(id);
    if line && !names { Ok(()) } else { Err(EngineError::ReasonInvalid) }
}

#[cfg(test)]
mod tests;

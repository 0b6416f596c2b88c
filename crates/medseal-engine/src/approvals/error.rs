//! What can go wrong with approvals, as vocabulary.

use crate::error::ErrorClass;
use medseal_core::approval::RequestId;
use medseal_policy::approval::{Given, Shortfall};

/// A failure of dual control.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    /// Several people must approve first.
    #[error(
        "{} more approvals are needed: request {request}, {} of {} given; the same command carries it out when they are, until {expires}",
        usize::from(given.needed).saturating_sub(given.given), given.given, given.needed
    )]
    Required {
        /// The request.
        request: RequestId,
        /// How many were given.
        given: Given,
        /// Until when it can be carried out.
        expires: String,
    },
    /// An approver said no.
    #[error("request {0} was denied; whoever asked can withdraw it and ask again")]
    Denied(RequestId),
    /// The request does not cover what is to be done.
    #[error("request {request}: {why}")]
    Void {
        /// The request.
        request: RequestId,
        /// Why.
        why: Shortfall,
    },
    /// There is no such request.
    #[error("there is no request for approvals with the id `{0}`")]
    NotFound(String),
    /// Fewer people could approve than must.
    #[error(
        "{needed} approvals are needed and {eligible} principals could give one: they have the role approver, a registered key and a rule that allows approve, and are not the one who asks"
    )]
    TooFewApprovers {
        /// How many must.
        needed: u8,
        /// How many could.
        eligible: usize,
    },
    /// A request or a verdict in somebody else's name, or in an emergency.
    #[error("requests and verdicts are made in one's own name, without --as and --break-glass")]
    OwnName,
    /// The caller may not say anything of this request.
    #[error("the caller was not eligible when the request was made, or is not any more")]
    NotEligible,
    /// The caller has said it already.
    #[error(
        "a verdict was given already; an approval can be turned into a denial and nothing else"
    )]
    Given,
    /// Only whoever asked takes a request back.
    #[error("a request is withdrawn by whoever asked")]
    NotTheRequester,
    /// The text is no key file or no public key of an approver.
    #[error("not the key of an approver, or of another principal or home")]
    KeyMalformed,
    /// The key file does not open.
    #[error("the approver's key does not open: another passphrase, or the file was altered")]
    KeyRejected,
}

impl ApprovalError {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            ApprovalError::Required { .. } => "APPROVAL_REQUIRED",
            ApprovalError::Denied(_) => "APPROVAL_DENIED",
            ApprovalError::Void { .. } => "APPROVAL_VOID",
            ApprovalError::NotFound(_) => "APPROVAL_NOT_FOUND",
            ApprovalError::TooFewApprovers { .. } => "APPROVERS_TOO_FEW",
            ApprovalError::OwnName => "APPROVAL_OWN_NAME",
            ApprovalError::NotEligible | ApprovalError::NotTheRequester => "APPROVER_REFUSED",
            ApprovalError::Given => "APPROVAL_GIVEN",
            ApprovalError::KeyMalformed => "APPROVER_KEY_MALFORMED",
            ApprovalError::KeyRejected => "APPROVER_KEY_REJECTED",
        }
    }

    pub(crate) fn class(&self) -> ErrorClass {
        match self {
            ApprovalError::Required { .. }
            | ApprovalError::Denied(_)
            | ApprovalError::Void { .. }
            | ApprovalError::TooFewApprovers { .. }
            | ApprovalError::OwnName
            | ApprovalError::NotEligible
            | ApprovalError::NotTheRequester => ErrorClass::Denied,
            ApprovalError::NotFound(_) | ApprovalError::Given => ErrorClass::Usage,
            ApprovalError::KeyMalformed => ErrorClass::Malformed,
            ApprovalError::KeyRejected => ErrorClass::Rejected,
        }
    }
}

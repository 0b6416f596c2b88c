//! Dual control: asking several people, taking their signed verdicts, and letting what they approved
//! happen once (`spec/approvals.md`).
//!
//! Whoever changes something that a policy puts under dual control calls
//! [`Engine::require_approval`](crate::Engine) with the act as it would be done now, and hands the
//! proof to [`commit_approved`](crate::Engine), which carries the request out in the transaction of
//! the change. This module must not decide how many people are enough: that is `medseal_policy`.

mod approvers;
mod carrying_out;
mod error;
mod key_file;
mod listing;
mod requests;
mod require;
mod verdicts;

pub(crate) use carrying_out::Commitment;
pub use error::ApprovalError;
pub use key_file::ApproverKeyFile;
pub use listing::{ApprovalSummary, EligiblePerson, GivenVerdict, ShownApproval, ShownChange};
pub(crate) use require::Asking;
pub use verdicts::VerdictGiven;

pub use medseal_core::approval::{ApproverKeys, RequestId, Verdict};

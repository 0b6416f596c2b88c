//! Approvals by several people (`spec/approvals.md`): what is asked for, its digest, and what an
//! approver signs.
//!
//! A request says exactly what will be done and what changes from what to what, so that whoever signs
//! its digest has seen all of it. Who may approve and when a request may be carried out is decided by
//! `medseal-policy`; here are the bytes and the signatures.

mod hexadecimal;
mod request;
mod statement;

pub use request::{
    Act, Alteration, ApprovalRequest, EligibleApprover, RequestDigest, RequestId, Requester,
};
pub use statement::{
    ApproverKeyId, ApproverKeys, ApproverSigner, SignedStatement, Verdict, claimed_verdict,
};

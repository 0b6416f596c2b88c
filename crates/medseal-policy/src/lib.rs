//! Who may do what: a pure decision over a principal, an operation, a purpose and what it touches.
//!
//! A [`Policy`] is a table of rules that is read from TOML and checked before it is used. Everything
//! is denied that no rule allows, and a rule that forbids wins over all that allow. [`decide`] is the
//! only maker of [`Authorized`], and the engine's decrypting functions ask for one.
//!
//! This crate reads no file, no clock and no environment: the engine tells it who is asking, for what
//! purpose, how old the second factor is, and which policy holds. The rules of the decision are in
//! `spec/policy.md`.
#![forbid(unsafe_code)]

pub mod approval;
mod authority;
mod cache;
mod decision;
mod error;
mod operation;
mod policy;
mod principal;
mod purpose;

pub use authority::Authority;
pub use decision::{Answer, Asked, Authorized, DecisionId, Denied, Reason, Refused, decide};
pub use error::{PolicyError, PolicyFault, Position};
pub use operation::{
    Approve, Authenticate, BreakGlass, ChangeKeys, Decrypt, DefineFields, Encrypt, EraseSubject,
    HoldSubject, Maintain, ManagePolicy, ManagePrincipals, ManageRoot, Op, ReadApprovals,
    ReadAudit, ReadDisclosures, ReadPrincipals, ReadSubjects, Reencrypt, RequestApproval,
    ReviewBreakGlass, Verify,
};
pub use policy::{
    Budget, Counts, Demand, Explanation, Floor, Policy, Question, Requirement, RuleOutcome,
    Weakening,
};
pub use principal::{
    ADMIN, APPROVER, BREAK_GLASS, Caller, Kind, LOCAL_OWNER, MAINTENANCE, Principal, PrincipalId,
    ROLES,
};
pub use purpose::Purpose;

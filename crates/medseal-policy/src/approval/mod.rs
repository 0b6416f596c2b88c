//! Dual control: what needs the approval of several people, and when enough of them gave it
//! (`spec/approvals.md`).
//!
//! [`Approved`] is the only sign of it, made here alone: by [`Policy::requirement`](crate::Policy) when
//! nobody needs to be asked, by [`judge`] from statements whose signatures it verifies itself. It must
//! not read rows: whoever keeps them could have written them.

mod action;
mod quorum;

pub use action::{
    Action, Controlled, CreateEscrow, DestroyKey, EraseSubject, GrantRole, RegisterApprover,
    SetPolicy,
};
pub use quorum::{
    Approver, Case, Given, KEY_VERSION, Shortfall, Standing, WAITING, completes, eligible, judge,
};

use medseal_core::approval::{Act, RequestId};
use std::marker::PhantomData;

/// Proof that enough people approved an act, or that nobody needs to; single use.
#[must_use]
pub struct Approved<A: Controlled> {
    request: Option<RequestId>,
    act: Act,
    _action: PhantomData<A>,
}

impl<A: Controlled> Approved<A> {
    pub(crate) fn new(request: Option<RequestId>, act: &Act) -> Self {
        Self { request, act: act.clone(), _action: PhantomData }
    }

    /// The request that was approved; none if nobody needed to be asked.
    pub fn request(&self) -> Option<RequestId> {
        self.request
    }

    /// Whether it is this very act.
    pub fn is_for(&self, act: &Act) -> bool {
        self.act == *act
    }
}

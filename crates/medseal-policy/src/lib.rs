//! Who may do what: a pure decision over a principal and an operation.
//!
//! There is one rule so far, the local owner's: whoever owns the home may use it, nobody else may.
//! What counts is the shape: [`decide`] is the only maker of [`Authorized`], and the engine's
//! decrypting functions ask for one. This crate reads no file, no clock and no environment; the
//! engine tells it who is asking and who owns the home.
#![forbid(unsafe_code)]

mod operation;

pub use operation::{ChangeKeys, Decrypt, Encrypt, ManageRoot, Op, ReadAudit, Reencrypt, Verify};
pub use operation::{EraseSubject, HoldSubject, ReadDisclosures, ReadSubjects};

use medseal_core::operation::{OperationDigest, OperationItems};
use std::marker::PhantomData;

/// Somebody who asks, by a stable id of the operating system.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    /// The user id.
    pub user_id: u32,
}

impl Principal {
    /// The name in the ledger.
    pub fn name(&self) -> String {
        format!("os-user:{}", self.user_id)
    }
}

/// The rule of a home without principals of its own: its owner may do everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalOwner {
    /// The user id that owns the home.
    pub user_id: u32,
}

/// Proof that an operation was allowed; single use, made only by [`decide`].
///
/// Absence of an error is a poor sign of permission, so permission is a value. It is bound to the
/// operation by its digest and to the kind of operation by its type.
#[must_use]
pub struct Authorized<O: Op> {
    digest: OperationDigest,
    rule: &'static str,
    _operation: PhantomData<O>,
}

impl<O: Op> Authorized<O> {
    /// The digest of the operation that was decided on.
    pub fn digest(&self) -> OperationDigest {
        self.digest
    }

    /// The rule that allowed it.
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

/// The operation is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No rule allows it.
    #[error("no rule allows this principal to {0}")]
    NoRule(&'static str),
    /// The items were collected for another kind of operation.
    #[error("the operation was described as {0}")]
    OtherOperation(&'static str),
}

/// Decides on one operation.
///
/// # Errors
/// [`Denied`]: everything that no rule allows.
pub fn decide<O: Op>(
    rule: &LocalOwner,
    principal: &Principal,
    items: OperationItems,
) -> Result<Authorized<O>, Denied> {
    if items.operation() != O::OPERATION {
        return Err(Denied::OtherOperation(items.operation().name()));
    }
    if principal.user_id != rule.user_id {
        return Err(Denied::NoRule(O::OPERATION.name()));
    }
    Ok(Authorized { digest: items.digest(), rule: "local-owner", _operation: PhantomData })
}

#[cfg(test)]
mod tests {
    use super::*;
    use medseal_core::operation::Operation;

    const OWNER: LocalOwner = LocalOwner { user_id: 1000 };

    fn items(operation: Operation) -> OperationItems {
        OperationItems::new(operation, 7, [1; 32])
    }

    #[test]
    fn the_owner_is_allowed_and_the_digest_is_the_operations() {
        let owner = Principal { user_id: 1000 };
        let authorized = decide::<Decrypt>(&OWNER, &owner, items(Operation::Decrypt)).unwrap();
        assert_eq!(authorized.digest(), items(Operation::Decrypt).digest());
        assert_eq!(authorized.rule(), "local-owner");
    }

    #[test]
    fn others_are_denied_root_included() {
        for user_id in [0, 999, 1001] {
            let other = Principal { user_id };
            let denied = decide::<Decrypt>(&OWNER, &other, items(Operation::Decrypt)).err();
            assert_eq!(denied, Some(Denied::NoRule("decrypt")));
        }
    }

    #[test]
    fn items_of_another_operation_are_no_basis() {
        let owner = Principal { user_id: 1000 };
        for operation in
            [Operation::Encrypt, Operation::Verify, Operation::Reencrypt, Operation::ChangeKeys]
        {
            let denied = decide::<Decrypt>(&OWNER, &owner, items(operation)).err();
            assert_eq!(denied, Some(Denied::OtherOperation(operation.name())));
        }
    }
}

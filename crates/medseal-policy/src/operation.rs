//! The kinds of operation as types, so that a permission to encrypt cannot be used to decrypt.

use medseal_core::operation::Operation;

/// A kind of operation.
pub trait Op: sealed::Sealed {
    /// Its value.
    const OPERATION: Operation;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! op {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub enum $name {}
        impl sealed::Sealed for $name {}
        impl Op for $name {
            const OPERATION: Operation = Operation::$name;
        }
    };
}

op!(
    /// Encrypting values.
    Encrypt
);
op!(
    /// Decrypting values.
    Decrypt
);
op!(
    /// Decrypting without giving anything out.
    Verify
);
op!(
    /// Carrying values over to a newer key version.
    Reencrypt
);
op!(
    /// Changing keys and field definitions.
    ChangeKeys
);
op!(
    /// Reading the encrypted details of the audit log.
    ReadAudit
);
op!(
    /// Registering fields.
    DefineFields
);
op!(
    /// What keys ask for by themselves.
    Maintain
);
op!(
    /// Changing principals, their roles and tokens.
    ManagePrincipals
);
op!(
    /// Replacing the policy.
    ManagePolicy
);
op!(
    /// Reading principals, roles, tokens and the policy.
    ReadPrincipals
);
op!(
    /// Showing who one is.
    Authenticate
);
op!(
    /// Going past the policy in an emergency.
    BreakGlass
);
op!(
    /// Reading and reviewing who went past the policy.
    ReviewBreakGlass
);
op!(
    /// Destroying the secrets of a subject.
    EraseSubject
);
op!(
    /// Placing or releasing a legal hold on a subject.
    HoldSubject
);
op!(
    /// Reading which subjects there are.
    ReadSubjects
);
op!(
    /// Reading who had access to a subject's data.
    ReadDisclosures
);
op!(
    /// Splitting what opens the home, and giving it a new root.
    ManageRoot
);
op!(
    /// Asking for approvals, and taking a request back.
    RequestApproval
);
op!(
    /// Approving or denying a request.
    Approve
);
op!(
    /// Reading requests and what was said of them.
    ReadApprovals
);

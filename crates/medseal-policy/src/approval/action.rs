//! What can be put under dual control, as values for a policy's table and as types for the proof.

use crate::operation;

/// Something that may need approvals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Destroying a key version.
    DestroyKey,
    /// Splitting what opens the home.
    CreateEscrow,
    /// Destroying the secrets of a subject.
    EraseSubject,
    /// Granting a role that governs: admin, custodian, approver.
    GrantRole,
    /// Registering the key of an approver.
    RegisterApprover,
    /// Replacing the policy.
    SetPolicy,
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 6] = [
        Action::DestroyKey,
        Action::CreateEscrow,
        Action::EraseSubject,
        Action::GrantRole,
        Action::RegisterApprover,
        Action::SetPolicy,
    ];

    /// The name in policies and requests.
    pub fn name(self) -> &'static str {
        match self {
            Action::DestroyKey => "destroy-key",
            Action::CreateEscrow => "create-escrow",
            Action::EraseSubject => "erase-subject",
            Action::GrantRole => "grant-role",
            Action::RegisterApprover => "register-approver",
            Action::SetPolicy => "set-policy",
        }
    }

    /// Reads an [`Action::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}

/// An action as a type, so that an approved escrow cannot be used to destroy a key.
pub trait Controlled: sealed::Sealed {
    /// Its value.
    const ACTION: Action;
    /// The operation that it is, for the rules of a policy.
    type Operation: operation::Op;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! action {
    ($(#[$doc:meta])* $name:ident is $operation:ident) => {
        $(#[$doc])*
        pub enum $name {}
        impl sealed::Sealed for $name {}
        impl Controlled for $name {
            const ACTION: Action = Action::$name;
            type Operation = operation::$operation;
        }
    };
}

action!(
    /// Destroying a key version.
    DestroyKey is ChangeKeys
);
action!(
    /// Splitting what opens the home.
    CreateEscrow is ManageRoot
);
action!(
    /// Destroying the secrets of a subject.
    EraseSubject is EraseSubject
);
action!(
    /// Granting a role that governs.
    GrantRole is ManagePrincipals
);
action!(
    /// Registering the key of an approver.
    RegisterApprover is ManagePrincipals
);
action!(
    /// Replacing the policy.
    SetPolicy is ManagePolicy
);

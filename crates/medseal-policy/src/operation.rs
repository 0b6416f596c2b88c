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

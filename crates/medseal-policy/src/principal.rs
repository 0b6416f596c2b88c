//! Who can ask: people, services and users of the operating system, each with roles.

use std::collections::BTreeSet;
use std::fmt;

/// The roles that every home knows. A policy may add further ones.
pub const ROLES: [&str; 7] =
    ["admin", "approver", "auditor", "custodian", "decryptor", "encryptor", "operator"];
/// The role whose holder replaces the built-in owner.
pub const ADMIN: &str = "admin";
/// The role of those who can approve.
pub const APPROVER: &str = "approver";
/// The rule by which the built-in owner may do everything.
pub const LOCAL_OWNER: &str = "local-owner";
/// The rule by which keys are maintained whoever is at work.
pub const MAINTENANCE: &str = "maintenance";

/// The rule by which somebody went past the policy in an emergency.
pub const BREAK_GLASS: &str = "break-glass";

/// The stable id of a principal; a name could be given again after a row was lost, an id never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrincipalId(pub [u8; 8]);

impl PrincipalId {
    /// Reads sixteen lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != 16 || !text.bytes().all(lower) {
            return None;
        }
        u64::from_str_radix(text, 16).ok().map(|number| Self(number.to_be_bytes()))
    }
}

impl fmt::Display for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a principal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Somebody.
    Person,
    /// A program.
    Service,
    /// A user of the operating system, whoever sits behind it.
    OsUser,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 3] = [Kind::Person, Kind::Service, Kind::OsUser];

    /// The name on the command line and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Person => "person",
            Kind::Service => "service",
            Kind::OsUser => "os-user",
        }
    }

    /// Reads a [`Kind::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Somebody or something that a home knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Its id.
    pub id: PrincipalId,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The one tenant whose data it may touch; none for every tenant.
    pub tenant: Option<String>,
    /// What it was granted.
    pub roles: BTreeSet<String>,
    /// Whether it may do anything at all.
    pub active: bool,
}

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The operating system user who owns a home in which no admin has taken over.
    Owner {
        /// The user id.
        user_id: u32,
    },
    /// An operating system user that no principal stands for.
    Stranger {
        /// The user id.
        user_id: u32,
    },
    /// A principal.
    Known(Principal),
}

impl Caller {
    /// The name in the audit log.
    pub fn name(&self) -> String {
        match self {
            Caller::Owner { user_id } | Caller::Stranger { user_id } => {
                format!("os-user:{user_id}")
            }
            Caller::Known(principal) => principal.name.clone(),
        }
    }

    /// The id, for principals that the home knows.
    pub fn id(&self) -> Option<PrincipalId> {
        match self {
            Caller::Known(principal) => Some(principal.id),
            Caller::Owner { .. } | Caller::Stranger { .. } => None,
        }
    }
}

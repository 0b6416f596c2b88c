//! Who may use a home: principals, their roles and tokens, and the policy.
//!
//! Every change goes through the gate like any other operation, and none may leave a home that nobody
//! can govern. It must not decide anything itself: that is `medseal_policy`.

mod authority;
mod budgets;
mod directory;
mod glass;
mod people;
mod rules;
mod setting;
mod tokens;

pub use authority::Occasion;
pub(crate) use authority::{HeldAuthority, Users};
pub(crate) use directory::Directory;
pub use glass::BrokenGlass;
pub(crate) use glass::HeldEmergency;
pub use people::{NewPrincipal, PrincipalSummary};
pub use rules::{CheckedPolicy, PolicyInForce, RuleSummary, Simulated, Simulation, check_policy};
pub use tokens::{NewToken, TokenSummary};

pub use medseal_core::AccessToken;
pub use medseal_core::operation::Operation;
pub use medseal_policy::{Kind, Purpose, ROLES};

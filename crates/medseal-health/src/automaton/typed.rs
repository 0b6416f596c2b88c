//! What a type of FHIR makes of a value.

use super::State;
use crate::fhir::known::Known;
use crate::profile::{Placement, RuleId};

/// What holds for a value in a state of a FHIR profile.
#[derive(Debug, Clone)]
pub(crate) struct Typed {
    /// The rule that counts, if the value is a scalar.
    pub(crate) rule: RuleId,
    /// What happens to it then.
    pub(crate) placement: Placement,
    pub(crate) role: Role,
    /// An array is one value with all that is in it.
    pub(crate) whole: bool,
}

/// What else a value is.
#[derive(Debug, Clone)]
pub(crate) enum Role {
    Value,
    /// A number or boolean that stays; a string in its place is not one.
    Number,
    /// `resourceType`.
    Collection,
    /// The id of a resource.
    Id,
    /// A reference or address that may hold an id.
    Reference,
    /// One of a choice of types, encrypted as the string of this name among them.
    Renamed(&'static str),
    /// That string.
    Choice(&'static str),
    /// What stands beside a masked primitive.
    Sibling,
    /// A place for any resource.
    Resource(Resources),
    /// The state within by the extension's url; else the present one.
    Extension(Known<Box<str>, State>),
    /// An entry of a Bundle, whose `fullUrl` names the resource in it.
    Entry,
    /// The `meta` of a resource.
    Meta,
}

/// Where a resource leads by its type.
#[derive(Debug, Clone)]
pub(crate) struct Resources {
    /// It has no identity but in the resource around it.
    pub(crate) contained: bool,
    /// The state, and whether it is a `DomainResource`.
    pub(crate) by_name: Known<&'static str, (State, bool)>,
    /// The state of other types.
    pub(crate) foreign: State,
}

impl Typed {
    /// A scalar stays, and nobody needs to know of it.
    pub(super) fn is_plain(&self) -> bool {
        self.placement == Placement::Keep && matches!(self.role, Role::Value)
    }

    /// An object or array is no more than what is in it.
    pub(super) fn is_plain_container(&self) -> bool {
        let passive = !matches!(
            self.role,
            Role::Sibling | Role::Resource(_) | Role::Extension(_) | Role::Entry | Role::Meta
        );
        passive && !self.whole
    }
}

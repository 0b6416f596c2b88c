//! Principals, items and decisions in a line each.

use medseal_core::KeyVersionId;
use medseal_core::context::{Binding, Scope, encode_into};
use medseal_core::operation::{Group, Operation, OperationItems, Under};
use medseal_policy::{
    Asked, Authority, Caller, Denied, Kind, Op, Policy, Principal, PrincipalId, Purpose, decide,
};

pub(crate) fn principal(name: &str, roles: &[&str]) -> Principal {
    Principal {
        id: PrincipalId([1; 8]),
        name: name.to_owned(),
        kind: Kind::Person,
        tenant: None,
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        active: true,
    }
}

/// Values as (tenant, collection, class).
pub(crate) fn values(operation: Operation, groups: &[[&str; 3]]) -> OperationItems {
    let mut items = OperationItems::new(operation, 7, [1; 32]);
    for [tenant, collection, class] in groups {
        let scope = Scope::new(tenant, collection, "f").unwrap();
        let mut context = Vec::new();
        encode_into(&scope, None, &Binding::record("17"), &mut context).unwrap();
        items.add_value(Under::Version(KeyVersionId([1; 8])), &context, class);
    }
    items
}

/// Something that is no value, of a tenant or of none.
pub(crate) fn change(operation: Operation, tenant: Option<&str>) -> OperationItems {
    let mut items = OperationItems::new(operation, 7, [1; 32]);
    let group = Group { tenant: tenant.map(str::to_owned), ..Group::default() };
    items.add(KeyVersionId([0; 8]), b"a change", group);
    items
}

pub(crate) fn asked(purpose: &str) -> Asked {
    Asked { purpose: Purpose::from_name(purpose), ..Asked::default() }
}

/// The deciding rules, or the denial.
pub(crate) fn decided<O: Op>(
    policy: &Policy,
    caller: Caller,
    asked: &Asked,
    items: OperationItems,
) -> Result<Vec<String>, Box<Denied>> {
    let mut authority = Authority::new(policy.clone(), caller, None);
    decide::<O>(&mut authority, asked, items).map(|authorized| authorized.rules().to_vec())
}

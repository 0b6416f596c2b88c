//! The policy in force: setting it, showing it, and asking what it would say.

use super::directory::Directory;
use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Changed;
use crate::keys::check_name;
use medseal_core::KeyVersionId;
use medseal_core::context::Scope;
use medseal_core::operation::{Group, Operation};
use medseal_policy::{
    Asked, Authority, Caller, LOCAL_OWNER, Policy, Purpose, Question, ReadPrincipals,
};
use serde::Serialize;

/// What a policy is at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedPolicy {
    /// Its name.
    pub name: String,
    /// How many rules it has.
    pub rules: usize,
    /// How many budgets it has.
    pub budgets: usize,
    /// For how many operations it asks several people.
    pub approvals: usize,
    /// The purpose of accesses that name none; none if one must be named.
    pub default_purpose: Option<&'static str>,
}

/// The policy in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyInForce {
    /// At a glance.
    #[serde(flatten)]
    pub checked: CheckedPolicy,
    /// How often a policy was set; 0 for the built-in one.
    pub revision: u64,
    /// Who set it.
    pub set_by: Option<String>,
    /// When.
    pub set_at: Option<String>,
    /// Whether the owner of the home's directory may do everything beside it.
    pub built_in_owner: bool,
    /// Its text; none for the built-in one.
    pub document: Option<String>,
}

/// What is to be simulated.
#[derive(Debug, Clone, Copy)]
pub struct Simulation<'a> {
    /// Whose decision; none for the caller's own.
    pub principal: Option<&'a str>,
    /// The operation's name.
    pub operation: Operation,
    /// The purpose, if one is named.
    pub purpose: Option<Purpose>,
    /// Where.
    pub tenant: &'a str,
    /// The collection of values.
    pub collection: Option<&'a str>,
    /// A field, whose class is looked up.
    pub field: Option<&'a str>,
    /// The class of values.
    pub class: Option<&'a str>,
}

/// How it would be decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Simulated {
    /// `allowed` or `denied`.
    pub decision: &'static str,
    /// Why it is denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The deciding rules.
    pub deciding: Vec<String>,
    /// Who would be asking.
    pub principal: String,
    /// With which roles.
    pub roles: Vec<String>,
    /// For which purpose.
    pub purpose: Option<&'static str>,
    /// The class of the values.
    pub class: Option<String>,
    /// Every rule of the policy.
    pub rules: Vec<RuleSummary>,
}

/// What one rule said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleSummary {
    /// The rule.
    pub rule: String,
    /// `allow` or `forbid`.
    pub effect: &'static str,
    /// The condition that did not hold; none if the rule matched.
    pub not_because_of: Option<&'static str>,
}

/// Reads a policy and says what it is, without a home.
///
/// # Errors
/// [`EngineError::Policy`] with the place.
pub fn check_policy(document: &str) -> Result<CheckedPolicy, EngineError> {
    Ok(checked(&Policy::parse(document)?))
}

fn checked(policy: &Policy) -> CheckedPolicy {
    CheckedPolicy {
        name: policy.name().to_owned(),
        rules: policy.len(),
        budgets: policy.budget_count(),
        approvals: policy.approval_count(),
        default_purpose: policy.default_purpose().map(Purpose::name),
    }
}

impl Engine {
    /// The policy in force.
    ///
    /// # Errors
    /// A denial; what the store answers.
    pub async fn show_policy(&self) -> Result<PolicyInForce, EngineError> {
        self.begin().await?;
        let (directory, epoch) = self.directory().await?;
        let about = Changed { tenant: None, id: KeyVersionId([0; 8]), what: "show the policy" };
        self.admit_change::<ReadPrincipals>(epoch, &about).await?;
        in_force(&directory)
    }

    /// How the policy would decide, and why.
    ///
    /// # Errors
    /// [`EngineError::NoSuchPrincipal`]; a denial of asking.
    pub async fn simulate(&self, asked: &Simulation<'_>) -> Result<Simulated, EngineError> {
        self.begin().await?;
        let (directory, epoch) = self.directory().await?;
        let caller = match asked.principal {
            Some(name) => Caller::Known(directory.principal(name)?),
            None => directory.caller_of_user(self.users),
        };
        // everybody may ask about themselves
        if asked.principal.is_some() {
            let about = Changed { tenant: None, id: KeyVersionId([0; 8]), what: "simulate" };
            self.admit_change::<ReadPrincipals>(epoch, &about).await?;
        }
        let group = self.simulated_group(asked).await?;
        simulated(directory.policy()?, caller, asked, &group)
    }

    async fn simulated_group(&self, asked: &Simulation<'_>) -> Result<Group, EngineError> {
        let tenant = Some(asked.tenant.to_owned());
        let Some(collection) = asked.collection.filter(|_| asked.operation.is_of_values()) else {
            let is_of_tenant = matches!(
                asked.operation,
                Operation::ChangeKeys | Operation::DefineFields | Operation::Maintain
            );
            return Ok(Group { tenant: tenant.filter(|_| is_of_tenant), ..Group::default() });
        };
        let class = match (asked.class, asked.field) {
            (Some(class), _) => {
                check_name("a field's class", class)?;
                class.to_owned()
            }
            (None, field) => {
                let scope = field.map(|field| Scope::new(asked.tenant, collection, field));
                let definition = match scope.transpose()? {
                    Some(scope) => self.definition(&scope).await?,
                    None => None,
                };
                crate::fields::class_of(definition.as_ref())
            }
        };
        Ok(Group { tenant, collection: Some(collection.to_owned()), class: Some(class) })
    }
}

fn simulated(
    policy: Policy,
    caller: Caller,
    asked: &Simulation<'_>,
    group: &Group,
) -> Result<Simulated, EngineError> {
    let principal = caller.name();
    let roles = match &caller {
        Caller::Known(principal) => principal.roles.clone(),
        Caller::Owner { .. } | Caller::Stranger { .. } => <_>::default(),
    };
    let mut authority = Authority::new(policy, caller, None);
    let occasion = Asked { purpose: asked.purpose, ..Asked::default() };
    let answer = authority.answer(asked.operation, &occasion, std::iter::once(group));
    let purpose = answer.purpose.unwrap_or(Purpose::Operations);
    let question = Question { operation: asked.operation, purpose, group };
    let explained = authority.policy().explain(&roles, &question, None);
    let (decision, reason, deciding) = match answer.rules {
        Ok(rules) => ("allowed", None, rules),
        Err(refused) => ("denied", Some(refused.reason.to_string()), refused.rules),
    };
    let is_owner = deciding.iter().any(|rule| rule == LOCAL_OWNER);
    let rules = explained.rules.into_iter().filter(|_| !is_owner).map(|rule| RuleSummary {
        rule: rule.id,
        effect: if rule.forbids { "forbid" } else { "allow" },
        not_because_of: rule.obstacle,
    });
    Ok(Simulated {
        decision,
        reason,
        deciding,
        principal,
        roles: roles.into_iter().collect(),
        purpose: answer.purpose.map(Purpose::name),
        class: group.class.clone(),
        rules: rules.collect(),
    })
}

pub(super) fn in_force(directory: &Directory) -> Result<PolicyInForce, EngineError> {
    let row = directory.policy.as_ref();
    Ok(PolicyInForce {
        checked: checked(&directory.policy()?),
        revision: row.map_or(0, |row| row.version),
        set_by: row.map(|row| row.record.set_by.clone()),
        set_at: row.map(|row| rfc3339(row.record.set_at)),
        built_in_owner: !directory.is_governed(),
        document: row.map(|row| row.record.document.clone()),
    })
}

//! The decision itself (`spec/policy.md`).

use crate::authority::Authority;
use crate::operation::Op;
use crate::policy::{Question, Verdict};
use crate::principal::{BREAK_GLASS, Caller, LOCAL_OWNER, MAINTENANCE};
use crate::purpose::Purpose;
use medseal_core::operation::{Group, Operation, OperationDigest, OperationItems};
use std::fmt;
use std::marker::PhantomData;

/// What a caller says of one operation, and what is known of the caller at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// What it is for.
    pub purpose: Option<Purpose>,
    /// How long ago a second factor was shown, in seconds.
    pub second_factor_age: Option<u64>,
    /// Whether the caller has broken the glass, with a reason that is on record.
    pub glass_is_broken: bool,
}

/// Which decision: the first eight bytes of the operation's salted digest, so that the entry of the
/// audit log is found by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecisionId([u8; 8]);

impl DecisionId {
    /// The decision on an operation.
    pub fn of(digest: OperationDigest) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = digest.to_bytes();
        Self([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Proof that an operation was allowed; single use, made only by [`decide`].
///
/// Absence of an error is a poor sign of permission, so permission is a value. It is bound to the
/// operation by its digest and to the kind of operation by its type.
#[must_use]
pub struct Authorized<O: Op> {
    digest: OperationDigest,
    rules: Vec<String>,
    purpose: Purpose,
    _operation: PhantomData<O>,
}

impl<O: Op> Authorized<O> {
    /// The digest of the operation that was decided on.
    pub fn digest(&self) -> OperationDigest {
        self.digest
    }

    /// The rules that allowed it, ascending; at least one.
    pub fn rules(&self) -> &[String] {
        &self.rules
    }

    /// Gives the permission back: it would pass a budget.
    pub fn over_budget(self, principal: String, budget: &str) -> Box<Denied> {
        Box::new(Denied {
            operation: O::OPERATION,
            principal,
            group: Group::default(),
            purpose: Some(self.purpose),
            reason: Reason::OverBudget,
            rules: vec![budget.to_owned()],
            decision: DecisionId::of(self.digest),
        })
    }

    /// The purpose it was allowed for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }
}

/// Why an operation is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// No rule allows it.
    #[error("no rule allows it")]
    NoRule,
    /// Rules forbid it.
    #[error("a rule forbids it")]
    Forbidden,
    /// A rule would allow it after a second factor.
    #[error("it needs a second factor, which this surface cannot ask for")]
    SecondFactor,
    /// The principal is disabled.
    #[error("the principal is disabled")]
    Disabled,
    /// The principal belongs to another tenant.
    #[error("it is outside the principal's tenant")]
    Tenant,
    /// The policy has no purpose for those who name none.
    #[error("the policy asks for a purpose: --purpose")]
    PurposeRequired,
    /// Only the owner and admins act for others.
    #[error("only the owner of the home and admins act for others")]
    NotForOthers,
    /// It would pass a budget.
    #[error("it would pass a budget")]
    OverBudget,
    /// The items were collected for another kind of operation, or are of no kind that can be
    /// decided on.
    #[error("it was described as another operation")]
    OtherOperation,
}

/// An operation that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// The operation.
    pub operation: Operation,
    /// Who asked.
    pub principal: String,
    /// On which group of items it failed.
    pub group: Group,
    /// For which purpose, when there was one.
    pub purpose: Option<Purpose>,
    /// Why.
    pub reason: Reason,
    /// The rules that forbade it, ascending.
    pub rules: Vec<String>,
    /// The decision.
    pub decision: DecisionId,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Denied { principal, reason, rules, decision, .. } = self;
        write!(f, "{} is denied to `{principal}`: {reason}", self.operation.name())?;
        if let [rule, ..] = rules.as_slice() {
            write!(f, ", rule `{rule}`")?;
        }
        write!(f, "; decision {decision}; `medseal policy simulate` shows the rules")
    }
}

impl std::error::Error for Denied {}

/// Decides on one operation, all of whose items must be allowed.
///
/// # Errors
/// [`Denied`]: everything that no rule allows or any forbids.
pub fn decide<O: Op>(
    authority: &mut Authority,
    asked: &Asked,
    items: OperationItems,
) -> Result<Authorized<O>, Box<Denied>> {
    let operation = O::OPERATION;
    let answer = if items.operation() == operation {
        authority.answer(operation, asked, items.groups())
    } else {
        Answer { purpose: asked.purpose, rules: Err(Refused::of(Reason::OtherOperation)) }
    };
    let (digest, purpose) = (items.digest(), answer.purpose);
    match (answer.rules, purpose) {
        (Ok(rules), Some(purpose)) => {
            Ok(Authorized { digest, rules, purpose, _operation: PhantomData })
        }
        (refused, _) => {
            let Refused { group, reason, rules } =
                refused.err().unwrap_or_else(|| Refused::of(Reason::PurposeRequired));
            let principal = match authority.on_behalf_of() {
                Some(other) => format!("{} for {}", authority.caller().name(), other.name),
                None => authority.caller().name(),
            };
            let decision = DecisionId::of(digest);
            let denied = Denied { operation, principal, group, purpose, reason, rules, decision };
            Err(Box::new(denied))
        }
    }
}

/// How rules answer; a permission only in the hands of [`decide`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The purpose that was named or that the policy gives.
    pub purpose: Option<Purpose>,
    /// The deciding rules, ascending, or what stands in the way.
    pub rules: Result<Vec<String>, Refused>,
}

/// What stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// On which group of items it failed.
    pub group: Group,
    /// Why.
    pub reason: Reason,
    /// The rules that forbade it, ascending.
    pub rules: Vec<String>,
}

impl Refused {
    fn of(reason: Reason) -> Self {
        Self { group: Group::default(), reason, rules: Vec::new() }
    }
}

impl Authority {
    /// What [`decide`] answers, without a permission.
    pub fn answer<'g>(
        &mut self,
        operation: Operation,
        asked: &Asked,
        groups: impl Iterator<Item = &'g Group>,
    ) -> Answer {
        let purpose = self.purpose_of(operation, asked);
        let rules = match purpose {
            None => Err(Refused::of(Reason::PurposeRequired)),
            Some(purpose) => self.rules(operation, asked, purpose, groups),
        };
        Answer { purpose, rules }
    }

    /// A purpose is asked for where patients' data is touched; no policy binds the built-in owner.
    fn purpose_of(&self, operation: Operation, asked: &Asked) -> Option<Purpose> {
        let is_bound = self.principals().next().is_some();
        if asked.glass_is_broken || operation == Operation::BreakGlass {
            return Some(Purpose::Emergency);
        }
        let otherwise = if is_bound && operation.is_of_values() {
            self.policy().default_purpose()
        } else {
            Some(Purpose::Operations)
        };
        asked.purpose.or(otherwise)
    }

    /// The rules by which every principal concerned may do this to every group.
    fn rules<'g>(
        &mut self,
        operation: Operation,
        asked: &Asked,
        purpose: Purpose,
        groups: impl Iterator<Item = &'g Group>,
    ) -> Result<Vec<String>, Refused> {
        if self.on_behalf_of().is_some() && !self.may_act_for_others() {
            return Err(Refused::of(Reason::NotForOthers));
        }
        let mut rules = Vec::with_capacity(1);
        match self.caller() {
            Caller::Stranger { .. } => return Err(Refused::of(Reason::NoRule)),
            Caller::Owner { .. } => rules.push(LOCAL_OWNER.to_owned()),
            Caller::Known(_) => {}
        }
        let mut any = false;
        for group in groups {
            any = true;
            let question = Question { operation, purpose, group };
            for at in 0..2 {
                let rule = self.rule_for(at, &question, asked)?;
                rules.extend(rule.filter(|rule| !rules.contains(rule)));
            }
        }
        // without a group nothing was decided on, whoever asks
        rules.sort_unstable();
        if any { Ok(rules) } else { Err(Refused::of(Reason::OtherOperation)) }
    }

    /// Whether the caller itself may go past the rules for this. Nobody does it for somebody else.
    fn glass_for(&self, at: usize, question: &Question<'_>, asked: &Asked) -> bool {
        let Some(glass) = self.policy().glass().filter(|_| self.on_behalf_of().is_none()) else {
            return false;
        };
        match question.operation {
            Operation::BreakGlass => glass.concerns(self.roles(at)),
            operation => asked.glass_is_broken && glass.opens(self.roles(at), operation),
        }
    }

    /// The rule by which the principal at `at` may, when there is one who needs a rule.
    fn rule_for(
        &mut self,
        at: usize,
        question: &Question<'_>,
        asked: &Asked,
    ) -> Result<Option<String>, Refused> {
        let group = question.group;
        let refused = |reason, rules| Refused { group: group.clone(), reason, rules };
        let Some((_, principal)) = self.principals().find(|(place, _)| *place == at) else {
            return Ok(None);
        };
        if !principal.active {
            return Err(refused(Reason::Disabled, Vec::new()));
        }
        if question.operation == Operation::Maintain {
            return Ok(Some(MAINTENANCE.to_owned()));
        }
        if principal.tenant.is_some() && principal.tenant != group.tenant {
            return Err(refused(Reason::Tenant, Vec::new()));
        }
        let age = asked.second_factor_age;
        let glass = self.glass_for(at, question, asked);
        let (policy, verdict) = self.verdict(at, question);
        let id = |at: &usize| policy.rule_id(*at).to_owned();
        match verdict {
            _ if question.operation == Operation::BreakGlass => match glass {
                true => Ok(Some(BREAK_GLASS.to_owned())),
                false => Err(refused(Reason::NoRule, Vec::new())),
            },
            Verdict::Forbidden(rules) if glass && !policy.any_absolute(rules) => {
                Ok(Some(BREAK_GLASS.to_owned()))
            }
            Verdict::NoRule if glass => Ok(Some(BREAK_GLASS.to_owned())),
            Verdict::Forbidden(forbidding) => {
                Err(refused(Reason::Forbidden, forbidding.iter().map(id).collect()))
            }
            Verdict::NoRule => Err(refused(Reason::NoRule, Vec::new())),
            Verdict::Allowed(allowing) => {
                let fresh = allowing.iter().find(|at| policy.is_fresh(**at, age)).map(id);
                let fresh = fresh.or_else(|| glass.then(|| BREAK_GLASS.to_owned()));
                fresh.map(Some).ok_or_else(|| refused(Reason::SecondFactor, Vec::new()))
            }
        }
    }
}

//! The TOML form of a policy, and where in it an error stands.

mod approvals;

use super::names::{Names, Pattern};
use super::rule::{Effect, Rule, Whom, operation_bit, purpose_bit};
use super::{Budget, Counts, Glass, Policy, check};
use crate::error::{PolicyError, PolicyFault, Position};
use crate::principal::ROLES;
use crate::purpose::Purpose;
use medseal_core::operation::Operation;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::ops::Range;
use toml::Spanned;

/// The only format there is.
const FORMAT: u32 = 1;
/// A mask of roles has 64 bits.
const MAX_ROLES: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    policy: Spanned<u32>,
    name: Spanned<String>,
    #[serde(default)]
    description: String,
    /// The purpose of accesses that name none.
    default_purpose: Option<Spanned<String>>,
    /// Further roles.
    roles: Option<List>,
    #[serde(default)]
    rule: Vec<RawRule>,
    #[serde(default)]
    budget: Vec<RawBudget>,
    break_glass: Option<RawGlass>,
    #[serde(default)]
    approval: Vec<approvals::RawApproval>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGlass {
    roles: List,
    operations: List,
    duration: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBudget {
    id: Spanned<String>,
    /// Who has one of these; each is counted apart.
    roles: List,
    operations: List,
    counts: RawCounts,
    window: Spanned<String>,
    alarm: Option<Spanned<u64>>,
    stop: Option<Spanned<u64>>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum RawCounts {
    Values,
    Records,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    id: Spanned<String>,
    effect: RawEffect,
    /// Of a rule that allows: who has one of these.
    roles: Option<List>,
    /// Of a rule that forbids: all but who has one of these.
    except_roles: Option<List>,
    operations: List,
    purposes: Option<List>,
    tenants: Option<List>,
    collections: Option<List>,
    classes: Option<List>,
    second_factor: Option<Spanned<String>>,
    /// Of a rule that forbids: not even an emergency lifts it.
    absolute: Option<Spanned<bool>>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum RawEffect {
    Allow,
    Forbid,
}

type List = Spanned<Vec<Spanned<String>>>;

pub(super) fn read(text: &str) -> Result<Policy, PolicyError> {
    let reader = Reader { text };
    let raw: RawPolicy = toml::from_str(text).map_err(|error| {
        // only the first line of the parser's message: the others draw the text
        let detail = error.message().lines().next().unwrap_or_default();
        reader.fault(PolicyFault::Syntax, error.span().unwrap_or_default(), detail)
    })?;
    if *raw.policy.as_ref() != FORMAT {
        let detail = "the format of a policy is `policy = 1`";
        return Err(reader.fault(PolicyFault::Syntax, raw.policy.span(), detail));
    }
    let roles = reader.roles(raw.roles.as_ref())?;
    let mut rules = Vec::new();
    for rule in &raw.rule {
        rules.push((reader.rule(rule, &roles)?, rule.id.span()));
    }
    rules.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
    let twice = rules.windows(2).find(|pair| matches!(pair, [(a, _), (b, _)] if a.id == b.id));
    if let Some([_, (rule, span)]) = twice {
        let detail = format!("rule `{}` stands twice", rule.id);
        return Err(reader.fault(PolicyFault::Duplicate, span.clone(), detail));
    }
    let (rules, spans): (Vec<Rule>, Vec<Range<usize>>) = rules.into_iter().unzip();
    if let Some((at, detail)) = check::contradiction(&rules) {
        let span = spans.get(at).cloned().unwrap_or_default();
        return Err(reader.fault(PolicyFault::Contradiction, span, detail));
    }
    let budgets = reader.budgets(&raw.budget, &roles)?;
    let glass = raw.break_glass.as_ref().map(|glass| reader.glass(glass, &roles)).transpose()?;
    let default_purpose = raw.default_purpose.as_ref().map(|purpose| reader.purpose(purpose));
    Ok(Policy {
        name: reader.word(&raw.name)?,
        description: raw.description,
        default_purpose: default_purpose.transpose()?,
        roles,
        rules,
        budgets,
        glass,
        approvals: reader.approvals(&raw.approval)?,
    })
}

fn of_values() -> u32 {
    let of_values = Operation::ALL.into_iter().filter(|operation| operation.is_of_values());
    of_values.fold(0, |mask, operation| mask | operation_bit(operation))
}

struct Reader<'t> {
    text: &'t str,
}

impl Reader<'_> {
    fn fault(
        &self,
        fault: PolicyFault,
        span: Range<usize>,
        detail: impl Into<String>,
    ) -> PolicyError {
        PolicyError { fault, at: Position::of(self.text, span.start), detail: detail.into() }
    }

    /// Built-in and declared roles.
    fn roles(&self, declared: Option<&List>) -> Result<Vec<String>, PolicyError> {
        let mut roles: Vec<String> = ROLES.map(str::to_owned).into();
        let Some(declared) = declared else { return Ok(roles) };
        for role in self.list(declared)? {
            let name = self.word(role)?;
            if name == "owner" || roles.contains(&name) {
                let detail = format!("there is a role `{name}` already");
                return Err(self.fault(PolicyFault::Duplicate, role.span(), detail));
            }
            roles.push(name);
        }
        if roles.len() > MAX_ROLES {
            let detail = format!("there can be {MAX_ROLES} roles, the built-in ones included");
            return Err(self.fault(PolicyFault::Syntax, declared.span(), detail));
        }
        Ok(roles)
    }

    fn rule(&self, raw: &RawRule, roles: &[String]) -> Result<Rule, PolicyError> {
        let second_factor = raw.second_factor.as_ref().map(|age| self.seconds(age));
        Ok(Rule {
            id: self.word(&raw.id)?,
            effect: match raw.effect {
                RawEffect::Allow => Effect::Allow,
                RawEffect::Forbid => Effect::Forbid,
            },
            whom: self.whom(raw, roles)?,
            operations: self.operations(&raw.operations)?,
            purposes: self.purposes(raw.purposes.as_ref())?,
            tenants: self.names(raw.tenants.as_ref())?,
            collections: self.names(raw.collections.as_ref())?,
            classes: self.names(raw.classes.as_ref())?,
            second_factor: second_factor.transpose()?,
            absolute: match (&raw.absolute, raw.effect) {
                (Some(absolute), RawEffect::Allow) => {
                    let detail = "`absolute` is a member of rules that forbid";
                    return Err(self.fault(PolicyFault::Syntax, absolute.span(), detail));
                }
                (absolute, RawEffect::Forbid) => absolute.as_ref().is_some_and(|a| *a.as_ref()),
                (None, RawEffect::Allow) => false,
            },
        })
    }

    /// A list that selects something, without repetition.
    fn list<'r>(&self, raw: &'r List) -> Result<&'r [Spanned<String>], PolicyError> {
        let list = raw.as_ref();
        if list.is_empty() {
            let detail = "an empty list selects nothing; leave the member out or write [\"*\"]";
            return Err(self.fault(PolicyFault::Empty, raw.span(), detail));
        }
        let mut seen = BTreeSet::new();
        for entry in list {
            if !seen.insert(entry.as_ref().as_str()) {
                let detail = format!("`{}` stands twice in one list", entry.as_ref());
                return Err(self.fault(PolicyFault::Duplicate, entry.span(), detail));
            }
        }
        Ok(list)
    }

    /// The entries of a list, or none for `["*"]`.
    fn selected<'r>(&self, raw: &'r List) -> Result<Option<&'r [Spanned<String>]>, PolicyError> {
        let list = self.list(raw)?;
        match list.iter().find(|entry| entry.as_ref() == "*") {
            Some(_) if list.len() == 1 => Ok(None),
            Some(star) => {
                let detail = "`*` selects everything and stands alone";
                Err(self.fault(PolicyFault::Duplicate, star.span(), detail))
            }
            None => Ok(Some(list)),
        }
    }

    fn budgets(&self, raw: &[RawBudget], roles: &[String]) -> Result<Vec<Budget>, PolicyError> {
        let mut budgets: Vec<Budget> = Vec::new();
        for one in raw {
            let budget = self.budget(one, roles)?;
            if budgets.iter().any(|known| known.id == budget.id) {
                let detail = format!("budget `{}` stands twice", budget.id);
                return Err(self.fault(PolicyFault::Duplicate, one.id.span(), detail));
            }
            budgets.push(budget);
        }
        budgets.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(budgets)
    }

    fn budget(&self, raw: &RawBudget, roles: &[String]) -> Result<Budget, PolicyError> {
        let id = self.word(&raw.id)?;
        let contradiction = |span: Range<usize>, what: &str| {
            self.fault(PolicyFault::Contradiction, span, format!("budget `{id}` {what}"))
        };
        let [alarm, stop] =
            [&raw.alarm, &raw.stop].map(|limit| limit.as_ref().map(|l| *l.as_ref()));
        if alarm.is_none() && stop.is_none() {
            return Err(contradiction(raw.id.span(), "has neither `alarm` nor `stop`"));
        }
        if alarm == Some(0) || stop == Some(0) {
            let what = "has a limit of 0; a rule that forbids says that";
            return Err(contradiction(raw.id.span(), what));
        }
        if alarm.zip(stop).is_some_and(|(alarm, stop)| alarm > stop) {
            return Err(contradiction(raw.id.span(), "stops before its alarm"));
        }
        let operations = self.operations(&raw.operations)? & of_values();
        if operations == 0 {
            let what = "counts values or records, and none of its operations has any";
            return Err(contradiction(raw.operations.span(), what));
        }
        Ok(Budget {
            counts: match raw.counts {
                RawCounts::Values => Counts::Values,
                RawCounts::Records => Counts::Records,
            },
            window: self.seconds(&raw.window)?,
            alarm,
            stop,
            whom: self.with(&raw.roles, roles)?,
            operations,
            id,
        })
    }

    fn glass(&self, raw: &RawGlass, roles: &[String]) -> Result<Glass, PolicyError> {
        let operations = self.operations(&raw.operations)? & of_values();
        if operations == 0 {
            let detail = "`break_glass` is for operations on values";
            return Err(self.fault(PolicyFault::Contradiction, raw.operations.span(), detail));
        }
        let whom = self.with(&raw.roles, roles)?;
        Ok(Glass { whom, operations, duration: self.seconds(&raw.duration)? })
    }

    fn with(&self, raw: &List, roles: &[String]) -> Result<Whom, PolicyError> {
        match self.selected(raw)? {
            Some(list) => Ok(Whom::With(self.mask(list, roles)?)),
            None => Ok(Whom::Everybody),
        }
    }

    fn whom(&self, raw: &RawRule, roles: &[String]) -> Result<Whom, PolicyError> {
        match (raw.effect, &raw.roles, &raw.except_roles) {
            (RawEffect::Allow, Some(with), None) => self.with(with, roles),
            (RawEffect::Forbid, None, None) => Ok(Whom::Everybody),
            (RawEffect::Forbid, None, Some(without)) => {
                Ok(Whom::Without(self.mask(self.list(without)?, roles)?))
            }
            (RawEffect::Allow, ..) => {
                let detail = "a rule that allows names `roles`, and no `except_roles`";
                Err(self.fault(PolicyFault::Syntax, raw.id.span(), detail))
            }
            (RawEffect::Forbid, ..) => {
                let detail = "a rule that forbids holds for everybody but its `except_roles`";
                Err(self.fault(PolicyFault::Syntax, raw.id.span(), detail))
            }
        }
    }

    fn mask(&self, list: &[Spanned<String>], roles: &[String]) -> Result<u64, PolicyError> {
        let mut mask = 0;
        for entry in list {
            let at = roles.iter().position(|role| role == entry.as_ref());
            let at = at.ok_or_else(|| self.unknown("role", entry))?;
            mask |= 1u64 << at;
        }
        Ok(mask)
    }

    fn operations(&self, raw: &List) -> Result<u32, PolicyError> {
        let Some(list) = self.selected(raw)? else { return Ok(u32::MAX) };
        let mut mask = 0;
        for entry in list {
            let known = Operation::ALL.into_iter().find(|o| o.name() == entry.as_ref());
            // who one is and what time asks for is not for a policy to allow
            let ruled = |o: &Operation| {
                !matches!(o, Operation::Authenticate | Operation::Maintain | Operation::BreakGlass)
            };
            let operation = known.filter(ruled).ok_or_else(|| self.unknown("operation", entry))?;
            mask |= operation_bit(operation);
        }
        Ok(mask)
    }

    fn purposes(&self, raw: Option<&List>) -> Result<u8, PolicyError> {
        let Some(list) = raw.map(|raw| self.selected(raw)).transpose()?.flatten() else {
            return Ok(u8::MAX);
        };
        let mut mask = 0;
        for entry in list {
            mask |= purpose_bit(self.purpose(entry)?);
        }
        Ok(mask)
    }

    fn purpose(&self, text: &Spanned<String>) -> Result<Purpose, PolicyError> {
        Purpose::from_name(text.as_ref()).ok_or_else(|| self.unknown("purpose", text))
    }

    fn names(&self, raw: Option<&List>) -> Result<Names, PolicyError> {
        let Some(list) = raw.map(|raw| self.selected(raw)).transpose()?.flatten() else {
            return Ok(Names::Every);
        };
        let mut patterns = Vec::new();
        for entry in list {
            let pattern = Pattern::parse(entry.as_ref()).ok_or_else(|| {
                let detail = "a name is as it stands, or ends in one `*`, such as `lab.*`";
                self.fault(PolicyFault::Syntax, entry.span(), detail)
            })?;
            patterns.push(pattern);
        }
        patterns.sort();
        Ok(Names::Some(patterns))
    }

    fn unknown(&self, what: &str, entry: &Spanned<String>) -> PolicyError {
        let detail = format!("there is no {what} `{}`", entry.as_ref());
        self.fault(PolicyFault::UnknownName, entry.span(), detail)
    }

    /// A name of the policy's own vocabulary.
    fn word(&self, text: &Spanned<String>) -> Result<String, PolicyError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
        let name = text.as_ref();
        if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
            return Ok(name.clone());
        }
        let detail = "a name has 1 to 64 of the characters a-z, 0-9, `-`, `_` and `.`";
        Err(self.fault(PolicyFault::Syntax, text.span(), detail))
    }

    /// `15m`, `8h`, `7d`, `90s`.
    fn seconds(&self, text: &Spanned<String>) -> Result<u64, PolicyError> {
        let parsed = text.as_ref().char_indices().last().and_then(|(at, unit)| {
            let scale = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
            let scale = scale.into_iter().find(|(known, _)| *known == unit)?.1;
            let digits = text.as_ref().get(..at)?;
            let number: u64 = digits.parse().ok().filter(|_| !digits.starts_with('+'))?;
            number.checked_mul(scale).filter(|seconds| *seconds > 0)
        });
        parsed.ok_or_else(|| {
            let detail = "a duration is a number above 0 with s, m, h or d, such as 15m";
            self.fault(PolicyFault::Syntax, text.span(), detail)
        })
    }
}

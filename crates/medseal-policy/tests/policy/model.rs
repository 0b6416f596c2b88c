//! A decision by brute force, written from `spec/policy.md` alone: a list of rules, each a list of
//! names, and string comparison. It shares nothing with the crate but the words.

/// A rule as it is written. `None` selects everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelRule {
    pub(crate) id: String,
    pub(crate) forbids: bool,
    /// Of a rule that allows, who it is for; of one that forbids, who is spared.
    pub(crate) roles: Option<Vec<String>>,
    pub(crate) operations: Option<Vec<String>>,
    pub(crate) purposes: Option<Vec<String>>,
    pub(crate) tenants: Option<Vec<String>>,
    pub(crate) collections: Option<Vec<String>>,
    pub(crate) classes: Option<Vec<String>>,
}

/// A question about values.
#[derive(Debug, Clone)]
pub(crate) struct ModelQuestion {
    pub(crate) active: bool,
    pub(crate) own_tenant: Option<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) operation: String,
    pub(crate) purpose: String,
    /// Tenant, collection, class.
    pub(crate) groups: Vec<[String; 3]>,
}

fn selects(list: &Option<Vec<String>>, name: &str) -> bool {
    let Some(list) = list else { return true };
    list.iter().any(|entry| match entry.strip_suffix('*') {
        Some(beginning) => name.len() >= beginning.len() && name[..beginning.len()] == *beginning,
        None => entry == name,
    })
}

fn matches(rule: &ModelRule, question: &ModelQuestion, group: &[String; 3]) -> bool {
    let by_role = match &rule.roles {
        None => true,
        Some(roles) => roles.iter().any(|role| question.roles.contains(role)) != rule.forbids,
    };
    by_role
        && selects(&rule.operations, &question.operation)
        && selects(&rule.purposes, &question.purpose)
        && selects(&rule.tenants, &group[0])
        && selects(&rule.collections, &group[1])
        && selects(&rule.classes, &group[2])
}

/// Whether it is allowed.
pub(crate) fn allows(rules: &[ModelRule], question: &ModelQuestion) -> bool {
    question.active
        && !question.groups.is_empty()
        && question.groups.iter().all(|group| {
            let matching: Vec<&ModelRule> =
                rules.iter().filter(|rule| matches(rule, question, group)).collect();
            question.own_tenant.as_ref().is_none_or(|own| *own == group[0])
                && matching.iter().all(|rule| !rule.forbids)
                && !matching.is_empty()
        })
}

/// The rules as TOML.
pub(crate) fn to_toml(rules: &[ModelRule]) -> String {
    let mut text = "policy = 1\nname = \"generated\"\n".to_owned();
    for rule in rules {
        let effect = if rule.forbids { "forbid" } else { "allow" };
        text.push_str(&format!("[[rule]]\nid = \"{}\"\neffect = \"{effect}\"\n", rule.id));
        let star = Some(vec!["*".to_owned()]);
        let roles = match (rule.forbids, &rule.roles) {
            (false, roles) => ("roles", roles.as_ref().or(star.as_ref())),
            (true, roles) => ("except_roles", roles.as_ref()),
        };
        let operations = ("operations", rule.operations.as_ref().or(star.as_ref()));
        for (member, list) in [roles, operations] {
            text.extend(list.map(|list| format!("{member} = {list:?}\n")));
        }
        let optional = [
            ("purposes", &rule.purposes),
            ("tenants", &rule.tenants),
            ("collections", &rule.collections),
            ("classes", &rule.classes),
        ];
        for (member, list) in optional {
            text.extend(list.as_ref().map(|list| format!("{member} = {list:?}\n")));
        }
    }
    text
}

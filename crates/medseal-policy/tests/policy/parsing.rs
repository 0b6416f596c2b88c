//! What a policy must not be, each fault with its place.

use medseal_policy::{Policy, PolicyFault, Purpose};

const HEAD: &str = "policy = 1\nname = \"p\"\n";
const RULE: &str = r#"[[rule]]
id = "a"
effect = "allow"
roles = ["decryptor"]
operations = ["decrypt"]
"#;

fn fault(text: &str) -> (&'static str, usize, usize) {
    let error = Policy::parse(text).expect_err(text);
    (error.fault.code(), error.at.line, error.at.column)
}

/// The rule with one member more or another value.
fn with(member: &str, value: &str) -> String {
    let line = format!("{member} = {value}\n");
    let others = RULE.lines().filter(|l| !l.starts_with(&format!("{member} = ")));
    let rule: String = others.map(|l| format!("{l}\n")).collect();
    format!("{HEAD}{rule}{line}")
}

#[test]
fn a_small_policy_is_read() {
    let policy = Policy::parse(&format!("{HEAD}default_purpose = \"research\"\n{RULE}")).unwrap();
    assert_eq!((policy.name(), policy.len(), policy.is_empty()), ("p", 1, false));
    assert_eq!(policy.default_purpose(), Some(Purpose::Research));
    assert_eq!(Policy::parse(HEAD).unwrap().default_purpose(), None);
    for role in medseal_policy::ROLES {
        assert!(policy.knows_role(role));
        assert!(Policy::built_in().knows_role(role));
    }
    assert!(!policy.knows_role("owner"));
    for good in [
        with("purposes", r#"["treatment", "emergency"]"#),
        with("purposes", r#"["*"]"#),
        with("collections", r#"["lab.*", "Patient"]"#),
        with("second_factor", r#""15m""#),
        with("roles", r#"["*"]"#),
        with("operations", r#"["*"]"#),
    ] {
        assert!(Policy::parse(&good).is_ok(), "{good}");
    }
}

#[test]
fn unknown_members_and_types_are_refused_where_they_stand() {
    assert_eq!(fault("policy = 1\nname = \"p\"\nrules = []\n").0, "POLICY_SYNTAX");
    assert_eq!(fault("policy = 1\nname = \"p\"\nrules = []\n").1, 3);
    assert_eq!(fault(&with("colour", "\"red\"")), ("POLICY_SYNTAX", 8, 1));
    assert_eq!(fault(&with("roles", "\"decryptor\"")).0, "POLICY_SYNTAX");
    assert_eq!(fault(&with("effect", "\"permit\"")).0, "POLICY_SYNTAX");
    assert_eq!(fault("policy = 2\nname = \"p\"\n"), ("POLICY_SYNTAX", 1, 10));
    assert_eq!(fault("name = \"p\"\n").0, "POLICY_SYNTAX");
    assert_eq!(fault("policy = 1\nname = \"P!\"\n"), ("POLICY_SYNTAX", 2, 8));
    assert_eq!(fault(&format!("{HEAD}{}", RULE.replace("id = \"a\"\n", ""))).0, "POLICY_SYNTAX");
    for age in ["0m", "15", "m", "+5m", "-5m", "1.5h", "15 m", "18446744073709551615d"] {
        assert_eq!(fault(&with("second_factor", &format!("{age:?}"))).0, "POLICY_SYNTAX", "{age}");
    }
    for name in ["", "*x", "a*b", "a**"] {
        assert_eq!(fault(&with("collections", &format!("[{name:?}]"))), ("POLICY_SYNTAX", 8, 16));
    }
}

#[test]
fn unknown_names_are_refused_where_they_stand() {
    let unknown = "POLICY_UNKNOWN_NAME";
    assert_eq!(fault(&with("roles", r#"["decryptor", "nurse"]"#)), (unknown, 7, 23));
    assert_eq!(fault(&with("roles", r#"["owner"]"#)), (unknown, 7, 10));
    for operation in ["decrypts", "DECRYPT", "", "maintain", "authenticate", "break-glass"] {
        let text = with("operations", &format!("[{operation:?}]"));
        assert_eq!(fault(&text), (unknown, 7, 15), "{operation}");
    }
    assert_eq!(fault(&with("purposes", r#"["fun"]"#)), (unknown, 8, 13));
    assert_eq!(fault(&format!("{HEAD}default_purpose = \"fun\"\n")), (unknown, 3, 19));
    let declared = format!("{HEAD}roles = [\"nurse\"]\n{}", RULE.replace("decryptor", "nurse"));
    assert!(Policy::parse(&declared).is_ok());
}

#[test]
fn empty_lists_are_refused_where_they_stand() {
    for member in ["roles", "operations", "purposes", "tenants", "collections", "classes"] {
        assert_eq!(fault(&with(member, "[]")).0, "POLICY_EMPTY", "{member}");
    }
    assert_eq!(fault(&format!("{HEAD}roles = []\n")), ("POLICY_EMPTY", 3, 9));
    assert_eq!(fault(&with("roles", "[\"\"]")).0, "POLICY_UNKNOWN_NAME");
}

#[test]
fn what_stands_twice_is_refused_where_it_stands_again() {
    let twice = "POLICY_DUPLICATE";
    assert_eq!(fault(&format!("{HEAD}{RULE}{RULE}")), (twice, 9, 6));
    assert_eq!(fault(&with("roles", r#"["admin", "admin"]"#)), (twice, 7, 19));
    assert_eq!(fault(&with("classes", r#"["*", "phone"]"#)), (twice, 8, 12));
    assert_eq!(fault(&format!("{HEAD}roles = [\"admin\"]\n")), (twice, 3, 10));
    assert_eq!(fault(&format!("{HEAD}roles = [\"owner\"]\n")), (twice, 3, 10));
    assert_eq!(fault(&format!("{HEAD}roles = [\"x\", \"x\"]\n")), (twice, 3, 15));
    assert_eq!(fault(&with("id", "\"a\"\nid = \"b\"")).0, "POLICY_SYNTAX", "TOML's own rule");
}

#[test]
fn rules_that_can_never_have_an_effect_are_refused() {
    let contradiction = "POLICY_CONTRADICTION";
    let keys = with("operations", r#"["change-keys"]"#);
    assert!(Policy::parse(&keys).is_ok());
    assert_eq!(fault(&format!("{keys}classes = [\"phone\"]\n")).0, contradiction);
    assert_eq!(fault(&format!("{keys}collections = [\"x*\"]\n")).0, contradiction);
    let forbid = |more: &str| {
        let rule = RULE.replace("\"a\"", "\"f\"").replace("allow", "forbid");
        let rule = rule.replace("roles = [\"decryptor\"]\n", "");
        format!("{HEAD}{RULE}classes = [\"phone\"]\n{rule}{more}")
    };
    assert_eq!(fault(&forbid("")), (contradiction, 4, 6));
    assert_eq!(fault(&forbid("classes = [\"ph*\"]\n")).0, contradiction);
    assert!(Policy::parse(&forbid("classes = [\"fax\"]\n")).is_ok());
    assert!(Policy::parse(&forbid("except_roles = [\"admin\"]\n")).is_ok());
    assert!(Policy::parse(&forbid("purposes = [\"research\"]\n")).is_ok());
    assert!(Policy::parse(&forbid("tenants = [\"t\"]\n")).is_ok());
    assert_eq!(fault(&forbid("classes = [\"x\"]\nsecond_factor = \"1m\"\n")).0, contradiction);
}

#[test]
fn whom_a_rule_concerns_is_said_by_its_effect() {
    let (with, rule) = (with, RULE.replace("roles = [\"decryptor\"]\n", ""));
    assert_eq!(fault(&format!("{HEAD}{rule}")), ("POLICY_SYNTAX", 4, 6));
    assert_eq!(fault(&with("except_roles", "[\"admin\"]")), ("POLICY_SYNTAX", 4, 6));
    let forbid = format!("{HEAD}{}", rule.replace("allow", "forbid"));
    assert!(Policy::parse(&forbid).is_ok());
    assert_eq!(fault(&format!("{forbid}roles = [\"admin\"]\n")), ("POLICY_SYNTAX", 4, 6));
    assert_eq!(fault(&format!("{forbid}except_roles = []\n")).0, "POLICY_EMPTY");
    assert_eq!(fault(&format!("{forbid}except_roles = [\"*\"]\n")).0, "POLICY_UNKNOWN_NAME");
}

#[test]
fn sixty_four_roles_and_no_more() {
    let roles = |count: usize| {
        let names: Vec<String> = (0..count).map(|n| format!("\"role-{n}\"")).collect();
        format!("{HEAD}roles = [{}]\n{}", names.join(","), RULE.replace("decryptor", "role-0"))
    };
    assert!(Policy::parse(&roles(57)).is_ok());
    assert_eq!(fault(&roles(58)).0, "POLICY_SYNTAX");
}

#[test]
fn every_fault_has_a_code_of_its_own() {
    let codes: std::collections::BTreeSet<&str> = PolicyFault::ALL.map(PolicyFault::code).into();
    assert_eq!(codes.len(), PolicyFault::ALL.len());
}

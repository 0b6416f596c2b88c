//! Profiles as TOML: what is read, what is refused and where.

use medseal_health::{Collection, HealthError, Placement, Profile, Record, Unnamed};

use crate::profile_with;

const RULE: &str = "[[rule]]\npaths = ['a']\nplacement = 'inline'\nclass = 'x'\n";
const HEAD: &str = "collection = 'c'\nrecord = { path = 'id' }";

#[test]
fn reads_everything() {
    let profile = Profile::from_toml(
        r#"
profile = "patient-1"
revision = 7
description = "of patients"
[document]
roots = ["entry[*].resource", "$"]
collection = { path = "resourceType", otherwise = "document" }
record = { path = ["id", "\"\u0070atient\".id"] }
unnamed = "refuse"
[[rule]]
paths = ["patient.ssn", "**.ssn"]
placement = "inline"
class = "identifier"
key = "Lab.key_1"
padded = true
[[rule]]
paths = ["x"]
types = ["scalar", "array"]
placement = "keep"
class = "other"
"#,
    )
    .unwrap();
    assert_eq!(
        (profile.name(), profile.revision(), profile.description()),
        ("patient-1", 7, "of patients")
    );
    assert_eq!(profile.roots().len(), 2);
    assert_eq!(profile.unnamed(), Unnamed::Refuse);
    let Collection::At { path, otherwise } = profile.collection() else { panic!("a path") };
    assert_eq!((path.as_str(), otherwise.as_deref()), ("resourceType", Some("document")));
    let Record::At(paths) = profile.record() else { panic!("paths") };
    let paths: Vec<_> = paths.iter().map(|path| path.as_str()).collect();
    assert_eq!(paths, ["id", "patient.id"]);
    let [first, second] = profile.rules() else { panic!("two rules") };
    let selectors: Vec<_> = first.selectors().iter().map(|s| s.as_str()).collect();
    assert_eq!(selectors, ["patient.ssn", "**.ssn"]);
    assert_eq!(
        (first.class(), first.key(), first.padded()),
        ("identifier", Some("Lab.key_1"), true)
    );
    assert_eq!((second.placement(), second.key(), second.padded()), (Placement::Keep, None, false));
    assert_eq!((first.takes_objects(), first.takes_arrays()), (true, true));
    assert_eq!((second.takes_objects(), second.takes_arrays()), (false, true));
    assert_eq!(profile.classes().into_iter().collect::<Vec<_>>(), ["identifier"]);
}

#[track_caller]
fn refuse(head: &str, rules: &str, code: &str, line: u64) -> HealthError {
    let error = profile_with(head, rules).map(|_| ()).expect_err(rules);
    assert_eq!(error.code(), code, "{error}");
    assert_eq!(error.position().map(|at| at.line), Some(line), "{error}");
    error
}

/// The head's first line is line 4 of the text, the first rule of a head of two lines line 6.
#[test]
fn refuses_with_the_line() {
    refuse("collection = 'c'", "", "PROFILE_SYNTAX", 3);
    refuse("collection = 'c'\nrecord = 'nobody'", "", "PROFILE_SYNTAX", 5);
    refuse("collection = 3\nrecord = 'none'", "", "PROFILE_SYNTAX", 4);
    refuse("collection = 'c'\nrecord = 'none'\nroot = []", "", "PROFILE_SYNTAX", 6);
    refuse("collection = 'c'\nrecord = 'none'\nsubject = { path = [] }", "", "PROFILE_SYNTAX", 3);
    refuse(
        "collection = 'c'\nrecord = 'none'\nsubject = { path = 'a[*]' }",
        "",
        "SELECTOR_SYNTAX",
        3,
    );
    refuse("collection = 'c'\nrecord = 'none'\nsubject = 'p'", "", "PROFILE_SYNTAX", 6);
    refuse("collection = { path = 'a', other = 'b' }\nrecord = 'none'", "", "PROFILE_SYNTAX", 4);
    refuse("collection = ''\nrecord = 'none'", "", "PROFILE_SYNTAX", 3);
    refuse("collection = 'c'\nrecord = { path = [] }", "", "PROFILE_SYNTAX", 3);
    refuse("collection = 'c'\nrecord = { path = 'a[*]' }", "", "SELECTOR_SYNTAX", 3);
    refuse("collection = 'c'\nrecord = { path = '**.a' }", "", "SELECTOR_SYNTAX", 5);
    refuse("collection = 'c'\nrecord = { path = '$' }", "", "SELECTOR_SYNTAX", 3);
    refuse("collection = { path = 'a b' }\nrecord = 'none'", "", "SELECTOR_SYNTAX", 4);
    refuse("collection = 'c'\nrecord = 'none'\nroots = ['a[0]']", "", "SELECTOR_SYNTAX", 6);
    refuse("collection = 'c'\nrecord = 'none'\nunnamed = 'drop'", "", "PROFILE_SYNTAX", 6);
    refuse(HEAD, &RULE.replace("'a'", "\n'a',\n'b..c'"), "SELECTOR_SYNTAX", 9);
    refuse(HEAD, &RULE.replace("['a']", "[]"), "PROFILE_SYNTAX", 7);
    refuse(HEAD, &RULE.replace("inline", "masked"), "PROFILE_SYNTAX", 8);
    refuse(HEAD, &RULE.replace("'x'", "'X y'"), "PROFILE_SYNTAX", 9);
    refuse(HEAD, &format!("{RULE}key = ''"), "PROFILE_SYNTAX", 10);
    refuse(HEAD, &format!("{RULE}pad = true"), "PROFILE_SYNTAX", 10);
    refuse(HEAD, &format!("{RULE}padded = 1"), "PROFILE_SYNTAX", 10);
    refuse(HEAD, &format!("{RULE}types = ['object']"), "PROFILE_SYNTAX", 10);
    refuse(HEAD, "[[rule]\n", "PROFILE_SYNTAX", 6);
}

#[test]
fn refuses_contradictions() {
    for paths in ["'id'", "'**.id'", "'*'", "'x', '**.id'"] {
        refuse(HEAD, &RULE.replace("'a'", paths), "PROFILE_CONFLICT", 7);
    }
    let collection = "collection = { path = 't' }\nrecord = 'none'";
    refuse(collection, &RULE.replace("'a'", "'t'"), "PROFILE_CONFLICT", 7);
    refuse(HEAD, &RULE.replace("'a'", "'$'").replace("inline", "remove"), "PROFILE_CONFLICT", 7);
    for types in ["'scalar'", "'scalar', 'object'", "'scalar', 'array'"] {
        let rules = format!("{RULE}types = [{types}]\n{RULE}");
        refuse(HEAD, &rules, "PROFILE_CONFLICT", 7);
    }
}

#[test]
fn a_keep_rule_before_resolves_a_contradiction() {
    let keep = RULE.replace("'a'", "'id'").replace("inline", "keep");
    assert!(profile_with(HEAD, &format!("{keep}{}", RULE.replace("'a'", "'**.id'"))).is_ok());
    assert!(profile_with(HEAD, &RULE.replace("'a'", "'x.id'")).is_ok());
}

#[test]
fn tables_are_bounded() {
    let paths: Vec<_> = (0..20).map(|i| format!("'**.a{i}.**.b{i}'")).collect();
    let rule = RULE.replace("'a'", &paths.join(","));
    refuse(HEAD, &rule, "PROFILE_TOO_COMPLEX", 3);
    let paths: Vec<_> = (0..400).map(|i| format!("'**.a{i}', 'x[*].b{i}.c'")).collect();
    assert!(profile_with(HEAD, &RULE.replace("'a'", &paths.join(","))).is_ok());
}

#[test]
fn from_paths_checks_too() {
    let collection = || Collection::Constant("c".to_owned());
    let from = |paths: &[&str]| Profile::from_paths(paths, collection(), Record::Unbound);
    assert_eq!(from(&["a"]).unwrap().name(), "paths");
    assert_eq!(from(&["a", "b[1]"]).unwrap_err().code(), "SELECTOR_SYNTAX");
    let empty = Profile::from_paths(&[], Collection::Constant(String::new()), Record::Unbound);
    assert_eq!(empty.unwrap_err().code(), "PROFILE_SYNTAX");
    let id = vec![medseal_health::FieldPath::parse("id").unwrap()];
    let conflict = Profile::from_paths(&["id"], collection(), Record::At(id));
    assert_eq!(conflict.unwrap_err().code(), "PROFILE_CONFLICT");
}

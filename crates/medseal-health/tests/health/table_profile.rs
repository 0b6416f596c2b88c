//! Table profiles as TOML: what is read, what is refused and where.

use medseal_health::table::{ColumnPlacement, NamePattern, TableProfile, TableRecord};
use medseal_health::{HealthError, Unnamed};

fn with(table: &str, rules: &str) -> Result<TableProfile, HealthError> {
    TableProfile::from_toml(&format!("profile = 't'\nrevision = 1\n[table]\n{table}\n{rules}"))
}

const RULE: &str = "[[column]]\nnames = ['a']\nplacement = 'inline'\nclass = 'x'\n";

#[test]
fn reads_everything() {
    let profile = TableProfile::from_toml(
        r#"
profile = "visits"
revision = 3
description = "of visits"
[table]
collection = "visit"
record = { names = ["Visit-Nr."], like = ["=id", "visit id"] }
unnamed = "refuse"
[[column]]
names = ["Name, first"]
like = ["first name"]
placement = "inline"
class = "name"
key = "Lab.key_1"
padded = true
[[column]]
like = ["debug"]
placement = "remove"
class = "internal"
"#,
    )
    .unwrap();
    assert_eq!((profile.name(), profile.revision()), ("visits", 3));
    assert_eq!((profile.description(), profile.collection()), ("of visits", Some("visit")));
    assert_eq!(profile.unnamed(), Unnamed::Refuse);
    let TableRecord::Column(patterns) = profile.record() else { panic!("a column") };
    let patterns: Vec<_> = patterns.iter().map(NamePattern::as_str).collect();
    assert_eq!(patterns, ["Visit-Nr.", "=id", "visit id"]);
    let [first, second] = profile.rules() else { panic!("two rules") };
    let patterns: Vec<_> = first.patterns().iter().map(NamePattern::as_str).collect();
    assert_eq!(patterns, ["Name, first", "first name"]);
    assert_eq!((first.class(), first.key(), first.padded()), ("name", Some("Lab.key_1"), true));
    assert_eq!((second.placement(), second.key()), (ColumnPlacement::Remove, None));
    assert!(!second.padded());
}

#[track_caller]
fn refuse(table: &str, rules: &str, code: &str, line: u64) {
    let error = with(table, rules).map(|_| ()).expect_err(rules);
    assert_eq!(error.code(), code, "{error}");
    assert_eq!(error.position().map(|at| at.line), Some(line), "{error}");
}

/// The table's first line is line 4 of the text, the first rule of one such line line 5.
#[test]
fn refuses_with_the_line() {
    refuse("record = 'nobody'", "", "PROFILE_SYNTAX", 4);
    refuse("collection = 'c'", "", "PROFILE_SYNTAX", 3);
    refuse("record = 'none'\ncollection = ''", "", "PROFILE_SYNTAX", 3);
    refuse("record = 'none'\nother = 1", "", "PROFILE_SYNTAX", 5);
    refuse("record = {}", "", "PROFILE_SYNTAX", 3);
    refuse("record = { names = [] }", "", "PROFILE_SYNTAX", 3);
    refuse("record = { like = ['First'] }", "", "COLUMN_PATTERN_SYNTAX", 4);
    let rule = |from: &str, to: &str| RULE.replace(from, to);
    let none = "record = 'none'";
    refuse(none, &rule("names = ['a']\n", ""), "PROFILE_SYNTAX", 7);
    refuse(none, &rule("'inline'", "'masked'"), "PROFILE_SYNTAX", 7);
    refuse(none, &rule("'x'", "'X'"), "PROFILE_SYNTAX", 8);
    refuse(none, &rule("class = 'x'\n", "class = 'x'\nkey = 'a/b'\n"), "PROFILE_SYNTAX", 9);
    refuse(none, &rule("'a'", "''"), "PROFILE_SYNTAX", 3);
    refuse(none, &rule("'a'", "'a', 'a'"), "PROFILE_CONFLICT", 3);
    refuse(none, &[RULE, RULE].concat(), "PROFILE_CONFLICT", 3);
    for bad in ["first_name", "First", "a  b", " a", "a ", "", "=", "a-b", "=a =b", "a*"] {
        let pattern = format!("like = ['{bad}']");
        refuse(none, &rule("names = ['a']", &pattern), "COLUMN_PATTERN_SYNTAX", 6);
    }
    assert!(with(none, &rule("names = ['a']", "names = ['a']\nlike = ['a', '=a']")).is_ok());
}

#[test]
fn a_list_of_columns_is_a_profile() {
    let profile = TableProfile::from_columns(&["SSN", "Last Name"], TableRecord::Unbound).unwrap();
    assert_eq!(
        (profile.name(), profile.revision(), profile.rules().len()),
        ("columns-given", 0, 1)
    );
    let code = |names: &[&str]| {
        TableProfile::from_columns(names, TableRecord::Unbound).map(|_| ()).unwrap_err().code()
    };
    assert_eq!(code(&["a", ""]), "PROFILE_SYNTAX");
    assert_eq!(code(&["a", "b", "a"]), "PROFILE_CONFLICT");
}

#[test]
fn built_in_profiles_load() {
    let names: Vec<&str> = TableProfile::builtin_names().collect();
    assert_eq!(names, ["columns"]);
    for name in names {
        let text = TableProfile::builtin_toml(name).unwrap();
        let profile = TableProfile::from_toml(text).unwrap();
        assert_eq!(profile.name(), name);
        assert!(TableProfile::builtin(name).is_some());
        assert!(TableProfile::is_meant_by(text));
    }
    assert!(TableProfile::builtin("none").is_none());
    assert!(!TableProfile::is_meant_by("[document]"));
}

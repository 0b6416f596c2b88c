//! Which values selectors select.

use crate::{found, scanner_for, scanner_with};

#[track_caller]
fn check(paths: &[&str], document: &str, expect: &[&str]) {
    assert_eq!(found(&mut scanner_for(paths), document).unwrap(), expect, "{paths:?} {document}");
}

#[test]
fn literal_keys() {
    check(&["a"], r#"{"a":1,"b":2}"#, &["a=1"]);
    check(&["a.b"], r#"{"a":{"b":"x","a":3},"b":4}"#, &[r#"a.b="x""#]);
    check(&["a.b"], r#"{"a":[{"b":1}],"b":4}"#, &[]);
    check(&["b", "a"], r#"{"a":true,"b":-1.50}"#, &["a=true", "b=-1.50"]);
    check(&["\u{61}"], r#"{"\u0061":1}"#, &["a=1"]);
    check(
        &["medical_record_number"],
        r#"{"medical_record_number":"","medical":1}"#,
        &[r#"medical_record_number="""#],
    );
    check(&["a"], "3", &[]);
}

#[test]
fn arrays() {
    check(
        &["name[*].given[*]"],
        r#"{"name":[{"given":["A","B"]},{"given":["C"]}]}"#,
        &[r#"name[*].given[*]="A""#, r#"name[*].given[*]="B""#, r#"name[*].given[*]="C""#],
    );
    check(&["name.given"], r#"{"name":[{"given":["A"]}]}"#, &[]);
    check(&["[*].a"], r#"[{"a":1},{"b":1},[{"a":1}]]"#, &["[*].a=1"]);
    check(&["[*][*]"], "[[1,[2]],3]", &["[*][*]=1", "[*][*]=[2]"]);
    check(&["a[*]"], r#"{"a":{"b":1}}"#, &[]);
}

#[test]
fn wildcards() {
    check(&["*"], r#"{"a":1,"b":[2]}"#, &["a=1", "b=[2]"]);
    check(&["*.id"], r#"{"id":0,"a":{"id":1,"x":{"id":2}},"b":{"id":3}}"#, &["a.id=1", "b.id=3"]);
    check(&["*"], "[1]", &[]);
    check(
        &["**.f"],
        r#"{"f":1,"a":{"f":2},"b":[[{"c":{"f":3}}]]}"#,
        &["f=1", "a.f=2", "b[*][*].c.f=3"],
    );
    check(
        &["a.**.f"],
        r#"{"f":0,"a":{"f":1,"g":{"f":2}},"b":{"a":{"f":3}}}"#,
        &["a.f=1", "a.g.f=2"],
    );
    check(&["**.a.b"], r#"{"a":{"a":{"b":1},"b":2},"b":3}"#, &["a.a.b=1", "a.b=2"]);
    check(&["**[*]"], r#"{"a":[1,[2]]}"#, &["a[*]=1", "a[*]=[2]"]);
    check(&["**.*"], r#"{"a":{"b":1}}"#, &[r#"a={"b":1}"#]);
    check(&["**.*.x"], r#"{"x":1,"a":{"x":2}}"#, &["a.x=2"]);
    check(&["**.a.**.b.**.c"], r#"{"a":{"x":{"b":[{"c":1}]}},"b":{"c":2}}"#, &["a.x.b[*].c=1"]);
}

#[test]
fn the_root_itself() {
    check(&["$"], r#" {"a":1} "#, &[r#"$={"a":1}"#]);
    check(&["$"], "[1]", &["$=[1]"]);
    check(&["$"], "\"x\"", &[r#"$="x""#]);
    check(&["$"], "null", &[]);
    check(&["\"$\""], r#"{"$":1}"#, &[r#""$"=1"#]);
    check(&["**.a"], "1", &[]);
}

#[test]
fn null_is_no_span_and_empty_is_one() {
    check(
        &["a", "b", "c", "d"],
        r#"{"a":null,"b":"","c":{},"d":[]}"#,
        &[r#"b="""#, "c={}", "d=[]"],
    );
    check(&["a[*]"], r#"{"a":[null,1,null]}"#, &["a[*]=1"]);
}

#[test]
fn the_outermost_match_wins() {
    check(&["a.b", "a"], r#"{"a":{"b":1}}"#, &[r#"a={"b":1}"#]);
    check(&["**.x"], r#"{"x":{"x":{"x":1}},"y":{"x":2}}"#, &[r#"x={"x":{"x":1}}"#, "y.x=2"]);
    check(&["a", "b"], r#"{"a":[{"b":1}],"b":2}"#, &[r#"a=[{"b":1}]"#, "b=2"]);
}

const UNBOUND: &str = "collection = \"c\"\nrecord = \"none\"";

fn rule(paths: &str, placement: &str) -> String {
    format!("[[rule]]\npaths = {paths}\nplacement = \"{placement}\"\nclass = \"{placement}\"\n")
}

#[track_caller]
fn check_rules(head: &str, rules: &[(&str, &str)], document: &str, expect: &[&str]) {
    let rules: String = rules.iter().map(|(paths, placement)| rule(paths, placement)).collect();
    let mut scanner = scanner_with(&format!("{UNBOUND}\n{head}"), &rules);
    assert_eq!(found(&mut scanner, document).unwrap(), expect, "{rules} {document}");
}

#[test]
fn the_first_rule_wins_and_keep_takes_part() {
    let document = r#"{"a":{"x":1},"b":{"x":2},"x":3}"#;
    check_rules("", &[("['a.x']", "keep"), ("['**.x']", "inline")], document, &["b.x=2", "x=3"]);
    check_rules(
        "",
        &[("['**.x']", "inline"), ("['a.x']", "keep")],
        document,
        &["a.x=1", "b.x=2", "x=3"],
    );
    check_rules("", &[("['a']", "keep"), ("['**.x']", "inline")], document, &["b.x=2", "x=3"]);
    check_rules("", &[("['**.x']", "inline"), ("['a']", "keep")], document, &["b.x=2", "x=3"]);
    let mut scanner =
        scanner_with(UNBOUND, &[rule("['a.x']", "remove"), rule("['**.x']", "inline")].concat());
    let scanned = scanner.scan(document.as_bytes()).unwrap();
    let rules: Vec<_> = scanned.spans().iter().map(|span| span.rule.index()).collect();
    assert_eq!(rules, [Some(0), Some(1), Some(1)]);
}

#[test]
fn unnamed_values() {
    let document = r#"{"a":{"x":1,"y":null},"b":["t",{}],"c":false}"#;
    let keep = [("['a']", "keep")];
    check_rules("", &keep, document, &[]);
    check_rules("unnamed = 'encrypt'", &keep, document, &[r#"b[*]="t""#, "c=false"]);
    check_rules(
        "unnamed = 'encrypt'",
        &[("['b']", "inline")],
        document,
        &["a.x=1", r#"b=["t",{}]"#, "c=false"],
    );
    check_rules("unnamed = 'refuse'", &[("['a','b','c']", "keep")], document, &[]);
    let head = format!("{UNBOUND}\nunnamed = 'refuse'");
    let mut scanner = scanner_with(&head, &rule("['a']", "keep"));
    let error = found(&mut scanner, "{\"a\":1,\n\"c\":2}").expect_err("c has no rule");
    assert_eq!(error.code(), "UNNAMED_VALUE");
    assert_eq!((error.position().unwrap().line, error.position().unwrap().column), (2, 5));
}

#[test]
fn a_rule_may_leave_arrays_and_objects_to_others() {
    let rules = "[[rule]]\npaths = ['**.address']\ntypes = ['scalar', 'object']\n\
                 placement = 'inline'\nclass = 'x'\n\
                 [[rule]]\npaths = ['address[*].line']\nplacement = 'inline'\nclass = 'y'\n";
    let mut scanner = scanner_with(UNBOUND, rules);
    let mut check = |document: &str, expect: &[&str]| {
        assert_eq!(found(&mut scanner, document).unwrap(), expect, "{document}");
    };
    check(r#"{"address":"x"}"#, &[r#"address="x""#]);
    check(r#"{"address":{"line":"x"}}"#, &[r#"address={"line":"x"}"#]);
    check(r#"{"address":[{"line":"x","state":"y"}]}"#, &[r#"address[*].line="x""#]);
}

#[test]
fn selectors_that_never_match_are_reported() {
    let mut scanner = scanner_for(&["a.b", "**.b", "naem", "c"]);
    let unmatched = |scanner: &medseal_health::Scanner| {
        let unmatched = scanner.unmatched_selectors().into_iter();
        unmatched.map(|(_, selector)| selector.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(unmatched(&scanner), ["a.b", "**.b", "naem", "c"]);
    assert_eq!(scanner.unmatched_rules().len(), 1);
    scanner.scan(br#"{"a":{"b":1}}"#).unwrap();
    assert_eq!(unmatched(&scanner), ["naem", "c"]);
    scanner.scan(br#"{"c":null}"#).unwrap();
    assert_eq!(unmatched(&scanner), ["naem"]);
    assert_eq!(scanner.selector_hits(), [1, 1, 0, 1]);
    assert!(scanner.unmatched_rules().is_empty());
}

#[test]
fn field_ids_are_stable_and_dense() {
    let mut scanner = scanner_for(&["**.x"]);
    let ids = |scanner: &mut medseal_health::Scanner, document: &str| {
        let scanned = scanner.scan(document.as_bytes()).unwrap();
        scanned.spans().iter().map(|span| span.field.index()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&mut scanner, r#"{"x":1,"a":[{"x":2},{"x":3}]}"#), [0, 1, 1]);
    assert_eq!(ids(&mut scanner, r#"{"a":[{"x":2}],"b":{"x":1},"x":0}"#), [1, 2, 0]);
    assert!(scanner.scan(b"[").is_err());
    assert_eq!(ids(&mut scanner, r#"{"b":{"x":1}}"#), [2]);
}

#[test]
fn distinct_paths_are_bounded() {
    let mut scanner = scanner_for(&["*"]);
    let members = |range: std::ops::Range<u32>| {
        let members: Vec<_> = range.map(|i| format!("\"k{i}\":1")).collect();
        format!("{{{}}}", members.join(","))
    };
    assert!(scanner.scan(members(0..65_536).as_bytes()).is_ok());
    assert!(scanner.scan(members(1_000..65_536).as_bytes()).is_ok());
    let error = scanner.scan(br#"{"new":1}"#).expect_err("one too many");
    assert_eq!(error.code(), "TOO_MANY_FIELDS");
}

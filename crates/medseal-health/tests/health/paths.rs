//! The canonical form of the path that is bound to a value.

use std::borrow::Cow;

use medseal_health::{FieldPath, Selector, Step};

use crate::{found, scanner_for};

#[track_caller]
fn check(document: &str, expect: &str) {
    let found = found(&mut scanner_for(&["**.v"]), document).unwrap();
    assert_eq!(found, [format!("{expect}=1")], "{document}");
}

#[test]
fn keys_are_quoted_when_they_must_be() {
    check(r#"{"v":1}"#, "v");
    check(r#"{"A-z_0":{"v":1}}"#, "A-z_0.v");
    check(r#"{"":{"v":1}}"#, r#""".v"#);
    check(r#"{"odd key":{"v":1}}"#, r#""odd key".v"#);
    check(r#"{"a.b":{"v":1}}"#, r#""a.b".v"#);
    check(r#"{"a[*]":{"v":1}}"#, r#""a[*]".v"#);
    check(r#"{"*":{"v":1}}"#, r#""*".v"#);
    check(r#"{"é":{"v":1}}"#, "\"é\".v");
    check(r#"{"\u00e9":{"v":1}}"#, "\"é\".v");
    check(r#"{"\ud83d\ude00":{"v":1}}"#, "\"😀\".v");
    check(r#"{"a\"b\\c\/d":{"v":1}}"#, r#""a\"b\\c/d".v"#);
    check(r#"{"\n\t\u0000\u001F":{"v":1}}"#, r#""\u000a\u0009\u0000\u001f".v"#);
    check("{\"\u{7f}\":{\"v\":1}}", "\"\u{7f}\".v");
    check(r#"{"\u0076\u0061":{"\u0076":1}}"#, "va.v");
    check(r#"[[{"a":[{"v":1}]}]]"#, "[*][*].a[*].v");
    check(r#"[{"x y":[[{"v":1}]]}]"#, r#"[*]."x y"[*][*].v"#);
}

#[test]
fn keys_that_differ_in_a_byte_are_different() {
    let composed = found(&mut scanner_for(&["*"]), r#"{"é":1}"#).unwrap();
    let decomposed = found(&mut scanner_for(&["*"]), "{\"e\u{301}\":1}").unwrap();
    assert_ne!(composed, decomposed);
}

#[test]
fn paths_are_at_most_1024_bytes() {
    for (length, accepted) in [(1022, true), (1023, false)] {
        let key = "k".repeat(length);
        let result = found(&mut scanner_for(&["**.v"]), &format!("{{\"{key}\":\n{{\"v\":1}}}}"));
        assert_eq!(result.is_ok(), accepted, "{length}");
        if let Err(error) = result {
            assert_eq!(error.code(), "PATH_TOO_LONG");
            assert_eq!(error.position().unwrap().line, 2);
        }
    }
}

#[test]
fn canonical_paths_are_read_and_others_are_not() {
    for path in ["$", "a", "a.b", "[*]", "[*][*].a", r#""".a"#, r#""$""#, r#""\u000a"[*]"#, "\"é\""]
    {
        let read = FieldPath::parse(path).unwrap();
        assert_eq!(read.as_str(), path);
        let again = FieldPath::from_steps(read.steps().collect::<Vec<_>>()).unwrap();
        assert_eq!(again, read, "{path}");
        assert!(Selector::parse(path).is_ok(), "{path}");
    }
    for path in [
        "",
        ".",
        ".a",
        "a.",
        "a..b",
        "a[",
        "a[0]",
        "a[*",
        "a[*]b",
        "a.[*]",
        "é",
        "a b",
        "a.*",
        "**",
        "**.a",
        r#""a""#,
        r#""\n""#,
        r#""\u000A""#,
        r#""\/""#,
        r#""\u0061""#,
        r#""x"#,
        r#""x"y"#,
        "$.a",
        "a$",
        "\"a\nb\"",
    ] {
        let error = FieldPath::parse(path).expect_err(path);
        assert_eq!(error.code(), "FIELD_PATH_SYNTAX", "{path}");
        assert!(error.position().is_some());
    }
}

#[test]
fn steps_make_paths() {
    let steps = [Step::Key(Cow::Borrowed("a b")), Step::Elements, Step::Key(Cow::Borrowed("c"))];
    let path = FieldPath::from_steps(steps.clone()).unwrap();
    assert_eq!(path.as_str(), r#""a b"[*].c"#);
    assert_eq!(path.steps().collect::<Vec<_>>(), steps);
    assert_eq!(FieldPath::from_steps([]).unwrap().as_str(), "$");
    let long = "x".repeat(1025);
    assert!(FieldPath::from_steps([Step::Key(Cow::Borrowed(&long))]).is_err());
}

#[test]
fn malformed_selectors_say_where_and_what_instead() {
    for (selector, column, hint) in [
        ("", 1, "key"),
        ("a..b", 3, "key"),
        ("a.b.", 5, "key"),
        ("name[0].given", 5, "interchangeable"),
        ("name[].given", 5, "`[*]`"),
        ("a[*]b", 5, "`.`"),
        ("odd key", 4, "`.`"),
        ("é", 1, "quoted"),
        ("\"open", 6, "JSON string"),
        ("\"bad\\x\"", 5, "JSON string"),
        ("a.**", 1, "last"),
        ("**", 1, "last"),
        ("**.**.a", 1, "in a row"),
        ("***", 3, "`.`"),
    ] {
        let error = Selector::parse(selector).expect_err(selector);
        assert_eq!(error.code(), "SELECTOR_SYNTAX", "{selector}");
        assert_eq!(error.position().unwrap().column, column, "{selector}");
        assert!(error.to_string().contains(hint), "{error}");
    }
}

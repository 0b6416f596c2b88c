//! Removing members and elements leaves valid JSON.

use medseal_health::splice;

use crate::{scanner_for, scanner_with};

const HEAD: &str = "collection = 'c'\nrecord = 'none'";
const RULES: &str = "[[rule]]\npaths = ['**.x', '**.y', 'l[*].z', 'm[*]']\nplacement = 'remove'\n\
                     class = 'x'\n[[rule]]\npaths = ['**.e']\nplacement = 'inline'\nclass = 'x'\n";

#[track_caller]
fn check(document: &str, expect: &str) {
    let mut scanner = scanner_with(HEAD, RULES);
    let scanned = scanner.scan(document.as_bytes()).unwrap();
    let mut out = Vec::new();
    let encrypt = |_: &_, out: &mut Vec<u8>| -> Result<(), ()> {
        out.extend_from_slice(b"\"E\"");
        Ok(())
    };
    splice(document.as_bytes(), scanned.spans(), &mut out, encrypt).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), expect, "{document}");
}

#[test]
fn members() {
    check(r#"{"x":1}"#, "{}");
    check(r#"{ "x" : 1 }"#, "{  }");
    check(r#"{"x":1,"a":2}"#, r#"{"a":2}"#);
    check(r#"{"a":2,"x":1}"#, r#"{"a":2}"#);
    check(r#"{"a":2,"x":1,"b":3}"#, r#"{"a":2,"b":3}"#);
    check(r#"{"x":1,"y":1}"#, "{}");
    check(r#"{"x":1,"y":1,"a":2}"#, r#"{"a":2}"#);
    check(r#"{"a":2,"x":1,"y":1}"#, r#"{"a":2}"#);
    check(r#"{"x":1,"a":2,"y":1}"#, r#"{"a":2}"#);
    check(r#"{"x":1,"a":2,"y":1,"b":3}"#, r#"{"a":2,"b":3}"#);
    check("{\n  \"a\": 2,\n  \"x\": 1,\n  \"b\": 3\n}", "{\n  \"a\": 2,\n  \"b\": 3\n}");
    check("{\n  \"x\": 1,\n  \"b\": 3\n}", "{\n  \"b\": 3\n}");
}

#[test]
fn elements() {
    check(r#"{"m":[1,2,3]}"#, r#"{"m":[]}"#);
    check(r#"{"m":[1,null,3]}"#, r#"{"m":[null]}"#);
    check(r#"{"m":[null,[1],{"x":2}]}"#, r#"{"m":[null]}"#);
    check(r#"{"m":[ 1 , null ]}"#, r#"{"m":[ null ]}"#);
}

#[test]
fn containers_and_neighbours() {
    check(r#"{"x":{"x":1,"e":2},"e":3}"#, r#"{"e":"E"}"#);
    check(r#"{"e":3,"x":[1,2],"y":{}}"#, r#"{"e":"E"}"#);
    check(r#"{"l":[{"z":1},{"z":1,"a":2}],"x":1}"#, r#"{"l":[{},{"a":2}]}"#);
    check(r#"{"x":null,"a":1}"#, r#"{"x":null,"a":1}"#);
    check(r#"{"x":1,"e":{"x":2},"y":1}"#, r#"{"e":"E"}"#);
    check(r#"[{"x":1},{"x":1}]"#, "[{},{}]");
}

#[test]
fn splicing_stops_at_the_first_error() {
    let document = br#"{"a":1,"b":2}"#;
    let mut scanner = scanner_for(&["*"]);
    let scanned = scanner.scan(document).unwrap();
    let mut calls = 0;
    let result = splice(document, scanned.spans(), &mut Vec::new(), |span, _| {
        calls += 1;
        if span.value.start > 5 { Err("full") } else { Ok(()) }
    });
    assert_eq!((result, calls), (Err("full"), 2));
}

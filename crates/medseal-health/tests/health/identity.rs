//! Records: where they start, and how they are named.

use crate::scanner_with;

const RULES: &str = "[[rule]]\npaths = ['**.ssn', '**.box']\nplacement = 'inline'\nclass = 'x'\n\
                     [[rule]]\npaths = ['**.gone']\nplacement = 'remove'\nclass = 'x'\n";
const BUNDLE: &str = "roots = ['**.entry[*].resource']\ncollection = { path = 'type' }\n\
                      record = { path = ['id', 'patient.id'] }";

/// `collection/record/field` of every span, or the error's code, line and column.
fn named(head: &str, document: &str) -> Result<Vec<String>, (&'static str, u64, u64)> {
    let mut scanner = scanner_with(head, RULES);
    let scanned = scanner.scan(document.as_bytes()).map_err(|error| {
        let at = error.position().unwrap();
        (error.code(), at.line, at.column)
    })?;
    let spans = scanned.spans().iter();
    Ok(spans
        .map(|span| {
            let root = scanned.root(span).unwrap();
            let collection = scanned.collection(root).unwrap_or_default();
            let record = scanned.record(root).unwrap_or_default();
            format!("{collection}/{record}/{}", scanned.field(span))
        })
        .collect())
}

#[track_caller]
fn check(head: &str, document: &str, expect: &[&str]) {
    assert_eq!(named(head, document).unwrap(), expect, "{document}");
}

/// `record/subject/field` of every span.
fn with_subject(head: &str, document: &str) -> Result<Vec<String>, &'static str> {
    let mut scanner = scanner_with(head, RULES);
    let scanned = scanner.scan(document.as_bytes()).map_err(|error| error.code())?;
    let spans = scanned.spans().iter();
    Ok(spans
        .map(|span| {
            let record = scanned.record(scanned.root(span).unwrap()).unwrap_or_default();
            let subject = scanned.subject(span.root as usize).unwrap_or_default();
            format!("{record}/{subject}/{}", scanned.field(span))
        })
        .collect())
}

const SUBJECTS: &str = "roots = ['results[*]']\ncollection = 'c'\nrecord = { path = 'id' }\n\
                        subject = { path = ['patient', 'who.id'] }";

#[test]
fn the_subject_is_the_records_own_or_that_of_the_nearest_around_it() {
    let document = r#"{"id":1,"ssn":0,"results":[{"id":2,"ssn":1},
        {"id":3,"ssn":2,"who":{"id":"b"},"patient":"a"},{"id":4,"who":{"id":5},"ssn":3}],"patient":"p"}"#;
    let expected = ["1/p/ssn", "2/p/ssn", "3/a/ssn", "4/5/ssn"];
    assert_eq!(with_subject(SUBJECTS, document).unwrap(), expected);
    let only_inner = r#"{"results":[{"id":2,"ssn":1,"patient":"x"}],"id":9}"#;
    assert_eq!(with_subject(SUBJECTS, only_inner).unwrap(), ["2/x/ssn"]);
    let sibling = r#"{"results":[{"id":2,"ssn":1,"patient":"x"},{"id":3,"ssn":1}],"id":9}"#;
    assert_eq!(
        with_subject(SUBJECTS, sibling),
        Err("SUBJECT_MISSING"),
        "a neighbour is not around it"
    );
}

#[test]
fn a_record_without_a_usable_subject_is_refused() {
    for (document, code) in [
        (r#"{"id":1,"ssn":0}"#, "SUBJECT_MISSING"),
        (r#"{"id":1,"ssn":0,"patient":null}"#, "SUBJECT_MISSING"),
        (r#"{"id":1,"ssn":0,"patient":""}"#, "SUBJECT_INVALID"),
        (r#"{"id":1,"ssn":0,"patient":1.5}"#, "SUBJECT_INVALID"),
        (r#"{"id":1,"ssn":0,"patient":{"x":1}}"#, "SUBJECT_INVALID"),
    ] {
        assert_eq!(with_subject(SUBJECTS, document), Err(code), "{document}");
    }
    assert_eq!(with_subject(SUBJECTS, r#"{"id":1,"other":0}"#), Ok(vec![]), "nothing to bind");
    let inside = "collection = 'c'\nrecord = { path = 'id' }\nsubject = { path = 'box.id' }";
    let document = r#"{"id":1,"box":{"id":"p"}}"#;
    assert_eq!(with_subject(inside, document), Err("IDENTITY_PROTECTED"));
}

#[test]
fn a_rule_that_hides_the_subject_is_a_contradiction() {
    let text = format!("profile = 't'\nrevision = 1\n[document]\n{SUBJECTS}\n{RULES}");
    assert!(medseal_health::Profile::from_toml(&text).is_ok());
    let hidden = text.replace("**.ssn", "patient");
    let error = medseal_health::Profile::from_toml(&hidden).err().unwrap();
    assert_eq!(error.code(), "PROFILE_CONFLICT");
    let nobody = text.replace("{ path = ['patient', 'who.id'] }", "'none'");
    assert!(medseal_health::Profile::from_toml(&nobody).unwrap().subject().is_none());
}

#[track_caller]
fn refuse(head: &str, document: &str, code: &'static str, line: u64, column: u64) {
    assert_eq!(named(head, document), Err((code, line, column)), "{document}");
}

#[test]
fn identity_may_follow_the_values() {
    check(BUNDLE, r#"{"ssn":1,"id":"p1","type":"Patient"}"#, &["Patient/p1/ssn"]);
    check(BUNDLE, r#"{"type":"Patient","id":"p1","a":[{"ssn":1}]}"#, &["Patient/p1/a[*].ssn"]);
}

#[test]
fn the_innermost_record_counts() {
    let document = r#"{"id":"b","type":"Bundle","ssn":0,"entry":[
        {"ssn":1,"resource":{"ssn":2,"type":"Patient","id":"p"}},
        {"resource":{"id":"inner","type":"Bundle","entry":[
            {"resource":{"a":{"ssn":3},"id":7,"type":"Claim"}}],"ssn":4}}],"gone":5}"#;
    check(
        BUNDLE,
        document,
        &[
            "Bundle/b/ssn",
            "Bundle/b/entry[*].ssn",
            "Patient/p/ssn",
            "Claim/7/a.ssn",
            "Bundle/inner/ssn",
            "Bundle/b/gone",
        ],
    );
}

#[test]
fn roots_are_relative_to_the_document() {
    let head = BUNDLE.replace("**.entry", "entry");
    let document = r#"{"entry":[{"resource":{"id":1,"type":"B","entry":[
        {"resource":{"id":2,"type":"C","ssn":3}}]}}]}"#;
    check(&head, document, &["B/1/entry[*].resource.ssn"]);
}

#[test]
fn rules_start_again_in_every_record() {
    let head = "roots = ['e[*].r']\ncollection = 'c'\nrecord = 'none'";
    let rules = "[[rule]]\npaths = ['e[*].r.x', 'e[*].y', 'x']\nplacement = 'inline'\nclass = 'x'";
    let mut scanner = scanner_with(head, rules);
    let document = r#"{"e":[{"r":{"x":1,"e":[{"y":2}]},"y":3}],"r":{"x":4}}"#;
    let found = crate::found(&mut scanner, document).unwrap();
    assert_eq!(found, ["x=1", "e[*].y=2", "e[*].y=3"]);
    let unmatched = scanner.unmatched_selectors();
    assert_eq!(unmatched[0].1.as_str(), "e[*].r.x");
}

#[test]
fn the_first_alternative_with_a_value_counts() {
    let head = BUNDLE;
    check(head, r#"{"type":"T","ssn":1,"patient":{"id":"q"},"id":"p"}"#, &["T/p/ssn"]);
    check(head, r#"{"type":"T","ssn":1,"patient":{"id":"q"},"id":null}"#, &["T/q/ssn"]);
    check(head, r#"{"type":"T","ssn":1,"id":"p","patient":{"id":"q"}}"#, &["T/p/ssn"]);
}

#[test]
fn identities_are_unescaped_and_integers_stay_as_written() {
    check(BUNDLE, r#"{"type":"\u0054","ssn":1,"id":"a\/\u00e9"}"#, &["T/a/é/ssn"]);
    check(
        BUNDLE,
        r#"{"type":"T","ssn":1,"id":-12345678901234567890}"#,
        &["T/-12345678901234567890/ssn"],
    );
    check(BUNDLE, r#"{"type":"T","ssn":1,"id":0}"#, &["T/0/ssn"]);
}

#[test]
fn a_missing_identity_is_refused_at_its_record() {
    refuse(BUNDLE, "\n {\"type\":\"T\",\"ssn\":1}", "RECORD_ID_MISSING", 2, 2);
    refuse(BUNDLE, r#"{"id":"p","ssn":1}"#, "COLLECTION_MISSING", 1, 1);
    refuse(BUNDLE, r#"{"type":null,"id":"p","ssn":1}"#, "COLLECTION_MISSING", 1, 1);
    let inner =
        "{\"id\":\"b\",\"type\":\"B\",\"entry\":[\n{\"resource\":{\"type\":\"T\",\"ssn\":1}}]}";
    refuse(BUNDLE, inner, "RECORD_ID_MISSING", 2, 13);
    let collection = "collection = { path = 'type', otherwise = 'o' }\nrecord = { path = 'id' }";
    check(collection, r#"{"id":"p","ssn":1}"#, &["o/p/ssn"]);
    check(collection, r#"{"id":"p","ssn":1,"type":"t"}"#, &["t/p/ssn"]);
}

#[test]
fn a_record_without_values_in_place_needs_no_identity() {
    check(BUNDLE, r#"{"a":1}"#, &[]);
    check(BUNDLE, r#"{"ssn":null}"#, &[]);
    check(BUNDLE, r#"{"gone":1}"#, &["//gone"]);
    check(BUNDLE, r#"{"id":{},"type":[]}"#, &[]);
    check("collection = 'c'\nrecord = 'none'", r#"{"ssn":1}"#, &["c//ssn"]);
}

#[test]
fn an_unusable_identity_is_refused() {
    for id in [
        r#""""#,
        "1.0",
        "1e3",
        "-0",
        "true",
        "{}",
        r#"["p"]"#,
        &format!("\"{}\"", "x".repeat(1025)),
    ] {
        let document = format!(r#"{{"type":"T","ssn":1,"id":{id}}}"#);
        assert_eq!(named(BUNDLE, &document), Err(("RECORD_ID_INVALID", 1, 26)), "{id}");
        let document = format!(r#"{{"id":"p","ssn":1,"type":{id}}}"#);
        assert_eq!(named(BUNDLE, &document).unwrap_err().0, "COLLECTION_INVALID", "{id}");
    }
    let longest = format!(r#"{{"type":"T","ssn":1,"id":"{}"}}"#, "x".repeat(1024));
    assert!(named(BUNDLE, &longest).is_ok());
}

#[test]
fn a_protected_identity_is_refused() {
    let rules = "collection = { path = 'box.type', otherwise = 'o' }\n\
                 record = { path = ['id', 'box.id', 'gone.id'] }";
    refuse(rules, r#"{"box":{"id":"p"}}"#, "IDENTITY_PROTECTED", 1, 14);
    refuse(rules, r#"{"ssn":1,"gone":{"id":"p"}}"#, "IDENTITY_PROTECTED", 1, 23);
    refuse(rules, r#"{"id":"p","box":{"type":"t"}}"#, "IDENTITY_PROTECTED", 1, 25);
    check(rules, r#"{"id":"p","box":{"id":"q"}}"#, &["o/p/box"]);
    check(rules, r#"{"box":[{"id":"q"}],"id":"p"}"#, &["o/p/box"]);
}

#[test]
fn records_inside_a_selected_value_are_none() {
    let head = "roots = ['box.r']\ncollection = 'c'\nrecord = { path = 'id' }";
    check(head, r#"{"box":{"r":{"id":"inner","ssn":1}},"id":"p"}"#, &["c/p/box"]);
    let mut scanner = scanner_with(head, RULES);
    let scanned = scanner.scan(br#"{"box":{"r":{"id":"inner"}},"id":"p"}"#).unwrap();
    assert_eq!(scanned.roots().len(), 1);
}

#[test]
fn identity_stays_readable_when_the_rest_is_encrypted() {
    let head = format!("unnamed = 'encrypt'\n{BUNDLE}");
    let document = r#"{"id":"p","type":"T","x":1,"patient":{"id":"q","y":2}}"#;
    check(&head, document, &["T/p/x", "T/p/patient.y"]);
    let head = head.replace("encrypt", "refuse");
    check(&head, r#"{"id":"p","type":"T","ssn":1,"patient":{"id":"q"}}"#, &["T/p/ssn"]);
}

#[test]
fn roots_report_their_ranges() {
    let mut scanner = scanner_with(BUNDLE, RULES);
    let document = r#" {"entry":[{"resource":{"a":1}},{"resource":"s"}]} "#;
    let scanned = scanner.scan(document.as_bytes()).unwrap();
    let texts: Vec<_> = scanned.roots().iter().map(|root| &document[root.value.clone()]).collect();
    assert_eq!(texts, [document.trim(), r#"{"a":1}"#, r#""s""#]);
}

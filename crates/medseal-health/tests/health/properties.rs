//! Properties over generated documents, with `serde_json` as the model.

use std::sync::Arc;

use medseal_health::{FieldPath, Limits, Placement, Profile, Scanned, Scanner, splice};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use crate::{oracle, scanner_for};

const KEYS: &[&str] = &["a", "b", "x", "y", "odd key", "", "é", "a.b", "n\n", "id", "entry"];

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => proptest::sample::select(KEYS).prop_map(str::to_owned),
        1 => "[a-z\"\\\\\u{1}-\u{1f}é😀 .]{0,12}",
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9_f64).prop_map(Value::from),
        "[a-z\"\\\\\u{1}-\u{1f}é😀 ]{0,60}".prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((key(), inner), 0..6).prop_map(|pairs| pairs.into_iter().collect()),
        ]
    })
}

/// A document's text, compact or pretty.
fn text() -> impl Strategy<Value = String> {
    (value(), any::<bool>()).prop_map(|(value, pretty)| {
        if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() }
    })
}

/// Bytes that break JSON in interesting ways, and some that do not.
const PIECES: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b" ",
    b"\n",
    b"0",
    b"-",
    b"e",
    b".",
    b"\\u",
    b"d800",
    b"\\ud83d\\ude00",
    b"\xFF",
    b"\xC3\xA9",
    b"\0",
    b"null",
    b"true",
    b"\"a\":1,",
    b"1e999",
    b"\t",
    b"\x1f",
    b"\x7f",
    b"\\n",
];

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), 0..3_usize, proptest::sample::select(PIECES));
    (text(), vec(change, 1..4)).prop_map(|(text, changes)| {
        let mut bytes = text.into_bytes();
        for (at, removed, piece) in changes {
            let at = at.index(bytes.len() + 1);
            let end = (at + removed).min(bytes.len());
            bytes.splice(at..end, piece.iter().copied());
        }
        bytes
    })
}

/// Some selectors over the keys above.
fn selectors() -> impl Strategy<Value = Vec<String>> {
    let step = prop_oneof![
        Just("a".to_owned()),
        Just("b".to_owned()),
        Just("x".to_owned()),
        Just("*".to_owned()),
        Just("[*]".to_owned()),
        Just("\"odd key\"".to_owned()),
        Just("\"\\u00e9\"".to_owned()),
        Just("**.a".to_owned()),
        Just("**.*.b".to_owned()),
        Just("**.x".to_owned()),
    ];
    let selector = vec(step, 1..4).prop_map(|steps| {
        let joined = steps.iter().map(|step| match step.as_str() {
            "[*]" => step.clone(),
            _ => format!(".{step}"),
        });
        joined.collect::<String>().trim_start_matches('.').to_owned()
    });
    vec(selector, 0..5)
}

/// A plain model: the selectors' own meaning, by recursion, without any automaton.
fn matches(selector: &[&str], path: &[&str]) -> bool {
    match selector {
        [] => path.is_empty(),
        ["**", rest @ ..] => (0..=path.len()).any(|skipped| matches(rest, &path[skipped..])),
        [step, rest @ ..] => path.split_first().is_some_and(|(first, others)| {
            let same = step == first || (*step == "*" && *first != "[*]");
            same && matches(rest, others)
        }),
    }
}

/// Steps of a selector of this test: quoted keys as their text.
fn steps(selector: &str) -> Vec<&str> {
    let spaced = selector.split('.').flat_map(|part| {
        let (key, arrays) = part.split_at(part.find('[').unwrap_or(part.len()));
        let key = match key {
            "\"odd key\"" => "odd key",
            "\"\\u00e9\"" => "é",
            key => key,
        };
        let key = (!key.is_empty()).then_some(key);
        key.into_iter().chain(std::iter::repeat_n("[*]", arrays.len() / 3))
    });
    spaced.collect()
}

/// Replaces what the selectors select, outermost first; null stays.
fn model(value: &mut Value, path: &mut Vec<String>, selectors: &[Vec<&str>], mark: &Value) {
    let here: Vec<&str> = path.iter().map(String::as_str).collect();
    if !value.is_null() && selectors.iter().any(|selector| matches(selector, &here)) {
        *value = mark.clone();
        return;
    }
    match value {
        Value::Array(items) => {
            path.push("[*]".to_owned());
            items.iter_mut().for_each(|item| model(item, path, selectors, mark));
            path.pop();
        }
        Value::Object(members) => {
            for (key, value) in members {
                // Never mistaken for the step of an array.
                path.push(if key == "[*]" { "\0".to_owned() } else { key.clone() });
                model(value, path, selectors, mark);
                path.pop();
            }
        }
        _ => {}
    }
}

/// Deletes all members and elements that are `mark`.
fn without(value: &mut Value, mark: &Value) {
    match value {
        Value::Array(items) => {
            items.retain(|item| item != mark);
            items.iter_mut().for_each(|item| without(item, mark));
        }
        Value::Object(members) => {
            members.retain(|_, value| value != mark);
            members.values_mut().for_each(|value| without(value, mark));
        }
        _ => {}
    }
}

fn with_placement(selectors: &[String], placement: &str) -> Scanner {
    let paths = serde_json::to_string(selectors).unwrap();
    let rule = if selectors.is_empty() {
        String::new()
    } else {
        format!("[[rule]]\npaths = {paths}\nplacement = '{placement}'\nclass = 'x'")
    };
    let text = format!(
        "profile = 'p'\nrevision = 1\n[document]\ncollection = 'c'\nrecord = 'none'\n{rule}"
    );
    Scanner::new(Arc::new(Profile::from_toml(&text).unwrap()), Limits::default())
}

fn spliced(scanner: &mut Scanner, document: &str, mark: Option<&str>) -> String {
    let scanned = scanner.scan(document.as_bytes()).unwrap();
    let mut out = Vec::new();
    splice(document.as_bytes(), scanned.spans(), &mut out, |span, out| {
        out.extend_from_slice(mark.unwrap_or(&document[span.value.clone()]).as_bytes());
        Ok::<(), ()>(())
    })
    .unwrap();
    String::from_utf8(out).unwrap()
}

/// Records within records, all placements, wildcards.
fn manifold() -> Scanner {
    let text = "profile = 'm'\nrevision = 1\n[document]\nroots = ['**.entry[*]', 'a.b']\n\
        collection = { path = 'n', otherwise = 'o' }\nrecord = { path = ['id', 'x.id', 'y'] }\n\
        [[rule]]\npaths = ['b', '**.x.y']\nplacement = 'keep'\nclass = 'x'\n\
        [[rule]]\npaths = ['**.\"odd key\"', '*[*]']\nplacement = 'remove'\nclass = 'x'\n\
        [[rule]]\npaths = ['**.a', '*.b', 'x.**.y']\ntypes = ['scalar', 'object']\n\
        placement = 'inline'\nclass = 'x'\n";
    Scanner::new(Arc::new(Profile::from_toml(text).unwrap()), Limits::default())
}

/// Collection, record and field of every value that stays in the document.
fn names(scanned: &Scanned<'_>) -> Vec<String> {
    let inline = scanned.spans().iter().filter(|span| span.placement == Placement::Inline);
    inline
        .map(|span| {
            let root = scanned.root(span).unwrap();
            let name = (scanned.collection(root), scanned.record(root), scanned.field(span));
            format!("{name:?}")
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..Default::default() })]

    #[test]
    fn accepts_what_serde_json_accepts(text in text()) {
        oracle::check(text.as_bytes());
        prop_assert!(scanner_for(&["**.a"]).scan(text.as_bytes()).is_ok());
    }

    #[test]
    fn refuses_what_serde_json_refuses(bytes in mutated()) {
        oracle::check(&bytes);
    }

    #[test]
    fn refuses_noise_alike(bytes in vec(proptest::sample::select(PIECES), 0..12)) {
        oracle::check(&bytes.concat());
    }

    #[test]
    fn replacing_each_value_by_itself_changes_nothing(text in text(), selectors in selectors()) {
        let mut scanner = with_placement(&selectors, "inline");
        prop_assert_eq!(spliced(&mut scanner, &text, None), text);
    }

    #[test]
    fn selects_what_the_model_selects(text in text(), selectors in selectors()) {
        let mut scanner = with_placement(&selectors, "inline");
        let ours: Value = serde_json::from_str(&spliced(&mut scanner, &text, Some("\"\u{1F512}\""))).unwrap();
        let mut theirs: Value = serde_json::from_str(&text).unwrap();
        let steps: Vec<_> = selectors.iter().map(|selector| steps(selector)).collect();
        model(&mut theirs, &mut Vec::new(), &steps, &Value::from("\u{1F512}"));
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn removes_what_the_model_removes(text in text(), selectors in selectors()) {
        let mut scanner = with_placement(&selectors, "remove");
        let ours: Value = serde_json::from_str(&spliced(&mut scanner, &text, None)).unwrap();
        let mut theirs: Value = serde_json::from_str(&text).unwrap();
        let steps: Vec<_> = selectors.iter().map(|selector| steps(selector)).collect();
        let mark = Value::from("\u{1F512}");
        model(&mut theirs, &mut Vec::new(), &steps, &mark);
        without(&mut theirs, &mark);
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn a_path_is_canonical_and_selects_its_own_value(text in text(), selectors in selectors()) {
        let mut scanner = with_placement(&selectors, "inline");
        let scanned = scanner.scan(text.as_bytes()).unwrap();
        for span in scanned.spans() {
            let path = FieldPath::parse(scanned.field(span)).unwrap();
            let again = FieldPath::from_steps(path.steps().collect::<Vec<_>>()).unwrap();
            prop_assert_eq!(again.as_str(), path.as_str());
            let mut own = scanner_for(&[path.as_str()]);
            let own = own.scan(text.as_bytes()).unwrap();
            prop_assert!(own.spans().iter().any(|other| other.value == span.value));
            for other in own.spans() {
                prop_assert_eq!(own.field(other), path.as_str());
            }
        }
    }

    /// Who decrypts reads collection, record and field from the encrypted document.
    #[test]
    fn an_encrypted_document_names_the_same_values(text in text()) {
        let mut scanner = manifold();
        let Ok(scanned) = scanner.scan(text.as_bytes()) else { return Ok(()) };
        let before = names(&scanned);
        let sealed = spliced(&mut scanner, &text, Some("\"ms1:\""));
        prop_assert_eq!(names(&scanner.scan(sealed.as_bytes()).unwrap()), before);
    }

    #[test]
    fn spans_are_ordered_and_apart(text in text(), selectors in selectors()) {
        for placement in ["inline", "remove"] {
            let mut scanner = with_placement(&selectors, placement);
            let scanned = scanner.scan(text.as_bytes()).unwrap();
            let mut end = 0;
            for span in scanned.spans() {
                prop_assert!(span.placement != Placement::Keep);
                prop_assert!(span.removal.start >= end && span.value.end <= span.removal.end);
                prop_assert!(serde_json::from_str::<Value>(&text[span.value.clone()]).is_ok());
                end = span.removal.end;
            }
        }
    }

    #[test]
    fn profiles_never_panic(text in "[a-z0-9=\\[\\]'\"{}.*\n ]{0,200}") {
        let _ = Profile::from_toml(&text);
        let _ = medseal_health::Selector::parse(&text);
        let _ = FieldPath::parse(&text);
    }
}

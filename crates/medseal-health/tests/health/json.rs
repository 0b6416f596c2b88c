//! What is JSON and what is not: every kind of malformed input with its code and place.

use medseal_health::{DocumentFault, Limits, Profile, Scanner};

use crate::{oracle, scanner_for};

const ACCEPTED: &[&str] = &[
    "null",
    " true\r\n",
    "\tfalse",
    "0",
    "-0",
    "-0.0e-0",
    "1E+400",
    "123456789012345678901234567890.000",
    r#""""#,
    r#""\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00""#,
    "\"\u{7f}é\u{10ffff}\"",
    "[]",
    "[ ]",
    "[1 , [ ] , {} ]",
    "{}",
    "{ }",
    r#"{"":0,"a":{"":0}}"#,
    r#"{"a":1,"A":1,"a ":1,"\u0061\u0061":1}"#,
];

/// Input, code, line, column.
const REFUSED: &[(&[u8], &str, u64, u64)] = &[
    (b"", "JSON_EMPTY", 1, 1),
    (b" \r\n\t", "JSON_EMPTY", 2, 2),
    (b"\xEF\xBB\xBF{}", "JSON_BOM", 1, 1),
    (b"\xFE\xFF\0{", "JSON_INVALID_UTF8", 1, 1),
    (b"[\n\"ab\xFF\"]", "JSON_INVALID_UTF8", 2, 4),
    (b"\"\xC0\xAF\"", "JSON_INVALID_UTF8", 1, 2),
    (b"\"\xED\xA0\x80\"", "JSON_INVALID_UTF8", 1, 2),
    (b"{\"\xC3\":1}", "JSON_INVALID_UTF8", 1, 3),
    (b"{} {}", "JSON_TRAILING_DATA", 1, 4),
    (b"{}}", "JSON_TRAILING_DATA", 1, 3),
    (b"1 x", "JSON_TRAILING_DATA", 1, 3),
    (b"1x", "JSON_TRAILING_DATA", 1, 2),
    (b"[]\n\n,", "JSON_TRAILING_DATA", 3, 1),
    (b"null\0", "JSON_TRAILING_DATA", 1, 5),
    (b"{} // c", "JSON_TRAILING_DATA", 1, 4),
    (b"[", "JSON_TRUNCATED", 1, 2),
    (b"[1,", "JSON_TRUNCATED", 1, 4),
    (b"[1\n", "JSON_TRUNCATED", 2, 1),
    (b"{", "JSON_TRUNCATED", 1, 2),
    (b"{\"a", "JSON_TRUNCATED", 1, 4),
    (b"{\"a\"", "JSON_TRUNCATED", 1, 5),
    (b"{\"a\":", "JSON_TRUNCATED", 1, 6),
    (b"{\"a\":1", "JSON_TRUNCATED", 1, 7),
    (b"{\"a\":1,", "JSON_TRUNCATED", 1, 8),
    (b"\"abc", "JSON_TRUNCATED", 1, 5),
    (b"\"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", "JSON_TRUNCATED", 1, 54),
    (b"\"a\\", "JSON_TRUNCATED", 1, 4),
    (b"\"\\u00", "JSON_TRUNCATED", 1, 6),
    (b"tru", "JSON_TRUNCATED", 1, 4),
    (b"-", "JSON_TRUNCATED", 1, 2),
    (b"1.", "JSON_TRUNCATED", 1, 3),
    (b"1e+", "JSON_TRUNCATED", 1, 4),
    (b"]", "JSON_SYNTAX", 1, 1),
    (b"[}", "JSON_SYNTAX", 1, 2),
    (b"[1}", "JSON_SYNTAX", 1, 3),
    (b"[1,]", "JSON_SYNTAX", 1, 4),
    (b"[,1]", "JSON_SYNTAX", 1, 2),
    (b"[1 2]", "JSON_SYNTAX", 1, 4),
    (b"[1;2]", "JSON_SYNTAX", 1, 3),
    (b"{]", "JSON_SYNTAX", 1, 2),
    (b"{1:2}", "JSON_SYNTAX", 1, 2),
    (b"{a:1}", "JSON_SYNTAX", 1, 2),
    (b"{'a':1}", "JSON_SYNTAX", 1, 2),
    (b"{\"a\" 1}", "JSON_SYNTAX", 1, 6),
    (b"{\"a\":}", "JSON_SYNTAX", 1, 6),
    (b"{\"a\"::1}", "JSON_SYNTAX", 1, 6),
    (b"{\"a\":1,}", "JSON_SYNTAX", 1, 8),
    (b"{\n \"a\":1,\n ,}", "JSON_SYNTAX", 3, 2),
    (b"{\"a\":1 \"b\":2}", "JSON_SYNTAX", 1, 8),
    (b"{\"a\":1]", "JSON_SYNTAX", 1, 7),
    (b"{\"a\"}", "JSON_SYNTAX", 1, 5),
    (b"trux", "JSON_SYNTAX", 1, 4),
    (b"True", "JSON_SYNTAX", 1, 1),
    (b"nul ", "JSON_SYNTAX", 1, 4),
    (b"falsy", "JSON_SYNTAX", 1, 5),
    (b"NaN", "JSON_SYNTAX", 1, 1),
    (b"Infinity", "JSON_SYNTAX", 1, 1),
    (b"+1", "JSON_SYNTAX", 1, 1),
    (b".5", "JSON_SYNTAX", 1, 1),
    (b"'a'", "JSON_SYNTAX", 1, 1),
    (b"/**/1", "JSON_SYNTAX", 1, 1),
    (b"\x0c1", "JSON_SYNTAX", 1, 1),
    (b"\xC2\xA01", "JSON_SYNTAX", 1, 1),
    (b"[1\0]", "JSON_SYNTAX", 1, 3),
    (b"01", "JSON_NUMBER", 1, 2),
    (b"-01", "JSON_NUMBER", 1, 3),
    (b"00", "JSON_NUMBER", 1, 2),
    (b"-x", "JSON_NUMBER", 1, 2),
    (b"--1", "JSON_NUMBER", 1, 2),
    (b"[1.]", "JSON_NUMBER", 1, 4),
    (b"[1.e5]", "JSON_NUMBER", 1, 4),
    (b"[1e]", "JSON_NUMBER", 1, 4),
    (b"[1e+-2]", "JSON_NUMBER", 1, 5),
    (b"[-Infinity]", "JSON_NUMBER", 1, 3),
    (b"\"\\x41\"", "JSON_ESCAPE", 1, 2),
    (b"\"ab\\'\"", "JSON_ESCAPE", 1, 4),
    (b"\"\\u12G4\"", "JSON_ESCAPE", 1, 2),
    (b"\"\\u+123\"", "JSON_ESCAPE", 1, 2),
    (b"\"\\U0041\"", "JSON_ESCAPE", 1, 2),
    (b"{\"\\q\":1}", "JSON_ESCAPE", 1, 3),
    (b"\"a\nb\"", "JSON_CONTROL_CHARACTER", 1, 3),
    (b"\"\t\"", "JSON_CONTROL_CHARACTER", 1, 2),
    (b"\"\0\"", "JSON_CONTROL_CHARACTER", 1, 2),
    (b"\"\x1f\"", "JSON_CONTROL_CHARACTER", 1, 2),
    (b"{\"a\rb\":1}", "JSON_CONTROL_CHARACTER", 1, 4),
    (b"\"\\ud800\"", "JSON_LONE_SURROGATE", 1, 2),
    (b"\"a\\udc00\"", "JSON_LONE_SURROGATE", 1, 3),
    (b"\"\\udc00\\ud800\"", "JSON_LONE_SURROGATE", 1, 2),
    (b"\"\\ud800\\u0041\"", "JSON_LONE_SURROGATE", 1, 2),
    (b"\"\\ud800\\n\"", "JSON_LONE_SURROGATE", 1, 2),
    (b"\"\\ud83dxyz\"", "JSON_LONE_SURROGATE", 1, 2),
    (b"{\"\\ud800\":1}", "JSON_LONE_SURROGATE", 1, 3),
    (b"{\"a\":1,\"a\":1}", "JSON_DUPLICATE_KEY", 1, 8),
    (b"{\"a\":1,\n\"\\u0061\":1}", "JSON_DUPLICATE_KEY", 2, 1),
    (b"{\"\\n\":1,\"b\":2,\"\\u000A\":1}", "JSON_DUPLICATE_KEY", 1, 15),
    (b"{\"\":1,\"\":1}", "JSON_DUPLICATE_KEY", 1, 7),
    (b"[{\"x\":{\"a\":1},\"x\":2}]", "JSON_DUPLICATE_KEY", 1, 15),
    ("{\"é\":1,\"\\u00e9\":1}".as_bytes(), "JSON_DUPLICATE_KEY", 1, 9),
];

#[test]
fn accepts() {
    for text in ACCEPTED {
        assert!(scanner_for(&[]).scan(text.as_bytes()).is_ok(), "{text}");
    }
}

#[test]
fn refuses_with_code_and_place() {
    for (text, code, line, column) in REFUSED {
        let shown = String::from_utf8_lossy(text);
        let error = scanner_for(&[]).scan(text).expect_err(&shown);
        assert_eq!(error.code(), *code, "{shown}");
        let at = error.position().unwrap();
        assert_eq!((at.line, at.column), (*line, *column), "{shown}");
        assert!(!error.remedy().is_empty());
    }
}

#[test]
fn refuses_the_same_when_protecting() {
    for (text, code, ..) in REFUSED {
        let error = scanner_for(&["$"]).scan(text).expect_err(&String::from_utf8_lossy(text));
        assert_eq!(error.code(), *code, "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn the_trap_list_agrees_with_serde_json() {
    for text in ACCEPTED.iter().map(|text| text.as_bytes()) {
        oracle::check(text);
    }
    REFUSED.iter().for_each(|(text, ..)| oracle::check(text));
}

#[test]
fn messages_name_no_value_and_no_key() {
    for text in [r#"{"secret":1,"secret":2}"#, r#"{"secret": secret}"#, r#"["secret\x"]"#] {
        let message = scanner_for(&[]).scan(text.as_bytes()).expect_err(text).to_string();
        assert!(!message.contains("secret"), "{message}");
        assert!(message.starts_with("line 1, column "), "{message}");
    }
}

#[test]
fn debug_forms_show_nothing_of_the_document() {
    let document = br#"{"secretkey":"secretvalue"}"#;
    let mut scanner = scanner_for(&["**.secretkey"]);
    let mut coverage = medseal_health::Coverage::new();
    scanner.cover(document, &mut coverage).unwrap();
    let line = medseal_health::ndjson::Lines::new().next(document, true).unwrap();
    let shown = format!("{line:?} {coverage:?} {:?}", scanner.scan(document).unwrap());
    assert!(!format!("{shown} {scanner:?}").contains("secret"), "{shown}");
}

#[test]
fn fault_tables_have_the_agreed_style() {
    let mut codes = Vec::new();
    for fault in DocumentFault::ALL {
        for text in [fault.what(), fault.remedy()] {
            assert!(!text.ends_with('.') && !text.is_empty(), "{text}");
        }
        assert!(fault.what().starts_with(char::is_lowercase), "{}", fault.what());
        codes.push(fault.code());
    }
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), DocumentFault::ALL.len());
}

/// Strings are read in steps of 8 and 32 bytes; a byte must count wherever it falls in a step.
#[test]
fn bytes_count_wherever_they_stand() {
    for length in [0, 7, 8, 31, 32, 33, 64, 65, 130] {
        for at in 0..=length {
            for piece in ["\u{1f}", "\0", "\n", "\"", "\\", "\\n", "\u{7f}", "é", " "] {
                let body = format!("{}{piece}{}", "x".repeat(at), "y".repeat(length - at));
                oracle::check(format!("\"{body}\"").as_bytes());
                oracle::check(format!("{{\"{body}\":\"{body}\"}}      ").as_bytes());
            }
        }
    }
}

#[test]
fn errors_count_lines_of_the_file() {
    let error = scanner_for(&[]).scan(b"[\n1 2]").expect_err("two values");
    assert_eq!(error.clone().at_line(1), error);
    assert_eq!(error.at_line(40).position().unwrap().line, 41);
}

#[test]
fn depth_is_limited_where_the_limit_says() {
    for (depth, accepted) in [(127, true), (128, true), (129, false), (100_000, false)] {
        let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let result = scanner_for(&["**.a"]).scan(text.as_bytes()).map(|_| ());
        assert_eq!(result.is_ok(), accepted, "{depth}");
        if let Err(error) = result {
            assert_eq!(error.code(), "JSON_TOO_DEEP");
            assert_eq!(error.position().unwrap().column, 129);
        }
    }
}

#[test]
fn a_deep_document_needs_no_deep_thread() {
    let limits = Limits { max_depth: usize::MAX, ..Limits::default() };
    let profile = std::sync::Arc::clone(scanner_for(&["**.a"]).profile());
    let depth = 1_000_000;
    let text = format!("{}{}", r#"{"k":["#.repeat(depth), "]}".repeat(depth));
    assert!(Scanner::new(profile, limits).scan(text.as_bytes()).is_ok());
}

#[test]
fn size_is_limited() {
    let profile = Profile::from_toml(Profile::builtin_toml("patient-basic").unwrap()).unwrap();
    let limits = Limits { max_bytes: 3, ..Limits::default() };
    let mut scanner = Scanner::new(std::sync::Arc::new(profile), limits);
    assert!(scanner.scan(b"[1]").is_ok());
    assert_eq!(scanner.scan(b"[10]").expect_err("4 bytes").code(), "DOCUMENT_TOO_LARGE");
}

/// Above 32 keys an object is checked by sorting; both ways must find the same.
#[test]
fn duplicate_keys_of_objects_of_every_size() {
    for count in [2_usize, 31, 32, 33, 34, 35, 100, 5_000] {
        let keys: Vec<_> = (0..count).map(|i| format!("\"key-{i}\":0")).collect();
        let unique = format!("{{{}}}", keys.join(","));
        assert!(scanner_for(&[]).scan(unique.as_bytes()).is_ok(), "{count}");
        for copied in [0, count / 2, count - 1] {
            let twice = format!("{{{},\"\\u006bey-{copied}\":0}}", keys.join(","));
            let error = scanner_for(&[]).scan(twice.as_bytes()).expect_err("copied");
            assert_eq!(error.code(), "JSON_DUPLICATE_KEY");
            let column = twice.find("\"\\u006b").unwrap() as u64 + 1;
            assert_eq!(error.position().unwrap().column, column, "{count} {copied}");
        }
    }
}

/// 200 000 keys that differ in the middle of a long common text, in an order bad for naive sorts.
#[test]
fn many_keys_take_no_quadratic_time() {
    let mut text = String::from("{");
    for i in (0..200_000).rev() {
        text.push_str(&format!("\"{i:08}-a-rather-long-common-end\":0,"));
    }
    text.push_str("\"last\":0}");
    let start = std::time::Instant::now();
    assert!(scanner_for(&["**.last"]).scan(text.as_bytes()).is_ok());
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

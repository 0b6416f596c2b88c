//! The scanner accepts what `serde_json` accepts; what it leads to write is JSON, and names the same
//! records and fields again.
//!
//! A crash file becomes a vector: `crates/medseal-health/tests/vectors/NAME.json`.
#![no_main]

use std::cell::RefCell;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use medseal_health::{FieldPath, Limits, Placement, Profile, Scanned, Scanner, splice};
use serde::de::IgnoredAny;

#[path = "../../crates/medseal-health/tests/health/oracle.rs"]
mod oracle;

const RULES: &str = r#"
profile = "fuzz"
revision = 1
[document]
roots = ["**.e[*].r"]
collection = { path = "t", otherwise = "o" }
record = { path = ["id", "p.id"] }
[[rule]]
paths = ["k", "a.b.k"]
placement = "keep"
class = "x"
[[rule]]
paths = ["**.x", "a[*]", "n[*].g[*]"]
placement = "remove"
class = "x"
[[rule]]
paths = ["**.y", "*.z", "a.**.b"]
placement = "inline"
class = "x"
"#;

/// Finds everything, so that every path is built.
const ALL: &str = r#"
profile = "all"
revision = 1
[document]
collection = "c"
record = "none"
unnamed = "encrypt"
"#;

fn scanner(profile: &str) -> RefCell<Scanner> {
    let profile = Profile::from_toml(profile).expect("a profile");
    RefCell::new(Scanner::new(Arc::new(profile), Limits::default()))
}

// Kept from input to input, as users keep them: what is left over must not matter.
thread_local! {
    static SCANNERS: [RefCell<Scanner>; 2] = [scanner(RULES), scanner(ALL)];
}

/// What each value that stays in the document is bound to.
fn names(scanned: &Scanned<'_>) -> Vec<String> {
    let inline = scanned.spans().iter().filter(|span| span.placement == Placement::Inline);
    inline
        .map(|span| {
            assert!(FieldPath::parse(scanned.field(span)).is_ok());
            let root = scanned.root(span).expect("a record");
            let name = (scanned.collection(root), scanned.record(root), scanned.field(span));
            assert!(name.0.is_some());
            format!("{name:?}")
        })
        .collect()
}

/// The document as an engine writes it.
fn sealed(document: &[u8], scanned: &Scanned<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    splice(document, scanned.spans(), &mut out, |_, out| {
        out.extend_from_slice(b"\"ms1:\"");
        Ok::<(), ()>(())
    })
    .expect("no error");
    out
}

fn check_spans(document: &[u8], scanned: &Scanned<'_>) -> (Vec<u8>, Vec<String>) {
    let mut end = 0;
    for span in scanned.spans() {
        assert!(end <= span.removal.start && span.removal.end >= span.value.end);
        assert!(serde_json::from_slice::<IgnoredAny>(&document[span.value.clone()]).is_ok());
        end = span.removal.end;
    }
    (sealed(document, scanned), names(scanned))
}

fuzz_target!(|document: &[u8]| {
    oracle::check(document);
    SCANNERS.with(|scanners| {
        for scanner in scanners {
            let mut scanner = scanner.borrow_mut();
            let (sealed, names) = match scanner.scan(document) {
                Ok(scanned) => check_spans(document, &scanned),
                // The table of paths is full: start anew.
                Err(error) if error.code() == "TOO_MANY_FIELDS" => {
                    *scanner = Scanner::new(Arc::clone(scanner.profile()), Limits::default());
                    continue;
                }
                Err(_) => continue,
            };
            assert!(serde_json::from_slice::<IgnoredAny>(&sealed).is_ok());
            // Who decrypts reads all names from the encrypted document.
            let again = scanner.scan(&sealed).expect("an encrypted document is a document");
            assert_eq!(self::names(&again), names);
        }
    });
});

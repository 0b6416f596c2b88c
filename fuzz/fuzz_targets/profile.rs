//! Profiles, selectors and field paths of any text neither panic nor take long.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use medseal_health::{Collection, FieldPath, Limits, Profile, Record, Scanner, Selector};

const DOCUMENT: &[u8] = br#"{"id":"1","a":{"b":[{"c":1},[2]],"x y":3},"name":[{"given":["n"]}]}"#;

fuzz_target!(|text: &str| {
    if let Ok(path) = FieldPath::parse(text) {
        assert!(Selector::parse(path.as_str()).is_ok());
    }
    let _ = Profile::from_toml(text);
    let selectors: Vec<&str> = text.lines().take(32).collect();
    let collection = Collection::Constant("c".to_owned());
    if let Ok(profile) = Profile::from_paths(&selectors, collection, Record::Unbound) {
        let mut scanner = Scanner::new(Arc::new(profile), Limits::default());
        let scanned = scanner.scan(DOCUMENT).expect("a valid document");
        for span in scanned.spans() {
            assert!(FieldPath::parse(scanned.field(span)).is_ok());
        }
    }
});

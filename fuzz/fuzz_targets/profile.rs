//! Profiles, selectors and field paths of any text neither panic nor take long.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use medseal_health::table::{Encoding, NamePattern, TableLimits, TableProfile, TableScanner};
use medseal_health::{Collection, FieldPath, Limits, Profile, Record, Scanner, Selector};

const DOCUMENT: &[u8] = br#"{"id":"1","a":{"b":[{"c":1},[2]],"x y":3},"name":[{"given":["n"]}]}"#;

fuzz_target!(|text: &str| {
    if let Ok(path) = FieldPath::parse(text) {
        assert!(Selector::parse(path.as_str()).is_ok());
    }
    let _ = Profile::from_toml(text);
    check_table_profile(text);
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

/// A table's profile, and the text as patterns on its own lines.
fn check_table_profile(text: &str) {
    let scan = |profile: TableProfile, header: &str| {
        let (profile, limits) = (Arc::new(profile), TableLimits::default());
        TableScanner::new(profile, None, Encoding::Utf8, limits).scan(header.as_bytes(), true)
    };
    if let Ok(profile) = TableProfile::from_toml(text) {
        let _ = scan(profile, "id,First Name,SSN\n1,a,b\n");
    }
    for line in text.lines().take(32) {
        if NamePattern::like(line).is_ok() {
            let toml = format!(
                "profile = 'p'\nrevision = 1\n[table]\nrecord = 'none'\n[[column]]\n\
                 like = ['{line}']\nplacement = 'inline'\nclass = 'x'\n"
            );
            let profile = TableProfile::from_toml(&toml).expect("a profile");
            let rows = scan(profile, &format!("\"{}\",~\nx,y\n", line.trim_start_matches('=')));
            assert_eq!(rows.spans.len(), 1, "a pattern finds its own words");
        }
    }
}

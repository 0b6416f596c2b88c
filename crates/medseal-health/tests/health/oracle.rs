//! `serde_json` as a second opinion on what is JSON.
//!
//! The intended differences: it keeps the last of two equal keys, refuses numbers beyond f64, and
//! its limit of 128 refuses the 128th level, so ours is set to 127 here.

use std::collections::HashSet;
use std::sync::Arc;

use medseal_health::{Collection, HealthError, Limits, Profile, Record, Scanner};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Accepts what `serde_json::Value` accepts, and refuses equal keys.
struct Unique;

const TWICE: &str = "the same key twice";

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Self;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(Self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        let mut keys = HashSet::new();
        let mut twice = false;
        while let Some((key, _)) = members.next_entry::<String, Self>()? {
            twice |= !keys.insert(key);
        }
        if twice { Err(A::Error::custom(TWICE)) } else { Ok(Self) }
    }
}

/// Compares the verdicts of both on one text.
pub(crate) fn check(text: &[u8]) {
    let limits = Limits { max_depth: 127, ..Limits::default() };
    let collection = Collection::Constant("test".to_owned());
    let profile = Profile::from_paths(&["**.a"], collection, Record::Unbound).unwrap();
    let ours = Scanner::new(Arc::new(profile), limits).scan(text).map(|_| ());
    let theirs = serde_json::from_slice::<Unique>(text);
    let shown = String::from_utf8_lossy(text);
    match (&ours, &theirs) {
        (Ok(()), Err(error)) => {
            assert!(error.to_string().contains("number out of range"), "{error}: {shown}");
        }
        (Err(error), Ok(_)) => panic!("{error}: {shown}"),
        _ => {}
    }
    if ours.as_ref().is_err_and(|error: &HealthError| error.code() == "JSON_DUPLICATE_KEY") {
        let value = serde_json::from_slice::<serde_json::Value>(text);
        let excused = |error: &serde_json::Error| {
            error.to_string().contains("number out of range") || !error.is_data()
        };
        assert!(value.as_ref().err().is_none_or(excused), "{shown}");
    }
}

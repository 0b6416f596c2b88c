//! CTX names one place and no other: it decodes, with a parser that shares no code with the encoder,
//! to exactly what went in, and two different places never encode equally.

use medseal_core::context::{Binding, Scope, Subject, encode_into};
use medseal_core::{Error, MisuseKind};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::{Strategy, any};
use proptest::sample::select;
use std::collections::BTreeMap;

/// One decoded entry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Text(u8, String),
    Pairs(Vec<(String, String)>),
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (now, later) = rest.split_at_checked(len)?;
    *rest = later;
    Some(now)
}

fn take_prefixed<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = u32::from_be_bytes(take(rest, 4)?.try_into().ok()?);
    take(rest, len as usize)
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    String::from_utf8(take_prefixed(rest)?.to_vec()).ok()
}

fn decode_pairs(mut value: &[u8]) -> Option<Vec<(String, String)>> {
    let count = u16::from_be_bytes(take(&mut value, 2)?.try_into().ok()?);
    let pair = |_| Some((take_text(&mut value)?, take_text(&mut value)?));
    let pairs = (0..count).map(pair).collect::<Option<Vec<_>>>()?;
    (value.is_empty() && pairs.is_sorted_by(|a, b| a.0 < b.0)).then_some(pairs)
}

/// Reads CTX strictly: the count is right, tags ascend, nothing is left over.
pub(crate) fn decode(mut rest: &[u8]) -> Option<Vec<Part>> {
    let [count] = *take(&mut rest, 1)? else { return None };
    let (mut parts, mut previous) = (Vec::new(), 0);
    for _ in 0..count {
        let [tag] = *take(&mut rest, 1)? else { return None };
        if tag <= previous {
            return None;
        }
        previous = tag;
        parts.push(match tag {
            1..=6 => Part::Text(tag, take_text(&mut rest)?),
            0x80 => Part::Pairs(decode_pairs(take_prefixed(&mut rest)?)?),
            _ => return None,
        });
    }
    rest.is_empty().then_some(parts)
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    names: [String; 3],
    record: Option<String>,
    subject: Option<String>,
    row_version: Option<String>,
    pairs: BTreeMap<String, String>,
}

impl Place {
    fn encode(&self) -> Vec<u8> {
        let [tenant, collection, field] = &self.names;
        let scope = Scope::new(tenant, collection, field).unwrap();
        let subject = self.subject.as_deref().map(|s| Subject::new(s).unwrap());
        let pairs: Vec<(&str, &str)> = self.pairs.iter().map(|(n, v)| (&n[..], &v[..])).collect();
        let binding = Binding {
            record: self.record.as_deref(),
            row_version: self.row_version.as_deref(),
            pairs: &pairs,
        };
        let mut out = Vec::new();
        encode_into(&scope, subject.as_ref(), &binding, &mut out).unwrap();
        out
    }

    fn parts(&self) -> Vec<Part> {
        let [tenant, collection, field] = self.names.clone().map(Some);
        let texts = [tenant, collection, field, self.record.clone(), self.subject.clone()];
        let texts = texts.into_iter().chain([self.row_version.clone()]).zip(1..);
        let pairs: Vec<_> = self.pairs.clone().into_iter().collect();
        texts
            .filter_map(|(text, tag)| text.map(|text| Part::Text(tag, text)))
            .chain((!pairs.is_empty()).then_some(Part::Pairs(pairs)))
            .collect()
    }
}

fn place(value: impl Strategy<Value = String> + Clone) -> impl Strategy<Value = Place> {
    let name = vec(select(vec!['a', 'b', '.', '_', '-', '9']), 1..4);
    let name = name.prop_map(|chars| chars.into_iter().collect::<String>());
    let names = [value.clone(), value.clone(), value.clone()];
    let optional =
        [option::of(value.clone()), option::of(value.clone()), option::of(value.clone())];
    (names, optional, btree_map(name, value, 0..3)).prop_map(|(names, optional, pairs)| {
        let [record, subject, row_version] = optional;
        Place { names, record, subject, row_version, pairs }
    })
}

fn any_value() -> impl Strategy<Value = String> + Clone {
    vec(any::<char>(), 1..30).prop_map(|chars| chars.into_iter().collect())
}

/// Few and short values, so that places often agree in all but a boundary.
fn crowded_value() -> impl Strategy<Value = String> + Clone {
    vec(select(vec!['a', '\0', '\u{1}']), 1..3).prop_map(|chars| chars.into_iter().collect())
}

proptest::proptest! {
    #[test]
    fn context_decodes_to_what_went_in(place in place(any_value())) {
        assert_eq!(decode(&place.encode()), Some(place.parts()));
    }

    #[test]
    fn different_places_never_encode_equally(a in place(crowded_value()), b in place(crowded_value())) {
        assert_eq!(a == b, a.encode() == b.encode());
    }
}

fn encode_binding(binding: &Binding<'_>) -> Result<(), Error> {
    encode_into(&Scope::new("t", "c", "f").unwrap(), None, binding, &mut Vec::new())
}

#[test]
fn values_outside_1_to_1024_bytes_are_refused_everywhere() {
    let refused = Err(Error::Misuse(MisuseKind::ContextValueLength));
    for bad in [String::new(), "x".repeat(1025), "é".repeat(513)] {
        let bad = bad.as_str();
        for [t, c, f] in [[bad, "c", "f"], ["t", bad, "f"], ["t", "c", bad]] {
            assert_eq!(Scope::new(t, c, f).map(drop), refused);
        }
        assert_eq!(Subject::new(bad).map(drop), refused);
        assert_eq!(encode_binding(&Binding::record(bad)), refused);
        assert_eq!(
            encode_binding(&Binding { row_version: Some(bad), ..Binding::default() }),
            refused
        );
        assert_eq!(
            encode_binding(&Binding { pairs: &[("n", bad)], ..Binding::default() }),
            refused
        );
    }
    let longest = "x".repeat(1024);
    assert!(Scope::new(&longest, &longest, &longest).is_ok() && Subject::new(&longest).is_ok());
    assert_eq!(encode_binding(&Binding::record(&longest)), Ok(()));
}

#[test]
fn names_of_pairs_are_checked_and_strictly_ascending() {
    let long = "n".repeat(65);
    let with = |pairs: &[(&str, &str)]| encode_binding(&Binding { pairs, ..Binding::default() });
    for bad in ["", "A", "a b", "é", "a/b", "a\0", &long] {
        assert_eq!(with(&[(bad, "x")]), Err(Error::Misuse(MisuseKind::ContextName)), "{bad:?}");
    }
    for bad in [[("a", "1"), ("a", "2")], [("b", "1"), ("a", "2")]] {
        assert_eq!(with(&bad), Err(Error::Misuse(MisuseKind::ContextOrder)));
    }
    assert_eq!(with(&[(&long[..64], "x"), ("o", "x")]), Ok(()));
}

#[test]
fn more_pairs_than_u16_counts_are_refused() {
    let names: Vec<String> = (0..65_536).map(|i| format!("p{i:05}")).collect();
    let pairs: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let with = |pairs: &[(&str, &str)]| encode_binding(&Binding { pairs, ..Binding::default() });
    assert_eq!(with(&pairs), Err(Error::Misuse(MisuseKind::ContextCount)));
    assert_eq!(with(&pairs[1..]), Ok(()));
}

#[test]
fn debug_prints_no_value() {
    let scope = Scope::new("t-secret", "c-secret", "f-secret").unwrap();
    assert_eq!(format!("{scope:?}"), "Scope(..)");
    assert_eq!(format!("{:?}", Subject::new("pat-1").unwrap()), "Subject(..)");
    assert_eq!(format!("{:?}", Binding::record("r-secret")), "Binding(..)");
}

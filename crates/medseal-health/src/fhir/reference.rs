//! What an id, a reference or a `fullUrl` names, and where in it the id stands.
//!
//! Texts are judged as they are written in JSON. An escaped solidus is a solidus, as some writers
//! escape each; a text with any other escape is no reference to us and is encrypted whole.

use std::ops::Range;

/// The first digits of every pseudonym, by which an encrypted document is told from a plain one.
const MARK: &str = "6d7331";
const UUID_LENGTH: usize = 36;

/// What a text names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named<'t> {
    /// A resource of a type, whose id stands here.
    Resource { kind: &'t str, id: Range<usize> },
    /// A `urn:uuid:`; the type is not said.
    Uuid(Range<usize>),
    /// A resource in the same one, or all resources of a type.
    Open,
    /// Anything else: a query, a foreign address.
    Other,
}

/// Reads the body of a JSON string.
pub(crate) fn named(body: &str) -> Named<'_> {
    if let Some(uuid) = body.strip_prefix("urn:uuid:") {
        let id = body.len() - uuid.len()..body.len();
        return if is_uuid(uuid) { Named::Uuid(id) } else { Named::Other };
    }
    if let Some(anchor) = body.strip_prefix('#') {
        return if is_id(anchor) || anchor.is_empty() { Named::Open } else { Named::Other };
    }
    let parts = parts(body);
    let part = |range: &Range<usize>| body.get(range.clone()).unwrap_or_default();
    if let [only] = &parts[..] {
        return if is_type(part(only)) { Named::Open } else { Named::Other };
    }
    let before_version = match &parts[..] {
        [rest @ .., history, version] if part(history) == "_history" && is_id(part(version)) => {
            rest
        }
        all => all,
    };
    let [base @ .., kind, id] = before_version else { return Named::Other };
    let absolute = base.is_empty() || matches!(base.first().map(part), Some("http:" | "https:"));
    let plain = base.iter().all(|range| !part(range).contains(['?', '#', '\\']));
    if absolute && plain && is_type(part(kind)) && is_id(part(id)) {
        return Named::Resource { kind: part(kind), id: id.clone() };
    }
    Named::Other
}

/// Cuts at each solidus, escaped or not.
fn parts(body: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    let mut parts = Vec::new();
    for (at, _) in body.match_indices('/') {
        let escaped = at > start && body.as_bytes().get(at - 1) == Some(&b'\\');
        parts.push(start..at - usize::from(escaped));
        start = at + 1;
    }
    parts.push(start..body.len());
    parts
}

fn is_type(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// The grammar of FHIR's `id`.
pub(crate) fn is_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

fn is_uuid(text: &str) -> bool {
    text.len() == UUID_LENGTH
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The pseudonym made of these bytes: a UUID of version 8 (RFC 9562) that starts with our mark.
#[must_use]
pub fn pseudonym(bytes: [u8; 16]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let variant = ["8", "9", "a", "b"][usize::from(bytes[9] & 3)];
    let part = |range: Range<usize>| digits.get(range).unwrap_or_default();
    let (first, second, third) = (part(6..8), part(8..12), part(12..15));
    format!("{MARK}{first}-{second}-8{third}-{variant}{}-{}", part(15..18), part(20..32))
}

/// Whether an id is a pseudonym.
#[must_use]
pub fn is_pseudonym(id: &str) -> bool {
    let at = |index: usize| id.as_bytes().get(index).copied();
    is_uuid(id)
        && id.starts_with(MARK)
        && at(14) == Some(b'8')
        && matches!(at(19), Some(b'8' | b'9' | b'a' | b'b'))
        && id.bytes().all(|byte| !byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::{Named, is_pseudonym, named, pseudonym};

    fn shown(body: &str) -> String {
        match named(body) {
            Named::Resource { kind, id } => format!("{kind} {}", &body[id]),
            Named::Uuid(id) => format!("uuid {}", &body[id]),
            Named::Open => "open".to_owned(),
            Named::Other => "other".to_owned(),
        }
    }

    #[test]
    fn the_id_is_found_in_each_form() {
        const UUID: &str = "0f5b0a9e-8f3d-4a52-9d7c-1f2e3d4c5b6a";
        for (body, expected) in [
            ("Patient/12345", "Patient 12345"),
            (r"Patient\/12345", "Patient 12345"),
            ("Patient/p.1-a/_history/3", "Patient p.1-a"),
            ("http://example.org/fhir/Patient/7", "Patient 7"),
            (r"https:\/\/example.org\/Patient\/7\/_history\/1", "Patient 7"),
            (&format!("urn:uuid:{UUID}"), &format!("uuid {UUID}")),
            (
                &format!("urn:uuid:{}", UUID.to_uppercase()),
                &format!("uuid {}", UUID.to_uppercase()),
            ),
            ("#p1", "open"),
            ("#", "open"),
            ("Patient", "open"),
            ("Patient?identifier=http://x|9", "other"),
            ("Patient/1?_format=json", "other"),
            ("Patient/1/$everything", "other"),
            ("http://h/x?p=/Patient/1", "other"),
            ("ftp://h/Patient/1", "other"),
            ("Doe/Patient/1", "other"),
            ("Patient/a b", "other"),
            ("Patient/", "other"),
            ("urn:uuid:12345", "other"),
            ("urn:oid:1.2.3", "other"),
            (r"Pa\u0074ient/1", "other"),
            (r"Patient/\u0031", "other"),
            ("", "other"),
            ("patient/1", "other"),
        ] {
            assert_eq!(shown(body), expected, "{body}");
        }
    }

    #[test]
    fn a_pseudonym_is_a_uuid_that_is_known_again() {
        let made = pseudonym([0xff; 16]);
        assert_eq!(made, "6d7331ff-ffff-8fff-bfff-ffffffffffff");
        assert!(is_pseudonym(&made) && super::is_id(&made));
        for other in [
            "6d7331ff-ffff-4fff-bfff-ffffffffffff",
            "6D7331FF-ffff-8fff-bfff-ffffffffffff",
            "7d7331ff-ffff-8fff-bfff-ffffffffffff",
            "6d7331ff-ffff-8fff-cfff-ffffffffffff",
            "6d7331",
        ] {
            assert!(!is_pseudonym(other), "{other}");
        }
        assert_ne!(pseudonym([0; 16]), pseudonym([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
    }
}

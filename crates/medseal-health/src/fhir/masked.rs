//! How a ciphertext stands where FHIR allows no string: the element's value is gone, and its
//! extensions say so and carry the envelope.
//!
//! Read by structure, so that a server may re-format a document; written in one form.

use std::ops::Range;

use crate::json::lex;

/// Why a value is absent: <http://hl7.org/fhir/StructureDefinition/data-absent-reason>.
const REASON_URL: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
const REASON: &str = "masked";
/// The extension that holds an envelope.
pub const CIPHERTEXT_URL: &str = "https://medseal.dev/fhir/StructureDefinition/ciphertext";
/// The extension that holds the id of a record that has none of its own.
pub const RECORD_URL: &str = "https://medseal.dev/fhir/StructureDefinition/record";
const DIV: [&str; 2] = [r#"<div xmlns=\"http://www.w3.org/1999/xhtml\">"#, "</div>"];
/// The start of every envelope's text form.
const TEXT_FORM: &str = "ms1:";

/// Writes the object around an envelope's text, which `envelope` writes.
pub(crate) fn write_object<E>(
    out: &mut Vec<u8>,
    envelope: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let before = [
        r#"{"extension":[{"url":""#,
        REASON_URL,
        r#"","valueCode":""#,
        REASON,
        r#""},{"url":""#,
        CIPHERTEXT_URL,
        r#"","valueString":""#,
    ];
    before.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    envelope(out)?;
    out.extend_from_slice(br#""}]}"#);
    Ok(())
}

/// What stands before and behind an envelope's text in a narrative.
pub(crate) fn narrative() -> [&'static str; 2] {
    DIV
}

/// Where the envelope's text stands in the object or one-element array that starts here; none when
/// it is anything else.
pub(crate) fn envelope(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let mut reader = Reader { bytes, at };
    if !reader.take(b'[') {
        return reader.element();
    }
    let found = reader.element()?;
    reader.take(b']').then_some(found)
}

/// Where the envelope's text stands in a string, quotes included; none when it holds none.
pub(crate) fn in_string(bytes: &[u8], string: &Range<usize>) -> Option<Range<usize>> {
    let body = body(bytes, string)?;
    bytes.get(body.clone())?.starts_with(TEXT_FORM.as_bytes()).then_some(body)
}

/// Where the envelope's text stands in an encrypted narrative, however its writer escapes it.
pub(crate) fn in_narrative(bytes: &[u8], string: &Range<usize>) -> Option<Range<usize>> {
    let body = body(bytes, string)?;
    let text = std::str::from_utf8(bytes.get(body.clone())?).ok()?;
    let start = text.find(TEXT_FORM)?;
    let rest = text.get(start + TEXT_FORM.len()..)?;
    let letters = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"-_".contains(b));
    let end = start + TEXT_FORM.len() + letters.count();
    let unescape = crate::json::text::unescape;
    let (before, after) = (unescape(text.get(..start)?), unescape(text.get(end..)?));
    (before == unescape(DIV[0]) && after == DIV[1]).then(|| body.start + start..body.start + end)
}

/// Where the base64 of a binary envelope stands in a string; none when it is no envelope. The
/// first three bytes are F8, 01 and a suite (spec/envelope.md).
pub(crate) fn in_base64(bytes: &[u8], string: &Range<usize>) -> Option<Range<usize>> {
    let body = body(bytes, string)?;
    let start = bytes.get(body.clone())?;
    (start.starts_with(b"+AEB") || start.starts_with(b"+AED")).then_some(body)
}

fn body(bytes: &[u8], string: &Range<usize>) -> Option<Range<usize>> {
    let quoted = bytes.get(string.start) == Some(&b'"') && string.len() >= 2;
    quoted.then(|| string.start + 1..string.end - 1)
}

/// Just enough of a JSON reader; whatever it does not expect is not ours.
struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Reader<'_> {
    fn take(&mut self, byte: u8) -> bool {
        self.at = lex::space(self.bytes, self.at);
        let found = lex::peek(self.bytes, self.at) == byte;
        self.at += usize::from(found);
        found
    }

    /// A string without escapes.
    fn string(&mut self) -> Option<Range<usize>> {
        if !self.take(b'"') {
            return None;
        }
        let start = self.at;
        self.at = lex::string(self.bytes, start).ok()?;
        let body = start..self.at - 1;
        (!self.bytes.get(body.clone())?.contains(&b'\\')).then_some(body)
    }

    fn word(&mut self, expected: &str) -> Option<()> {
        let found = self.string()?;
        (self.bytes.get(found)? == expected.as_bytes()).then_some(())
    }

    /// `{"extension":[reason, ciphertext]}`, in either order.
    fn element(&mut self) -> Option<Range<usize>> {
        self.take(b'{').then_some(())?;
        self.word("extension")?;
        (self.take(b':') && self.take(b'[')).then_some(())?;
        let first = self.extension()?;
        self.take(b',').then_some(())?;
        let second = self.extension()?;
        (self.take(b']') && self.take(b'}')).then_some(())?;
        match (first, second) {
            (None, Some(envelope)) | (Some(envelope), None) => Some(envelope),
            _ => None,
        }
    }

    /// Some(None) for the reason, Some(Some(_)) for the ciphertext.
    fn extension(&mut self) -> Option<Option<Range<usize>>> {
        self.take(b'{').then_some(())?;
        let (mut url, mut value) = (None, None);
        for last in [false, true] {
            let key = self.string()?;
            self.take(b':').then_some(())?;
            let held = self.string()?;
            match self.bytes.get(key)? {
                b"url" => url = Some(held),
                name => value = Some((name == b"valueString", held)),
            }
            self.take(if last { b'}' } else { b',' }).then_some(())?;
        }
        let (is_string, value) = value?;
        let text = self.bytes.get(value.clone())?;
        match (self.bytes.get(url?)?, is_string) {
            (url, false) if url == REASON_URL.as_bytes() => {
                (text == REASON.as_bytes()).then_some(None)
            }
            (url, true) if url == CIPHERTEXT_URL.as_bytes() => {
                text.starts_with(TEXT_FORM.as_bytes()).then_some(Some(value))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{envelope, in_base64, in_narrative, in_string, narrative, write_object};

    fn found(text: &str) -> Option<&str> {
        envelope(text.as_bytes(), 0).map(|range| &text[range])
    }

    #[test]
    fn what_is_written_is_found_and_so_is_another_formatting() {
        let mut written = Vec::new();
        write_object(&mut written, |out| {
            out.extend_from_slice(b"ms1:AbC-_9");
            Ok::<(), ()>(())
        })
        .unwrap();
        let written = String::from_utf8(written).unwrap();
        assert!(serde_json::from_str::<serde_json::Value>(&written).is_ok());
        assert_eq!(found(&written), Some("ms1:AbC-_9"));
        assert_eq!(found(&format!(" [ {written} ]")), Some("ms1:AbC-_9"));
        let value: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(found(&serde_json::to_string_pretty(&value).unwrap()), Some("ms1:AbC-_9"));
        for other in [
            written.replace("masked", "unknown"),
            written.replace("ms1:", "ms2:"),
            written.replace("medseal", "example"),
            written.replace("valueString", "valueCode"),
            written.replace("]}", "],\"id\":\"x\"}"),
            format!("[{written},{written}]"),
            format!("[{written},null]"),
            written.replace("\"}]}", ""),
            "{}".to_owned(),
        ] {
            assert_eq!(found(&other), None, "{other}");
        }
    }

    #[test]
    fn envelopes_in_strings_are_found() {
        let all = |text: &str| 0..text.len();
        let text = r#""ms1:AA""#;
        assert_eq!(in_string(text.as_bytes(), &all(text)), Some(1..7));
        assert_eq!(in_string(b"\"ms:AA\"", &(0..7)), None);
        assert_eq!(in_string(b"12345678", &(0..8)), None);
        let [before, after] = narrative();
        let div = format!("\"{before}ms1:a-_Z{after}\"");
        assert_eq!(&div[in_narrative(div.as_bytes(), &all(&div)).unwrap()], "ms1:a-_Z");
        let gson = div.replace('<', "\\u003c").replace('>', "\\u003E").replace('/', "\\/");
        assert_eq!(&gson[in_narrative(gson.as_bytes(), &all(&gson)).unwrap()], "ms1:a-_Z");
        for other in
            [div.replace("</div>", " </div>"), div.replace("ms1:", "ms1"), "\"\"".to_owned()]
        {
            assert_eq!(in_narrative(other.as_bytes(), &all(&other)), None, "{other}");
        }
        assert_eq!(in_base64(b"\"+AEBAA==\"", &(0..10)), Some(1..9));
        assert_eq!(in_base64(b"\"AAEBAA==\"", &(0..10)), None);
    }
}

//! What stands in a document in the place of a span, encrypted and decrypted.
//!
//! The two directions are each other's inverse: what is written for a plain value is, scanned
//! again, a span of the same field, and what is written for that one are the first one's bytes.

use super::span::{Insert, Shape, Span};
use crate::fhir::{RECORD_URL, masked};
use crate::profile::Placement;

impl Span {
    /// Appends what replaces the plain value. `envelope` appends the envelope: its text form, or
    /// base64 where the placement is `Attachment`.
    ///
    /// # Errors
    /// What `envelope` answers.
    pub fn write_sealed<E>(
        &self,
        document: &[u8],
        out: &mut Vec<u8>,
        envelope: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let bytes =
            |from: u32, to: u32| document.get(from as usize..to as usize).unwrap_or_default();
        if self.placement != Placement::Masked {
            let [before, after] = match self.placement {
                Placement::Narrative => masked::narrative(),
                _ => [""; 2],
            };
            if let Shape::Renamed(name, end, value) = self.shape {
                out.push(b'"');
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(bytes(end, value));
            }
            out.push(b'"');
            out.extend_from_slice(before.as_bytes());
            envelope(out)?;
            out.extend_from_slice(after.as_bytes());
            out.push(b'"');
            return Ok(());
        }
        match self.shape {
            Shape::Member(start, end, value) => {
                let key = bytes(start, end);
                let array = document.get(value as usize) == Some(&b'[');
                out.extend_from_slice(b"\"_");
                out.extend_from_slice(key);
                out.extend_from_slice(bytes(end, value));
                write_masked(array, out, envelope)
            }
            Shape::Members(start, end) => {
                out.extend_from_slice(b"\"_");
                out.extend_from_slice(bytes(start, end));
                out.extend_from_slice(b"\":");
                write_masked(false, out, envelope)
            }
            _ => write_masked(false, out, envelope),
        }
    }

    /// Appends what the value was before it was encrypted; `false` when that cannot stand here.
    #[must_use]
    pub fn write_opened(&self, document: &[u8], plaintext: &[u8], out: &mut Vec<u8>) -> bool {
        let (start, end, value, renamed) = match self.shape {
            Shape::Member(start, end, value) => (start, end, value, true),
            Shape::Choice(start, end, value) => (start, end, value, false),
            _ => {
                out.extend_from_slice(plaintext);
                return true;
            }
        };
        if let Some(members) = plaintext.strip_prefix(b"{") {
            let members = members.strip_suffix(b"}");
            out.extend_from_slice(members.unwrap_or_default());
            return members.is_some();
        }
        let bytes =
            |from: u32, to: u32| document.get(from as usize..to as usize).unwrap_or_default();
        let key = bytes(start, end);
        let marks = [&b"_"[..], br"\u005f", br"\u005F"];
        let name = match renamed {
            true => marks.iter().find_map(|mark| key.strip_prefix(*mark)),
            false => Some(key),
        };
        out.push(b'"');
        out.extend_from_slice(name.unwrap_or_default());
        out.extend_from_slice(bytes(end, value));
        out.extend_from_slice(plaintext);
        name.is_some()
    }

    /// Appends the encrypted value with another envelope in it.
    ///
    /// # Errors
    /// What `envelope` answers.
    pub fn write_resealed<E>(
        &self,
        document: &[u8],
        out: &mut Vec<u8>,
        envelope: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let sealed = self.sealed.clone().unwrap_or(self.value.end..self.value.end);
        out.extend_from_slice(document.get(self.value.start..sealed.start).unwrap_or_default());
        envelope(out)?;
        out.extend_from_slice(document.get(sealed.end..self.value.end).unwrap_or_default());
        Ok(())
    }

    /// For placement `Record`: appends the id that is made for the record, with what is around it;
    /// nothing when the document has it already.
    pub fn write_record(&self, id: &str, out: &mut Vec<u8>) {
        let Shape::Insert(form) = self.shape else { return };
        let element = format!(r#"{{"url":"{RECORD_URL}","valueString":"{id}"}}"#);
        let text = match form {
            Insert::Element => format!("{element},"),
            Insert::Member => format!(r#""extension":[{element}],"#),
            Insert::Meta => format!(r#""meta":{{"extension":[{element}]}},"#),
        };
        out.extend_from_slice(text.as_bytes());
    }

    /// For placement `Record`: the id is still to be made.
    #[must_use]
    pub fn is_to_insert(&self) -> bool {
        matches!(self.shape, Shape::Insert(_))
    }
}

fn write_masked<E>(
    array: bool,
    out: &mut Vec<u8>,
    envelope: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    if array {
        out.push(b'[');
    }
    masked::write_object(out, envelope)?;
    if array {
        out.push(b']');
    }
    Ok(())
}

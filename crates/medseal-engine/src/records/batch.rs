//! Whole documents with their spans, owned, so that the scanner can go on to the next.

use super::source::Chunk;
use super::{Action, Run};
use crate::error::EngineError;
use crate::random::BufferedRandom;
use crate::runs::Identity;
use crate::wiped_buffer::WipedBuffer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use medseal_core::envelope::{decode_text, encode_text_into};
use medseal_core::{MalformedKind, Random};
use medseal_health::{Placement, Position, Span};
use std::borrow::Cow;
use std::collections::HashMap;

/// One document of a batch.
pub(super) struct Document {
    pub(super) bytes: WipedBuffer,
    /// What follows it in the file and is copied: a line ending or nothing.
    pub(super) ending: Vec<u8>,
    /// The line of the file on which it starts.
    pub(super) line: u64,
    pub(super) spans: Vec<Span>,
    pub(super) identities: Vec<Identity>,
    /// Ids that were made for records (by their number) without one.
    pub(super) made: HashMap<u32, String>,
}

pub(super) struct Batch {
    pub(super) documents: Vec<Document>,
}

impl Batch {
    /// Scans whole documents. One that is refused ends the batch before it.
    pub(super) fn scan(chunk: &Chunk, run: &mut Run<'_>) -> (Batch, Option<EngineError>) {
        let mut batch = Batch { documents: Vec::new() };
        let refused = batch.scan_all(chunk, run);
        (batch, refused.err())
    }

    fn scan_all(&mut self, chunk: &Chunk, run: &mut Run<'_>) -> Result<(), EngineError> {
        if !chunk.is_ndjson {
            self.documents.push(scan_document(chunk.bytes(), &[], chunk.line, run)?);
            return Ok(());
        }
        for (line, number) in chunk.lines() {
            self.documents.push(if line.is_blank() {
                copied(line.content, line.ending, number)
            } else {
                scan_document(line.content, line.ending, number, run)?
            });
        }
        Ok(())
    }
}

fn copied(bytes: &[u8], ending: &[u8], line: u64) -> Document {
    Document {
        bytes: WipedBuffer::copy_of(bytes),
        ending: ending.to_vec(),
        line,
        spans: Vec::new(),
        identities: Vec::new(),
        made: HashMap::new(),
    }
}

fn scan_document(
    bytes: &[u8],
    ending: &[u8],
    line: u64,
    run: &mut Run<'_>,
) -> Result<Document, EngineError> {
    let Run { scanner, pseudonyms, job, .. } = run;
    let scanned = scanner.scan(bytes).map_err(|error| error.at_line(line))?;
    let mut made = HashMap::new();
    let to_insert = scanned.spans().iter().filter(|span| span.is_to_insert());
    for span in to_insert.filter(|_| job.action == Action::Encrypt) {
        made.insert(span.root, random_uuid()?);
    }
    let mut replaced = |id: &str| match pseudonyms {
        Some(pseudonyms) => pseudonyms.of(id),
        None => id.to_owned(),
    };
    let mut made_id = |number: usize| made.get(&u32::try_from(number).ok()?).cloned();
    let identities = (0..).zip(scanned.roots()).map(|(number, root)| Identity {
        collection: scanned.collection(root).unwrap_or_default().into_owned(),
        record: scanned.record_name(number, &mut replaced, &mut made_id),
        subject: scanned.subject(number).map(Cow::into_owned),
    });
    let identities = identities.collect();
    let spans = scanned.spans().to_vec();
    let bytes = WipedBuffer::copy_of(bytes);
    Ok(Document { bytes, ending: ending.to_vec(), line, spans, identities, made })
}

/// A UUID of version 4 (RFC 9562).
fn random_uuid() -> Result<String, EngineError> {
    let mut bytes = [0; 16];
    BufferedRandom.fill(&mut bytes).map_err(medseal_core::Error::from)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    let parts = digits.enumerate().map(|(at, digits)| match at {
        4 | 6 | 8 | 10 => format!("-{digits}"),
        _ => digits,
    });
    Ok(parts.collect())
}

impl Document {
    /// The bytes of a span; its quotes included when it is a string.
    pub(super) fn value(&self, span: &Span) -> &[u8] {
        self.bytes.get(span.value.clone()).unwrap_or_default()
    }

    /// The text of a span, which the scanner has found to be UTF-8.
    pub(super) fn text(&self, span: &Span) -> &str {
        std::str::from_utf8(self.value(span)).unwrap_or_default()
    }

    /// What a span is bound to.
    pub(super) fn identity(&self, span: &Span) -> Option<&Identity> {
        self.identities.get(span.root as usize)
    }

    /// Where a span stands in the file.
    pub(super) fn position(&self, span: &Span) -> Position {
        let before = self.bytes.get(..span.value.start).unwrap_or_default();
        let newlines = before.iter().filter(|b| **b == b'\n').count() as u64;
        let column = before.iter().rev().take_while(|b| **b != b'\n').count() as u64 + 1;
        Position { line: self.line + newlines, column }
    }
}

impl Document {
    /// The bytes of the envelope that a span holds; none when it is plain.
    pub(super) fn envelope(&self, span: &Span) -> Option<Result<Vec<u8>, EngineError>> {
        let sealed = span.sealed.clone().filter(|_| span.placement.is_sealed())?;
        let text = self.bytes.get(sealed)?;
        Some(match span.placement {
            Placement::Attachment => {
                let malformed = medseal_core::Error::Malformed(MalformedKind::Text);
                STANDARD.decode(text).map_err(|_| malformed.into())
            }
            _ => decode_text(text).map_err(EngineError::from),
        })
    }
}

/// Appends an envelope as a span of this placement holds it.
pub(super) fn write_envelope(placement: Placement, envelope: &[u8], out: &mut Vec<u8>) {
    match placement {
        Placement::Attachment => out.extend_from_slice(STANDARD.encode(envelope).as_bytes()),
        _ => encode_text_into(envelope, out),
    }
}

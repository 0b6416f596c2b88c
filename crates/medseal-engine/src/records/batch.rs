//! Whole documents with their spans, owned, so that the scanner can go on to the next.

use super::Run;
use super::source::Source;
use crate::error::EngineError;
use crate::runs::Identity;
use crate::wiped_buffer::WipedBuffer;
use medseal_health::ndjson::Lines;
use medseal_health::{Position, Span};

/// One document of a batch.
pub(super) struct Document {
    pub(super) bytes: WipedBuffer,
    /// What follows it in the file and is copied: a line ending or nothing.
    pub(super) ending: Vec<u8>,
    /// The line of the file on which it starts.
    pub(super) line: u64,
    pub(super) spans: Vec<Span>,
    pub(super) identities: Vec<Identity>,
}

pub(super) struct Batch {
    pub(super) documents: Vec<Document>,
    /// Bytes of the source that the batch covers.
    pub(super) bytes: usize,
}

impl Batch {
    /// Scans what the source holds. A document that is refused ends the batch before it.
    pub(super) fn scan(source: &mut Source<'_>, run: &mut Run<'_>) -> (Batch, Option<EngineError>) {
        let mut batch = Batch { documents: Vec::new(), bytes: 0 };
        let refused = if source.is_ndjson() {
            batch.scan_lines(source, run)
        } else {
            batch.bytes = source.buffer().len();
            scan_document(source.buffer(), &[], source.line, run)
                .map(|document| batch.documents.push(document))
        };
        (batch, refused.err())
    }

    /// Cuts what the source holds into documents without scanning them: `(bytes, line)` of each,
    /// and how many bytes of the source they cover.
    pub(super) fn split<'s>(source: &'s Source<'_>) -> (Vec<(&'s [u8], u64)>, usize) {
        let buffer = source.buffer();
        if !source.is_ndjson() {
            return (vec![(buffer, source.line)], buffer.len());
        }
        let (mut lines, mut documents, mut at) = (Lines::new(), Vec::new(), 0);
        while let Some(line) = buffer.get(at..).and_then(|r| lines.next(r, source.at_end())) {
            if !line.is_blank() {
                documents.push((line.content, source.line + line.number - 1));
            }
            at += line.bytes();
        }
        (documents, at)
    }

    fn scan_lines(&mut self, source: &Source<'_>, run: &mut Run<'_>) -> Result<(), EngineError> {
        let mut lines = Lines::new();
        let buffer = source.buffer();
        while let Some(rest) = buffer.get(self.bytes..) {
            let Some(line) = lines.next(rest, source.at_end()) else { break };
            let number = source.line + line.number - 1;
            let document = if line.is_blank() {
                copied(line.content, line.ending, number)
            } else {
                scan_document(line.content, line.ending, number, run)?
            };
            self.documents.push(document);
            self.bytes += line.bytes();
        }
        Ok(())
    }
}

fn copied(bytes: &[u8], ending: &[u8], line: u64) -> Document {
    let (bytes, spans, identities) = (WipedBuffer::copy_of(bytes), Vec::new(), Vec::new());
    Document { bytes, ending: ending.to_vec(), line, spans, identities }
}

fn scan_document(
    bytes: &[u8],
    ending: &[u8],
    line: u64,
    run: &mut Run<'_>,
) -> Result<Document, EngineError> {
    let scanned = run.scanner.scan(bytes).map_err(|error| error.at_line(line))?;
    let identities = scanned
        .roots()
        .iter()
        .map(|root| Identity {
            collection: scanned.collection(root).unwrap_or_default().into_owned(),
            record: scanned.record(root).map(|id| id.into_owned()),
        })
        .collect();
    let spans = scanned.spans().to_vec();
    let bytes = WipedBuffer::copy_of(bytes);
    Ok(Document { bytes, ending: ending.to_vec(), line, spans, identities })
}

impl Document {
    /// The bytes of a span; its quotes included when it is a string.
    pub(super) fn value(&self, span: &Span) -> &[u8] {
        self.bytes.get(span.value.clone()).unwrap_or_default()
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

/// The text form inside the quotes of a JSON string, when it claims to be one.
pub(super) fn text_envelope(value: &[u8]) -> Option<&[u8]> {
    let inner = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    medseal_core::envelope::is_text_form(inner).then_some(inner)
}

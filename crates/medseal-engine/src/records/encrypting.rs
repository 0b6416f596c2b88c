//! Plaintext documents to encrypted ones.

use super::batch::{Batch, Document, write_envelope};
use super::pseudonyms::Pseudonyms;
use super::{Cores, Report, Run};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::runs::{NewFields, RunKeys, UsageByVersion, binding, lanes};
use crate::wiped_buffer::WipedBuffer;
use medseal_core::envelope::Value;
use medseal_health::{Placement, Span, splice};
use medseal_policy::Encrypt;

impl Engine {
    pub(super) async fn encrypt_batch(
        &self,
        run: &mut Run<'_>,
        batch: &Batch,
        out: &mut Vec<u8>,
    ) -> Result<(), EngineError> {
        let good = leading_encryptable(batch, run.job.migrating);
        let documents = &batch.documents[..good.0];
        if let Some(pseudonyms) = &mut run.pseudonyms {
            self.store_ids(&run.job.tenant, pseudonyms, documents).await?;
        }
        let epoch = self.resolve_fields(run, documents, NewFields::Register).await?;
        let mut items = self.items::<Encrypt>(epoch)?;
        for (document, span) in plain_spans(documents) {
            let Some(identity) = document.identity(span) else { continue };
            self.resolve_for_encrypting(&mut run.keys, identity, span.field).await?;
            let Some(field) = run.keys.field(identity, span.field) else { continue };
            let Some(resolved) = &field.encrypting else { continue };
            resolved
                .add_to(&mut items, resolved.under(), &binding(identity))
                .map_err(|error| error.at(document.position(span)))?;
        }
        self.record_encryption(&run.keys, items).await?;
        self.encrypt_documents(run, documents, out)?;
        good.1.map_or(Ok(()), Err)
    }

    /// On all cores; whatever a lane made before a document that fails is kept.
    fn encrypt_documents(
        &self,
        run: &mut Run<'_>,
        documents: &[Document],
        out: &mut Vec<u8>,
    ) -> Result<(), EngineError> {
        let parts = match run.cores {
            Cores::All => lanes::cut(documents, |document| document.bytes.len()),
            Cores::One => vec![documents],
        };
        let (keys, pseudonyms) = (&run.keys, run.pseudonyms.as_ref());
        let lanes = lanes::in_lanes(&parts, |documents| {
            let mut lane = Lane::new(keys, pseudonyms);
            let done = self.encrypt_part(&mut lane, documents);
            (lane.out, lane.usage, lane.report, done)
        });
        for (made, usage, part, done) in lanes {
            out.extend_from_slice(&made);
            run.keys.count_all(usage);
            run.report.values += part.values;
            run.report.ids += part.ids;
            run.report.unchanged += part.unchanged;
            done?;
        }
        Ok(())
    }

    fn encrypt_part(&self, lane: &mut Lane<'_>, documents: &[Document]) -> Result<(), EngineError> {
        let bytes = documents.iter().map(|document| 2 * document.bytes.len()).sum();
        let (mut made, mut scratch) = (std::mem::take(&mut lane.out), Vec::new());
        let mut done = Ok(());
        made.with_room(bytes);
        for document in documents {
            // the plain parts of a document are plaintext
            let out = made.with_room(document.bytes.len());
            let start = out.len();
            done = self.encrypt_document(lane, document, &mut scratch, out);
            if done.is_err() {
                out.truncate(start);
                break;
            }
        }
        lane.out = made;
        done
    }

    fn encrypt_document(
        &self,
        lane: &mut Lane<'_>,
        document: &Document,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), EngineError> {
        splice(&document.bytes, &document.spans, out, |span, out| {
            if span.sealed.is_some() {
                lane.report.unchanged += 1;
                out.extend_from_slice(document.bytes.get(span.replaced()).unwrap_or_default());
                return Ok(());
            }
            match span.placement {
                Placement::Record => write_made_id(document, span, out),
                Placement::Pseudonym => {
                    lane.report.ids += 1;
                    let pseudonyms = lane.pseudonyms.ok_or_else(unresolved)?;
                    out.extend_from_slice(pseudonyms.known(document.text(span)).as_bytes());
                    Ok(())
                }
                _ => {
                    lane.report.values += 1;
                    self.encrypt_span(lane, document, span, scratch, out)
                }
            }
        })?;
        out.extend_from_slice(&document.ending);
        Ok(())
    }

    fn encrypt_span(
        &self,
        lane: &mut Lane<'_>,
        document: &Document,
        span: &Span,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), EngineError> {
        let identity = document.identity(span).ok_or_else(unresolved)?;
        let field = lane.keys.field(identity, span.field).ok_or_else(unresolved)?;
        let resolved = field.encrypting.as_ref().ok_or_else(unresolved)?;
        let value = span.plaintext(&document.bytes);
        // the scanner has checked the document's UTF-8
        let text = std::str::from_utf8(&value).map_err(|_| unresolved())?;
        scratch.clear();
        let (key, flags) = (&resolved.field_key, resolved.flags);
        self.seal(key, flags, &binding(identity), &Value::json(text), scratch)?;
        span.write_sealed(&document.bytes, out, |out| {
            write_envelope(span.placement, scratch, out);
            Ok::<(), EngineError>(())
        })?;
        lane.usage.count(key.id(), value.len());
        Ok(())
    }
}

/// What one thread makes of its part of a batch.
struct Lane<'r> {
    keys: &'r RunKeys,
    pseudonyms: Option<&'r Pseudonyms>,
    out: WipedBuffer,
    usage: UsageByVersion,
    report: Report,
}

impl<'r> Lane<'r> {
    fn new(keys: &'r RunKeys, pseudonyms: Option<&'r Pseudonyms>) -> Self {
        let (out, usage) = (WipedBuffer::default(), UsageByVersion::default());
        Self { keys, pseudonyms, out, usage, report: Report::default() }
    }
}

fn unresolved() -> EngineError {
    medseal_core::Error::Rejected.into()
}

fn write_made_id(document: &Document, span: &Span, out: &mut Vec<u8>) -> Result<(), EngineError> {
    let id = document.made.get(&span.root).ok_or_else(unresolved)?;
    span.write_record(id, out);
    Ok(())
}

/// The values that are to stay in the document as ciphertext.
fn plain_spans(documents: &[Document]) -> impl Iterator<Item = (&Document, &Span)> {
    documents.iter().flat_map(|document| {
        let sealed = document.spans.iter().filter(|span| span.placement.is_sealed());
        let plain = sealed.filter(|span| span.sealed.is_none());
        plain.map(move |span| (document, span))
    })
}

/// How many documents can be encrypted, and why the next one cannot.
fn leading_encryptable(batch: &Batch, migrating: bool) -> (usize, Option<EngineError>) {
    if migrating {
        return (batch.documents.len(), None);
    }
    for (at, document) in batch.documents.iter().enumerate() {
        for span in &document.spans {
            if span.sealed.is_some() {
                let error = EngineError::AlreadyEncrypted.at(document.position(span));
                return (at, Some(error));
            }
        }
    }
    (batch.documents.len(), None)
}

//! Encrypted documents to plaintext ones, and to ones under the newest key version.
//!
//! Every envelope of a batch is read and held against its field's definition before the decision is
//! asked for, so that a batch is recorded for exactly what will be opened.

use super::batch::{Batch, Document, text_envelope};
use super::keys::binding;
use super::{Report, Run};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::fields::{ResolvedKey, open};
use crate::gate::{Admitted, Subject, admit};
use medseal_core::Error;
use medseal_core::context::encode_into;
use medseal_core::envelope::{Envelope, Value, ValueType, decode_text, encode_text_into};
use medseal_core::operation::OperationItems;
use medseal_health::{Placement, Span, splice};
use medseal_policy::{Decrypt, Op, Reencrypt};
use std::sync::Arc;

/// What a span holds.
enum Held {
    /// An envelope and the key that opens it.
    Sealed(Vec<u8>, Arc<ResolvedKey>),
    /// Plaintext, left as it is while migrating.
    Plain,
    /// An envelope that is under the newest version already.
    Current,
}

/// The spans of one document with what they hold.
struct Opened<'b> {
    document: &'b Document,
    held: Vec<Held>,
}

impl Engine {
    pub(super) async fn decrypt_batch(
        &self,
        run: &mut Run<'_>,
        batch: &Batch,
        out: &mut Vec<u8>,
        report: &mut Report,
    ) -> Result<(), EngineError> {
        let (opened, items, refused) = self.read_batch::<Decrypt>(run, batch).await?;
        let admitted = self.admit_batch::<Decrypt>(run, items, &opened)?;
        for one in &opened {
            write_document(one, out, report, |held, span, out| {
                let plaintext = open_span(&admitted, held, one.document, span)?;
                out.extend_from_slice(plaintext.as_bytes());
                Ok(())
            })?;
        }
        refused.map_or(Ok(()), Err)
    }

    pub(super) async fn reencrypt_batch(
        &self,
        run: &mut Run<'_>,
        batch: &Batch,
        out: &mut Vec<u8>,
        report: &mut Report,
    ) -> Result<(), EngineError> {
        let (opened, items, refused) = self.read_batch::<Reencrypt>(run, batch).await?;
        let admitted = self.admit_batch::<Reencrypt>(run, items, &opened)?;
        let mut scratch = Vec::new();
        for one in &opened {
            write_document(one, out, report, |held, span, out| {
                let plaintext = open_span(&admitted, held, one.document, span)?;
                self.seal_newest(run, one.document, span, &plaintext, &mut scratch)?;
                out.push(b'"');
                encode_text_into(&scratch, out);
                out.push(b'"');
                Ok(())
            })?;
        }
        refused.map_or(Ok(()), Err)
    }

    fn seal_newest(
        &self,
        run: &mut Run<'_>,
        document: &Document,
        span: &Span,
        plaintext: &medseal_core::Plaintext,
        scratch: &mut Vec<u8>,
    ) -> Result<(), EngineError> {
        let identity = document.identity(span).ok_or(Error::Rejected)?;
        let field = run.keys.field(identity, span.field).ok_or(Error::Rejected)?;
        let newest = field.encrypting.as_ref().ok_or(Error::Rejected)?;
        scratch.clear();
        let value = Value::decrypted(plaintext);
        self.seal(&newest.field_key, newest.flags, &binding(identity), &value, scratch)?;
        let id = newest.field_key.id();
        run.keys.count(id, plaintext.as_bytes().len());
        Ok(())
    }

    /// Reads every envelope of a batch. The first document that cannot be opened ends it.
    async fn read_batch<'b, O: Op>(
        &self,
        run: &mut Run<'_>,
        batch: &'b Batch,
    ) -> Result<(Vec<Opened<'b>>, OperationItems, Option<EngineError>), EngineError> {
        let reencrypting = O::OPERATION == Reencrypt::OPERATION;
        let epoch = self.resolve_fields(run, &batch.documents, false).await?;
        let mut items = self.items::<O>(epoch)?;
        let mut opened = Vec::with_capacity(batch.documents.len());
        for document in &batch.documents {
            match self.read_document(run, document, reencrypting).await {
                Ok(held) => opened.push(Opened { document, held }),
                Err(error) => {
                    add_items(run, &opened, &mut items)?;
                    return Ok((opened, items, Some(error)));
                }
            }
        }
        add_items(run, &opened, &mut items)?;
        Ok((opened, items, None))
    }

    async fn read_document(
        &self,
        run: &mut Run<'_>,
        document: &Document,
        reencrypting: bool,
    ) -> Result<Vec<Held>, EngineError> {
        let mut held = Vec::with_capacity(document.spans.len());
        for span in &document.spans {
            let read = self.read_span(run, document, span, reencrypting).await;
            held.push(read.map_err(|error| error.at(document.position(span)))?);
        }
        Ok(held)
    }

    async fn read_span(
        &self,
        run: &mut Run<'_>,
        document: &Document,
        span: &Span,
        reencrypting: bool,
    ) -> Result<Held, EngineError> {
        let text = text_envelope(document.value(span)).filter(|_| is_inline(span));
        let Some(text) = text else {
            let plain = if run.job.migrating { Some(Held::Plain) } else { None };
            return plain.ok_or(EngineError::PlaintextWhereProtected);
        };
        let bytes = decode_text(text)?;
        let envelope = Envelope::parse(&bytes)?;
        let identity = document.identity(span).ok_or(Error::Rejected)?;
        let key = self.resolve_for_decrypting(run, identity, span.field, &envelope).await?;
        let key = key.ok_or(Error::Rejected)?;
        if reencrypting {
            self.resolve_for_encrypting(run, identity, span.field).await?;
            let field = run.keys.field(identity, span.field);
            let newest = field.and_then(|field| field.encrypting.as_ref());
            if newest.is_some_and(|newest| newest.field_key.id() == envelope.header().id) {
                return Ok(Held::Current);
            }
        }
        Ok(Held::Sealed(bytes, key))
    }

    /// Decides, records and compares; a batch in which nothing is opened needs no entry.
    fn admit_batch<O: Op>(
        &self,
        run: &Run<'_>,
        items: OperationItems,
        opened: &[Opened<'_>],
    ) -> Result<Option<Admitted>, EngineError> {
        if items.count() == 0 {
            return Ok(None);
        }
        let epoch = items.epoch();
        let mut again = items.twin();
        add_items(run, opened, &mut again)?;
        let keys: Vec<String> = run.keys.version_names.iter().cloned().collect();
        let about = Subject { epoch, keys: &keys, change: None };
        let (authorized, recorded) = self.permit::<O>(items, &about)?.into_proofs();
        admit(authorized, recorded, again.digest()).map(Some)
    }
}

fn is_inline(span: &Span) -> bool {
    span.placement == Placement::Inline
}

fn add_items(
    run: &Run<'_>,
    opened: &[Opened<'_>],
    items: &mut OperationItems,
) -> Result<(), EngineError> {
    let mut context = Vec::new();
    for Opened { document, held } in opened {
        for (span, held) in document.spans.iter().zip(held) {
            let Held::Sealed(_, key) = held else { continue };
            let identity = document.identity(span).ok_or(Error::Rejected)?;
            let field = run.keys.field(identity, span.field).ok_or(Error::Rejected)?;
            context.clear();
            encode_into(&field.scope, None, &binding(identity), &mut context)?;
            items.add(key.field_key.id(), &context);
        }
    }
    Ok(())
}

fn open_span(
    admitted: &Option<Admitted>,
    held: &Held,
    document: &Document,
    span: &Span,
) -> Result<medseal_core::Plaintext, EngineError> {
    let at = |error: EngineError| error.at(document.position(span));
    let (Held::Sealed(bytes, key), Some(admitted)) = (held, admitted) else {
        return Err(at(Error::Rejected.into()));
    };
    let identity = document.identity(span).ok_or(Error::Rejected)?;
    let envelope = Envelope::parse(bytes)?;
    let plaintext = open(admitted, &key.field_key, key.flags, &binding(identity), &envelope);
    let plaintext = plaintext.map_err(at)?;
    // a value that was encrypted as a single field cannot be spliced into a document
    if plaintext.value_type() == ValueType::Json {
        Ok(plaintext)
    } else {
        Err(at(Error::Rejected.into()))
    }
}

/// Splices one document; on an error nothing of it stays in `out`.
fn write_document(
    opened: &Opened<'_>,
    out: &mut Vec<u8>,
    report: &mut Report,
    mut replace: impl FnMut(&Held, &Span, &mut Vec<u8>) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let Opened { document, held } = opened;
    let start = out.len();
    let mut holds = document.spans.iter().zip(held).filter(|(span, _)| is_inline(span));
    // a `remove` span that still has its value is plaintext and stays while migrating
    let inline = document.spans.iter().filter(|span| is_inline(span));
    let done = splice(&document.bytes, inline, out, |span, out| match holds.next() {
        Some((_, held @ Held::Sealed(..))) => {
            report.values += 1;
            replace(held, span, out)
        }
        _ => {
            report.unchanged += 1;
            out.extend_from_slice(document.value(span));
            Ok(())
        }
    });
    match done {
        Ok(()) => out.extend_from_slice(&document.ending),
        Err(_) => out.truncate(start),
    }
    done
}

//! Encrypted documents to plaintext ones, and to ones under the newest key version.
//!
//! Every envelope of a batch is read and held against its field's definition before the decision is
//! asked for, so that a batch is recorded for exactly what will be opened.

use super::batch::{Batch, Document, text_envelope};
use super::{Report, Run};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Admitted;
use crate::runs::{Held, NewFields, open_held};
use medseal_core::Error;
use medseal_core::envelope::{ValueType, encode_text_into};
use medseal_core::operation::OperationItems;
use medseal_health::{Placement, Span, splice};
use medseal_policy::{Decrypt, Op, Reencrypt};

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
        let (opened, epoch, refused) = self.read_batch::<Decrypt>(run, batch).await?;
        let collect = |items: &mut OperationItems| add_items(run, &opened, items);
        let admitted = self.admit_batch::<Decrypt>(&run.keys, epoch, collect)?;
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
        let (opened, epoch, refused) = self.read_batch::<Reencrypt>(run, batch).await?;
        let collect = |items: &mut OperationItems| add_items(run, &opened, items);
        let admitted = self.admit_batch::<Reencrypt>(&run.keys, epoch, collect)?;
        let mut scratch = Vec::new();
        for one in &opened {
            write_document(one, out, report, |held, span, out| {
                let plaintext = open_span(&admitted, held, one.document, span)?;
                let identity = one.document.identity(span).ok_or(Error::Rejected)?;
                self.seal_newest(&mut run.keys, identity, span.field, &plaintext, &mut scratch)?;
                out.push(b'"');
                encode_text_into(&scratch, out);
                out.push(b'"');
                Ok(())
            })?;
        }
        refused.map_or(Ok(()), Err)
    }

    /// Reads every envelope of a batch. The first document that cannot be opened ends it.
    async fn read_batch<'b, O: Op>(
        &self,
        run: &mut Run<'_>,
        batch: &'b Batch,
    ) -> Result<(Vec<Opened<'b>>, u64, Option<EngineError>), EngineError> {
        let epoch = self.resolve_fields(run, &batch.documents, NewFields::Assume).await?;
        let mut opened = Vec::with_capacity(batch.documents.len());
        for document in &batch.documents {
            match self.read_document::<O>(run, document).await {
                Ok(held) => opened.push(Opened { document, held }),
                Err(error) => return Ok((opened, epoch, Some(error))),
            }
        }
        Ok((opened, epoch, None))
    }

    async fn read_document<O: Op>(
        &self,
        run: &mut Run<'_>,
        document: &Document,
    ) -> Result<Vec<Held>, EngineError> {
        let mut held = Vec::with_capacity(document.spans.len());
        for span in &document.spans {
            let read = self.read_span::<O>(run, document, span).await;
            held.push(read.map_err(|error| error.at(document.position(span)))?);
        }
        Ok(held)
    }

    async fn read_span<O: Op>(
        &self,
        run: &mut Run<'_>,
        document: &Document,
        span: &Span,
    ) -> Result<Held, EngineError> {
        let text = text_envelope(document.value(span)).filter(|_| is_inline(span));
        let Some(text) = text else {
            let plain = if run.job.migrating { Some(Held::Plain) } else { None };
            return plain.ok_or(EngineError::PlaintextWhereProtected);
        };
        let identity = document.identity(span).ok_or(Error::Rejected)?;
        self.read_envelope::<O>(&mut run.keys, identity, span.field, text).await
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
    for Opened { document, held } in opened {
        for (span, held) in document.spans.iter().zip(held) {
            let Held::Sealed(_, key) = held else { continue };
            let identity = document.identity(span).ok_or(Error::Rejected)?;
            run.keys.add_item(items, identity, span.field, key.field_key.id())?;
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
    let identity = document.identity(span).ok_or(Error::Rejected)?;
    let plaintext = open_held(admitted.as_ref(), held, identity).map_err(at)?;
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

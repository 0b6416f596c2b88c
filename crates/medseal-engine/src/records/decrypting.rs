//! Encrypted documents to plaintext ones, and to ones under the newest key version.
//!
//! Every envelope of a batch is read and held against its field's definition before the decision is
//! asked for, so that a batch is recorded for exactly what will be opened.

use super::batch::{Batch, Document, write_envelope};
use super::pseudonyms::{SealedIds, add_ids};
use super::{Report, Run};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Admitted;
use crate::runs::{Held, NewFields, binding, open_held};
use medseal_core::Error;
use medseal_core::envelope::ValueType;
use medseal_core::operation::OperationItems;
use medseal_health::{Placement, Span, splice};
use medseal_policy::{Decrypt, Op, Reencrypt};

/// What a span holds.
enum Found {
    /// A value, or what stands for one.
    Value(Held),
    /// A pseudonym that leads back.
    Pseudonym,
    /// An id that was made for the record and goes again.
    MadeId,
}

/// The spans of one document with what they hold.
struct Opened<'b> {
    document: &'b Document,
    found: Vec<Found>,
}

impl Engine {
    pub(super) async fn decrypt_batch(
        &self,
        run: &mut Run<'_>,
        batch: &Batch,
        out: &mut Vec<u8>,
    ) -> Result<(), EngineError> {
        let Read { opened, epoch, ids, refused } = self.read_batch::<Decrypt>(run, batch).await?;
        let collect = |items: &mut OperationItems| add_items(&opened, &ids, items);
        let admitted = self.admit_batch::<Decrypt>(&run.keys, epoch, collect).await?;
        let ids = admitted.as_ref().map(|admitted| self.open_ids(admitted, &ids)).transpose()?;
        for one in &opened {
            let bytes = &one.document.bytes;
            write_document(one, out, &mut run.report, |found, span, out| {
                let Found::Value(held) = found else {
                    let id = ids.as_ref().and_then(|ids| ids.get(one.document.text(span)));
                    out.extend_from_slice(id.ok_or(EngineError::PseudonymUnknown)?);
                    return Ok(());
                };
                let plaintext = open_span(&admitted, held, one.document, span)?;
                match span.write_opened(bytes, plaintext.as_bytes(), out) {
                    true => Ok(()),
                    false => {
                        Err(EngineError::from(Error::Rejected).at(one.document.position(span)))
                    }
                }
            })?;
        }
        refused.map_or(Ok(()), Err)
    }

    pub(super) async fn reencrypt_batch(
        &self,
        run: &mut Run<'_>,
        batch: &Batch,
        out: &mut Vec<u8>,
    ) -> Result<(), EngineError> {
        let Read { opened, epoch, ids, refused } = self.read_batch::<Reencrypt>(run, batch).await?;
        let collect = |items: &mut OperationItems| add_items(&opened, &ids, items);
        let admitted = self.admit_batch::<Reencrypt>(&run.keys, epoch, collect).await?;
        let mut scratch = Vec::new();
        for one in &opened {
            write_document(one, out, &mut run.report, |found, span, out| {
                let Found::Value(held) = found else { return Err(Error::Rejected.into()) };
                let plaintext = open_span(&admitted, held, one.document, span)?;
                let identity = one.document.identity(span).ok_or(Error::Rejected)?;
                self.seal_newest(&mut run.keys, identity, span.field, &plaintext, &mut scratch)?;
                span.write_resealed(&one.document.bytes, out, |out| {
                    write_envelope(span.placement, &scratch, out);
                    Ok(())
                })
            })?;
        }
        refused.map_or(Ok(()), Err)
    }

    /// Reads every envelope of a batch. The first document that cannot be opened ends it.
    async fn read_batch<'b, O: Op>(
        &self,
        run: &mut Run<'_>,
        batch: &'b Batch,
    ) -> Result<Read<'b>, EngineError> {
        let epoch = self.resolve_fields(run, &batch.documents, NewFields::Assume).await?;
        let mut opened = Vec::with_capacity(batch.documents.len());
        let (mut ids, mut refused) = (SealedIds::new(), None);
        for document in &batch.documents {
            match self.read_document::<O>(run, document, &mut ids).await {
                Ok(found) => opened.push(Opened { document, found }),
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
        }
        Ok(Read { opened, epoch, ids, refused })
    }

    async fn read_document<O: Op>(
        &self,
        run: &mut Run<'_>,
        document: &Document,
        ids: &mut SealedIds,
    ) -> Result<Vec<Found>, EngineError> {
        let mut found = Vec::with_capacity(document.spans.len());
        for span in &document.spans {
            let read = self.read_span::<O>(run, document, span).await;
            found.push(read.map_err(|error| error.at(document.position(span)))?);
        }
        if !is_reencrypting::<O>() {
            self.read_ids(&run.job.tenant, document, ids).await?;
        }
        Ok(found)
    }

    async fn read_span<O: Op>(
        &self,
        run: &mut Run<'_>,
        document: &Document,
        span: &Span,
    ) -> Result<Found, EngineError> {
        let unchanged = is_reencrypting::<O>();
        match span.placement {
            Placement::Record if unchanged || span.is_to_insert() => {
                return Ok(Found::Value(Held::Current));
            }
            Placement::Record => return Ok(Found::MadeId),
            Placement::Pseudonym if span.sealed.is_some() && unchanged => {
                return Ok(Found::Value(Held::Current));
            }
            Placement::Pseudonym if span.sealed.is_some() => return Ok(Found::Pseudonym),
            _ => {}
        }
        let Some(bytes) = document.envelope(span).transpose()? else {
            let plain = run.job.migrating.then_some(Found::Value(Held::Plain));
            return plain.ok_or(EngineError::PlaintextWhereProtected);
        };
        let identity = document.identity(span).ok_or(Error::Rejected)?;
        self.hold_envelope::<O>(&mut run.keys, identity, span.field, bytes).await.map(Found::Value)
    }
}

fn is_reencrypting<O: Op>() -> bool {
    O::OPERATION == Reencrypt::OPERATION
}

/// A batch that was read: what each document holds, and why the next one could not be read.
struct Read<'b> {
    opened: Vec<Opened<'b>>,
    epoch: u64,
    ids: SealedIds,
    refused: Option<EngineError>,
}

/// A `remove` span that still has its value is plaintext and stays while migrating.
fn stays(span: &Span) -> bool {
    span.placement != Placement::Remove
}

fn add_items(
    opened: &[Opened<'_>],
    ids: &SealedIds,
    items: &mut OperationItems,
) -> Result<(), EngineError> {
    for Opened { document, found } in opened {
        for (span, found) in document.spans.iter().zip(found) {
            let Found::Value(Held::Sealed(_, key, under)) = found else { continue };
            let identity = document.identity(span).ok_or(Error::Rejected)?;
            key.add_to(items, *under, &binding(identity))?;
        }
    }
    add_ids(ids, items);
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
    mut replace: impl FnMut(&Found, &Span, &mut Vec<u8>) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let Opened { document, found } = opened;
    let start = out.len();
    let mut founds = document.spans.iter().zip(found).filter(|(span, _)| stays(span));
    let spans = document.spans.iter().filter(|span| stays(span));
    let done = splice(&document.bytes, spans, out, |span, out| match founds.next() {
        Some((_, found @ Found::Value(Held::Sealed(..)))) => {
            report.values += 1;
            replace(found, span, out)
        }
        Some((_, found @ Found::Pseudonym)) => {
            report.ids += 1;
            replace(found, span, out)
        }
        Some((_, Found::MadeId)) => Ok(()),
        _ => {
            report.unchanged += 1;
            out.extend_from_slice(document.bytes.get(span.replaced()).unwrap_or_default());
            Ok(())
        }
    });
    match done {
        Ok(()) => out.extend_from_slice(&document.ending),
        Err(_) => out.truncate(start),
    }
    done
}

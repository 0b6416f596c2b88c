//! Encrypted documents to plaintext ones, and to ones under the newest key version.
//!
//! Every envelope of a batch is read and held against its field's definition before the decision is
//! asked for, so that a batch is recorded for exactly what will be opened.

use super::batch::{Batch, Document, write_envelope};
use super::keys::binding;
use super::pseudonyms::{SealedIds, add_ids};
use super::{Report, Run};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::fields::{ResolvedKey, open};
use crate::gate::{Admitted, Subject, admit};
use medseal_core::Error;
use medseal_core::context::encode_into;
use medseal_core::envelope::{Envelope, Value, ValueType};
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
    /// An envelope that is under the newest version already, or something that none is.
    Current,
    /// A pseudonym that leads back.
    Pseudonym,
    /// An id that was made for the record and goes again.
    MadeId,
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
        let Read { opened, items, ids, refused } = self.read_batch::<Decrypt>(run, batch).await?;
        let admitted = self.admit_batch::<Decrypt>(run, items, &opened, &ids)?;
        let ids = admitted.as_ref().map(|admitted| self.open_ids(admitted, &ids)).transpose()?;
        for one in &opened {
            let bytes = &one.document.bytes;
            write_document(one, out, report, |held, span, out| {
                if matches!(held, Held::Pseudonym) {
                    let id = ids.as_ref().and_then(|ids| ids.get(one.document.text(span)));
                    out.extend_from_slice(id.ok_or(EngineError::PseudonymUnknown)?);
                    return Ok(());
                }
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
        report: &mut Report,
    ) -> Result<(), EngineError> {
        let Read { opened, items, ids, refused } = self.read_batch::<Reencrypt>(run, batch).await?;
        let admitted = self.admit_batch::<Reencrypt>(run, items, &opened, &ids)?;
        let mut scratch = Vec::new();
        for one in &opened {
            write_document(one, out, report, |held, span, out| {
                let plaintext = open_span(&admitted, held, one.document, span)?;
                self.seal_newest(run, one.document, span, &plaintext, &mut scratch)?;
                span.write_resealed(&one.document.bytes, out, |out| {
                    write_envelope(span.placement, &scratch, out);
                    Ok(())
                })
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
    ) -> Result<Read<'b>, EngineError> {
        let reencrypting = O::OPERATION == Reencrypt::OPERATION;
        let epoch = self.resolve_fields(run, &batch.documents, false).await?;
        let mut items = self.items::<O>(epoch)?;
        let mut opened = Vec::with_capacity(batch.documents.len());
        let (mut ids, mut refused) = (SealedIds::new(), None);
        for document in &batch.documents {
            match self.read_document(run, document, reencrypting, &mut ids).await {
                Ok(held) => opened.push(Opened { document, held }),
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
        }
        add_items(run, &opened, &mut items)?;
        add_ids(&ids, &mut items);
        Ok(Read { opened, items, ids, refused })
    }

    async fn read_document(
        &self,
        run: &mut Run<'_>,
        document: &Document,
        reencrypting: bool,
        ids: &mut SealedIds,
    ) -> Result<Vec<Held>, EngineError> {
        let mut held = Vec::with_capacity(document.spans.len());
        for span in &document.spans {
            let read = self.read_span(run, document, span, reencrypting).await;
            held.push(read.map_err(|error| error.at(document.position(span)))?);
        }
        if !reencrypting {
            self.read_ids(&run.job.tenant, document, ids).await?;
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
        match span.placement {
            Placement::Record if reencrypting || span.is_to_insert() => return Ok(Held::Current),
            Placement::Record => return Ok(Held::MadeId),
            Placement::Pseudonym if span.sealed.is_some() => {
                return Ok(if reencrypting { Held::Current } else { Held::Pseudonym });
            }
            _ => {}
        }
        let Some(bytes) = document.envelope(span).transpose()? else {
            let plain = if run.job.migrating { Some(Held::Plain) } else { None };
            return plain.ok_or(EngineError::PlaintextWhereProtected);
        };
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
        ids: &SealedIds,
    ) -> Result<Option<Admitted>, EngineError> {
        if items.count() == 0 {
            return Ok(None);
        }
        let epoch = items.epoch();
        let mut again = items.twin();
        add_items(run, opened, &mut again)?;
        add_ids(ids, &mut again);
        let keys: Vec<String> = run.keys.version_names.iter().cloned().collect();
        let about = Subject { epoch, keys: &keys, change: None };
        let (authorized, recorded) = self.permit::<O>(items, &about)?.into_proofs();
        admit(authorized, recorded, again.digest()).map(Some)
    }
}

/// A batch that was read: what each document holds, and why the next one could not be read.
struct Read<'b> {
    opened: Vec<Opened<'b>>,
    items: OperationItems,
    ids: SealedIds,
    refused: Option<EngineError>,
}

/// A `remove` span that still has its value is plaintext and stays while migrating.
fn stays(span: &Span) -> bool {
    span.placement != Placement::Remove
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
    let mut holds = document.spans.iter().zip(held).filter(|(span, _)| stays(span));
    let spans = document.spans.iter().filter(|span| stays(span));
    let done = splice(&document.bytes, spans, out, |span, out| match holds.next() {
        Some((_, held @ Held::Sealed(..))) => {
            report.values += 1;
            replace(held, span, out)
        }
        Some((_, held @ Held::Pseudonym)) => {
            report.ids += 1;
            replace(held, span, out)
        }
        Some((_, Held::MadeId)) => Ok(()),
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

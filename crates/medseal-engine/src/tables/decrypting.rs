//! Encrypted tables to plaintext ones, and to ones under the newest key version.

use super::Run;
use super::batch::{Batch, Cell};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Admitted;
use crate::runs::{Held, NewFields, RunKeys, binding, open_held};
use medseal_core::envelope::{ValueType, encode_text_into};
use medseal_core::operation::OperationItems;
use medseal_core::{Error, Plaintext};
use medseal_health::table::{ColumnPlacement, Dialect};
use medseal_policy::{Decrypt, Op, Reencrypt};

/// What the cells of the leading rows hold, in order.
struct Opened {
    held: Vec<Held>,
    /// How many rows that is, if not all.
    count: Option<usize>,
    /// Why the next row cannot be opened.
    refused: Option<EngineError>,
}

impl Engine {
    pub(super) async fn decrypt_rows(
        &self,
        run: &mut Run<'_>,
        batch: &Batch<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), EngineError> {
        let (opened, admitted) = self.admit_rows::<Decrypt>(run, batch).await?;
        opened.write(run, batch, out, |_, dialect, held, cell, out| {
            let plaintext = open_cell(admitted.as_ref(), dialect, held, cell)?;
            out.extend_from_slice(plaintext.as_bytes());
            Ok(())
        })
    }

    pub(super) async fn reencrypt_rows(
        &self,
        run: &mut Run<'_>,
        batch: &Batch<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), EngineError> {
        let (opened, admitted) = self.admit_rows::<Reencrypt>(run, batch).await?;
        let mut sealed = Vec::new();
        opened.write(run, batch, out, |keys, dialect, held, cell, out| {
            let plaintext = open_cell(admitted.as_ref(), dialect, held, cell)?;
            self.seal_newest(keys, cell.identity, cell.field, &plaintext, &mut sealed)?;
            encode_text_into(&sealed, out);
            Ok(())
        })
    }

    /// Reads every envelope of a batch, decides and records.
    async fn admit_rows<O: Op>(
        &self,
        run: &mut Run<'_>,
        batch: &Batch<'_>,
    ) -> Result<(Opened, Option<Admitted>), EngineError> {
        let epoch = self.resolve_columns(run, batch, NewFields::Assume).await?;
        let opened = self.read_rows::<O>(run, batch).await;
        let collect = |items: &mut OperationItems| {
            for (held, (_, cell)) in opened.held.iter().zip(batch.cells()) {
                let Held::Sealed(_, key, under) = held else { continue };
                key.add_to(items, *under, &binding(cell.identity))?;
            }
            Ok(())
        };
        let admitted = self.admit_batch::<O>(&run.keys, epoch, collect).await?;
        Ok((opened, admitted))
    }

    /// The first row that cannot be opened ends it.
    async fn read_rows<O: Op>(&self, run: &mut Run<'_>, batch: &Batch<'_>) -> Opened {
        let mut opened = Opened { held: Vec::new(), count: None, refused: None };
        let (mut row_starts_at, mut last_row) = (0, 0);
        for (row, cell) in batch.cells() {
            if row != last_row {
                (row_starts_at, last_row) = (opened.held.len(), row);
            }
            match self.read_cell::<O>(run, &cell).await {
                Ok(held) => opened.held.push(held),
                Err(error) => {
                    opened.held.truncate(row_starts_at);
                    opened.count = Some(row);
                    opened.refused = Some(error.at(batch.position(&cell)));
                    break;
                }
            }
        }
        opened
    }

    async fn read_cell<O: Op>(
        &self,
        run: &mut Run<'_>,
        cell: &Cell<'_>,
    ) -> Result<Held, EngineError> {
        match cell.envelope().filter(|_| cell.placement == ColumnPlacement::Inline) {
            Some(text) => {
                self.read_envelope::<O>(&mut run.keys, cell.identity, cell.field, text).await
            }
            None if run.job.migrating => Ok(Held::Plain),
            None => Err(EngineError::PlaintextWhereProtected),
        }
    }
}

impl Opened {
    /// Writes the rows that were opened, and then says why the next one was not.
    fn write(
        self,
        run: &mut Run<'_>,
        batch: &Batch<'_>,
        out: &mut Vec<u8>,
        mut replace: impl FnMut(
            &mut RunKeys,
            Dialect,
            &Held,
            &Cell<'_>,
            &mut Vec<u8>,
        ) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let Run { scanner, keys, tally, .. } = run;
        let mut held = self.held.iter();
        batch.write(self.count, out, |cell, out| {
            let (changed, unchanged) = tally.at(cell.field.index());
            match (held.next(), scanner.dialect()) {
                (Some(held @ Held::Sealed(..)), Some(dialect)) => {
                    *changed += 1;
                    replace(keys, dialect, held, &cell, out)
                }
                _ => {
                    *unchanged += 1;
                    out.extend_from_slice(cell.bytes);
                    Ok(())
                }
            }
        })?;
        self.refused.map_or(Ok(()), Err)
    }
}

/// Opens a cell and makes sure that it is one: a value that was encrypted as something else is
/// rejected, and one that would become several cells or rows under this delimiter and encoding is
/// not let out.
fn open_cell(
    admitted: Option<&Admitted>,
    dialect: Dialect,
    held: &Held,
    cell: &Cell<'_>,
) -> Result<Plaintext, EngineError> {
    let plaintext = open_held(admitted, held, cell.identity)?;
    if plaintext.value_type() != ValueType::Bytes {
        return Err(Error::Rejected.into());
    }
    if !dialect.is_one_cell(plaintext.as_bytes()) {
        return Err(EngineError::NotOneCell);
    }
    Ok(plaintext)
}

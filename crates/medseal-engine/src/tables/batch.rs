//! Some rows of a table with what their cells are bound to.

use super::Run;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::fields::{DEFAULT_KEY, FieldDefinition};
use crate::runs::{FieldNeeded, Identity, NewFields, agreed};
use medseal_core::context::Scope;
use medseal_core::envelope::{Flags, is_text_form};
use medseal_health::table::{
    CellSpan, Column, ColumnPlacement, ColumnRule, Rows, TableProfile, TableRecord,
};
use medseal_health::{FieldId, Position};

/// Whole rows and the buffer that they stand in.
pub(super) struct Batch<'b> {
    pub(super) bytes: &'b [u8],
    pub(super) rows: Rows,
    /// Of each row with protected cells.
    identities: Vec<Identity>,
    /// By column number.
    placements: Vec<ColumnPlacement>,
}

/// One protected cell.
#[derive(Clone, Copy)]
pub(super) struct Cell<'b> {
    pub(super) bytes: &'b [u8],
    pub(super) identity: &'b Identity,
    pub(super) field: FieldId,
    pub(super) placement: ColumnPlacement,
    span: &'b CellSpan,
}

impl<'b> Cell<'b> {
    /// The text form in the cell, when it claims to be one.
    pub(super) fn envelope(&self) -> Option<&'b [u8]> {
        envelope_text(self.bytes)
    }
}

/// The text form in a cell, when it claims to be one. Tools that quote every cell quote envelopes
/// too.
pub(super) fn envelope_text(cell: &[u8]) -> Option<&[u8]> {
    let quoted = cell.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    Some(quoted.unwrap_or(cell)).filter(|text| is_text_form(text))
}

impl<'b> Batch<'b> {
    pub(super) fn new(bytes: &'b [u8], mut rows: Rows, run: &Run<'_>) -> Self {
        let collection = &run.job.collection;
        let identity =
            |record, subject| Identity { collection: collection.clone(), record, subject };
        let rows_of = rows.rows.iter_mut();
        let identities =
            rows_of.map(|row| identity(row.record.take(), row.subject.take())).collect();
        let placements = run.scanner.columns().iter().map(Column::placement).collect();
        Self { bytes, rows, identities, placements }
    }

    /// The protected cells in order, each with the number of its row among those that have any.
    pub(super) fn cells(&self) -> impl Iterator<Item = (usize, Cell<'_>)> {
        let rows = self.rows.rows.iter().zip(&self.identities).enumerate();
        rows.flat_map(move |(at, (row, identity))| {
            let spans = self.rows.spans_of(row).iter();
            spans.map(move |span| (at, self.cell(span, identity)))
        })
    }

    fn cell<'s>(&'s self, span: &'s CellSpan, identity: &'s Identity) -> Cell<'s> {
        let bytes = self.bytes.get(span.cell.clone()).unwrap_or_default();
        let placement = self.placements.get(span.field.index());
        let placement = placement.copied().unwrap_or(ColumnPlacement::Keep);
        Cell { bytes, identity, field: span.field, placement, span }
    }

    /// Where a cell stands in the table.
    pub(super) fn position(&self, cell: &Cell<'_>) -> Position {
        self.rows.position(self.bytes, cell.span.cell.start)
    }

    /// Copies the first `count` of the rows that have protected cells, and all rows before and
    /// between them, to `out`, with what `replace` writes in the place of each protected cell. All
    /// rows when `count` is none. On an error nothing of its row stays in `out`.
    pub(super) fn write(
        &self,
        count: Option<usize>,
        out: &mut Vec<u8>,
        mut replace: impl FnMut(Cell<'_>, &mut Vec<u8>) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let end = match count.and_then(|count| self.rows.rows.get(count)) {
            Some(next) => next.start,
            None => self.rows.bytes,
        };
        let mut copied = 0;
        let rows = self.rows.rows.iter().zip(&self.identities);
        for (row, identity) in rows.take(count.unwrap_or(usize::MAX)) {
            let row_in_out = out.len() + row.start - copied;
            for span in self.rows.spans_of(row) {
                out.extend_from_slice(self.bytes.get(copied..span.cell.start).unwrap_or_default());
                copied = span.cell.end;
                let cell = self.cell(span, identity);
                if let Err(error) = replace(cell, out) {
                    out.truncate(row_in_out);
                    return Err(error.at(self.position(&cell)));
                }
            }
        }
        out.extend_from_slice(self.bytes.get(copied..end).unwrap_or_default());
        Ok(())
    }
}

impl Engine {
    /// Resolves every field of a batch whose cells are or become envelopes.
    pub(super) async fn resolve_columns(
        &self,
        run: &mut Run<'_>,
        batch: &Batch<'_>,
        new_fields: NewFields,
    ) -> Result<u64, EngineError> {
        let inline = batch.cells().filter(|(_, cell)| cell.placement == ColumnPlacement::Inline);
        let needed = inline.map(|(_, cell)| FieldNeeded {
            identity: cell.identity,
            field: cell.field,
            place: cell,
        });
        let Run { scanner, keys, job, .. } = run;
        let describe = |needed: &FieldNeeded<'_, Cell<'_>>, known: &_| {
            let column = scanner.columns().get(needed.field.index());
            let column = column.ok_or(medseal_core::Error::Rejected)?;
            let described = Scope::new(&job.tenant, &job.collection, column.name())
                .map_err(EngineError::from)
                .and_then(|scope| {
                    let definition = agreed(known, &scope, wanted(&job.profile, column)?)?;
                    Ok((scope, definition))
                });
            described.map_err(|error| error.at(batch.position(&needed.place)))
        };
        self.resolve_needed(keys, &job.tenant, needed, describe, new_fields).await
    }
}

/// The definition that the profile asks for.
fn wanted(profile: &TableProfile, column: &Column) -> Result<FieldDefinition, EngineError> {
    let rule = column.rule(profile);
    let record_bound = *profile.record() != TableRecord::Unbound;
    let subject_bound = profile.subject().is_some();
    let padded = rule.is_some_and(ColumnRule::padded);
    Ok(FieldDefinition {
        key: rule.and_then(ColumnRule::key).unwrap_or(DEFAULT_KEY).to_owned(),
        class: column.class().to_owned(),
        flags: Flags::new(padded, record_bound, false, subject_bound)?,
        placement: "inline".to_owned(),
        profile: Some(profile.name().to_owned()),
    })
}

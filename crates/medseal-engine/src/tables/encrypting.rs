//! Plaintext tables to encrypted ones.

use super::batch::{Batch, Cell};
use super::{Run, Tally};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::runs::{NewFields, RunKeys, binding};
use medseal_core::Error;
use medseal_core::envelope::{Value, encode_text_into};
use medseal_health::table::ColumnPlacement;
use medseal_policy::Encrypt;

impl Engine {
    pub(super) async fn encrypt_rows(
        &self,
        run: &mut Run<'_>,
        batch: &Batch<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), EngineError> {
        let (count, refused) = leading_encryptable(batch, run.job.migrating);
        let epoch = self.resolve_columns(run, batch, NewFields::Register).await?;
        let mut items = self.items::<Encrypt>(epoch)?;
        for (_, cell) in batch.cells().take_while(|(row, _)| count.is_none_or(|n| *row < n)) {
            if cell.placement != ColumnPlacement::Inline || cell.envelope().is_some() {
                continue;
            }
            let at = |error: EngineError| error.at(batch.position(&cell));
            let resolved = self.resolve_for_encrypting(&mut run.keys, cell.identity, cell.field);
            resolved.await.map_err(at)?;
            let field = run.keys.field(cell.identity, cell.field).ok_or(Error::Rejected)?;
            let resolved = field.encrypting.as_ref().ok_or(Error::Rejected)?;
            resolved.add_to(&mut items, resolved.under(), &binding(cell.identity)).map_err(at)?;
        }
        self.record_encryption(&run.keys, items).await?;
        let mut sealed = Vec::new();
        let Run { keys, tally, .. } = run;
        batch.write(count, out, |cell, out| {
            self.encrypt_cell(keys, tally, &cell, &mut sealed, out)
        })?;
        refused.map_or(Ok(()), Err)
    }

    fn encrypt_cell(
        &self,
        keys: &mut RunKeys,
        tally: &mut Tally,
        cell: &Cell<'_>,
        sealed: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), EngineError> {
        let (changed, unchanged) = tally.at(cell.field.index());
        if cell.placement == ColumnPlacement::Remove {
            *changed += 1;
            return Ok(());
        }
        if cell.envelope().is_some() {
            *unchanged += 1;
            out.extend_from_slice(cell.bytes);
            return Ok(());
        }
        *changed += 1;
        let field = keys.field(cell.identity, cell.field).ok_or(Error::Rejected)?;
        let resolved = field.encrypting.as_ref().ok_or(Error::Rejected)?;
        let (key, flags) = (&resolved.field_key, resolved.flags);
        sealed.clear();
        self.seal(key, flags, &binding(cell.identity), &Value::bytes(cell.bytes), sealed)?;
        encode_text_into(sealed, out);
        let id = key.id();
        keys.count(id, cell.bytes.len());
        Ok(())
    }
}

/// How many of the rows with protected cells can be encrypted, if not all, and why the next one
/// cannot.
fn leading_encryptable(batch: &Batch<'_>, migrating: bool) -> (Option<usize>, Option<EngineError>) {
    let sealed = |(_, cell): &(usize, Cell<'_>)| {
        cell.placement == ColumnPlacement::Inline && cell.envelope().is_some()
    };
    match batch.cells().find(sealed).filter(|_| !migrating) {
        Some((row, cell)) => {
            (Some(row), Some(EngineError::AlreadyEncrypted.at(batch.position(&cell))))
        }
        None => (None, None),
    }
}

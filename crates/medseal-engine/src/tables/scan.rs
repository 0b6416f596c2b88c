//! Finds plaintext in columns where a profile says that ciphertext belongs.

use super::batch::envelope_text;
use super::{TableForm, next_rows};
use crate::error::EngineError;
use crate::runs::{Finding, ReadAhead, judge};
use medseal_health::table::{ColumnPlacement, TableProfile};
use std::io::Read;
use std::sync::Arc;

/// Looks at every protected cell of one table; needs no key and no record. `report` gets each
/// finding.
///
/// # Errors
/// The first row that is refused, when all findings before it were reported.
pub fn scan_table_for_plaintext(
    profile: Arc<TableProfile>,
    form: TableForm,
    input: &mut (dyn Read + Send),
    report: &mut (dyn FnMut(Finding) + Send),
) -> Result<(), EngineError> {
    let mut scanner = form.scanner(profile).without_identities();
    let mut source = ReadAhead::new(input);
    while let Some(rows) = next_rows(&mut source, &mut scanner)? {
        for span in &rows.spans {
            let Some(column) = scanner.columns().get(span.field.index()) else { continue };
            let cell = source.buffer().get(span.cell.clone()).unwrap_or_default();
            let stays = column.placement() == ColumnPlacement::Inline;
            let text = envelope_text(cell).filter(|_| stays);
            let Some(found) = judge(text) else { continue };
            let at = rows.position(source.buffer(), span.cell.start);
            let path = column.name().to_owned();
            report(Finding { path, line: at.line, column: at.column, found });
        }
        rows.refused.map_or(Ok(()), Err)?;
        source.consume(rows.bytes);
    }
    Ok(())
}

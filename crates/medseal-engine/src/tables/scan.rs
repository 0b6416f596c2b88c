//! Finds plaintext in columns where a profile says that ciphertext belongs.

use super::{TableForm, next_rows};
use crate::error::EngineError;
use crate::runs::ReadAhead;
use medseal_core::envelope::{Envelope, decode_text, is_text_form};
use medseal_health::table::{ColumnPlacement, TableProfile};
use serde::Serialize;
use std::io::Read;
use std::sync::Arc;

/// A protected cell that holds no envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CellFinding {
    /// The column.
    pub path: String,
    /// The line.
    pub line: u64,
    /// The byte in the line.
    pub column: u64,
    /// `plaintext`, or `malformed` for an envelope that cannot be read.
    pub found: &'static str,
}

/// Looks at every protected cell of one table; needs no key and no record.
///
/// # Errors
/// The first row that is refused.
pub fn scan_table_for_plaintext(
    profile: Arc<TableProfile>,
    form: TableForm,
    input: &mut (dyn Read + Send),
) -> Result<Vec<CellFinding>, EngineError> {
    let mut scanner = form.scanner(profile).without_identities();
    let mut source = ReadAhead::new(input);
    let mut findings = Vec::new();
    while let Some(rows) = next_rows(&mut source, &mut scanner)? {
        for span in &rows.spans {
            let Some(column) = scanner.columns().get(span.field.index()) else { continue };
            let cell = source.buffer().get(span.cell.clone()).unwrap_or_default();
            let removed = column.placement() == ColumnPlacement::Remove;
            let Some(found) = found(cell, removed) else { continue };
            let at = rows.position(source.buffer(), span.cell.start);
            let path = column.name().to_owned();
            findings.push(CellFinding { path, line: at.line, column: at.column, found });
        }
        rows.refused.map_or(Ok(()), Err)?;
        source.consume(rows.bytes);
    }
    Ok(findings)
}

fn found(cell: &[u8], removed: bool) -> Option<&'static str> {
    let quoted = cell.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let text = quoted.unwrap_or(cell);
    if removed || !is_text_form(text) {
        return Some("plaintext");
    }
    let good = decode_text(text).is_ok_and(|bytes| Envelope::parse(&bytes).is_ok());
    (!good).then_some("malformed")
}

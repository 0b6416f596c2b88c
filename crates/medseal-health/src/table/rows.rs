//! What a scan of some rows reports.

use std::ops::Range;

use crate::error::{HealthError, Position};
use crate::fields::FieldId;

/// A protected cell that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellSpan {
    /// Its bytes, quotes included.
    pub cell: Range<usize>,
    /// The number of its column.
    pub field: FieldId,
}

/// A row with at least one protected cell that is not empty. Its `Debug` form shows no id.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// Its first byte.
    pub start: usize,
    /// The id of its record, where cells are bound to one.
    pub record: Option<String>,
    /// The patient's id, where cells are bound to one.
    pub subject: Option<String>,
    /// Its spans, among those of [`Rows`].
    pub spans: Range<usize>,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Row").field("start", &self.start).finish_non_exhaustive()
    }
}

/// Whole rows at the start of a buffer.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The rows with something to protect, in order. All other rows are copied.
    pub rows: Vec<Row>,
    /// Their protected cells, in order.
    pub spans: Vec<CellSpan>,
    /// How many bytes the whole rows cover, header and blank lines included.
    pub bytes: usize,
    /// How many rows that is, without header and blank lines.
    pub count: u64,
    /// Why the row after them is refused; the table is then at its end.
    pub refused: Option<HealthError>,
    pub(super) line: u64,
}

impl Rows {
    /// Nothing found yet in a buffer whose first line is `line`.
    pub(super) fn starting_at(line: u64) -> Self {
        let (rows, spans) = (Vec::new(), Vec::new());
        Self { rows, spans, bytes: 0, count: 0, refused: None, line }
    }

    /// The spans of a row.
    #[must_use]
    pub fn spans_of(&self, row: &Row) -> &[CellSpan] {
        self.spans.get(row.spans.clone()).unwrap_or_default()
    }

    /// Where a byte of the buffer stands in the table. `buffer` is what was scanned.
    #[must_use]
    pub fn position(&self, buffer: &[u8], at: usize) -> Position {
        let before = buffer.get(..at).unwrap_or(buffer);
        let breaks = line_breaks(before, buffer.get(before.len()).copied());
        let start = memchr::memrchr2(b'\n', b'\r', before).map_or(0, |at| at + 1);
        Position { line: self.line + breaks, column: (before.len() - start) as u64 + 1 }
    }
}

/// LF, CR LF and CR alone each end a line, as in an editor. `next` is the byte after `text`.
pub(super) fn line_breaks(text: &[u8], next: Option<u8>) -> u64 {
    let mut count = 0;
    for at in memchr::memchr2_iter(b'\n', b'\r', text) {
        let is_feed = text[at] == b'\n';
        let follows = text.get(at + 1).copied().or(next);
        count += u64::from(is_feed || follows != Some(b'\n'));
    }
    count
}

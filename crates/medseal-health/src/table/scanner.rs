//! Reads a table: the header once, then as many whole rows as a buffer holds.

use std::ops::Range;
use std::sync::Arc;

use super::columns::{Column, Columns, Identities, Refusal};
use super::dialect::{Delimiter, Dialect, Encoding, unquoted};
use super::lex::{Fault, Lexed, Lexer, after_carriage_return, delimiters_of_first_row};
use super::profile::TableProfile;
use super::rows::{CellSpan, Row, Rows, line_breaks};
use crate::error::{DocumentFault, HealthError};
use crate::path::MAX_PATH_BYTES;

/// How much of a table is taken at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableLimits {
    /// The longest row, header included. It bounds the memory that a quote that is never closed can
    /// cost.
    pub max_row_bytes: usize,
}

impl Default for TableLimits {
    fn default() -> Self {
        Self { max_row_bytes: 16 << 20 }
    }
}

/// Finds the protected cells of one table.
pub struct TableScanner {
    profile: Arc<TableProfile>,
    /// None finds out from the header.
    delimiter: Option<Delimiter>,
    encoding: Encoding,
    limits: TableLimits,
    identities: Identities,
    /// What the header said.
    table: Option<Table>,
    /// The number of the line that the next buffer starts with.
    line: u64,
    /// Cells of the row at hand, kept for its memory.
    cells: Vec<Range<usize>>,
    filled: Vec<u64>,
}

struct Table {
    dialect: Dialect,
    lexer: Lexer,
    columns: Columns,
}

/// How far the text of a buffer is good, and what is wrong after that.
struct Clean {
    until: usize,
    fault: DocumentFault,
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl TableScanner {
    /// For one table. Without a delimiter the header decides: the one kind that stands in it outside
    /// quotes, a comma where there is none; with several kinds the table is refused.
    #[must_use]
    pub fn new(
        profile: Arc<TableProfile>,
        delimiter: Option<Delimiter>,
        encoding: Encoding,
        limits: TableLimits,
    ) -> Self {
        let (table, cells, filled) = (None, Vec::new(), Vec::new());
        let identities = Identities::Needed;
        Self { profile, delimiter, encoding, limits, identities, table, line: 1, cells, filled }
    }

    /// For looking only: no record is read, and a table without a record column is fine.
    #[must_use]
    pub fn without_identities(mut self) -> Self {
        self.identities = Identities::NotNeeded;
        self
    }

    /// Reads the whole rows at the start of `buffer`, which starts after the bytes of the scan
    /// before. Without any whole row the same bytes and more have to be given, or `at_end`.
    pub fn scan(&mut self, buffer: &[u8], at_end: bool) -> Rows {
        let mut rows = Rows::starting_at(self.line);
        let clean = self.clean(buffer);
        if let Err(refusal) = self.read(buffer, at_end, &clean, &mut rows) {
            let (fault, at) = match refusal {
                Refusal::Profile(error) => {
                    rows.refused = Some(error);
                    return rows;
                }
                // whichever comes first in the table
                Refusal::At((_, at)) if at > clean.until => (clean.fault, clean.until),
                Refusal::At(fault) => fault,
            };
            let at = rows.position(buffer, at);
            rows.refused = Some(HealthError::Document { fault, at });
        }
        let done = buffer.get(..rows.bytes).unwrap_or(buffer);
        self.line += line_breaks(done, buffer.get(rows.bytes).copied());
        rows
    }

    /// The profile.
    #[must_use]
    pub fn profile(&self) -> &Arc<TableProfile> {
        &self.profile
    }

    /// The columns, once the header was read.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        self.table.as_ref().map_or(&[], |table| &table.columns.all)
    }

    /// How the table is written, once the header was read.
    #[must_use]
    pub fn dialect(&self) -> Option<Dialect> {
        self.table.as_ref().map(|table| table.dialect)
    }

    /// How many cells of each column were not empty so far.
    #[must_use]
    pub fn filled(&self) -> &[u64] {
        &self.filled
    }

    /// Names and patterns of the profile that are no column of this table, in order.
    #[must_use]
    pub fn unmatched_patterns(&self) -> Vec<&str> {
        self.table.as_ref().map_or_else(Vec::new, |t| t.columns.unmatched(&self.profile))
    }

    fn clean(&self, buffer: &[u8]) -> Clean {
        let nul = memchr::memchr(0, buffer).unwrap_or(buffer.len());
        let text = buffer.get(..nul).unwrap_or(buffer);
        match self.encoding.first_invalid(text) {
            Some(until) => Clean { until, fault: DocumentFault::CsvInvalidUtf8 },
            None => Clean { until: nul, fault: DocumentFault::CsvNul },
        }
    }

    fn read(
        &mut self,
        buffer: &[u8],
        at_end: bool,
        clean: &Clean,
        rows: &mut Rows,
    ) -> Result<(), Refusal> {
        if self.table.is_none() {
            let Some(next) = self.header(buffer, at_end, clean)? else { return Ok(()) };
            rows.bytes = next;
        }
        let Some(table) = &self.table else { return Ok(()) };
        let (limits, identities, cells) = (self.limits, self.identities, &mut self.cells);
        let mut reader = RowReader { table, limits, identities, cells, buffer, at_end, clean };
        while reader.row(rows, &mut self.filled).map_err(Refusal::At)? {}
        Ok(())
    }

    /// Reads the header; where it ends, or none while it is not complete.
    fn header(
        &mut self,
        buffer: &[u8],
        at_end: bool,
        clean: &Clean,
    ) -> Result<Option<usize>, Refusal> {
        let Some(start) = self.start(buffer, at_end).map_err(Refusal::At)? else {
            return Ok(None);
        };
        let rest = buffer.get(start..).unwrap_or_default();
        let delimiter = match self.delimiter {
            Some(delimiter) => delimiter,
            None => match delimiters_of_first_row(rest, at_end).as_deref() {
                Some([]) => Delimiter::Comma,
                Some([(delimiter, _)]) => *delimiter,
                Some([_, (_, at), ..]) => {
                    return Err(Refusal::At((DocumentFault::CsvDelimiterUnclear, start + at)));
                }
                None => return self.too_large(rest, start).map_err(Refusal::At),
            },
        };
        let lexer = Lexer::new(delimiter);
        let lexed = lexer.row(buffer, start, at_end, &mut self.cells).map_err(Refusal::At)?;
        let Lexed::Row { end, next } = lexed else {
            return self.too_large(rest, start).map_err(Refusal::At);
        };
        if next - start > self.limits.max_row_bytes {
            return Err(Refusal::At((DocumentFault::CsvRowTooLarge, start)));
        }
        if end > clean.until {
            return Err(Refusal::At((clean.fault, clean.until)));
        }
        let dialect = Dialect { delimiter, encoding: self.encoding };
        let columns =
            Columns::resolve(buffer, &self.cells, dialect, &self.profile, self.identities)?;
        self.filled = vec![0; columns.all.len()];
        self.table = Some(Table { dialect, lexer, columns });
        Ok(Some(next))
    }

    /// Where the header starts: after a byte order mark and blank lines.
    fn start(&self, buffer: &[u8], at_end: bool) -> Result<Option<usize>, Fault> {
        if buffer.len() < 4 && !at_end {
            return Ok(None);
        }
        if matches!(buffer, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, _, ..] | [_, 0, ..]) {
            return Err((DocumentFault::CsvUtf16, 0));
        }
        let marked = buffer.starts_with(BYTE_ORDER_MARK);
        if marked && self.encoding != Encoding::Utf8 {
            return Err((DocumentFault::CsvEncodingMark, 0));
        }
        let from = if marked { BYTE_ORDER_MARK.len() } else { 0 };
        let rest = buffer.get(from..).unwrap_or_default();
        match rest.iter().position(|byte| !b"\r\n".contains(byte)) {
            Some(blank) => Ok(Some(from + blank)),
            None if at_end => Err((DocumentFault::CsvEmpty, buffer.len())),
            None => self.too_large(rest, from),
        }
    }

    /// No row is complete yet: that may be, up to the limit.
    fn too_large(&self, rest: &[u8], start: usize) -> Result<Option<usize>, Fault> {
        if rest.len() > self.limits.max_row_bytes {
            return Err((DocumentFault::CsvRowTooLarge, start));
        }
        Ok(None)
    }
}

/// Reads the rows of one buffer.
struct RowReader<'r> {
    table: &'r Table,
    limits: TableLimits,
    identities: Identities,
    cells: &'r mut Vec<Range<usize>>,
    buffer: &'r [u8],
    at_end: bool,
    clean: &'r Clean,
}

impl RowReader<'_> {
    /// Reads one row or blank line; false when none is complete.
    fn row(&mut self, rows: &mut Rows, filled: &mut [u64]) -> Result<bool, Fault> {
        let start = rows.bytes;
        if let Some(next) = self.blank_line(start) {
            rows.bytes = next;
            return Ok(true);
        }
        if start >= self.buffer.len() {
            return Ok(false);
        }
        let lexed = self.table.lexer.row(self.buffer, start, self.at_end, self.cells)?;
        let length = match lexed {
            Lexed::Row { next, .. } => next - start,
            Lexed::Incomplete => self.buffer.len() - start,
        };
        if length > self.limits.max_row_bytes {
            return Err((DocumentFault::CsvRowTooLarge, start));
        }
        let Lexed::Row { end, next } = lexed else { return Ok(false) };
        if end > self.clean.until {
            return Err((self.clean.fault, self.clean.until));
        }
        if self.cells.len() != self.table.columns.all.len() {
            return Err((DocumentFault::CsvCellCount, start));
        }
        for (cell, filled) in self.cells.iter().zip(filled) {
            *filled += u64::from(!cell.is_empty());
        }
        self.spans(start, rows)?;
        (rows.bytes, rows.count) = (next, rows.count + 1);
        Ok(true)
    }

    /// A CR that is the last byte so far is left for later: an LF may follow.
    fn blank_line(&self, at: usize) -> Option<usize> {
        match self.buffer.get(at)? {
            b'\n' => Some(at + 1),
            b'\r' => match after_carriage_return(self.buffer, at, self.at_end) {
                Lexed::Row { next, .. } => Some(next),
                Lexed::Incomplete => None,
            },
            _ => None,
        }
    }

    fn spans(&self, start: usize, rows: &mut Rows) -> Result<(), Fault> {
        let first = rows.spans.len();
        let columns = &self.table.columns;
        for &at in &columns.protected {
            let (Some(cell), Some(column)) = (self.cells.get(at), columns.all.get(at)) else {
                continue;
            };
            if !cell.is_empty() {
                rows.spans.push(CellSpan { cell: cell.clone(), field: column.field() });
            }
        }
        if rows.spans.len() > first {
            let faults = (DocumentFault::RecordIdMissing, DocumentFault::RecordIdInvalid);
            let record = self.identity(columns.record, faults);
            let record = record.inspect_err(|_| rows.spans.truncate(first))?;
            let faults = (DocumentFault::SubjectMissing, DocumentFault::SubjectInvalid);
            let subject = self.identity(columns.subject, faults);
            let subject = subject.inspect_err(|_| rows.spans.truncate(first))?;
            rows.rows.push(Row { start, record, subject, spans: first..rows.spans.len() });
        }
        Ok(())
    }

    fn identity(
        &self,
        column: Option<usize>,
        (missing, invalid): (DocumentFault, DocumentFault),
    ) -> Result<Option<String>, Fault> {
        let column = column.filter(|_| self.identities == Identities::Needed);
        let Some(cell) = column.and_then(|at| self.cells.get(at)) else {
            return Ok(None);
        };
        let text = unquoted(self.buffer.get(cell.clone()).unwrap_or_default());
        let id = self.table.dialect.encoding.decode(&text);
        let id = id.ok_or((DocumentFault::CsvInvalidUtf8, cell.start))?;
        match id.len() {
            0 => Err((missing, cell.start)),
            1..=MAX_PATH_BYTES => Ok(Some(id.into_owned())),
            _ => Err((invalid, cell.start)),
        }
    }
}

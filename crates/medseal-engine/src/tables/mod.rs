//! Tables of delimited text: encrypting, decrypting and carrying over the cells a profile protects.
//!
//! Rows are read in batches of about a mebibyte; each batch is scanned, decided on and recorded
//! once, and only then are keys used. Every byte outside protected cells is copied. When a row is
//! refused, the rows before it are already written and nothing of it or after it is.
//!
//! What is sealed is the cell as it stands in the file, quotes included, as a value of type bytes:
//! its encoding is the table's, which need not be UTF-8. Since only the opened bytes tell whether
//! they are one cell, that is checked before they are put into a table.

mod batch;
mod coverage;
mod decrypting;
mod encrypting;
mod scan;

pub use crate::runs::{Action, Finding};
use crate::wiped_buffer::WipedBuffer;
pub use coverage::{CoveredColumn, table_coverage};
pub use scan::scan_table_for_plaintext;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::runs::{ReadAhead, RunKeys};
use batch::Batch;
use medseal_health::table::{
    Column, Delimiter, Encoding, Rows, TableLimits, TableProfile, TableScanner,
};
use std::io::{Read, Write};
use std::sync::Arc;

/// How much is read ahead, and how much of a table makes one batch.
const CHUNK_BYTES: usize = 1 << 20;

/// How a table is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableForm {
    /// What separates cells; `None` finds out from the header.
    pub delimiter: Option<Delimiter>,
    /// What its bytes mean as text.
    pub encoding: Encoding,
}

impl TableForm {
    fn scanner(self, profile: Arc<TableProfile>) -> TableScanner {
        TableScanner::new(profile, self.delimiter, self.encoding, TableLimits::default())
    }
}

/// One run over one table.
#[derive(Debug, Clone)]
pub struct TableJob {
    /// What to do.
    pub action: Action,
    /// Which columns.
    pub profile: Arc<TableProfile>,
    /// What the rows are records of.
    pub collection: String,
    /// Whose.
    pub tenant: String,
    /// Plaintext and envelopes may stand side by side: what is in its target form already is left
    /// as it is.
    pub migrating: bool,
    /// How the table is written.
    pub form: TableForm,
}

/// What a run did with one protected column.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ColumnReport {
    /// Its name.
    pub column: String,
    /// Cells that were changed.
    pub values: u64,
    /// Cells that were in their target form already.
    pub unchanged: u64,
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct TableReport {
    /// Rows, without the header and blank lines.
    pub rows: u64,
    /// Cells that were changed.
    pub values: u64,
    /// Cells that were in their target form already.
    pub unchanged: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// Every protected column.
    pub columns: Vec<ColumnReport>,
    /// Names and patterns of the profile that are no column of this table.
    pub unmatched_patterns: Vec<String>,
}

/// What one run keeps from batch to batch.
struct Run<'j> {
    scanner: TableScanner,
    keys: RunKeys,
    job: &'j TableJob,
    tally: Tally,
}

/// How many cells of each column were changed, and how many were not.
#[derive(Default)]
struct Tally(Vec<(u64, u64)>);

impl Tally {
    fn at(&mut self, column: usize) -> &mut (u64, u64) {
        if self.0.len() <= column {
            self.0.resize(column + 1, (0, 0));
        }
        &mut self.0[column]
    }
}

impl Engine {
    /// Runs a job from `input` to `output`. `progress` is told the bytes read so far.
    ///
    /// # Errors
    /// The first row that is refused, with its place; the rows before it are written.
    pub async fn run_table(
        &self,
        job: &TableJob,
        input: &mut (dyn Read + Send),
        output: &mut (dyn Write + Send),
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<TableReport, EngineError> {
        let scanner = job.form.scanner(Arc::clone(&job.profile));
        let (keys, tally) = (RunKeys::default(), Tally::default());
        let mut run = Run { scanner, keys, job, tally };
        let mut source = ReadAhead::new(input);
        let mut report = TableReport::default();
        let mut buffer = WipedBuffer::default();
        while let Some(mut rows) = next_rows(&mut source, &mut run.scanner)? {
            buffer.clear();
            // a cell is shorter than its envelope, and ciphertext may be moved
            let out = buffer.with_room(rows.bytes);
            let refused = rows.refused.take();
            let count = rows.count;
            let batch = Batch::new(source.buffer(), rows, &run);
            let done = match job.action {
                Action::Encrypt => self.encrypt_rows(&mut run, &batch, out).await,
                Action::Decrypt => self.decrypt_rows(&mut run, &batch, out).await,
                Action::Reencrypt => self.reencrypt_rows(&mut run, &batch, out).await,
            };
            let bytes = batch.rows.bytes;
            output.write_all(out).map_err(EngineError::io("writing the output"))?;
            let done = done.and_then(|()| refused.map_or(Ok(()), |error| Err(error.into())));
            if let Err(error) = done {
                output.flush().map_err(EngineError::io("writing the output"))?;
                return Err(error);
            }
            source.consume(bytes);
            report.rows += count;
            report.bytes_read = source.bytes_read();
            progress(report.bytes_read);
        }
        output.flush().map_err(EngineError::io("writing the output"))?;
        self.charge_run(&run.keys).await?;
        run.complete(&mut report);
        Ok(report)
    }
}

impl Run<'_> {
    fn complete(&mut self, report: &mut TableReport) {
        let columns = self.scanner.columns().iter().filter(|column| is_protected(column));
        for column in columns {
            let (values, unchanged) = *self.tally.at(column.field().index());
            (report.values, report.unchanged) =
                (report.values + values, report.unchanged + unchanged);
            let column = column.name().to_owned();
            report.columns.push(ColumnReport { column, values, unchanged });
        }
        let unmatched = self.scanner.unmatched_patterns();
        report.unmatched_patterns = unmatched.into_iter().map(str::to_owned).collect();
    }
}

fn is_protected(column: &Column) -> bool {
    column.placement() != medseal_health::table::ColumnPlacement::Keep
}

/// The next whole rows, however much has to be read for one; none when all are given out. Empty
/// input is scanned once, so that it is refused and not silently fine.
fn next_rows(
    source: &mut ReadAhead<'_>,
    scanner: &mut TableScanner,
) -> Result<Option<Rows>, EngineError> {
    let begun = !scanner.columns().is_empty();
    source.read_more(CHUNK_BYTES)?;
    loop {
        if begun && source.at_end() && source.buffer().is_empty() {
            return Ok(None);
        }
        let rows = scanner.scan(source.buffer(), source.at_end());
        if rows.bytes > 0 || rows.refused.is_some() || source.at_end() {
            return Ok(Some(rows));
        }
        // more than the limit is enough to see that a row is too long
        let limit = TableLimits::default().max_row_bytes + CHUNK_BYTES;
        source.read_more((source.buffer().len() * 2).min(limit))?;
    }
}

//! Documents: encrypting, decrypting and carrying over the values a profile protects.
//!
//! A document is scanned, its protected spans are replaced and every other byte is copied. Work
//! goes in batches of whole documents: scan all, collect what every value is bound to, decide and
//! record once, only then touch keys. Memory is bounded by the batch, or by one document where that
//! is larger. When a document is refused, the ones before it are already written and nothing of it
//! or after it is. Batches go side by side, so the log may have entries of batches behind a refused
//! document, whose results were thrown away: an entry never says that its operation succeeded.

mod batch;
mod coverage;
mod decrypting;
mod encrypting;
mod keys;
mod pseudonyms;
mod scan;
mod source;

pub use crate::runs::{Action, Finding};
pub use coverage::{CoverageReport, CoveredPath, coverage};
pub use scan::scan_for_plaintext;
pub use source::DocumentFormat;

use crate::engine::Engine;
use crate::error::{EngineError, WRITING_THE_OUTPUT};
use crate::runs::{RunKeys, side_by_side};
use crate::wiped_buffer::WipedBuffer;
use batch::Batch;
use medseal_health::{Limits, Profile, Scanner};
use source::{Chunk, Source};
use std::io::{Read, Write};
use std::sync::Arc;

/// One run over documents.
#[derive(Debug, Clone)]
pub struct Job {
    /// What to do.
    pub action: Action,
    /// Which values.
    pub profile: Arc<Profile>,
    /// Whose.
    pub tenant: String,
    /// Plaintext and envelopes may stand side by side: what is in its target form already is left
    /// as it is.
    pub migrating: bool,
    /// How documents stand in the input; `None` finds out.
    pub format: Option<DocumentFormat>,
    /// Objects and arrays open at once.
    pub max_depth: usize,
}

impl Job {
    /// A job with the usual limits.
    pub fn new(action: Action, profile: Arc<Profile>, tenant: &str) -> Self {
        let max_depth = Limits::default().max_depth;
        let tenant = tenant.to_owned();
        Self { action, profile, tenant, migrating: false, format: None, max_depth }
    }

    fn scanner(&self) -> Scanner {
        let limits = Limits { max_depth: self.max_depth, ..Limits::default() };
        Scanner::new(Arc::clone(&self.profile), limits)
    }
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Documents.
    pub documents: u64,
    /// Values that were changed.
    pub values: u64,
    /// Ids that gave way to pseudonyms, or came back.
    pub ids: u64,
    /// Values that were in their target form already.
    pub unchanged: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// Selectors that matched nothing, as they stand in the profile.
    pub unmatched_selectors: Vec<String>,
}

impl Engine {
    /// Runs a job from `input` to `output`. `progress` is told the bytes read so far.
    ///
    /// # Errors
    /// The first document that is refused, with its place; the documents before it are written.
    pub async fn run_records(
        &self,
        job: &Job,
        input: &mut (dyn Read + Send),
        output: &mut (dyn Write + Send),
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Report, EngineError> {
        let mut source = Source::new(input, job.format);
        let mut writing = Writing { output, progress };
        let mut run = self.start_run(job);
        // most inputs are one batch, which all cores work on together
        while let Some(chunk) = source.next()? {
            let made = self.run_batch(&mut run, chunk).await;
            writing.take(made)?;
            if source.has_more() && side_by_side::worth_it() {
                self.run_side_by_side(&mut run, &mut source, &mut writing)?;
                break;
            }
        }
        writing.flush()?;
        self.charge_run(&run.keys).await?;
        run.report.unmatched_selectors = run.unmatched();
        Ok(run.report)
    }

    fn start_run<'j>(&self, job: &'j Job) -> Run<'j> {
        Run::new(job, job.scanner(), Some(self.pseudonyms(&job.tenant)))
    }

    /// All further batches, one on each core: a batch is scanned while another is recorded.
    fn run_side_by_side(
        &self,
        run: &mut Run<'_>,
        source: &mut Source<'_>,
        writing: &mut Writing<'_>,
    ) -> Result<(), EngineError> {
        let mut runs: Vec<_> = side_by_side::workers().map(|_| self.start_run(run.job)).collect();
        runs.iter_mut().for_each(|run| run.cores = Cores::One);
        let work = |run: &mut Run<'_>, chunk| pollster::block_on(self.run_batch(run, chunk));
        side_by_side::run(&mut runs, || source.next(), work, |made| writing.take(made))?;
        runs.into_iter().for_each(|other| run.join(other));
        Ok(())
    }

    async fn run_batch(&self, run: &mut Run<'_>, chunk: Chunk) -> Made {
        let (batch, refused) = Batch::scan(&chunk, run);
        let mut out = WipedBuffer::default();
        // plaintext is shorter than its envelope, and ciphertext may be moved
        let buffer = out.with_room(chunk.bytes().len());
        let done = match run.job.action {
            Action::Encrypt => self.encrypt_batch(run, &batch, buffer).await,
            Action::Decrypt => self.decrypt_batch(run, &batch, buffer).await,
            Action::Reencrypt => self.reencrypt_batch(run, &batch, buffer).await,
        };
        run.report.documents += batch.documents.len() as u64;
        run.report.bytes_read = run.report.bytes_read.max(chunk.bytes_read);
        Made {
            out,
            bytes_read: chunk.bytes_read,
            done: done.and_then(|()| refused.map_or(Ok(()), Err)),
        }
    }
}

/// What a batch became: the whole documents before one that failed, and why that did.
struct Made {
    out: WipedBuffer,
    bytes_read: u64,
    done: Result<(), EngineError>,
}

/// Where batches go, in their order.
struct Writing<'o> {
    output: &'o mut (dyn Write + Send),
    progress: &'o mut (dyn FnMut(u64) + Send),
}

impl Writing<'_> {
    fn take(&mut self, made: Made) -> Result<(), EngineError> {
        self.output.write_all(&made.out).map_err(EngineError::io(WRITING_THE_OUTPUT))?;
        if made.done.is_err() {
            self.flush()?;
        } else {
            (self.progress)(made.bytes_read);
        }
        made.done
    }

    fn flush(&mut self) -> Result<(), EngineError> {
        self.output.flush().map_err(EngineError::io(WRITING_THE_OUTPUT))
    }
}

/// The selectors that have matched nothing, in the profile's order.
fn unmatched(scanner: &Scanner) -> Vec<String> {
    scanner.unmatched_selectors().iter().map(|(_, s)| s.as_str().to_owned()).collect()
}

/// How many cores work on one batch.
#[derive(Clone, Copy)]
enum Cores {
    All,
    /// The others have batches of their own.
    One,
}

/// What one run keeps from batch to batch.
struct Run<'j> {
    scanner: Scanner,
    keys: RunKeys,
    /// None where no home is open; then no id is replaced.
    pseudonyms: Option<pseudonyms::Pseudonyms>,
    job: &'j Job,
    cores: Cores,
    report: Report,
    /// Selectors that matched nothing in any part of the run that ended before.
    unmatched: Option<Vec<String>>,
}

impl<'j> Run<'j> {
    fn new(job: &'j Job, scanner: Scanner, pseudonyms: Option<pseudonyms::Pseudonyms>) -> Self {
        let (keys, report) = (RunKeys::default(), Report::default());
        Self { scanner, keys, pseudonyms, job, cores: Cores::All, report, unmatched: None }
    }

    /// Adds what another part of the same run did.
    fn join(&mut self, other: Run<'_>) {
        self.keys.join(other.keys);
        self.report.documents += other.report.documents;
        self.report.values += other.report.values;
        self.report.ids += other.report.ids;
        self.report.unchanged += other.report.unchanged;
        self.report.bytes_read = self.report.bytes_read.max(other.report.bytes_read);
        let mut unmatched = unmatched(&other.scanner);
        if let Some(before) = &self.unmatched {
            unmatched.retain(|selector| before.contains(selector));
        }
        self.unmatched = Some(unmatched);
    }

    /// The selectors that have matched nothing, in the profile's order.
    fn unmatched(&self) -> Vec<String> {
        let mut own = unmatched(&self.scanner);
        if let Some(elsewhere) = &self.unmatched {
            own.retain(|selector| elsewhere.contains(selector));
        }
        own
    }
}

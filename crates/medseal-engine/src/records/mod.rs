//! Documents: encrypting, decrypting and carrying over the values a profile protects.
//!
//! A document is scanned, its protected spans are replaced and every other byte is copied. Work
//! goes in batches of whole documents: scan all, collect what every value is bound to, decide and
//! record once, only then touch keys. Memory is bounded by the batch, or by one document where that
//! is larger. When a document is refused, the ones before it are already written and nothing of it
//! or after it is.

mod batch;
mod coverage;
mod decrypting;
mod encrypting;
mod keys;
mod scan;
mod source;

pub use crate::runs::{Action, Finding};
pub use coverage::{CoveredPath, coverage};
pub use scan::scan_for_plaintext;
pub use source::DocumentFormat;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::runs::RunKeys;
use crate::wiped_buffer::WipedBuffer;
use batch::Batch;
use medseal_health::{Limits, Profile, Scanner};
use source::Source;
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
        let mut run = Run { scanner: job.scanner(), keys: RunKeys::default(), job };
        let mut source = Source::new(input, job.format);
        let mut report = Report::default();
        let mut buffer = WipedBuffer::default();
        while source.fill()? {
            let (batch, refused) = Batch::scan(&mut source, &mut run);
            buffer.clear();
            // plaintext is shorter than its envelope, and ciphertext may be moved
            let out = buffer.with_room(batch.bytes);
            match job.action {
                Action::Encrypt => self.encrypt_batch(&mut run, &batch, out, &mut report).await,
                Action::Decrypt => self.decrypt_batch(&mut run, &batch, out, &mut report).await,
                Action::Reencrypt => self.reencrypt_batch(&mut run, &batch, out, &mut report).await,
            }
            .or_else(|error| write_before(output, out, error))?;
            output.write_all(out).map_err(EngineError::io("writing the output"))?;
            report.documents += batch.documents.len() as u64;
            if let Some(error) = refused {
                output.flush().map_err(EngineError::io("writing the output"))?;
                return Err(error);
            }
            let consumed = batch.bytes;
            source.consume(consumed);
            report.bytes_read = source.bytes_read();
            progress(report.bytes_read);
        }
        output.flush().map_err(EngineError::io("writing the output"))?;
        self.charge_run(&run.keys).await?;
        let unmatched = run.scanner.unmatched_selectors();
        report.unmatched_selectors = unmatched.iter().map(|(_, s)| s.as_str().to_owned()).collect();
        Ok(report)
    }
}

/// What one run keeps from batch to batch.
struct Run<'j> {
    scanner: Scanner,
    keys: RunKeys,
    job: &'j Job,
}

/// Hands out the whole documents before the one that failed.
fn write_before(
    output: &mut (dyn Write + Send),
    done: &[u8],
    error: EngineError,
) -> Result<(), EngineError> {
    output
        .write_all(done)
        .and_then(|()| output.flush())
        .map_err(EngineError::io("writing the output"))?;
    Err(error)
}

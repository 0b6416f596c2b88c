//! Finds plaintext where a profile says that ciphertext belongs.

use super::batch::{Batch, Document};
use super::source::Source;
use super::{Action, Job, Run};
use crate::error::EngineError;
use crate::runs::Finding;
use medseal_core::envelope::Envelope;
use medseal_health::{Placement, Profile, Span};
use std::io::Read;
use std::sync::Arc;

/// Looks at every protected path of one input; needs no key, and no record its id. `report` gets
/// each finding.
///
/// # Errors
/// The first document that is refused, when all findings before it were reported.
pub fn scan_for_plaintext(
    profile: Arc<Profile>,
    input: &mut (dyn Read + Send),
    report: &mut (dyn FnMut(Finding) + Send),
) -> Result<(), EngineError> {
    let job = Job::new(Action::Decrypt, profile, "default");
    let scanner = job.scanner().without_identities();
    let mut run = Run::new(&job, scanner, None);
    let mut source = Source::new(input, None);
    while let Some(chunk) = source.next()? {
        let (batch, refused) = Batch::scan(&chunk, &mut run);
        for document in &batch.documents {
            for span in &document.spans {
                let Some(found) = found_in(document, span) else { continue };
                let path = run.scanner.field(span.field).to_owned();
                let at = document.position(span);
                report(Finding { path, line: at.line, column: at.column, found });
            }
        }
        refused.map_or(Ok(()), Err)?;
    }
    Ok(())
}

/// What a span holds instead of ciphertext, if it does.
fn found_in(document: &Document, span: &Span) -> Option<&'static str> {
    let plain = || span.sealed.is_none().then_some("plaintext");
    match span.placement {
        Placement::Pseudonym => plain(),
        Placement::Record => None,
        _ => match document.envelope(span) {
            None => Some("plaintext"),
            Some(Ok(bytes)) if Envelope::parse(&bytes).is_ok() => None,
            Some(_) => Some("malformed"),
        },
    }
}

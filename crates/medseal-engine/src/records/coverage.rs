//! Which paths of documents a profile covers, and which it does not.

use super::source::Source;
use super::{Action, Job, unmatched};
use crate::error::EngineError;
use medseal_health::{Cover, Coverage, Profile};
use serde::Serialize;
use std::io::Read;
use std::sync::Arc;

/// One leaf path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CoveredPath {
    /// From its record root.
    pub path: String,
    /// How often it occurred.
    pub count: u64,
    /// The placement, `identity`, or `none` where no rule names it.
    pub cover: &'static str,
    /// The class of the rule.
    pub class: Option<String>,
}

/// What a profile does to one input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CoverageReport {
    /// All leaf paths, sorted.
    pub paths: Vec<CoveredPath>,
    /// Selectors that matched nothing, as they stand in the profile.
    pub unmatched_selectors: Vec<String>,
}

/// Counts the leaf paths of one input under a profile.
///
/// # Errors
/// The first document that is refused.
pub fn coverage(
    profile: Arc<Profile>,
    input: &mut (dyn Read + Send),
) -> Result<CoverageReport, EngineError> {
    let job = Job::new(Action::Encrypt, Arc::clone(&profile), "default");
    let mut scanner = job.scanner();
    let mut source = Source::new(input, None);
    let mut found = Coverage::new();
    while let Some(chunk) = source.next()? {
        for (document, line) in chunk.documents() {
            scanner.cover(document, &mut found).map_err(|e| e.at_line(line))?;
        }
    }
    let paths = found.entries().map(|entry| {
        let (cover, class) = match entry.cover {
            Cover::Rule(rule, placement) => (placement.name(), Some(profile.class(rule))),
            Cover::Identity => ("identity", None),
            Cover::Unnamed => ("none", None),
        };
        let class = class.map(str::to_owned);
        CoveredPath { path: entry.path.to_owned(), count: entry.count, cover, class }
    });
    Ok(CoverageReport { paths: paths.collect(), unmatched_selectors: unmatched(&scanner) })
}

//! `medseal explain CODE`: the page's own words, so that there is one place to write them.

use crate::failure::Failure;
use crate::output;

const ERRORS: &str = include_str!("../../../../docs/errors.md");

pub(crate) fn run(code: &str) -> Result<(), Failure> {
    let code = code.to_uppercase();
    let heading = format!("\n## {code}\n");
    let section = ERRORS
        .split_once(&heading)
        .map(|(_, rest)| rest.split("\n## ").next().unwrap_or_default().trim());
    match section {
        Some(text) => output::text(&format!("{code}\n\n{text}")),
        None => Err(Failure::usage("no such code; docs/errors.md lists them all")),
    }
}

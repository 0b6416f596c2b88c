//! `medseal explain CODE`: the page's own words, so that there is one place to write them.

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::output;
use serde_json::json;

const ERRORS: &str = include_str!("../../../../docs/errors.md");

pub(crate) fn run(arguments: &Arguments, code: &str) -> Result<(), Failure> {
    let code = code.to_uppercase();
    let heading = format!("\n## {code}\n");
    let (_, rest) = ERRORS
        .split_once(&heading)
        .ok_or_else(|| Failure::usage("no such code; docs/errors.md lists them all"))?;
    let section = rest.split("\n## ").next().unwrap_or_default().trim();
    if !arguments.json {
        return output::text(&format!("{code}\n\n{section}"));
    }
    output::json(&json!({
        "code": code,
        "cause": paragraph(section, "Cause: "),
        "remedy": paragraph(section, "Remedy: "),
        "exit_codes": numbers(paragraph(section, "Exit code: ")),
    }))
}

fn paragraph<'s>(section: &'s str, label: &str) -> &'s str {
    let found = section.split("\n\n").find_map(|paragraph| paragraph.strip_prefix(label));
    found.unwrap_or_default()
}

fn numbers(text: &str) -> Vec<u8> {
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
}

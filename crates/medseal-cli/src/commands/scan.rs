//! `medseal scan --expect-encrypted`: plaintext where ciphertext belongs.

use super::record;
use crate::arguments::{Arguments, Scan};
use crate::failure::Failure;
use crate::{input, output, terminal};
use medseal_engine::records::scan_for_plaintext;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

pub(crate) fn run(arguments: &Arguments, command: &Scan) -> Result<ExitCode, Failure> {
    let profile = Arc::new(record::profile(&command.protection)?);
    let mut files = Vec::new();
    for path in &command.files {
        collect(path, &mut files)?;
    }
    let mut count = 0usize;
    for file in &files {
        let (mut source, _) = input::open(file)?;
        for finding in scan_for_plaintext(Arc::clone(&profile), &mut *source)? {
            count += 1;
            let name = file.display();
            if arguments.json {
                output::json(&json!({ "file": name.to_string(), "finding": finding }))?;
            } else {
                let (line, column) = (finding.line, finding.column);
                let found = finding.found;
                output::line(&format!("{name}:{line}:{column}: {found} at {}", finding.path))?;
            }
        }
    }
    terminal::say(&format!("{} files, {count} findings", files.len()));
    Ok(ExitCode::from(u8::from(count > 0)))
}

/// A file as it is named; of folders, the JSON and NDJSON files in order.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let failed = |error: std::io::Error| Failure::Read {
        path: path.display().to_string(),
        kind: error.kind(),
    };
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        entries.push(entry.map_err(failed)?.path());
    }
    entries.sort();
    for entry in entries {
        let document = entry.extension().is_some_and(|e| e == "json" || e == "ndjson");
        if entry.is_dir() || document {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

//! Running other programs: printed as they run, kept in a file, or captured.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::{Failure, Result};

/// The cargo that started us, so that a toolchain chosen with `cargo +x` stays chosen.
pub(crate) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Runs to the end with its output on the terminal.
pub(crate) fn run(command: &mut Command, advice: &str) -> Result<()> {
    let status = command.status().map_err(|error| not_started(command, &error, advice))?;
    if status.success() { Ok(()) } else { Err(not_successful(command, advice)) }
}

/// Runs to the end and returns its standard output.
pub(crate) fn capture(command: &mut Command, advice: &str) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| not_started(command, &error, advice))?;
    if !output.status.success() {
        return Err(not_successful(command, advice));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs to the end; its standard output goes to the terminal and into `copy`.
pub(crate) fn tee(command: &mut Command, copy: &Path, advice: &str) -> Result<()> {
    let mut file = File::create(copy).map_err(|error| Failure::file(copy, &error))?;
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| not_started(command, &error, advice))?;
    if let Some(output) = child.stdout.take() {
        copy_lines(BufReader::new(output), &mut file)
            .map_err(|error| Failure::file(copy, &error))?;
    }
    let status = child.wait().map_err(|error| not_started(command, &error, advice))?;
    if status.success() { Ok(()) } else { Err(not_successful(command, advice)) }
}

fn copy_lines(mut from: impl BufRead, file: &mut File) -> std::io::Result<()> {
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        std::io::stdout().write_all(&line)?;
        file.write_all(&line)?;
        line.clear();
    }
    Ok(())
}

fn not_started(command: &Command, error: &std::io::Error, advice: &str) -> Failure {
    Failure::new(format!("`{}` did not start: {error}", shown(command)), advice)
}

fn not_successful(command: &Command, advice: &str) -> Failure {
    Failure::new(format!("`{}` failed", shown(command)), advice)
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    std::iter::once(program)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

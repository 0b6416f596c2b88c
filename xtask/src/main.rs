//! The project's chores as one program, so that a laptop and the build server run the same thing.
//!
//! Every rule of the project that a machine can judge is judged here. Nothing here ships.

use std::path::Path;
use std::process::ExitCode;

use failure::{Failure, Result};
use workspace::Workspace;

mod bench_files;
mod budgets;
mod check;
mod corpus;
mod coverage;
mod csv;
mod failure;
mod fhir_types;
mod layers;
mod process;
mod purity;
mod rust_source;
mod setup;
mod soak;
mod steps;
mod suite;
mod trace;
mod workspace;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  check        format, clippy, tests, docs, layers, budgets, traceability; needs no network
               once `cargo fetch` has run
  test         setup, check, coverage gate, end-to-end tests, reference, licences, corpus;
               what the build server runs (there CI=true: a missing component is a failure)
  setup        install what `test` needs: a Python environment, LLVM's coverage tools
  trace        compare docs/traceability.csv with the tests that last ran
  bench-files [MIB]
               encrypt and decrypt one file of 1024 MiB beside `age` and `cp`, print ratios
  corpus DIR   encrypt and decrypt every .json and .ndjson below DIR, compare byte for byte
  soak [--minutes N] [--entries N] [--short]
               many processes on one home for 20 minutes, with kills, and a log of ten
               million entries; `test` runs the short one
  fhir-types   make the tables of FHIR's types anew, from a package that npm fetches
               (or from DIR, where it stands unpacked)

Files it writes stand in target/xtask/: test-output.txt, e2e-output.txt, coverage.txt, venv/.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\n{failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[&str]) -> Result<()> {
    match words {
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        ["check"] => check::run(&Workspace::find()?),
        ["test"] => suite::run(&Workspace::find()?),
        ["setup"] => setup::run(&Workspace::find()?),
        ["trace"] => trace::run(&Workspace::find()?),
        ["bench-files"] => bench_files::run(&Workspace::find()?, None),
        ["bench-files", size] => bench_files::run(&Workspace::find()?, Some(size)),
        ["corpus", folder] => corpus::run(&Workspace::find()?, Path::new(folder)),
        ["soak", size @ ..] => {
            let found = soak::run(&Workspace::find()?, soak::size(size)?)?;
            println!("{found}");
            Ok(())
        }
        ["fhir-types"] => fhir_types::run(&Workspace::find()?, None),
        ["fhir-types", folder] => fhir_types::run(&Workspace::find()?, Some(Path::new(folder))),
        _ => {
            let what = format!("`cargo xtask {}` is not a command", words.join(" "));
            Err(Failure::new(what, "run `cargo xtask` for the list"))
        }
    }
}

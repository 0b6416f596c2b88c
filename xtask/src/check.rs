//! `cargo xtask check`: every rule that needs no network, stopping at the first that is broken.

use std::path::PathBuf;
use std::process::Command;

use crate::coverage::Instrumented;
use crate::failure::{Failure, Result};
use crate::process::{run as execute, tee};
use crate::steps::{Outcome, Steps};
use crate::trace::{self, Ignored};
use crate::workspace::Workspace;
use crate::{budgets, layers, purity, setup};

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new();
    let result = rules(workspace, &mut steps, None)
        .and_then(|()| steps.run("traceability", || trace::check(workspace, Ignored::Accepted)));
    steps.print_table();
    result
}

/// All but traceability, which comes after the last test that runs. Cheap rules come first.
pub(crate) fn rules(
    workspace: &Workspace,
    steps: &mut Steps,
    instrumented: Option<&Instrumented>,
) -> Result<()> {
    steps.run("format", || format(workspace))?;
    steps
        .run("layers", || done(layers::check(workspace).and_then(|()| purity::check(workspace))))?;
    steps.run("budgets", || done(budgets::check(workspace)))?;
    steps.run("clippy", || clippy(workspace))?;
    steps.run("tests", || tests(workspace, instrumented))?;
    steps.run("docs", || docs(workspace))
}

fn done(result: Result<()>) -> Result<Outcome> {
    result.map(|()| Outcome::Done)
}

fn format(workspace: &Workspace) -> Result<Outcome> {
    done(execute(&mut workspace.cargo("fmt --all --check"), "run `cargo fmt --all`"))
}

fn clippy(workspace: &Workspace) -> Result<Outcome> {
    let mut cargo =
        workspace.cargo("clippy --workspace --all-targets --locked --quiet -- -D warnings");
    done(execute(&mut cargo, "correct what clippy names above"))
}

fn tests(workspace: &Workspace, instrumented: Option<&Instrumented>) -> Result<Outcome> {
    let [copy, end_to_end] = trace::outputs(workspace)?;
    if end_to_end.exists() {
        std::fs::remove_file(&end_to_end).map_err(|error| Failure::file(&end_to_end, &error))?;
    }
    let mut binary = workspace.cargo("build -p medseal-cli --locked");
    test_environment(workspace, instrumented, &mut binary);
    execute(&mut binary, "make the workspace compile")?;
    let mut cargo = workspace.cargo("test --workspace --locked");
    test_environment(workspace, instrumented, &mut cargo);
    cargo.env("MEDSEAL_BIN", debug_binary(workspace));
    done(tee(&mut cargo, &copy, "correct the test that FAILED above, or the code it tests"))
}

/// The `medseal` that the end-to-end tests run here, built just before so that it is never stale.
pub(crate) fn debug_binary(workspace: &Workspace) -> PathBuf {
    workspace.target.join("debug/medseal")
}

/// What test processes find in their environment.
pub(crate) fn test_environment(
    workspace: &Workspace,
    instrumented: Option<&Instrumented>,
    command: &mut Command,
) {
    if let Some(python) = setup::existing_python(workspace) {
        command.env("MEDSEAL_PYTHON", python);
    }
    if let Some(instrumented) = instrumented {
        instrumented.apply(command);
    }
}

fn docs(workspace: &Workspace) -> Result<Outcome> {
    let mut cargo = workspace.cargo("doc --workspace --no-deps --locked --quiet");
    cargo.env("RUSTDOCFLAGS", "-Dwarnings");
    done(execute(&mut cargo, "correct the documentation that rustdoc names above"))
}

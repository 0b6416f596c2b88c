//! `cargo xtask test`: everything, from a clean clone. The build server runs this and nothing else.

use std::path::{Path, PathBuf};

use crate::check::{rules, test_environment};
use crate::coverage::{self, Instrumented};
use crate::failure::{Failure, Result};
use crate::process::{run as execute, tee};
use crate::steps::{Outcome, Steps, missing};
use crate::trace::{self, Ignored};
use crate::workspace::Workspace;
use crate::{corpus, setup, soak};

/// What set-up brought. Outside CI each may be lacking, and the step that needs it is skipped.
struct Components {
    python: Result<PathBuf>,
    cargo_deny: Result<PathBuf>,
    llvm: Result<PathBuf>,
}

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new();
    let result = all(workspace, &mut steps);
    steps.print_table();
    result
}

fn all(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    let components = set_up(workspace, steps)?;
    let instrumented = Instrumented::new(workspace)?;
    let measured = components.llvm.as_ref().ok().map(|_| &instrumented);
    rules(workspace, steps, measured)?;
    steps.run("coverage", || {
        with(&components.llvm, |tools| coverage::gate(workspace, &instrumented, tools))
    })?;
    steps.run("release binary", || corpus::build_release(workspace).map(|_| Outcome::Done))?;
    steps.run("mutated inputs", || mutated_inputs(workspace, measured))?;
    steps.run("end-to-end tests", || end_to_end(workspace, measured))?;
    steps.run("soak", || soak::run(workspace, soak::SHORT).map(Outcome::Note))?;
    steps.run("traceability", || trace::check(workspace, Ignored::Refused))?;
    steps.run("reference", || with(&components.python, |python| reference(workspace, python)))?;
    steps.run("licences", || with(&components.cargo_deny, |deny| licences(workspace, deny)))?;
    steps.run("corpus", || shared_corpus(workspace))
}

fn set_up(workspace: &Workspace, steps: &mut Steps) -> Result<Components> {
    steps.run("crates", || setup::crates(workspace))?;
    Ok(Components {
        python: component(steps, "python", || setup::python(workspace))?,
        cargo_deny: component(steps, "cargo-deny", || setup::cargo_deny(workspace))?,
        llvm: component(steps, "llvm tools", || setup::llvm_tools(workspace))?,
    })
}

/// Tries to set up one component and keeps the failure for those who need it.
fn component(
    steps: &mut Steps,
    name: &str,
    install: impl FnOnce() -> Result<PathBuf>,
) -> Result<Result<PathBuf>> {
    let mut found =
        Err(Failure::new(format!("{name} is missing"), "see the step that installs it"));
    steps.run(name, || match install() {
        Ok(path) => {
            found = Ok(path);
            Ok(Outcome::Done)
        }
        Err(failure) => missing(failure),
    })?;
    Ok(found)
}

fn with(
    component: &Result<PathBuf>,
    work: impl FnOnce(&Path) -> Result<Outcome>,
) -> Result<Outcome> {
    match component {
        Ok(path) => work(path),
        Err(failure) => Ok(Outcome::Skipped(failure.what().to_owned())),
    }
}

fn end_to_end(workspace: &Workspace, measured: Option<&Instrumented>) -> Result<Outcome> {
    let [_, copy] = trace::outputs(workspace)?;
    let mut cargo = workspace.cargo("test -p medseal-e2e --locked -- --include-ignored");
    test_environment(workspace, measured, &mut cargo);
    cargo.env("MEDSEAL_BIN", corpus::release_binary(workspace));
    tee(&mut cargo, &copy, "correct the end-to-end test that FAILED above, or the code it tests")?;
    Ok(Outcome::Done)
}

/// What the fuzz targets check, on a fixed run of inputs; `fuzz/` needs a nightly compiler.
fn mutated_inputs(workspace: &Workspace, measured: Option<&Instrumented>) -> Result<Outcome> {
    let tests = "test -p medseal-health --test health --locked -- --include-ignored mutations::";
    let mut cargo = workspace.cargo(tests);
    test_environment(workspace, measured, &mut cargo);
    execute(&mut cargo, "keep the input that is shown as a test, and correct what it found")?;
    Ok(Outcome::Done)
}

fn reference(workspace: &Workspace, python: &Path) -> Result<Outcome> {
    let mut command = workspace.command(python);
    command.arg("reference/test_reference.py");
    execute(
        &mut command,
        "specification, vectors and reference disagree: find out which is wrong",
    )?;
    Ok(Outcome::Done)
}

fn licences(workspace: &Workspace, cargo_deny: &Path) -> Result<Outcome> {
    let mut command = workspace.command(cargo_deny);
    command.args(["--offline", "--workspace", "--locked", "--log-level", "error"]);
    command.args(["check", "--hide-inclusion-graph", "bans", "licenses", "sources"]);
    execute(&mut command, "drop the dependency, or argue for a change of deny.toml")?;
    Ok(Outcome::Done)
}

/// The folder of real documents beside the workspace is not part of a clone.
fn shared_corpus(workspace: &Workspace) -> Result<Outcome> {
    let folder = workspace.root.join("../shared/data/fhir");
    if !folder.exists() {
        return Ok(Outcome::Note("no documents in ../shared/data/fhir".to_owned()));
    }
    corpus::check(workspace, &corpus::release_binary(workspace), &folder)
}

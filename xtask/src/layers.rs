//! The layer table: which crate may lean on which, and what a pure crate may not lean on at all.
//!
//! One direction of dependency is what lets an auditor read the core alone. A crate that is not
//! in the table fails, so that a new one is a decision and not an accident.

use crate::failure::{Result, none_of};
use crate::workspace::{Package, Workspace};

struct Layer {
    name: &'static str,
    may_use: Allowed,
    /// No I/O, no clock, no async, no environment, no unsafe code.
    pure: bool,
}

enum Allowed {
    Only(&'static [&'static str]),
    Everything,
}

use Allowed::{Everything, Only};

const TABLE: &[Layer] = &[
    Layer { name: "medseal-core", may_use: Only(&[]), pure: true },
    Layer { name: "medseal-policy", may_use: Only(&["medseal-core"]), pure: true },
    Layer { name: "medseal-health", may_use: Only(&[]), pure: true },
    Layer { name: "medseal-kms", may_use: Only(&["medseal-core"]), pure: false },
    Layer { name: "medseal-store", may_use: Only(&["medseal-core"]), pure: false },
    Layer {
        name: "medseal-engine",
        may_use: Only(&[
            "medseal-core",
            "medseal-policy",
            "medseal-health",
            "medseal-kms",
            "medseal-store",
        ]),
        pure: false,
    },
    Layer { name: "medseal-cli", may_use: Only(&["medseal-engine"]), pure: false },
    Layer { name: "medseal-e2e", may_use: Everything, pure: false },
    Layer { name: "xtask", may_use: Only(&[]), pure: false },
];

/// What brings I/O, an async runtime or a source of randomness into a crate.
const IMPURE: &[&str] = &[
    "tokio",
    "async-std",
    "rusqlite",
    "reqwest",
    "rustix",
    "libc",
    "tempfile",
    "getrandom",
    "rand",
];

pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    none_of(
        &offenders(&workspace.packages),
        "dependencies against the layer table",
        "remove the dependency; a new edge needs a reason and a line in xtask/src/layers.rs",
    )
}

/// The crates that the sources of purity are read from.
pub(crate) fn pure_packages(workspace: &Workspace) -> impl Iterator<Item = &Package> {
    workspace.packages.iter().filter(|package| layer(&package.name).is_some_and(|layer| layer.pure))
}

fn layer(name: &str) -> Option<&'static Layer> {
    TABLE.iter().find(|layer| layer.name == name)
}

fn offenders(packages: &[Package]) -> Vec<String> {
    let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    packages.iter().flat_map(|package| offenders_of(package, &names)).collect()
}

fn offenders_of(package: &Package, workspace: &[&str]) -> Vec<String> {
    let Some(layer) = layer(&package.name) else {
        return vec![format!("{} is not in the table", package.name)];
    };
    package
        .dependencies
        .iter()
        .filter(|dependency| !layer.allows(dependency, workspace.contains(&dependency.as_str())))
        .map(|dependency| format!("{} -> {dependency}", package.name))
        .collect()
}

impl Layer {
    fn allows(&self, dependency: &str, in_workspace: bool) -> bool {
        match &self.may_use {
            Only(names) if in_workspace => names.contains(&dependency),
            _ => !(self.pure && IMPURE.contains(&dependency)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{TABLE, check, offenders};
    use crate::workspace::{Package, Workspace};

    fn package(name: &str, dependencies: &[&str]) -> Package {
        let dependencies = dependencies.iter().map(|name| (*name).to_owned()).collect();
        Package { name: name.to_owned(), folder: Default::default(), dependencies }
    }

    #[test]
    fn the_workspace_keeps_to_the_layer_table() {
        let workspace = Workspace::find().unwrap();
        assert!(workspace.packages.len() >= TABLE.len());
        if let Err(failure) = check(&workspace) {
            panic!("{failure}");
        }
    }

    #[test]
    fn a_wrong_edge_is_named() {
        let found = offenders(&[
            package("medseal-core", &["sha2", "rand", "medseal-kms"]),
            package("medseal-kms", &["medseal-core", "rustix"]),
            package("medseal-cli", &["clap", "medseal-engine", "medseal-core"]),
            package("medseal-utils", &[]),
        ]);
        let expected = [
            "medseal-core -> rand",
            "medseal-core -> medseal-kms",
            "medseal-cli -> medseal-core",
            "medseal-utils is not in the table",
        ];
        assert_eq!(found, expected);
    }
}

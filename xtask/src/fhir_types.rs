//! `cargo xtask fhir-types`: the table of FHIR's elements and their types, one a release.
//!
//! JSON carries no types, and a path list typed by hand leaks what its author forgot. So the table
//! is made from a maintained package and committed; the scanner reads it from there. Only the
//! command itself uses the network.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::failure::{Failure, Result};
use crate::process::run as execute;
use crate::workspace::Workspace;

const PACKAGE: &str = "fhirpath";
const VERSION: &str = "5.2.2";
const RELEASES: [&str; 2] = ["r4", "r5"];

/// Fetches the package with npm, or takes an unpacked one, and writes the tables.
pub(crate) fn run(workspace: &Workspace, unpacked: Option<&Path>) -> Result<()> {
    let scratch = workspace.scratch()?;
    let package = match unpacked {
        Some(folder) => folder.to_owned(),
        None => fetch(&scratch)?,
    };
    for release in RELEASES {
        let folder = package.join("fhir-context").join(release);
        let table = Source::read(&folder)?.table(release);
        let path = workspace.root.join(format!("crates/medseal-health/fhir/{release}.types"));
        std::fs::write(&path, table).map_err(|error| Failure::file(&path, &error))?;
        println!("wrote {}", workspace.relative(&path));
    }
    Ok(())
}

fn fetch(scratch: &Path) -> Result<PathBuf> {
    let folder = scratch.join("fhir-types");
    std::fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, &error))?;
    let mut pack = std::process::Command::new("npm");
    pack.current_dir(&folder).args(["pack", "--silent", &format!("{PACKAGE}@{VERSION}")]);
    execute(&mut pack, "install npm, or give an unpacked package")?;
    let mut tar = std::process::Command::new("tar");
    tar.current_dir(&folder).args(["xzf", &format!("{PACKAGE}-{VERSION}.tgz")]);
    execute(&mut tar, "install tar")?;
    Ok(folder.join("package"))
}

/// The package's own tables.
struct Source {
    /// `Patient.birthDate` → `date`.
    types: BTreeMap<String, String>,
    /// `Patient` → `DomainResource`.
    parents: BTreeMap<String, String>,
    /// `Bundle.entry.link` → `Bundle.link`.
    elsewhere: BTreeMap<String, String>,
}

impl Source {
    fn read(folder: &Path) -> Result<Self> {
        Ok(Self {
            types: map(&folder.join("path2Type.json"))?,
            parents: map(&folder.join("type2Parent.json"))?,
            elsewhere: map(&folder.join("pathsDefinedElsewhere.json"))?,
        })
    }

    fn table(&self, release: &str) -> String {
        let mut out = format!(
            "# FHIR {}: types, what they extend, and their elements with the type of each.\n\
             # Made by `cargo xtask fhir-types` from the npm package {PACKAGE} {VERSION} \
             (fhir-context/{release}). Do not edit.\n\
             # FHIR is published by HL7 under CC0 1.0; FHIR is a trademark of HL7.\n\
             # The package is Copyright its authors (Lister Hill National Center for Biomedical \
             Communications and Health Samurai), under its BSD-style licence: \
             https://github.com/HL7/fhirpath.js/blob/master/LICENSE.md\n",
            release.to_uppercase()
        );
        for (name, parent) in self.all_types() {
            // writing to a string cannot fail
            let _ = write!(out, "{name} {}", parent.as_deref().unwrap_or("-"));
            for (element, of) in self.own_elements(&name, parent.as_deref()) {
                let _ = write!(out, " {element}:{of}");
            }
            out.push('\n');
        }
        out
    }

    /// Named types, and the unnamed ones of elements that have elements: those by their path.
    fn all_types(&self) -> BTreeMap<String, Option<String>> {
        let mut all = BTreeMap::new();
        for path in self.types.keys() {
            let Some((owner, _)) = path.rsplit_once('.') else { continue };
            let parent = match self.parents.get(owner) {
                Some(parent) => Some(parent.clone()),
                None => self.types.get(owner).cloned(),
            };
            all.insert(owner.to_owned(), parent);
        }
        for (name, parent) in &self.parents {
            all.insert(name.clone(), Some(parent.clone()));
            all.entry(parent.clone()).or_insert(self.parents.get(parent).cloned());
        }
        all
    }

    /// The elements that a type adds to what it extends.
    fn own_elements(&self, name: &str, parent: Option<&str>) -> BTreeMap<String, String> {
        if is_primitive(name) {
            return BTreeMap::new();
        }
        let mut own = self.elements(name);
        let mut above = parent;
        let mut seen = BTreeSet::new();
        while let Some(parent) = above.filter(|parent| seen.insert(parent.to_string())) {
            let inherited = self.elements(parent);
            own.retain(|element, of| inherited.get(element) != Some(of));
            above = self.parents.get(parent).map(String::as_str);
        }
        own
    }

    fn elements(&self, owner: &str) -> BTreeMap<String, String> {
        let prefix = format!("{owner}.");
        let direct = |path: &str| {
            let element = path.strip_prefix(&prefix)?;
            (!element.contains('.')).then(|| element.to_owned())
        };
        let here = self.types.iter().filter_map(|(path, of)| {
            let element = direct(path)?;
            let of = self.type_of(path, owner, &element, of);
            Some((element, of))
        });
        let links =
            self.elsewhere.iter().filter_map(|(path, to)| Some((direct(path)?, to.clone())));
        here.chain(links).collect()
    }

    fn type_of(&self, path: &str, owner: &str, element: &str, of: &str) -> String {
        let has_elements = || {
            let prefix = format!("{path}.");
            let next = self.types.range(prefix.clone()..).next();
            next.is_some_and(|(next, _)| next.starts_with(&prefix))
        };
        match of {
            // the FHIRPath types of FHIR's three compiler-defined elements
            "System.String" if element == "url" => "uri".to_owned(),
            "System.String" if self.is_resource(owner) => "id".to_owned(),
            "System.String" => "string".to_owned(),
            "BackboneElement" | "Element" if has_elements() => path.to_owned(),
            other => other.to_owned(),
        }
    }

    fn is_resource(&self, name: &str) -> bool {
        let parent = |name: &String| self.parents.get(name).cloned();
        std::iter::successors(Some(name.to_owned()), parent).any(|name| name == "Resource")
    }
}

fn is_primitive(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
}

/// A file of names, or of objects that hold them under `code`.
fn map(path: &Path) -> Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    let malformed = |what: &str| {
        let what = format!("`{}`: {what}", path.display());
        Failure::new(what, "take the package's version that the chore names")
    };
    let value: BTreeMap<String, Value> =
        serde_json::from_str(&text).map_err(|error| malformed(&error.to_string()))?;
    let text = |value: &Value| value.as_str().or(value["code"].as_str()).map(str::to_owned);
    let entries = value.iter().map(|(key, value)| Some((key.clone(), text(value)?)));
    entries.collect::<Option<_>>().ok_or_else(|| malformed("an entry is no name"))
}

#[cfg(test)]
mod tests {
    use super::Source;

    fn source(types: &[(&str, &str)]) -> Source {
        let pairs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
        };
        Source {
            types: pairs(types),
            parents: pairs(&[
                ("DomainResource", "Resource"),
                ("Thing", "DomainResource"),
                ("Extension", "Element"),
                ("date", "Element"),
            ]),
            elsewhere: pairs(&[("Thing.part.sub", "Thing.part")]),
        }
    }

    #[test]
    fn a_table_keeps_own_elements_parts_and_links() {
        let table = source(&[
            ("Resource.id", "System.String"),
            ("DomainResource.extension", "Extension"),
            ("Element.id", "System.String"),
            ("Extension.url", "System.String"),
            ("Extension.valueDate", "date"),
            ("Thing.id", "System.String"),
            ("Thing.extension", "Extension"),
            ("Thing.part", "BackboneElement"),
            ("Thing.part.id", "System.String"),
            ("Thing.part.when", "date"),
            ("date.value", "System.Date"),
        ])
        .table("r4");
        let lines: Vec<_> = table.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = [
            "DomainResource Resource extension:Extension",
            "Element - id:string",
            "Extension Element url:uri valueDate:date",
            "Resource - id:id",
            "Thing DomainResource part:Thing.part",
            "Thing.part BackboneElement id:string sub:Thing.part when:date",
            "date Element",
        ];
        assert_eq!(lines, expected);
        assert!(table.starts_with("# FHIR R4") && table.contains("fhirpath 5"));
    }

    #[test]
    fn the_committed_tables_are_as_the_chore_writes_them() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
        for release in super::RELEASES {
            let file = root.join(format!("medseal-health/fhir/{release}.types"));
            let text = std::fs::read_to_string(file).unwrap();
            let head: String = text.lines().take(4).map(|line| format!("{line}\n")).collect();
            assert!(source(&[]).table(release).starts_with(&head), "{release}");
            let names: Vec<_> = text.lines().skip(4).map(|l| l.split(' ').next()).collect();
            assert!(names.is_sorted() && names.len() > 600, "{}", names.len());
            for line in text.lines().skip(4) {
                let elements: Vec<_> = line.split(' ').skip(2).collect();
                assert!(elements.is_sorted_by_key(|e| e.split(':').next()), "{line}");
            }
        }
    }
}

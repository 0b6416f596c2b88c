//! `cargo xtask corpus DIR`: real documents through the real binary and back, compared byte for byte.
//!
//! A refusal is an answer and is listed with its code; other bytes than those given never are.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::failure::{Failure, Result};
use crate::process::{capture, run as execute};
use crate::steps::Outcome;
use crate::workspace::{Workspace, files_below};

/// Whether a file is for a profile.
type Wanted = fn(&Path) -> bool;

/// Each profile, and which files of the corpus it is for.
const PROFILES: [(&str, Wanted); 3] = [
    ("patient-basic", |_| true),
    ("fhir-r4", |file| is_fhir(file) && !is_r5(file)),
    ("fhir-r5", |file| is_fhir(file) && is_r5(file)),
];

/// Below a folder `fhir`.
fn is_fhir(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "fhir")
}

/// Below a folder `fhir/r5`.
fn is_r5(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "r5")
}

pub(crate) fn run(workspace: &Workspace, folder: &Path) -> Result<()> {
    let binary = match std::env::var_os("MEDSEAL_BIN") {
        Some(binary) => PathBuf::from(binary),
        None if release_binary(workspace).exists() => release_binary(workspace),
        None => build_release(workspace)?,
    };
    check(workspace, &binary, folder).map(drop)
}

pub(crate) fn release_binary(workspace: &Workspace) -> PathBuf {
    workspace.target.join("release/medseal")
}

pub(crate) fn build_release(workspace: &Workspace) -> Result<PathBuf> {
    let mut cargo = workspace.cargo("build --release -p medseal-cli --locked");
    execute(&mut cargo, "make the release build compile")?;
    Ok(release_binary(workspace))
}

pub(crate) fn check(workspace: &Workspace, binary: &Path, folder: &Path) -> Result<Outcome> {
    let files = files_below(folder, &[".json", ".ndjson"])?;
    if files.is_empty() {
        let what = format!("no .json or .ndjson below `{}`", folder.display());
        return Err(Failure::new(what, "name a folder with documents"));
    }
    let scratch = workspace.scratch()?;
    let mut notes = Vec::new();
    for (profile, wanted) in PROFILES {
        let files: Vec<PathBuf> = files.iter().filter(|file| wanted(file)).cloned().collect();
        let Some(first) = files.first() else { continue };
        let trial = Trial::start(binary, profile, &scratch)?;
        let note = if trial.knows_profile(first) {
            let tally = pass(&trial, folder, &files);
            println!("{profile}: {tally}");
            tally.verdict(profile)?;
            tally.to_string()
        } else {
            println!("{profile}: NOT RUN, `medseal` has no such profile");
            "NOT RUN, no such profile".to_owned()
        };
        notes.push(format!("{profile}: {note}"));
    }
    Ok(Outcome::Note(notes.join("; ")))
}

fn pass(trial: &Trial<'_>, folder: &Path, files: &[PathBuf]) -> Tally {
    let (mut tally, profile) = (Tally::default(), trial.profile);
    for file in files {
        let answer = trial.document(file);
        let name = file.strip_prefix(folder).unwrap_or(file).display();
        match &answer {
            Answer::Same { .. } => {}
            Answer::Refused(code) => println!("{profile}: {name}: refused, {code}"),
            Answer::Wrong(reason) => println!("{profile}: {name}: WRONG, {reason}"),
        }
        tally.add(answer);
    }
    tally
}

/// What came of one document.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// Byte for byte. `untouched` when the profile found nothing to protect.
    Same {
        untouched: bool,
    },
    Refused(String),
    Wrong(String),
}

#[derive(Default)]
struct Tally {
    same: usize,
    untouched: usize,
    wrong: usize,
    refused: BTreeMap<String, usize>,
}

impl Tally {
    fn add(&mut self, answer: Answer) {
        match answer {
            Answer::Same { untouched } => {
                self.same += 1;
                self.untouched += usize::from(untouched);
            }
            Answer::Refused(code) => *self.refused.entry(code).or_default() += 1,
            Answer::Wrong(_) => self.wrong += 1,
        }
    }

    fn refusals(&self) -> usize {
        self.refused.values().sum()
    }

    /// A pass that encrypted nothing at all proves nothing.
    fn verdict(&self, profile: &str) -> Result<()> {
        if self.wrong > 0 {
            let what = format!("{profile}: {} files came back wrong", self.wrong);
            return Err(Failure::new(
                what,
                "keep the file as a test of the scanner and correct it",
            ));
        }
        if self.same == self.untouched {
            let what = format!("{profile}: no file was encrypted and returned");
            return Err(Failure::new(what, "see the codes above; `medseal explain CODE` helps"));
        }
        Ok(())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.same + self.wrong + self.refusals();
        write!(
            f,
            "{files} files, {} returned byte for byte, {} refused",
            self.same,
            self.refusals()
        )?;
        if self.wrong > 0 {
            write!(f, ", {} WRONG", self.wrong)?;
        }
        if self.untouched > 0 {
            write!(f, " ({} of those returned had nothing to protect)", self.untouched)?;
        }
        Ok(())
    }
}

/// Which of the two homes: a field is bound to records there or it is not, never both.
#[derive(Clone, Copy)]
enum Binding {
    Record,
    NoRecord,
}

impl Binding {
    fn home(self) -> &'static str {
        match self {
            Self::Record => "home",
            Self::NoRecord => "home-no-record",
        }
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Record => &[],
            Self::NoRecord => &["--no-record"],
        }
    }
}

/// One profile with homes of its own, gone afterwards.
struct Trial<'a> {
    binary: &'a Path,
    profile: &'a str,
    folder: tempfile::TempDir,
}

impl<'a> Trial<'a> {
    fn start(binary: &'a Path, profile: &'a str, scratch: &Path) -> Result<Self> {
        let folder =
            tempfile::tempdir_in(scratch).map_err(|error| Failure::file(scratch, &error))?;
        let trial = Self { binary, profile, folder };
        for binding in [Binding::Record, Binding::NoRecord] {
            let mut init = Command::new(binary);
            init.arg("init").arg("--home").arg(trial.path(binding.home()));
            capture(&mut init, "`medseal init` must work before a corpus can run")?;
        }
        Ok(trial)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `record coverage` needs no keys, so a usage error means the profile.
    fn knows_profile(&self, file: &Path) -> bool {
        let mut command = Command::new(self.binary);
        command.args(["record", "coverage", "--profile", self.profile]).arg(file);
        command.output().is_ok_and(|output| output.status.code() != Some(2))
    }

    fn document(&self, file: &Path) -> Answer {
        let first = self.there_and_back(file, Binding::Record);
        if first == Answer::Refused("RECORD_ID_MISSING".to_owned()) {
            return self.there_and_back(file, Binding::NoRecord);
        }
        first
    }

    fn there_and_back(&self, file: &Path, binding: Binding) -> Answer {
        let (encrypted, decrypted) = (self.path("encrypted"), self.path("decrypted"));
        for stale in [&encrypted, &decrypted] {
            // A file left by the document before must not be taken for this one's.
            drop(std::fs::remove_file(stale));
        }
        match self.record("encrypt", file, &encrypted, binding) {
            Ok(output) if output.status.success() => {}
            Ok(output) => return refusal(&output),
            Err(error) => return Answer::Wrong(error.to_string()),
        }
        match self.record("decrypt", &encrypted, &decrypted, binding) {
            Ok(output) if output.status.success() => compare(file, &encrypted, &decrypted),
            Ok(output) => Answer::Wrong(format!("encrypted, but not back: {}", code(&output))),
            Err(error) => Answer::Wrong(error.to_string()),
        }
    }

    fn record(
        &self,
        verb: &str,
        from: &Path,
        to: &Path,
        binding: Binding,
    ) -> std::io::Result<Output> {
        let mut command = Command::new(self.binary);
        command.arg("--home").arg(self.path(binding.home())).args(["record", verb]);
        command.args(["--profile", self.profile]).args(binding.arguments());
        command.arg(from).arg("-o").arg(to).output()
    }
}

fn compare(file: &Path, encrypted: &Path, decrypted: &Path) -> Answer {
    let read = |path: &Path| std::fs::read(path).ok();
    let Some(original) = read(file) else { return Answer::Wrong("unreadable".to_owned()) };
    if read(decrypted).as_ref() != Some(&original) {
        return Answer::Wrong("other bytes came back".to_owned());
    }
    Answer::Same { untouched: read(encrypted).as_ref() == Some(&original) }
}

/// A program killed by a signal, or one that panics, has not refused.
fn refusal(output: &Output) -> Answer {
    match output.status.code() {
        Some(1..=6) => Answer::Refused(code(output)),
        _ => Answer::Wrong(format!("{}: {}", output.status, code(output))),
    }
}

/// The stable code that stands in brackets after the message, else the message's first line.
fn code(output: &Output) -> String {
    let message = String::from_utf8_lossy(&output.stderr);
    let is_code = |word: &&str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    let bracketed = message.split('[').skip(1).filter_map(|rest| rest.split(']').next());
    let first_line = || message.lines().next().unwrap_or("no message");
    bracketed.filter(is_code).last().unwrap_or_else(first_line).to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::{PROFILES, Trial, pass};

    /// A stand-in for `medseal` with one behaviour per document.
    const FAKE: &str = r#"#!/bin/sh
[ "$1" = init ] && exit 0
shift 3; verb=$1; shift 3; extra=
[ "$1" = --no-record ] && { extra=$1; shift; }
if [ "$verb" = decrypt ]; then
  case $(cat "$1") in *d2Vha2Vu*) echo wrong > "$3";; *) base64 -d "$1" > "$3";; esac
  exit
fi
case $(cat "$1") in
  *nameless*) [ -n "$extra" ] || { echo "medseal: JSON has no id [RECORD_ID_MISSING]" >&2; exit 3; };;
  *broken*) echo "medseal: [JSON] ends at byte 3 [MALFORMED]" >&2; exit 3;;
  *crash*) exit 101;;
esac
base64 "$1" > "$3"
"#;

    fn outcome(documents: &[(&str, &str)]) -> (String, bool) {
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("medseal");
        std::fs::write(&binary, FAKE).unwrap();
        std::fs::set_permissions(&binary, PermissionsExt::from_mode(0o755)).unwrap();
        let files: Vec<_> = documents
            .iter()
            .map(|(name, content)| {
                let path = folder.path().join(name);
                std::fs::write(&path, content).unwrap();
                path
            })
            .collect();
        let trial = Trial::start(Path::new(&binary), PROFILES[0].0, folder.path()).unwrap();
        let tally = pass(&trial, folder.path(), &files);
        (tally.to_string(), tally.verdict(PROFILES[0].0).is_ok())
    }

    #[test]
    fn refusals_are_counted_and_a_missing_id_is_tried_without_record() {
        let documents = [("a.json", "{}"), ("b.json", "nameless"), ("c.ndjson", "broken")];
        let expected = "3 files, 2 returned byte for byte, 1 refused";
        assert_eq!(outcome(&documents), (expected.to_owned(), true));
    }

    #[test]
    fn other_bytes_and_crashes_fail_the_run() {
        let documents = [("a.json", "{}"), ("b.json", "weaken"), ("c.json", "crash")];
        let expected = "3 files, 1 returned byte for byte, 0 refused, 2 WRONG";
        assert_eq!(outcome(&documents), (expected.to_owned(), false));
    }

    #[test]
    fn each_release_of_fhir_has_its_own_files() {
        let profiles = |file: &str| -> Vec<&str> {
            let wanted = PROFILES.iter().filter(|(_, wanted)| wanted(Path::new(file)));
            wanted.map(|(name, _)| *name).collect()
        };
        assert_eq!(profiles("data/fhir/bulk/a.ndjson"), ["patient-basic", "fhir-r4"]);
        assert_eq!(profiles("data/fhir/r5/a.json"), ["patient-basic", "fhir-r5"]);
        assert_eq!(profiles("data/notes/r5/a.json"), ["patient-basic"]);
    }

    #[test]
    fn a_run_that_encrypts_nothing_fails() {
        assert!(!outcome(&[("a.json", "broken")]).1);
    }
}

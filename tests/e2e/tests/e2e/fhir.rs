//! Whole FHIR documents through `fhir-r4` and `fhir-r5`, judged from outside: two Python programs
//! that share nothing with Medseal look for persons in the output and validate its resources.

use crate::world::{World, python, workspace};
use std::fs;
use std::path::{Path, PathBuf};

/// A document, its release and where its encrypted form lies.
struct Case {
    plain: PathBuf,
    release: &'static str,
    encrypted: String,
}

/// A home for each release: an element that changed its type from one to the next is defined once
/// in a home and tenant.
struct Homes {
    r4: World,
    r5: World,
}

/// The documents of a folder and of those below it, encrypted in one home a release.
fn encrypt_all(homes: &Homes, folder: &Path) -> Vec<Case> {
    let mut files = documents(folder);
    files.sort();
    let numbered = files.into_iter().enumerate();
    numbered.map(|(number, plain)| encrypt(homes, number, plain)).collect()
}

fn documents(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let is_document = path.extension().is_some_and(|e| e == "json" || e == "ndjson");
        match path.is_dir() {
            true => found.extend(documents(&path)),
            false if is_document => found.push(path),
            false => {}
        }
    }
    found
}

/// Encrypts one document; what comes back from the ciphertext must be the same bytes.
fn encrypt(homes: &Homes, number: usize, plain: PathBuf) -> Case {
    let is_r5 = plain.components().any(|c| c.as_os_str() == "r5");
    let (world, release) = if is_r5 { (&homes.r5, "r5") } else { (&homes.r4, "r4") };
    let extension = plain.extension().unwrap().to_str().unwrap();
    let encrypted = world.path(&format!("encrypted-{number}.{extension}"));
    let encrypted = encrypted.to_str().unwrap().to_owned();
    let profile = format!("fhir-{release}");
    let from = plain.to_str().unwrap();
    world.ok(&["record", "encrypt", "--profile", &profile, from, "-o", &encrypted], b"");
    let opened = world.ok(&["record", "decrypt", "--profile", &profile, &encrypted], b"");
    assert!(opened == fs::read(&plain).unwrap(), "{from}: other bytes came back");
    world.ok(&["scan", "--expect-encrypted", "--profile", &profile, &encrypted], b"");
    Case { plain, release, encrypted }
}

fn judge(cases: &[Case]) {
    let pairs = |release: &str| -> Vec<String> {
        let of_release = cases.iter().filter(|case| release.contains(case.release));
        of_release
            .flat_map(|c| [c.plain.to_str().unwrap().to_owned(), c.encrypted.clone()])
            .collect()
    };
    run("fhir_leaks.py", &[], &pairs("r4 r5"));
    for release in ["r4", "r5"] {
        let pairs = pairs(release);
        if !pairs.is_empty() {
            run("fhir_verdicts.py", &[release], &pairs);
        }
    }
}

fn run(program: &str, first: &[&str], rest: &[String]) {
    let program = workspace().join("reference").join(program);
    let mut arguments = vec![program.to_str().unwrap()];
    arguments.extend(first);
    arguments.extend(rest.iter().map(String::as_str));
    println!("{}", python(&arguments, "").trim());
}

#[test]
fn no_person_stays_readable_and_every_resource_stays_valid() {
    let homes = Homes { r4: World::new(), r5: World::new() };
    let cases = encrypt_all(&homes, &workspace().join("tests/e2e/documents/fhir"));
    assert_eq!(cases.len(), 10, "one document a trap");
    judge(&cases);
}

#[test]
#[ignore = "needs the real documents beside the workspace, and a minute"]
fn real_documents_keep_their_persons_to_themselves() {
    let folder = workspace().join("../shared/data/fhir");
    if !folder.exists() {
        println!("no documents in {}", folder.display());
        return;
    }
    let homes = Homes { r4: World::new(), r5: World::new() };
    let cases = encrypt_all(&homes, &folder);
    assert_eq!(cases.len(), 47);
    judge(&cases);
}

/// The judges themselves: what is not encrypted is found, and what is broken is refused.
#[test]
fn the_judges_find_what_is_wrong() {
    let world = World::new();
    let plain = workspace().join("tests/e2e/documents/fhir/narrative.json");
    let text = fs::read_to_string(&plain).unwrap();
    world.write("broken.json", text.replace("1949-05-02", "ms1:not-a-date"));
    let broken = world.path("broken.json");
    let (plain, broken) = (plain.to_str().unwrap(), broken.to_str().unwrap());
    let reference = workspace().join("reference");
    for (program, arguments) in
        [("fhir_leaks.py", vec![plain, plain]), ("fhir_verdicts.py", vec!["r4", plain, broken])]
    {
        let program = reference.join(program);
        let script = format!(
            "import subprocess, sys; sys.exit(subprocess.run({:?}).returncode != 1)",
            [vec!["python3-of-tests", program.to_str().unwrap()], arguments].concat()
        );
        let script = script.replace("\"python3-of-tests\"", "sys.executable");
        python(&["-c", &script], "");
    }
}

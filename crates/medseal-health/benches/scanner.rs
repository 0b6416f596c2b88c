//! How many megabytes of JSON one core scans per second.
//!
//! `cargo bench -p medseal-health` measures documents it makes up; with a folder after `--` it
//! measures every `*.json` (one document) and `*.ndjson` (one per line) below it as well. All
//! checks are on: UTF-8, grammar, equal keys, selectors, identity. Numbers vary by a tenth from run
//! to run on a shared machine; the best of several rounds is printed.

use std::error::Error;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use std::{env, fs, io};

use medseal_health::{HealthError, Limits, Profile, Scanner};

const ROUNDS: usize = 15;
const BYTES_PER_ROUND: usize = 32 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    black_box(Profile::builtin("patient-basic"));
    println!("patient-basic loads in {} µs", start.elapsed().as_micros());
    let folder = env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let compact = synthetic(2_000);
    measure("synthetic, compact", &lines(&compact))?;
    let pretty = compact.lines().map(pretty).collect::<Result<Vec<_>, _>>()?;
    measure("synthetic, pretty", &pretty)?;
    let Some(folder) = folder else { return Ok(()) };
    for (name, documents) in read(Path::new(&folder))? {
        measure(&name, &documents)?;
    }
    Ok(())
}

/// Prints the best rate for the built-in profile, and for one that names nothing.
fn measure(name: &str, documents: &[String]) -> Result<(), Box<dyn Error>> {
    let bytes: usize = documents.iter().map(String::len).sum();
    let mut line = format!("{name:44} {:8.2} MB", bytes as f64 / 1e6);
    for profile in ["patient-basic", "nothing", "everything"] {
        let mut scanner = Scanner::new(Arc::new(self::profile(profile)?), Limits::default());
        // What a profile refuses (a patient without an id) it refuses early or late; leave it out.
        let accepted = documents.iter().filter(|text| scanner.scan(text.as_bytes()).is_ok());
        let accepted: Vec<_> = accepted.map(String::as_str).collect();
        let mut best: f64 = 0.0;
        for _ in 0..ROUNDS {
            best = best.max(rate(&mut scanner, &accepted)?);
        }
        let refused = documents.len() - accepted.len();
        line += &format!("  {profile} {best:5.0} MB/s");
        line += &if refused > 0 { format!(" ({refused} refused)") } else { String::new() };
    }
    println!("{line}");
    Ok(())
}

fn profile(name: &str) -> Result<Profile, HealthError> {
    if let Some(profile) = Profile::builtin(name) {
        return Ok(profile);
    }
    let unnamed = if name == "everything" { "encrypt" } else { "keep" };
    Profile::from_toml(&format!(
        "profile = 'p'\nrevision = 1\n[document]\ncollection = 'c'\nrecord = 'none'\n\
         unnamed = '{unnamed}'"
    ))
}

fn rate(scanner: &mut Scanner, documents: &[&str]) -> Result<f64, HealthError> {
    let bytes: usize = documents.iter().map(|document| document.len()).sum();
    let times = (BYTES_PER_ROUND / bytes.max(1)).max(1);
    let start = Instant::now();
    for _ in 0..times {
        for document in documents {
            let scanned = scanner.scan(black_box(document.as_bytes()))?;
            black_box(scanned.spans().len());
        }
    }
    Ok((bytes * times) as f64 / start.elapsed().as_secs_f64() / 1e6)
}

/// FHIR-like patients, one per line; all made up.
fn synthetic(count: usize) -> String {
    let patient = |i: usize| {
        format!(
            concat!(
                r#"{{"resourceType":"Patient","id":"p-{i}","meta":{{"versionId":"1","lastUpdated":"#,
                r#""2024-01-01T00:00:00Z"}},"text":{{"status":"generated","div":"<div xmlns=\""#,
                r#"http://www.w3.org/1999/xhtml\">Patient number {i}, made up.</div>"}},"#,
                r#""identifier":[{{"use":"usual","system":"urn:oid:1.2.36.146.595.217.0.1","#,
                r#""value":"{i}"}}],"active":true,"name":[{{"use":"official","family":"Family{i}","#,
                r#""given":["One","Two"]}}],"telecom":[{{"system":"phone","value":"(03) 5555 {i}","#,
                r#""use":"work","rank":1}}],"gender":"other","birthDate":"1974-12-25","#,
                r#""address":[{{"use":"home","line":["{i} Some Street"],"city":"Town","state":"VIC","#,
                r#""postalCode":"3999","country":"AU"}}],"multipleBirthInteger":{i},"#,
                r#""position":{{"latitude":-37.8136,"longitude":144.9631}},"#,
                r#""managingOrganization":{{"reference":"Organization/1","display":"Somewhere"}}}}"#,
                "\n"
            ),
            i = i
        )
    };
    (0..count).map(patient).collect()
}

fn pretty(line: &str) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(line)?)
}

fn lines(text: &str) -> Vec<String> {
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// All JSON files below a folder as one set, and each NDJSON file and large JSON file by itself.
fn read(folder: &Path) -> io::Result<Vec<(String, Vec<String>)>> {
    let mut sets = vec![("small JSON files".to_owned(), Vec::new())];
    for path in files(folder)? {
        let text = fs::read_to_string(&path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".ndjson") {
            sets.push((name, lines(&text)));
        } else if text.len() > 100_000 {
            sets.push((name, vec![text]));
        } else {
            sets[0].1.push(text);
        }
    }
    Ok(sets)
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|end| end == "json" || end == "ndjson") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

//! `cargo xtask soak [--minutes N] [--entries N]`: one home under many processes for a long time.
//!
//! Workers encrypt, decrypt, rotate keys, verify the log and kill what they started; beside them one
//! process encrypts documents from a pipe all along. Afterwards every operation that was answered has
//! its entry, every value still opens, the log verifies, and neither that process nor the log's writer
//! and verifier took more memory for having run longer.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bench_files::resident;
use crate::corpus;
use crate::failure::{Failure, Result};
use crate::workspace::Workspace;

const WORKERS: usize = 4;
/// So much more memory than in its first part a process may have at the end, in KiB.
const MEMORY_SLACK_KIB: u64 = 8 << 10;
/// One operation in so many rotates a key: every version stays, and a home has a few at most.
const ROTATE_ONE_IN: u64 = 400;

/// How long, and how long a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) minutes: u64,
    pub(crate) entries: u64,
}

pub(crate) const LONG: Size = Size { minutes: 20, entries: 10_000_000 };
pub(crate) const SHORT: Size = Size { minutes: 1, entries: 300_000 };

/// Reads the arguments behind `soak`.
pub(crate) fn size(words: &[&str]) -> Result<Size> {
    match words {
        [] => Ok(LONG),
        ["--short"] => Ok(SHORT),
        [name, number, rest @ ..] => {
            let wrong = || Failure::new(format!("`{name} {number}`"), "give a number");
            let number = number.parse().map_err(|_| wrong())?;
            let size = size(rest)?;
            match *name {
                "--minutes" => Ok(Size { minutes: number, ..size }),
                "--entries" => Ok(Size { entries: number, ..size }),
                _ => Err(wrong()),
            }
        }
        [other] => Err(Failure::new(format!("`{other}`"), "run `cargo xtask` for the usage")),
    }
}

pub(crate) fn run(workspace: &Workspace, size: Size) -> Result<String> {
    let binary = corpus::build_release(workspace)?;
    let folder = workspace.scratch()?.join("soak");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, &error))?;
    let soak = Soak { binary, folder };
    let home = soak.home(size.minutes)?;
    let log = soak.long_log(size.entries)?;
    // what went wrong stays there to be looked at
    fs::remove_dir_all(&soak.folder).map_err(|error| Failure::file(&soak.folder, &error))?;
    Ok(format!("{home}; {log}"))
}

struct Soak {
    binary: PathBuf,
    folder: PathBuf,
}

/// What one worker did: its collection has entries of nobody else.
#[derive(Default)]
struct Done {
    collection: String,
    encrypts: Count,
    decrypts: Count,
    rotations: u64,
    kills: u64,
    values: Vec<(u64, Vec<u8>)>,
}

#[derive(Default, Clone, Copy)]
struct Count {
    started: u64,
    answered: u64,
}

fn wrong(what: impl Into<String>) -> Failure {
    Failure::new(what, "look at target/xtask/soak, which was left as it is")
}

fn random(limit: u64) -> u64 {
    RandomState::new().build_hasher().finish() % limit
}

impl Soak {
    fn home(&self, minutes: u64) -> Result<String> {
        self.ok(&["init"], b"")?;
        let end = Instant::now() + Duration::from_secs(60 * minutes);
        let stop = AtomicBool::new(false);
        let work = |number| {
            let done = self.work(number, end, &stop);
            if done.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            done
        };
        let (workers, memory) = thread::scope(|scope| {
            let workers: Vec<_> =
                (0..WORKERS).map(|number| scope.spawn(move || work(number))).collect();
            let memory = self.stream(end, &stop);
            let joined = workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|_| Err(wrong("a worker panicked"))));
            (joined.collect::<Result<Vec<_>>>(), memory)
        });
        let (workers, [early, late]) = (workers?, memory?);
        if late > early + MEMORY_SLACK_KIB {
            return Err(wrong(format!("memory grew from {early} to {late} KiB in one process")));
        }
        let entries = self.settle(&workers)?;
        let kills: u64 = workers.iter().map(|done| done.kills).sum();
        let rotations: u64 = workers.iter().map(|done| done.rotations).sum();
        Ok(format!("{entries} entries, {kills} kills, {rotations} rotations, {late} KiB"))
    }

    /// One operation after another until the end.
    fn work(&self, number: usize, end: Instant, stop: &AtomicBool) -> Result<Done> {
        let mut done = Done { collection: format!("soak{number}"), ..Done::default() };
        let start = Instant::now();
        self.encrypt(&mut done, None)?;
        let usual = start.elapsed();
        while Instant::now() < end && !stop.load(Ordering::Relaxed) {
            match random(100) {
                0..45 => self.encrypt(&mut done, None)?,
                45..85 => self.decrypt(&mut done)?,
                85..95 => {
                    self.encrypt(&mut done, Some(usual.mul_f64(random(1200) as f64 / 1e3)))?
                }
                95..98 => drop(self.ok(&["audit", "verify"], b"")?),
                _ => drop(self.ok(&["doctor"], b"")?),
            }
            if random(ROTATE_ONE_IN) == 0 {
                self.ok(&["key", "rotate", "default", "--reason", "soak"], b"")?;
                done.rotations += 1;
            }
        }
        Ok(done)
    }

    /// Encrypts a value; killed after some time when there is one.
    fn encrypt(&self, done: &mut Done, kill_after: Option<Duration>) -> Result<()> {
        let number = done.encrypts.started;
        done.encrypts.started += 1;
        let place = format!("{}/field/{number}", done.collection);
        let value = format!("value {number}");
        let mut child = self.spawn(&["encrypt", "-c", &place], value.as_bytes())?;
        if let Some(time) = kill_after {
            thread::sleep(time);
            child.kill().map_err(|error| wrong(format!("kill: {error}")))?;
        }
        let output = child.wait_with_output().map_err(|error| wrong(format!("{error}")))?;
        if output.status.code().is_none() {
            done.kills += 1;
        } else if !output.status.success() {
            return Err(refused("encrypt", &output));
        }
        // whole lines only: a kill may come between the answer and the end
        if output.stdout.ends_with(b"\n") {
            done.encrypts.answered += 1;
            done.values.push((number, output.stdout));
        }
        Ok(())
    }

    fn decrypt(&self, done: &mut Done) -> Result<()> {
        let at = random(done.values.len() as u64);
        let Some((number, envelope)) = done.values.get(at as usize) else { return Ok(()) };
        done.decrypts.started += 1;
        self.opens(&done.collection, *number, envelope)?;
        done.decrypts.answered += 1;
        Ok(())
    }

    fn opens(&self, collection: &str, number: u64, envelope: &[u8]) -> Result<()> {
        let place = format!("{collection}/field/{number}");
        let opened = self.ok(&["decrypt", "-c", &place], envelope)?;
        if opened.trim_ascii_end() == format!("value {number}").as_bytes() {
            return Ok(());
        }
        Err(wrong(format!("{place} opened to something else")))
    }

    /// Feeds one process until the end; its memory after a quarter of the time and at the end.
    fn stream(&self, end: Instant, stop: &AtomicBool) -> Result<[u64; 2]> {
        let mut child = self.start(&["record", "encrypt"], Stdio::null())?;
        let status = PathBuf::from(format!("/proc/{}/status", child.id()));
        let quarter = end.saturating_duration_since(Instant::now()) / 4;
        let (first, last) = (end - 3 * quarter, end - quarter);
        // batches come and go: what grows is more at its least than it was at its most
        let (mut early, mut late, mut number) = (0, u64::MAX, 0);
        if let Some(mut input) = child.stdin.take() {
            while Instant::now() < end && !stop.load(Ordering::Relaxed) {
                feed(&mut input, &mut number)?;
                let now = resident(&status);
                if Instant::now() < first {
                    early = early.max(now);
                } else if Instant::now() > last {
                    late = late.min(now);
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
        let ended = child.wait().map_err(|error| wrong(format!("{error}")))?;
        if ended.success() { Ok([early, late]) } else { Err(wrong("`record encrypt` failed")) }
    }

    /// Everything that was answered is there; how many entries the log has.
    fn settle(&self, workers: &[Done]) -> Result<u64> {
        let report = json(&self.ok(&["audit", "verify", "--json"], b"")?)?;
        let entries = report["entries"].as_u64().unwrap_or(0);
        if report["signed"] != report["entries"] {
            return Err(wrong("entries without a signature stayed behind the last process"));
        }
        let mut logged: BTreeMap<(String, String), u64> = BTreeMap::new();
        for line in self.ok(&["audit", "list", "--json"], b"")?.split(|byte| *byte == b'\n') {
            let entry = if line.is_empty() { continue } else { json(line)? };
            let collection = entry["collections"][0].as_str().unwrap_or_default().to_owned();
            let operation = entry["operation"].as_str().unwrap_or_default().to_owned();
            *logged.entry((collection, operation)).or_default() += 1;
        }
        for done in workers {
            for (operation, count) in [("encrypt", done.encrypts), ("decrypt", done.decrypts)] {
                let key = (done.collection.clone(), operation.to_owned());
                let found = logged.get(&key).copied().unwrap_or(0);
                if !(count.answered..=count.started).contains(&found) {
                    let Count { started, answered } = count;
                    let what = format!("{found} entries of {operation} in {}", done.collection);
                    return Err(wrong(format!("{what}: {started} started, {answered} answered")));
                }
            }
            for (number, envelope) in done.values.iter().step_by(1 + done.values.len() / 200) {
                self.opens(&done.collection, *number, envelope)?;
            }
        }
        self.ok(&["doctor"], b"")?;
        Ok(entries)
    }

    fn long_log(&self, entries: u64) -> Result<String> {
        let number = entries.to_string();
        let report = json(&self.ok(&["bench", "--long-log", &number, "--json"], b"")?)?;
        let kib = |name: &str| report[name].as_u64().unwrap_or(u64::MAX);
        let (early, late) = (kib("memory_at_a_tenth_kib"), kib("memory_appended_kib"));
        let verified = kib("memory_verified_kib");
        if late > early + MEMORY_SLACK_KIB || verified > late + MEMORY_SLACK_KIB {
            return Err(wrong(format!(
                "memory grew with the log: {early}, {late}, {verified} KiB"
            )));
        }
        let per_s = |name: &str| report[name].as_f64().unwrap_or(0.0);
        let (appended, checked) = (per_s("appended_per_s"), per_s("verified_per_s"));
        Ok(format!(
            "{entries} entries at {appended:.0}/s, verified at {checked:.0}/s, {verified} KiB"
        ))
    }

    fn start(&self, arguments: &[&str], stdout: Stdio) -> Result<Child> {
        let mut command = Command::new(&self.binary);
        command.current_dir(&self.folder).env("MEDSEAL_HOME", self.folder.join("home"));
        command.env("TMPDIR", &self.folder).args(arguments);
        command.stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::piped());
        command.spawn().map_err(|error| wrong(format!("{arguments:?}: {error}")))
    }

    fn spawn(&self, arguments: &[&str], input: &[u8]) -> Result<Child> {
        let mut child = self.start(arguments, Stdio::piped())?;
        // a command that takes no input may be gone already
        drop(child.stdin.take().map(|mut stdin| stdin.write_all(input)));
        Ok(child)
    }

    fn ok(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>> {
        let output = self.spawn(arguments, input)?.wait_with_output();
        let output = output.map_err(|error| wrong(format!("{arguments:?}: {error}")))?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(refused(arguments[0], &output))
        }
    }
}

fn feed(input: &mut ChildStdin, number: &mut u64) -> Result<()> {
    // a run takes a mebibyte of documents at a time: some of those must be in the first quarter
    for _ in 0..200 {
        let line = format!("{{\"id\":\"s{number}\",\"ssn\":\"900-12-3456\",\"active\":true}}\n");
        input.write_all(line.as_bytes()).map_err(|error| wrong(format!("the pipe: {error}")))?;
        *number += 1;
    }
    Ok(())
}

fn refused(command: &str, output: &Output) -> Failure {
    let said = String::from_utf8_lossy(&output.stderr);
    wrong(format!("`{command}` ended with {}: {said}", output.status))
}

fn json(bytes: &[u8]) -> Result<Value> {
    serde_json::from_slice(bytes).map_err(|error| wrong(format!("not JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::{LONG, SHORT, Size, size};

    #[test]
    fn the_size_is_read_and_nothing_else_is() {
        assert_eq!(size(&[]).unwrap(), LONG);
        assert_eq!(size(&["--short"]).unwrap(), SHORT);
        let read = size(&["--minutes", "2", "--entries", "7"]).unwrap();
        assert_eq!(read, Size { minutes: 2, entries: 7 });
        assert!(size(&["--minutes"]).is_err());
        assert!(size(&["--minutes", "x"]).is_err());
        assert!(size(&["--hours", "2"]).is_err());
    }
}

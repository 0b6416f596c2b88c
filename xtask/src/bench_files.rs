//! `cargo xtask bench-files [MIB]`: one large file, beside `age` and `cp` in the same run.
//!
//! Each side is followed by `sync -f` on what it wrote, because a program that leaves everything
//! in the page cache has not written a file. The sides are run in turns; what is printed is the
//! median of the ratios of neighbours, since absolute times move with whatever else a machine does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::corpus;
use crate::failure::{Failure, Result};
use crate::process::run as execute;
use crate::workspace::Workspace;

const PAIRS: usize = 5;

pub(crate) fn run(workspace: &Workspace, mebibytes: Option<&str>) -> Result<()> {
    let size = mebibytes.unwrap_or("1024").parse::<u64>().map_err(|_| {
        Failure::new("the size is not a number", "give a number of MiB, such as 1024")
    })?;
    let folder = workspace.scratch()?.join("bench-files");
    fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, &error))?;
    let bench = Bench { binary: corpus::build_release(workspace)?, folder };
    let measured = bench.prepare(size << 20).and_then(|()| bench.measure(size));
    // a gigabyte or four must not stay behind
    fs::remove_dir_all(&bench.folder).map_err(|error| Failure::file(&bench.folder, &error))?;
    measured
}

struct Bench {
    binary: PathBuf,
    folder: PathBuf,
}

struct Ran {
    seconds: f64,
    /// peak resident memory in KiB
    memory: u64,
}

impl Bench {
    fn prepare(&self, bytes: u64) -> Result<()> {
        let advice = "install `age` and run this again";
        execute(self.command("age-keygen").args(["-o", "age.key"]).stderr(Stdio::null()), advice)?;
        let home = &["init"];
        execute(self.medseal(home).stdout(Stdio::null()), "look at what `medseal init` says")?;
        // incompressible, so that no file system is cleverer than the others
        let script = format!("head -c {bytes} /dev/urandom > in && sync -f in");
        execute(self.command("sh").args(["-c", &script]), "make room on the disk")
    }

    fn measure(&self, size: u64) -> Result<()> {
        let sides: [(&str, Command, &str); 5] = [
            ("cp", self.command("cp"), "in copy"),
            ("medseal encrypt", self.medseal(&[]), "file encrypt in sealed"),
            ("age encrypt", self.command("age"), "-e -i age.key -o aged in"),
            ("medseal decrypt", self.medseal(&[]), "file decrypt sealed back"),
            ("age decrypt", self.command("age"), "-d -i age.key -o unaged aged"),
        ];
        let outputs = ["copy", "sealed", "aged", "back", "unaged"];
        let mut sides = sides.map(|(name, mut command, arguments)| {
            command.args(arguments.split(' '));
            (name, command, Vec::new())
        });
        for round in 0..=PAIRS {
            for ((_, command, ran), output) in sides.iter_mut().zip(outputs) {
                let once = self.timed(command, output)?;
                // the first round fills caches and is not counted
                if round > 0 {
                    ran.push(once);
                }
            }
        }
        self.same("in", "back")?;
        report(size, &sides.map(|(name, _, ran)| (name, ran)));
        Ok(())
    }

    fn medseal(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.current_dir(&self.folder).env("MEDSEAL_HOME", self.folder.join("home"));
        command.args(arguments);
        command
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder);
        command
    }

    /// The output is removed before and synced after, both outside nobody's time but its own.
    fn timed(&self, command: &mut Command, output: &str) -> Result<Ran> {
        let path = self.folder.join(output);
        if path.exists() {
            fs::remove_file(&path).map_err(|error| Failure::file(&path, &error))?;
        }
        let start = Instant::now();
        let memory = peak_memory(command)?;
        execute(self.command("sync").args(["-f", output]), "look at the disk")?;
        Ok(Ran { seconds: start.elapsed().as_secs_f64(), memory })
    }

    fn same(&self, one: &str, other: &str) -> Result<()> {
        execute(self.command("cmp").args([one, other]), "decryption gave something else: report it")
    }
}

/// Runs to the end and says the most memory it had, looked at every few milliseconds.
fn peak_memory(command: &mut Command) -> Result<u64> {
    let failed = |what: String| Failure::new(what, "run the command by hand");
    let mut child = command.spawn().map_err(|error| failed(format!("{command:?}: {error}")))?;
    let (peak, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let status = format!("/proc/{}/status", child.id());
    let ended = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                peak.fetch_max(high_water(Path::new(&status)), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let ended = child.wait();
        done.store(true, Ordering::Relaxed);
        ended
    });
    match ended {
        Ok(status) if status.success() => Ok(peak.into_inner()),
        _ => Err(failed(format!("{command:?} failed"))),
    }
}

/// The most memory a process ever had, in KiB, from its `/proc/…/status`; 0 when it is gone.
fn high_water(status: &Path) -> u64 {
    kib(status, "VmHWM:")
}

/// The memory that a process has now, as [`high_water`].
pub(crate) fn resident(status: &Path) -> u64 {
    kib(status, "VmRSS:")
}

fn kib(status: &Path, name: &str) -> u64 {
    let text = fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn report(size: u64, sides: &[(&str, Vec<Ran>); 5]) {
    println!("\n{size} MiB, {PAIRS} rounds, each side followed by `sync -f`; medians");
    for (name, ran) in sides {
        let seconds = median(ran.iter().map(|ran| ran.seconds).collect());
        let memory = ran.iter().map(|ran| ran.memory).max().unwrap_or(0) / 1024;
        let speed = size as f64 * 1.048_576 / seconds;
        println!("{name:<16} {seconds:>7.2} s  {speed:>6.0} MB/s  peak memory {memory:>4} MiB");
    }
    let [cp, encrypt, age_encrypt, decrypt, age_decrypt] = sides;
    for (ours, theirs) in
        [(encrypt, age_encrypt), (decrypt, age_decrypt), (encrypt, cp), (decrypt, cp)]
    {
        let ratios = ours.1.iter().zip(&theirs.1).map(|(a, b)| b.seconds / a.seconds);
        let ratio = median(ratios.collect());
        println!("{:<16} runs at {ratio:>5.2} × the speed of {}", ours.0, theirs.0);
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

//! `kill -9` at a random moment: what was there stays, what comes is whole or absent.

use crate::world::World;
use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const KILLS_EACH: u32 = 67;

/// A random number below `limit`.
pub(crate) fn random(limit: u64) -> u64 {
    RandomState::new().build_hasher().finish() % limit
}

fn spawn(world: &World, args: &[&str]) -> Child {
    let mut command = world.command(args);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// How long the command takes when nobody kills it.
pub(crate) fn duration(world: &World, args: &[&str]) -> Duration {
    let start = Instant::now();
    assert!(spawn(world, args).wait().unwrap().success(), "{args:?}");
    start.elapsed()
}

/// Kills the command at a random moment of its usual duration; says whether it was still running.
pub(crate) fn kill(world: &World, args: &[&str], usual: Duration) -> bool {
    let mut child = spawn(world, args);
    let limit = u64::try_from(usual.as_micros()).unwrap() * 6 / 5;
    sleep(Duration::from_micros(random(limit.max(200))));
    child.kill().unwrap();
    child.wait().unwrap().code().is_none()
}

#[test]
fn a_killed_init_leaves_a_whole_home_or_none() {
    let usual = duration(&World::empty(), &["init"]);
    let mut hits = 0;
    for _ in 0..KILLS_EACH {
        let world = World::empty();
        hits += u32::from(kill(&world, &["init"], usual));
        let ran = world.run(&["init", "--json"], b"");
        if ran.code != 0 {
            assert_eq!(ran.error()["code"], "HOME_EXISTS");
        }
        world.ok(&["doctor"], b"");
        let envelope = world.encrypt("Doe");
        assert_eq!(world.decrypt(&envelope), b"Doe");
        let left = fs::read_dir(world.path(".")).unwrap().count();
        assert!(left == 1 || ran.code != 0, "a successful init clears what a killed one left");
    }
    assert!(hits > KILLS_EACH / 4, "only {hits} of {KILLS_EACH} kills met a running process");
}

#[test]
fn a_killed_rotation_loses_nothing() {
    let world = World::new();
    let usual = duration(&world, &["key", "rotate", "default"]);
    let mut envelopes = Vec::new();
    let mut hits = 0;
    for n in 0..KILLS_EACH {
        envelopes.push(world.encrypt(&format!("value {n}")));
        hits += u32::from(kill(&world, &["key", "rotate", "default"], usual));
        let last = envelopes.last().unwrap();
        assert_eq!(world.decrypt(last), format!("value {n}").as_bytes());
    }
    for (n, envelope) in envelopes.iter().enumerate() {
        assert_eq!(world.decrypt(envelope), format!("value {n}").as_bytes());
    }
    world.ok(&["doctor"], b"");
    assert!(hits > KILLS_EACH / 4, "only {hits} of {KILLS_EACH} kills met a running process");
    assert!(world.versions("default").1.len() > 2);
}

#[test]
fn a_killed_run_leaves_no_half_output() {
    let world = World::new();
    let line = |n: u32| format!("{{\"id\":\"p{n}\",\"ssn\":\"value {n}\",\"email\":\"x\"}}\n");
    let document: String = (0..5000).map(line).collect();
    world.write("in", &document);
    let encrypt = ["record", "encrypt", "in", "-o", "out"];
    let usual = duration(&world, &encrypt);
    let whole = world.read("out").len();
    let mut hits = 0;
    for _ in 0..KILLS_EACH {
        fs::remove_file(world.path("out")).unwrap_or_default();
        hits += u32::from(kill(&world, &encrypt, usual));
        let out = fs::metadata(world.path("out"));
        assert!(out.is_err() || out.unwrap().len() as usize == whole, "half an output");
    }
    assert!(hits > KILLS_EACH / 4, "only {hits} of {KILLS_EACH} kills met a running process");
    world.ok(&encrypt, b"");
    assert_eq!(world.ok(&["record", "decrypt", "out"], b""), document.as_bytes());
    world.ok(&["doctor"], b"");
}

/// Names that a run makes for itself.
fn partial_names(world: &World) -> Vec<String> {
    let entries = fs::read_dir(world.path(".")).unwrap().flatten();
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".partial")).collect()
}

/// Kills `args` at random moments; each run that is left alone clears what killed ones left.
fn kill_files(world: &World, args: &[&str], out: &str, whole: &[u8], kills: u32) {
    fs::remove_file(world.path(out)).unwrap_or_default();
    let usual = duration(world, args);
    let mut hits = 0;
    for n in 0..kills {
        fs::remove_file(world.path(out)).unwrap_or_default();
        hits += u32::from(kill(world, args, usual));
        if let Ok(left) = fs::read(world.path(out)) {
            assert_eq!(left.len(), whole.len(), "half an output");
        }
        if n % 20 == 0 {
            world.ok(args, b"");
            assert_eq!(partial_names(world), [""; 0]);
        }
    }
    assert!(hits > kills / 4, "only {hits} of {kills} kills met a running process");
}

#[test]
#[ignore = "400 kills of runs over 24 MiB"]
fn killed_file_runs_leave_no_half_output_and_no_temporary_file() {
    let world = World::new();
    let content: Vec<u8> = (0..24u32 << 20).map(|i| (i ^ i >> 9) as u8).collect();
    world.write("in", &content);
    let encrypt = ["file", "encrypt", "in", "out"];
    world.ok(&encrypt, b"");
    kill_files(&world, &encrypt, "out", &world.read("out"), 200);
    world.ok(&encrypt, b"");
    kill_files(&world, &["file", "decrypt", "out", "back"], "back", &content, 200);
    world.ok(&["file", "decrypt", "out", "back"], b"");
    assert!(world.read("back") == content);
    world.ok(&["doctor"], b"");
}

#[test]
#[ignore = "60 kills of runs over a directory"]
fn a_killed_extraction_leaves_no_directory_and_no_temporary_one() {
    let world = World::new();
    fs::create_dir(world.path("d")).unwrap();
    for n in 0..200 {
        world.write(&format!("d/{n}"), vec![n as u8; 20_000]);
    }
    world.ok(&["file", "encrypt", "d", "d.ms1"], b"");
    let args = ["file", "decrypt", "d.ms1", "e"];
    let usual = duration(&world, &args);
    let mut hits = 0;
    for _ in 0..60 {
        fs::remove_dir_all(world.path("e")).unwrap_or_default();
        hits += u32::from(kill(&world, &args, usual));
        if let Ok(left) = fs::read_dir(world.path("e")) {
            assert_eq!(left.count(), 200, "half a directory");
        }
    }
    fs::remove_dir_all(world.path("e")).unwrap_or_default();
    world.ok(&args, b"");
    assert_eq!(partial_names(&world), [""; 0]);
    assert!(hits > 15, "only {hits} of 60 kills met a running process");
}

//! The audit log under two verifiers that share no code, under kills, and on a full disk.

use crate::world::{PLACE, Ran, World, finish, text, workspace};
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const KILLS: u32 = 200;

fn segment(world: &World) -> PathBuf {
    world.home().join("audit/segments/00000000000000000000.log")
}

/// The verifier in Python, on the home's log and checkpoints that were kept.
fn python(world: &World, kept: &[&str]) -> Ran {
    let program = std::env::var("MEDSEAL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut command = Command::new(program);
    command.arg(workspace().join("reference/verify_audit.py"));
    command.arg(world.home().join("audit")).arg(world.path("vkeys"));
    finish(command.args(kept.iter().map(|name| world.path(name))), b"")
}

/// A log of a few entries, its keys in `vkeys`.
fn logged() -> World {
    let world = World::new();
    let envelope = world.encrypt("Doe");
    (0..3).for_each(|_| assert_eq!(world.decrypt(&envelope), b"Doe"));
    world.write("vkeys", world.ok(&["audit", "key"], b""));
    world
}

/// The frames of a segment.
fn frames(segment: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut frames) = (segment, Vec::new());
    while let [e1, e2, d1, d2, d3, d4, ..] = *rest {
        let entry = usize::from(u16::from_be_bytes([e1, e2]));
        let details = u32::from_be_bytes([d1, d2, d3, d4]) as usize;
        let (frame, behind) = rest.split_at(6 + entry + details);
        frames.push(frame);
        rest = behind;
    }
    frames
}

fn flipped(frame: &[u8], at: usize) -> Vec<u8> {
    let mut frame = frame.to_vec();
    frame[at] ^= 1;
    frame
}

#[test]
fn both_verifiers_refuse_altered_entries_and_name_the_place() {
    let world = logged();
    let whole = fs::read(segment(&world)).unwrap();
    let f = frames(&whole);
    assert_eq!(f.len(), 9);
    let details = f[6].len() - 10;
    let cases: [(&str, Vec<u8>, &str); 7] = [
        (
            "a byte of an entry",
            [f[..6].concat(), flipped(f[6], 60), f[7..].concat()].concat(),
            "entry 6",
        ),
        (
            "a byte of details",
            [f[..6].concat(), flipped(f[6], details), f[7..].concat()].concat(),
            "entry 6",
        ),
        ("dropped", [&f[..5], &f[6..]].concat().concat(), "entry 5"),
        ("repeated", [&f[..6], &f[5..]].concat().concat(), "entry 6"),
        ("reordered", [&f[..5], &[f[6], f[5]], &f[7..]].concat().concat(), "entry 5"),
        ("the tail is cut", f[..8].concat(), "checkpoint of"),
        ("half an entry is cut", whole[..whole.len() - 5].to_vec(), "00000000000000000000.log"),
    ];
    let ask = |what: &str, place: &str| {
        let ours = world.run(&["audit", "verify", "--vkey", "vkeys"], b"");
        assert_eq!(ours.code, 1, "{what}");
        assert!(
            ours.err().contains(place) && ours.err().contains("[AUDIT_"),
            "{what}: {}",
            ours.err()
        );
        let theirs = python(&world, &[]);
        assert_eq!(theirs.code, 1, "{what}");
        assert!(theirs.err().contains(place), "{what}: {}", theirs.err());
    };
    for (what, bytes, place) in cases {
        fs::write(segment(&world), bytes).unwrap();
        ask(what, place);
    }
    fs::write(segment(&world), &whole).unwrap();
    assert_eq!(python(&world, &[]).out(), "ok: 9 entries, 9 signed, 6 details, 0 erased\n");
    world.ok(&["audit", "verify", "--vkey", "vkeys"], b"");
}

#[test]
fn both_verifiers_refuse_a_checkpoint_that_was_tampered_with() {
    let world = logged();
    let path = world.home().join("audit/checkpoint");
    let note = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = note.split_inclusive('\n').collect();
    let stripped = |line: usize| [&lines[..line], &lines[line + 1..]].concat().concat();
    let cases = [
        ("no ML-DSA line", stripped(6)),
        ("no Ed25519 line", stripped(5)),
        ("another size", note.replacen("\n9\n", "\n8\n", 1)),
        ("no named keys", stripped(3)),
    ];
    for (what, note) in cases {
        fs::write(&path, note).unwrap();
        world.refused(&["audit", "verify"], b"", 1, "AUDIT_SIGNATURE_REJECTED");
        let theirs = python(&world, &[]);
        assert!(
            theirs.code == 1 && theirs.err().contains("checkpoint"),
            "{what}: {}",
            theirs.err()
        );
    }
    fs::write(&path, note).unwrap();
    assert_eq!(python(&world, &[]).code, 0);
}

#[test]
fn a_kept_checkpoint_shows_a_cut_tail_and_an_old_checkpoint_put_back() {
    let world = logged();
    let path = world.home().join("audit/checkpoint");
    let (old, short) = (fs::read(&path).unwrap(), fs::read(segment(&world)).unwrap());
    world.encrypt("Doe");
    world.encrypt("Doe");
    let (newest, whole) = (fs::read(&path).unwrap(), fs::read(segment(&world)).unwrap());
    world.write("kept", &newest);
    world.ok(&["audit", "verify", "--from", "kept"], b"");
    world.ok(&["audit", "witness", "memory"], b"");
    assert_eq!(python(&world, &["kept"]).code, 0);
    // the old checkpoint over all entries: entry 10 knows a newer one
    fs::write(&path, &old).unwrap();
    let message = world.refused(&["audit", "verify"], b"", 1, "AUDIT_ROOT_REJECTED");
    assert!(message.contains("entry 10"), "{message}");
    assert!(python(&world, &[]).err().contains("entry 10"));
    // the old checkpoint and the old entries: only memory tells
    fs::write(segment(&world), &short).unwrap();
    world.ok(&["audit", "verify"], b"");
    assert_eq!(python(&world, &[]).code, 0);
    let verify = ["audit", "verify", "--from", "kept"];
    let message = world.refused(&verify, b"", 1, "AUDIT_ROOT_REJECTED");
    assert!(message.contains("checkpoint of 11 entries"), "{message}");
    assert!(python(&world, &["kept"]).err().contains("11"));
    world.refused(&["audit", "witness", "memory"], b"", 1, "AUDIT_ROOT_REJECTED");
    // and a writer that ended on more entries is not fooled by its own index either
    world.refused(&["encrypt", "-c", PLACE], b"Doe", 6, "AUDIT_UNAVAILABLE");
    fs::write(segment(&world), whole).unwrap();
    fs::write(&path, newest).unwrap();
    world.ok(&["audit", "witness", "memory"], b"");
}

#[test]
fn an_edited_index_changes_nothing() {
    let world = logged();
    let index = world.home().join("audit/index");
    let head = fs::read(index.join("head")).unwrap();
    for content in [flipped(&head, 9), Vec::new(), vec![7; 500]] {
        fs::write(index.join("head"), content).unwrap();
        assert_eq!(python(&world, &[]).code, 0);
        world.encrypt("Doe");
        world.ok(&["audit", "verify"], b"");
    }
    fs::remove_dir_all(&index).unwrap();
    world.encrypt("Doe");
    world.ok(&["audit", "verify"], b"");
    assert_eq!(python(&world, &[]).code, 0);
}

#[test]
fn both_check_proofs_and_refuse_others() {
    let world = logged();
    let proof = String::from_utf8(world.ok(&["audit", "prove", "4"], b"")).unwrap();
    let check = |proof: &str| {
        world.write("proof", proof);
        let ours = world.run(&["audit", "check-proof", "--vkey", "vkeys", "proof"], b"").code;
        let program = std::env::var("MEDSEAL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut command = Command::new(program);
        command.arg(workspace().join("reference/verify_audit.py")).arg("--proof");
        let theirs = finish(command.args([world.path("proof"), world.path("vkeys")]), b"").code;
        assert_eq!(ours, theirs);
        ours
    };
    assert_eq!(check(&proof), 0);
    assert_eq!(check(&proof.replacen("index 4", "index 5", 1)), 1);
    let at = proof.find("extra ").unwrap() + 100;
    let other = if proof[at..].starts_with('A') { "B" } else { "A" };
    assert_eq!(check(&[&proof[..at], other, &proof[at + 1..]].concat()), 1);
    let path = proof.lines().nth(3).unwrap();
    assert_eq!(check(&proof.replacen(&format!("{path}\n"), "", 1)), 1);
    let stripped: Vec<&str> = proof.trim_end().split_inclusive('\n').collect();
    assert_eq!(check(&stripped[..stripped.len() - 1].concat()), 1);
}

/// A limit on the size of files stands in for a full disk: the write fails half way.
#[test]
fn on_a_full_disk_nothing_is_decrypted_and_service_resumes() {
    let world = logged();
    let envelope = world.encrypt("Doe");
    // so long that the limit spares the store's own files
    let line = |n: u32| format!("{{\"id\":\"p{n}\",\"ssn\":\"1\",\"email\":\"x\"}}\n");
    let documents: String = (0..3000).map(line).collect();
    world.ok(&["record", "encrypt"], documents.as_bytes());
    let before = fs::read(segment(&world)).unwrap();
    let blocks = before.len() / 512;
    let binary = world.command(&[]).get_program().to_owned();
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" decrypt -c {PLACE}");
    let mut full = Command::new("sh");
    full.args(["-c", &script]).arg(binary).env("MEDSEAL_HOME", world.home());
    let ran = finish(&mut full, &envelope);
    assert_eq!((ran.code, ran.out().as_str()), (6, ""), "{}", ran.err());
    assert!(ran.err().contains("AUDIT_UNAVAILABLE"), "{}", ran.err());
    assert_eq!(fs::read(segment(&world)).unwrap(), before, "what was half written is cut off");
    assert_eq!(world.decrypt(&envelope), b"Doe");
    world.ok(&["audit", "verify"], b"");
}

/// A process that has the log and does not get on, as one does whose disk hangs.
#[test]
#[ignore = "waits for a deadline of ten seconds; run by cargo xtask test"]
fn a_log_that_somebody_keeps_makes_operations_fail_in_time_and_can_be_read() {
    let world = logged();
    let envelope = world.encrypt("Doe");
    let mut holder = Command::new("flock");
    holder.arg(world.home().join("audit")).args(["-c", "echo held; read wait"]);
    let mut holder = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut held = [0; 4];
    holder.stdout.take().unwrap().read_exact(&mut held).unwrap();
    let start = Instant::now();
    let ran = world.run(&["decrypt", "-c", PLACE], &envelope);
    assert_eq!((ran.code, ran.out().as_str()), (6, ""), "{}", ran.err());
    assert!(ran.err().contains("AUDIT_UNAVAILABLE"), "{}", ran.err());
    assert!(start.elapsed() < Duration::from_secs(25), "{:?}", start.elapsed());
    assert!(!world.ok(&["audit", "list"], b"").is_empty());
    assert_eq!(world.json(&["audit", "verify"])["being_written"], true);
    drop(holder.stdin.take());
    holder.wait().unwrap();
    assert_eq!(world.decrypt(&envelope), b"Doe");
    assert_eq!(world.json(&["audit", "verify"])["being_written"], false);
}

/// Collections stand in clear, so each operation has one of its own here.
#[test]
#[ignore = "200 kills; run by cargo xtask test"]
fn no_kill_loses_the_entry_of_an_answer() {
    let world = World::new();
    let usual = {
        let start = Instant::now();
        world.encrypt("Doe");
        start.elapsed()
    };
    let mut answered = BTreeSet::new();
    let mut killed = 0;
    for round in 0..KILLS {
        let collection = |n: u32| format!("c{round}-{n}");
        let spawn = |n: u32| {
            let place = format!("{}/f/r", collection(n));
            let mut command = world.command(&["encrypt", "-c", &place]);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
            command.spawn().unwrap()
        };
        let mut children: Vec<_> = (0..3).map(spawn).collect();
        let at = usual.mul_f64(f64::from(round) / f64::from(KILLS) * 2.0);
        thread::sleep(at.max(Duration::from_micros(200)));
        children[0].kill().unwrap();
        for (n, child) in (0..3).zip(children) {
            let output = child.wait_with_output().unwrap();
            killed += u32::from(output.status.code().is_none());
            if output.stdout.starts_with(b"ms1:") {
                answered.insert(collection(n));
            }
        }
    }
    world.encrypt("Doe");
    let report = world.json(&["audit", "verify"]);
    assert_eq!(report["entries"], report["signed"]);
    let listed = String::from_utf8(world.ok(&["audit", "list", "--json"], b"")).unwrap();
    let logged: BTreeSet<String> = listed
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter_map(|entry| entry["collections"].get(0).map(text))
        .collect();
    assert!(answered.is_subset(&logged), "{:?}", answered.difference(&logged));
    assert!(answered.len() >= 2 * KILLS as usize);
    assert!(killed > KILLS / 8, "only {killed} of {KILLS} kills met a running process");
    assert!(!world.home().join("audit/index/new").exists(), "no temporary file stays");
}

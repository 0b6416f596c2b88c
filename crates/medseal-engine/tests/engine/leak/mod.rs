//! After an operation and the engine's end no key and no plaintext is left in the process: the whole
//! writable memory is searched.
//!
//! Keys are as random as in any home. They are read past the engine and kept under a mask, so that
//! the search does not find itself; HMAC's midstates, which are as good as the key, are among them.

mod keys;
mod memory;

use crate::support::{bound, scope};
use keys::needles_of;
use medseal_engine::fields::Reencrypted;
use medseal_engine::health::{Collection, FieldPath, Profile, Record};
use medseal_engine::records::{Action, Job};
use medseal_engine::replace_file::ReplaceFile;
use medseal_engine::{Engine, EngineError, Environment, Home, Options, RootChoice, Value};
use memory::{Masked, NEEDLE, Needle, found};
use pollster::block_on;
use std::hint::black_box;
use std::io::{self, Write};
use std::sync::Arc;
use zeroize::{Zeroize, Zeroizing};

const FIELD: &str = "ssn";
#[rustfmt::skip]
const VALUE: Masked = Masked([
    0x00, 0x3d, 0x13, 0x1d, 0x1b, 0x6d, 0x3e, 0x03, 0x6f, 0x6f, 0x3c, 0x39, 0x30, 0x20, 0x39, 0x19,
    0x1d, 0x31, 0x62, 0x15, 0x0f, 0x14, 0x69, 0x0d, 0x23, 0x17, 0x03, 0x03, 0x33, 0x15, 0x10, 0x08,
]);
#[rustfmt::skip]
const IN_DOCUMENT: Masked = Masked([
    0x38, 0x0b, 0x37, 0x6a, 0x6c, 0x1c, 0x13, 0x19, 0x22, 0x6b, 0x13, 0x09, 0x0d, 0x2c, 0x36, 0x34,
    0x0c, 0x3b, 0x2f, 0x0d, 0x1d, 0x0f, 0x0e, 0x35, 0x13, 0x62, 0x2e, 0x6a, 0x13, 0x63, 0x0a, 0x2d,
]);

/// Runs `work` where the frames of the search do not overwrite what it leaves behind.
#[inline(never)]
fn far_down_the_stack<T>(work: impl FnOnce() -> T) -> T {
    let room = [0u8; 1 << 16];
    black_box(&room);
    work()
}

#[inline(never)]
fn clear_the_stack() {
    far_down_the_stack(|| {
        black_box(&[0u8; 1 << 18]);
    });
}

fn open(home: &Home) -> Engine {
    let nobody = || Err(EngineError::PassphraseNeeded);
    block_on(home.open(nobody, Options::default())).unwrap()
}

/// A value is encrypted, decrypted, carried over to a new version and decrypted again.
fn single_values(home: &Home) {
    let (engine, scope) = (open(home), scope("patients", FIELD));
    let target = bound(&scope, "p1");
    let mut plaintext = [0; NEEDLE];
    VALUE.unmask_into(&mut plaintext);
    let value = Value::bytes(&plaintext);
    let old = block_on(engine.encrypt_value(&target, None, &value)).unwrap();
    plaintext.zeroize();
    block_on(engine.rotate_key("default", "default", None, None)).unwrap();
    let new = block_on(engine.reencrypt_value(&target, &old)).unwrap();
    let new = match new {
        Reencrypted::New(new) => Some(new),
        Reencrypted::Current => None,
    };
    for envelope in [old, new.unwrap()] {
        let opened = block_on(engine.decrypt_value(&target, &envelope)).unwrap();
        assert_eq!(VALUE.count_in(opened.as_bytes()), 1);
    }
}

/// Lines of one patient each, more than one batch of them.
const MANY: Documents = Documents { lines: 1_500, note_bytes: 1_000 };
const SMALL: Documents = Documents { lines: 3, note_bytes: 10 };

struct Documents {
    lines: usize,
    note_bytes: usize,
}

impl Documents {
    fn text(&self) -> Zeroizing<Vec<u8>> {
        let note = "0".repeat(self.note_bytes);
        let mut out = Zeroizing::new(Vec::with_capacity(self.lines * (note.len() + 128)));
        for line in 0..self.lines {
            // in the middle: what is freed loses its first bytes to the allocator
            let half = &note[note.len() / 2..];
            write!(out, "{{\"id\":\"p{line:08}\",\"a\":\"{half}\",\"ssn\":\"").unwrap();
            let at = out.len();
            out.extend_from_slice(&[0; NEEDLE]);
            IN_DOCUMENT.unmask_into(&mut out[at..]);
            writeln!(out, "\",\"b\":\"{half}\"}}").unwrap();
        }
        assert!(out.len() < out.capacity(), "it was not moved while it grew");
        out
    }
}

/// Counts what is written through it and keeps nothing.
#[derive(Default)]
struct Counting {
    needles: usize,
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.needles += IN_DOCUMENT.count_in(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn job(action: Action) -> Job {
    let record = Record::At(vec![FieldPath::parse("id").unwrap()]);
    let collection = Collection::Constant("patients".to_owned());
    let profile = Profile::from_paths(&[FIELD], collection, record).unwrap();
    Job::new(action, Arc::new(profile), "default")
}

fn run(engine: &Engine, action: Action, input: &[u8], output: &mut (dyn Write + Send)) {
    let (job, mut input) = (job(action), input);
    block_on(engine.run_records(&job, &mut input, output, &mut |_| {})).unwrap();
}

fn documents(home: &Home, documents: &Documents) {
    let engine = open(home);
    let mut sealed = Vec::new();
    run(&engine, Action::Encrypt, &documents.text(), &mut sealed);
    block_on(engine.rotate_key("default", "default", None, None)).unwrap();
    let mut moved = Vec::new();
    run(&engine, Action::Reencrypt, &sealed, &mut moved);
    let mut opened = Counting::default();
    run(&engine, Action::Decrypt, &moved, &mut opened);
    assert_eq!(opened.needles, documents.lines);
}

/// A run that is refused in the middle has opened what stands before.
fn refused_document(home: &Home) {
    let engine = open(home);
    let mut sealed = Vec::new();
    run(&engine, Action::Encrypt, &SMALL.text(), &mut sealed);
    sealed.extend_from_slice(b"{\"id\":\"p\",\"ssn\":\"plain\"}\n");
    let (job, mut opened) = (job(Action::Decrypt), Counting::default());
    let done = block_on(engine.run_records(&job, &mut &sealed[..], &mut opened, &mut |_| {}));
    assert_eq!(done.unwrap_err().code(), "PLAINTEXT_WHERE_PROTECTED");
    assert_eq!(opened.needles, 3);
}

/// To a file, committed and given up.
fn files(home: &Home) {
    let engine = open(home);
    let mut sealed = Vec::new();
    run(&engine, Action::Encrypt, &SMALL.text(), &mut sealed);
    for commit in [true, false] {
        let path = home.path().with_file_name("opened.json");
        let mut file = ReplaceFile::create(&path).unwrap();
        run(&engine, Action::Decrypt, &sealed, &mut file);
        if commit {
            file.commit().unwrap();
        }
    }
}

/// In a thread of its own, whose stack is cleared: it must not overwrite what work left on ours.
fn needles(home: &Home) -> Vec<Needle> {
    let read = || {
        let mut needles = far_down_the_stack(|| needles_of(home, FIELD));
        needles.push(Needle { name: "value", masked: VALUE });
        needles.push(Needle { name: "document", masked: IN_DOCUMENT });
        clear_the_stack();
        needles
    };
    std::thread::scope(|scope| scope.spawn(read).join().unwrap())
}

fn assert_nothing_is_left(home: &Home, after: &str, work: impl FnOnce(&Home)) {
    far_down_the_stack(|| work(home));
    assert_eq!(found(&needles(home)), [""; 0], "after {after}");
    clear_the_stack();
}

/// The search finds each needle in the heap and in a dead frame, or it would prove nothing.
fn what_is_left_is_found(home: &Home) {
    let needles = needles(home);
    assert!(needles.len() >= 20, "{}", needles.len());
    let mut names: Vec<_> = needles.iter().map(|needle| needle.name).collect();
    names.sort_unstable();
    let mut left = vec![0; NEEDLE * needles.len()];
    left.chunks_exact_mut(NEEDLE)
        .zip(&needles)
        .for_each(|(o, needle)| needle.masked.unmask_into(o));
    assert_eq!(found(&needles), names);
    left.zeroize();
    assert_eq!(found(&needles), [""; 0], "after the control");
    far_down_the_stack(|| {
        let mut left = [0; NEEDLE];
        VALUE.unmask_into(&mut left);
        black_box(&left);
    });
    assert_eq!(found(&needles), ["value"]);
    clear_the_stack();
}

#[test]
fn no_key_and_no_plaintext_is_left_in_memory() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::at(directory.path().join("home"));
    let init = |home: &Home| {
        block_on(home.init(RootChoice::KeyFile, Environment::Development)).map(drop).unwrap()
    };
    assert_nothing_is_left(&home, "init", init);
    what_is_left_is_found(&home);
    assert_nothing_is_left(&home, "single values", single_values);
    assert_nothing_is_left(&home, "few lines", |home| documents(home, &SMALL));
    assert_nothing_is_left(&home, "many lines", |home| documents(home, &MANY));
    assert_nothing_is_left(&home, "a refused document", refused_document);
    assert_nothing_is_left(&home, "files", files);
}

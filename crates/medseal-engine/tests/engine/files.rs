//! Files: what breaks while they are read and written, and what definitions demand of them.

use crate::support::{Fixture, code, fixture, scope, with};
use medseal_engine::fields::{FieldDefinition, Target};
use medseal_engine::files::{
    ArrayLayout, ByteRange, Description, FileJob, FileReport, Sink, Source, inspect_file,
};
use medseal_engine::keys::{KeyPurpose, NewKey};
use medseal_engine::{
    Binding, EngineError, Environment, Flags, Options, RotationPolicy, Scope, Suite,
    VerifyAfterEncrypt,
};
use pollster::block_on;
use std::fs;
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

const MIB: usize = 1 << 20;

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i ^ i >> 8 ^ i >> 15) as u8).collect()
}

fn unbound(scope: &Scope) -> FileJob<'_> {
    let target = Target { scope, binding: Binding::default(), subject: None, no_record: true };
    FileJob { target, key: None }
}

/// A pipe that remembers what it was given, and fails after so many bytes.
#[derive(Clone, Default)]
struct Given(Arc<Mutex<Vec<u8>>>, Option<usize>);

impl Given {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Write for Given {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut given = self.0.lock().unwrap();
        if self.1.is_some_and(|limit| given.len() + bytes.len() > limit) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        given.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Gives some bytes, then fails.
struct Failing(Cursor<Vec<u8>>);

impl Read for Failing {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.0.read(out)? {
            0 => Err(io::ErrorKind::ConnectionReset.into()),
            read => Ok(read),
        }
    }
}

fn pipe(bytes: &[u8]) -> Source {
    Source::Pipe(Box::new(Cursor::new(bytes.to_vec())))
}

fn encrypt(f: &Fixture, source: Source, sink: Sink) -> Result<FileReport, EngineError> {
    let scope = scope("files", "content");
    let description = Description::default();
    let job = unbound(&scope);
    block_on(f.engine.encrypt_file(&job, &description, source, sink, &mut |_| {}))
}

fn decrypt(f: &Fixture, source: Source, sink: Sink) -> Result<FileReport, EngineError> {
    let scope = scope("files", "content");
    block_on(f.engine.decrypt_file(&unbound(&scope), source, sink, &mut |_| {}))
}

fn sealed(f: &Fixture, bytes: &[u8]) -> Vec<u8> {
    let out = Given::default();
    encrypt(f, pipe(bytes), Sink::Pipe(Box::new(out.clone()))).unwrap();
    out.take()
}

fn workspace() -> (tempfile::TempDir, impl Fn(&str) -> PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().to_owned();
    (directory, move |name: &str| root.join(name))
}

fn names(directory: &Path) -> usize {
    fs::read_dir(directory).unwrap().count()
}

#[test]
fn a_file_that_changes_while_it_is_read_gives_nothing() {
    let (f, (directory, at)) = (fixture(), workspace());
    let plain = content(3 * MIB);
    type Change = fn(&fs::File);
    let changes: [Change; 3] = [
        |file| file.set_len(MIB as u64).unwrap(),
        |mut file| file.write_all(&content(3 * MIB + 1)).unwrap(),
        // another content of the same length
        |file| file.set_modified(std::time::UNIX_EPOCH).unwrap(),
    ];
    for change in changes {
        fs::write(at("in"), &plain).unwrap();
        let source = Source::open(&at("in")).unwrap();
        change(&fs::OpenOptions::new().write(true).open(at("in")).unwrap());
        let refused = encrypt(&f, source, Sink::file(&at("out")).unwrap());
        assert_eq!(code(refused), "SOURCE_CHANGED");
        assert_eq!(names(directory.path()), 1, "only the input");
    }
}

#[test]
fn a_failing_output_ends_the_run_and_is_told() {
    let f = fixture();
    let plain = content(6 * MIB);
    let stream = sealed(&f, &plain);
    for limit in [0, 10, MIB, 3 * MIB + 5] {
        let full = || Sink::Pipe(Box::new(Given(Arc::default(), Some(limit))));
        assert_eq!(code(encrypt(&f, pipe(&plain), full())), "IO_FAILED");
        assert_eq!(code(decrypt(&f, pipe(&stream), full())), "IO_FAILED");
    }
}

#[test]
fn a_failing_input_never_becomes_a_stream_that_looks_whole() {
    let f = fixture();
    for len in [0, 100, MIB, 2 * MIB + 77] {
        let out = Given::default();
        let input = Source::Pipe(Box::new(Failing(Cursor::new(content(len)))));
        let failed = encrypt(&f, input, Sink::Pipe(Box::new(out.clone())));
        assert_eq!(code(failed), "IO_FAILED");
        let refused = decrypt(&f, pipe(&out.take()), Sink::Pipe(Box::new(Given::default())));
        assert_eq!(code(refused), "ENVELOPE_MALFORMED", "{len}");
    }
    // a stream that breaks off in transit: the chunks before are true, and the rest is told
    let (plain, given) = (content(2 * MIB + 77), Given::default());
    let mut stream = sealed(&f, &plain);
    stream.truncate(MIB + 5000);
    let input = Source::Pipe(Box::new(Failing(Cursor::new(stream))));
    assert_eq!(code(decrypt(&f, input, Sink::Pipe(Box::new(given.clone())))), "IO_FAILED");
    assert!(plain.starts_with(&given.take()));
}

#[test]
fn the_first_damaged_chunk_is_told_whichever_thread_was_faster() {
    let (f, (_directory, at)) = (fixture(), workspace());
    let mut stream = sealed(&f, &content(12 * MIB));
    let start = stream.len() - (12 * MIB + 16 * (12 * 64 + 1));
    for chunk in [70, 300, 301, 700] {
        stream[start + chunk * 16_400 + 3] ^= 1;
    }
    fs::write(at("damaged"), &stream).unwrap();
    for _ in 0..5 {
        let source = Source::open(&at("damaged")).unwrap();
        let refused = decrypt(&f, source, Sink::file(&at("out")).unwrap()).unwrap_err();
        let EngineError::AtChunk { chunk, offset, .. } = refused else { panic!("{refused}") };
        assert_eq!((chunk, offset), (70, (start + 70 * 16_400) as u64));
        let given = Given::default();
        let refused = decrypt(&f, pipe(&stream), Sink::Pipe(Box::new(given.clone())));
        assert!(matches!(refused, Err(EngineError::AtChunk { chunk: 70, .. })));
        assert!(given.take() == content(12 * MIB)[..70 * 16_384]);
    }
}

#[test]
fn verification_after_encryption_notices_a_broken_block() {
    let options =
        Options { verify_after_encrypt: VerifyAfterEncrypt::Always, ..Options::default() };
    let mut f = with(Environment::Development, options);
    let plain = content(2 * MIB + 1);
    let stream = sealed(&f, &plain);
    let out = Given::default();
    decrypt(&f, pipe(&stream), Sink::Pipe(Box::new(out.clone()))).unwrap();
    assert!(out.take() == plain);
    f.engine.inject_fault(|block| block[0] ^= 1);
    let broken = encrypt(&f, pipe(&plain), Sink::Pipe(Box::new(Given::default())));
    assert_eq!(code(broken), "VERIFICATION_FAILED");
}

#[test]
fn definitions_govern_streams_too() {
    let f = fixture();
    let define = |field: &str, flags, key: &str| {
        let definition = FieldDefinition {
            key: key.to_owned(),
            class: "general".to_owned(),
            flags,
            placement: "inline".to_owned(),
            profile: None,
        };
        block_on(f.engine.define_field(&scope("scans", field), &definition)).unwrap();
    };
    let padded = Flags::new(true, false, false, false).unwrap();
    let before = scope("scans", "padded");
    let out = Given::default();
    let sink = || Sink::Pipe(Box::new(out.clone()));
    let (description, job) = (Description::default(), unbound(&before));
    let run = |job: &FileJob<'_>| {
        let source = pipe(b"x");
        block_on(f.engine.encrypt_file(job, &description, source, sink(), &mut |_| {}))
    };
    run(&job).unwrap();
    let stream = out.take();
    define("padded", padded, "files");
    // no stream is padded, so the definition leaves room for none
    assert_eq!(code(run(&job)), "CONTEXT_INVALID");
    let opened = block_on(f.engine.decrypt_file(&job, pipe(&stream), sink(), &mut |_| {}));
    assert_eq!(code(opened), "REJECTED");
    // a field of values makes no files
    define("values", Flags::UNBOUND, "default");
    let values = scope("scans", "values");
    assert_eq!(code(run(&unbound(&values))), "KEY_PURPOSE");
    // bound to a record, as defined
    define("bound", Flags::RECORD_BOUND, "files");
    let bound = scope("scans", "bound");
    assert_eq!(code(run(&unbound(&bound))), "RECORD_REQUIRED");
    let target =
        Target { scope: &bound, binding: Binding::record("r"), subject: None, no_record: false };
    run(&FileJob { target, key: Some("files") }).unwrap();
    assert!(inspect_file(pipe(&out.take())).unwrap().record_bound.unwrap());
}

#[test]
fn what_files_use_is_counted_and_rotates_the_key() {
    let f = fixture();
    let key = NewKey {
        tenant: "default",
        name: "counted",
        purpose: KeyPurpose::File,
        suite: Suite::Aes256Gcm,
        policy: RotationPolicy { max_bytes: Some(1000), ..RotationPolicy::default() },
    };
    block_on(f.engine.create_key(&key, None)).unwrap();
    let scope = scope("files", "content");
    let job = FileJob { key: Some("counted"), ..unbound(&scope) };
    let description = Description::default();
    let run = || {
        let sink = Sink::Pipe(Box::new(Given::default()));
        let source = pipe(&content(600));
        block_on(f.engine.encrypt_file(&job, &description, source, sink, &mut |_| {})).unwrap();
        block_on(f.engine.show_key("default", "counted")).unwrap().primary
    };
    let primaries = [run(), run(), run()];
    assert_ne!(primaries[0], primaries[2], "1 200 bytes are more than 1 000");
}

#[test]
fn what_does_not_suit_is_refused() {
    let (f, (directory, at)) = (fixture(), workspace());
    let nowhere = || Sink::Path(at("out"));
    assert_eq!(code(encrypt(&f, pipe(b"x"), nowhere())), "FILE_NEEDED");
    let folder = || Source::open(directory.path()).unwrap();
    assert_eq!(code(decrypt(&f, folder(), nowhere())), "ENVELOPE_MALFORMED");
    assert_eq!(code(inspect_file(folder())), "IO_FAILED");
    let scope = scope("files", "content");
    let job = unbound(&scope);
    let layout = ArrayLayout::parse("u8", "4").unwrap();
    let session =
        |source, sink| block_on(f.engine.encrypt_session(&job, &layout, source, sink, &mut |_| {}));
    assert_eq!(code(session(folder(), Sink::Pipe(Box::new(Given::default())))), "ARRAY_INVALID");
    assert_eq!(code(session(pipe(b"1234"), nowhere())), "FILE_NEEDED");
    let zero = ArrayLayout::parse("u8", "0").unwrap();
    let sink = Sink::Pipe(Box::new(Given::default()));
    let empty = block_on(f.engine.encrypt_session(&job, &zero, pipe(b""), sink, &mut |_| {}));
    assert_eq!(code(empty), "ARRAY_INVALID");
    assert!(!folder().is_empty() && folder().len().is_none());
    // a stream is no session, and the reverse
    let stream = sealed(&f, b"x");
    let walk = |bytes: &[u8]| block_on(f.engine.verify_session(&job, pipe(bytes), &mut |_| {}));
    assert_eq!(code(walk(&stream)), "ENVELOPE_MALFORMED");
    assert_eq!(names(directory.path()), 0);
    assert_eq!(ByteRange::parse("1-2"), Some(ByteRange::Between(1, 2)));
}

#[test]
fn sessions_that_are_cut_or_padded_are_refused_where_they_break() {
    let f = fixture();
    let scope = scope("eeg", "samples");
    let job = unbound(&scope);
    let layout = ArrayLayout::parse("u16be", "8").unwrap();
    let out = Given::default();
    let sink = Sink::Pipe(Box::new(out.clone()));
    let source = pipe(&content(64));
    block_on(f.engine.encrypt_session(&job, &layout, source, sink, &mut |_| {})).unwrap();
    let session = out.take();
    let found = inspect_file(pipe(&session)).unwrap();
    assert_eq!((found.frames, found.content_bytes), (Some(4), 64));
    let walk = |bytes: &[u8]| block_on(f.engine.verify_session(&job, pipe(bytes), &mut |_| {}));
    assert_eq!(walk(&session).unwrap().frames, 4);
    for cut in (0..session.len()).step_by(29) {
        assert_ne!(code(walk(&session[..cut])), "OK", "cut at {cut}");
    }
    for at in (0..session.len()).step_by(23) {
        let mut changed = session.clone();
        changed[at] ^= 0x80;
        assert_ne!(code(walk(&changed)), "OK", "changed at {at}");
    }
    assert_eq!(code(walk(&[&session[..], b"\0"].concat())), "ENVELOPE_MALFORMED");
    assert_eq!(code(inspect_file(pipe(&session[..session.len() - 1]))), "ENVELOPE_MALFORMED");
}

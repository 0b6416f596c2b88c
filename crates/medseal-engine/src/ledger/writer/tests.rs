//! A log in a temporary directory, with limits small enough to reach.

use super::*;
use crate::ledger::draft::{Decided, Details, Who};
use crate::ledger::tiling::{TilesReport, write_tiles};
use crate::ledger::verify::{AuditReport, VerifyRequest, verify_log};
use crate::ledger::watch::Watch;
use medseal_core::audit::{DetailsKey, LogId, LogSigner, Outcome};
use medseal_core::operation::{Operation, OperationItems};
use medseal_core::secret::LogSeed;
use medseal_core::state_root::{StateAt, StateRoot};
use std::fs;
use std::path::Path;

const SMALL: Limits = Limits {
    segment_entries: 4,
    segment_bytes: 1 << 20,
    unsigned_entries: 100,
    unsigned_seconds: 100,
};
const LOG: LogId = LogId([5; 16]);

fn seed() -> LogSeed {
    LogSeed::from_slice(&[6; 32]).unwrap()
}

fn opened() -> OpenedLog {
    OpenedLog { keys: LogSigner::new(LOG, &seed()).unwrap().keys().clone(), seed: seed().into() }
}

pub(in crate::ledger) struct Bench {
    directory: tempfile::TempDir,
    files: AuditFiles,
}

impl Bench {
    pub(in crate::ledger) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let files = AuditFiles::at(directory.path().to_owned());
        Writer::create(&files, opened(), 1000).unwrap();
        Self { directory, files }
    }

    pub(in crate::ledger) fn writer(&self) -> Writer {
        Writer::with_limits(self.files.clone(), opened(), SMALL)
    }

    /// With the limits of a real log.
    pub(in crate::ledger) fn large_writer(&self) -> Writer {
        Writer::new(self.files.clone(), opened())
    }

    pub(in crate::ledger) fn tiles(&self, target: &Path) -> Result<TilesReport, EngineError> {
        write_tiles(self.directory.path(), &opened().keys, target)
    }

    pub(in crate::ledger) fn verify(&self) -> Result<AuditReport, EngineError> {
        let (keys, directory) = (opened().keys, self.directory.path());
        verify_log(&VerifyRequest { directory, keys: &keys, kept: &[] })
    }
}

pub(in crate::ledger) fn draft(time: i64) -> Draft {
    let items = OperationItems::new(Operation::Decrypt, 1, [3; 32]);
    let digest = items.digest();
    let who = Who { name: "os-user:1000".to_owned(), ..Who::default() };
    let details = Details {
        time,
        who: &who,
        purpose: None,
        alarms: &[],
        epoch: 1,
        root: None,
        items: None,
        count: 1,
        keys: &[],
        change: None,
        subjects: Vec::new(),
        request: None,
    };
    let decided = Decided { outcome: Outcome::Denied, rules: &[] };
    let key = DetailsKey::new(LOG, &seed());
    Draft::new(Operation::Decrypt, &decided, digest, details, &key).unwrap()
}

fn append(writer: &mut Writer, count: usize) {
    let drafts: Vec<Draft> = (0..count).map(|_| draft(1000)).collect();
    writer.append(&drafts).into_iter().for_each(|result| result.unwrap());
}

#[test]
fn full_segments_are_sealed_and_the_log_goes_on() {
    let bench = Bench::new();
    append(&mut bench.writer(), 11);
    let report = bench.verify().unwrap();
    assert_eq!((report.entries, report.signed, report.segments), (12, 12, 3));
    assert_eq!(bench.files.list().unwrap().seals, [0, 4], "the last segment is full, not followed");
    append(&mut bench.writer(), 1);
    let report = bench.verify().unwrap();
    assert_eq!((report.entries, report.segments), (13, 4));
    assert_eq!(bench.files.list().unwrap().seals, [0, 4, 8]);
}

#[test]
fn a_writer_finds_what_others_wrote_over_segments() {
    let bench = Bench::new();
    let (mut one, mut two) = (bench.writer(), bench.writer());
    for _ in 0..9 {
        append(&mut one, 1);
        append(&mut two, 2);
    }
    assert_eq!(one.append(&[]).len(), 0);
    drop((one, two));
    fs::remove_file(bench.files.head()).unwrap();
    append(&mut bench.writer(), 1);
    let report = bench.verify().unwrap();
    assert_eq!((report.entries, report.signed), (29, 29));
}

#[test]
fn a_log_of_several_segments_is_verified_as_one() {
    let bench = Bench::new();
    append(&mut bench.writer(), 14);
    let files = &bench.files;
    let code = || bench.verify().err().map_or("OK", |error| error.code());
    let swapped = files.segments().join("swap");
    let swap = |a: &std::path::Path, b: &std::path::Path| {
        fs::rename(a, &swapped).unwrap();
        fs::rename(b, a).unwrap();
        fs::rename(&swapped, b).unwrap();
    };
    swap(&files.segment(4), &files.segment(8));
    assert_eq!(code(), "AUDIT_ENTRY_REJECTED");
    swap(&files.segment(4), &files.segment(8));
    swap(&files.seal(0), &files.seal(4));
    assert_eq!(code(), "AUDIT_FILE_REJECTED");
    swap(&files.seal(0), &files.seal(4));
    for path in [files.segment(0), files.segment(4), files.seal(0), files.seal(4)] {
        fs::rename(&path, &swapped).unwrap();
        assert_eq!(code(), "AUDIT_FILE_REJECTED", "{path:?}");
        fs::rename(&swapped, &path).unwrap();
    }
    // the last segment and its checkpoint gone, an older checkpoint in its place
    let newest = fs::read(files.checkpoint()).unwrap();
    fs::rename(files.segment(12), &swapped).unwrap();
    assert_eq!(code(), "AUDIT_FILE_REJECTED", "the name is unknown");
    fs::rename(&swapped, bench.directory.path().join("index/gone")).unwrap();
    assert_eq!(code(), "AUDIT_ROOT_REJECTED");
    fs::copy(files.seal(4), files.checkpoint()).unwrap();
    assert_eq!(code(), "AUDIT_ROOT_REJECTED", "a seal is newer");
    fs::write(files.checkpoint(), newest).unwrap();
    assert_eq!(code(), "AUDIT_ROOT_REJECTED");
    fs::rename(bench.directory.path().join("index/gone"), files.segment(12)).unwrap();
    assert_eq!(code(), "OK");
    python_agrees(&bench, true);
    swap(&files.segment(4), &files.segment(8));
    python_agrees(&bench, false);
}

/// The verifier that shares no code with this one.
fn python_agrees(bench: &Bench, whole: bool) {
    let keys = bench.directory.path().join("index/vkeys");
    fs::write(&keys, opened().keys.to_vkeys()).unwrap();
    let program = std::env::var("MEDSEAL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../reference/verify_audit.py");
    let ran = std::process::Command::new(program)
        .args([script.as_ref(), bench.directory.path().as_os_str(), keys.as_os_str()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.success(), whole, "{said}");
    assert!(whole || said.starts_with("entry 4: "), "{said}");
}

#[test]
fn a_fork_that_the_key_signed_is_seen_by_whoever_kept_a_checkpoint() {
    let bench = Bench::new();
    let before: Vec<(std::path::PathBuf, Vec<u8>)> =
        [bench.files.segment(0), bench.files.checkpoint()]
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .to_vec();
    append(&mut bench.writer(), 2);
    let kept = fs::read_to_string(bench.files.checkpoint()).unwrap();
    before.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    fs::remove_file(bench.files.head()).unwrap();
    let mut fork = bench.writer();
    fork.append(&[draft(1001), draft(1001), draft(1001)]);
    drop(fork);
    assert!(bench.verify().is_ok());
    let (keys, directory) = (opened().keys, bench.directory.path());
    let request = VerifyRequest { directory, keys: &keys, kept: &[kept] };
    assert_eq!(verify_log(&request).unwrap_err().code(), "AUDIT_ROOT_REJECTED");
}

#[test]
fn a_clock_that_goes_back_is_noted_once() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    for time in [1000, 996, 995, 500, 500, 496] {
        writer.append(&[draft(time)]).remove(0).unwrap();
    }
    drop(writer);
    // boot, six operations, and one note between 995 and 500
    assert_eq!(bench.verify().unwrap().entries, 8);
}

#[test]
fn signing_is_due_after_entries_or_seconds() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    append(&mut writer, 2);
    writer.sign_if_due(1099);
    assert_eq!(bench.verify().unwrap().signed, 1);
    writer.sign_if_due(1100);
    assert_eq!(bench.verify().unwrap().signed, 3);
    let mut limits = SMALL;
    limits.unsigned_entries = 2;
    writer.limits = limits;
    append(&mut writer, 1);
    writer.sign_if_due(1000);
    assert_eq!(bench.verify().unwrap().signed, 3, "one entry is not two");
    append(&mut writer, 2);
    writer.sign_if_due(1000);
    assert_eq!(bench.verify().unwrap().signed, 6);
}

#[test]
fn a_write_that_fails_is_an_answer_to_everybody_and_leaves_nothing() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    append(&mut writer, 1);
    let away = bench.directory.path().join("index/away");
    fs::rename(bench.files.segments(), &away).unwrap();
    let results = writer.append(&[draft(1000), draft(1000)]);
    assert_eq!(results.len(), 2);
    assert!(results.iter().all(|r| matches!(r, Err(EngineError::AuditBroken { .. }))));
    assert!(writer.examine().is_err());
    fs::rename(&away, bench.files.segments()).unwrap();
    assert!(writer.examine().is_ok());
    append(&mut writer, 1);
    drop(writer);
    assert_eq!(bench.verify().unwrap().entries, 3);
}

#[test]
fn a_log_of_another_key_is_not_appended_to() {
    let bench = Bench::new();
    fs::remove_file(bench.files.head()).unwrap();
    let other = LogSeed::from_slice(&[7; 32]).unwrap();
    let keys = LogSigner::new(LOG, &other).unwrap().keys().clone();
    let mut writer = Writer::new(bench.files.clone(), OpenedLog { keys, seed: other.into() });
    assert!(writer.append(&[draft(1000)]).remove(0).is_err());
    assert!(bench.verify().is_ok());
}

/// A shorter log whose checkpoint fits to it, under a writer that wrote more.
#[test]
fn a_writer_remembers_what_it_wrote() {
    let bench = Bench::new();
    let short = [bench.files.segment(0), bench.files.checkpoint()].map(|p| fs::read(p).unwrap());
    let mut writer = bench.writer();
    append(&mut writer, 2);
    fs::remove_file(bench.files.segment(0)).unwrap();
    fs::write(bench.files.segment(0), &short[0]).unwrap();
    fs::write(bench.files.checkpoint(), &short[1]).unwrap();
    assert!(writer.append(&[draft(1000)]).remove(0).is_err());
}

#[test]
fn a_denial_is_recorded_as_one() {
    use crate::ledger::{EntryFilter, Ledger, list_entries};
    let bench = Bench::new();
    let ledger = Ledger::new(bench.files.clone(), opened());
    let mut items = OperationItems::new(Operation::Decrypt, 1, [3; 32]);
    items.add(medseal_core::KeyVersionId([1; 8]), b"", <_>::default());
    let digest = items.digest_so_far();
    let who = Who { name: "os-user:1".to_owned(), ..Who::default() };
    let (time, count) = (1000, items.count());
    let kept = items.take_details();
    let details = Details {
        time,
        who: &who,
        purpose: None,
        alarms: &[],
        epoch: 1,
        root: None,
        items: kept,
        count,
        keys: &[],
        change: None,
        subjects: Vec::new(),
        request: None,
    };
    let rules = ["a".to_owned(), "b".to_owned()];
    ledger.record_denied::<medseal_policy::Decrypt>(digest, &rules, details).unwrap();
    drop(ledger);
    let mut last = None;
    list_entries(bench.directory.path(), &EntryFilter::default(), |entry| {
        last = Some(entry);
        Ok(())
    })
    .unwrap();
    let last = last.unwrap();
    assert_eq!((last.outcome, last.rule, last.items), (Some("denied"), None, Some(1)));
    assert_eq!(last.more_rules, ["a", "b"]);
}

fn state(epoch: u64, root: u8) -> StateAt {
    StateAt { epoch, root: StateRoot([root; 32]) }
}

fn append_state(writer: &mut Writer, named: StateAt) -> &'static str {
    let result = writer.append(&[Draft::of_store(1000, named).unwrap()]).remove(0);
    result.err().map_or("OK", |error| error.code())
}

/// Such an entry would make a log that nobody can verify again.
#[test]
fn an_entry_with_a_second_root_or_none_is_not_written() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    append(&mut writer, 1);
    assert_eq!(append_state(&mut writer, state(5, 1)), "OK");
    assert_eq!(append_state(&mut writer, state(5, 2)), "STORE_ROLLED_BACK");
    let nameless = writer.append(&[draft(1000)]).remove(0);
    assert_eq!(nameless.unwrap_err().code(), "STORE_ROLLED_BACK");
    for named in [state(5, 1), state(4, 3), state(6, 4), state(5, 1)] {
        assert_eq!(append_state(&mut writer, named), "OK");
    }
    // what stands before the refused one in the same write is written, and the rest is not
    let drafts = [state(7, 1), state(7, 2), state(8, 1)].map(|s| Draft::of_store(1000, s).unwrap());
    let written: Vec<bool> = writer.append(&drafts).iter().map(Result::is_ok).collect();
    assert_eq!(written, [true, false, false]);
    drop(writer);
    assert_eq!(bench.verify().unwrap().entries, 8);
    // from the index and from the entries alike
    for _ in 0..2 {
        assert_eq!(append_state(&mut bench.writer(), state(7, 2)), "STORE_ROLLED_BACK");
        let _ = fs::remove_file(bench.files.head());
    }
}

#[test]
fn who_watches_a_log_finds_what_it_names_and_survives_what_is_cut_off_again() {
    let bench = Bench::new();
    let watch = Watch::new(bench.files.clone(), &opened());
    assert_eq!(watch.newest().unwrap(), None);
    let mut writer = bench.writer();
    append_state(&mut writer, state(5, 1));
    assert_eq!(watch.look(0), Some(state(5, 1)));
    append_state(&mut writer, state(6, 1));
    assert_eq!(watch.look(499), Some(state(5, 1)), "a look holds half a second");
    let path = bench.files.segment(0);
    let whole = fs::read(&path).unwrap();
    append_state(&mut writer, state(7, 1));
    assert_eq!(watch.look(500), Some(state(7, 1)));
    // a write that failed on another process's side and was cut off
    fs::write(&path, &whole).unwrap();
    assert_eq!(watch.look(1000), Some(state(6, 1)));
    // half an entry that is being written
    fs::write(&path, [&whole[..], &whole[..40]].concat()).unwrap();
    assert_eq!(watch.look(1500), Some(state(6, 1)));
    assert!(watch.failure().is_none());
    fs::remove_file(&path).unwrap();
    assert_eq!(watch.look(2000), None);
    assert_eq!(watch.failure().unwrap().code(), "AUDIT_UNAVAILABLE");
    fs::write(&path, &whole).unwrap();
    assert_eq!(watch.look(2001), Some(state(6, 1)), "a failed look does not hold");
    assert!(watch.failure().is_none());
}

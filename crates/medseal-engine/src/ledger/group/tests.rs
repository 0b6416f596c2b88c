//! A disk that hangs, a fault in the writing thread, many threads at once.

use super::*;
use crate::ledger::writer::tests::{Bench, draft};
use std::sync::mpsc::{Sender, channel};

const TEST_DEADLINE: Duration = Duration::from_secs(1);

/// A writer that stands still before its next write until it is told to go on.
fn hanging(bench: &Bench) -> (Group, Sender<()>, Receiver<()>) {
    let (go_on, held) = channel::<()>();
    let (told, reached) = sync_channel(8);
    let mut writer = bench.writer();
    writer.before_write = Some(Box::new(move || {
        let _ = told.try_send(());
        let _ = held.recv();
    }));
    (Group::with_deadline(writer, TEST_DEADLINE), go_on, reached)
}

fn code(answer: &Answer) -> &'static str {
    answer.as_ref().err().map_or("OK", EngineError::code)
}

#[test]
fn a_disk_that_hangs_makes_operations_fail_in_time_and_work_again_by_itself() {
    let bench = Bench::new();
    let (group, go_on, reached) = hanging(&bench);
    thread::scope(|scope| {
        let first = scope.spawn(|| group.append(draft(1000)));
        reached.recv().unwrap();
        // queued behind the one that hangs, and taken back
        assert_eq!(code(&group.append(draft(1000))), "AUDIT_UNAVAILABLE");
        assert_eq!(code(&first.join().unwrap()), "AUDIT_UNAVAILABLE");
        assert!(group.shared.queue().waiting.is_empty());
    });
    let start = Instant::now();
    assert_eq!(code(&group.append(draft(1000))), "AUDIT_UNAVAILABLE");
    assert!(start.elapsed() < TEST_DEADLINE, "known by now, so nobody waits for it");
    // the log can be read meanwhile, although its writer has it
    let report = bench.verify().unwrap();
    assert_eq!((report.entries, report.being_written), (1, true));
    drop(go_on);
    while group.append(draft(1000)).is_err() {
        thread::yield_now();
    }
    drop(group);
    let report = bench.verify().unwrap();
    assert!(report.entries >= 3, "boot, the late one, the last one");
    assert_eq!((report.signed, report.being_written), (report.entries, false));
}

#[test]
fn who_ends_does_not_wait_for_a_disk_that_hangs() {
    let bench = Bench::new();
    let (group, go_on, reached) = hanging(&bench);
    assert_eq!(code(&group.append(draft(1000))), "AUDIT_UNAVAILABLE");
    reached.recv().unwrap();
    let start = Instant::now();
    drop(group);
    assert!(start.elapsed() < TEST_DEADLINE, "it is known to hang by now");
    drop(go_on);
}

#[test]
fn a_fault_of_the_writing_thread_costs_its_entries_and_nothing_else() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    let mut faults = 1;
    writer.before_write = Some(Box::new(move || {
        faults -= 1;
        assert!(faults < 0, "a fault");
    }));
    let group = Group::with_deadline(writer, Duration::from_secs(60));
    assert_eq!(code(&group.append(draft(1000))), "AUDIT_UNAVAILABLE");
    while group.append(draft(1000)).is_err() {
        thread::yield_now();
    }
    drop(group);
    assert_eq!(bench.verify().unwrap().entries, 2);
}

#[test]
fn threads_share_writes_and_each_entry_is_there() {
    let bench = Bench::new();
    let group = Group::new(bench.writer());
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| (0..20).for_each(|_| group.append(draft(1000)).unwrap()));
        }
    });
    group.examine().unwrap();
    drop(group);
    assert_eq!(bench.verify().unwrap().entries, 321);
}

//! Months passing: subjects' secrets move on, old keys go, and whoever encrypts meanwhile loses
//! nothing.

use super::erasure::in_later_years;
use super::{JANE, SubjectName, erase, of};
use crate::support::{DAY, ManualClock, decrypt, encrypt, open, operations, scope};
use medseal_engine::subjects::Ids;
use medseal_engine::{Home, Options};
use pollster::block_on;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

fn months(home: &Home) -> Vec<String> {
    let entries = fs::read_dir(home.path().join("epochs")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn rows_by_month(home: &Home) -> Vec<(i64, i64)> {
    let database = rusqlite::Connection::open(home.path().join("store.sqlite")).unwrap();
    let sql = "SELECT month, count(*) FROM subjects GROUP BY month ORDER BY month";
    let mut found = database.prepare(sql).unwrap();
    let rows = found.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn subjects_move_on_with_each_month_in_a_process_that_goes_on() {
    let f = in_later_years();
    let scope = scope("patients", "last_name");
    let jane = encrypt(&f.engine, &of(&scope, JANE), "Doe");
    assert_eq!(rows_by_month(&f.home), [(204_603, 1)]);
    for (days, month) in [(30, 204_604), (31, 204_605), (31, 204_606), (31, 204_607)] {
        f.clock.advance(days * DAY);
        // the same process, which was never opened again
        assert_eq!(decrypt(&f.engine, &of(&scope, JANE), &jane).as_deref(), Ok("Doe"));
        assert_eq!(rows_by_month(&f.home), [(month, 1)]);
    }
    assert!(!months(&f.home).contains(&"2046-03.key".to_owned()), "{:?}", months(&f.home));
    assert!(months(&f.home).contains(&"2046-04.key".to_owned()));
    let changes = operations(&f.home).len();
    decrypt(&f.engine, &of(&scope, JANE), &jane).unwrap();
    assert_eq!(operations(&f.home).len(), changes + 1, "nothing more in the same month");
}

/// Many rows go in several transactions; one that was altered stays behind with its month's key and
/// keeps nobody from moving on.
#[test]
fn a_row_that_cannot_move_keeps_its_key_and_nobody_else() {
    let f = in_later_years();
    let scope = scope("patients", "last_name");
    let ids: Vec<String> = (0..5).map(|n| format!("patient-{n}")).collect();
    let subject = |id| SubjectName { tenant: "default", id };
    let sealed: Vec<_> =
        ids.iter().map(|id| encrypt(&f.engine, &of(&scope, subject(id)), id)).collect();
    let store = f.home.path().join("store.sqlite");
    let database = rusqlite::Connection::open(store).unwrap();
    let handle = block_on(f.engine.show_subject(subject("patient-2"))).unwrap().handle;
    let edit = "UPDATE subjects SET created_at = created_at + ?1 WHERE handle = ?2";
    assert_eq!(database.execute(edit, (1, &handle)).unwrap(), 1);
    f.clock.advance(150 * DAY);
    let later = open(&f.home, &f.clock, Options::default()).unwrap();
    assert_eq!(rows_by_month(&f.home), [(204_603, 1), (204_608, 4)]);
    assert!(months(&f.home).contains(&"2046-03.key".to_owned()));
    let opened = |n: usize| decrypt(&later, &of(&scope, subject(&ids[n])), &sealed[n]);
    assert_eq!(opened(2), Err("STORE_ROW_REJECTED"));
    assert_eq!(opened(3).as_deref(), Ok("patient-3"));
    // put right, it moves on, and then the key goes
    assert_eq!(database.execute(edit, (-1, &handle)).unwrap(), 1);
    assert_eq!(opened(2).as_deref(), Ok("patient-2"));
    assert_eq!(rows_by_month(&f.home), [(204_608, 5)]);
    assert!(!months(&f.home).contains(&"2046-03.key".to_owned()));
}

/// While months jump by, other processes make subjects, read them and erase some.
#[test]
fn moving_on_under_load_loses_nothing() {
    const MONTHS: usize = 12;
    let f = in_later_years();
    let scope = &scope("patients", "last_name");
    let done = &AtomicBool::new(false);
    let (home, clock): (&Home, &ManualClock) = (&f.home, &f.clock);
    let writer = |number: usize| {
        let engine = open(home, clock, Options::default()).unwrap();
        let mut written = Vec::new();
        while !done.load(Ordering::SeqCst) || written.len() < 5 {
            let id = format!("patient-{number}-{}", written.len());
            let subject = SubjectName { tenant: "default", id: &id };
            let sealed = encrypt(&engine, &of(scope, subject), &id);
            assert_eq!(decrypt(&engine, &of(scope, subject), &sealed).as_deref(), Ok(&*id));
            let erased = written.len() % 7 == 6;
            if erased {
                erase(&engine, subject).unwrap();
            }
            written.push((id, sealed, erased));
        }
        written
    };
    let written: Vec<_> = std::thread::scope(|threads| {
        let writers: Vec<_> = (0..3).map(|n| threads.spawn(move || writer(n))).collect();
        for _ in 0..MONTHS {
            clock.advance(31 * DAY);
            // a process that opens does the month's duties too
            drop(open(home, clock, Options::default()).unwrap());
        }
        clock.advance(150 * DAY);
        drop(open(home, clock, Options::default()).unwrap());
        done.store(true, Ordering::SeqCst);
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    clock.advance(150 * DAY);
    let reader = open(home, clock, Options::default()).unwrap();
    assert!(written.len() >= 15);
    for (id, sealed, erased) in &written {
        let subject = SubjectName { tenant: "default", id };
        let expected = if *erased { Err("SUBJECT_ERASED") } else { Ok(id.as_str()) };
        assert_eq!(
            decrypt(&reader, &of(scope, subject), sealed).as_deref().map_err(|e| *e),
            expected
        );
    }
    let listed = block_on(reader.list_subjects("default", Ids::Hidden)).unwrap();
    assert_eq!(listed.len(), written.len());
    assert_eq!(rows_by_month(home).len(), 1);
    assert!(months(home).len() <= 4, "{:?}", months(home));
}

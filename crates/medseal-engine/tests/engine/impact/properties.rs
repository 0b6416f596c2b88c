//! The ledger of protection against a model that keeps every value in a list: equal after each step.

use super::{REQUEST, encrypt_file, reencrypt, rotate, table, values};
use crate::subjects::{JANE, JOHN, SubjectName, erase};
use crate::support::{decrypt, fixture, open, scope};
use medseal_engine::fields::Target;
use medseal_engine::impact::ImpactRequest;
use medseal_engine::tables::Action;
use medseal_engine::{Binding, Engine, Options, Scope, Value};
use pollster::block_on;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof, proptest};
use proptest::test_runner::Config;
use std::collections::{BTreeMap, BTreeSet};

const KEYS: [&str; 3] = ["default", "second", "files"];
const COLLECTIONS: [&str; 3] = ["patients", "lab", "notes"];
const SUBJECTS: [SubjectName<'static>; 2] = [JANE, JOHN];

#[derive(Debug, Clone, Copy)]
enum Act {
    /// Key, collection, subject.
    Encrypt(usize, usize, Option<usize>),
    Decrypt(usize),
    Reencrypt(usize),
    File,
    Table(usize),
    OpenTable,
    CarryTable,
    Rotate(usize),
    Erase(usize),
    Reopen,
}

fn act() -> impl Strategy<Value = Act> {
    let whose = prop_oneof![Just(None), (0..2_usize).prop_map(Some)];
    prop_oneof![
        8 => (0..2_usize, 0..3_usize, whose).prop_map(|(k, c, s)| Act::Encrypt(k, c, s)),
        4 => (0..16_usize).prop_map(Act::Decrypt),
        6 => (0..16_usize).prop_map(Act::Reencrypt),
        1 => Just(Act::File),
        2 => (1..4_usize).prop_map(Act::Table),
        1 => Just(Act::OpenTable),
        2 => Just(Act::CarryTable),
        3 => (0..3_usize).prop_map(Act::Rotate),
        1 => (0..2_usize).prop_map(Act::Erase),
        1 => Just(Act::Reopen),
    ]
}

/// One value, and under which version it is.
struct Held {
    key: usize,
    version: usize,
    collection: String,
    subject: Option<usize>,
    record: String,
    /// None of a table's cell or a file.
    sealed: Option<Vec<u8>>,
}

#[derive(Default)]
struct Model {
    held: Vec<Held>,
    tables: Vec<(Vec<u8>, usize, usize)>,
    erased: BTreeSet<usize>,
    /// By key: how many versions.
    versions: [usize; 3],
    /// By key and version: encrypted, carried in, carried over, opened.
    sums: BTreeMap<(usize, usize), [u64; 4]>,
    touched: BTreeMap<(usize, usize), BTreeSet<usize>>,
    next: usize,
}

impl Model {
    fn sum(&mut self, key: usize, version: usize, what: usize) {
        self.sums.entry((key, version)).or_default()[what] += 1;
    }

    fn touch(&mut self, key: usize, version: usize, subject: Option<usize>) {
        self.touched.entry((key, version)).or_default().extend(subject);
    }

    fn add(&mut self, held: Held) {
        self.sum(held.key, held.version, 0);
        self.touch(held.key, held.version, held.subject);
        self.held.push(held);
    }

    /// All cells of a table from the version at which it is to another.
    fn carry(&mut self, at: usize) {
        let (key, version, newest) = (0, self.tables[at].1, self.versions[0]);
        let table = format!("t{}-", self.tables[at].2);
        for place in 0..self.held.len() {
            if self.held[place].record.starts_with(&table) {
                let subject = self.held[place].subject;
                self.move_one(place, key, version, newest);
                self.touch(key, newest, subject);
            }
        }
        self.tables[at].1 = newest;
    }

    fn move_one(&mut self, place: usize, key: usize, from: usize, to: usize) {
        self.held[place].version = to;
        self.sum(key, from, 2);
        self.sum(key, from, 3);
        self.sum(key, to, 1);
    }

    /// Encrypted, carried in, carried over, remaining, erased.
    fn expected(&self, key: usize, version: usize) -> [u64; 5] {
        let [encrypted, carried_in, carried_over, _] =
            self.sums.get(&(key, version)).copied().unwrap_or_default();
        let here = self.held.iter().filter(|one| (one.key, one.version) == (key, version));
        let (gone, here): (Vec<&Held>, Vec<&Held>) =
            here.partition(|one| one.subject.is_some_and(|who| self.erased.contains(&who)));
        [encrypted, carried_in, carried_over, here.len() as u64, gone.len() as u64]
    }

    fn compare(&self, engine: &Engine) {
        for (key, name) in KEYS.into_iter().enumerate() {
            let request = ImpactRequest { key: name, ..REQUEST };
            let found = block_on(engine.key_impact(&request)).unwrap();
            assert_eq!(found.versions.len(), self.versions[key]);
            assert_eq!((found.entries_without_details, found.values_untraced), (0, 0));
            for (number, version) in (1..).zip(&found.versions) {
                assert_eq!(values(version), self.expected(key, number), "{}", version.version);
                let nobody = BTreeSet::new();
                let touched = self.touched.get(&(key, number)).unwrap_or(&nobody);
                assert_eq!(version.subjects.touched, touched.len() as u64);
                let erased = touched.intersection(&self.erased).count() as u64;
                assert_eq!(version.subjects.erased, erased);
                let opened: u64 = version.opened_by.iter().map(|one| one.values).sum();
                let expected = self.sums.get(&(key, number)).copied().unwrap_or_default()[3];
                assert_eq!(opened, expected, "opened under {}", version.version);
                for collection in &version.collections {
                    let name = collection.collection.as_deref().unwrap();
                    let all = self.held.iter().filter(|one| {
                        (one.key, one.version, one.collection.as_str()) == (key, number, name)
                    });
                    let values = &collection.values;
                    assert_eq!(values.remaining + values.erased, all.count() as u64, "{name}");
                }
            }
        }
    }
}

fn target<'a>(scope: &'a Scope, held: &'a Held) -> Target<'a> {
    let subject = held.subject.map(|who| SUBJECTS[who].id);
    Target { scope, binding: Binding::record(&held.record), subject, no_record: false }
}

fn encrypt(
    model: &mut Model,
    engine: &Engine,
    (key, collection, subject): (usize, usize, Option<usize>),
) {
    let scope = scope(COLLECTIONS[collection], "value");
    let record = format!("r{}", model.next);
    model.next += 1;
    let version = model.versions[key];
    let collection = COLLECTIONS[collection].to_owned();
    let mut held = Held { key, version, collection, subject, record, sealed: None };
    let value = Value::string("v");
    let done = block_on(engine.encrypt_value(&target(&scope, &held), Some(KEYS[key]), &value));
    if subject.is_some_and(|who| model.erased.contains(&who)) {
        assert_eq!(done.unwrap_err().code(), "SUBJECT_ERASED");
        return;
    }
    held.sealed = Some(done.unwrap());
    model.add(held);
}

fn encrypt_table(model: &mut Model, engine: &Engine, rows: usize) {
    if !model.erased.is_empty() {
        return;
    }
    let (number, version) = (model.next, model.versions[0]);
    model.next += 1;
    let mut text = "visit,patient,ssn,name\n".to_owned();
    for row in 0..rows {
        let (who, record) = (row % 2, format!("t{number}-{row}"));
        text.push_str(&format!("{record},{},900,Doe\n", SUBJECTS[who].id));
        for _ in ["ssn", "name"] {
            let (subject, record) = (Some(who), record.clone());
            let collection = "visits".to_owned();
            model.add(Held { key: 0, version, collection, subject, record, sealed: None });
        }
    }
    let sealed = table(engine, Action::Encrypt, text.as_bytes()).unwrap();
    model.tables.push((sealed, version, number));
}

fn step(model: &mut Model, engine: &Engine, act: Act) {
    match act {
        Act::Encrypt(key, collection, subject) => {
            encrypt(model, engine, (key, collection, subject))
        }
        Act::Decrypt(at) | Act::Reencrypt(at) => {
            let Some(held) = model.held.get(at) else { return };
            let Some(sealed) = held.sealed.clone() else { return };
            if held.subject.is_some_and(|who| model.erased.contains(&who)) {
                return;
            }
            let scope = scope(&held.collection, "value");
            let (key, version, subject) = (held.key, held.version, held.subject);
            let newest = model.versions[key];
            if matches!(act, Act::Decrypt(_)) {
                decrypt(engine, &target(&scope, held), &sealed).unwrap();
                model.sum(key, version, 3);
            } else if version != newest {
                let new = reencrypt(engine, &target(&scope, held), &sealed);
                model.held[at].sealed = Some(new);
                model.move_one(at, key, version, newest);
                model.touch(key, newest, subject);
            }
        }
        Act::File if !model.erased.contains(&1) => {
            let record = format!("f{}", model.next);
            model.next += 1;
            encrypt_file(engine, &scope("recordings", "ecg"), &record);
            let (version, collection) = (model.versions[2], "recordings".to_owned());
            model.add(Held { key: 2, version, collection, subject: Some(1), record, sealed: None });
        }
        Act::Table(rows) => encrypt_table(model, engine, rows),
        Act::OpenTable if model.erased.is_empty() && !model.tables.is_empty() => {
            let (sealed, version, number) = model.tables[0].clone();
            table(engine, Action::Decrypt, &sealed).unwrap();
            let name = format!("t{number}-");
            let cells = model.held.iter().filter(|one| one.record.starts_with(&name)).count();
            (0..cells).for_each(|_| model.sum(0, version, 3));
        }
        Act::CarryTable if model.erased.is_empty() && !model.tables.is_empty() => {
            if model.tables[0].1 != model.versions[0] {
                model.tables[0].0 = table(engine, Action::Reencrypt, &model.tables[0].0).unwrap();
                model.carry(0);
            }
        }
        Act::Rotate(key) => {
            rotate(engine, KEYS[key]);
            model.versions[key] += 1;
        }
        Act::Erase(who) => {
            if erase(engine, SUBJECTS[who]).is_ok() {
                model.erased.insert(who);
            }
        }
        Act::File | Act::OpenTable | Act::CarryTable | Act::Reopen => {}
    }
}

proptest! {
    #![proptest_config(Config { cases: 8, ..Config::default() })]

    #[test]
    fn the_ledger_is_equal_to_a_model_after_each_step(acts in vec(act(), 1..24)) {
        let f = fixture();
        let mut engine = open(&f.home, &f.clock, Options::default()).unwrap();
        let key = medseal_engine::keys::NewKey {
            tenant: "default",
            name: "second",
            purpose: medseal_engine::keys::KeyPurpose::Field,
            suite: medseal_engine::Suite::Aes256Gcm,
            policy: medseal_engine::RotationPolicy::default(),
        };
        block_on(engine.create_key(&key, None)).unwrap();
        let mut model = Model { versions: [1; 3], ..Model::default() };
        for act in acts {
            if matches!(act, Act::Reopen) {
                engine = open(&f.home, &f.clock, Options::default()).unwrap();
            }
            step(&mut model, &engine, act);
            model.compare(&engine);
        }
    }
}

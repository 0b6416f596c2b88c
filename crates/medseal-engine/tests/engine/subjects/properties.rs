//! A hold beats every erase, whatever was done before it: the engine against a model of two sets.

use super::{JANE, JOHN, SubjectName, erase, hold, of, release};
use crate::support::{decrypt, encrypt, fixture, open, scope};
use medseal_engine::{Options, Value};
use pollster::block_on;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof, proptest};
use proptest::test_runner::Config;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, Copy)]
enum Act {
    Encrypt(usize),
    Hold(usize, &'static str),
    Release(usize, &'static str),
    Erase(usize),
    Reopen,
}

const SUBJECTS: [SubjectName<'static>; 2] = [JANE, JOHN];

fn act() -> impl Strategy<Value = Act> {
    let name = prop_oneof![Just("a"), Just("b")];
    prop_oneof![
        2 => (0..2_usize).prop_map(Act::Encrypt),
        3 => (0..2_usize, name.clone()).prop_map(|(who, name)| Act::Hold(who, name)),
        3 => (0..2_usize, name).prop_map(|(who, name)| Act::Release(who, name)),
        4 => (0..2_usize).prop_map(Act::Erase),
        1 => Just(Act::Reopen),
    ]
}

/// What is true of one subject.
#[derive(Default)]
struct Model {
    sealed: Option<Vec<u8>>,
    holds: BTreeSet<&'static str>,
    erased: bool,
}

impl Model {
    fn gone(&self) -> Option<&'static str> {
        match (self.erased, &self.sealed) {
            (true, _) => Some("SUBJECT_ERASED"),
            (false, None) => Some("SUBJECT_UNKNOWN"),
            (false, Some(_)) => None,
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 12, ..Config::default() })]

    #[test]
    fn a_hold_beats_every_erase(acts in vec(act(), 1..16)) {
        let f = fixture();
        let scope = scope("patients", "last_name");
        let mut engine = open(&f.home, &f.clock, Options::default()).unwrap();
        let mut models: BTreeMap<usize, Model> = BTreeMap::new();
        for act in acts {
            match act {
                Act::Reopen => engine = open(&f.home, &f.clock, Options::default()).unwrap(),
                Act::Encrypt(who) => {
                    let (model, target) = (models.entry(who).or_default(), of(&scope, SUBJECTS[who]));
                    let done = block_on(engine.encrypt_value(&target, None, &Value::string("v")));
                    assert_eq!(done.is_ok(), !model.erased);
                    model.sealed = done.ok().or(model.sealed.take());
                }
                Act::Hold(who, name) => {
                    let model = models.entry(who).or_default();
                    let expected = match model.gone() {
                        Some(code) => code,
                        None if model.holds.insert(name) => "OK",
                        None => "SUBJECT_HOLD",
                    };
                    assert_eq!(hold(&engine, SUBJECTS[who], name), expected);
                }
                Act::Release(who, name) => {
                    let model = models.entry(who).or_default();
                    let expected = match model.gone() {
                        Some(code) => code,
                        None if model.holds.remove(name) => "OK",
                        None => "SUBJECT_HOLD",
                    };
                    assert_eq!(release(&engine, SUBJECTS[who], name), expected);
                }
                Act::Erase(who) => {
                    let model = models.entry(who).or_default();
                    let done = erase(&engine, SUBJECTS[who]);
                    match model.gone() {
                        Some(code) => assert_eq!(done, Err(code)),
                        None if !model.holds.is_empty() => assert_eq!(done, Err("SUBJECT_HELD")),
                        None => {
                            assert!(done.is_ok());
                            model.erased = true;
                        }
                    }
                }
            }
            for (who, model) in &models {
                let Some(sealed) = &model.sealed else { continue };
                let opened = decrypt(&f.engine, &of(&scope, SUBJECTS[*who]), sealed);
                let expected = if model.erased { Err("SUBJECT_ERASED") } else { Ok("v".to_owned()) };
                assert_eq!(opened, expected);
                assert!(!model.erased || model.holds.is_empty());
            }
        }
        // keeps one envelope alive to the end for whoever was not erased
        encrypt(&f.engine, &of(&scope, SubjectName { tenant: "default", id: "third" }), "v");
    }
}

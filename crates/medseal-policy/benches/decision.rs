//! What a decision costs: the first of a kind, and every further one at the same epoch.
//!
//! `cargo bench -p medseal-policy`

use medseal_core::KeyVersionId;
use medseal_core::context::{Binding, Scope, encode_into};
use medseal_core::operation::{Operation, OperationItems, Under};
use medseal_policy::{
    Asked, Authority, Caller, Decrypt, Kind, Policy, Principal, PrincipalId, Purpose, decide,
};
use std::hint::black_box;
use std::time::Instant;

const RULES: usize = 100;
const ROUNDS: usize = 20_000;

/// A hundred rules, of which the last fits.
fn policy() -> Option<Policy> {
    let mut text = "policy = 1\nname = \"bench\"\n".to_owned();
    for rule in 0..RULES {
        text.push_str(&format!(
            "[[rule]]\nid = \"rule-{rule:03}\"\neffect = \"allow\"\nroles = [\"decryptor\"]\n\
             operations = [\"decrypt\"]\npurposes = [\"treatment\"]\n\
             collections = [\"collection-{rule:03}\"]\nclasses = [\"phone\", \"address\"]\n"
        ));
    }
    Policy::parse(&text).ok()
}

fn items() -> Option<OperationItems> {
    let scope = Scope::new("default", &format!("collection-{:03}", RULES - 1), "phone").ok()?;
    let mut context = Vec::new();
    encode_into(&scope, None, &Binding::record("17"), &mut context).ok()?;
    let mut items = OperationItems::new(Operation::Decrypt, 1, [3; 32]);
    items.add_value(Under::Version(KeyVersionId([1; 8])), &context, "phone");
    items.take_details();
    Some(items)
}

fn authority() -> Option<Authority> {
    let nurse = Principal {
        id: PrincipalId([1; 8]),
        name: "nurse".to_owned(),
        kind: Kind::Person,
        tenant: None,
        roles: ["decryptor".to_owned()].into(),
        active: true,
    };
    Some(Authority::new(policy()?, Caller::Known(nurse), None))
}

/// Median of nine runs, in nanoseconds a call.
fn median(mut run: impl FnMut() -> Option<()>, rounds: usize) -> Option<f64> {
    let mut runs = Vec::new();
    for _ in 0..9 {
        let start = Instant::now();
        for _ in 0..rounds {
            run()?;
        }
        runs.push(start.elapsed().as_nanos() as f64 / rounds as f64);
    }
    runs.sort_by(f64::total_cmp);
    runs.get(4).copied()
}

fn figures() -> Option<Vec<(&'static str, f64)>> {
    let asked = Asked { purpose: Some(Purpose::Treatment), ..Asked::default() };
    let mut known = authority()?;
    let group = items()?.groups().next()?.clone();
    let groups = || std::iter::once(black_box(&group));
    let answer = |authority: &mut Authority| {
        black_box(authority.answer(Operation::Decrypt, &asked, groups()).rules.ok()).map(drop)
    };
    let unknown =
        median(|| answer(&mut authority()?), 200)? - median(|| authority().map(drop), 200)?;
    let repeated = median(|| answer(&mut known), ROUNDS)?;
    let collecting = median(|| black_box(items().map(OperationItems::digest)).map(|_| ()), ROUNDS)?;
    let whole = median(
        || decide::<Decrypt>(&mut known, &asked, black_box(items()?)).ok().map(drop),
        ROUNDS,
    )?;
    Some(vec![
        ("first decision on a question", unknown),
        ("repeated decision", repeated),
        ("collecting one value and its digest", collecting),
        ("the same with a repeated decision", whole),
    ])
}

fn main() {
    println!("{RULES} rules");
    for (what, nanos) in figures().unwrap_or_default() {
        println!("{what:<36} {nanos:>8.0} ns");
    }
}

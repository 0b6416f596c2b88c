//! Traceability: every requirement, its state, and the test that would fail if the state were
//! a lie.
//!
//! The list of requirements is that of `../shared/REQUIREMENTS.csv` where it is at hand, otherwise
//! the ids that stand in the table.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::csv;
use crate::failure::{Failure, Result, none_of};
use crate::steps::Outcome;
use crate::workspace::{Workspace, read};

const TABLE: &str = "docs/traceability.csv";
const HEADER: [&str; 4] = ["id", "state", "proof", "remark"];
const STATES: [&str; 4] = ["done", "partial", "open", "not applicable"];

/// How to judge a proof whose test is `#[ignore]`d in the run at hand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ignored {
    /// After `check`, which leaves the expensive tests to `cargo xtask test`.
    Accepted,
    Refused,
}

struct Row {
    id: String,
    state: String,
    proof: String,
    remark: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Proof<'a> {
    Test(&'a str),
    Command(&'a str),
    Unreadable(&'a str),
}

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    check(workspace, Ignored::Refused).map(drop)
}

pub(crate) fn check(workspace: &Workspace, ignored: Ignored) -> Result<Outcome> {
    let rows = rows(&read(&workspace.root.join(TABLE))?)?;
    let results = Results::of(&read_outputs(workspace)?);
    let mut problems = table_problems(&rows, required_ids(workspace)?.as_ref());
    for row in &rows {
        problems.extend(proof_problems(row, &results, ignored));
    }
    let counts = counts(&rows);
    println!("{TABLE}: {counts}");
    none_of(
        &problems,
        "traceability does not hold",
        "run `cargo xtask test` so that the named tests run, or correct docs/traceability.csv",
    )?;
    Ok(Outcome::Note(counts))
}

fn rows(text: &str) -> Result<Vec<Row>> {
    let mut records = csv::parse(text).into_iter();
    if records.next().is_none_or(|header| header != HEADER) {
        let what = format!("{TABLE} does not start with `{}`", HEADER.join(","));
        return Err(Failure::new(what, "restore its first line"));
    }
    records.map(row).collect()
}

fn row(record: Vec<String>) -> Result<Row> {
    let shown = record.join(",");
    let [id, state, proof, remark] = <[String; 4]>::try_from(record).map_err(|record| {
        let what = format!("{TABLE}: {} fields instead of 4 in `{shown}`", record.len());
        Failure::new(what, "quote a field that contains a comma")
    })?;
    Ok(Row { id, state, proof, remark })
}

fn required_ids(workspace: &Workspace) -> Result<Option<BTreeSet<String>>> {
    let path = workspace.root.join("../shared/REQUIREMENTS.csv");
    if !path.exists() {
        return Ok(None);
    }
    let records = csv::parse(&read(&path)?);
    Ok(Some(records.into_iter().skip(1).filter_map(|record| record.into_iter().next()).collect()))
}

fn table_problems(rows: &[Row], required: Option<&BTreeSet<String>>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for row in rows {
        if !seen.insert(row.id.clone()) {
            problems.push(format!("{}: stands twice", row.id));
        }
        if required.is_some_and(|required| !required.contains(&row.id)) {
            problems.push(format!("{}: no such requirement", row.id));
        }
        if !STATES.contains(&row.state.as_str()) {
            problems.push(format!("{}: state `{}`, not {}", row.id, row.state, STATES.join(" | ")));
        }
    }
    let missing = required.into_iter().flatten().filter(|id| !seen.contains(*id));
    problems.extend(missing.map(|id| format!("{id}: missing from the table")));
    problems
}

fn proof_problems(row: &Row, results: &Results, ignored: Ignored) -> Vec<String> {
    let proofs = proofs(&row.proof);
    let mut problems = Vec::new();
    if row.state == "done" && proofs.is_empty() {
        problems.push("done without a proof".to_owned());
    }
    if row.state == "not applicable" && row.remark.trim().is_empty() {
        problems.push("not applicable without a remark that says why".to_owned());
    }
    problems.extend(proofs.iter().filter_map(|proof| match proof {
        Proof::Test(name) => results.problem(name, ignored),
        Proof::Command("") => Some("`cmd:` without a command".to_owned()),
        Proof::Command(_) => None,
        Proof::Unreadable(text) => Some(format!("`{text}` is neither `test:` nor `cmd:`")),
    }));
    problems.into_iter().map(|problem| format!("{}: {problem}", row.id)).collect()
}

/// `test:a; b; cmd:c`: an item without a prefix is of the kind of the one before it.
fn proofs(text: &str) -> Vec<Proof<'_>> {
    let mut kind: fn(&str) -> Proof<'_> = |item| Proof::Unreadable(item);
    let items = text.split(';').map(str::trim).filter(|item| !item.is_empty());
    items
        .map(|item| {
            if let Some(name) = item.strip_prefix("test:") {
                kind = |item| Proof::Test(item);
                kind(name.trim())
            } else if let Some(command) = item.strip_prefix("cmd:") {
                kind = |item| Proof::Command(item);
                kind(command.trim())
            } else {
                kind(item)
            }
        })
        .collect()
}

/// Where the output of the test runs stands. `check` begins it anew.
pub(crate) fn outputs(workspace: &Workspace) -> Result<[PathBuf; 2]> {
    let scratch = workspace.scratch()?;
    Ok([scratch.join("test-output.txt"), scratch.join("e2e-output.txt")])
}

fn read_outputs(workspace: &Workspace) -> Result<String> {
    let present = outputs(workspace)?.into_iter().filter(|path| path.exists());
    present.map(|path| read(&path)).collect::<Result<Vec<_>>>().map(|texts| texts.concat())
}

/// What cargo printed about each test, by the name it printed.
struct Results(BTreeMap<String, BTreeSet<String>>);

impl Results {
    fn of(output: &str) -> Self {
        let mut results: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in output.lines() {
            let Some((name, verdict)) =
                line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
            else {
                continue;
            };
            let name = name.strip_suffix(" - should panic").unwrap_or(name).to_owned();
            let verdict = verdict.split(',').next().unwrap_or_default().trim().to_owned();
            results.entry(name).or_default().insert(verdict);
        }
        Self(results)
    }

    /// A test that ran in one run and was ignored in another did run.
    fn problem(&self, name: &str, ignored: Ignored) -> Option<String> {
        let Some(verdicts) = self.0.get(name) else {
            return Some(format!("test `{name}` did not run"));
        };
        let failed = verdicts.iter().find(|verdict| !["ok", "ignored"].contains(&verdict.as_str()));
        match failed {
            Some(verdict) => Some(format!("test `{name}` ended with `{verdict}`")),
            None if verdicts.contains("ok") || ignored == Ignored::Accepted => None,
            None => Some(format!("test `{name}` was ignored")),
        }
    }
}

fn counts(rows: &[Row]) -> String {
    let count = |state: &str| rows.iter().filter(|row| row.state == state).count();
    let states: Vec<String> =
        STATES.iter().map(|state| format!("{} {state}", count(state))).collect();
    format!("{} requirements: {}", rows.len(), states.join(", "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Ignored, Proof, Results, proof_problems, proofs, rows, table_problems};

    const OUTPUT: &str = "test a::ok ... ok\ntest a::slow ... ignored, needs a release build\n\
        test a::bad ... FAILED\ntest a::dies - should panic ... ok\n\
        test src/lib.rs - Key (line 7) ... ok\ntest a::late ... ignored\ntest a::late ... ok\n";

    fn problems(row: &str, ignored: Ignored) -> Vec<String> {
        let rows = rows(&format!("id,state,proof,remark\n{row}\n")).unwrap();
        proof_problems(&rows[0], &Results::of(OUTPUT), ignored)
    }

    #[test]
    fn a_done_row_needs_a_proof_that_ran_and_passed() {
        let strict = |row| problems(row, Ignored::Refused);
        assert_eq!(strict("R,done,,"), ["R: done without a proof"]);
        assert_eq!(strict("R,done,test:a::ok;a::dies;a::late;cmd:medseal status,"), [""; 0]);
        assert_eq!(strict("R,done,test:src/lib.rs - Key (line 7),"), [""; 0]);
        assert_eq!(strict("R,partial,test:a::gone,"), ["R: test `a::gone` did not run"]);
        assert_eq!(strict("R,done,test:a::bad,"), ["R: test `a::bad` ended with `FAILED`"]);
        assert_eq!(strict("R,done,test:a::slow,"), ["R: test `a::slow` was ignored"]);
        assert_eq!(problems("R,done,test:a::slow,", Ignored::Accepted), [""; 0]);
        assert_eq!(strict("R,done,works,"), ["R: `works` is neither `test:` nor `cmd:`"]);
        assert_eq!(strict("R,done,cmd:,"), ["R: `cmd:` without a command"]);
        assert_eq!(strict("R,not applicable,,").len(), 1);
    }

    #[test]
    fn ids_are_the_required_ones_exactly_once() {
        let text = "id,state,proof,remark\nA,open,,\nA,open,,\nB,finished,,\n";
        let required = BTreeSet::from(["A".to_owned(), "C".to_owned()]);
        let problems = table_problems(&rows(text).unwrap(), Some(&required));
        let expected = [
            "A: stands twice",
            "B: no such requirement",
            "B: state `finished`, not done | partial | open | not applicable",
            "C: missing from the table",
        ];
        assert_eq!(problems, expected);
    }

    #[test]
    fn a_prefix_holds_until_the_next() {
        let expected = [Proof::Test("a"), Proof::Test("b"), Proof::Command("c d")];
        assert_eq!(proofs("test:a; b;cmd: c d"), expected);
        assert_eq!(proofs("a"), [Proof::Unreadable("a")]);
    }

    #[test]
    fn a_row_of_the_wrong_width_is_refused() {
        assert!(rows("id,state,proof,remark\nA,open,x,y,z\n").is_err());
        assert!(rows("id,state\n").is_err());
    }
}

//! The order of work: one named step after another, the clock on every line, a table at the end.

use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};

/// What a step came to, when it did not fail.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done,
    /// Something worth a place in the table.
    Note(String),
    /// A component was not there. Only outside CI.
    Skipped(String),
}

#[derive(Debug)]
pub(crate) struct Steps {
    start: Instant,
    rows: Vec<(String, Duration, String)>,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), rows: Vec::new() }
    }

    pub(crate) fn run(&mut self, name: &str, work: impl FnOnce() -> Result<Outcome>) -> Result<()> {
        println!("\n==> {name} (at {} s)", self.start.elapsed().as_secs());
        let begun = Instant::now();
        let outcome = work();
        let verdict = match &outcome {
            Ok(Outcome::Done) => "ok".to_owned(),
            Ok(Outcome::Note(note)) => format!("ok, {note}"),
            Ok(Outcome::Skipped(reason)) => format!("SKIPPED: {reason}"),
            Err(_) => "FAILED".to_owned(),
        };
        println!("<== {name}: {verdict} ({:.1} s)", begun.elapsed().as_secs_f64());
        self.rows.push((name.to_owned(), begun.elapsed(), verdict));
        outcome.map(|_| ())
    }

    pub(crate) fn print_table(&self) {
        let width = self.rows.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
        println!();
        for (name, time, verdict) in &self.rows {
            println!("{name:width$}  {:8.1} s  {verdict}", time.as_secs_f64());
        }
        println!("{:width$}  {:8.1} s", "total", self.start.elapsed().as_secs_f64());
    }
}

/// A component that is not there: a failure on the build server, a loud skip on a laptop.
pub(crate) fn missing(component: Failure) -> Result<Outcome> {
    judge_missing(component, std::env::var("CI").is_ok_and(|value| value == "true"))
}

fn judge_missing(component: Failure, in_ci: bool) -> Result<Outcome> {
    if in_ci {
        return Err(component);
    }
    eprintln!("{component}");
    Ok(Outcome::Skipped("a component is missing, see above".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Steps, judge_missing};
    use crate::failure::Failure;

    #[test]
    fn a_missing_component_fails_in_ci_and_is_skipped_elsewhere() {
        assert!(judge_missing(Failure::new("x", "y"), true).is_err());
        assert!(matches!(judge_missing(Failure::new("x", "y"), false), Ok(Outcome::Skipped(_))));
    }

    #[test]
    fn a_failed_step_is_in_the_table_and_ends_the_run() {
        let mut steps = Steps::new();
        assert!(steps.run("a", || Ok(Outcome::Done)).is_ok());
        assert!(steps.run("b", || Err(Failure::new("x", "y"))).is_err());
        let verdicts: Vec<&str> = steps.rows.iter().map(|(_, _, verdict)| &**verdict).collect();
        assert_eq!(verdicts, ["ok", "FAILED"]);
    }
}

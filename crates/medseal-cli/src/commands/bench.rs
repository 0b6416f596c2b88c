//! `medseal bench`: ratios on this machine, taken side by side in one run.

use crate::arguments::{Arguments, Bench};
use crate::failure::Failure;
use crate::output;
use medseal_engine::bench;

pub(crate) fn run(arguments: &Arguments, command: &Bench) -> Result<(), Failure> {
    let prefix = command.case.as_deref().unwrap_or_default();
    let results = bench::run(prefix)?;
    if results.is_empty() {
        let ids: Vec<&str> = bench::CASES.to_vec();
        return Err(Failure::usage(format!("no such case; there are: {}", ids.join(", "))));
    }
    for r in &results {
        if arguments.json {
            output::json(r)?;
            continue;
        }
        let ratio = match (r.ratio, r.against) {
            (Some(ratio), Some(against)) => format!("{ratio:>6.2} × {against}"),
            _ => String::new(),
        };
        let (us, spread) = (r.us_per_op, r.spread_pct);
        output::line(&format!(
            "{:<28} {us:>10.3} µs  {:>9.1} MB/s  ±{spread:>3.0} %  {ratio}",
            r.case, r.mb_per_s
        ))?;
    }
    Ok(())
}

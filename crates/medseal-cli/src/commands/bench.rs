//! `medseal bench`: ratios on this machine, taken side by side in one run.

use crate::arguments::{Arguments, Bench};
use crate::failure::Failure;
use crate::output;
use medseal_engine::bench;

pub(crate) fn run(arguments: &Arguments, command: &Bench) -> Result<(), Failure> {
    if let Some(entries) = command.long_log {
        return long_log(arguments, entries);
    }
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
        let p99 = r.p99_us.map_or(String::new(), |us| format!(", 99 % within {us:.0} µs"));
        let (us, spread) = (r.us_per_op, r.spread_pct);
        output::line(&format!(
            "{:<28} {us:>10.3} µs  {:>9.1} MB/s  ±{spread:>3.0} %  {ratio}{p99}",
            r.case, r.mb_per_s
        ))?;
    }
    Ok(())
}

fn long_log(arguments: &Arguments, entries: u64) -> Result<(), Failure> {
    let found = bench::long_log(entries)?;
    if arguments.json {
        return output::json(&found);
    }
    let (appended, verified) = (found.appended_per_s, found.verified_per_s);
    output::line(&format!(
        "{entries} entries: {appended:.0}/s appended, {verified:.0}/s verified"
    ))?;
    output::line(&format!(
        "memory: {} KiB at a tenth, {} KiB when all were appended, {} KiB when all were verified",
        found.memory_at_a_tenth_kib, found.memory_appended_kib, found.memory_verified_kib
    ))
}

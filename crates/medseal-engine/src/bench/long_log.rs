//! A long audit log: how fast it grows and is verified, and that neither takes more memory the longer it
//! is. The files lie in the directory for temporary files (`$TMPDIR`) and are gone afterwards.

use super::check;
use crate::error::EngineError;
use crate::ledger::bench::BenchLog;
use serde::Serialize;
use std::fs;
use std::time::Instant;

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct LongLog {
    /// How many entries.
    pub entries: u64,
    /// Entries a second that one thread appends, a thousand with one write.
    pub appended_per_s: f64,
    /// Entries a second that were verified, with their details and signatures.
    pub verified_per_s: f64,
    /// Most memory of the process in KiB, when a tenth of the entries was appended.
    pub memory_at_a_tenth_kib: u64,
    /// The same when all were.
    pub memory_appended_kib: u64,
    /// The same when all were verified.
    pub memory_verified_kib: u64,
}

/// Appends so many entries to a log of its own, and verifies it.
///
/// # Errors
/// When the log does not verify, or has another number of entries.
pub fn long_log(entries: u64) -> Result<LongLog, EngineError> {
    let io = EngineError::io("making a temporary directory");
    let directory = tempfile::tempdir().map_err(io)?;
    let log = BenchLog::create(directory.path())?;
    let start = Instant::now();
    log.fill(entries / 10)?;
    let memory_at_a_tenth_kib = peak_memory_kib();
    log.fill(entries - entries / 10)?;
    let appended_per_s = entries as f64 / start.elapsed().as_secs_f64();
    let memory_appended_kib = peak_memory_kib();
    let start = Instant::now();
    // the first entry of a log is its own
    check(log.verify()? == entries + 1)?;
    let verified_per_s = entries as f64 / start.elapsed().as_secs_f64();
    let memory_verified_kib = peak_memory_kib();
    Ok(LongLog {
        entries,
        appended_per_s,
        verified_per_s,
        memory_at_a_tenth_kib,
        memory_appended_kib,
        memory_verified_kib,
    })
}

/// The most that this process ever had in memory; 0 where nobody says.
fn peak_memory_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::long_log;

    #[test]
    fn a_long_log_verifies() {
        let found = long_log(2500).unwrap();
        assert_eq!(found.entries, 2500);
        assert!(found.memory_at_a_tenth_kib > 0);
        assert!(found.memory_verified_kib >= found.memory_at_a_tenth_kib);
    }
}

//! Durations as people write them.

use crate::failure::Failure;

/// A hundred years: anything longer is a slip.
const LONGEST: i64 = 100 * 366 * 86_400;

/// `90d`, `24h`, `30m`, `45s`.
pub(crate) fn seconds(text: &str) -> Result<i64, Failure> {
    let wrong = || Failure::usage("a duration is a number with s, m, h or d, such as 90d");
    let unit = text.char_indices().last().map(|(at, _)| text.split_at(at)).ok_or_else(wrong)?;
    let scale = match unit.1 {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number: i64 = unit.0.parse().map_err(|_| wrong())?;
    number.checked_mul(scale).filter(|n| (0..=LONGEST).contains(n)).ok_or_else(wrong)
}

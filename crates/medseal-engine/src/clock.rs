//! Time, as something a test can move.

use medseal_core::keyring::UnixSeconds;
use medseal_core::stored_secret::Month;
use time::OffsetDateTime;

/// Where the engine reads the time.
pub trait Clock: Send + Sync {
    /// Seconds since 1970, for states and dates.
    fn now(&self) -> UnixSeconds;

    /// Milliseconds that only go forward, suspend included, for the age of cached keys.
    fn monotonic_millis(&self) -> u64;

    /// The current month (UTC).
    fn month(&self) -> Month {
        let Ok(date) = OffsetDateTime::from_unix_timestamp(self.now()) else { return Month::NONE };
        let year = u32::try_from(date.year()).unwrap_or(0);
        Month::from_yyyymm(year * 100 + u32::from(u8::from(date.month()))).unwrap_or(Month::NONE)
    }
}

/// The operating system's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixSeconds {
        OffsetDateTime::now_utc().unix_timestamp()
    }

    fn monotonic_millis(&self) -> u64 {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let millis = time.tv_sec * 1000 + time.tv_nsec / 1_000_000;
        u64::try_from(millis).unwrap_or(0)
    }
}

/// RFC 3339 in UTC, for people and the ledger.
pub fn rfc3339(at: UnixSeconds) -> String {
    OffsetDateTime::from_unix_timestamp(at)
        .ok()
        .and_then(|t| t.format(&time::format_description::well_known::Rfc3339).ok())
        .unwrap_or_else(|| at.to_string())
}

/// Reads RFC 3339; `None` for anything else.
pub fn parse_rfc3339(text: &str) -> Option<UnixSeconds> {
    let format = &time::format_description::well_known::Rfc3339;
    OffsetDateTime::parse(text, format).ok().map(OffsetDateTime::unix_timestamp)
}

/// The operating system's time, for commands that open no home.
pub fn now() -> UnixSeconds {
    SystemClock.now()
}

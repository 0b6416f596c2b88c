//! What principals spend of their budgets: counters without a MAC, which only ever refuse more.

/// One budget that is to be charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Whose.
    pub principal_id: String,
    /// Which.
    pub budget: String,
    /// The window, in seconds.
    pub window: u64,
    /// How much.
    pub amount: u64,
    /// What the sum of the window must not pass.
    pub stop: Option<u64>,
}

/// What a charge found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// The sum of the window without this charge.
    pub before: u64,
    /// Whether the charge fits.
    pub fits: bool,
}

/// How many slots a window has. What happened in a slot counts until the whole slot is older than
/// the window, so that no window ever holds more than the limit.
const SLOTS: u64 = 60;

impl Charge {
    /// The end of the slot that a moment is in.
    pub(crate) fn slot(&self, now: i64) -> i64 {
        let length = i64::try_from(self.window.div_ceil(SLOTS).max(1)).unwrap_or(i64::MAX);
        now.div_euclid(length).saturating_add(1).saturating_mul(length)
    }

    /// Slots that end at this moment or earlier are no part of the window.
    pub(crate) fn oldest(&self, now: i64) -> i64 {
        now.saturating_sub(i64::try_from(self.window).unwrap_or(i64::MAX))
    }
}

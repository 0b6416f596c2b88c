//! When a key is due for a new version.
//!
//! Data does not follow by itself: a new version encrypts at once, old data is carried over by
//! `reencrypt`.

use super::UnixSeconds;

/// The conditions under which a new version is due. `None` everywhere means never by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RotationPolicy {
    /// Seconds a primary serves.
    pub period: Option<i64>,
    /// A fixed moment. Cleared or moved on by one period when a rotation happens.
    pub next_time: Option<UnixSeconds>,
    /// Messages a primary encrypts.
    pub max_messages: Option<u64>,
    /// Plaintext bytes a primary encrypts.
    pub max_bytes: Option<u64>,
}

/// What one version has encrypted so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Messages.
    pub messages: u64,
    /// Plaintext bytes.
    pub bytes: u64,
}

/// Which condition was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DueReason {
    /// The period is over.
    Period,
    /// The fixed moment has come.
    NextTime,
    /// Enough messages.
    Messages,
    /// Enough bytes.
    Bytes,
}

impl DueReason {
    /// The word used in the ledger and in listings.
    pub fn name(self) -> &'static str {
        match self {
            DueReason::Period => "period",
            DueReason::NextTime => "next-rotation-time",
            DueReason::Messages => "messages",
            DueReason::Bytes => "bytes",
        }
    }
}

impl RotationPolicy {
    /// Which condition is met at `now` for a primary that was activated at `activated_at`.
    pub(super) fn due(
        &self,
        activated_at: UnixSeconds,
        usage: Usage,
        now: UnixSeconds,
    ) -> Option<DueReason> {
        let reached = |limit: Option<u64>, used: u64| limit.is_some_and(|limit| used >= limit);
        if self.next_time.is_some_and(|at| now >= at) {
            Some(DueReason::NextTime)
        } else if self.period.is_some_and(|p| now.saturating_sub(activated_at) >= p) {
            Some(DueReason::Period)
        } else if reached(self.max_messages, usage.messages) {
            Some(DueReason::Messages)
        } else if reached(self.max_bytes, usage.bytes) {
            Some(DueReason::Bytes)
        } else {
            None
        }
    }

    /// The policy after a rotation at `now`: a moment that has passed is moved on by whole periods,
    /// or cleared when there is no period.
    pub(super) fn after_rotation(mut self, now: UnixSeconds) -> Self {
        if let Some(at) = self.next_time.filter(|at| now >= *at) {
            self.next_time = self.period.filter(|p| *p > 0).map(|period| {
                let periods = now.saturating_sub(at) / period + 1;
                at.saturating_add(period.saturating_mul(periods))
            });
        }
        self
    }
}

//! Which event is accepted in which state, and what follows.

use super::{Cause, KeyVersion, Keyring, State, UnixSeconds};
use crate::{KeyVersionId, Suite};

/// Something that happens to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A new version becomes primary; the old primary decrypts only.
    Rotate {
        /// The new version's id.
        id: KeyVersionId,
        /// The new version's suite.
        suite: Suite,
    },
    /// An earlier version becomes primary again.
    Rollback(u32),
    /// A version stops encrypting and decrypting for a time.
    Suspend(u32),
    /// Ends a suspension, or takes back a destruction that has not happened yet.
    Resume(u32),
    /// A version is taken out of use for a cause.
    Revoke(u32, Cause),
    /// The waiting period starts.
    ScheduleDestroy {
        /// The version.
        number: u32,
        /// When the period ends.
        destroy_after: UnixSeconds,
    },
    /// The waiting period is over and the key material goes.
    Destroy(u32),
}

/// Why an event is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No version of that number or id.
    #[error("no such key version")]
    NoSuchVersion,
    /// The primary is suspended or revoked.
    #[error("the key has no active version")]
    NoPrimary,
    /// The version's state does not decrypt.
    #[error("the key version is {} and does not decrypt", .0.name())]
    DoesNotDecrypt(State),
    /// The event makes no sense in that state.
    #[error("a key version that is {} cannot take this change", .0.name())]
    WrongState(State),
    /// The primary must be replaced before it is destroyed.
    #[error("the primary version cannot be destroyed; rotate or roll back first")]
    IsPrimary,
    /// The waiting period has not ended.
    #[error("the waiting period before destruction has not ended")]
    TooEarly(UnixSeconds),
    /// The id stands in this key already.
    #[error("the key-version id is in use")]
    DuplicateId,
    /// There are 2^32 - 1 versions.
    #[error("the key has too many versions")]
    TooManyVersions,
}

impl Keyring {
    /// The keyring after `event`, or why it is refused. The old keyring is untouched.
    ///
    /// # Errors
    /// A [`Refusal`].
    pub fn apply(&self, event: Event, now: UnixSeconds) -> Result<Keyring, Refusal> {
        let mut next = self.clone();
        match event {
            Event::Rotate { id, suite } => next.rotate(id, suite, now)?,
            Event::Rollback(number) => next.make_primary(number, now)?,
            Event::Suspend(number) => next.suspend(number)?,
            Event::Resume(number) => next.resume(number)?,
            Event::Revoke(number, cause) => next.revoke(number, cause)?,
            Event::ScheduleDestroy { number, destroy_after } => {
                next.schedule_destroy(number, destroy_after)?;
            }
            Event::Destroy(number) => next.destroy(number, now)?,
        }
        Ok(next)
    }

    fn rotate(&mut self, id: KeyVersionId, suite: Suite, now: UnixSeconds) -> Result<(), Refusal> {
        if self.versions.iter().any(|v| v.id == id) {
            return Err(Refusal::DuplicateId);
        }
        let last = self.versions.iter().map(|v| v.number).max().unwrap_or(0);
        let number = last.checked_add(1).ok_or(Refusal::TooManyVersions)?;
        self.retire_primary();
        self.versions.push(KeyVersion::activated(number, id, suite, now));
        self.primary = number;
        self.policy = self.policy.after_rotation(now);
        Ok(())
    }

    fn make_primary(&mut self, number: u32, now: UnixSeconds) -> Result<(), Refusal> {
        let state = self.version(number)?.state;
        if !matches!(state, State::Deactivated | State::PreActive) {
            return Err(Refusal::WrongState(state));
        }
        self.retire_primary();
        let version = self.version_mut(number)?;
        version.state = State::Active;
        version.cause = None;
        version.activated_at = Some(now);
        self.primary = number;
        Ok(())
    }

    /// An Active primary decrypts only from now on; a suspended or revoked one keeps its state.
    fn retire_primary(&mut self) {
        for version in self.versions.iter_mut().filter(|v| v.state == State::Active) {
            version.state = State::Deactivated;
        }
    }

    fn suspend(&mut self, number: u32) -> Result<(), Refusal> {
        let version = self.version_mut(number)?;
        match version.state {
            State::Active | State::Deactivated => version.state = State::Suspended,
            other => return Err(Refusal::WrongState(other)),
        }
        Ok(())
    }

    fn resume(&mut self, number: u32) -> Result<(), Refusal> {
        let is_primary = self.primary == number;
        let version = self.version_mut(number)?;
        version.state = match (version.state, version.cause) {
            // a revoked primary comes back to decrypt only; rolling back is a decision of its own
            (State::Suspended, None) if is_primary => State::Active,
            (State::Suspended, _) => State::Deactivated,
            (State::DestroyPending, Some(Cause::Compromise)) => State::Compromised,
            (State::DestroyPending, _) => State::Deactivated,
            (other, _) => return Err(Refusal::WrongState(other)),
        };
        version.destroy_after = None;
        Ok(())
    }

    fn revoke(&mut self, number: u32, cause: Cause) -> Result<(), Refusal> {
        let version = self.version_mut(number)?;
        version.state = match (version.state, cause) {
            (State::Destroyed, _) => return Err(Refusal::WrongState(State::Destroyed)),
            // what is waiting to be destroyed goes on waiting, with the mark
            (State::DestroyPending, Cause::Compromise) => State::DestroyPending,
            (_, Cause::Compromise) => State::Compromised,
            (State::Active | State::Suspended | State::PreActive, Cause::Superseded) => {
                State::Deactivated
            }
            (other, Cause::Superseded) => return Err(Refusal::WrongState(other)),
        };
        version.cause = Some(cause);
        Ok(())
    }

    fn schedule_destroy(&mut self, number: u32, destroy_after: UnixSeconds) -> Result<(), Refusal> {
        let is_primary = self.primary == number;
        let version = self.version_mut(number)?;
        match version.state {
            State::Active => return Err(Refusal::IsPrimary),
            // A suspended primary would leave the key pointing at nothing.
            State::Suspended if is_primary => return Err(Refusal::IsPrimary),
            State::DestroyPending | State::Destroyed => {
                return Err(Refusal::WrongState(version.state));
            }
            _ => {}
        }
        version.state = State::DestroyPending;
        version.destroy_after = Some(destroy_after);
        Ok(())
    }

    fn destroy(&mut self, number: u32, now: UnixSeconds) -> Result<(), Refusal> {
        let version = self.version_mut(number)?;
        match (version.state, version.destroy_after) {
            (State::DestroyPending, Some(after)) if now < after => Err(Refusal::TooEarly(after)),
            (State::DestroyPending, _) => {
                version.state = State::Destroyed;
                version.destroy_after = None;
                Ok(())
            }
            (other, _) => Err(Refusal::WrongState(other)),
        }
    }

    fn version_mut(&mut self, number: u32) -> Result<&mut KeyVersion, Refusal> {
        self.versions.iter_mut().find(|v| v.number == number).ok_or(Refusal::NoSuchVersion)
    }
}

//! The life cycle of a key and its versions, as a pure function of (keyring, event, now).
//!
//! State is on the *version* (SP 800-57 part 1, section 7; the names are KMIP's). At most one
//! version is Active: the primary, which encrypts. Nothing here touches key material or a clock;
//! the engine turns an accepted event into one compare-and-set transaction.

mod rotation;
mod transition;

pub use rotation::{DueReason, RotationPolicy, Usage};
pub use transition::{Event, Refusal};

use crate::{KeyVersionId, Suite};

/// Seconds since 1970-01-01T00:00:00Z.
pub type UnixSeconds = i64;

/// What a key may be used for; never more than one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// Field envelopes.
    Field,
    /// Streams and files.
    File,
}

impl Purpose {
    /// The name on the command line and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Purpose::Field => "field",
            Purpose::File => "file",
        }
    }

    /// Reads a [`Purpose::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        [Purpose::Field, Purpose::File].into_iter().find(|p| p.name() == name)
    }
}

/// The state of one key version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Made, not yet used for anything.
    PreActive,
    /// The primary: encrypts and decrypts.
    Active,
    /// Neither encrypts nor decrypts until resumed.
    Suspended,
    /// Decrypts only.
    Deactivated,
    /// Known or feared to be in other hands; decrypts only under an incident grant.
    Compromised,
    /// Will be destroyed when its waiting period ends; does not decrypt.
    DestroyPending,
    /// Key material is gone; the id stays as a tombstone.
    Destroyed,
}

impl State {
    /// Every state.
    pub const ALL: [State; 7] = [
        State::PreActive,
        State::Active,
        State::Suspended,
        State::Deactivated,
        State::Compromised,
        State::DestroyPending,
        State::Destroyed,
    ];

    /// The name shown and stored.
    pub fn name(self) -> &'static str {
        match self {
            State::PreActive => "pre-active",
            State::Active => "active",
            State::Suspended => "suspended",
            State::Deactivated => "deactivated",
            State::Compromised => "compromised",
            State::DestroyPending => "destroy-pending",
            State::Destroyed => "destroyed",
        }
    }

    /// Reads a [`State::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// Whether a version in this state may decrypt without an incident grant.
    pub fn decrypts(self) -> bool {
        matches!(self, State::Active | State::Deactivated)
    }
}

/// Why a version was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The key may be known to others.
    Compromise,
    /// Replaced in good order.
    Superseded,
}

impl Cause {
    /// The name on the command line and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Cause::Compromise => "compromise",
            Cause::Superseded => "superseded",
        }
    }

    /// Reads a [`Cause::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        [Cause::Compromise, Cause::Superseded].into_iter().find(|c| c.name() == name)
    }
}

/// One version of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyVersion {
    /// 1, 2, 3 …: what stands behind the `@` in `NAME@N`.
    pub number: u32,
    /// The id in every envelope's header.
    pub id: KeyVersionId,
    /// The suite.
    pub suite: Suite,
    /// The state.
    pub state: State,
    /// Why it was revoked, if it was. A compromised version never loses this mark.
    pub cause: Option<Cause>,
    /// When it was made.
    pub created_at: UnixSeconds,
    /// When it last became primary.
    pub activated_at: Option<UnixSeconds>,
    /// Before this moment the version cannot be destroyed; only in [`State::DestroyPending`].
    pub destroy_after: Option<UnixSeconds>,
}

/// A key: its versions, which of them is primary, and its rotation policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyring {
    /// What the key is for.
    pub purpose: Purpose,
    /// The number of the version that encrypts when it is Active.
    pub primary: u32,
    /// All versions, ascending by number, without gaps.
    pub versions: Vec<KeyVersion>,
    /// When a new version is due.
    pub policy: RotationPolicy,
}

impl Keyring {
    /// A new key with one Active version.
    pub fn create(
        purpose: Purpose,
        policy: RotationPolicy,
        id: KeyVersionId,
        suite: Suite,
        now: UnixSeconds,
    ) -> Self {
        let first = KeyVersion::activated(1, id, suite, now);
        Self { purpose, primary: 1, versions: vec![first], policy }
    }

    /// The version that encrypts.
    ///
    /// # Errors
    /// [`Refusal::NoPrimary`] while the primary is suspended or revoked.
    pub fn encrypting_version(&self) -> Result<&KeyVersion, Refusal> {
        self.version(self.primary)
            .ok()
            .filter(|version| version.state == State::Active)
            .ok_or(Refusal::NoPrimary)
    }

    /// The version numbered `number`.
    ///
    /// # Errors
    /// [`Refusal::NoSuchVersion`].
    pub fn version(&self, number: u32) -> Result<&KeyVersion, Refusal> {
        self.versions.iter().find(|v| v.number == number).ok_or(Refusal::NoSuchVersion)
    }

    /// The version with this id, if it may decrypt.
    ///
    /// # Errors
    /// [`Refusal::NoSuchVersion`] or [`Refusal::DoesNotDecrypt`] with its state.
    pub fn decrypting_version(&self, id: KeyVersionId) -> Result<&KeyVersion, Refusal> {
        let version = self.versions.iter().find(|v| v.id == id).ok_or(Refusal::NoSuchVersion)?;
        if version.state.decrypts() {
            Ok(version)
        } else {
            Err(Refusal::DoesNotDecrypt(version.state))
        }
    }

    /// Whether a new version is due, and why.
    pub fn rotation_due(&self, usage: Usage, now: UnixSeconds) -> Option<DueReason> {
        let activated_at = self.version(self.primary).ok().and_then(|v| v.activated_at);
        self.policy.due(activated_at.unwrap_or(now), usage, now)
    }
}

impl KeyVersion {
    pub(crate) fn activated(number: u32, id: KeyVersionId, suite: Suite, now: UnixSeconds) -> Self {
        Self {
            number,
            id,
            suite,
            state: State::Active,
            cause: None,
            created_at: now,
            activated_at: Some(now),
            destroy_after: None,
        }
    }
}

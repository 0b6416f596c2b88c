//! The store of keys, definitions and everything else that must not be edited behind our back.
//!
//! Tables are described once ([`schema`]); a backend reads and writes rows of any of them and knows
//! nothing of keys. Records turn rows into types. [`Rows`] is the way to use them: it gives up a
//! record only against the key that authenticates it and the state root, so a database
//! administrator's edit is found where it would first be used, and so is an old row put back.
//!
//! All changes go through [`Store::commit`]: one transaction, compared with the epoch, the root and
//! the row versions it was planned on. SQL lives here and nowhere else.
#![forbid(unsafe_code)]

mod change;
#[cfg(feature = "test-util")]
pub mod conformance;
mod error;
mod records;
mod rolled_back;
mod row;
mod rows;
pub mod schema;
mod spending;
mod sqlite;

pub use change::{Change, Write};
pub use error::StoreError;
pub use records::{
    AccessTokenRecord, ApprovalRecord, ApprovalRequestRecord, ApproverKeyRecord, AuditLogRecord,
    BreakGlassRecord, FieldRecord, KeyRecord, KeySecretRecord, KeyVersionRecord, PolicyRecord,
    PrincipalRecord, PrincipalState, PseudonymRecord, RequestState, RoleGrantRecord, RootRecord,
    SubjectHoldRecord, SubjectRecord, SubjectTombstoneRecord, keyring,
};
pub use rolled_back::RolledBack;
pub use row::{RawRow, Record, Stored, Unverified};
pub use rows::{Planned, PlannedBeside, Rows, StateMemory, VerifiedState};
pub use spending::{Charge, Spent};
pub use sqlite::SqliteStore;

use async_trait::async_trait;
use medseal_core::keyring::Usage;
use medseal_core::{KeyVersionId, StoreId};
use schema::Table;
use std::ops::Range;

/// Which store this is and how often it has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreState {
    /// The store's id; never changes.
    pub store_id: StoreId,
    /// +1 with every commit.
    pub epoch: u64,
    /// The state root and its MAC, as they stand there; `None` before the map has begun.
    pub root: Option<SealedRoot>,
    /// The last migration.
    pub schema_version: u32,
}

/// The state root as a backend holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRoot {
    /// The root.
    pub root: Vec<u8>,
    /// Authenticates epoch and root.
    pub mac: Vec<u8>,
}

/// What a backend does. The engine holds one behind `dyn`.
///
/// A returned commit is durable. Reads see every commit that returned before they began.
#[async_trait]
pub trait Store: Send + Sync {
    /// Id, epoch, root and schema version, as of one moment.
    async fn state(&self) -> Result<StoreState, StoreError>;

    /// The row with this primary key.
    async fn read(&self, table: &'static Table, key: &[&str])
    -> Result<Option<RawRow>, StoreError>;

    /// The rows whose primary key starts with these columns, ascending by the key's bytes.
    async fn list(
        &self,
        table: &'static Table,
        key_prefix: &[&str],
    ) -> Result<Vec<RawRow>, StoreError>;

    /// The row of `key_versions` with this id.
    async fn find_key_version(&self, id: KeyVersionId) -> Result<Option<RawRow>, StoreError>;

    /// The hashes of all buckets of the state root; nothing before the map has begun.
    async fn bucket_hashes(&self) -> Result<Vec<u8>, StoreError>;

    /// The leaves of one bucket of the state root; nothing for one without rows.
    async fn bucket(&self, number: u8) -> Result<Vec<u8>, StoreError>;

    /// Makes all of a change or nothing, with the state after it, and returns the new epoch.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the epoch, the root or a row's version is not what the change
    /// was planned on, or a row to be inserted exists.
    async fn commit(&self, planned: Planned) -> Result<u64, StoreError>;

    /// Makes all of a change of rows outside the state root, or nothing, and leaves the epoch.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] as for [`Store::commit`].
    async fn commit_beside(&self, planned: PlannedBeside) -> Result<(), StoreError>;

    /// At most `limit` rows whose integer column is in `range`, in no order.
    async fn list_within(
        &self,
        table: &'static Table,
        column: &'static str,
        range: Range<i64>,
        limit: u32,
    ) -> Result<Vec<RawRow>, StoreError>;

    /// Adds to a key version's counters, which stop at `i64::MAX`. Not part of the epoch.
    async fn add_usage(&self, id: KeyVersionId, added: Usage) -> Result<(), StoreError>;

    /// Charges budgets at a moment (seconds since 1970): all of them, or none if one does not fit. Not
    /// part of the epoch.
    async fn spend(&self, charges: &[Charge], now: i64) -> Result<Vec<Spent>, StoreError>;

    /// A key version's counters.
    async fn usage(&self, id: KeyVersionId) -> Result<Usage, StoreError>;
}

/// One record, not authenticated: to look at, not to act upon. [`Rows::get`] gives records.
///
/// # Errors
/// What the backend answers; [`StoreError::RowRejected`] for a row that is no such record or not
/// the one that was asked for.
pub async fn get<R: Record>(
    store: &dyn Store,
    key: &[&str],
) -> Result<Option<Unverified<R>>, StoreError> {
    let row = store.read(R::table(), key).await?;
    row.map(|row| Unverified::from_row(row, key)).transpose()
}

/// All records whose primary key starts with `prefix`, not authenticated. [`Rows::all`] gives
/// records.
///
/// # Errors
/// As [`get`].
pub async fn all<R: Record>(
    store: &dyn Store,
    prefix: &[&str],
) -> Result<Vec<Unverified<R>>, StoreError> {
    let rows = store.list(R::table(), prefix).await?;
    rows.into_iter().map(|row| Unverified::from_row(row, prefix)).collect()
}

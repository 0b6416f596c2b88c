//! What can go wrong with a store.

use crate::RolledBack;

/// Every failure of a store. Names of tables and keys are no patients' data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The backend does not answer, is full or is locked.
    #[error("the store is unavailable: {0}")]
    Unavailable(&'static str),
    /// Somebody else was faster.
    #[error("the store was changed by somebody else")]
    Conflict,
    /// A row is not what was written: edited, or moved from another row.
    #[error("a row of `{table}` was altered: {key}")]
    RowRejected {
        /// The table.
        table: &'static str,
        /// The primary key.
        key: String,
    },
    /// A row cannot be read as what it should be.
    #[error("a row of `{table}` is not readable")]
    Corrupt {
        /// The table.
        table: &'static str,
    },
    /// The store is older than it was, or another.
    #[error("the store was rolled back: {0}; put the newest store back")]
    RolledBack(#[from] RolledBack),
    /// The backend's own structures are damaged.
    #[error("the store is damaged; restore it from a backup")]
    Damaged,
    /// The store was written by a newer program.
    #[error("the store has schema {found}, this program knows {known}; use the newer program")]
    SchemaNewer {
        /// The store's.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// The file is no store.
    #[error("the file is no medseal store")]
    NotAStore,
    /// There is a store already.
    #[error("there is a store here already")]
    Exists,
}

impl StoreError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            StoreError::Unavailable(_) => "STORE_UNAVAILABLE",
            StoreError::Conflict => "STORE_CONFLICT",
            StoreError::RowRejected { .. } => "STORE_ROW_REJECTED",
            StoreError::Corrupt { .. } | StoreError::Damaged => "STORE_CORRUPT",
            StoreError::RolledBack(_) => "STORE_ROLLED_BACK",
            StoreError::SchemaNewer { .. } => "STORE_SCHEMA_NEWER",
            StoreError::NotAStore => "STORE_NOT_A_STORE",
            StoreError::Exists => "STORE_EXISTS",
        }
    }
}

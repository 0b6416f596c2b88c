//! How a store shows that it is not the newest one, or not what was written.

/// What was found. Names of tables and primary keys are no patients' data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RolledBack {
    /// An older store.
    #[error("its epoch is {found} and was {known} before")]
    LowerEpoch {
        /// The store's.
        found: u64,
        /// The highest that was seen or stands in the audit log.
        known: u64,
    },
    /// Another store that has changed as often.
    #[error("epoch {0} had another state root before")]
    SecondRoot(u64),
    /// Epoch and root are not what somebody with the key wrote.
    #[error("its epoch and state root were edited")]
    StateEdited,
    /// There was a root, and there is none.
    #[error("its state root was removed")]
    RootRemoved,
    /// The hashes of the buckets do not have the root.
    #[error("the bucket hashes of the state root were edited")]
    HashesEdited,
    /// One bucket does not have its hash.
    #[error("bucket {0} of the state root was edited")]
    BucketEdited(u8),
    /// An authentic row that is not the newest, or not of this store any more.
    #[error("a row of `{table}` is not in the state root, an old one was put back: {key}")]
    RowOutside {
        /// The table.
        table: &'static str,
        /// The primary key.
        key: String,
    },
    /// A row that should be there.
    #[error("a row of `{table}` was deleted: {key}")]
    RowMissing {
        /// The table.
        table: &'static str,
        /// The primary key.
        key: String,
    },
    /// Fewer rows than there should be.
    #[error("rows of `{table}` were deleted: {found} of {known} are there")]
    RowsMissing {
        /// The table.
        table: &'static str,
        /// How many there are.
        found: usize,
        /// How many the state root has.
        known: usize,
    },
}

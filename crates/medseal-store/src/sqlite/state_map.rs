//! The state that a change leads to, in the transaction of the change.

use super::to_i64;
use crate::{Planned, StoreError};
use rusqlite::{Transaction, params};

/// The compare-and-set that serialises all changes.
pub(super) fn advance(transaction: &Transaction<'_>, planned: &Planned) -> Result<u64, StoreError> {
    let expected = planned.change.expected_epoch;
    let next = expected.checked_add(1).ok_or(StoreError::Conflict)?;
    let sql = "UPDATE store_state \
         SET epoch = ?1, state_root = ?2, state_mac = ?3, bucket_hashes = ?4 \
         WHERE only_row = 1 AND epoch = ?5 AND state_root IS NOT DISTINCT FROM ?6";
    let (root, before) = (planned.after.root.0, planned.before.map(|root| root.0));
    let hashes = planned.hashes.to_bytes();
    let values = params![to_i64(next), root, planned.mac, hashes, to_i64(expected), before];
    if transaction.execute(sql, values)? != 1 {
        return Err(StoreError::Conflict);
    }
    for (number, bucket) in &planned.buckets {
        if bucket.rows() == 0 {
            transaction.execute("DELETE FROM state_buckets WHERE bucket = ?1", [number])?;
            continue;
        }
        let sql = "INSERT INTO state_buckets (bucket, entries) VALUES (?1, ?2) \
             ON CONFLICT (bucket) DO UPDATE SET entries = excluded.entries";
        transaction.execute(sql, params![number, bucket.to_bytes()])?;
    }
    Ok(next)
}

//! Migrations, each up and down, each in one transaction.

use crate::{SealedRoot, StoreError, StoreState};
use medseal_core::StoreId;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, Row, TransactionBehavior};

/// One step of the schema.
pub(super) struct Migration {
    pub(super) up: &'static str,
    /// Tried by the tests; a person who must go back runs it by hand.
    #[cfg_attr(not(test), expect(dead_code, reason = "run by the tests and by hand only"))]
    pub(super) down: &'static str,
}

pub(super) const MIGRATIONS: [Migration; 7] = [
    Migration {
        up: include_str!("../../migrations/0001_initial.up.sql"),
        down: include_str!("../../migrations/0001_initial.down.sql"),
    },
    Migration {
        up: include_str!("../../migrations/0002_pseudonyms.up.sql"),
        down: include_str!("../../migrations/0002_pseudonyms.down.sql"),
    },
    Migration {
        up: include_str!("../../migrations/0003_audit_logs.up.sql"),
        down: include_str!("../../migrations/0003_audit_logs.down.sql"),
    },
    Migration {
        up: include_str!("../../migrations/0004_state_root.up.sql"),
        down: include_str!("../../migrations/0004_state_root.down.sql"),
    },
    Migration {
        up: include_str!("../../migrations/0005_principals.up.sql"),
        down: include_str!("../../migrations/0005_principals.down.sql"),
    },
    Migration {
        up: include_str!("../../migrations/0006_subjects.up.sql"),
        down: include_str!("../../migrations/0006_subjects.down.sql"),
    },
    Migration {
        up: include_str!("../../migrations/0007_approvals.up.sql"),
        down: include_str!("../../migrations/0007_approvals.down.sql"),
    },
];

/// Makes the tables and marks the file as a store, both or neither.
pub(super) fn create(connection: &mut Connection, store_id: &StoreId) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for migration in &MIGRATIONS {
        transaction.execute_batch(migration.up)?;
    }
    let sql = "INSERT INTO store_state (only_row, store_id, schema_version, epoch) \
               VALUES (1, ?1, ?2, 0)";
    transaction.execute(sql, (store_id.as_str(), count(&MIGRATIONS)))?;
    transaction.pragma_update(None, "application_id", super::APPLICATION_ID)?;
    Ok(transaction.commit()?)
}

/// Runs what is missing, in one transaction. Of two processes the second finds nothing left to do.
pub(super) fn upgrade(connection: &mut Connection) -> Result<(), StoreError> {
    upgrade_to(connection, &MIGRATIONS)
}

fn upgrade_to(connection: &mut Connection, migrations: &[Migration]) -> Result<(), StoreError> {
    if missing(connection, migrations)?.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // again, now that nobody else can change it
    for migration in missing(&transaction, migrations)? {
        transaction.execute_batch(migration.up)?;
    }
    transaction.execute("UPDATE store_state SET schema_version = ?1", [count(migrations)])?;
    Ok(transaction.commit()?)
}

fn missing<'m>(
    connection: &Connection,
    migrations: &'m [Migration],
) -> Result<&'m [Migration], StoreError> {
    let (found, known) = (identity(connection)?.2, count(migrations));
    migrations.get(found as usize..).ok_or(StoreError::SchemaNewer { found, known })
}

fn count(migrations: &[Migration]) -> u32 {
    u32::try_from(migrations.len()).unwrap_or(u32::MAX)
}

/// Id, epoch and schema version, which every schema has.
fn identity(connection: &Connection) -> Result<(StoreId, u64, u32), StoreError> {
    let sql = "SELECT store_id, epoch, schema_version FROM store_state WHERE only_row = 1";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    parse_identity(or_no_store(connection.query_row(sql, [], read))?)
}

pub(super) fn state(connection: &Connection) -> Result<StoreState, StoreError> {
    let sql = "SELECT store_id, epoch, schema_version, state_root, state_mac \
         FROM store_state WHERE only_row = 1";
    let mut prepared = or_no_store(connection.prepare_cached(sql))?;
    let read = |row: &Row<'_>| {
        let identity = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok((identity, bytes_at(row, 3)?, bytes_at(row, 4)?))
    };
    let (identity, root, mac) = or_no_store(prepared.query_row([], read))?;
    let (store_id, epoch, schema_version) = parse_identity(identity)?;
    // a MAC that is no bytes is a wrong one
    let root = root.map(|root| SealedRoot { root, mac: mac.unwrap_or_default() });
    Ok(StoreState { store_id, epoch, root, schema_version })
}

/// `None` for NULL alone: a root of another type was edited, and must not pass for none.
fn bytes_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Vec<u8>>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => None,
        ValueRef::Blob(bytes) => Some(bytes.to_vec()),
        _ => Some(Vec::new()),
    })
}

fn parse_identity(
    (id, epoch, schema_version): (String, i64, u32),
) -> Result<(StoreId, u64, u32), StoreError> {
    let store_id = StoreId::parse(&id).ok_or(StoreError::NotAStore)?;
    let epoch = u64::try_from(epoch).map_err(|_| StoreError::NotAStore)?;
    Ok((store_id, epoch, schema_version))
}

/// No such table, or values of other types, or no row: no store of ours.
fn or_no_store<T>(found: rusqlite::Result<T>) -> Result<T, StoreError> {
    found.map_err(|error| match error.sqlite_error_code() {
        None | Some(ErrorCode::Unknown) => StoreError::NotAStore,
        Some(_) => error.into(),
    })
}

#[cfg(test)]
mod tests;

//! The embedded store: one SQLite file.
//!
//! WAL with `synchronous = FULL`, so a commit that returned survives a power cut (all but the counters
//! of use, which survive a kill); `secure_delete`, so a deleted wrap does not linger in a free page,
//! nor in the log that is emptied after it. Calls do their short work on the caller's thread; a server
//! moves them to one that may block.
//!
//! Whoever can write the file can put views and triggers into it. They are switched off, as is all
//! else by which a schema could make a statement do something other than what it says.

mod migration;
mod state_map;
mod statement;

use crate::change::{Change, Write};
use crate::schema::{KEY_VERSIONS, Table};
use crate::{Charge, Planned, PlannedBeside, RawRow, Spent, Store, StoreError, StoreState};
use async_trait::async_trait;
use medseal_core::keyring::Usage;
use medseal_core::{KeyVersionId, StoreId};
use rusqlite::TransactionBehavior::Immediate;
use rusqlite::config::DbConfig;
use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, params};
use statement::Statements;
use std::fs::{self, File, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// In the file's header; `file` and other tools can tell a store by it ("mdsl").
const APPLICATION_ID: i32 = 0x6d64_736c;
/// How long a call waits for another process's transaction.
const BUSY: Duration = Duration::from_secs(30);

/// How long a deletion waits for readers, so that it can empty the log.
const BUSY_FORGETTING: Duration = Duration::from_secs(1);

/// A store in one file.
pub struct SqliteStore(Mutex<Connection>);

impl SqliteStore {
    /// Makes a store in a new file, readable by its owner alone.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::Unavailable`].
    pub fn create(path: &Path, store_id: &StoreId) -> Result<Self, StoreError> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        file.map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => StoreError::Exists,
            _ => StoreError::Unavailable("the store's file cannot be created"),
        })?;
        let created = Self::fill(path, store_id);
        if created.is_err() {
            // an empty file would be in the way of the next attempt
            let _ = fs::remove_file(path);
        }
        created
    }

    fn fill(path: &Path, store_id: &StoreId) -> Result<Self, StoreError> {
        let mut connection = connect(path)?;
        configure(&connection)?;
        migration::create(&mut connection, store_id)?;
        sync_directory(path)?;
        Ok(Self(Mutex::new(connection)))
    }

    /// Opens a store and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`], [`StoreError::SchemaNewer`], [`StoreError::Damaged`],
    /// [`StoreError::Unavailable`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = connect(path)?;
        // first of all: a file that is not ours must not be changed, not even its journal mode
        let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        if id != APPLICATION_ID {
            return Err(StoreError::NotAStore);
        }
        configure(&connection)?;
        migration::upgrade(&mut connection)?;
        Ok(Self(Mutex::new(connection)))
    }

    /// A panic in another call rolled its transaction back; the connection is still good.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    for (option, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true),
    ] {
        connection.set_db_config(option, on)?;
    }
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    Ok(())
}

/// A new file is durable only when its name is.
fn sync_directory(path: &Path) -> Result<(), StoreError> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = File::open(parent).and_then(|directory| directory.sync_all());
    synced.map_err(|_| StoreError::Unavailable("the store's directory cannot be synced"))
}

#[async_trait]
impl Store for SqliteStore {
    async fn state(&self) -> Result<StoreState, StoreError> {
        migration::state(&self.connection())
    }

    async fn read(
        &self,
        table: &'static Table,
        key: &[&str],
    ) -> Result<Option<RawRow>, StoreError> {
        Ok(self.select(table, &Statements::of(table).select(table.key_columns), key)?.pop())
    }

    async fn list(
        &self,
        table: &'static Table,
        key_prefix: &[&str],
    ) -> Result<Vec<RawRow>, StoreError> {
        self.select(table, &Statements::of(table).select(key_prefix.len()), key_prefix)
    }

    async fn find_key_version(&self, id: KeyVersionId) -> Result<Option<RawRow>, StoreError> {
        let sql = Statements::of(&KEY_VERSIONS).select_where("key_version_id");
        Ok(self.select(&KEY_VERSIONS, &sql, &[&id.to_string()])?.pop())
    }

    async fn bucket_hashes(&self) -> Result<Vec<u8>, StoreError> {
        let sql = "SELECT bucket_hashes FROM store_state WHERE only_row = 1";
        blob(&self.connection(), sql, [])
    }

    async fn bucket(&self, number: u8) -> Result<Vec<u8>, StoreError> {
        let sql = "SELECT entries FROM state_buckets WHERE bucket = ?1";
        blob(&self.connection(), sql, [number])
    }

    async fn commit(&self, planned: Planned) -> Result<u64, StoreError> {
        let advance = |transaction: &Transaction<'_>| state_map::advance(transaction, &planned);
        self.apply_all(&planned.change, advance)
    }

    async fn commit_beside(&self, planned: PlannedBeside) -> Result<(), StoreError> {
        let change = &planned.0;
        let compare = |transaction: &Transaction<'_>| compare_epoch(transaction, change);
        self.apply_all(change, compare)
    }

    async fn list_within(
        &self,
        table: &'static Table,
        column: &'static str,
        range: Range<i64>,
        limit: u32,
    ) -> Result<Vec<RawRow>, StoreError> {
        let connection = self.connection();
        let mut prepared =
            connection.prepare_cached(&Statements::of(table).select_within(column))?;
        let mut rows = prepared.query(params![range.start, range.end, limit])?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            out.push(statement::raw_row(table, row)?);
        }
        Ok(out)
    }

    async fn add_usage(&self, id: KeyVersionId, added: Usage) -> Result<(), StoreError> {
        let mut connection = self.connection();
        // a power cut may take the last counts back, which delays a rotation by as much; a sync for
        // each run would cost a short one more than all its values
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let counted = count_usage(&mut connection, id, added);
        connection.pragma_update(None, "synchronous", "FULL")?;
        counted
    }

    async fn spend(&self, charges: &[Charge], now: i64) -> Result<Vec<Spent>, StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(Immediate)?;
        let spent: Vec<Spent> = charges
            .iter()
            .map(|charge| charge_one(&transaction, charge, now))
            .collect::<Result<_, _>>()?;
        // dropped without a commit, nothing was charged
        if spent.iter().all(|spent| spent.fits) {
            transaction.commit()?;
        }
        Ok(spent)
    }

    async fn usage(&self, id: KeyVersionId) -> Result<Usage, StoreError> {
        usage_of(&self.connection(), id)
    }
}

/// One value of bytes; none and what is not bytes are no bytes, which no hash confirms.
fn blob(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<u8>, StoreError> {
    let mut prepared = connection.prepare_cached(sql)?;
    let found = prepared.query_row(values, |row| match row.get_ref(0)? {
        ValueRef::Blob(bytes) => Ok(bytes.to_vec()),
        _ => Ok(Vec::new()),
    });
    Ok(found.optional()?.unwrap_or_default())
}

fn charge_one(
    transaction: &Transaction<'_>,
    charge: &Charge,
    now: i64,
) -> Result<Spent, StoreError> {
    let Charge { principal_id, budget, amount, stop, .. } = charge;
    let whose = (principal_id, budget);
    let sql = "DELETE FROM budget_usage WHERE principal_id = ?1 AND budget = ?2 AND slot <= ?3";
    transaction.execute(sql, (whose.0, whose.1, charge.oldest(now)))?;
    let sql = "SELECT spent FROM budget_usage WHERE principal_id = ?1 AND budget = ?2";
    let mut prepared = transaction.prepare_cached(sql)?;
    let rows = prepared.query_map([whose.0, whose.1], |row| row.get::<_, i64>(0))?;
    let mut before = 0u64;
    for spent in rows {
        before = before.saturating_add(u64::try_from(spent?).unwrap_or(0));
    }
    let after = before.saturating_add(*amount);
    let fits = stop.is_none_or(|stop| after <= stop);
    let sql = "INSERT INTO budget_usage (principal_id, budget, slot, spent) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (principal_id, budget, slot) DO UPDATE SET \
         spent = budget_usage.spent + excluded.spent";
    transaction.execute(sql, (whose.0, whose.1, charge.slot(now), to_i64(*amount)))?;
    Ok(Spent { before, fits })
}

fn usage_of(connection: &Connection, id: KeyVersionId) -> Result<Usage, StoreError> {
    let sql = "SELECT messages, bytes FROM key_usage WHERE key_version_id = ?1";
    let count = |value: i64| u64::try_from(value).unwrap_or(0);
    let found = connection.query_row(sql, [id.to_string()], |row| {
        Ok(Usage { messages: count(row.get(0)?), bytes: count(row.get(1)?) })
    });
    Ok(found.optional()?.unwrap_or_default())
}

impl SqliteStore {
    /// Makes all of a change or nothing; `guard` runs first, in the same transaction.
    fn apply_all<T>(
        &self,
        change: &Change,
        guard: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(Immediate)?;
        let guarded = guard(&transaction)?;
        change.writes.iter().try_for_each(|write| apply(&transaction, write))?;
        transaction.commit()?;
        if change.writes.iter().any(|write| matches!(write, Write::Delete(..))) {
            forget(&connection);
        }
        Ok(guarded)
    }

    fn select(
        &self,
        table: &'static Table,
        sql: &str,
        key: &[&str],
    ) -> Result<Vec<RawRow>, StoreError> {
        let connection = self.connection();
        let mut prepared = connection.prepare_cached(sql)?;
        let mut rows = prepared.query(rusqlite::params_from_iter(key))?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            out.push(statement::raw_row(table, row)?);
        }
        Ok(out)
    }
}

fn count_usage(
    connection: &mut Connection,
    id: KeyVersionId,
    added: Usage,
) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(Immediate)?;
    let old = usage_of(&transaction, id)?;
    let messages = to_i64(old.messages.saturating_add(added.messages));
    let bytes = to_i64(old.bytes.saturating_add(added.bytes));
    let sql = "INSERT INTO key_usage (key_version_id, messages, bytes) VALUES (?1, ?2, ?3) \
         ON CONFLICT (key_version_id) DO UPDATE SET \
         messages = excluded.messages, bytes = excluded.bytes";
    transaction.execute(sql, params![id.to_string(), messages, bytes])?;
    Ok(transaction.commit()?)
}

/// What was deleted still stands in the log, and a copy of the files would carry it away: moves the
/// log's content into the overwritten pages and empties it. The change is durable already, so a
/// reader who is in the way only puts this off until the next deletion or the last close.
fn forget(connection: &Connection) {
    let _ = connection.busy_timeout(BUSY_FORGETTING);
    let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    let _ = connection.busy_timeout(BUSY);
}

/// Refuses a change that was planned at another epoch.
fn compare_epoch(transaction: &Transaction<'_>, change: &Change) -> Result<(), StoreError> {
    let sql = "SELECT epoch = ?1 FROM store_state WHERE only_row = 1";
    match transaction.query_row(sql, [to_i64(change.expected_epoch)], |row| row.get(0))? {
        true => Ok(()),
        false => Err(StoreError::Conflict),
    }
}

fn apply(transaction: &Transaction<'_>, write: &Write) -> Result<(), StoreError> {
    let (sql, values) = match write {
        Write::Insert(table, row) => (Statements::of(table).insert(), statement::values(row)),
        Write::Update(table, row) => {
            let current = row.version.checked_sub(1).ok_or(StoreError::Conflict)?;
            let mut values = statement::values(row);
            values.extend(statement::key_values(table, row));
            values.push(to_i64(current).into());
            (Statements::of(table).update(), values)
        }
        Write::Delete(table, key, version) => {
            let mut values: Vec<Value> = key.iter().map(|part| part.clone().into()).collect();
            values.push(to_i64(*version).into());
            (Statements::of(table).delete(), values)
        }
    };
    let mut prepared = transaction.prepare_cached(&sql)?;
    match prepared.execute(rusqlite::params_from_iter(values)) {
        Ok(1) => Ok(()),
        Ok(_) => Err(StoreError::Conflict),
        Err(error) if is_duplicate(&error) => Err(StoreError::Conflict),
        Err(error) => Err(error.into()),
    }
}

/// A key or an id that stands in another row. Other constraints are mistakes of ours, and trying
/// again would not help.
fn is_duplicate(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_UNIQUE))
}

/// Versions, epochs and counters stay far below 2^63.
fn to_i64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => StoreError::NotAStore,
            Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                StoreError::Unavailable("locked by another process")
            }
            Some(ErrorCode::DiskFull) => StoreError::Unavailable("the disk is full"),
            Some(ErrorCode::ReadOnly) => StoreError::Unavailable("read-only"),
            Some(ErrorCode::CannotOpen) => StoreError::Unavailable("cannot be opened"),
            _ => StoreError::Unavailable("the database failed"),
        }
    }
}

#[cfg(test)]
mod tests;

//! Every row of a store, held against its MAC and the map, and every leaf against its row.

use super::{MAX_READS, Rows, Verdict};
use crate::row::key_texts;
use crate::schema::{self, Standing};
use crate::{RolledBack, StoreError};
use medseal_core::state_root::LeafKey;

impl Rows<'_> {
    /// Reads the whole store. What this process has read before is read again.
    ///
    /// # Errors
    /// As [`Rows::get`].
    pub async fn examine(&self) -> Result<(), StoreError> {
        for _ in 0..MAX_READS {
            self.state().await?;
            self.memory.forget_map();
            let Some(map) = self.map().await? else { return Err(RolledBack::RootRemoved.into()) };
            let verdict = self.examine_at(&map).await?;
            match verdict {
                Verdict::Agrees => return Ok(()),
                Verdict::Differs(how) if self.is_still(&map).await? => return Err(how.into()),
                _ => {}
            }
        }
        Err(StoreError::Conflict)
    }

    async fn examine_at(&self, map: &super::Map) -> Result<Verdict, StoreError> {
        for table in schema::ALL {
            let rows = self.store.list(table, &[]).await?;
            rows.iter().try_for_each(|row| self.authenticate(table, row))?;
            let Standing::Inside { group_columns } = table.standing else { continue };
            for row in &rows {
                let key = key_texts(table, &row.columns);
                let leaf = LeafKey::new(table.name, &key, group_columns);
                match self.judge(map, table, &key, &leaf, Some(&row.row_mac)).await? {
                    Verdict::Agrees => {}
                    other => return Ok(other),
                }
            }
            // counting the whole table, whatever its groups are
            match self.rows_of_table(map, table).await? {
                Some(known) if known == rows.len() => {}
                Some(known) => {
                    let (table, found) = (table.name, rows.len());
                    let missing = RolledBack::RowsMissing { table, found, known };
                    return Ok(Verdict::Differs(missing));
                }
                None => return Ok(Verdict::Moved),
            }
        }
        Ok(Verdict::Agrees)
    }
}

//! The monthly keys: made when a month begins, destroyed when no wrap may need them any more.
//!
//! Live KEKs are wrapped anew under each month's key; a month's key is destroyed everywhere three
//! months later. So a copy of the store that is older than that opens nothing, whoever holds the
//! root. The order matters: the new key is on disk before a wrap uses it, and an old one is
//! destroyed only when no row names its month.

use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Changed;
use crate::random::BufferedRandom;
use medseal_core::row_mac::primary_key;
use medseal_core::stored_secret::{Month, Place, WrapKey};
use medseal_core::{Error, KeyVersionId};
use medseal_kms::KmsError;
use medseal_policy::Maintain;
use medseal_store::{Change, KeySecretRecord, Stored};
use zeroize::Zeroizing;

/// How many months a key of the past is kept.
const MONTHS_KEPT: i32 = 3;

impl Engine {
    /// Does what a new month asks for; nothing in the middle of one.
    pub(crate) async fn keep_epoch_keys(&self) -> Result<(), EngineError> {
        let month = self.clock.month();
        let known = self.epochs.months().await?;
        if known.iter().max().is_none_or(|last| *last > month) || !self.wraps_before(month).await? {
            return Ok(());
        }
        self.epoch_key_to_wrap_under(month).await?;
        if !self.rewrap_to(month).await? {
            // somebody else changed the store meanwhile; the next start looks at the rows again
            return Ok(());
        }
        let oldest_kept = month.plus(-MONTHS_KEPT);
        for old in known.into_iter().filter(|m| *m < oldest_kept) {
            self.epochs.destroy(old).await?;
        }
        Ok(())
    }

    /// Makes a month's key when the month begins. A key that is gone although wraps need it is not
    /// made anew: what the old one wrapped would never open again, and with the old file put back
    /// what the new one wrapped would not.
    ///
    /// # Errors
    /// `EPOCH_KEY_MISSING`.
    pub(crate) async fn epoch_key_to_wrap_under(&self, month: Month) -> Result<(), EngineError> {
        match self.epochs.get(month).await {
            Err(KmsError::EpochKeyMissing(_)) if !self.wraps_under(month).await? => {
                self.epochs.get_or_create(month, &mut BufferedRandom).await?;
            }
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        Ok(())
    }

    async fn wraps_under(&self, month: Month) -> Result<bool, EngineError> {
        let rows = medseal_store::all::<KeySecretRecord>(&*self.store, &[]).await?;
        let month = i64::from(month.yyyymm());
        Ok(rows.iter().any(|row| row.unauthenticated().month == month))
    }

    /// Whether a KEK is still under an older month's key. What counts is the rows: a process that
    /// was killed may have made the month's key and moved nothing.
    async fn wraps_before(&self, month: Month) -> Result<bool, EngineError> {
        let rows = medseal_store::all::<KeySecretRecord>(&*self.store, &[]).await?;
        let month = i64::from(month.yyyymm());
        Ok(rows.iter().any(|row| row.unauthenticated().month < month))
    }

    /// Wraps every KEK of an older month under `month`'s key, in one transaction.
    async fn rewrap_to(&self, month: Month) -> Result<bool, EngineError> {
        let epoch = self.begin().await?;
        let target = self.wrap_key(month).await?;
        let mut change = Change::new(epoch);
        let mut any = false;
        for Stored { record, version } in self.rows().all::<KeySecretRecord>(&[]).await? {
            let old = u32::try_from(record.month).ok().and_then(Month::from_yyyymm);
            let Some(old) = old.filter(|old| *old < month) else { continue };
            let source = self.wrap_key(old).await?;
            let pk = primary_key(&[&record.key_version_id]);
            let place = self.secret_place(&pk, version);
            let kek = unwrap_kek(&source, old, &place, &record.secret)?;
            let place = self.secret_place(&pk, version + 1);
            let secret = target.wrap(&place, &kek, &mut BufferedRandom)?;
            let month = i64::from(month.yyyymm());
            change.update(version, &KeySecretRecord { month, secret, ..record }, &self.row_mac)?;
            any = true;
        }
        if !any {
            return Ok(true);
        }
        let what = format!("rewrap to {}", month.yyyymm());
        let about = Changed { tenant: None, id: KeyVersionId([0; 8]), what: &what };
        self.commit_change::<Maintain>(epoch, change, &about).await
    }
}

/// Unwraps a KEK from a row that was found authentic. If it does not open all the same, the month's
/// key in `epochs/` is another than the one it was wrapped under.
pub(super) fn unwrap_kek(
    wrap: &WrapKey,
    month: Month,
    place: &Place<'_>,
    secret: &[u8],
) -> Result<Zeroizing<Vec<u8>>, EngineError> {
    wrap.unwrap(place, secret).map_err(|error| match error {
        Error::Rejected => EngineError::EpochKeyWrong(month.yyyymm()),
        other => other.into(),
    })
}

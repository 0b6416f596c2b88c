//! The monthly keys: made when a month begins, destroyed when no wrap may need them any more.
//!
//! Live KEKs and subjects' secrets are wrapped anew under each month's key; a month's key is destroyed everywhere three
//! months later. So a copy of the store that is older than that opens nothing, whoever holds the
//! root. The order matters: the new key is on disk before a wrap uses it, and an old one is
//! destroyed only when no row names its month.

use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Changed;
use crate::random::BufferedRandom;
use medseal_core::keyring::UnixSeconds;
use medseal_core::row_mac::primary_key;
use medseal_core::stored_secret::{Month, Place, WrapKey};
use medseal_core::{Error, KeyVersionId};
use medseal_kms::KmsError;
use medseal_policy::Maintain;
use medseal_store::{Change, KeySecretRecord, Stored};
use std::ops::Range;
use std::sync::atomic::Ordering;
use time::Date;
use zeroize::Zeroizing;

/// How many months a key of the past is kept.
const MONTHS_KEPT: i32 = 3;

impl Engine {
    /// Does what a new month asks for when a month has begun since the last time.
    pub(crate) async fn keep_month(&self) -> Result<(), EngineError> {
        let month = self.clock.month().yyyymm();
        let before = self.month_kept.swap(month, Ordering::SeqCst);
        if before == month {
            return Ok(());
        }
        let kept = self.keep_epoch_keys().await;
        if !matches!(kept, Ok(true)) {
            // the next operation tries again
            self.month_kept.store(before, Ordering::SeqCst);
        }
        kept.map(drop)
    }

    /// Does what a new month asks for; nothing in the middle of one. `false` when something of it
    /// is left to the next time.
    async fn keep_epoch_keys(&self) -> Result<bool, EngineError> {
        let month = self.clock.month();
        let known = self.epochs.months().await?;
        if known.iter().max().is_none_or(|last| *last > month) {
            return Ok(true);
        }
        let oldest_kept = month.plus(-MONTHS_KEPT);
        let dying: Vec<Month> = known.into_iter().filter(|m| *m < oldest_kept).collect();
        if dying.is_empty() && !self.wraps_before(month).await? {
            return Ok(true);
        }
        self.epoch_key_to_wrap_under(month).await?;
        // somebody else may have changed the store meanwhile; the next time looks at the rows again
        if !self.rewrap_to(month).await? || !self.rewrap_subjects(month).await? {
            return Ok(false);
        }
        if dying.is_empty() { Ok(true) } else { self.destroy_epoch_keys(oldest_kept, &dying).await }
    }

    /// Months whose keys should have been destroyed.
    pub(crate) async fn overdue_epoch_keys(&self) -> Result<Vec<Month>, EngineError> {
        let oldest_kept = self.clock.month().plus(-MONTHS_KEPT);
        Ok(self.epochs.months().await?.into_iter().filter(|m| *m < oldest_kept).collect())
    }

    /// Destroys the keys of months before `oldest_kept`, once no row needs them. The epoch goes on
    /// first: a row that somebody planned under one of these months is then planned anew, and those
    /// that came before are seen.
    async fn destroy_epoch_keys(
        &self,
        oldest_kept: Month,
        dying: &[Month],
    ) -> Result<bool, EngineError> {
        let epoch = self.enter().await?;
        let what = format!("destroy epoch keys before {}", oldest_kept.yyyymm());
        let change = Change::new(epoch);
        let about = Changed { tenant: None, id: KeyVersionId([0; 8]), what: &what };
        if !self.commit_change::<Maintain>(epoch, change, &about).await?
            || self.wraps_before(oldest_kept).await?
        {
            return Ok(false);
        }
        for old in dying {
            self.epochs.destroy(*old).await?;
        }
        Ok(true)
    }

    /// When the last copy of the store that opens what is under `month` now opens it no more: the
    /// first moment at which its key is destroyed. `None` where keys cannot be forgotten.
    pub(crate) fn forgotten_after(&self, month: Month) -> Option<UnixSeconds> {
        let gone = month.max(self.clock.month()).plus(MONTHS_KEPT + 1);
        let first = i32::try_from(gone.yyyymm() / 100).ok()?;
        let number = u8::try_from(gone.yyyymm() % 100).ok()?;
        let date = Date::from_calendar_date(first, time::Month::try_from(number).ok()?, 1).ok()?;
        self.epochs.forgets().then(|| date.midnight().assume_utc().unix_timestamp())
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
            // another process may have made it, and wrapped under it, since it was looked for
            Err(KmsError::EpochKeyMissing(_)) => drop(self.epochs.get(month).await?),
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        Ok(())
    }

    async fn wraps_under(&self, month: Month) -> Result<bool, EngineError> {
        let month = i64::from(month.yyyymm());
        self.wraps_within(month..month + 1).await
    }

    /// Whether something is still under an older month's key. What counts is the rows: a process
    /// that was killed may have made the month's key and moved nothing.
    async fn wraps_before(&self, month: Month) -> Result<bool, EngineError> {
        self.wraps_within(0..i64::from(month.yyyymm())).await
    }

    async fn wraps_within(&self, months: Range<i64>) -> Result<bool, EngineError> {
        let rows = medseal_store::all::<KeySecretRecord>(&*self.store, &[]).await?;
        let of_keys = rows.iter().any(|row| months.contains(&row.unauthenticated().month));
        Ok(of_keys || self.has_subjects_within(months).await?)
    }

    /// Wraps every KEK of an older month under `month`'s key, in one transaction.
    async fn rewrap_to(&self, month: Month) -> Result<bool, EngineError> {
        let epoch = self.enter().await?;
        let target = self.wrap_key(month).await?;
        let mut change = Change::new(epoch);
        let mut any = false;
        for Stored { record, version } in self.rows().all::<KeySecretRecord>(&[]).await? {
            let old = u32::try_from(record.month).ok().and_then(Month::from_yyyymm);
            let Some(old) = old.filter(|old| *old < month) else { continue };
            let source = self.wrap_key(old).await?;
            let pk = primary_key(&[&record.key_version_id]);
            let place = self.secret_place(&pk, version);
            let kek = unwrap_under(&source, old, &place, &record.secret)?;
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

/// Unwraps a secret from a row that was found authentic. If it does not open all the same, the month's
/// key in `epochs/` is another than the one it was wrapped under.
pub(super) fn unwrap_under(
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

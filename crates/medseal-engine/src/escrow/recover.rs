//! A new root for a home whose root is lost.
//!
//! The new root is on disk before the store names it, and takes its final name after. A kill in
//! between leaves a home that does not open and can be recovered with the same shares again.

use super::share_file::hex;
use super::{EscrowError, HeldShare, bring_together, open_shares, with_reason};
use crate::clock::SystemClock;
use crate::engine::{Engine, Options};
use crate::error::EngineError;
use crate::gate::Changed;
use crate::home::{
    Environment, Home, RootChoice, new_provider, root_place, sync_directory, unreachable_home,
};
use crate::keys::check_reason;
use crate::principals::Occasion;
use crate::random::BufferedRandom;
use medseal_core::KeyVersionId;
use medseal_kms::{RootDescriptor, RootKind};
use medseal_policy::ManageRoot;
use medseal_store::{Change, RootRecord, SqliteStore, Store, StoreError};
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

/// What a home's root is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveredRoot {
    /// Its kind.
    pub root: &'static str,
    /// Its file, when it is one.
    pub root_file: Option<PathBuf>,
}

impl Home {
    /// Wraps the KWK that enough shares give under a new root, in the place of the one that is lost.
    ///
    /// # Errors
    /// Shares that do not open, are too few or belong to another home; [`EscrowError::RootNotLost`].
    pub async fn recover_root(
        &self,
        shares: &[HeldShare],
        choice: RootChoice,
        reason: Option<&str>,
        occasion: Occasion,
    ) -> Result<RecoveredRoot, EngineError> {
        check_reason(reason)?;
        let header = &shares.first().ok_or(EscrowError::SharesRejected)?.file.header;
        let opened = open_shares(shares)?;
        if opened.len() < usize::from(header.needed) {
            let (needed, given) = (header.needed, opened.len());
            return Err(EscrowError::TooFewShares { needed, given }.into());
        }
        let kwk = bring_together(shares, &opened)?;
        fs::metadata(self.store_file()).map_err(|error| unreachable_home(&error))?;
        let store = SqliteStore::open(&self.store_file())?;
        if store.state().await?.store_id != header.store {
            return Err(EscrowError::OtherStore.into());
        }
        if self.root_opens(&store).await? {
            return Err(EscrowError::RootNotLost.into());
        }
        let (options, clock) = (Options::default(), Box::new(SystemClock));
        let engine = self.open_with_kwk(store, kwk, options, occasion, clock).await?;
        let from_environment = matches!(choice, RootChoice::Environment);
        if engine.environment() == Environment::Production && from_environment {
            return Err(EngineError::ProductionRefuses("a root from the environment"));
        }
        let custodians: Vec<&str> =
            shares.iter().map(|share| share.file.header.custodian.as_str()).collect();
        let what = format!("escrow recover {} by {}", hex(&header.set.0), custodians.join(" "));
        let kind = self.replace_root(&engine, choice, &what, reason).await?;
        let root_file = (kind == RootKind::KeyFile).then(|| self.root_file());
        Ok(RecoveredRoot { root: kind.name(), root_file })
    }

    /// Whether the root that the store names is there and opens it. Nobody is asked for a
    /// passphrase: one that was forgotten and one that is not told look the same.
    async fn root_opens(&self, store: &SqliteStore) -> Result<bool, EngineError> {
        let found = medseal_store::get::<RootRecord>(store, &["root"]).await?;
        let row = found.ok_or(EngineError::HomeMissing)?;
        let root = row.unauthenticated();
        let unasked = || Err(EngineError::PassphraseNeeded);
        let Ok(provider) = self.provider(root, unasked) else { return Ok(false) };
        let place = root_place(&store.state().await?.store_id);
        Ok(provider.unwrap(&place.borrow(), &root.wrapped_kwk).await.is_ok())
    }

    async fn replace_root(
        &self,
        engine: &Engine,
        choice: RootChoice,
        what: &str,
        reason: Option<&str>,
    ) -> Result<RootKind, EngineError> {
        let io = EngineError::io("replacing the root's file");
        let new_file = self.path().join("root.key.new");
        match fs::remove_file(&new_file) {
            // of a recovery that was killed: it never opened anything that a kept root does not
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(io(error)),
        }
        let provider = new_provider(choice, &new_file)?;
        let RootDescriptor { kind, parameters } = provider.descriptor();
        let epoch = engine.begin().await?;
        let rows = engine.rows();
        let row = rows.get::<RootRecord>(&["root"]).await?.ok_or(EngineError::HomeMissing)?;
        let place = root_place(&engine.store_id);
        let wrapped_kwk = provider.wrap(&place.borrow(), &engine.kwk, &mut BufferedRandom).await?;
        let record =
            RootRecord { kind: kind.name().to_owned(), parameters, wrapped_kwk, ..row.record };
        let mut change = Change::new(epoch);
        change.update(row.version, &record, &engine.row_mac)?;
        let about = Changed { tenant: None, id: KeyVersionId([0; 8]), what };
        let planned = engine.rows().plan(change).await?;
        let details = with_reason(what, reason);
        let admitted = engine.admit_change_with::<ManageRoot>(epoch, &about, &details).await?;
        if !engine.commit_planned(&admitted, planned).await? {
            return Err(StoreError::Conflict.into());
        }
        if kind == RootKind::KeyFile {
            fs::rename(&new_file, self.root_file()).map_err(&io)?;
            sync_directory(self.path())?;
        }
        Ok(kind)
    }
}

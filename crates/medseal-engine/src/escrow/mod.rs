//! Escrow: the KWK in shares that custodians keep, and a new root from enough of them.
//!
//! It must not write a share anywhere: the surface hands each to its custodian. What was split, for
//! whom and when stands in the audit log before the first share exists.

mod error;
mod recover;
mod share_file;

pub use error::EscrowError;
pub use recover::RecoveredRoot;
pub use share_file::{ShareFile, ShareHeader};

use crate::approvals::{Asking, Commitment};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Changed;
use crate::home::sync_directory;
use crate::keys::check_reason;
use crate::random::BufferedRandom;
use crate::replace_file::ReplaceFile;
use medseal_core::approval::{Act, Alteration};
use medseal_core::escrow::{self, EscrowSet, Share};
use medseal_core::secret::Kwk;
use medseal_core::{Error, KeyVersionId, Random};
use medseal_policy::approval::{Action, Approved, CreateEscrow};
use medseal_policy::{ManageRoot, Weakening};
use medseal_store::{Change, StoreError};
use share_file::{hex, is_custodian};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const MAX_ATTEMPTS: u32 = 64;

/// Who keeps a share, and the passphrase that seals it.
pub struct Custodian {
    /// A name, for the share's file and the audit log.
    pub name: String,
    /// The custodian's own passphrase, which nobody else should know.
    pub passphrase: Zeroizing<Vec<u8>>,
}

/// A share and the passphrase that opens it.
pub struct HeldShare {
    /// The share.
    pub file: ShareFile,
    /// The passphrase.
    pub passphrase: Zeroizing<Vec<u8>>,
}

impl Engine {
    /// Splits the KWK among custodians, any `needed` of whom can make a new root.
    ///
    /// Every share is opened again and the first and the last `needed` of them are brought together
    /// before anything is returned.
    ///
    /// # Errors
    /// [`EscrowError::Terms`] for names or numbers that are no dual control, a short passphrase, an
    /// unwritable ledger.
    pub async fn create_escrow(
        &self,
        needed: u8,
        custodians: &[Custodian],
        reason: Option<&str>,
    ) -> Result<Vec<ShareFile>, EngineError> {
        check_reason(reason)?;
        let count = checked_count(needed, custodians)?;
        let mut set = EscrowSet([0; 16]);
        BufferedRandom.fill(&mut set.0).map_err(Error::from)?;
        let approved = self.approved_escrow((needed, set), custodians, reason).await?;
        let shares = self.split_kwk(approved, needed, count)?;
        let check = escrow::check_value(&self.kwk, &self.store_id, set);
        let seal = |(share, custodian): (&Share, &Custodian)| {
            let header = ShareHeader {
                store: self.store_id.clone(),
                set,
                kwk_version: self.kwk_version(),
                index: share.index,
                count,
                needed,
                custodian: custodian.name.clone(),
                check,
            };
            ShareFile::seal(header, share, &custodian.passphrase)
        };
        let files = shares.iter().zip(custodians).map(seal).collect::<Result<Vec<_>, _>>()?;
        prove_shares(&files, custodians, usize::from(needed))?;
        Ok(files)
    }
}

impl Engine {
    /// Asks whoever must be asked, records, and marks the request as carried out: before the first
    /// share exists.
    async fn approved_escrow(
        &self,
        (needed, set): (u8, EscrowSet),
        custodians: &[Custodian],
        reason: Option<&str>,
    ) -> Result<Approved<CreateEscrow>, EngineError> {
        let names: Vec<&str> = custodians.iter().map(|c| c.name.as_str()).collect();
        let what = format!(
            "escrow create {} {needed} of {}: {}",
            hex(&set.0),
            names.len(),
            names.join(" ")
        );
        let details = with_reason(&what, reason);
        let act = splitting(needed, &names);
        for _ in 0..MAX_ATTEMPTS {
            let epoch = self.begin().await?;
            let asking = Asking { act: &act, epoch, weakens: Weakening::No, reason };
            let approved = self.require_approval::<CreateEscrow>(&asking).await?;
            let about = Changed { tenant: None, id: KeyVersionId([0; 8]), what: &what };
            let (change, at) = (Change::new(epoch), self.clock.now());
            let commitment = Commitment { epoch, act: &act, change, about, details: &details, at };
            if let Some(done) = self.commit_kept::<ManageRoot, _>(approved, commitment).await? {
                return Ok(done);
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Only with the proof that it was approved, or that nobody needs to approve it.
    fn split_kwk(
        &self,
        _approved: Approved<CreateEscrow>,
        needed: u8,
        count: u8,
    ) -> Result<Vec<Share>, EngineError> {
        Ok(escrow::split(&self.kwk, needed, count, &mut BufferedRandom)?)
    }
}

fn splitting(needed: u8, custodians: &[&str]) -> Act {
    let mut names: Vec<&str> = custodians.to_vec();
    names.sort_unstable();
    let names = names.join(" ");
    Act {
        operation: Action::CreateEscrow.name().to_owned(),
        tenant: None,
        concerns: None,
        parameters: vec![
            ("custodians".to_owned(), names.clone()),
            ("needed".to_owned(), needed.to_string()),
        ],
        alterations: vec![Alteration {
            what: "who can open the home together".to_owned(),
            from: "as before".to_owned(),
            to: format!("also any {needed} of {names}"),
        }],
    }
}

/// Opens one or more shares; with enough of one escrow, brings them together and forgets the result.
///
/// Returns whether they were enough.
///
/// # Errors
/// [`EscrowError::ShareRejected`], [`EscrowError::Terms`] for shares of different escrows or a
/// share twice, [`EscrowError::SharesRejected`] when what comes together is not what was split.
pub fn verify_shares(shares: &[HeldShare]) -> Result<bool, EngineError> {
    let opened = open_shares(shares)?;
    let needed = shares.first().map_or(0, |share| usize::from(share.file.header.needed));
    if opened.len() < needed {
        return Ok(false);
    }
    bring_together(shares, &opened).map(|_| true)
}

/// Writes each share to a file of its own, readable by its owner alone, in a new directory that
/// appears whole. Returns the files.
///
/// # Errors
/// [`EngineError::TargetExists`], [`EngineError::Io`].
pub fn write_shares(directory: &Path, shares: &[ShareFile]) -> Result<Vec<PathBuf>, EngineError> {
    let io = EngineError::io("writing the shares");
    if directory.exists() {
        return Err(EngineError::TargetExists);
    }
    let parent = directory.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let building = tempfile::Builder::new().prefix(".escrow-").tempdir_in(parent).map_err(&io)?;
    let mut files = Vec::with_capacity(shares.len());
    for share in shares {
        let name = format!("{}.share", share.header.custodian);
        let mut file = ReplaceFile::create(&building.path().join(&name))?;
        file.write_all(share.to_text().as_bytes()).map_err(&io)?;
        file.commit()?;
        files.push(directory.join(name));
    }
    fs::rename(building.path(), directory).map_err(&io)?;
    sync_directory(parent)?;
    Ok(files)
}

/// What stands in the encrypted details of an entry.
fn with_reason(what: &str, reason: Option<&str>) -> String {
    reason.map_or_else(|| what.to_owned(), |reason| format!("{what}; reason: {reason}"))
}

fn checked_count(needed: u8, custodians: &[Custodian]) -> Result<u8, EngineError> {
    let count = u8::try_from(custodians.len()).unwrap_or(u8::MAX);
    let names: BTreeSet<&str> = custodians.iter().map(|c| c.name.as_str()).collect();
    let passphrases: BTreeSet<&[u8]> = custodians.iter().map(|c| &c.passphrase[..]).collect();
    if !(escrow::LEAST_THRESHOLD..=count).contains(&needed) || count > escrow::MOST_SHARES {
        return Err(EscrowError::Terms("2 or more of at most 32 custodians must be needed").into());
    }
    if names.len() < custodians.len() || !names.iter().all(|name| is_custodian(name)) {
        return Err(EscrowError::Terms("custodians have different names of [a-z0-9._-]").into());
    }
    if passphrases.len() < custodians.len() {
        return Err(EscrowError::Terms("two custodians have the same passphrase").into());
    }
    Ok(count)
}

fn prove_shares(
    files: &[ShareFile],
    custodians: &[Custodian],
    needed: usize,
) -> Result<(), EngineError> {
    let held = |(file, custodian): (&ShareFile, &Custodian)| HeldShare {
        file: file.clone(),
        passphrase: custodian.passphrase.clone(),
    };
    let shares: Vec<HeldShare> = files.iter().zip(custodians).map(held).collect();
    let opened = open_shares(&shares)?;
    bring_together(&shares, opened.get(..needed).unwrap_or_default())?;
    bring_together(&shares, opened.get(opened.len() - needed..).unwrap_or_default())?;
    Ok(())
}

fn open_shares(shares: &[HeldShare]) -> Result<Vec<Share>, EngineError> {
    let mut indices = BTreeSet::new();
    for share in shares {
        let (header, first) = (&share.file.header, shares.first().map(|s| &s.file.header));
        let of_one_escrow = first.is_some_and(|first| {
            let ours = (&header.store, header.set, header.kwk_version, header.check);
            let theirs = (&first.store, first.set, first.kwk_version, first.check);
            ours == theirs && header.needed == first.needed
        });
        if !of_one_escrow {
            return Err(EscrowError::Terms("the shares belong to different escrows").into());
        }
        if !indices.insert(header.index) {
            return Err(EscrowError::Terms("a share was given twice").into());
        }
    }
    shares.iter().map(|share| share.file.open(&share.passphrase)).collect()
}

fn bring_together(shares: &[HeldShare], opened: &[Share]) -> Result<Kwk, EngineError> {
    let header = &shares.first().ok_or(EscrowError::SharesRejected)?.file.header;
    let kwk = escrow::combine(opened).map_err(|_| EscrowError::SharesRejected)?;
    if escrow::is_kwk(&kwk, &header.store, header.set, &header.check) {
        Ok(kwk)
    } else {
        Err(EscrowError::SharesRejected.into())
    }
}

//! Who can approve: keys of approvers, made for whoever asks and registered by whoever manages
//! principals.

use super::{ApprovalError, ApproverKeyFile, Asking, Commitment};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Changed;
use crate::principals::Directory;
use medseal_core::KeyVersionId;
use medseal_core::approval::{Act, Alteration, ApproverKeys, Requester};
use medseal_policy::approval::{Action, Approver, RegisterApprover, eligible};
use medseal_policy::{Caller, Kind, ManagePrincipals, PrincipalId, Weakening};
use medseal_store::{ApproverKeyRecord, Change, Record, StoreError, Stored};
use zeroize::Zeroizing;

const MAX_ATTEMPTS: u32 = 64;

impl Engine {
    /// Makes the keys of the principal that asks: the file that it keeps, and the public keys to be
    /// registered. Nothing of it is kept here.
    ///
    /// # Errors
    /// [`ApprovalError::NotEligible`] for the owner, strangers and services;
    /// [`ApprovalError::OwnName`].
    pub async fn create_approver_key(
        &self,
        passphrase: &Zeroizing<Vec<u8>>,
    ) -> Result<(ApproverKeyFile, ApproverKeys), EngineError> {
        self.begin().await?;
        self.in_own_name()?;
        let principal = match self.asking() {
            Some(Caller::Known(principal)) if principal.kind != Kind::Service => principal,
            _ => return Err(ApprovalError::NotEligible.into()),
        };
        let (file, signer) = ApproverKeyFile::create(&self.store_id, principal.id, passphrase)?;
        Ok((file, signer.keys().clone()))
    }

    /// Registers the public keys of a principal, in the place of those it had.
    ///
    /// # Errors
    /// [`ApprovalError::KeyMalformed`] for those of somebody else; [`EngineError::NoSuchPrincipal`].
    pub async fn register_approver(
        &self,
        name: &str,
        vkeys: &str,
        reason: Option<&str>,
    ) -> Result<(), EngineError> {
        let keys = ApproverKeys::from_vkeys(vkeys).ok_or(ApprovalError::KeyMalformed)?;
        for _ in 0..MAX_ATTEMPTS {
            let epoch = self.begin().await?;
            let (directory, _) = self.directory().await?;
            let principal = directory.principal(name)?;
            if keys.principal() != principal.id.0 {
                return Err(ApprovalError::KeyMalformed.into());
            }
            if !principal.active {
                return Err(EngineError::PrincipalDisabled(name.to_owned()));
            }
            let id = principal.id.to_string();
            let row = self.rows().get::<ApproverKeyRecord>(&[&id]).await?;
            let act = registering(name, principal.id, &keys, row.as_ref().map(|row| &row.record));
            let weakens = self.weakens_quorum(&directory).await?;
            let asking = Asking { act: &act, epoch, weakens, reason };
            let approved = self.require_approval::<RegisterApprover>(&asking).await?;
            let change = self.registration(epoch, &id, vkeys, row)?;
            let what = format!("register the approver's key of {name}");
            let about = Changed { tenant: None, id: KeyVersionId([0; 8]), what: &what };
            let at = self.clock.now();
            let commitment = Commitment { epoch, act: &act, change, about, details: &what, at };
            if self.commit_approved::<ManagePrincipals, _>(approved, commitment).await? {
                return Ok(());
            }
        }
        Err(StoreError::Conflict.into())
    }

    fn registration(
        &self,
        epoch: u64,
        id: &str,
        vkeys: &str,
        row: Option<Stored<ApproverKeyRecord>>,
    ) -> Result<Change, EngineError> {
        let record = ApproverKeyRecord {
            principal_id: id.to_owned(),
            vkeys: vkeys.to_owned(),
            registered_by: self.caller_name(),
            registered_at: self.clock.now(),
        };
        let mut change = Change::new(epoch);
        match row {
            Some(row) => change.update(row.version, &record, &self.row_mac)?,
            None => change.insert(&record, &self.row_mac)?,
        }
        Ok(change)
    }

    /// Whether letting somebody approve takes something from those who can: once so many have had a
    /// key as anything needs, there is a quorum. Before, somebody must be the first.
    pub(crate) async fn weakens_quorum(
        &self,
        directory: &Directory,
    ) -> Result<Weakening, EngineError> {
        let ever = self.rows().all::<ApproverKeyRecord>(&[]).await?.len();
        let strength = directory.policy()?.strength(self.floor());
        Ok(if ever >= usize::from(strength) { Weakening::Yes } else { Weakening::No })
    }

    /// What nobody can do because fewer people can approve it than must.
    pub(crate) async fn approvers_missing(&self) -> Result<Vec<String>, EngineError> {
        let (directory, _) = self.directory().await?;
        let (policy, approvers) = (directory.policy()?, self.approvers(&directory).await?);
        let nobody = Requester { principal: None, os_user: None, name: String::new() };
        let lacking = |action: Action| {
            let needed = policy.demand(action, self.floor())?.approvals;
            let (operation, parameters) = (action.name().to_owned(), Vec::new());
            let alterations = Vec::new();
            let act = Act { operation, tenant: None, concerns: None, parameters, alterations };
            let found = eligible(&policy, &approvers, &nobody, &act).len();
            let told = format!("{} needs {needed}, and {found} could approve it", action.name());
            (found < usize::from(needed)).then_some(told)
        };
        Ok(Action::ALL.into_iter().filter_map(lacking).collect())
    }

    /// Every principal with a registered key.
    pub(crate) async fn approvers(
        &self,
        directory: &Directory,
    ) -> Result<Vec<Approver>, EngineError> {
        let table = ApproverKeyRecord::table().name;
        let mut approvers = Vec::new();
        for row in self.rows().all::<ApproverKeyRecord>(&[]).await? {
            let keys = ApproverKeys::from_vkeys(&row.record.vkeys);
            let keys = keys.ok_or(StoreError::Corrupt { table })?;
            if let Some(principal) = directory.principal_by_id(&row.record.principal_id)? {
                let os_user = directory.os_user_of(principal.id);
                approvers.push(Approver { principal, os_user, keys });
            }
        }
        Ok(approvers)
    }
}

fn registering(
    name: &str,
    id: PrincipalId,
    keys: &ApproverKeys,
    before: Option<&ApproverKeyRecord>,
) -> Act {
    let before = before.and_then(|row| ApproverKeys::from_vkeys(&row.vkeys));
    let from = before.map_or_else(|| "no key".to_owned(), |keys| keys.id().to_string());
    let what = format!("approver's key of {name}");
    Act {
        operation: Action::RegisterApprover.name().to_owned(),
        tenant: None,
        concerns: Some(id.0),
        parameters: vec![
            ("key".to_owned(), keys.id().to_string()),
            ("principal".to_owned(), name.to_owned()),
            ("principal-id".to_owned(), id.to_string()),
        ],
        alterations: vec![Alteration { what, from, to: keys.id().to_string() }],
    }
}

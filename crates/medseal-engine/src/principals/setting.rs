//! Putting a policy in force, and who must agree to that.
//!
//! A policy that would make approvals worth less needs those that the one in force asks for. None is
//! accepted under which fewer principals could approve than one of its rows needs: nobody could take
//! it back.

use super::directory::Directory;
use super::rules::{PolicyInForce, in_force};
use crate::approvals::{ApprovalError, Asking, Commitment};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Changed;
use medseal_core::KeyVersionId;
use medseal_core::approval::{Act, Alteration, Requester};
use medseal_core::primitives::sha256;
use medseal_policy::approval::{Action, SetPolicy, eligible};
use medseal_policy::{Floor, ManagePolicy, Policy, Weakening};
use medseal_store::{Change, PolicyRecord, StoreError, Stored};

const MAX_ATTEMPTS: u32 = 64;

impl Engine {
    /// Puts a policy in force.
    ///
    /// # Errors
    /// [`EngineError::Policy`]; [`EngineError::LastAdmin`] for one under which nobody could set
    /// another; [`ApprovalError`] where others must agree.
    pub async fn set_policy(&self, document: &str) -> Result<PolicyInForce, EngineError> {
        let policy = Policy::parse(document)?;
        let what = format!("set policy {}", policy.name());
        for _ in 0..MAX_ATTEMPTS {
            let epoch = self.begin().await?;
            let (directory, _) = self.directory().await?;
            self.must_stay_approvable(&directory, &policy).await?;
            let act = setting(&directory, document);
            let weakens = match directory.policy()?.is_weakened_by(&policy, self.floor()) {
                true => Weakening::Yes,
                false => Weakening::No,
            };
            let asking = Asking { act: &act, epoch, weakens, reason: None };
            let approved = self.require_approval::<SetPolicy>(&asking).await?;
            let (change, after) = self.policy_change(epoch, directory, document)?;
            self.must_stay_governable(&after)?;
            let about = Changed { tenant: None, id: KeyVersionId([0; 8]), what: &what };
            let at = self.clock.now();
            let commitment = Commitment { epoch, act: &act, change, about, details: &what, at };
            if self.commit_approved::<ManagePolicy, _>(approved, commitment).await? {
                return in_force(&after);
            }
        }
        Err(StoreError::Conflict.into())
    }

    fn policy_change(
        &self,
        epoch: u64,
        directory: Directory,
        document: &str,
    ) -> Result<(Change, Directory), EngineError> {
        let record = PolicyRecord {
            name: PolicyRecord::NAME.to_owned(),
            document: document.to_owned(),
            set_by: self.caller_name(),
            set_at: self.clock.now(),
        };
        let mut change = Change::new(epoch);
        let version = match &directory.policy {
            Some(row) => {
                change.update(row.version, &record, &self.row_mac).map(|()| row.version + 1)?
            }
            None => change.insert(&record, &self.row_mac).map(|()| 1)?,
        };
        Ok((change, Directory { policy: Some(Stored { record, version }), ..directory }))
    }

    /// A home in which enough people can approve does not become one in which too few can. One in
    /// which they are too few already can still change its other rules, and asks for no more: if it
    /// did, there would be no quorum yet, and new approvers would be let in unasked.
    async fn must_stay_approvable(
        &self,
        directory: &Directory,
        next: &Policy,
    ) -> Result<(), EngineError> {
        let approvers = self.approvers(directory).await?;
        let nobody = Requester { principal: None, os_user: None, name: String::new() };
        let act = setting(directory, "");
        let lacks = |policy: &Policy| {
            let needed = policy.strength(Floor::None);
            let found = eligible(policy, &approvers, &nobody, &act).len();
            (found < usize::from(needed)).then_some((needed, found))
        };
        let now = directory.policy()?;
        let grows = next.strength(Floor::None) > now.strength(Floor::None);
        match (lacks(&now), lacks(next)) {
            (before, Some((needed, eligible))) if grows || before.is_none() => {
                Err(ApprovalError::TooFewApprovers { needed, eligible }.into())
            }
            _ => Ok(()),
        }
    }
}

fn setting(directory: &Directory, document: &str) -> Act {
    let from = directory.policy.as_ref().map(|row| row.record.document.clone());
    let from = from.unwrap_or_else(|| "the built-in policy".to_owned());
    let digest = sha256(document.as_bytes()).into_iter().map(|byte| format!("{byte:02x}"));
    Act {
        operation: Action::SetPolicy.name().to_owned(),
        tenant: None,
        concerns: None,
        parameters: vec![("sha256".to_owned(), digest.collect())],
        alterations: vec![Alteration { what: "policy".to_owned(), from, to: document.to_owned() }],
    }
}

//! Principals and their roles: making, listing, granting, revoking, disabling.

use super::directory::{Directory, governs};
use crate::approvals::{Asking, Commitment};
use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Changed;
use crate::home::mark_governed;
use crate::keys::{check_name, check_reason};
use crate::random::BufferedRandom;
use medseal_core::approval::{Act, Alteration};
use medseal_core::{Error, KeyVersionId, Random};
use medseal_policy::approval::{Action, Approved, GrantRole};
use medseal_policy::{
    ADMIN, APPROVER, Kind, ManagePrincipals, Principal, PrincipalId, ReadPrincipals, Weakening,
};
use medseal_store::{Change, PrincipalRecord, PrincipalState, RoleGrantRecord, StoreError, Stored};
use serde::Serialize;

const MAX_ATTEMPTS: u32 = 64;

/// A principal to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewPrincipal<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is.
    pub kind: Kind,
    /// The one tenant it belongs to; none for every tenant.
    pub tenant: Option<&'a str>,
    /// The user of the operating system that it is.
    pub os_user: Option<u32>,
}

/// A principal as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PrincipalSummary {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// What it is.
    pub kind: String,
    /// The one tenant it belongs to; none for every tenant.
    pub tenant: Option<String>,
    /// The user of the operating system that it is.
    pub os_user: Option<i64>,
    /// `active` or `disabled`.
    pub state: &'static str,
    /// Its roles.
    pub roles: Vec<String>,
    /// When it was made.
    pub created: String,
    /// The reason that was last given.
    pub reason: Option<String>,
}

impl Engine {
    /// Makes a principal without roles.
    ///
    /// # Errors
    /// [`EngineError::PrincipalExists`], [`EngineError::OsUserTaken`], a name that is none.
    pub async fn create_principal(
        &self,
        new: &NewPrincipal<'_>,
        reason: Option<&str>,
    ) -> Result<(), EngineError> {
        check_name("a principal's name", new.name)?;
        check_reason(reason)?;
        let mut id = [0; 8];
        BufferedRandom.fill(&mut id).map_err(Error::from)?;
        let record = PrincipalRecord {
            name: new.name.to_owned(),
            principal_id: PrincipalId(id).to_string(),
            kind: new.kind.name().to_owned(),
            tenant: new.tenant.map(str::to_owned),
            os_user: new.os_user.map(i64::from),
            state: PrincipalState::Active,
            created_at: self.clock.now(),
            reason: reason.map(str::to_owned),
        };
        let what = format!("create principal {}", new.name);
        self.change_principals(&what, |_, directory, change| {
            if directory.row(new.name).is_ok() {
                return Err(EngineError::PrincipalExists(new.name.to_owned()));
            }
            let same_user = |row: &Stored<PrincipalRecord>| {
                row.record.os_user.is_some()
                    && row.record.os_user == record.os_user
                    && row.record.state == PrincipalState::Active
            };
            if let Some(other) = directory.principals.iter().find(|row| same_user(row)) {
                return Err(EngineError::OsUserTaken(other.record.name.clone()));
            }
            change.insert(&record, &self.row_mac)?;
            Ok(())
        })
        .await
    }

    /// Takes everything from a principal, for good.
    ///
    /// # Errors
    /// [`EngineError::NoSuchPrincipal`], [`EngineError::LastAdmin`].
    pub async fn disable_principal(
        &self,
        name: &str,
        reason: Option<&str>,
    ) -> Result<(), EngineError> {
        check_reason(reason)?;
        let what = format!("disable principal {name}");
        self.change_principals(&what, |engine, directory, change| {
            let row = directory.row(name)?;
            let record = PrincipalRecord {
                state: PrincipalState::Disabled,
                reason: reason.map(str::to_owned),
                ..row.record.clone()
            };
            change.update(row.version, &record, &engine.row_mac)?;
            let mut after = directory.clone();
            for row in after.principals.iter_mut().filter(|row| row.record.name == name) {
                row.record = record.clone();
            }
            engine.must_stay_governable(&after)
        })
        .await
    }

    /// Gives a principal a role that the policy knows. When it is `admin`, and the principal stands
    /// for the owner of the home, the built-in owner has been replaced.
    ///
    /// # Errors
    /// [`EngineError::NoSuchPrincipal`], [`EngineError::RoleUnknown`], [`EngineError::LastAdmin`]
    /// when the policy would not let the new admin govern.
    pub async fn grant_role(&self, name: &str, role: &str) -> Result<(), EngineError> {
        let what = format!("grant role {role} to {name}");
        for _ in 0..MAX_ATTEMPTS {
            let epoch = self.begin().await?;
            let (directory, _) = self.directory().await?;
            if !directory.policy()?.knows_role(role) {
                return Err(EngineError::RoleUnknown(role.to_owned()));
            }
            let change = self.granting(epoch, &directory, name, role)?;
            let about = Changed { tenant: None, id: KeyVersionId([0; 8]), what: &what };
            let done = if GOVERNING.contains(&role) {
                let act = granting_act(&directory.principal(name)?, role);
                let approved = self.approval_to_grant(epoch, &directory, &act, role).await?;
                let (details, at) = (what.as_str(), self.clock.now());
                let commitment = Commitment { epoch, act: &act, change, about, details, at };
                self.commit_approved::<ManagePrincipals, _>(approved, commitment).await?
            } else {
                self.commit_change::<ManagePrincipals>(epoch, change, &about).await?
            };
            if done {
                return Ok(());
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// The rows of a grant, with those that follow from it.
    fn granting(
        &self,
        epoch: u64,
        directory: &Directory,
        name: &str,
        role: &str,
    ) -> Result<Change, EngineError> {
        let mut change = Change::new(epoch);
        let principal = directory.row(name)?;
        let after = self.change_grant(directory, &mut change, &principal.record, role, true)?;
        let owner = Some(i64::from(self.users.owner));
        if role == ADMIN && principal.record.os_user == owner && !directory.is_governed() {
            if !governs(&directory.policy()?, after.principal(name)?) {
                return Err(EngineError::LastAdmin);
            }
            let root = mark_governed(&directory.root.record);
            change.update(directory.root.version, &root, &self.row_mac)?;
        }
        Ok(change)
    }

    /// Whoever lets somebody approve takes something from those who can.
    async fn approval_to_grant(
        &self,
        epoch: u64,
        directory: &Directory,
        act: &Act,
        role: &str,
    ) -> Result<Approved<GrantRole>, EngineError> {
        let weakens = match role {
            APPROVER => self.weakens_quorum(directory).await?,
            _ => Weakening::No,
        };
        let asking = Asking { act, epoch, weakens, reason: None };
        self.require_approval::<GrantRole>(&asking).await
    }

    /// Takes a role away.
    ///
    /// # Errors
    /// [`EngineError::NoSuchPrincipal`], [`EngineError::RoleUnknown`] when it was never granted,
    /// [`EngineError::LastAdmin`].
    pub async fn revoke_role(&self, name: &str, role: &str) -> Result<(), EngineError> {
        let what = format!("revoke role {role} of {name}");
        self.change_principals(&what, |engine, directory, change| {
            let principal = &directory.row(name)?.record;
            let is_it = |row: &Stored<RoleGrantRecord>| {
                row.record.principal_id == principal.principal_id && row.record.role == role
            };
            if !directory.grants.iter().any(is_it) {
                return Err(EngineError::RoleUnknown(role.to_owned()));
            }
            let after = engine.change_grant(directory, change, principal, role, false)?;
            engine.must_stay_governable(&after)
        })
        .await
    }

    /// Every principal, or one.
    ///
    /// # Errors
    /// [`EngineError::NoSuchPrincipal`].
    pub async fn list_principals(
        &self,
        name: Option<&str>,
    ) -> Result<Vec<PrincipalSummary>, EngineError> {
        self.begin().await?;
        let (directory, epoch) = self.directory().await?;
        let what = name.map_or("list principals".to_owned(), |name| format!("principal {name}"));
        let about = Changed { tenant: None, id: KeyVersionId([0; 8]), what: &what };
        self.admit_change::<ReadPrincipals>(epoch, &about).await?;
        let chosen: Vec<&PrincipalRecord> = match name {
            Some(name) => vec![&directory.row(name)?.record],
            None => directory.principals.iter().map(|row| &row.record).collect(),
        };
        chosen.into_iter().map(|record| summary(&directory, record)).collect()
    }

    /// Plans a change on the directory, decides, records and commits it; started over as long as
    /// others are faster.
    pub(super) async fn change_principals(
        &self,
        what: &str,
        plan: impl Fn(&Self, &Directory, &mut Change) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        for _ in 0..MAX_ATTEMPTS {
            self.begin().await?;
            let (directory, epoch) = self.directory().await?;
            let mut change = Change::new(epoch);
            plan(self, &directory, &mut change)?;
            let about = Changed { tenant: None, id: KeyVersionId([0; 8]), what };
            if self.commit_change::<ManagePrincipals>(epoch, change, &about).await? {
                return Ok(());
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Writes a grant or its end, and gives the directory as it then stands.
    fn change_grant(
        &self,
        directory: &Directory,
        change: &mut Change,
        principal: &PrincipalRecord,
        role: &str,
        granted: bool,
    ) -> Result<Directory, EngineError> {
        let record = RoleGrantRecord {
            principal_id: principal.principal_id.clone(),
            role: role.to_owned(),
            granted,
            changed_by: self.caller_name(),
            changed_at: self.clock.now(),
        };
        let mut after = directory.clone();
        let same = |row: &&mut Stored<RoleGrantRecord>| {
            row.record.principal_id == record.principal_id && row.record.role == role
        };
        match after.grants.iter_mut().find(same) {
            Some(row) => {
                change.update(row.version, &record, &self.row_mac)?;
                row.record = record;
            }
            None => {
                change.insert(&record, &self.row_mac)?;
                after.grants.push(Stored { record, version: 1 });
            }
        }
        Ok(after)
    }

    /// A home whose built-in owner was replaced keeps somebody who can govern it.
    pub(super) fn must_stay_governable(&self, after: &Directory) -> Result<(), EngineError> {
        if after.is_governed() { after.must_stay_governable() } else { Ok(()) }
    }
}

/// Roles that change what others may do.
const GOVERNING: [&str; 3] = [ADMIN, APPROVER, "custodian"];

fn granting_act(principal: &Principal, role: &str) -> Act {
    let has = principal.roles.contains(role);
    let alteration = Alteration {
        what: format!("role {role} of {}", principal.name),
        from: if has { "granted" } else { "not granted" }.to_owned(),
        to: "granted".to_owned(),
    };
    Act {
        operation: Action::GrantRole.name().to_owned(),
        tenant: None,
        concerns: Some(principal.id.0),
        parameters: vec![
            ("principal".to_owned(), principal.name.clone()),
            ("principal-id".to_owned(), principal.id.to_string()),
            ("role".to_owned(), role.to_owned()),
        ],
        alterations: vec![alteration],
    }
}

fn summary(
    directory: &Directory,
    record: &PrincipalRecord,
) -> Result<PrincipalSummary, EngineError> {
    let principal = directory.parse(record)?;
    Ok(PrincipalSummary {
        name: principal.name,
        id: principal.id.to_string(),
        kind: record.kind.clone(),
        tenant: principal.tenant,
        os_user: record.os_user,
        state: record.state.name(),
        roles: principal.roles.into_iter().collect(),
        created: rfc3339(record.created_at),
        reason: record.reason.clone(),
    })
}

//! Everybody a home knows, as the store had it at one epoch, every row authenticated.

use super::authority::Users;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::home::governed;
use medseal_core::operation::{Group, Operation};
use medseal_policy::{ADMIN, Asked, Authority, Caller, Kind, Policy, Principal, PrincipalId};
use medseal_store::{
    PolicyRecord, PrincipalRecord, PrincipalState, Record, RoleGrantRecord, RootRecord, StoreError,
    Stored,
};

/// How often the rows are read again because others changed the store meanwhile.
const MAX_READS: u32 = 64;

/// Everybody and the policy.
#[derive(Clone)]
pub(crate) struct Directory {
    pub(crate) root: Stored<RootRecord>,
    pub(crate) principals: Vec<Stored<PrincipalRecord>>,
    pub(crate) grants: Vec<Stored<RoleGrantRecord>>,
    pub(crate) policy: Option<Stored<PolicyRecord>>,
}

impl Engine {
    /// The directory, and the epoch at which it stood so.
    pub(crate) async fn directory(&self) -> Result<(Directory, u64), EngineError> {
        let mut before = self.rows().state().await?.epoch;
        for _ in 0..MAX_READS {
            let read = self.read_directory().await;
            let after = self.rows().state().await?.epoch;
            if after == before {
                return read.map(|directory| (directory, after));
            }
            before = after;
        }
        Err(StoreError::Conflict.into())
    }

    async fn read_directory(&self) -> Result<Directory, EngineError> {
        let root = self.rows().get::<RootRecord>(&["root"]).await?;
        Ok(Directory {
            root: root.ok_or(EngineError::HomeMissing)?,
            principals: self.all_rows().await?,
            grants: self.all_rows().await?,
            policy: self.rows().get::<PolicyRecord>(&[PolicyRecord::NAME]).await?,
        })
    }

    pub(crate) async fn all_rows<R: Record>(&self) -> Result<Vec<Stored<R>>, EngineError> {
        Ok(self.rows().all::<R>(&[]).await?)
    }
}

impl Directory {
    /// Whether an admin has taken the built-in owner's place.
    pub(crate) fn is_governed(&self) -> bool {
        governed(&self.root.record.environment)
    }

    /// The policy in force.
    pub(crate) fn policy(&self) -> Result<Policy, EngineError> {
        match &self.policy {
            Some(row) => Ok(Policy::parse(&row.record.document)?),
            None => Ok(Policy::built_in()),
        }
    }

    pub(crate) fn row(&self, name: &str) -> Result<&Stored<PrincipalRecord>, EngineError> {
        let found = self.principals.iter().find(|row| row.record.name == name);
        found.ok_or_else(|| EngineError::NoSuchPrincipal(name.to_owned()))
    }

    /// One principal with its roles.
    pub(crate) fn principal(&self, name: &str) -> Result<Principal, EngineError> {
        self.parse(&self.row(name)?.record)
    }

    /// One principal by its id.
    pub(crate) fn principal_by_id(&self, id: &str) -> Result<Option<Principal>, EngineError> {
        let found = self.principals.iter().find(|row| row.record.principal_id == id);
        found.map(|row| self.parse(&row.record)).transpose()
    }

    /// The user of the operating system that a principal stands for.
    pub(crate) fn os_user_of(&self, id: PrincipalId) -> Option<u32> {
        let id = id.to_string();
        let found = self.principals.iter().find(|row| row.record.principal_id == id)?;
        found.record.os_user.and_then(|user| u32::try_from(user).ok())
    }

    /// Whom a user of the operating system stands for.
    pub(crate) fn caller_of_user(&self, users: Users) -> Caller {
        if users.caller == users.owner && !self.is_governed() {
            return Caller::Owner { user_id: users.owner };
        }
        let is_it = |row: &&Stored<PrincipalRecord>| {
            row.record.os_user == Some(i64::from(users.caller))
                && row.record.state == PrincipalState::Active
        };
        let found = self.principals.iter().find(is_it).map(|row| self.parse(&row.record));
        match found {
            Some(Ok(principal)) => Caller::Known(principal),
            _ => Caller::Stranger { user_id: users.caller },
        }
    }

    /// A row as the policy sees it.
    pub(crate) fn parse(&self, record: &PrincipalRecord) -> Result<Principal, EngineError> {
        let corrupt = || StoreError::Corrupt { table: "principals" };
        let granted = self.grants.iter().map(|row| &row.record);
        let granted = granted.filter(|g| g.granted && g.principal_id == record.principal_id);
        Ok(Principal {
            id: PrincipalId::parse(&record.principal_id).ok_or_else(corrupt)?,
            name: record.name.clone(),
            kind: Kind::from_name(&record.kind).ok_or_else(corrupt)?,
            tenant: record.tenant.clone(),
            roles: granted.map(|grant| grant.role.clone()).collect(),
            active: record.state == PrincipalState::Active,
        })
    }

    /// Whether somebody could still change principals and the policy: an active admin who stands
    /// for a user of the operating system, since tokens run out.
    ///
    /// # Errors
    /// [`EngineError::LastAdmin`].
    pub(crate) fn must_stay_governable(&self) -> Result<(), EngineError> {
        let policy = self.policy()?;
        for row in self.principals.iter().filter(|row| row.record.os_user.is_some()) {
            if governs(&policy, self.parse(&row.record)?) {
                return Ok(());
            }
        }
        Err(EngineError::LastAdmin)
    }
}

/// Whether a principal is an admin whom the policy lets govern.
pub(crate) fn governs(policy: &Policy, principal: Principal) -> bool {
    let is_admin = principal.roles.contains(ADMIN);
    let mut authority = Authority::new(policy.clone(), Caller::Known(principal), None);
    let group = Group::default();
    let mut allows = |operation| {
        let answer = authority.answer(operation, &Asked::default(), std::iter::once(&group));
        answer.rules.is_ok()
    };
    is_admin && allows(Operation::ManagePrincipals) && allows(Operation::ManagePolicy)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A home from which every row of principals, grants and policies is gone.
    fn emptied(environment: &str) -> Directory {
        let root = RootRecord {
            name: "root".to_owned(),
            environment: environment.to_owned(),
            kind: "keyfile".to_owned(),
            parameters: String::new(),
            kwk_version: 1,
            wrapped_kwk: Vec::new(),
            created_at: 0,
        };
        let root = Stored { record: root, version: 2 };
        Directory { root, principals: Vec::new(), grants: Vec::new(), policy: None }
    }

    /// The state root finds rows that are gone; should it not, they give nothing back.
    #[test]
    fn an_owner_who_was_replaced_stays_replaced_without_any_row() {
        let (owner, other) = (Users { caller: 7, owner: 7 }, Users { caller: 8, owner: 7 });
        for environment in ["development governed", "production governed"] {
            let directory = emptied(environment);
            assert_eq!(directory.caller_of_user(owner), Caller::Stranger { user_id: 7 });
            assert!(directory.must_stay_governable().is_err());
        }
        assert_eq!(emptied("production").caller_of_user(owner), Caller::Owner { user_id: 7 });
        assert_eq!(emptied("production").caller_of_user(other), Caller::Stranger { user_id: 8 });
    }
}

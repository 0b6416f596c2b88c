//! Who asks, and what the policy lets them do: read once an epoch, kept until the next.
//!
//! **The built-in owner.** Until an admin has taken over, the operating system user who owns the
//! home's directory may do everything, and nobody else may do anything that no rule allows. An admin
//! takes over when the role `admin` is granted to a principal that stands for that very user: from
//! then on the owner is this principal and nothing more. The marker of it is written into the row
//! of the root, without which no home opens: whoever deletes rows of principals, grants or policies
//! takes rights away and gives none back.

use super::budgets::{Amounts, Charges};
use super::directory::Directory;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::ledger::{Details, Who};
use medseal_core::AccessToken;
use medseal_core::approval::RequestId;
use medseal_core::keyring::UnixSeconds;
use medseal_core::operation::{Group, Operation, OperationItems};
use medseal_policy::{
    Asked, Authenticate, Authority, Authorized, BREAK_GLASS, Caller, Denied, Op, Principal,
    Purpose, decide,
};
use medseal_store::StoreError;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a caller shows and says before anything is asked.
#[derive(Default)]
pub struct Occasion {
    /// The token of a service; without one the operating system says who is asking.
    pub token: Option<AccessToken>,
    /// The principal on whose behalf the caller acts.
    pub on_behalf_of: Option<String>,
    /// What it is for.
    pub purpose: Option<Purpose>,
    /// The case it belongs to; kept encrypted, it may name a patient.
    pub case: Option<String>,
    /// Why the caller goes past the policy, in an emergency; kept encrypted as well.
    pub break_glass: Option<String>,
    /// The request by which something is carried out; without it the caller's open request for the
    /// very same is looked for.
    pub approval: Option<RequestId>,
    /// Why, for those who are asked to approve something that has no reason of its own.
    pub reason: Option<String>,
}

/// Whose process and whose directory it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Users {
    pub(crate) caller: u32,
    pub(crate) owner: u32,
}

/// What holds at one epoch.
struct Held {
    epoch: u64,
    /// When the token that was shown runs out.
    until: Option<UnixSeconds>,
    authority: Authority,
}

/// The authority of an open home.
#[derive(Default)]
pub(crate) struct HeldAuthority(Mutex<Option<Held>>);

/// What was decided, and what the log says of it.
pub(crate) struct Decision<O: Op> {
    pub(crate) who: Who,
    pub(crate) purpose: Option<Purpose>,
    /// Budgets whose alarm or limit is reached.
    pub(crate) alarms: Vec<String>,
    pub(crate) outcome: Result<Authorized<O>, Box<Denied>>,
}

impl HeldAuthority {
    /// A panic while the lock was held leaves an authority that is still whole.
    fn lock(&self) -> MutexGuard<'_, Option<Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn holds(&self, epoch: u64, now: UnixSeconds) -> bool {
        let held = self.lock();
        held.as_ref().is_some_and(|h| h.epoch == epoch && h.until.is_none_or(|until| now < until))
    }
}

impl Engine {
    /// Makes sure that whoever asks is judged by what the store says at this epoch or later.
    pub(crate) async fn keep_authority(&self, epoch: u64) -> Result<(), EngineError> {
        if self.authority.holds(epoch, self.clock.now()) {
            return Ok(());
        }
        let (directory, epoch) = self.directory().await?;
        let (caller, until) = self.caller(&directory, epoch).await?;
        let on_behalf_of = match &self.occasion.on_behalf_of {
            Some(name) => Some(directory.principal(name)?),
            None => None,
        };
        let authority = Authority::new(directory.policy()?, caller, on_behalf_of);
        let mut held = self.authority.lock();
        // of two threads the one that read later is right
        if held.as_ref().is_none_or(|held| held.epoch <= epoch) {
            *held = Some(Held { epoch, until, authority });
        }
        Ok(())
    }

    async fn caller(
        &self,
        directory: &Directory,
        epoch: u64,
    ) -> Result<(Caller, Option<UnixSeconds>), EngineError> {
        let Some(token) = &self.occasion.token else {
            return Ok((directory.caller_of_user(self.users), None));
        };
        let found = self.token_holder(directory, token).await?;
        match found {
            Some((principal, until)) => Ok((Caller::Known(principal), Some(until))),
            None => {
                self.record_refused_token(epoch)?;
                Err(EngineError::TokenRejected)
            }
        }
    }

    /// The one who tried stands in the log as the user of the operating system.
    fn record_refused_token(&self, epoch: u64) -> Result<(), EngineError> {
        let mut items = self.items::<Authenticate>(epoch)?;
        let kept = items.take_details();
        let stranger = Caller::Stranger { user_id: self.users.caller };
        let who = Who { name: stranger.name(), ..Who::default() };
        let details = Details {
            time: self.clock.now(),
            who: &who,
            purpose: self.occasion.purpose,
            alarms: &[],
            epoch,
            root: self.root_at(epoch)?,
            items: kept,
            count: 0,
            keys: &[],
            change: Some("an access token was refused"),
            subjects: Vec::new(),
            request: None,
        };
        self.ledger.record_denied::<Authenticate>(items.digest(), &[], details)
    }

    /// Lets the policy decide, and charges what was allowed to the budgets that it names.
    pub(crate) async fn decide<O: Op>(
        &self,
        items: OperationItems,
        epoch: u64,
    ) -> Result<Decision<O>, EngineError> {
        let (decision, charges) = self.decide_by_rules::<O>(items, epoch)?;
        self.charge_budgets(decision, &charges).await
    }

    fn decide_by_rules<O: Op>(
        &self,
        items: OperationItems,
        epoch: u64,
    ) -> Result<(Decision<O>, Charges), EngineError> {
        let mut held = self.authority.lock();
        // an authority from before the operation began may know nothing of a role that was revoked
        let held = held.as_mut().filter(|held| held.epoch >= epoch).ok_or(StoreError::Conflict)?;
        let authority = &mut held.authority;
        let amounts = Amounts { values: items.count(), records: items.records() };
        let outcome = decide::<O>(authority, &self.asked(), items);
        let purpose = match &outcome {
            Ok(authorized) => Some(authorized.purpose()),
            Err(denied) => denied.purpose,
        };
        let budgets = match &outcome {
            Ok(_) if O::OPERATION.is_of_values() => authority.budgets(O::OPERATION),
            _ => Vec::new(),
        };
        let by_glass = outcome.as_ref().is_ok_and(|ok| ok.rules().iter().any(|r| r == BREAK_GLASS));
        let mark = self.emergency_mark().filter(|_| by_glass);
        let (who, alarms) = (who(authority), mark.into_iter().collect());
        Ok((Decision { who, purpose, alarms, outcome }, Charges { budgets, amounts }))
    }

    /// What the caller said of every operation of this engine.
    pub(crate) fn asked(&self) -> Asked {
        let glass_is_broken = self.glass_is_broken();
        Asked { purpose: self.occasion.purpose, second_factor_age: None, glass_is_broken }
    }

    /// Whether the rules would let the caller do something that is no value; no permission.
    pub(crate) fn rules_allow(&self, operation: Operation, group: &Group) -> bool {
        let mut held = self.authority.lock();
        let answer = held
            .as_mut()
            .map(|held| held.authority.answer(operation, &self.asked(), std::iter::once(group)));
        answer.is_some_and(|answer| answer.rules.is_ok())
    }

    /// The caller, once it is known.
    pub(crate) fn asking(&self) -> Option<Caller> {
        self.authority.lock().as_ref().map(|held| held.authority.caller().clone())
    }

    /// The caller as rows name whoever changed them.
    pub(crate) fn caller_name(&self) -> String {
        self.asking().map(|caller| caller.name()).unwrap_or_default()
    }
}

fn who(authority: &Authority) -> Who {
    let caller = authority.caller();
    let on_behalf_of = authority.on_behalf_of().map(|Principal { name, .. }| name.clone());
    Who { name: caller.name(), id: caller.id(), on_behalf_of }
}

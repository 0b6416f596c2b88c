//! Destroying a key version: a waiting period, and before it the approval of others where it is asked
//! for.
//!
//! The approval covers the whole of it: whoever approved the beginning of a waiting period approved
//! its end. A period that began when nobody was asked is asked for at its end.

use super::LoadedKey;
use super::change::describe;
use crate::approvals::{Asking, Commitment};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Changed;
use crate::keys::check_reason;
use medseal_core::approval::{Act, Alteration};
use medseal_core::keyring::{Event, KeyVersion, State, UnixSeconds};
use medseal_policy::approval::{Action, Approved, DestroyKey, KEY_VERSION, WAITING};
use medseal_policy::{ChangeKeys, Weakening};
use medseal_store::StoreError;

const MAX_ATTEMPTS: u32 = 256;

/// What `destroy` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destroyed {
    /// The waiting period runs until this moment.
    Scheduled(UnixSeconds),
    /// The key material is gone.
    Gone,
}

impl Engine {
    /// Starts the waiting period, or destroys the key material when it is over.
    ///
    /// # Errors
    /// [`EngineError::Key`] for the primary or before the waiting period has ended;
    /// [`crate::approvals::ApprovalError`] where others must approve.
    pub async fn destroy_key(
        &self,
        tenant: &str,
        name: &str,
        number: u32,
        waiting_seconds: i64,
        reason: Option<&str>,
    ) -> Result<Destroyed, EngineError> {
        check_reason(reason)?;
        let waiting = waiting_seconds.max(0);
        let what = format!("destroy @{number} {}", describe(tenant, name));
        for _ in 0..MAX_ATTEMPTS {
            let epoch = self.begin().await?;
            let (key, now) = (self.read_key(tenant, name).await?, self.clock.now());
            let version = key.keyring.version(number).map_err(|refusal| key.refused(refusal))?;
            let event = match version.state {
                State::DestroyPending => Event::Destroy(number),
                _ => {
                    let destroy_after = now.saturating_add(waiting);
                    Event::ScheduleDestroy { number, destroy_after }
                }
            };
            // what cannot be done is not asked for
            let next = key.keyring.apply(event, now).map_err(|refusal| key.refused(refusal))?;
            let act = destroying(&key, version, waiting);
            let approved = self.approval_to_destroy((epoch, reason), &act, version).await?;
            let change = self.key_change(epoch, &key, &next, reason, Some(&approved)).await?;
            let about = Changed { tenant: Some(tenant), id: version.id, what: &what };
            let commitment =
                Commitment { epoch, act: &act, change, about, details: &what, at: now };
            if self.commit_approved::<ChangeKeys, _>(approved, commitment).await? {
                let version = next.version(number).map_err(|refusal| key.refused(refusal))?;
                return Ok(version.destroy_after.map_or(Destroyed::Gone, Destroyed::Scheduled));
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn approval_to_destroy(
        &self,
        (epoch, reason): (u64, Option<&str>),
        act: &Act,
        version: &KeyVersion,
    ) -> Result<Approved<DestroyKey>, EngineError> {
        if version.state == State::DestroyPending {
            let (id, after) = (version.id, version.destroy_after);
            if let Some(approved) = self.approved_with_its_beginning(act, id, after).await? {
                return Ok(approved);
            }
        }
        let asking = Asking { act, epoch, weakens: Weakening::No, reason };
        self.require_approval::<DestroyKey>(&asking).await
    }
}

fn destroying(key: &LoadedKey, version: &KeyVersion, waiting: i64) -> Act {
    let ends = version.state == State::DestroyPending;
    let mut parameters = vec![
        ("key".to_owned(), format!("{}@{}", key.name, version.number)),
        (KEY_VERSION.to_owned(), version.id.to_string()),
    ];
    if !ends {
        parameters.push((WAITING.to_owned(), waiting.to_string()));
    }
    let to = if ends { State::Destroyed } else { State::DestroyPending };
    let alteration = Alteration {
        what: format!("{}@{}", describe(&key.tenant, &key.name), version.number),
        from: version.state.name().to_owned(),
        to: to.name().to_owned(),
    };
    Act {
        operation: Action::DestroyKey.name().to_owned(),
        tenant: Some(key.tenant.clone()),
        concerns: None,
        parameters,
        alterations: vec![alteration],
    }
}

//! Counts what key versions protect, over the whole log (`spec/protection-ledger.md`).

use super::Ledger;
use super::signed_walk::SignedEntry;
use crate::error::EngineError;
use crate::gate::Admitted;
use medseal_core::audit::{DetailsKey, DetailsState, Event, ProtectionLedger};
use std::cell::RefCell;

impl Ledger {
    /// Lets a ledger of protection take in every entry up to now; gives how many entries that are.
    pub(crate) fn count_protection(
        &self,
        admitted: &Admitted,
        counted: ProtectionLedger,
    ) -> Result<(ProtectionLedger, u64), EngineError> {
        let key = self.details_key(admitted);
        let counted = RefCell::new(counted);
        let covered = self.walk_signed(
            |entry| counted.borrow().concerns(entry),
            |signed| take(&mut counted.borrow_mut(), signed, key),
        )?;
        Ok((counted.into_inner(), covered.checkpoint.size))
    }
}

fn take(
    counted: &mut ProtectionLedger,
    signed: &SignedEntry<'_>,
    key: &DetailsKey,
) -> Result<(), EngineError> {
    if !signed.wanted {
        return Ok(());
    }
    let entry = signed.decode()?;
    let Event::Operation(access) = &entry.event else { return Ok(()) };
    let details = match (signed.state, &access.details) {
        (DetailsState::Present, Some(sealed)) => {
            Some(key.open(signed.details, &sealed.items_root)?)
        }
        _ => None,
    };
    counted.take(&entry, details.as_ref());
    Ok(())
}

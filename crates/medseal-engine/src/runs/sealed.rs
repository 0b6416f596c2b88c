//! Envelopes of a batch: read, admitted, opened, and carried over.

use super::keys::{Identity, RunKeys, binding};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::fields::{ResolvedKey, open};
use crate::gate::{Admitted, Subject, admit};
use medseal_core::envelope::{Envelope, Value, decode_text};
use medseal_core::operation::{OperationItems, Under};
use medseal_core::{Error, Plaintext};
use medseal_health::FieldId;
use medseal_policy::{Encrypt, Op, Reencrypt};
use std::sync::Arc;

/// What a protected place holds.
pub(crate) enum Held {
    /// An envelope, the key that opens it, and under which versions it is and will be.
    Sealed(Vec<u8>, Arc<ResolvedKey>, Under),
    /// Plaintext, left as it is while migrating.
    Plain,
    /// An envelope that is under the newest version already.
    Current,
}

impl Engine {
    /// Reads one envelope in its text form and holds it against its field's definition.
    pub(crate) async fn read_envelope<O: Op>(
        &self,
        keys: &mut RunKeys,
        identity: &Identity,
        field: FieldId,
        text: &[u8],
    ) -> Result<Held, EngineError> {
        self.hold_envelope::<O>(keys, identity, field, decode_text(text)?).await
    }

    /// Holds one envelope against its field's definition.
    pub(crate) async fn hold_envelope<O: Op>(
        &self,
        keys: &mut RunKeys,
        identity: &Identity,
        field: FieldId,
        bytes: Vec<u8>,
    ) -> Result<Held, EngineError> {
        let envelope = Envelope::parse(&bytes)?;
        let key = self.resolve_for_decrypting(keys, identity, field, &envelope).await?;
        if O::OPERATION != Reencrypt::OPERATION {
            let under = key.under();
            return Ok(Held::Sealed(bytes, key, under));
        }
        self.resolve_for_encrypting(keys, identity, field).await?;
        let newest = keys.field(identity, field).and_then(|field| field.encrypting.as_ref());
        let newest = &newest.ok_or(Error::Rejected)?.field_key;
        if newest.id() == envelope.header().id {
            return Ok(Held::Current);
        }
        let under = key.carried_over(newest);
        Ok(Held::Sealed(bytes, key, under))
    }

    /// Decides on the encryption of a batch and records it.
    pub(crate) async fn record_encryption(
        &self,
        keys: &RunKeys,
        items: OperationItems,
    ) -> Result<(), EngineError> {
        if items.count() > 0 {
            let (epoch, names) = (items.epoch(), keys.version_names());
            let about = Subject { epoch, keys: &names, change: None };
            let _encryption_is_recorded =
                self.permit::<Encrypt>(items, &about).await?.into_proofs();
        }
        Ok(())
    }

    /// Decides, records and compares; a batch in which nothing is opened needs no entry. `collect`
    /// adds the items of the batch and is called a second time for the comparison.
    pub(crate) async fn admit_batch<O: Op>(
        &self,
        keys: &RunKeys,
        epoch: u64,
        collect: impl Fn(&mut OperationItems) -> Result<(), EngineError>,
    ) -> Result<Option<Admitted>, EngineError> {
        let mut items = self.items::<O>(epoch)?;
        collect(&mut items)?;
        if items.count() == 0 {
            return Ok(None);
        }
        let mut again = items.twin();
        collect(&mut again)?;
        let names = keys.version_names();
        let about = Subject { epoch, keys: &names, change: None };
        let (authorized, recorded) = self.permit::<O>(items, &about).await?.into_proofs();
        admit(authorized, recorded, again.digest()).map(Some)
    }

    /// Encrypts what was just opened under the newest version of its field's key.
    pub(crate) fn seal_newest(
        &self,
        keys: &mut RunKeys,
        identity: &Identity,
        field: FieldId,
        plaintext: &Plaintext,
        sealed: &mut Vec<u8>,
    ) -> Result<(), EngineError> {
        let found = keys.field(identity, field).ok_or(Error::Rejected)?;
        let newest = found.encrypting.as_ref().ok_or(Error::Rejected)?;
        sealed.clear();
        let value = Value::decrypted(plaintext);
        self.seal(&newest.field_key, newest.flags, &binding(identity), &value, sealed)?;
        let id = newest.field_key.id();
        keys.count(id, plaintext.as_bytes().len());
        Ok(())
    }
}

/// Opens what was read, once it is admitted.
pub(crate) fn open_held(
    admitted: Option<&Admitted>,
    held: &Held,
    identity: &Identity,
) -> Result<Plaintext, EngineError> {
    let (Held::Sealed(bytes, key, _), Some(admitted)) = (held, admitted) else {
        return Err(Error::Rejected.into());
    };
    let envelope = Envelope::parse(bytes)?;
    open(admitted, &key.field_key, key.flags, &binding(identity), &envelope)
}

//! Single values: encrypting, decrypting, carrying over to the newest key version.

mod definition;

pub(crate) use definition::Definitions;
pub use definition::{FieldDefinition, FieldSummary};

use crate::engine::{Engine, VerifyAfterEncrypt};
use crate::error::EngineError;
use crate::gate::{Admitted, Subject, admit};
use crate::keys::{LoadedKey, SubjectKeys};
use crate::ledger::Recorded;
use crate::random::BufferedRandom;
use medseal_core::context::{Binding, Scope, encode_into};
use medseal_core::envelope::{Envelope, Flags, Value};
use medseal_core::key_schedule::FieldKey;
use medseal_core::keyring::{KeyVersion, Usage};
use medseal_core::operation::{OperationDigest, OperationItems, Under};
use medseal_core::{Error, KeyVersionId, Plaintext, Random};
use medseal_health::UNCLASSIFIED;
use medseal_policy::{Authorized, Decrypt, Encrypt, Maintain, Op, Reencrypt};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The key that is used when a definition and the caller name none.
pub const DEFAULT_KEY: &str = "default";

/// Where one value stands.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Tenant, collection and field.
    pub scope: &'a Scope,
    /// Record, row version and the caller's pairs.
    pub binding: Binding<'a>,
    /// The patient whose value it is, where values are bound to one.
    pub subject: Option<&'a str>,
    /// The caller says that this field is not bound to a record.
    pub no_record: bool,
}

/// What re-encryption found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reencrypted {
    /// The envelope is under the newest version already.
    Current,
    /// A new envelope under the newest version.
    New(Vec<u8>),
}

/// A key and version ready for one field.
pub(crate) struct ResolvedKey {
    pub(crate) field_key: Arc<FieldKey>,
    pub(crate) flags: Flags,
    pub(crate) version_name: String,
    /// The class that policies know the field's values by.
    class: String,
    pub(crate) subject: Option<Arc<SubjectKeys>>,
}

impl ResolvedKey {
    /// What is and stays under this version, or will be.
    pub(crate) fn under(&self) -> Under {
        Under::Version(self.field_key.id())
    }

    /// What leaves this version for another.
    pub(crate) fn carried_over(&self, to: &FieldKey) -> Under {
        Under::CarriedOver { from: self.field_key.id(), to: to.id() }
    }

    /// Adds one value of this field to what is decided on and recorded.
    pub(crate) fn add_to(
        &self,
        items: &mut OperationItems,
        under: Under,
        binding: &Binding<'_>,
    ) -> Result<(), EngineError> {
        let of = (self.field_key.scope(), self.class.as_str(), self.subject.as_deref());
        add_value(items, under, of, binding)
    }
}

impl Engine {
    /// Encrypts one value under the field's key and returns the binary envelope.
    ///
    /// # Errors
    /// [`EngineError::RecordRequired`], a key without an active version, an unwritable ledger.
    pub async fn encrypt_value(
        &self,
        target: &Target<'_>,
        key: Option<&str>,
        value: &Value<'_>,
    ) -> Result<Vec<u8>, EngineError> {
        self.begin().await?;
        let definition = self.definition(target.scope).await?;
        let flags = encrypting_flags(definition.as_ref(), target)?;
        let name = key_name(definition.as_ref(), key, DEFAULT_KEY, target.scope)?;
        let subject = self.subject_to_encrypt_for(target).await?;
        let class = class_of(definition.as_ref());
        let whose = (class.as_str(), subject);
        let resolved = self.resolve_encrypting(target.scope, &name, flags, whose).await?;
        let epoch = self.begin().await?;
        let mut items = self.items::<Encrypt>(epoch)?;
        resolved.add_to(&mut items, resolved.under(), &target.binding)?;
        let keys = [resolved.version_name.clone()];
        let about = Subject { epoch, keys: &keys, change: None };
        let permit = self.permit::<Encrypt>(items, &about).await?;
        let _encryption_is_recorded = permit.into_proofs();
        let mut out = Vec::new();
        self.seal(&resolved.field_key, flags, &target.binding, value, &mut out)?;
        self.charge(&resolved.field_key, 1, value.as_bytes().len() as u64).await?;
        Ok(out)
    }

    /// Decrypts one binary envelope in its place.
    ///
    /// # Errors
    /// [`Error::Rejected`] for a wrong place or altered bytes; a key whose state does not decrypt;
    /// an unwritable ledger.
    pub async fn decrypt_value(
        &self,
        target: &Target<'_>,
        envelope: &[u8],
    ) -> Result<Plaintext, EngineError> {
        let epoch = self.begin().await?;
        let envelope = Envelope::parse(envelope)?;
        let (resolved, _) = self.resolve_target(target, &envelope).await?;
        let used = (&resolved, resolved.under());
        let (proofs, digest) = self.prove::<Decrypt>(epoch, used, target).await?;
        let plaintext =
            self.decrypt_admitted(proofs.0, proofs.1, digest, &resolved, target, &envelope)?;
        let messages = 1;
        self.cache().charge(&resolved.field_key, messages, plaintext.as_bytes().len() as u64);
        Ok(plaintext)
    }

    /// Carries one envelope over to the newest version of the key it is under.
    ///
    /// # Errors
    /// As [`Engine::decrypt_value`].
    pub async fn reencrypt_value(
        &self,
        target: &Target<'_>,
        envelope: &[u8],
    ) -> Result<Reencrypted, EngineError> {
        let epoch = self.begin().await?;
        let envelope = Envelope::parse(envelope)?;
        let (resolved, key) = self.resolve_target(target, &envelope).await?;
        let newest = key.encrypting()?;
        if newest.id == envelope.header().id {
            return Ok(Reencrypted::Current);
        }
        let subject = resolved.subject.as_deref();
        let newest = self.field_key(&key, newest, target.scope, subject).await?;
        let used = (&resolved, resolved.carried_over(&newest));
        let (proofs, digest) = self.prove::<Reencrypt>(epoch, used, target).await?;
        let admitted = admit(proofs.0, proofs.1, digest)?;
        let old = open(&admitted, &resolved.field_key, resolved.flags, &target.binding, &envelope)?;
        let mut out = Vec::new();
        self.seal(&newest, resolved.flags, &target.binding, &Value::decrypted(&old), &mut out)?;
        self.charge(&newest, 1, old.as_bytes().len() as u64).await?;
        Ok(Reencrypted::New(out))
    }

    /// Decryption proper: takes both proofs and compares them with the operation at hand.
    fn decrypt_admitted(
        &self,
        authorized: Authorized<Decrypt>,
        recorded: Recorded,
        operation: OperationDigest,
        resolved: &ResolvedKey,
        target: &Target<'_>,
        envelope: &Envelope<'_>,
    ) -> Result<Plaintext, EngineError> {
        let admitted = admit(authorized, recorded, operation)?;
        open(&admitted, &resolved.field_key, resolved.flags, &target.binding, envelope)
    }

    async fn prove<O: Op>(
        &self,
        epoch: u64,
        (resolved, under): (&ResolvedKey, Under),
        target: &Target<'_>,
    ) -> Result<((Authorized<O>, Recorded), OperationDigest), EngineError> {
        let mut items = self.items::<O>(epoch)?;
        let mut same = items.twin();
        resolved.add_to(&mut items, under, &target.binding)?;
        resolved.add_to(&mut same, under, &target.binding)?;
        let keys = [resolved.version_name.clone()];
        let about = Subject { epoch, keys: &keys, change: None };
        let permit = self.permit::<O>(items, &about).await?;
        Ok((permit.into_proofs(), same.digest()))
    }

    async fn resolve_target(
        &self,
        target: &Target<'_>,
        envelope: &Envelope<'_>,
    ) -> Result<(ResolvedKey, Arc<LoadedKey>), EngineError> {
        let definition = self.definition(target.scope).await?;
        let flags = decrypting_flags(definition.as_ref(), target)?;
        let key_name = definition.as_ref().map(|d| d.key.as_str());
        let subject = self.subject_of(target).await?;
        let class = class_of(definition.as_ref());
        self.resolve_decrypting(target.scope, key_name, flags, (&class, subject), envelope).await
    }

    /// The subject of a target, made if there is none yet.
    pub(crate) async fn subject_to_encrypt_for(
        &self,
        target: &Target<'_>,
    ) -> Result<Option<Arc<SubjectKeys>>, EngineError> {
        let Some(subject) = target.subject else { return Ok(None) };
        self.ensure_subjects(target.scope.tenant(), &BTreeSet::from([subject])).await?;
        self.subject(target.scope.tenant(), subject).await.map(Some)
    }

    /// The subject of a target, which must be known.
    pub(crate) async fn subject_of(
        &self,
        target: &Target<'_>,
    ) -> Result<Option<Arc<SubjectKeys>>, EngineError> {
        let Some(subject) = target.subject else { return Ok(None) };
        self.subject(target.scope.tenant(), subject).await.map(Some)
    }

    /// The field key of the primary version of key `name`; rotates first when that is due.
    pub(crate) async fn resolve_encrypting(
        &self,
        scope: &Scope,
        name: &str,
        flags: Flags,
        (class, subject): (&str, Option<Arc<SubjectKeys>>),
    ) -> Result<ResolvedKey, EngineError> {
        let key = self.load_key(scope.tenant(), name).await?;
        let key = self.rotate_if_due(key).await?;
        let version = key.encrypting()?;
        let field_key = self.field_key(&key, version, scope, subject.as_deref()).await?;
        let (version_name, class) = (key.version_name(version), class.to_owned());
        Ok(ResolvedKey { field_key, flags, version_name, class, subject })
    }

    /// The field key that an envelope's header names, after everything the header claims was held
    /// against what the store says.
    pub(crate) async fn resolve_decrypting(
        &self,
        scope: &Scope,
        key_name: Option<&str>,
        flags: Flags,
        (class, subject): (&str, Option<Arc<SubjectKeys>>),
        envelope: &Envelope<'_>,
    ) -> Result<(ResolvedKey, Arc<LoadedKey>), EngineError> {
        let header = envelope.header();
        let key = self.key_of_version(scope.tenant(), header.id).await?;
        let version: &KeyVersion = key.decrypting(header.id)?;
        let other_key = key_name.is_some_and(|name| name != key.name);
        if header.flags != flags || header.suite != version.suite || other_key {
            return Err(Error::Rejected.into());
        }
        let field_key = self.field_key(&key, version, scope, subject.as_deref()).await?;
        let version_name = key.version_name(version);
        let class = class.to_owned();
        Ok((ResolvedKey { field_key, flags, version_name, class, subject }, key))
    }

    pub(crate) async fn rotate_if_due(
        &self,
        key: Arc<LoadedKey>,
    ) -> Result<Arc<LoadedKey>, EngineError> {
        let policy = key.keyring.policy;
        let counts = policy.max_messages.is_some() || policy.max_bytes.is_some();
        let usage = match key.keyring.encrypting_version() {
            Ok(version) if counts => self.store.usage(version.id).await?,
            Ok(_) => Usage::default(),
            Err(_) => return Ok(key),
        };
        let Some(due) = key.keyring.rotation_due(usage, self.clock.now()) else { return Ok(key) };
        let reason = format!("rotation policy: {}", due.name());
        self.rotate::<Maintain>(&key.tenant, &key.name, None, Some(&reason)).await?;
        self.begin().await?;
        self.load_key(&key.tenant, &key.name).await
    }

    /// Encrypts, and verifies as the options ask, appending the binary envelope to `out`.
    pub(crate) fn seal(
        &self,
        key: &FieldKey,
        flags: Flags,
        binding: &Binding<'_>,
        value: &Value<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), EngineError> {
        let start = out.len();
        key.encrypt_into(flags, binding, None, value, &mut BufferedRandom, out)?;
        #[cfg(feature = "fault-injection")]
        if let Some(fault) = self.fault {
            fault(out);
        }
        if self.must_verify()? {
            let sealed = out.get(start..).unwrap_or_default();
            if !opens_to(key, flags, binding, sealed, value) {
                out.truncate(start);
                return Err(EngineError::VerificationFailed);
            }
        }
        Ok(())
    }

    pub(crate) fn must_verify(&self) -> Result<bool, EngineError> {
        Ok(match self.options.verify_after_encrypt {
            VerifyAfterEncrypt::Off => false,
            VerifyAfterEncrypt::Always => true,
            VerifyAfterEncrypt::Sampled => {
                let mut die = [0; 2];
                BufferedRandom.fill(&mut die).map_err(Error::from)?;
                u16::from_be_bytes(die) % 100 == 0
            }
        })
    }

    /// Counts what a key version encrypted, in the cache's limits and in the store.
    pub(crate) async fn charge(
        &self,
        key: &FieldKey,
        messages: u64,
        bytes: u64,
    ) -> Result<(), EngineError> {
        self.cache().charge(key, messages, bytes);
        self.add_usage(key.id(), Usage { messages, bytes }).await
    }

    pub(crate) async fn add_usage(
        &self,
        id: KeyVersionId,
        usage: Usage,
    ) -> Result<(), EngineError> {
        Ok(self.store.add_usage(id, usage).await?)
    }
}

/// The only call of the core's decryption on real data; [`Admitted`] is made by [`admit`] alone.
pub(crate) fn open(
    _admitted: &Admitted,
    key: &FieldKey,
    flags: Flags,
    binding: &Binding<'_>,
    envelope: &Envelope<'_>,
) -> Result<Plaintext, EngineError> {
    Ok(key.decrypt(flags, binding, envelope)?)
}

/// Whether a fresh envelope gives back what went in. Nothing leaves this function.
fn opens_to(
    key: &FieldKey,
    flags: Flags,
    binding: &Binding<'_>,
    sealed: &[u8],
    value: &Value<'_>,
) -> bool {
    Envelope::parse(sealed)
        .and_then(|envelope| key.decrypt(flags, binding, &envelope))
        .is_ok_and(|p| p.value_type() == value.value_type() && p.as_bytes() == value.as_bytes())
}

/// The class that policies know a field's values by.
pub(crate) fn class_of(definition: Option<&FieldDefinition>) -> String {
    definition.map_or(UNCLASSIFIED, |definition| &definition.class).to_owned()
}

/// Adds one value to what is decided on and recorded: its context, which is sealed under the
/// subject's own key when the value is a subject's.
pub(crate) fn add_value(
    items: &mut OperationItems,
    under: Under,
    (scope, class, subject): (&Scope, &str, Option<&SubjectKeys>),
    binding: &Binding<'_>,
) -> Result<(), EngineError> {
    let Some(subject) = subject else {
        return Ok(items.add_value_of(under, scope, binding, class)?);
    };
    let mut context = Vec::with_capacity(128);
    encode_into(scope, Some(subject.subject()), binding, &mut context)?;
    Ok(items.add_of_subject(under, &context, subject.audit(), class)?)
}

/// The flags a definition demands, or the default: bound to a record unless the caller says not.
pub(crate) fn encrypting_flags(
    definition: Option<&FieldDefinition>,
    target: &Target<'_>,
) -> Result<Flags, EngineError> {
    let has_record = target.binding.record.is_some();
    let has_subject = target.subject.is_some();
    match definition {
        Some(d) if d.flags.subject_bound() && !has_subject => Err(EngineError::SubjectRequired),
        Some(d) if !d.flags.subject_bound() && has_subject => Err(EngineError::SubjectNotBound),
        Some(d) if d.flags.record_bound() && !has_record => Err(EngineError::RecordRequired),
        Some(d) if !d.flags.record_bound() && has_record => Err(EngineError::RecordNotBound),
        Some(d) => Ok(d.flags),
        None if has_record && target.no_record => Err(EngineError::RecordAndNoRecord),
        None if has_record || target.no_record => {
            Ok(Flags::new(false, has_record, false, has_subject)?)
        }
        None => Err(EngineError::RecordRequired),
    }
}

/// As for encrypting, but a record or subject where none is bound gets the one opaque answer.
pub(crate) fn decrypting_flags(
    definition: Option<&FieldDefinition>,
    target: &Target<'_>,
) -> Result<Flags, EngineError> {
    match encrypting_flags(definition, target) {
        Err(
            EngineError::RecordNotBound
            | EngineError::RecordAndNoRecord
            | EngineError::SubjectNotBound,
        ) => Err(Error::Rejected.into()),
        other => other,
    }
}

pub(crate) fn key_name(
    definition: Option<&FieldDefinition>,
    key: Option<&str>,
    otherwise: &str,
    scope: &Scope,
) -> Result<String, EngineError> {
    match (definition, key) {
        (Some(d), Some(key)) if d.key != key => Err(EngineError::FieldConflict {
            collection: scope.collection().to_owned(),
            field: scope.field().to_owned(),
        }),
        (Some(d), _) => Ok(d.key.clone()),
        (None, key) => Ok(key.unwrap_or(otherwise).to_owned()),
    }
}

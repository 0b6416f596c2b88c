//! Which key and flags a stream has, and the proof that it may be used.

use crate::engine::Engine;
use crate::error::EngineError;
use crate::fields::{FieldDefinition, Target, add_value, class_of};
use crate::fields::{decrypting_flags, encrypting_flags, key_name};
use crate::gate::{Admitted, Subject, admit};
use crate::keys::SubjectKeys;
use medseal_core::Error;
use medseal_core::context::Binding;
use medseal_core::operation::{OperationItems, Under};
use medseal_core::stream::{StreamFlags, StreamHeader, StreamKey};
use medseal_policy::{Encrypt, Op};
use std::sync::Arc;

/// The key of files when a definition and the caller name none.
pub const DEFAULT_FILE_KEY: &str = "files";
/// The collection of files when the caller names none.
pub const DEFAULT_COLLECTION: &str = "files";
/// The field of files when the caller names none.
pub const DEFAULT_FIELD: &str = "content";

/// A stream key, ready for one file.
pub(super) struct ResolvedStream {
    pub(super) key: StreamKey,
    pub(super) flags: StreamFlags,
    pub(super) version_name: String,
    pub(super) epoch: u64,
    class: String,
    subject: Option<Arc<SubjectKeys>>,
}

impl ResolvedStream {
    fn add_to(&self, items: &mut OperationItems, binding: &Binding<'_>) -> Result<(), EngineError> {
        let of = (self.key.scope(), self.class.as_str(), self.subject.as_deref());
        add_value(items, Under::Version(self.key.id()), of, binding)
    }
}

impl Engine {
    /// The key that encrypts at `target`, after its use was decided on and recorded.
    pub(super) async fn stream_for_encrypting(
        &self,
        target: &Target<'_>,
        key: Option<&str>,
    ) -> Result<ResolvedStream, EngineError> {
        self.begin().await?;
        let definition = self.definition(target.scope).await?;
        let flags = StreamFlags::of_definition(encrypting_flags(definition.as_ref(), target)?)?;
        let name = key_name(definition.as_ref(), key, DEFAULT_FILE_KEY, target.scope)?;
        let subject = self.subject_to_encrypt_for(target).await?;
        let loaded = self.load_key(target.scope.tenant(), &name).await?;
        let loaded = self.rotate_if_due(loaded).await?;
        let version = loaded.encrypting()?;
        let key = self.stream_key(&loaded, version, target.scope, subject.as_deref()).await?;
        let version_name = loaded.version_name(version);
        let epoch = self.begin().await?;
        let class = class_of(definition.as_ref());
        let resolved = ResolvedStream { key, flags, version_name, epoch, class, subject };
        let mut items = self.items::<Encrypt>(epoch)?;
        resolved.add_to(&mut items, &target.binding)?;
        let keys = [resolved.version_name.clone()];
        let about = Subject { epoch, keys: &keys, change: None };
        let permit = self.permit::<Encrypt>(items, &about).await?;
        let _encryption_is_recorded = permit.into_proofs();
        Ok(resolved)
    }

    /// The key that a header names, after everything it claims was held against the store.
    pub(super) async fn stream_for_opening(
        &self,
        target: &Target<'_>,
        header: StreamHeader,
    ) -> Result<ResolvedStream, EngineError> {
        let epoch = self.begin().await?;
        let definition = self.definition(target.scope).await?;
        let flags = required_flags(definition.as_ref(), target)?;
        let loaded = self.key_of_version(target.scope.tenant(), header.id).await?;
        let version = loaded.decrypting(header.id)?;
        let other_key = definition.as_ref().is_some_and(|d| d.key != loaded.name);
        if header.flags != flags || other_key {
            return Err(Error::Rejected.into());
        }
        let subject = self.subject_of(target).await?;
        let key = self.stream_key(&loaded, version, target.scope, subject.as_deref()).await?;
        let version_name = loaded.version_name(version);
        let class = class_of(definition.as_ref());
        Ok(ResolvedStream { key, flags, version_name, epoch, class, subject })
    }

    /// Decides, records, and compares both with the operation at hand.
    pub(super) async fn prove_stream<O: Op>(
        &self,
        resolved: &ResolvedStream,
        target: &Target<'_>,
    ) -> Result<Admitted, EngineError> {
        let epoch = resolved.epoch;
        let mut items = self.items::<O>(epoch)?;
        let mut same = items.twin();
        resolved.add_to(&mut items, &target.binding)?;
        resolved.add_to(&mut same, &target.binding)?;
        let keys = [resolved.version_name.clone()];
        let about = Subject { epoch, keys: &keys, change: None };
        let permit = self.permit::<O>(items, &about).await?;
        let (authorized, recorded) = permit.into_proofs();
        admit(authorized, recorded, same.digest())
    }
}

/// A definition that no stream can satisfy rejects every stream.
fn required_flags(
    definition: Option<&FieldDefinition>,
    target: &Target<'_>,
) -> Result<StreamFlags, EngineError> {
    let flags = decrypting_flags(definition, target)?;
    StreamFlags::of_definition(flags).map_err(|_| Error::Rejected.into())
}

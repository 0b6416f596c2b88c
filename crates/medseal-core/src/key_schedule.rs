//! The key schedule below a key version: KEK → DEK → field key and stream key.
//!
//! ```text
//! tenant DEK   KDF(KEK, "medseal/v1/dek-tenant",  kvid8 ‖ LP(tenant))
//! subject DEK  KDF(KEK, "medseal/v1/dek-subject", kvid8 ‖ LP(tenant) ‖ LP(subject) ‖ S32)
//! K_field      KDF(DEK, "medseal/v1/k-field",     LP(collection) ‖ LP(field))
//! K_stream     KDF(DEK, "medseal/v1/k-stream",    LP(collection) ‖ LP(field))
//! ```
//! A [`FieldKey`] carries the scope it was derived for, its key-version id and its suite. So the
//! context that is bound cannot name another field than the key belongs to, and a header that
//! claims another key version or suite is refused before anything is derived from it.

use crate::context::{Scope, Subject};
use crate::kdf::{Label, derive};
use crate::length_prefix::length_prefixed;
use crate::primitives::hmac_sha256::HmacKey;
use crate::secret::{Kek, SubjectSecret};
use crate::stream::{METADATA_SUITE, StreamKey};
use crate::wiped::Kept;
use crate::{Error, KeyVersionId, MisuseKind, Suite};

/// The data key of a tenant, or of one subject of a tenant, under one key version.
pub struct Dek {
    hmac: HmacKey,
    id: KeyVersionId,
    suite: Suite,
    tenant: String,
    subject: Option<Subject>,
}

/// The key of one field: the only secret the hot path holds, and the only one ever leased.
pub struct FieldKey {
    pub(crate) hmac: HmacKey,
    id: KeyVersionId,
    suite: Suite,
    scope: Scope,
    subject: Option<Subject>,
}

impl Kek {
    /// Derives the tenant's data key.
    pub fn tenant_dek(&self, id: KeyVersionId, suite: Suite, tenant: &str) -> Dek {
        let context = length_prefixed(&[tenant.as_bytes()]);
        let dek =
            derive::<32>(&HmacKey::new(self.expose_bytes()), Label::DekTenant, &[&id.0, &context]);
        Dek { hmac: HmacKey::new(&dek), id, suite, tenant: tenant.to_owned(), subject: None }
    }

    /// Derives the data key of one subject.
    ///
    /// With the subject's secret in the message, HMAC serves as a dual PRF: without either the KEK
    /// or the secret nothing is derived.
    ///
    /// # Errors
    /// [`MisuseKind::ContextValueLength`] for an empty or over-long subject.
    pub fn subject_dek(
        &self,
        id: KeyVersionId,
        suite: Suite,
        tenant: &str,
        subject: &str,
        secret: &SubjectSecret,
    ) -> Result<Dek, Error> {
        let subject = Subject::new(subject)?;
        let names = length_prefixed(&[tenant.as_bytes(), subject.as_str().as_bytes()]);
        let dek = derive::<32>(
            &HmacKey::new(self.expose_bytes()),
            Label::DekSubject,
            &[&id.0, &names, secret.expose_bytes()],
        );
        let hmac = HmacKey::new(&dek);
        Ok(Dek { hmac, id, suite, tenant: tenant.to_owned(), subject: Some(subject) })
    }
}

impl Dek {
    /// Derives the key of the field that `scope` names.
    ///
    /// # Errors
    /// [`MisuseKind::KeyLevel`] when the scope belongs to another tenant.
    pub fn field_key(&self, scope: Scope) -> Result<FieldKey, Error> {
        let key = self.derive_for(Label::KField, &scope)?;
        Ok(FieldKey {
            hmac: HmacKey::new(&key),
            id: self.id,
            suite: self.suite,
            scope,
            subject: self.subject.clone(),
        })
    }

    /// Derives the key of the streams of one field, with the field key of their metadata inside.
    ///
    /// # Errors
    /// [`MisuseKind::KeyLevel`] when the scope belongs to another tenant, or when the key version
    /// is not of the suite that metadata has.
    pub fn stream_key(&self, scope: Scope) -> Result<StreamKey, Error> {
        if self.suite != METADATA_SUITE {
            return Err(MisuseKind::KeyLevel.into());
        }
        let key = self.derive_for(Label::KStream, &scope)?;
        Ok(StreamKey::new(HmacKey::new(&key), self.field_key(scope)?))
    }

    fn derive_for(&self, label: Label, scope: &Scope) -> Result<Kept<32>, Error> {
        if scope.tenant() != self.tenant {
            return Err(MisuseKind::KeyLevel.into());
        }
        let names = length_prefixed(&[scope.collection().as_bytes(), scope.field().as_bytes()]);
        Ok(derive::<32>(&self.hmac, label, &[&names]))
    }
}

impl FieldKey {
    /// A key from raw bytes, for known answers and for keys that were leased.
    ///
    /// # Errors
    /// [`MisuseKind::ContextValueLength`] for an empty or over-long subject.
    pub fn from_bytes(
        key: &[u8; 32],
        id: KeyVersionId,
        suite: Suite,
        scope: Scope,
        subject: Option<&str>,
    ) -> Result<Self, Error> {
        let subject = subject.map(Subject::new).transpose()?;
        Ok(Self { hmac: HmacKey::new(key), id, suite, scope, subject })
    }

    /// The key version this key belongs to.
    pub fn id(&self) -> KeyVersionId {
        self.id
    }

    /// The suite of that key version.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Tenant, collection and field.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The subject whose key this is; none for a key of the tenant.
    pub fn subject(&self) -> Option<&Subject> {
        self.subject.as_ref()
    }
}

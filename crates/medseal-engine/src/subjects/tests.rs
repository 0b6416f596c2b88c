//! Month keys that are kept somewhere for ever: an erasure then is live only, and says so.

use super::SubjectName;
use crate::fields::Target;
use crate::{Engine, EngineError, Environment, Home, Options, RootChoice};
use async_trait::async_trait;
use medseal_core::Random;
use medseal_core::context::{Binding, Scope};
use medseal_core::envelope::Value;
use medseal_core::secret::EpochKey;
use medseal_core::stored_secret::Month;
use medseal_kms::{EpochKeyDirectory, EpochKeys, KmsError};
use pollster::block_on;

/// A provider with versions or backups of its own.
struct Remembering(EpochKeyDirectory);

#[async_trait]
impl EpochKeys for Remembering {
    async fn get(&self, month: Month) -> Result<EpochKey, KmsError> {
        self.0.get(month).await
    }

    async fn get_or_create(
        &self,
        month: Month,
        random: &mut (dyn Random + Send),
    ) -> Result<EpochKey, KmsError> {
        self.0.get_or_create(month, random).await
    }

    async fn destroy(&self, month: Month) -> Result<(), KmsError> {
        self.0.destroy(month).await
    }

    fn forgets(&self) -> bool {
        false
    }

    async fn months(&self) -> Result<Vec<Month>, KmsError> {
        self.0.months().await
    }
}

fn engine(home: &Home) -> Engine {
    let nobody = || Err(EngineError::PassphraseNeeded);
    block_on(home.open(nobody, Options::default())).unwrap()
}

#[test]
fn where_nothing_is_forgotten_an_erasure_is_live_only() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::at(directory.path().join("home"));
    block_on(home.init(RootChoice::KeyFile, Environment::Development)).unwrap();
    for forgets in [true, false] {
        let mut engine = engine(&home);
        if !forgets {
            engine.epochs = Box::new(Remembering(EpochKeyDirectory::new(home.epochs())));
        }
        let id = format!("patient-{forgets}");
        let scope = Scope::new("default", "patients", "name").unwrap();
        let binding = Binding::record("r");
        let target = Target { scope: &scope, binding, subject: Some(&id), no_record: false };
        block_on(engine.encrypt_value(&target, None, &Value::string("Doe"))).unwrap();
        let subject = SubjectName { tenant: "default", id: &id };
        let erased = block_on(engine.erase_subject(subject, "request")).unwrap();
        assert_eq!(erased.complete.is_some(), forgets);
        assert_eq!(erased.certificate.contains("\ncomplete never\n"), !forgets);
        let report = engine.verify_own_certificate(&erased.certificate, None).unwrap();
        assert_eq!((report.complete.is_some(), report.is_complete), (forgets, false));
    }
}

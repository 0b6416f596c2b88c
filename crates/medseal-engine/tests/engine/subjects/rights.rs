//! Subjects under a policy: who encrypts for a patient need not be allowed to erase one.

use super::{JANE, erase, hold, of, release};
use crate::support::{DAY, code, decrypt, encrypt, fixture, scope};
use medseal_engine::principals::{AccessToken, Kind, NewPrincipal, Occasion};
use medseal_engine::subjects::DisclosureFilter;
use medseal_engine::{Engine, EngineError, Options};
use pollster::block_on;

const POLICY: &str = r#"
policy = 1
name = "ward"
default_purpose = "treatment"
roles = ["registrar", "lawyer"]

[[rule]]
id = "apps-write"
effect = "allow"
roles = ["encryptor"]
operations = ["encrypt"]

[[rule]]
id = "registrars-forget"
effect = "allow"
roles = ["registrar"]
operations = ["erase-subject", "read-disclosures"]

[[rule]]
id = "lawyers-keep"
effect = "allow"
roles = ["lawyer"]
operations = ["hold-subject"]

[[rule]]
id = "nothing-is-forgotten-for-research"
effect = "forbid"
operations = ["erase-subject"]
purposes = ["research"]
"#;

#[test]
fn each_may_do_to_a_patients_data_what_the_policy_lets_them() {
    let f = fixture();
    block_on(f.engine.set_policy(POLICY)).unwrap();
    let as_whom = |name: &str, role: &str| -> Engine {
        let person = NewPrincipal { name, kind: Kind::Person, tenant: None, os_user: None };
        block_on(f.engine.create_principal(&person, None)).unwrap();
        block_on(f.engine.grant_role(name, role)).unwrap();
        let token = block_on(f.engine.create_token(name, 30 * DAY)).unwrap();
        let occasion = Occasion { token: AccessToken::parse(&token.text), ..Occasion::default() };
        let nobody = || Err(EngineError::PassphraseNeeded);
        let clock = Box::new(f.clock.clone());
        block_on(f.home.open_on(nobody, Options::default(), occasion, clock)).unwrap()
    };
    let (app, registrar, lawyer) =
        (as_whom("app", "encryptor"), as_whom("rita", "registrar"), as_whom("leo", "lawyer"));
    let scope = scope("patients", "last_name");
    // the subject's row comes with the first value, and asks for no right of its own
    let envelope = encrypt(&app, &of(&scope, JANE), "Doe");
    assert_eq!(decrypt(&app, &of(&scope, JANE), &envelope), Err("DENIED"));
    let read =
        |engine: &Engine| code(block_on(engine.disclosures(JANE, &DisclosureFilter::default())));
    for stranger in [&app, &lawyer] {
        assert_eq!(erase(stranger, JANE), Err("DENIED"));
        assert_eq!(read(stranger), "DENIED");
    }
    for stranger in [&app, &registrar] {
        assert_eq!(hold(stranger, JANE, "case-1"), "DENIED");
    }
    assert_eq!(hold(&lawyer, JANE, "case-1"), "OK");
    assert_eq!(erase(&registrar, JANE), Err("SUBJECT_HELD"));
    assert_eq!(release(&registrar, JANE, "case-1"), "DENIED");
    assert_eq!(release(&lawyer, JANE, "case-1"), "OK");
    assert_eq!(read(&registrar), "OK");
    assert_eq!(decrypt(&f.engine, &of(&scope, JANE), &envelope).as_deref(), Ok("Doe"));
    assert!(erase(&registrar, JANE).is_ok());
    assert_eq!(decrypt(&f.engine, &of(&scope, JANE), &envelope), Err("SUBJECT_ERASED"));
}

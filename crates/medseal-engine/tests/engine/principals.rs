//! Principals, roles, tokens and the policy, through the gate.

use crate::support::{
    DAY, Fixture, bound, code, decrypt, encrypt, fixture, open, operations, scope,
};
use medseal_engine::fields::FieldDefinition;
use medseal_engine::ledger::{EntryFilter, EntrySummary, list_entries};
use medseal_engine::principals::{
    AccessToken, Kind, NewPrincipal, Occasion, Operation, Purpose, Simulation, check_policy,
};
use medseal_engine::{Engine, EngineError, Environment, Flags, Home, Options, RootChoice, Value};
use pollster::block_on;
use rusqlite::Connection;

pub(crate) const CLINIC: &str = r#"
policy = 1
name = "clinic"
default_purpose = "treatment"
roles = ["nurse"]

[[rule]]
id = "nurses-call"
effect = "allow"
roles = ["nurse"]
operations = ["decrypt"]
purposes = ["treatment"]
classes = ["phone"]

[[rule]]
id = "apps-write"
effect = "allow"
roles = ["encryptor"]
operations = ["encrypt"]

[[rule]]
id = "admins-govern"
effect = "allow"
roles = ["admin"]
operations = ["manage-principals", "manage-policy", "read-principals"]
"#;

/// A home with the policy, a nurse and an app, each with a token.
struct Clinic {
    fixture: Fixture,
    nurse: String,
    app: String,
}

fn clinic() -> Clinic {
    let fixture = fixture();
    block_on(fixture.engine.set_policy(CLINIC)).unwrap();
    let nurse = with_token(&fixture.engine, "nadia", "nurse");
    let app = with_token(&fixture.engine, "app", "encryptor");
    for class in ["phone", "ssn"] {
        let definition = FieldDefinition {
            key: "default".to_owned(),
            class: class.to_owned(),
            flags: Flags::new(false, true, false, false).unwrap(),
            placement: "inline".to_owned(),
            profile: None,
        };
        let scope = scope("patient", class);
        block_on(fixture.engine.define_field(&scope, &definition)).unwrap();
    }
    Clinic { fixture, nurse, app }
}

fn person<'a>(name: &'a str, os_user: Option<u32>) -> NewPrincipal<'a> {
    NewPrincipal { name, kind: Kind::Person, tenant: None, os_user }
}

fn with_token(engine: &Engine, name: &str, role: &str) -> String {
    block_on(engine.create_principal(&person(name, None), None)).unwrap();
    block_on(engine.grant_role(name, role)).unwrap();
    block_on(engine.create_token(name, 30 * DAY)).unwrap().text.to_string()
}

fn showing(token: &str) -> Occasion {
    Occasion { token: AccessToken::parse(token), ..Occasion::default() }
}

fn open_on(fixture: &Fixture, occasion: Occasion) -> Result<Engine, EngineError> {
    let nobody = || Err(EngineError::PassphraseNeeded);
    let clock = Box::new(fixture.clock.clone());
    block_on(fixture.home.open_on(nobody, Options::default(), occasion, clock))
}

fn last_entry(home: &Home) -> EntrySummary {
    let mut last = None;
    list_entries(&home.audit(), &EntryFilter::default(), |entry| {
        // a change is followed by where the store stands then
        if entry.operation != "store-state" {
            last = Some(entry);
        }
        Ok(())
    })
    .unwrap();
    last.unwrap()
}

fn me() -> u32 {
    // SAFETY: getuid cannot fail and touches no memory.
    #[expect(unsafe_code, reason = "the tests need to know who runs them")]
    unsafe {
        libc::geteuid()
    }
}

#[test]
fn a_nurse_decrypts_phone_and_not_ssn_and_the_log_says_by_which_rule() {
    let clinic = clinic();
    let (phone, ssn) = (scope("patient", "phone"), scope("patient", "ssn"));
    let sealed =
        [&phone, &ssn].map(|scope| encrypt(&clinic.fixture.engine, &bound(scope, "17"), "v"));
    let case = Some("4711".to_owned());
    let nurse = open_on(&clinic.fixture, Occasion { case, ..showing(&clinic.nurse) }).unwrap();
    assert_eq!(decrypt(&nurse, &bound(&phone, "17"), &sealed[0]), Ok("v".to_owned()));
    let entry = last_entry(&clinic.fixture.home);
    let (rule, purpose) = (entry.rule.as_deref(), entry.purpose.as_deref());
    assert_eq!((rule, purpose), (Some("nurses-call"), Some("treatment")));
    assert_eq!(entry.principal.as_deref(), Some("nadia"));
    let shown = block_on(clinic.fixture.engine.list_principals(Some("nadia"))).unwrap();
    assert_eq!(entry.principal_id.as_ref(), Some(&shown[0].id));

    let denied = block_on(nurse.decrypt_value(&bound(&ssn, "17"), &sealed[1])).err().unwrap();
    let entry = last_entry(&clinic.fixture.home);
    assert_eq!((entry.outcome, entry.rule), (Some("denied"), None));
    assert!(denied.to_string().contains(&entry.decision.unwrap()), "{denied}");
    assert_eq!(denied.code(), "DENIED");
    // the case stands in the details alone
    let shown = block_on(clinic.fixture.engine.show_entry(entry.index, true)).unwrap();
    assert_eq!(shown.case.as_deref(), Some("4711"));
    drop(nurse);
    let segments = std::fs::read_dir(clinic.fixture.home.audit().join("segments")).unwrap();
    for segment in segments.flatten() {
        let bytes = std::fs::read(segment.path()).unwrap();
        assert!(!bytes.windows(4).any(|w| w == b"4711"), "{:?}", segment.path());
    }
}

#[test]
fn an_app_encrypts_and_neither_decrypts_nor_changes_anything() {
    let clinic = clinic();
    let app = open_on(&clinic.fixture, showing(&clinic.app)).unwrap();
    let phone = scope("patient", "phone");
    let sealed = encrypt(&app, &bound(&phone, "17"), "v");
    assert_eq!(decrypt(&app, &bound(&phone, "17"), &sealed), Err("DENIED"));
    let before = operations(&clinic.fixture.home).len();
    assert_eq!(code(block_on(app.rotate_key("default", "default", None, None))), "DENIED");
    assert_eq!(code(block_on(app.grant_role("app", "admin"))), "DENIED");
    assert_eq!(code(block_on(app.create_token("app", DAY)).map(drop)), "DENIED");
    assert_eq!(code(block_on(app.set_policy(CLINIC))), "DENIED");
    assert_eq!(code(block_on(app.list_principals(None))), "DENIED");
    assert_eq!(code(block_on(app.show_policy())), "DENIED");
    assert_eq!(operations(&clinic.fixture.home).len(), before + 6, "each denial is recorded");
    let new = person("other", None);
    assert_eq!(code(block_on(app.create_principal(&new, None))), "DENIED");
    assert_eq!(code(block_on(app.disable_principal("nadia", None))), "DENIED");
    let principals = block_on(clinic.fixture.engine.list_principals(None)).unwrap();
    let roles: Vec<_> = principals.iter().map(|p| (p.name.as_str(), p.roles.join(","))).collect();
    assert_eq!(roles, [("app", "encryptor".to_owned()), ("nadia", "nurse".to_owned())]);
}

/// A definition fixes the class of a field for ever, so an app does not make one by the way; nor does
/// the profile that somebody decrypts with say of which class a field is.
#[test]
fn classes_come_from_definitions_and_not_from_callers() {
    use medseal_engine::health::Profile;
    use medseal_engine::records::{Action, Job};
    let clinic = clinic();
    let engine = &clinic.fixture.engine;
    let profile = |class: &str| {
        let text = format!(
            "profile = \"p\"\nrevision = 1\n[document]\ncollection = \"visit\"\nrecord = {{ path = \"id\" }}\n\
             [[rule]]\npaths = [\"note\"]\nplacement = \"inline\"\nclass = \"{class}\"\n"
        );
        std::sync::Arc::new(Profile::from_toml(&text).unwrap())
    };
    let run = |engine: &Engine, action: Action, class: &str, input: &[u8]| {
        let mut out = Vec::new();
        let job = Job::new(action, profile(class), "default");
        block_on(engine.run_records(&job, &mut &input[..], &mut out, &mut |_| {}))
            .map(|_| out)
            .map_err(|error| error.code())
    };
    let document = br#"{"id":"17","note":"secret"}"#;
    let app = open_on(&clinic.fixture, showing(&clinic.app)).unwrap();
    assert_eq!(run(&app, Action::Encrypt, "phone", document), Err("DENIED"));
    // not registered: a single value under the same field
    let target = scope("visit", "note");
    let sealed = encrypt(engine, &bound(&target, "17"), "secret");
    let text = String::from_utf8(medseal_engine::inspect::to_text(&sealed).into()).unwrap();
    let document = format!(r#"{{"id":"17","note":"{text}"}}"#);
    let nurse = open_on(&clinic.fixture, showing(&clinic.nurse)).unwrap();
    assert_eq!(run(&nurse, Action::Decrypt, "phone", document.as_bytes()), Err("DENIED"));
}

#[test]
fn tokens_end_by_time_by_revocation_and_with_their_holder() {
    let clinic = clinic();
    let Fixture { engine, clock, home, .. } = &clinic.fixture;
    let phone = scope("patient", "phone");
    let sealed = encrypt(engine, &bound(&phone, "17"), "v");
    let token = |name: &str| block_on(engine.create_token(name, DAY)).unwrap();
    let (short, revoked) = (token("nadia"), token("nadia"));
    let opened = [&short, &revoked].map(|t| open_on(&clinic.fixture, showing(&t.text)).unwrap());
    assert!(opened.iter().all(|e| decrypt(e, &bound(&phone, "17"), &sealed).is_ok()));
    block_on(engine.revoke_token(&revoked.summary.id)).unwrap();
    block_on(engine.revoke_token(&revoked.summary.id)).unwrap();
    assert_eq!(decrypt(&opened[1], &bound(&phone, "17"), &sealed), Err("TOKEN_REJECTED"));
    assert!(decrypt(&opened[0], &bound(&phone, "17"), &sealed).is_ok());
    clock.advance(DAY - 1);
    assert!(decrypt(&opened[0], &bound(&phone, "17"), &sealed).is_ok());
    clock.advance(1);
    assert_eq!(decrypt(&opened[0], &bound(&phone, "17"), &sealed), Err("TOKEN_REJECTED"));
    let entry = last_entry(home);
    assert_eq!((entry.operation.as_str(), entry.outcome), ("authenticate", Some("denied")));
    assert_eq!(entry.principal, Some(format!("os-user:{}", me())));
    let states: Vec<_> = block_on(engine.list_tokens(Some("nadia"))).unwrap();
    let states: Vec<_> = states.iter().map(|token| token.state).collect();
    assert_eq!(
        (states.len(), states.contains(&"expired"), states.contains(&"revoked")),
        (3, true, true)
    );

    let nurse = open_on(&clinic.fixture, showing(&clinic.nurse)).unwrap();
    block_on(engine.disable_principal("nadia", Some("left"))).unwrap();
    assert_eq!(decrypt(&nurse, &bound(&phone, "17"), &sealed), Err("TOKEN_REJECTED"));
    assert_eq!(code(open_on(&clinic.fixture, showing(&clinic.nurse))), "TOKEN_REJECTED");
    assert_eq!(code(block_on(engine.create_token("nadia", DAY)).map(drop)), "PRINCIPAL_DISABLED");
    // a token of another home, and one that nobody made
    let other = self::clinic();
    assert_eq!(code(open_on(&clinic.fixture, showing(&other.nurse))), "TOKEN_REJECTED");
    assert_eq!(code(block_on(engine.revoke_token("0000000000000000"))), "TOKEN_NOT_FOUND");
}

#[test]
fn the_store_keeps_no_token() {
    let clinic = clinic();
    let inner = clinic.nurse.strip_prefix("mst_").unwrap();
    for file in std::fs::read_dir(clinic.fixture.home.path()).unwrap().flatten() {
        let Ok(bytes) = std::fs::read(file.path()) else { continue };
        assert!(!bytes.windows(inner.len()).any(|w| w == inner.as_bytes()), "{:?}", file.path());
    }
}

#[test]
fn a_role_that_is_revoked_is_gone_in_processes_that_run() {
    let clinic = clinic();
    let phone = scope("patient", "phone");
    let sealed = encrypt(&clinic.fixture.engine, &bound(&phone, "17"), "v");
    let nurse = open_on(&clinic.fixture, showing(&clinic.nurse)).unwrap();
    assert!(decrypt(&nurse, &bound(&phone, "17"), &sealed).is_ok());
    block_on(clinic.fixture.engine.revoke_role("nadia", "nurse")).unwrap();
    assert_eq!(decrypt(&nurse, &bound(&phone, "17"), &sealed), Err("DENIED"));
    block_on(clinic.fixture.engine.grant_role("nadia", "nurse")).unwrap();
    assert!(decrypt(&nurse, &bound(&phone, "17"), &sealed).is_ok());
    // so is a rule that is no more
    let without = CLINIC.replace("\"phone\"", "\"fax\"");
    block_on(clinic.fixture.engine.set_policy(&without)).unwrap();
    assert_eq!(decrypt(&nurse, &bound(&phone, "17"), &sealed), Err("DENIED"));
}

#[test]
fn names_roles_and_users_are_checked() {
    let engine = &fixture().engine;
    let create =
        |name: &str, os_user| code(block_on(engine.create_principal(&person(name, os_user), None)));
    assert_eq!(create("nadia", Some(4711)), "OK");
    assert_eq!(create("nadia", None), "PRINCIPAL_EXISTS");
    assert_eq!(create("other", Some(4711)), "OS_USER_TAKEN");
    for name in ["", "Nadia", "a b", "os-user:0", "a/b"] {
        assert_eq!(create(name, None), "NAME_INVALID", "{name}");
    }
    assert_eq!(code(block_on(engine.grant_role("nobody", "admin"))), "PRINCIPAL_NOT_FOUND");
    assert_eq!(code(block_on(engine.grant_role("nadia", "nurse"))), "ROLE_UNKNOWN");
    assert_eq!(code(block_on(engine.grant_role("nadia", "owner"))), "ROLE_UNKNOWN");
    assert_eq!(code(block_on(engine.revoke_role("nadia", "auditor"))), "ROLE_UNKNOWN");
    assert_eq!(code(block_on(engine.grant_role("nadia", "auditor"))), "OK");
    // a name and its user are given once, the user again when the principal is disabled
    block_on(engine.disable_principal("nadia", None)).unwrap();
    assert_eq!(create("nadia", None), "PRINCIPAL_EXISTS");
    assert_eq!(create("other", Some(4711)), "OK");
    assert_eq!(code(block_on(engine.set_policy("policy = 2"))), "POLICY_SYNTAX");
    assert_eq!(code(check_policy("policy = 1\nname = \"x\"\nroles = []")), "POLICY_EMPTY");
}

/// The mark of a governed home stands in a row without which no home opens.
#[test]
fn an_admin_replaces_the_built_in_owner_for_good() {
    let fixture = fixture();
    let engine = &fixture.engine;
    let target = scope("patient", "phone");
    let sealed = encrypt(engine, &bound(&target, "17"), "v");
    block_on(engine.create_principal(&person("root", Some(me())), None)).unwrap();
    // under the built-in policy an admin may do nothing: the home would be locked
    assert_eq!(code(block_on(engine.grant_role("root", "admin"))), "LAST_ADMIN");
    assert!(decrypt(engine, &bound(&target, "17"), &sealed).is_ok());
    block_on(engine.set_policy(CLINIC)).unwrap();
    // an admin who is somebody else, or nobody of this machine, replaces nobody
    block_on(engine.create_principal(&person("remote", None), None)).unwrap();
    block_on(engine.grant_role("remote", "admin")).unwrap();
    assert!(block_on(engine.show_policy()).unwrap().built_in_owner);
    assert!(decrypt(engine, &bound(&target, "17"), &sealed).is_ok());
    block_on(engine.grant_role("root", "admin")).unwrap();
    assert!(!block_on(engine.show_policy()).unwrap().built_in_owner);
    assert_eq!(decrypt(engine, &bound(&target, "17"), &sealed), Err("DENIED"));
    let entry = last_entry(&fixture.home);
    assert_eq!((entry.principal.as_deref(), entry.outcome), (Some("root"), Some("denied")));

    // nobody locks the home
    assert_eq!(code(block_on(engine.revoke_role("root", "admin"))), "LAST_ADMIN");
    assert_eq!(code(block_on(engine.disable_principal("root", None))), "LAST_ADMIN");
    let no_governing = CLINIC.replace("\"manage-policy\", ", "");
    assert_eq!(code(block_on(engine.set_policy(&no_governing))), "LAST_ADMIN");
    let with_forbid = format!(
        "{CLINIC}[[rule]]\nid = \"f\"\neffect = \"forbid\"\noperations = [\"manage-principals\"]\n"
    );
    assert_eq!(code(block_on(engine.set_policy(&with_forbid))), "LAST_ADMIN");
    block_on(engine.create_principal(&person("second", Some(4711)), None)).unwrap();
    block_on(engine.grant_role("second", "admin")).unwrap();
    block_on(engine.revoke_role("root", "admin")).unwrap();
    assert_eq!(code(block_on(engine.grant_role("root", "admin"))), "DENIED");
}

#[test]
fn deleted_rows_take_rights_away_and_give_none_back() {
    let tables = ["principals", "role_grants", "access_tokens", "policies"];
    for deleted in 0..16u8 {
        let fixture = fixture();
        let target = scope("patient", "phone");
        let sealed = encrypt(&fixture.engine, &bound(&target, "17"), "v");
        block_on(fixture.engine.set_policy(CLINIC)).unwrap();
        block_on(fixture.engine.create_principal(&person("root", Some(me())), None)).unwrap();
        block_on(fixture.engine.grant_role("root", "admin")).unwrap();
        let connection = Connection::open(fixture.home.path().join("store.sqlite")).unwrap();
        for (bit, table) in (0..).zip(tables) {
            if deleted & 1 << bit != 0 {
                connection.execute(&format!("DELETE FROM {table}"), []).unwrap();
            }
        }
        drop(connection);
        // there is no token, so a table without rows is whole
        if deleted & 0b1011 != 0 {
            let answer = first_answer(&fixture, Occasion::default());
            assert_eq!(answer, "STORE_ROLLED_BACK", "{deleted:04b}");
            continue;
        }
        let again = open(&fixture.home, &fixture.clock, Options::default()).unwrap();
        let answer = decrypt(&again, &bound(&target, "17"), &sealed);
        assert_eq!(answer, Err("DENIED"), "{deleted:04b}");
    }
}

/// What the first operation of a new process says.
fn first_answer(fixture: &Fixture, occasion: Occasion) -> &'static str {
    match open_on(fixture, occasion) {
        Ok(engine) => code(block_on(engine.list_principals(None)).map(drop)),
        Err(error) => error.code(),
    }
}

#[test]
fn edited_rows_are_refused() {
    for edit in [
        "UPDATE principals SET os_user = 1",
        "UPDATE principals SET name = 'other' WHERE name = 'nadia'",
        "UPDATE role_grants SET role = 'admin'",
        "UPDATE role_grants SET state = 'granted'",
        "UPDATE policies SET document = 'policy = 1'",
        "UPDATE root SET environment = 'development '",
        "UPDATE root SET environment = 'development governed'",
    ] {
        let clinic = clinic();
        block_on(clinic.fixture.engine.revoke_role("app", "encryptor")).unwrap();
        let connection = Connection::open(clinic.fixture.home.path().join("store.sqlite")).unwrap();
        assert!(connection.execute(edit, []).unwrap() > 0, "{edit}");
        let answer = first_answer(&clinic.fixture, Occasion::default());
        assert!(["STORE_ROW_REJECTED", "HOME_MISSING"].contains(&answer), "{edit}: {answer}");
    }
    let clinic = clinic();
    let connection = Connection::open(clinic.fixture.home.path().join("store.sqlite")).unwrap();
    connection.execute("UPDATE access_tokens SET expires_at = expires_at + 1", []).unwrap();
    assert_eq!(first_answer(&clinic.fixture, showing(&clinic.app)), "STORE_ROW_REJECTED");
}

#[test]
fn production_homes_stay_production_when_they_are_governed() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::at(directory.path().join("home"));
    block_on(home.init(RootChoice::KeyFile, Environment::Production)).unwrap();
    let open = || block_on(home.open(|| Err(EngineError::PassphraseNeeded), Options::default()));
    let engine = open().unwrap();
    block_on(engine.set_policy(CLINIC)).unwrap();
    block_on(engine.create_principal(&person("root", Some(me())), None)).unwrap();
    block_on(engine.grant_role("root", "admin")).unwrap();
    drop(engine);
    assert_eq!(open().unwrap().environment(), Environment::Production);
}

#[test]
fn who_acts_for_somebody_stands_beside_them_in_the_log() {
    let clinic = clinic();
    let (phone, ssn) = (scope("patient", "phone"), scope("patient", "ssn"));
    let sealed = [&phone, &ssn].map(|s| encrypt(&clinic.fixture.engine, &bound(s, "17"), "v"));
    let acting = |name: &str, token: Option<&str>| {
        let on_behalf_of = Some(name.to_owned());
        let token = token.and_then(AccessToken::parse);
        open_on(&clinic.fixture, Occasion { on_behalf_of, token, ..Occasion::default() })
    };
    let owner = acting("nadia", None).unwrap();
    assert!(decrypt(&owner, &bound(&phone, "17"), &sealed[0]).is_ok());
    let entry = last_entry(&clinic.fixture.home);
    assert_eq!(entry.principal, Some(format!("os-user:{}", me())));
    assert_eq!(entry.on_behalf_of.as_deref(), Some("nadia"));
    assert_eq!(
        (entry.rule.as_deref(), &*entry.more_rules),
        (Some("local-owner"), &["nurses-call".to_owned()][..])
    );
    assert_eq!(decrypt(&owner, &bound(&ssn, "17"), &sealed[1]), Err("DENIED"));
    assert_eq!(code(acting("nobody", None).map(drop)), "PRINCIPAL_NOT_FOUND");
    let app = acting("nadia", Some(&clinic.app)).unwrap();
    assert_eq!(decrypt(&app, &bound(&phone, "17"), &sealed[0]), Err("DENIED"));
}

#[test]
fn a_policy_may_ask_for_a_purpose() {
    let clinic = clinic();
    let without = CLINIC.replace("default_purpose = \"treatment\"", "");
    block_on(clinic.fixture.engine.set_policy(&without)).unwrap();
    let phone = scope("patient", "phone");
    let sealed = encrypt(&clinic.fixture.engine, &bound(&phone, "17"), "v");
    let ask = |purpose| {
        let nurse =
            open_on(&clinic.fixture, Occasion { purpose, ..showing(&clinic.nurse) }).unwrap();
        decrypt(&nurse, &bound(&phone, "17"), &sealed)
    };
    assert_eq!(ask(None), Err("PURPOSE_REQUIRED"));
    assert_eq!(ask(Some(Purpose::Research)), Err("DENIED"));
    assert_eq!(ask(Some(Purpose::Treatment)), Ok("v".to_owned()));
    for case in [String::new(), "a\nb".to_owned(), "x".repeat(1025)] {
        let occasion = Occasion { case: Some(case), ..Occasion::default() };
        assert_eq!(code(open_on(&clinic.fixture, occasion)), "CASE_INVALID");
    }
}

#[test]
fn simulating_says_what_would_be_decided_and_why_not() {
    let clinic = clinic();
    let engine = &clinic.fixture.engine;
    let ask = |engine: &Engine, principal, field| {
        block_on(engine.simulate(&Simulation {
            principal,
            operation: Operation::Decrypt,
            purpose: None,
            tenant: "default",
            collection: Some("patient"),
            field: Some(field),
            class: None,
        }))
    };
    let phone = ask(engine, Some("nadia"), "phone").unwrap();
    assert_eq!((phone.decision, &*phone.deciding), ("allowed", &["nurses-call".to_owned()][..]));
    let ssn = ask(engine, Some("nadia"), "ssn").unwrap();
    assert_eq!((ssn.decision, ssn.class.as_deref()), ("denied", Some("ssn")));
    let rules: Vec<_> = ssn.rules.iter().map(|r| (r.rule.as_str(), r.not_because_of)).collect();
    let expected = [
        ("admins-govern", Some("role")),
        ("apps-write", Some("role")),
        ("nurses-call", Some("class")),
    ];
    assert_eq!(rules, expected);
    assert_eq!(ask(engine, None, "ssn").unwrap().deciding, ["local-owner"]);
    assert_eq!(code(ask(engine, Some("nobody"), "ssn").map(drop)), "PRINCIPAL_NOT_FOUND");
    // about oneself everybody may ask, about others who may read principals
    let nurse = open_on(&clinic.fixture, showing(&clinic.nurse)).unwrap();
    assert_eq!(ask(&nurse, None, "phone").unwrap().decision, "allowed");
    assert_eq!(code(ask(&nurse, Some("app"), "phone").map(drop)), "DENIED");
}

#[test]
fn a_rotation_that_is_due_needs_no_right_to_change_keys() {
    use medseal_engine::keys::{KeyPurpose, NewKey};
    use medseal_engine::{RotationPolicy, Suite};
    let clinic = clinic();
    let policy = RotationPolicy { max_messages: Some(1), ..RotationPolicy::default() };
    let (purpose, suite) = (KeyPurpose::Field, Suite::Aes256Gcm);
    let key = NewKey { tenant: "default", name: "few", purpose, suite, policy };
    block_on(clinic.fixture.engine.create_key(&key, None)).unwrap();
    let app = open_on(&clinic.fixture, showing(&clinic.app)).unwrap();
    let target = scope("visit", "note");
    for _ in 0..2 {
        let value = Value::string("v");
        block_on(app.encrypt_value(&bound(&target, "17"), Some("few"), &value)).unwrap();
    }
    let shown = block_on(clinic.fixture.engine.show_key("default", "few")).unwrap();
    assert_eq!(shown.primary, "few@2");
    assert!(operations(&clinic.fixture.home).contains(&"maintain".to_owned()));
}

const BUDGET: &str = r#"
[[budget]]
id = "calls"
roles = ["nurse"]
operations = ["decrypt"]
counts = "values"
window = "1h"
alarm = 3
stop = 5
"#;

/// Each access by a process of its own.
#[test]
fn a_budget_holds_across_processes_and_the_log_says_when() {
    let clinic = clinic();
    let fixture = &clinic.fixture;
    block_on(fixture.engine.set_policy(&format!("{CLINIC}{BUDGET}"))).unwrap();
    let phone = scope("patient", "phone");
    let sealed = encrypt(&fixture.engine, &bound(&phone, "17"), "v");
    let once = || {
        let nurse = open_on(fixture, showing(&clinic.nurse)).unwrap();
        let answer = decrypt(&nurse, &bound(&phone, "17"), &sealed);
        (answer.err().unwrap_or("OK"), last_entry(&fixture.home))
    };
    for count in 1..=5 {
        let (answer, entry) = once();
        let alarms: &[String] = if count == 3 { &["calls".to_owned()] } else { &[] };
        assert_eq!((answer, entry.alarms.as_slice()), ("OK", alarms), "access {count}");
    }
    for _ in 0..2 {
        let (answer, entry) = once();
        assert_eq!((answer, entry.outcome), ("BUDGET_EXCEEDED", Some("denied")));
        assert_eq!(
            (&entry.alarms, &entry.more_rules),
            (&vec!["calls".to_owned()], &vec!["calls".to_owned()])
        );
    }
    // the owner is not bound, and the window moves on
    assert!(decrypt(&fixture.engine, &bound(&phone, "17"), &sealed).is_ok());
    fixture.clock.advance(3540);
    assert_eq!(once().0, "BUDGET_EXCEEDED");
    fixture.clock.advance(120);
    assert_eq!(once().0, "OK");
    let mut alarms = 0;
    let filter = EntryFilter { alarms: true, ..EntryFilter::default() };
    list_entries(&fixture.home.audit(), &filter, |_| {
        alarms += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(alarms, 4);
}

#[test]
fn a_denied_access_is_charged_to_nobody() {
    let clinic = clinic();
    let fixture = &clinic.fixture;
    block_on(fixture.engine.set_policy(&format!("{CLINIC}{BUDGET}"))).unwrap();
    let (phone, ssn) = (scope("patient", "phone"), scope("patient", "ssn"));
    let sealed = [&phone, &ssn].map(|s| encrypt(&fixture.engine, &bound(s, "17"), "v"));
    let nurse = open_on(fixture, showing(&clinic.nurse)).unwrap();
    for _ in 0..9 {
        assert_eq!(decrypt(&nurse, &bound(&ssn, "17"), &sealed[1]), Err("DENIED"));
    }
    for _ in 0..5 {
        assert!(decrypt(&nurse, &bound(&phone, "17"), &sealed[0]).is_ok());
    }
    assert_eq!(decrypt(&nurse, &bound(&phone, "17"), &sealed[0]), Err("BUDGET_EXCEEDED"));
}

const GLASS: &str = r#"
[[rule]]
id = "no-vip"
effect = "forbid"
operations = ["decrypt"]
classes = ["vip"]
absolute = true

[[rule]]
id = "auditors-review"
effect = "allow"
roles = ["auditor"]
operations = ["review-break-glass"]

[break_glass]
roles = ["nurse"]
operations = ["decrypt"]
duration = "1h"
"#;

fn emergency(token: &str, reason: &str) -> Occasion {
    Occasion { break_glass: Some(reason.to_owned()), ..showing(token) }
}

#[test]
fn an_emergency_goes_past_the_policy_for_a_while_and_in_plain_sight() {
    let clinic = clinic();
    let fixture = &clinic.fixture;
    block_on(fixture.engine.set_policy(&format!("{CLINIC}{BUDGET}{GLASS}"))).unwrap();
    let auditor = with_token(&fixture.engine, "otto", "auditor");
    let ssn = scope("patient", "ssn");
    let sealed = encrypt(&fixture.engine, &bound(&ssn, "17"), "v");
    let reason = "unconscious patient Müller";
    let nurse = open_on(fixture, emergency(&clinic.nurse, reason)).unwrap();
    let opened = last_entry(&fixture.home);
    assert_eq!((opened.operation.as_str(), opened.outcome), ("break-glass", Some("permitted")));
    let mark = opened.alarms[0].clone();
    // past the rules and past the budget of five
    for _ in 0..7 {
        assert_eq!(decrypt(&nurse, &bound(&ssn, "17"), &sealed), Ok("v".to_owned()));
    }
    let entry = last_entry(&fixture.home);
    assert_eq!(
        (entry.rule.as_deref(), entry.purpose.as_deref()),
        (Some("break-glass"), Some("emergency"))
    );
    assert!(
        entry.alarms.contains(&mark) && entry.alarms.contains(&"calls".to_owned()),
        "{entry:?}"
    );
    assert_eq!(code(block_on(nurse.rotate_key("default", "default", None, None))), "DENIED");
    // another process, the same emergency
    let again = open_on(fixture, emergency(&clinic.nurse, "still")).unwrap();
    assert!(decrypt(&again, &bound(&ssn, "17"), &sealed).is_ok());
    assert!(last_entry(&fixture.home).alarms.contains(&mark));
    fixture.clock.advance(3600);
    assert_eq!(decrypt(&nurse, &bound(&ssn, "17"), &sealed), Err("DENIED"), "the time is up");

    let otto = open_on(fixture, showing(&auditor)).unwrap();
    let listed = block_on(otto.list_broken_glass()).unwrap();
    assert_eq!((listed.len(), listed[0].state, listed[0].reason.as_str()), (1, "open", reason));
    assert!(mark.ends_with(&listed[0].id));
    block_on(otto.review_broken_glass(&listed[0].id)).unwrap();
    let listed = block_on(otto.list_broken_glass()).unwrap();
    assert_eq!((listed[0].state, listed[0].reviewed_by.as_deref()), ("reviewed", Some("otto")));
    assert_eq!(listed[0].reason, reason, "readable after the review");
    assert_eq!(
        code(block_on(otto.review_broken_glass("0000000000000000"))),
        "BREAK_GLASS_NOT_FOUND"
    );
}

#[test]
fn an_emergency_lifts_no_absolute_prohibition_and_needs_a_reason_and_a_right() {
    let clinic = clinic();
    let fixture = &clinic.fixture;
    let vip = scope("patient", "vip");
    let definition = FieldDefinition {
        key: "default".to_owned(),
        class: "vip".to_owned(),
        flags: Flags::new(false, true, false, false).unwrap(),
        placement: "inline".to_owned(),
        profile: None,
    };
    block_on(fixture.engine.define_field(&vip, &definition)).unwrap();
    let sealed = encrypt(&fixture.engine, &bound(&vip, "17"), "v");
    let broken = |token: &str, reason: &str| open_on(fixture, emergency(token, reason));
    assert_eq!(code(broken(&clinic.nurse, "x").map(drop)), "DENIED", "no policy says who may");
    assert_eq!(last_entry(&fixture.home).outcome, Some("denied"));
    block_on(fixture.engine.set_policy(&format!("{CLINIC}{GLASS}"))).unwrap();
    for reason in ["", "  ", &"x".repeat(1025)] {
        assert_eq!(code(broken(&clinic.nurse, reason).map(drop)), "BREAK_GLASS_REASON");
    }
    assert_eq!(code(broken(&clinic.app, "x").map(drop)), "DENIED");
    let nurse = broken(&clinic.nurse, "x").unwrap();
    assert_eq!(decrypt(&nurse, &bound(&vip, "17"), &sealed), Err("DENIED"));
    assert_eq!(code(block_on(nurse.list_broken_glass()).map(drop)), "DENIED");
    let owner = Occasion { break_glass: Some("x".to_owned()), ..Occasion::default() };
    assert_eq!(code(open_on(fixture, owner).map(drop)), "BREAK_GLASS_NOT_NEEDED");
}

#[test]
fn nobody_reviews_their_own_emergency() {
    let clinic = clinic();
    let fixture = &clinic.fixture;
    let policy = format!("{CLINIC}{GLASS}").replace("roles = [\"auditor\"]", "roles = [\"nurse\"]");
    block_on(fixture.engine.set_policy(&policy)).unwrap();
    drop(open_on(fixture, emergency(&clinic.nurse, "x")).unwrap());
    let nurse = open_on(fixture, showing(&clinic.nurse)).unwrap();
    let listed = block_on(nurse.list_broken_glass()).unwrap();
    assert_eq!(code(block_on(nurse.review_broken_glass(&listed[0].id))), "REVIEW_REFUSED");
    let acting = Occasion { on_behalf_of: Some("nadia".to_owned()), ..Occasion::default() };
    let acting = open_on(fixture, acting).unwrap();
    assert_eq!(code(block_on(acting.review_broken_glass(&listed[0].id))), "REVIEW_REFUSED");
    block_on(fixture.engine.review_broken_glass(&listed[0].id)).unwrap();
}

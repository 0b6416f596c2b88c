//! Decisions by hand, each rule of the specification once.

use crate::support::{asked, change, decided, principal, values};
use medseal_core::operation::{Operation, OperationItems};
use medseal_policy::{
    Asked, Authority, Caller, ChangeKeys, DecisionId, Decrypt, Encrypt, Maintain, ManagePolicy,
    Policy, Purpose, Question, ReadAudit, Reason, decide,
};

const CLINIC: &str = r#"
policy = 1
name = "clinic"
default_purpose = "treatment"
roles = ["nurse", "physician"]

[[rule]]
id = "nurses-call"
effect = "allow"
roles = ["nurse"]
operations = ["decrypt"]
purposes = ["treatment"]
collections = ["patient"]
classes = ["phone", "address"]

[[rule]]
id = "physicians-treat"
effect = "allow"
roles = ["physician"]
operations = ["decrypt", "encrypt"]
purposes = ["treatment", "emergency"]
tenants = ["north", "south*"]

[[rule]]
id = "hiv-after-a-second-factor"
effect = "allow"
roles = ["physician"]
operations = ["decrypt"]
classes = ["hiv"]
second_factor = "15m"

[[rule]]
id = "no-research-on-hiv"
effect = "forbid"
operations = ["decrypt"]
purposes = ["research"]
classes = ["hiv"]

[[rule]]
id = "admins-govern"
effect = "allow"
roles = ["admin"]
operations = ["manage-policy", "manage-principals", "read-audit"]

[[rule]]
id = "operators-turn-keys"
effect = "allow"
roles = ["operator"]
operations = ["change-keys"]
tenants = ["north"]
"#;

fn clinic() -> Policy {
    Policy::parse(CLINIC).unwrap()
}

fn decrypting(roles: &[&str], purpose: &str, groups: &[[&str; 3]]) -> Result<String, Reason> {
    let caller = Caller::Known(principal("somebody", roles));
    decided::<Decrypt>(&clinic(), caller, &asked(purpose), values(Operation::Decrypt, groups))
        .map(|rules| rules.join("+"))
        .map_err(|denied| denied.reason)
}

#[test]
fn a_nurse_may_decrypt_phone_and_not_ssn() {
    let phone = ["north", "patient", "phone"];
    let ssn = ["north", "patient", "ssn"];
    let rule = Ok("nurses-call".to_owned());
    assert_eq!(decrypting(&["nurse"], "treatment", &[phone]), rule);
    assert_eq!(decrypting(&["nurse"], "", &[phone]), rule, "the policy's own purpose");
    assert_eq!(decrypting(&["nurse"], "treatment", &[ssn]), Err(Reason::NoRule));
    assert_eq!(decrypting(&["nurse"], "payment", &[phone]), Err(Reason::NoRule));
    assert_eq!(
        decrypting(&["nurse"], "treatment", &[["north", "lab", "phone"]]),
        Err(Reason::NoRule)
    );
    assert_eq!(decrypting(&[], "treatment", &[phone]), Err(Reason::NoRule));
    assert_eq!(decrypting(&["admin"], "treatment", &[phone]), Err(Reason::NoRule));
}

#[test]
fn a_batch_is_allowed_only_if_every_group_is() {
    let (phone, ssn) = (["north", "patient", "phone"], ["north", "patient", "ssn"]);
    let address = ["north", "patient", "address"];
    let allowed = decrypting(&["nurse"], "treatment", &[phone, address, phone]);
    assert_eq!(allowed, Ok("nurses-call".to_owned()));
    for batch in [[phone, ssn, address], [ssn, phone, phone], [phone, phone, ssn]] {
        assert_eq!(decrypting(&["nurse"], "treatment", &batch), Err(Reason::NoRule));
    }
}

#[test]
fn tenants_match_by_name_or_beginning() {
    for (tenant, allowed) in [("north", true), ("south-2", true), ("east", false), ("nort", false)]
    {
        let answer = decrypting(&["physician"], "emergency", &[[tenant, "lab", "x"]]);
        assert_eq!(answer.is_ok(), allowed, "{tenant}");
    }
}

#[test]
fn forbid_wins_and_names_its_rule() {
    let caller = Caller::Known(principal("dr", &["physician"]));
    let items = values(Operation::Decrypt, &[["north", "lab", "hiv"]]);
    let asked =
        Asked { purpose: Some(Purpose::Research), second_factor_age: Some(1), ..Asked::default() };
    let denied = decided::<Decrypt>(&clinic(), caller, &asked, items).unwrap_err();
    assert_eq!(
        (denied.reason, denied.rules),
        (Reason::Forbidden, vec!["no-research-on-hiv".into()])
    );
    assert_eq!(denied.group.class.as_deref(), Some("hiv"));
    let spared =
        CLINIC.replace("effect = \"forbid\"", "effect = \"forbid\"\nexcept_roles = [\"nurse\"]");
    let policy = Policy::parse(&spared).unwrap();
    for (roles, reason) in
        [(vec!["physician"], Some(Reason::Forbidden)), (vec!["physician", "nurse"], None)]
    {
        let caller = Caller::Known(principal("dr", &roles));
        let items = values(Operation::Decrypt, &[["north", "lab", "hiv"]]);
        let answer = decided::<Decrypt>(&policy, caller, &asked, items);
        assert_eq!(answer.err().map(|denied| denied.reason), reason, "{roles:?}");
    }
}

#[test]
fn a_second_factor_must_not_be_older_than_the_rule_says() {
    let ask =
        |age| Asked { purpose: Some(Purpose::Payment), second_factor_age: age, ..Asked::default() };
    for (age, reason) in [
        (Some(0), None),
        (Some(900), None),
        (Some(901), Some(Reason::SecondFactor)),
        (None, Some(Reason::SecondFactor)),
    ] {
        let caller = Caller::Known(principal("dr", &["physician"]));
        let items = values(Operation::Decrypt, &[["north", "lab", "hiv"]]);
        let answer = decided::<Decrypt>(&clinic(), caller, &ask(age), items);
        assert_eq!(answer.err().map(|denied| denied.reason), reason, "{age:?}");
    }
    // another rule may allow the same without one
    assert_eq!(
        decrypting(&["physician"], "treatment", &[["north", "lab", "hiv"]]),
        Ok("physicians-treat".to_owned())
    );
}

#[test]
fn the_built_in_owner_may_do_everything_under_every_policy_and_nobody_else_anything() {
    for policy in [Policy::built_in(), clinic()] {
        let owner = Caller::Owner { user_id: 1000 };
        let items = values(Operation::Decrypt, &[["t", "c", "hiv"]]);
        let rules = decided::<Decrypt>(&policy, owner.clone(), &asked("research"), items).unwrap();
        assert_eq!(rules, ["local-owner"]);
        let items = change(Operation::ManagePolicy, None);
        assert!(decided::<ManagePolicy>(&policy, owner, &asked(""), items).is_ok());
        for user_id in [0, 999, 1000, 1001] {
            let stranger = Caller::Stranger { user_id };
            let items = values(Operation::Decrypt, &[["t", "c", "phone"]]);
            let denied = decided::<Decrypt>(&policy, stranger.clone(), &asked("treatment"), items);
            assert_eq!(denied.unwrap_err().reason, Reason::NoRule);
            let items = change(Operation::Maintain, None);
            assert!(decided::<Maintain>(&policy, stranger, &asked(""), items).is_err());
        }
    }
    let everything = principal("all", &medseal_policy::ROLES);
    let items = values(Operation::Decrypt, &[["t", "c", "phone"]]);
    let denied =
        decided::<Decrypt>(&Policy::built_in(), Caller::Known(everything), &asked(""), items);
    assert_eq!(denied.unwrap_err().reason, Reason::NoRule, "roles alone give nothing");
}

#[test]
fn a_principal_of_one_tenant_stays_in_it() {
    let mut nurse = principal("nurse", &["nurse", "admin"]);
    nurse.tenant = Some("north".to_owned());
    let caller = || Caller::Known(nurse.clone());
    let decrypt = |groups: &[[&str; 3]]| {
        let items = values(Operation::Decrypt, groups);
        decided::<Decrypt>(&clinic(), caller(), &asked("treatment"), items).map_err(|d| d.reason)
    };
    assert!(decrypt(&[["north", "patient", "phone"]]).is_ok());
    assert_eq!(decrypt(&[["south", "patient", "phone"]]), Err(Reason::Tenant));
    let both = [["north", "patient", "phone"], ["south", "patient", "phone"]];
    assert_eq!(decrypt(&both), Err(Reason::Tenant));
    // what belongs to no tenant belongs to all of them
    let items = change(Operation::ManagePolicy, None);
    let denied = decided::<ManagePolicy>(&clinic(), caller(), &asked(""), items).unwrap_err();
    assert_eq!(denied.reason, Reason::Tenant);
}

#[test]
fn operations_without_values_match_rules_by_tenant_and_role() {
    let operator = || Caller::Known(principal("op", &["operator"]));
    let rotate = |tenant| {
        let items = change(Operation::ChangeKeys, tenant);
        decided::<ChangeKeys>(&clinic(), operator(), &asked(""), items).is_ok()
    };
    assert!(rotate(Some("north")));
    assert!(!rotate(Some("south")));
    assert!(!rotate(None));
    let admin = Caller::Known(principal("root", &["admin"]));
    let items = change(Operation::ReadAudit, None);
    assert!(decided::<ReadAudit>(&clinic(), admin, &asked(""), items).is_ok());
}

#[test]
fn a_policy_without_a_purpose_asks_for_one_where_values_are_touched() {
    let policy = Policy::parse(&CLINIC.replace("default_purpose = \"treatment\"", "")).unwrap();
    let nurse = || Caller::Known(principal("nurse", &["nurse", "admin"]));
    let phone = || values(Operation::Decrypt, &[["north", "patient", "phone"]]);
    let denied = decided::<Decrypt>(&policy, nurse(), &asked(""), phone()).unwrap_err();
    assert_eq!(denied.reason, Reason::PurposeRequired);
    assert!(decided::<Decrypt>(&policy, nurse(), &asked("treatment"), phone()).is_ok());
    let items = change(Operation::ManagePolicy, None);
    assert!(decided::<ManagePolicy>(&policy, nurse(), &asked(""), items).is_ok());
    let owner = Caller::Owner { user_id: 1 };
    assert!(decided::<Decrypt>(&policy, owner, &asked(""), phone()).is_ok());
}

#[test]
fn who_acts_for_somebody_gains_nothing_by_it() {
    let acting = |caller: Caller, roles: &[&str]| {
        let target = Some(principal("app", roles));
        let mut authority = Authority::new(clinic(), caller, target);
        let items = values(Operation::Decrypt, &[["north", "patient", "phone"]]);
        decide::<Decrypt>(&mut authority, &asked("treatment"), items)
            .map(|authorized| authorized.rules().join("+"))
            .map_err(|denied| denied.reason)
    };
    let owner = || Caller::Owner { user_id: 1 };
    let known = |roles: &[&str]| Caller::Known(principal("me", roles));
    assert_eq!(acting(owner(), &["nurse"]), Ok("local-owner+nurses-call".to_owned()));
    assert_eq!(acting(owner(), &["admin"]), Err(Reason::NoRule));
    assert_eq!(acting(known(&["admin", "nurse"]), &["nurse"]), Ok("nurses-call".to_owned()));
    assert_eq!(acting(known(&["admin"]), &["nurse"]), Err(Reason::NoRule), "admins read nothing");
    assert_eq!(acting(known(&["nurse"]), &["nurse"]), Err(Reason::NotForOthers));
    assert_eq!(acting(Caller::Stranger { user_id: 2 }, &["nurse"]), Err(Reason::NotForOthers));
}

#[test]
fn maintenance_is_for_every_active_principal_and_no_stranger() {
    let mut idle = principal("idle", &[]);
    idle.tenant = Some("north".to_owned());
    let maintain = |caller: Caller| {
        let items = change(Operation::Maintain, None);
        decided::<Maintain>(&clinic(), caller, &asked(""), items)
    };
    assert_eq!(maintain(Caller::Known(idle.clone())), Ok(vec!["maintenance".to_owned()]));
    idle.active = false;
    assert_eq!(maintain(Caller::Known(idle)).unwrap_err().reason, Reason::Disabled);
}

#[test]
fn items_of_another_operation_are_no_basis() {
    for operation in [Operation::Encrypt, Operation::Verify, Operation::Reencrypt] {
        let items = values(operation, &[["t", "c", "phone"]]);
        let owner = Caller::Owner { user_id: 1 };
        let denied = decided::<Decrypt>(&clinic(), owner, &asked(""), items).unwrap_err();
        assert_eq!(denied.reason, Reason::OtherOperation);
    }
    // values that were collected without a group, and nothing at all
    let none = OperationItems::new(Operation::Encrypt, 7, [1; 32]);
    let mut ungrouped = values(Operation::Encrypt, &[["t", "c", "phone"]]);
    ungrouped.add_value(
        medseal_core::operation::Under::Version(medseal_core::KeyVersionId([1; 8])),
        b"",
        "phone",
    );
    for items in [none, ungrouped] {
        let owner = Caller::Owner { user_id: 1 };
        let denied = decided::<Encrypt>(&clinic(), owner, &asked(""), items).unwrap_err();
        assert_eq!(denied.reason, Reason::OtherOperation);
    }
}

#[test]
fn decision_and_proof_carry_the_digest_of_the_operation() {
    let digest = values(Operation::Decrypt, &[["north", "patient", "phone"]]).digest();
    let mut authority =
        Authority::new(clinic(), Caller::Known(principal("nurse", &["nurse"])), None);
    let items = values(Operation::Decrypt, &[["north", "patient", "phone"]]);
    let authorized = decide::<Decrypt>(&mut authority, &asked("treatment"), items).unwrap();
    assert_eq!((authorized.digest(), authorized.purpose()), (digest, Purpose::Treatment));
    let items = values(Operation::Decrypt, &[["north", "patient", "ssn"]]);
    let digest = values(Operation::Decrypt, &[["north", "patient", "ssn"]]).digest();
    let denied = decide::<Decrypt>(&mut authority, &asked("treatment"), items).err().unwrap();
    assert_eq!(denied.decision, DecisionId::of(digest));
    assert!(digest.to_hex().starts_with(&denied.decision.to_string()));
    let told = denied.to_string();
    assert!(
        told.starts_with("decrypt is denied to `nurse`: no rule allows it; decision "),
        "{told}"
    );
    assert!(told.contains("medseal policy simulate"));
}

#[test]
fn an_explanation_names_the_first_condition_that_failed() {
    let group = medseal_core::operation::Group {
        tenant: Some("north".to_owned()),
        collection: Some("patient".to_owned()),
        class: Some("ssn".to_owned()),
    };
    let question =
        Question { operation: Operation::Decrypt, purpose: Purpose::Treatment, group: &group };
    let explained = clinic().explain(&principal("n", &["nurse"]).roles, &question, None);
    let rules: Vec<_> = explained.rules.iter().map(|r| (r.id.as_str(), r.obstacle)).collect();
    let expected = [
        ("admins-govern", Some("role")),
        ("hiv-after-a-second-factor", Some("role")),
        ("no-research-on-hiv", Some("purpose")),
        ("nurses-call", Some("class")),
        ("operators-turn-keys", Some("role")),
        ("physicians-treat", Some("role")),
    ];
    assert_eq!((explained.allowed, rules), (false, expected.to_vec()));
    assert!(explained.deciding.is_empty());
}

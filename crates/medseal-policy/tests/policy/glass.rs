//! Going past the rules in an emergency.

use crate::model::{ModelRule, to_toml};
use crate::support::{asked, change, decided, principal, values};
use medseal_core::operation::Operation;
use medseal_policy::{
    Asked, Authority, BreakGlass, Caller, Decrypt, Encrypt, Policy, Purpose, Reason, decide,
};
use proptest::prelude::*;

const WARD: &str = r#"
policy = 1
name = "ward"
roles = ["physician"]

[[rule]]
id = "after-a-second-factor"
effect = "allow"
roles = ["physician"]
operations = ["decrypt"]
classes = ["hiv"]
second_factor = "15m"

[[rule]]
id = "no-psychiatry"
effect = "forbid"
operations = ["decrypt"]
classes = ["psychiatry"]

[[rule]]
id = "no-vip"
effect = "forbid"
operations = ["decrypt"]
classes = ["vip"]
absolute = true

[break_glass]
roles = ["physician"]
operations = ["decrypt"]
duration = "1h"
"#;

const BROKEN: Asked = Asked { purpose: None, second_factor_age: None, glass_is_broken: true };

fn decrypting(roles: &[&str], asked: &Asked, class: &str) -> Result<String, Reason> {
    let caller = Caller::Known(principal("dr", roles));
    let items = values(Operation::Decrypt, &[["north", "patient", class]]);
    decided::<Decrypt>(&Policy::parse(WARD).unwrap(), caller, asked, items)
        .map(|rules| rules.join("+"))
        .map_err(|denied| denied.reason)
}

#[test]
fn it_lifts_what_no_rule_allows_what_a_rule_forbids_and_a_second_factor() {
    for class in ["phone", "psychiatry", "hiv"] {
        assert!(decrypting(&["physician"], &asked("treatment"), class).is_err(), "{class}");
        assert_eq!(decrypting(&["physician"], &BROKEN, class), Ok("break-glass".to_owned()));
    }
    let fresh = Asked { second_factor_age: Some(1), ..BROKEN };
    let rule = Ok("after-a-second-factor".to_owned());
    assert_eq!(decrypting(&["physician"], &fresh, "hiv"), rule, "it is not used without need");
}

#[test]
fn it_lifts_no_absolute_prohibition_no_tenant_no_role_and_no_other_operation() {
    assert_eq!(decrypting(&["physician"], &BROKEN, "vip"), Err(Reason::Forbidden));
    assert_eq!(decrypting(&["decryptor"], &BROKEN, "phone"), Err(Reason::NoRule));
    let ward = || Policy::parse(WARD).unwrap();
    let mut dr = principal("dr", &["physician"]);
    let items = values(Operation::Encrypt, &[["north", "patient", "phone"]]);
    let denied = decided::<Encrypt>(&ward(), Caller::Known(dr.clone()), &BROKEN, items);
    assert_eq!(denied.unwrap_err().reason, Reason::NoRule);
    dr.tenant = Some("south".to_owned());
    let items = || values(Operation::Decrypt, &[["north", "patient", "phone"]]);
    let denied = decided::<Decrypt>(&ward(), Caller::Known(dr.clone()), &BROKEN, items());
    assert_eq!(denied.unwrap_err().reason, Reason::Tenant);
    dr.tenant = None;
    dr.active = false;
    let denied = decided::<Decrypt>(&ward(), Caller::Known(dr), &BROKEN, items());
    assert_eq!(denied.unwrap_err().reason, Reason::Disabled);
    // and nobody does it for somebody else
    let admin = Caller::Known(principal("root", &["admin", "physician"]));
    let target = Some(principal("dr", &["physician"]));
    let mut authority = Authority::new(ward(), admin, target);
    let denied = decide::<Decrypt>(&mut authority, &BROKEN, items()).err().unwrap();
    assert_eq!(denied.reason, Reason::NoRule);
    let stranger = Caller::Stranger { user_id: 7 };
    assert!(decided::<Decrypt>(&ward(), stranger, &BROKEN, items()).is_err());
}

#[test]
fn only_those_whom_the_policy_names_may_break_it() {
    let ward = || Policy::parse(WARD).unwrap();
    let breaking = |policy: &Policy, roles: &[&str]| {
        let items = change(Operation::BreakGlass, None);
        decided::<BreakGlass>(policy, Caller::Known(principal("dr", roles)), &asked(""), items)
    };
    assert_eq!(breaking(&ward(), &["physician"]), Ok(vec!["break-glass".to_owned()]));
    assert_eq!(breaking(&ward(), &["admin"]).unwrap_err().reason, Reason::NoRule);
    assert!(breaking(&Policy::built_in(), &["physician"]).is_err());
    assert_eq!(ward().break_glass_duration(), Some(3600));
    let caller = Caller::Known(principal("dr", &["physician"]));
    let mut authority = Authority::new(ward(), caller, None);
    let items = values(Operation::Decrypt, &[["north", "patient", "phone"]]);
    let authorized = decide::<Decrypt>(&mut authority, &BROKEN, items).unwrap();
    assert_eq!(authorized.purpose(), Purpose::Emergency);
}

#[test]
fn the_section_is_checked_like_the_rules() {
    let fault = |text: &str| Policy::parse(text).expect_err(text).fault.code();
    assert_eq!(fault(&WARD.replace("duration = \"1h\"", "")), "POLICY_SYNTAX");
    assert_eq!(fault(&WARD.replace("\"1h\"", "\"0h\"")), "POLICY_SYNTAX");
    let section = |from: &str, to: &str| {
        let (rules, section) = WARD.split_once("[break_glass]").unwrap();
        format!("{rules}[break_glass]{}", section.replace(from, to))
    };
    assert_eq!(fault(&section("physician", "surgeon")), "POLICY_UNKNOWN_NAME");
    assert_eq!(fault(&section("[\"physician\"]", "[]")), "POLICY_EMPTY");
    assert_eq!(fault(&section("decrypt", "change-keys")), "POLICY_CONTRADICTION");
    assert_eq!(fault(&section("duration", "colour = 1\nduration")), "POLICY_SYNTAX");
    let allow = WARD.replace("second_factor = \"15m\"", "absolute = true");
    assert_eq!(fault(&allow), "POLICY_SYNTAX");
}

proptest! {
    /// Whatever else stands in the policy.
    #[test]
    fn an_absolute_prohibition_stands(allows in any::<bool>(), others in any::<[bool; 3]>()) {
        let rule = |id: &str, forbids: bool| ModelRule {
            id: id.to_owned(), forbids, roles: None, operations: Some(vec!["decrypt".to_owned()]),
            purposes: None, tenants: None, collections: None, classes: None,
        };
        let mut rules = vec![ModelRule { classes: Some(vec!["vip".to_owned()]), ..rule("f", true) }];
        if allows {
            rules.push(rule("a", false));
        }
        for (at, tenant) in others.into_iter().enumerate() {
            let tenants = tenant.then(|| vec!["north".to_owned()]);
            let classes = Some(vec![format!("vi{at}"), "vip".to_owned()]);
            rules.push(ModelRule { tenants, classes, ..rule(&format!("g{at}"), true) });
        }
        let glass = "[break_glass]\nroles = [\"*\"]\noperations = [\"*\"]\nduration = \"1h\"\n";
        let text = to_toml(&rules).replacen("effect = \"forbid\"", "effect = \"forbid\"\nabsolute = true", 1);
        let policy = Policy::parse(&format!("{text}{glass}")).unwrap();
        let items = values(Operation::Decrypt, &[["north", "patient", "vip"]]);
        let caller = Caller::Known(principal("dr", &[]));
        prop_assert!(decided::<Decrypt>(&policy, caller, &BROKEN, items).is_err());
        let items = values(Operation::Decrypt, &[["north", "patient", "other"]]);
        let caller = Caller::Known(principal("dr", &[]));
        prop_assert!(decided::<Decrypt>(&policy, caller, &BROKEN, items).is_ok());
    }
}

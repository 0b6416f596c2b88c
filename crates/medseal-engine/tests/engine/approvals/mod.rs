//! Dual control through the gate: a home with three approvers, each with a key of its own.

mod accidents;
mod acts;
mod flow;

use crate::principals::CLINIC;
use crate::support::{DAY, Fixture, fixture, with};
use medseal_engine::approvals::{ApproverKeyFile, RequestId, Verdict, VerdictGiven};
use medseal_engine::ledger::{EntryFilter, EntrySummary, list_entries};
use medseal_engine::principals::{AccessToken, Kind, NewPrincipal, Occasion};
use medseal_engine::{Engine, EngineError, Environment, Options};
use pollster::block_on;
use zeroize::Zeroizing;

/// What approvers may, and that two of them are asked before a key is destroyed.
const RULES: &str = r#"
[[rule]]
id = "approvers-approve"
effect = "allow"
roles = ["approver"]
operations = ["approve", "read-approvals"]

[[rule]]
id = "operators-ask"
effect = "allow"
roles = ["operator"]
operations = ["change-keys", "request-approval"]
"#;

fn table(operations: &str, approvals: u8) -> String {
    format!(
        "\n[[approval]]\noperations = {operations}\napprovals = {approvals}\nexpires = \"2h\"\n"
    )
}

/// Somebody who can approve.
struct Person {
    name: &'static str,
    token: String,
    key: ApproverKeyFile,
    vkeys: String,
}

/// A home in which three people can approve.
struct Ward {
    f: Fixture,
    people: Vec<Person>,
}

fn passphrase(name: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(format!("a passphrase of {name}").into_bytes())
}

fn open_on(f: &Fixture, occasion: Occasion) -> Result<Engine, EngineError> {
    let nobody = || Err(EngineError::PassphraseNeeded);
    let clock = Box::new(f.clock.clone());
    block_on(f.home.open_on(nobody, Options::default(), occasion, clock))
}

fn showing(token: &str) -> Occasion {
    Occasion { token: AccessToken::parse(token), ..Occasion::default() }
}

fn create(f: &Fixture, name: &'static str, kind: Kind, roles: &[&str]) -> String {
    let new = NewPrincipal { name, kind, tenant: None, os_user: None };
    block_on(f.engine.create_principal(&new, None)).unwrap();
    for role in roles {
        block_on(f.engine.grant_role(name, role)).unwrap();
    }
    block_on(f.engine.create_token(name, 300 * DAY)).unwrap().text.to_string()
}

/// A principal that can approve, once its key is registered.
fn person(f: &Fixture, name: &'static str) -> Person {
    let token = create(f, name, Kind::Person, &["approver"]);
    let own = open_on(f, showing(&token)).unwrap();
    let (key, keys) = block_on(own.create_approver_key(&passphrase(name))).unwrap();
    Person { name, token, key, vkeys: keys.to_vkeys() }
}

/// Three people can approve; `more` is added to the policy then.
fn ward_in(f: Fixture, more: &str) -> Ward {
    block_on(f.engine.set_policy(&format!("{CLINIC}{RULES}"))).unwrap();
    let people: Vec<Person> = ["ann", "bob", "cy"].map(|name| person(&f, name)).into();
    let count = if f.engine.environment() == Environment::Production { 2 } else { 3 };
    for person in people.iter().take(count) {
        block_on(f.engine.register_approver(person.name, &person.vkeys, None)).unwrap();
    }
    if !more.is_empty() {
        block_on(f.engine.set_policy(&format!("{CLINIC}{RULES}{more}"))).unwrap();
    }
    block_on(f.engine.rotate_key("default", "default", None, None)).unwrap();
    Ward { f, people }
}

/// Two of three people are asked before a key is destroyed.
fn ward() -> Ward {
    ward_in(fixture(), &table(r#"["destroy-key"]"#, 2))
}

/// A home for production, whose policy has no table.
fn production() -> Ward {
    ward_in(with(Environment::Production, Options::default()), "")
}

impl Ward {
    fn destroy(&self) -> Result<medseal_engine::keys::Destroyed, EngineError> {
        destroy(&self.f.engine)
    }

    /// What the person at a place says of a request.
    fn say(&self, at: usize, id: &str, verdict: Verdict) -> Result<VerdictGiven, EngineError> {
        let person = &self.people[at];
        let engine = open_on(&self.f, showing(&person.token))?;
        let key = (&person.key, &passphrase(person.name));
        block_on(engine.give_verdict(id, verdict, key, None))
    }

    fn approve(&self, at: usize, id: &str) -> Result<VerdictGiven, EngineError> {
        self.say(at, id, Verdict::Approve)
    }

    /// The one request that is open.
    fn open_request(&self) -> String {
        let listed = block_on(self.f.engine.list_approvals(false)).unwrap();
        assert_eq!(listed.len(), 1, "{listed:?}");
        listed[0].id.clone()
    }

    fn state(&self, id: &str) -> &'static str {
        block_on(self.f.engine.show_approval(id)).unwrap().summary.state
    }

    /// The owner, who names the request.
    fn naming(&self, id: &str) -> Engine {
        let approval = RequestId::parse(id);
        open_on(&self.f, Occasion { approval, ..Occasion::default() }).unwrap()
    }

    fn entries(&self) -> Vec<EntrySummary> {
        self.entries_of(&EntryFilter::default())
    }

    fn entries_of(&self, filter: &EntryFilter) -> Vec<EntrySummary> {
        let mut entries = Vec::new();
        list_entries(&self.f.home.audit(), filter, |entry| {
            entries.push(entry);
            Ok(())
        })
        .unwrap();
        entries
    }
}

fn destroy(engine: &Engine) -> Result<medseal_engine::keys::Destroyed, EngineError> {
    block_on(engine.destroy_key("default", "default", 1, 60, Some("retention is over")))
}

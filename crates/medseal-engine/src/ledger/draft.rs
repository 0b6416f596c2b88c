//! An entry before it has its place in the log. Everything costly is done here, in the thread that
//! asks; what is left for the one that writes is a number, a copy and a hash.

use crate::error::EngineError;
use crate::random::BufferedRandom;
use medseal_core::Error;
use medseal_core::approval::RequestId;
use medseal_core::audit::{
    self, Access, DetailsKey, EncodedEvent, Event, Outcome, SealedDetails, SubjectTag,
};
use medseal_core::keyring::UnixSeconds;
use medseal_core::operation::{Operation, OperationDigest};
use medseal_core::primitives::sha256;
use medseal_core::state_root::{StateAt, StateRoot};
use medseal_policy::{PrincipalId, Purpose};
use medseal_store::{RolledBack, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// The longest list of names in an entry, and the longest name.
const MOST_NAMES: usize = 32;
const LONGEST_NAME: usize = 128;
const LONGEST_CHANGE: usize = 1000;

/// Who asks, as the log names them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Who {
    pub(crate) name: String,
    pub(crate) id: Option<PrincipalId>,
    pub(crate) on_behalf_of: Option<String>,
}

/// How it was decided, as the log says it.
pub(crate) struct Decided<'a> {
    pub(crate) outcome: Outcome,
    /// The deciding rules, ascending.
    pub(crate) rules: &'a [String],
}

/// What an entry says beside the decision.
pub(crate) struct Details<'a> {
    pub(crate) time: UnixSeconds,
    pub(crate) who: &'a Who,
    /// What it is for.
    pub(crate) purpose: Option<Purpose>,
    /// Budgets whose alarm or limit was reached.
    pub(crate) alarms: &'a [String],
    pub(crate) epoch: u64,
    /// The store's root at that epoch; `None` before it has one.
    pub(crate) root: Option<StateRoot>,
    /// The secret and every item.
    pub(crate) items: Option<audit::Details>,
    pub(crate) count: u64,
    /// `NAME@N` of every key version that is used.
    pub(crate) keys: &'a [String],
    /// What is changed, for changes of keys and definitions.
    pub(crate) change: Option<&'a str>,
    /// What marks the entry as being about subjects, ascending.
    pub(crate) subjects: Vec<SubjectTag>,
    /// The request for approvals by which it is done, or that it is about.
    pub(crate) request: Option<RequestId>,
}

/// An entry without its place.
pub(crate) struct Draft {
    pub(super) time: u64,
    /// Since when it waits for its place.
    since: Instant,
    /// What it says.
    pub(super) event: EncodedEvent,
    /// The encrypted details.
    pub(super) sealed: Vec<u8>,
    /// The state of the store that it names.
    pub(super) state: Option<StateAt>,
}

/// What an operation's entry says.
struct OperationDraft<'a> {
    operation: &'static str,
    outcome: Outcome,
    rule: Option<&'a str>,
    more_rules: Names<'a>,
    who: &'a Who,
    purpose: Option<Purpose>,
    alarms: Names<'a>,
    epoch: u64,
    root: Option<StateRoot>,
    items: u64,
    of_values: bool,
    digest: OperationDigest,
    tenant: Option<&'a str>,
    collections: Names<'a>,
    keys: Names<'a>,
    /// How many items are under each key version.
    key_ids: BTreeMap<[u8; 8], u64>,
    /// How many items are carried over to each key version.
    targets: BTreeMap<[u8; 8], u64>,
    change: Option<String>,
    details: Option<SealedDetails>,
    subjects: &'a [SubjectTag],
    request: Option<RequestId>,
}

/// Names that fit into an entry, ascending, and those that did not.
#[derive(Default)]
struct Names<'a> {
    fitting: Vec<&'a str>,
    others: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    fn add(&mut self, name: &'a str) {
        let Err(at) = self.fitting.binary_search(&name) else { return };
        if self.others.contains(name) {
            return;
        }
        if self.fitting.len() < MOST_NAMES && may_stand_in_clear(name) {
            self.fitting.insert(at, name);
        } else {
            self.others.insert(name);
        }
    }
}

fn may_stand_in_clear(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len()) && !name.chars().any(char::is_control)
}

impl Draft {
    /// An operation that was decided on.
    pub(crate) fn new(
        operation: Operation,
        decided: &Decided<'_>,
        digest: OperationDigest,
        details: Details<'_>,
        key: &DetailsKey,
    ) -> Result<Self, EngineError> {
        let sealed = match &details.items {
            Some(items) => key.seal(items, &mut BufferedRandom)?,
            None => Vec::new(),
        };
        let draft = OperationDraft::new(operation, decided, digest, &details, &sealed);
        Self::at(details.time, &Event::Operation(draft.access()), sealed)
    }

    /// Where the store stands after a change that was made.
    pub(crate) fn of_store(time: UnixSeconds, state: StateAt) -> Result<Self, EngineError> {
        Self::at(time, &Event::Store(state), Vec::new())
    }

    /// What the log says of itself.
    pub(super) fn of_log(time: u64, event: &Event<'_>) -> Result<Self, EngineError> {
        let encoded = EncodedEvent::new(event).map_err(Error::from)?;
        let (sealed, state) = (Vec::new(), event.state());
        Ok(Self { time, since: Instant::now(), event: encoded, sealed, state })
    }

    fn at(time: UnixSeconds, event: &Event<'_>, sealed: Vec<u8>) -> Result<Self, EngineError> {
        Ok(Self { sealed, ..Self::of_log(u64::try_from(time).unwrap_or(0), event)? })
    }

    /// The time that a clock which never went back shows by now. An entry that waited its turn is
    /// not a sign of one that did.
    pub(super) fn time_by_now(&self) -> u64 {
        self.time.saturating_add(self.since.elapsed().as_secs())
    }

    /// No entry names another root than one before it for the same epoch: nobody could verify that
    /// log again.
    pub(super) fn agrees_with(&self, logged: Option<StateAt>) -> Result<(), StoreError> {
        match (self.state, logged) {
            (Some(named), Some(logged)) if named.epoch == logged.epoch && named != logged => {
                Err(RolledBack::SecondRoot(named.epoch).into())
            }
            (None, Some(_)) => Err(RolledBack::RootRemoved.into()),
            _ => Ok(()),
        }
    }
}

impl<'a> OperationDraft<'a> {
    fn new(
        operation: Operation,
        decided: &'a Decided<'a>,
        digest: OperationDigest,
        details: &'a Details<'a>,
        sealed: &[u8],
    ) -> Self {
        let commitment = |items: &audit::Details| SealedDetails {
            length: sealed.len() as u64,
            digest: sha256(sealed),
            items_root: items.root(),
        };
        let mut draft = Self {
            operation: operation.name(),
            outcome: decided.outcome,
            rule: None,
            more_rules: Names::default(),
            who: details.who,
            purpose: details.purpose,
            alarms: Names::default(),
            epoch: details.epoch,
            root: details.root,
            items: details.count,
            of_values: operation.is_of_values(),
            digest,
            tenant: None,
            collections: Names::default(),
            keys: Names::default(),
            key_ids: BTreeMap::new(),
            targets: BTreeMap::new(),
            change: details.change.map(|change| clip(change, LONGEST_CHANGE)),
            details: details.items.as_ref().map(commitment),
            subjects: &details.subjects,
            request: details.request,
        };
        details.keys.iter().for_each(|name| draft.keys.add(name));
        details.alarms.iter().for_each(|budget| draft.alarms.add(budget));
        let allowed = decided.outcome == Outcome::Permitted;
        let (first, more) = decided.rules.split_at(usize::from(allowed).min(decided.rules.len()));
        draft.rule = first.first().map(String::as_str);
        more.iter().for_each(|rule| draft.more_rules.add(rule));
        if let Some(items) = &details.items {
            draft.describe(items);
        }
        draft
    }

    /// What of the items may stand in clear: tenant, collections, ids of key versions.
    fn describe(&mut self, items: &'a audit::Details) {
        let mut tenants = BTreeSet::new();
        let mut last_collection = None;
        for item in items.items() {
            // a change of something else than a key version has the id 0
            if item.id.0 != [0; 8] {
                *self.key_ids.entry(item.id.0).or_default() += 1;
            }
            // the item of a change is its description, not a context
            if !self.of_values {
                continue;
            }
            if let Some(target) = item.target() {
                *self.targets.entry(target.0).or_default() += 1;
            }
            if tenants.len() < 2 {
                tenants.extend(item.tenant());
            }
            let collection = item.collection();
            if last_collection != Some(collection) {
                last_collection = Some(collection);
                collection.into_iter().for_each(|name| self.collections.add(name));
            }
        }
        let only = tenants.pop_first().filter(|_| tenants.is_empty());
        self.tenant = only.filter(|name| may_stand_in_clear(name));
    }

    fn access(&self) -> Access<'_> {
        let more_ids = self.key_ids.len().saturating_sub(MOST_NAMES);
        Access {
            operation: self.operation,
            principal: &self.who.name,
            rule: self.rule,
            outcome: self.outcome,
            epoch: self.epoch,
            root: self.root,
            items: self.items,
            digest: self.digest.to_bytes(),
            tenant: self.tenant,
            collections: self.collections.fitting.clone(),
            more_collections: self.collections.others.len() as u64,
            keys: self.keys.fitting.clone(),
            key_ids: self.key_ids.keys().copied().take(MOST_NAMES).collect(),
            more_keys: self.keys.others.len().max(more_ids) as u64,
            change: self.change.as_deref(),
            details: self.details,
            principal_id: self.who.id.map(|id| id.0),
            more_rules: self.more_rules.fitting.clone(),
            purpose: self.purpose.map(Purpose::name),
            on_behalf_of: self.who.on_behalf_of.as_deref(),
            alarms: self.alarms.fitting.clone(),
            subjects: self.subjects.iter().copied().take(MOST_NAMES).collect(),
            more_subjects: self.subjects.len().saturating_sub(MOST_NAMES) as u64,
            key_items: self.counted(&self.key_ids),
            target_ids: self.targets.keys().copied().take(MOST_NAMES).collect(),
            target_items: self.counted(&self.targets),
            request: self.request.map(|request| request.0),
        }
    }
}

impl OperationDraft<'_> {
    /// How many values are under each of the key versions that are listed; changes have none.
    fn counted(&self, ids: &BTreeMap<[u8; 8], u64>) -> Vec<u64> {
        let counts = ids.values().copied().take(MOST_NAMES);
        counts.filter(|_| self.of_values).collect()
    }
}

/// At most `most` bytes, cut between characters; the whole text stands in the details.
fn clip(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let at = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}\u{2026}", text.get(..at).unwrap_or_default())
}

//! The keyring against a model: a table of allowed transitions, written out by hand, under random
//! sequences of events, and the promises that must hold whatever happens.

use medseal_core::keyring::{
    Cause, DueReason, Event, Keyring, Purpose, Refusal, RotationPolicy, State, UnixSeconds, Usage,
};
use medseal_core::{KeyVersionId, Suite};
use proptest::collection::vec;
use std::collections::{BTreeMap, BTreeSet};

use State::{Active, Compromised, Deactivated, DestroyPending, Destroyed, PreActive, Suspended};

const NO: Option<State> = None;

/// What follows in which state. Rotation is no row: it is always allowed.
///
/// Not in the table: the primary is not scheduled for destruction while Active or Suspended, a
/// destruction waits for its moment, and where resuming leads to.
#[rustfmt::skip]
const TABLE: [(State, [Option<State>; 6]); 7] = [
    //                 rollback      suspend          compromise            superseded         schedule              destroy
    (PreActive,      [Some(Active), NO,              Some(Compromised),    Some(Deactivated), Some(DestroyPending), NO]),
    (Active,         [NO,           Some(Suspended), Some(Compromised),    Some(Deactivated), Some(DestroyPending), NO]),
    (Suspended,      [NO,           NO,              Some(Compromised),    Some(Deactivated), Some(DestroyPending), NO]),
    (Deactivated,    [Some(Active), Some(Suspended), Some(Compromised),    NO,                Some(DestroyPending), NO]),
    (Compromised,    [NO,           NO,              Some(Compromised),    NO,                Some(DestroyPending), NO]),
    (DestroyPending, [NO,           NO,              Some(DestroyPending), NO,                NO,                   Some(Destroyed)]),
    (Destroyed,      [NO,           NO,              NO,                   NO,                NO,                   NO]),
];

fn column(event: Event) -> Option<usize> {
    match event {
        Event::Rollback(_) => Some(0),
        Event::Suspend(_) => Some(1),
        Event::Revoke(_, Cause::Compromise) => Some(2),
        Event::Revoke(_, Cause::Superseded) => Some(3),
        Event::ScheduleDestroy { .. } => Some(4),
        Event::Destroy(_) => Some(5),
        _ => None,
    }
}

#[derive(Clone)]
struct ModelVersion {
    state: State,
    cause: Option<Cause>,
    destroy_after: UnixSeconds,
}

#[derive(Clone)]
struct Model {
    primary: u32,
    versions: BTreeMap<u32, ModelVersion>,
}

impl Model {
    fn new() -> Self {
        let mut model = Self { primary: 0, versions: BTreeMap::new() };
        model.rotate();
        model
    }

    fn rotate(&mut self) {
        self.primary = self.versions.len() as u32 + 1;
        self.retire();
        let first = ModelVersion { state: Active, cause: None, destroy_after: 0 };
        self.versions.insert(self.primary, first);
    }

    fn retire(&mut self) {
        let active = self.versions.values_mut().filter(|v| v.state == Active);
        active.for_each(|v| v.state = Deactivated);
    }

    /// Where `event` leads the version, by the table and the three rules beside it.
    fn next_state(&self, number: u32, event: Event, now: UnixSeconds) -> Option<State> {
        let version = self.versions.get(&number)?;
        let is_primary = self.primary == number;
        let early = version.state == DestroyPending && now < version.destroy_after;
        let in_service = is_primary && matches!(version.state, Active | Suspended);
        match (event, version.state) {
            // a revoked primary comes back to decrypt only
            (Event::Resume(_), Suspended) if is_primary && version.cause.is_none() => Some(Active),
            (Event::Resume(_), Suspended) => Some(Deactivated),
            (Event::Resume(_), DestroyPending) if version.cause == Some(Cause::Compromise) => {
                Some(Compromised)
            }
            (Event::Resume(_), DestroyPending) => Some(Deactivated),
            (Event::ScheduleDestroy { .. }, _) if in_service => None,
            (Event::Destroy(_), _) if early => None,
            (event, state) => TABLE.iter().find(|row| row.0 == state)?.1[column(event)?],
        }
    }

    /// Whether the model allows `event`, which has then happened.
    fn apply(&mut self, event: Event, now: UnixSeconds) -> bool {
        let Some(number) = number_of(event) else {
            self.rotate();
            return true;
        };
        let Some(state) = self.next_state(number, event, now) else { return false };
        if let Event::Rollback(_) = event {
            self.retire();
            self.primary = number;
        }
        let version = self.versions.get_mut(&number).unwrap();
        version.state = state;
        match event {
            Event::Revoke(_, cause) => version.cause = Some(cause),
            Event::Rollback(_) => version.cause = None,
            Event::ScheduleDestroy { destroy_after, .. } => version.destroy_after = destroy_after,
            _ => {}
        }
        true
    }
}

fn number_of(event: Event) -> Option<u32> {
    match event {
        Event::Rollback(n) | Event::Suspend(n) | Event::Resume(n) => Some(n),
        Event::Revoke(n, _) | Event::Destroy(n) => Some(n),
        Event::ScheduleDestroy { number, .. } => Some(number),
        _ => None,
    }
}

fn id(n: u64) -> KeyVersionId {
    KeyVersionId(n.to_be_bytes())
}

const SUITE: Suite = Suite::Aes256Gcm;

fn event(kind: u32, number: u32, fresh: u64, now: UnixSeconds) -> Event {
    match kind {
        0 => Event::Rotate { id: id(fresh), suite: SUITE },
        1 => Event::Rollback(number),
        2 => Event::Suspend(number),
        3 => Event::Resume(number),
        4 => Event::Revoke(number, Cause::Compromise),
        5 => Event::Revoke(number, Cause::Superseded),
        6 => Event::ScheduleDestroy { number, destroy_after: now + 3 },
        _ => Event::Destroy(number),
    }
}

fn new_keyring(policy: RotationPolicy) -> Keyring {
    Keyring::create(Purpose::Field, policy, id(0), SUITE, 0)
}

fn states(keyring: &Keyring) -> Vec<State> {
    keyring.versions.iter().map(|version| version.state).collect()
}

/// What must hold in every keyring whatsoever.
fn check_shape(keyring: &Keyring) {
    let active: Vec<u32> =
        keyring.versions.iter().filter(|v| v.state == Active).map(|v| v.number).collect();
    assert!(active.is_empty() || active == [keyring.primary], "{active:?}");
    assert_eq!(keyring.encrypting_version().ok().map(|v| v.number), active.first().copied());
    assert!(keyring.versions.iter().map(|v| v.number).eq(1..=keyring.versions.len() as u32));
    for version in &keyring.versions {
        let opens = matches!(version.state, Active | Deactivated);
        assert_eq!(keyring.decrypting_version(version.id).is_ok(), opens);
        assert_eq!(version.destroy_after.is_some(), version.state == DestroyPending);
    }
}

fn walk(steps: Vec<(u32, u32, i64)>) {
    let (mut keyring, mut model) = (new_keyring(RotationPolicy::default()), Model::new());
    let (mut now, mut compromised) = (0, BTreeSet::new());
    for (step, (kind, number, seconds)) in steps.into_iter().enumerate() {
        now += seconds;
        let event = event(kind, number, step as u64 + 1, now);
        let (before, allowed) = (keyring.clone(), model.apply(event, now));
        let outcome = keyring.apply(event, now);
        assert_eq!(keyring, before, "apply changes nothing in place");
        assert_eq!(outcome.is_ok(), allowed, "{event:?} on {:?}", states(&before));
        keyring = outcome.unwrap_or(keyring);
        if let (true, Event::Revoke(number, Cause::Compromise)) = (allowed, event) {
            compromised.insert(number);
        }
        check_shape(&keyring);
        assert_eq!(keyring.primary, model.primary);
        assert!(states(&keyring).into_iter().eq(model.versions.values().map(|v| v.state)));
        for (old, new) in before.versions.iter().zip(&keyring.versions) {
            assert!(old.state != Destroyed || old == new, "a tombstone changed: {old:?}");
            assert!(!compromised.contains(&new.number) || !new.state.decrypts(), "{new:?}");
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(1000))]
    #[test]
    fn any_sequence_of_events_follows_the_model(steps in vec((0..8u32, 1..5u32, 0..3i64), 0..80)) {
        walk(steps);
    }
}

/// Version 1 in `state`, with version 2 beside it; one of them is primary.
fn keyring_with(state: State, is_primary: bool) -> (Keyring, Model) {
    let rotate = Event::Rotate { id: id(1), suite: SUITE };
    let mut keyring = new_keyring(RotationPolicy::default()).apply(rotate, 0).unwrap();
    let mut model = Model::new();
    model.rotate();
    keyring.versions[0].state = state;
    model.versions.get_mut(&1).unwrap().state = state;
    if is_primary {
        keyring.versions[1].state = Deactivated;
        model.versions.get_mut(&2).unwrap().state = Deactivated;
        (keyring.primary, model.primary) = (1, 1);
    }
    (keyring, model)
}

#[test]
fn every_event_in_every_state_follows_the_table() {
    let kinds = State::ALL.into_iter().flat_map(|state| (1..8).map(move |kind| (state, kind)));
    for ((state, kind), is_primary) in kinds.flat_map(|kind| [(kind, false), (kind, true)]) {
        if state == Active && !is_primary {
            continue;
        }
        let ((keyring, mut model), event) = (keyring_with(state, is_primary), event(kind, 1, 9, 0));
        let allowed = model.apply(event, 0);
        let outcome = keyring.apply(event, 0);
        assert_eq!(outcome.is_ok(), allowed, "{event:?} in {state:?}, primary: {is_primary}");
        let after = states(&outcome.unwrap_or(keyring));
        assert!(
            after.iter().eq(model.versions.values().map(|v| &v.state)),
            "{event:?} in {state:?}"
        );
    }
}

#[test]
fn resuming_never_makes_a_revoked_version_encrypt_again() {
    let mut keyring = new_keyring(RotationPolicy::default());
    for event in [Event::Revoke(1, Cause::Superseded), Event::Suspend(1), Event::Resume(1)] {
        keyring = keyring.apply(event, 0).unwrap();
    }
    assert_eq!(keyring.version(1).unwrap().state, Deactivated);
}

#[test]
fn refusals_say_why() {
    let (keyring, _) = keyring_with(Compromised, false);
    let schedule = |number| Event::ScheduleDestroy { number, destroy_after: 10 };
    let refusals = [
        (Event::Rotate { id: id(1), suite: SUITE }, Refusal::DuplicateId),
        (Event::Rollback(1), Refusal::WrongState(Compromised)),
        (Event::Suspend(3), Refusal::NoSuchVersion),
        (Event::Rollback(0), Refusal::NoSuchVersion),
        (schedule(2), Refusal::IsPrimary),
    ];
    for (event, refusal) in refusals {
        assert_eq!(keyring.apply(event, 0), Err(refusal), "{event:?}");
    }
    assert_eq!(keyring.decrypting_version(id(0)), Err(Refusal::DoesNotDecrypt(Compromised)));
    assert_eq!(keyring.decrypting_version(id(7)), Err(Refusal::NoSuchVersion));
    let pending = keyring.apply(schedule(1), 0).unwrap();
    assert_eq!(pending.apply(Event::Destroy(1), 9), Err(Refusal::TooEarly(10)));
    assert_eq!(pending.apply(Event::Destroy(1), 10).unwrap().versions[0].state, Destroyed);
    let stopped = keyring.apply(Event::Suspend(2), 0).unwrap();
    assert_eq!(stopped.encrypting_version(), Err(Refusal::NoPrimary));
    assert_eq!(stopped.apply(schedule(2), 0), Err(Refusal::IsPrimary));
    let mut full = keyring.clone();
    full.versions[1].number = u32::MAX;
    let rotate = Event::Rotate { id: id(7), suite: SUITE };
    assert_eq!(full.apply(rotate, 0), Err(Refusal::TooManyVersions));
}

#[test]
fn a_rotation_is_due_by_each_of_its_conditions() {
    let none = RotationPolicy::default();
    let (period, moment) = (
        RotationPolicy { period: Some(100), ..none },
        RotationPolicy { next_time: Some(50), ..none },
    );
    let messages = RotationPolicy { max_messages: Some(5), ..none };
    let bytes = RotationPolicy { max_bytes: Some(5), ..none };
    let both = RotationPolicy { next_time: Some(50), ..period };
    let usage = |messages, bytes| Usage { messages, bytes };
    let cases = [
        (none, usage(u64::MAX, u64::MAX), i64::MAX, None),
        (period, usage(9, 9), 99, None),
        (period, usage(0, 0), 100, Some(DueReason::Period)),
        (period, usage(0, 0), i64::MIN, None),
        (moment, usage(9, 9), 49, None),
        (moment, usage(0, 0), 50, Some(DueReason::NextTime)),
        (messages, usage(4, 9), 999, None),
        (messages, usage(5, 0), 0, Some(DueReason::Messages)),
        (bytes, usage(9, 4), 999, None),
        (bytes, usage(0, 5), 0, Some(DueReason::Bytes)),
        (both, usage(0, 0), 100, Some(DueReason::NextTime)),
    ];
    for (policy, usage, now, due) in cases {
        assert_eq!(new_keyring(policy).rotation_due(usage, now), due, "{policy:?} {usage:?} {now}");
    }
}

#[test]
fn a_rotation_moves_the_fixed_moment_on_by_whole_periods() {
    let cases = [
        (Some(100), Some(50), 49, Some(50)),
        (Some(100), Some(50), 50, Some(150)),
        (Some(100), Some(50), 149, Some(150)),
        (Some(100), Some(50), 150, Some(250)),
        (Some(100), Some(50), 1049, Some(1050)),
        (None, Some(50), 49, Some(50)),
        (None, Some(50), 50, None),
        (Some(0), Some(50), 50, None),
        (Some(100), None, 50, None),
    ];
    for (period, next_time, now, after) in cases {
        let policy = RotationPolicy { period, next_time, ..RotationPolicy::default() };
        let rotate = Event::Rotate { id: id(1), suite: SUITE };
        let rotated = new_keyring(policy).apply(rotate, now).unwrap();
        assert_eq!(rotated.policy, RotationPolicy { next_time: after, ..policy }, "{now}");
        assert_eq!(rotated.versions[1].activated_at, Some(now));
    }
}

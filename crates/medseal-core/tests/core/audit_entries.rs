//! Entries, their details, and logs that were tampered with.

use crate::support::Counting;
use medseal_core::audit::{
    Access, Details, DetailsKey, DetailsState, EncodedEvent, Entry, Event, FrameHeader, LogId,
    LogVerifier, Outcome, Rejection, SealedDetails, VerifiedRun, push_frame,
};
use medseal_core::context::{Binding, Scope, encode_into};
use medseal_core::primitives::sha256;
use medseal_core::secret::LogSeed;
use medseal_core::state_root::{StateAt, StateRoot};
use medseal_core::{Error, KeyVersionId};

const LOG: LogId = LogId([7; 16]);

fn access() -> Access<'static> {
    Access {
        operation: "decrypt",
        principal: "os-user:1000",
        rule: Some("local-owner"),
        outcome: Outcome::Permitted,
        epoch: 3,
        root: Some(StateRoot([5; 32])),
        items: 2,
        digest: [9; 32],
        tenant: Some("default"),
        collections: vec!["lab", "patient"],
        more_collections: 0,
        keys: vec!["default@1"],
        key_ids: vec![[1; 8], [2; 8]],
        more_keys: 0,
        change: None,
        details: None,
        principal_id: None,
        more_rules: vec![],
        purpose: None,
        on_behalf_of: None,
        alarms: vec![],
        subjects: vec![],
        more_subjects: 0,
        key_items: vec![],
        target_ids: vec![],
        target_items: vec![],
        request: None,
    }
}

/// How many items are under each key version, and to which they are carried over.
fn counted() -> Access<'static> {
    Access { key_items: vec![1, 1], target_ids: vec![[3; 8]], target_items: vec![2], ..access() }
}

fn entry(sequence: u64, event: Event<'_>) -> Entry<'_> {
    Entry { log: LOG, sequence, time: 1_700_000_000, signed: 0, event }
}

fn boot() -> Entry<'static> {
    entry(0, Event::Boot { ed25519: [1; 32], ml_dsa_87: [2; 32] })
}

fn bytes(entry: &Entry<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    entry.encode_into(&mut out).unwrap();
    out
}

fn refused(bytes: &[u8]) -> bool {
    Entry::decode(bytes, 4).is_err_and(|e| e.code() == "AUDIT_ENTRY_REJECTED")
}

#[test]
fn every_kind_of_entry_comes_back() {
    let digest = [3; 32];
    let details = Some(SealedDetails { length: 300, digest, items_root: [4; 32] });
    let denied = Access { rule: None, outcome: Outcome::Denied, details, ..access() };
    let bare =
        Access { tenant: None, collections: vec![], keys: vec![], key_ids: vec![], ..access() };
    let full = Access { more_collections: 2, more_keys: 9, change: Some("create a/b"), ..access() };
    let attributed = Access { more_rules: vec!["a", "b"], alarms: vec!["c"], ..who_and_why() };
    let subjects = Access { subjects: vec![[1; 16], [2; 16]], more_subjects: 3, ..access() };
    let events = [
        boot().event,
        Event::Operation(access()),
        Event::Operation(denied),
        Event::Operation(bare),
        Event::Operation(full),
        Event::Operation(attributed),
        Event::Operation(who_and_why()),
        Event::Operation(subjects),
        Event::Operation(counted()),
        Event::Operation(Access { target_ids: vec![], target_items: vec![], ..counted() }),
        Event::Operation(Access { request: Some([8; 16]), ..access() }),
        Event::ClockWentBack { before: 1_700_000_100 },
        Event::Recovery { bytes: 17, digest },
        Event::Store(StateAt { epoch: 1 << 40, root: StateRoot(digest) }),
        Event::Operation(Access { root: None, ..access() }),
    ];
    for event in events {
        let entry = entry(300, event);
        assert_eq!(Entry::decode(&bytes(&entry), 300), Ok(entry));
    }
}

fn who_and_why() -> Access<'static> {
    Access {
        principal_id: Some([6; 8]),
        purpose: Some("treatment"),
        on_behalf_of: Some("app"),
        ..access()
    }
}

/// Sixteen bytes and no others, behind everything else.
#[test]
fn the_request_for_approvals_is_the_last_member() {
    let encoded = bytes(&entry(4, Event::Operation(Access { request: Some([8; 16]), ..access() })));
    let tail = [&[0x18, 49, 0x50][..], &[8; 16]].concat();
    assert!(encoded.ends_with(&tail) && !refused(&encoded));
    let mut shorter = encoded[..encoded.len() - 1].to_vec();
    let length = encoded.len() - 17;
    shorter[length] = 0x4f;
    assert!(refused(&shorter), "fifteen bytes");
    let mut other = encoded.clone();
    other[length - 1] = 48;
    assert!(refused(&other), "a member that no entry has");
    let mut earlier = encoded.clone();
    earlier[length - 1] = 32;
    assert!(refused(&earlier), "the place of another member");
}

/// Members above 23 take two bytes, lists of one name are arrays.
#[test]
fn who_and_why_stand_behind_all_others() {
    let access = Access { more_rules: vec!["r"], alarms: vec!["n"], ..who_and_why() };
    let encoded = bytes(&entry(4, Event::Operation(access)));
    let mut tail = vec![0x18, 0x20, 0x48, 6, 6, 6, 6, 6, 6, 6, 6];
    tail.extend_from_slice(&[0x18, 0x21, 0x81, 0x61, b'r', 0x18, 0x22, 0x69]);
    tail.extend_from_slice(b"treatment");
    tail.extend_from_slice(&[0x18, 0x23, 0x63, b'a', b'p', b'p', 0x18, 0x24, 0x81, 0x61, b'n']);
    assert!(encoded.ends_with(&tail));
    assert!(!refused(&encoded));
    let id = encoded.len() - tail.len();
    let mut shorter = encoded.clone();
    shorter[id + 2] = 0x47;
    shorter.remove(id + 3);
    assert!(refused(&shorter), "an id of seven bytes");
    for (from, to) in [(0x20, 0x25), (0x21, 0x20), (0x22, 0x21)] {
        let at = encoded.len() - tail.windows(2).rev().position(|w| w == [0x18, from]).unwrap() - 1;
        let mut other = encoded.clone();
        other[at] = to;
        assert!(refused(&other), "member {from:02x} as {to:02x}");
    }
}

/// Counts stand beside their key versions, none is zero, and they are no more than the items.
#[test]
fn counts_of_items_stand_last_and_beside_their_key_versions() {
    let encoded = bytes(&entry(4, Event::Operation(counted())));
    let mut tail = vec![0x18, 0x2e, 0x82, 1, 1, 0x18, 0x2f, 0x81, 0x48];
    tail.extend_from_slice(&[3; 8]);
    tail.extend_from_slice(&[0x18, 0x30, 0x81, 2]);
    assert!(encoded.ends_with(&tail));
    assert!(!refused(&encoded));
    let start = encoded.len() - tail.len();
    // a count of zero, one more than there are items, a count twice as long as it needs
    for (at, byte) in [(3, 0), (4, 2), (tail.len() - 1, 0), (tail.len() - 1, 3)] {
        let mut other = encoded.clone();
        other[start + at] = byte;
        assert!(refused(&other), "byte {at} as {byte}");
    }
    let long = [&encoded[..encoded.len() - 1], &[0x18, 2]].concat();
    assert!(refused(&long), "a number in more bytes than it needs");
    let cases = [
        Access { key_items: vec![2], ..counted() },
        Access { key_items: vec![1, 1, 0], ..counted() },
        Access { key_items: vec![1, u64::MAX], ..counted() },
        Access { target_items: vec![], ..counted() },
        Access { target_ids: vec![], ..counted() },
        Access { target_ids: vec![[3; 8], [3; 8]], target_items: vec![1, 1], ..counted() },
        Access { target_ids: vec![[4; 8], [3; 8]], target_items: vec![1, 1], ..counted() },
    ];
    for case in cases {
        assert!(entry(4, Event::Operation(case)).encode_into(&mut Vec::new()).is_err());
    }
}

/// The bytes were written by hand from RFC 8949 and the table of members in the specification.
#[test]
fn the_encoding_is_the_one_of_the_specification() {
    let mut expected = vec![0xa7, 0x00, 0x01, 0x01, 0x02, 0x02, 0x50];
    expected.extend_from_slice(&[7; 16]);
    expected.extend_from_slice(&[0x03, 0x18, 0x18, 0x04, 0x1a, 0x65, 0x53, 0xf1, 0x00, 0x05, 0x00]);
    expected.extend_from_slice(&[0x18, 0x1c, 0x1a, 0x65, 0x53, 0xf1, 0x64]);
    assert_eq!(bytes(&entry(24, Event::ClockWentBack { before: 1_700_000_100 })), expected);
}

#[test]
fn every_other_encoding_is_refused() {
    let good = bytes(&entry(4, Event::ClockWentBack { before: 5 }));
    assert!(!refused(&good));
    let (head, tail) = good.split_at(1);
    // an indefinite map, a longer count, a member too few, too many, unknown, twice, as a float
    assert!(refused(&[&[0xbf], tail, &[0xff]].concat()));
    assert!(refused(&[&[0xb8, 0x07], tail].concat()));
    assert!(refused(&[&[0xa6], tail].concat()));
    assert!(refused(&[head, tail, &[0x00]].concat()));
    assert!(refused(&[&[0xa8], tail, &[0x18, 0x20, 0x00]].concat()));
    assert!(refused(&[&[0xa8], tail, &[0x18, 0x1c, 0x05]].concat()));
    assert!(refused(&[&good[..good.len() - 1], &[0xf9, 0x45, 0x00]].concat()));
    // a number in more bytes than it needs, a tag, a member that belongs to another kind
    assert!(refused(&[&good[..good.len() - 1], &[0x18, 0x05]].concat()));
    assert!(refused(&[&good[..good.len() - 1], &[0xc1, 0x05]].concat()));
    assert!(refused(&[&[0xa8], tail, &[0x18, 0x1d, 0x00]].concat()));
    for at in 0..good.len() {
        assert!(refused(&good[..at]), "cut at {at}");
    }
    let mut format2 = good.clone();
    format2[2] = 2;
    assert!(refused(&format2));
}

/// As above, for the entry that says where the store stands.
#[test]
fn the_encoding_of_a_state_is_the_one_of_the_specification() {
    let mut expected = vec![0xa8, 0x00, 0x01, 0x01, 0x04, 0x02, 0x50];
    expected.extend_from_slice(&[7; 16]);
    expected.extend_from_slice(&[0x03, 0x04, 0x04, 0x1a, 0x65, 0x53, 0xf1, 0x00, 0x05, 0x00]);
    expected.extend_from_slice(&[0x0a, 0x19, 0x01, 0x02, 0x17, 0x58, 0x20]);
    expected.extend_from_slice(&[9; 32]);
    let state = StateAt { epoch: 258, root: StateRoot([9; 32]) };
    assert_eq!(bytes(&entry(4, Event::Store(state))), expected);
    // the root missing, too short, or with a member of another kind
    assert!(refused(&[&[0xa7], &expected[1..expected.len() - 35]].concat()));
    let short = [&expected[..expected.len() - 33], &[0x1f], &[9; 31]].concat();
    assert!(refused(&short));
    assert!(refused(&[&[0xa9], &expected[1..], &[0x18, 0x1c, 0x05]].concat()));
}

#[test]
fn an_epoch_has_one_root_and_no_operation_is_without() {
    let at = |epoch, root| StateAt { epoch, root: StateRoot([root; 32]) };
    let operation = |sequence, epoch, root: Option<u8>| {
        let root = root.map(|root| StateRoot([root; 32]));
        bytes(&entry(sequence, Event::Operation(Access { epoch, root, ..access() })))
    };
    let state = |sequence, named| bytes(&entry(sequence, Event::Store(named)));
    let boot = bytes(&boot());
    let honest =
        [boot.clone(), operation(1, 1, None), state(2, at(2, 2)), operation(3, 2, Some(2))];
    let newest = |log: &[Vec<u8>]| {
        let mut verifier = LogVerifier::new(LOG);
        for entry in log {
            verifier.entry(entry)?;
            verifier.end_details()?;
        }
        Ok::<_, Rejection>(verifier.state())
    };
    assert_eq!(newest(&honest), Ok(Some(at(2, 2))));
    // an operation that began before the change
    let late = [&honest[..], &[operation(4, 1, Some(1)), operation(5, 3, Some(3))]].concat();
    assert_eq!(newest(&late), Ok(Some(at(3, 3))));
    for refused in [operation(4, 2, Some(3)), state(4, at(2, 3)), operation(4, 2, None)] {
        let log = [&honest[..], &[refused]].concat();
        let rejection = newest(&log).unwrap_err();
        assert_eq!(rejection.code(), "AUDIT_ENTRY_REJECTED");
        assert!(rejection.to_string().starts_with("entry 4: "), "{rejection}");
        assert!(rejection.to_string().contains("state root"), "{rejection}");
        (1..5).for_each(|cut| assert_eq!(newest_of_runs(&log, cut), Err(rejection), "{cut}"));
    }
    for log in [&honest[..], &late] {
        (1..log.len()).for_each(|cut| assert_eq!(newest_of_runs(log, cut), newest(log)));
    }
}

/// Frames without details.
fn frames(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    entries.iter().for_each(|entry| push_frame(&mut out, entry, b"").unwrap());
    out
}

/// The same log in two runs that were verified apart.
fn newest_of_runs(log: &[Vec<u8>], cut: usize) -> Result<Option<StateAt>, Rejection> {
    let mut verifier = LogVerifier::new(LOG);
    for (first, part) in [(0, &log[..cut]), (cut, &log[cut..])] {
        verifier.join(&VerifiedRun::verify(LOG, first as u64, &frames(part))?)?;
    }
    Ok(verifier.state())
}

#[test]
fn names_are_bounded_sorted_and_plain() {
    let long = "x".repeat(129);
    let many: Vec<String> = (10..43).map(|n| n.to_string()).collect();
    let cases = [
        Access { operation: "Decrypt", ..access() },
        Access { operation: "", ..access() },
        Access { principal: &long, ..access() },
        Access { tenant: Some("a\nb"), ..access() },
        Access { collections: vec!["b", "a"], ..access() },
        Access { collections: vec!["a", "a"], ..access() },
        Access { keys: many.iter().map(String::as_str).collect(), ..access() },
        Access { key_ids: vec![[2; 8], [1; 8]], ..access() },
        Access { change: Some(""), ..access() },
        Access { more_rules: vec!["b", "a"], ..access() },
        Access { alarms: vec!["a", "a"], ..access() },
        Access { purpose: Some(""), ..access() },
        Access { on_behalf_of: Some("a\nb"), ..access() },
        Access { subjects: vec![[2; 16], [1; 16]], ..access() },
        Access { subjects: vec![[1; 16], [1; 16]], ..access() },
        Access { subjects: (0..33).map(|n| [n; 16]).collect(), ..access() },
    ];
    for case in cases {
        let mut out = vec![1];
        let refused = EncodedEvent::new(&Event::Operation(case.clone())).unwrap_err();
        assert_eq!(refused.to_string(), "new entry: not an entry in canonical form");
        assert!(entry(4, Event::Operation(case)).encode_into(&mut out).is_err());
        assert_eq!(out, [1], "nothing half written");
    }
}

fn details() -> Details {
    let scope = Scope::new("default", "patient", "name").unwrap();
    let mut details = Details::new([5; 32]);
    for record in ["17", "18", "19"] {
        let mut context = Vec::new();
        encode_into(&scope, None, &Binding::record(record), &mut context).unwrap();
        details.push(KeyVersionId([1; 8]), &context);
    }
    details
}

#[test]
fn details_open_against_their_entry_and_nothing_else() {
    let seed = LogSeed::from_slice(&[3; 32]).unwrap();
    let key = DetailsKey::new(LOG, &seed);
    let details = details();
    let sealed = key.seal(&details, &mut Counting::default()).unwrap();
    let opened = key.open(&sealed, &details.root()).unwrap();
    let items: Vec<_> = opened.items().collect();
    assert_eq!(items.len(), 3);
    assert_eq!((items[1].tenant(), items[1].collection()), (Some("default"), Some("patient")));
    assert_eq!((items[1].field(), items[1].record()), (Some("name"), Some("18")));
    let rejected = |key: &DetailsKey, sealed: &[u8], root: &[u8; 32]| {
        key.open(sealed, root)
            .err()
            .is_some_and(|e| matches!(e, Error::Rejected | Error::Malformed(_)))
    };
    assert!(rejected(&key, &sealed, &[0; 32]));
    assert!(rejected(&DetailsKey::new(LogId([8; 16]), &seed), &sealed, &details.root()));
    let other = LogSeed::from_slice(&[4; 32]).unwrap();
    assert!(rejected(&DetailsKey::new(LOG, &other), &sealed, &details.root()));
    for at in [0, 1, 2, 3, 11, 12, 40, 70, sealed.len() - 1] {
        let mut flipped = sealed.clone();
        flipped[at] ^= 1;
        assert!(rejected(&key, &flipped, &details.root()), "{at}");
    }
    assert!(rejected(&key, &sealed[..20], &details.root()));
}

#[test]
fn a_case_is_kept_with_the_details_and_bound_to_their_entry() {
    let key = DetailsKey::new(LOG, &LogSeed::from_slice(&[3; 32]).unwrap());
    for case in ["", "2026/0815, Müller"] {
        let mut with = details();
        with.set_case(case);
        assert_eq!(with.root(), details().root(), "a case is no item");
        let sealed = key.seal(&with, &mut Counting::default()).unwrap();
        assert!(case.is_empty() || !sealed.windows(case.len()).any(|w| w == case.as_bytes()));
        let opened = key.open(&sealed, &with.root()).unwrap();
        assert_eq!((opened.case(), opened.items().count()), (Some(case), 3));
    }
    let sealed = key.seal(&details(), &mut Counting::default()).unwrap();
    assert_eq!(key.open(&sealed, &details().root()).unwrap().case(), None);
}

/// RFC 6962 by hand, so that salts and order are pinned: two nodes over three salted leaves.
#[test]
fn the_root_over_items_hides_them_behind_salts() {
    let details = details();
    let mut other = Details::new([6; 32]);
    details.items().for_each(|item| other.push(item.id, item.context));
    assert_ne!(details.root(), other.root(), "the same items behind another secret");
    let salted = |i: u64, item: &[u8]| {
        use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
        let key = Key::new(HMAC_SHA256, &[5; 32]);
        let message =
            [&[0, 0, 0, 1][..], b"medseal/v1/audit-salt\0", &i.to_be_bytes(), &[0, 0, 1, 0]]
                .concat();
        sha256(&[&[0][..], sign(&key, &message).as_ref(), item].concat())
    };
    let node = |l: [u8; 32], r: [u8; 32]| sha256(&[&[1][..], &l, &r].concat());
    let items: Vec<Vec<u8>> = details.items().map(|i| [&i.id.0, i.context].concat()).collect();
    let [a, b, c] = [0, 1, 2].map(|i| salted(i as u64, &items[i]));
    assert_eq!(details.root(), node(node(a, b), c));
}

fn log(count: u64) -> Vec<Vec<u8>> {
    let operation = |sequence| bytes(&entry(sequence, Event::Operation(access())));
    std::iter::once(bytes(&boot())).chain((1..count).map(operation)).collect()
}

fn verify<'l>(log: impl IntoIterator<Item = &'l Vec<u8>>) -> Result<[u8; 32], Rejection> {
    let mut verifier = LogVerifier::new(LOG);
    for entry in log {
        verifier.entry(entry)?;
        verifier.end_details()?;
    }
    Ok(verifier.root())
}

#[test]
fn dropped_repeated_reordered_and_foreign_entries_are_named() {
    let log = log(5);
    assert!(verify(&log).is_ok());
    let at = |result: Result<[u8; 32], Rejection>| result.unwrap_err().place.to_string();
    assert_eq!(at(verify([&log[0], &log[1], &log[3]])), "entry 2");
    assert_eq!(at(verify([&log[0], &log[1], &log[1]])), "entry 2");
    assert_eq!(at(verify([&log[0], &log[2], &log[1]])), "entry 1");
    assert_eq!(at(verify([&log[1]])), "entry 0");
    let foreign = Entry { log: LogId([8; 16]), ..entry(1, Event::Operation(access())) };
    assert_eq!(at(verify([&log[0], &bytes(&foreign)])), "entry 1");
    let second_boot = Entry { sequence: 1, ..boot() };
    assert_eq!(at(verify([&log[0], &bytes(&second_boot)])), "entry 1");
    let from_the_future = Entry { signed: 2, ..entry(1, Event::Operation(access())) };
    assert_eq!(at(verify([&log[0], &bytes(&from_the_future)])), "entry 1");
}

#[test]
fn an_entry_that_knows_a_newer_checkpoint_gives_an_old_one_away() {
    let mut verifier = LogVerifier::new(LOG);
    verifier.entry(&bytes(&boot())).unwrap();
    let knows = Entry { signed: 1, ..entry(1, Event::Operation(access())) };
    verifier.entry(&bytes(&knows)).unwrap();
    assert_eq!(verifier.check_newest(1), Ok(()));
    let refused = verifier.check_newest(0).unwrap_err();
    assert_eq!(
        (refused.code(), refused.place.to_string()),
        ("AUDIT_ROOT_REJECTED", "entry 1".into())
    );
}

#[test]
fn details_are_those_of_the_entry_or_erased() {
    let sealed = [1u8, 2, 3];
    let details = Some(SealedDetails { length: 3, digest: sha256(&sealed), items_root: [0; 32] });
    let with = bytes(&entry(1, Event::Operation(Access { details, ..access() })));
    let after = |entry: &[u8], pieces: &[&[u8]]| {
        let mut verifier = LogVerifier::new(LOG);
        verifier.entry(&bytes(&boot()))?;
        verifier.end_details()?;
        verifier.entry(entry)?;
        pieces.iter().for_each(|piece| verifier.details(piece));
        verifier.end_details()
    };
    assert_eq!(after(&with, &[&[1], &[2, 3]]), Ok(DetailsState::Present));
    assert_eq!(after(&with, &[&[0, 0], &[0]]), Ok(DetailsState::Erased));
    for wrong in [&[1u8, 2, 4][..], &[1, 2], &[0, 0], &[1, 2, 3, 0], &[]] {
        assert!(after(&with, &[wrong]).is_err(), "{wrong:?}");
    }
    let without = bytes(&entry(1, Event::Operation(access())));
    assert_eq!(after(&without, &[]), Ok(DetailsState::None));
    assert!(after(&without, &[&[0]]).is_err());
}

#[test]
fn frames_have_two_lengths_and_no_empty_entry() {
    let mut out = Vec::new();
    push_frame(&mut out, b"entry", b"details").unwrap();
    let header = FrameHeader::parse(out.first_chunk().unwrap()).unwrap();
    assert_eq!((header.entry, header.details, header.body()), (5, 7, 12));
    assert_eq!(&out[6..], b"entrydetails");
    assert_eq!(FrameHeader::parse(&[0; 6]), None);
    assert_eq!(FrameHeader::parse(&[0xff, 0xff, 0, 0, 0, 0]), None);
}

/// A run of frames gives the verdicts that the same entries get one by one.
#[test]
fn a_run_is_verified_as_its_entries_are() {
    let log = log(6);
    let whole = verify(&log).unwrap();
    let mut verifier = LogVerifier::new(LOG);
    for part in [0..1, 1..4, 4..6] {
        let run = VerifiedRun::verify(LOG, part.start as u64, &frames(&log[part])).unwrap();
        assert_eq!((run.present, run.erased), (0, 0));
        verifier.join(&run).unwrap();
    }
    assert_eq!((verifier.root(), verifier.size()), (whole, 6));
    let gap = VerifiedRun::verify(LOG, 2, &frames(&log[2..4])).unwrap();
    assert_eq!(verifier.join(&gap).unwrap_err().place.to_string(), "entry 6");
    let at = |first, bytes: &[u8]| {
        VerifiedRun::verify(LOG, first, bytes).err().map(|refused| refused.place.to_string())
    };
    assert_eq!(at(1, &frames(&log[2..4])).unwrap(), "entry 1");
    assert_eq!(at(2, &frames(&[log[2].clone(), log[4].clone()])).unwrap(), "entry 3");
    let cut = frames(&log[2..4]);
    assert_eq!(at(2, &cut[..cut.len() - 1]).unwrap(), "entry 3");
    let mut details = Vec::new();
    push_frame(&mut details, &log[2], b"nobody committed to these").unwrap();
    assert_eq!(at(2, &details).unwrap(), "entry 2");
}

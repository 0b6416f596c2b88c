//! Requests for approvals, and statements about them.

use crate::support::{Counting, kdf};
use aws_lc_rs::digest::{SHA256, digest as sha256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use medseal_core::StoreId;
use medseal_core::approval::{
    Act, Alteration, ApprovalRequest, ApproverKeyId, ApproverKeys, ApproverSigner,
    EligibleApprover, RequestId, Requester, Verdict,
};
use medseal_core::secret::ApproverSeed;

fn store() -> StoreId {
    StoreId::parse("00000000-0000-4000-8000-000000000000").unwrap()
}

fn act() -> Act {
    let alteration = Alteration {
        what: "k@1".to_owned(),
        from: "deactivated".to_owned(),
        to: "destroyed".to_owned(),
    };
    Act {
        operation: "destroy-key".to_owned(),
        tenant: Some("default".to_owned()),
        concerns: None,
        parameters: vec![("key".to_owned(), "k".to_owned())],
        alterations: vec![alteration],
    }
}

fn request() -> ApprovalRequest {
    ApprovalRequest {
        id: RequestId([7; 16]),
        store: store(),
        requester: Requester { principal: Some([1; 8]), os_user: None, name: "ann".to_owned() },
        epoch: 5,
        made_at: 100,
        expires_at: 200,
        needed: 2,
        approvers: vec![
            EligibleApprover { principal: [2; 8], key: ApproverKeyId([9; 32]) },
            EligibleApprover { principal: [3; 8], key: ApproverKeyId([8; 32]) },
        ],
        reason: None,
        act: act(),
    }
}

fn signer(principal: u8, seed: u8) -> ApproverSigner {
    let seed = ApproverSeed::from_slice(&[seed; 32]).unwrap();
    ApproverSigner::new(&store(), [principal; 8], &seed).unwrap()
}

/// The encoding by hand, from the specification's table.
fn by_hand() -> Vec<u8> {
    let mut out = vec![0xab, 0x00, 0x01, 0x01, 0x50];
    out.extend([7; 16]);
    out.extend([0x02, 0x78, 36]);
    out.extend(b"00000000-0000-4000-8000-000000000000");
    out.extend([0x03, 0x48]);
    out.extend([1; 8]);
    out.extend([0x05, 0x63, b'a', b'n', b'n', 0x06, 0x05, 0x07, 0x18, 100, 0x08, 0x18, 200]);
    out.extend([0x09, 0x02, 0x0a, 0x82]);
    for (principal, key) in [(2, 9), (3, 8)] {
        out.extend([0x82, 0x48]);
        out.extend([principal; 8]);
        out.extend([0x58, 32]);
        out.extend([key; 32]);
    }
    out.extend([0x0c, 0xa4, 0x00, 0x6b]);
    out.extend(b"destroy-key");
    out.extend([0x01, 0x67]);
    out.extend(b"default");
    out.extend([0x03, 0x81, 0x82, 0x63]);
    out.extend(b"key");
    out.extend([0x61, b'k', 0x04, 0x81, 0x83, 0x63]);
    out.extend(b"k@1");
    out.push(0x6b);
    out.extend(b"deactivated");
    out.push(0x69);
    out.extend(b"destroyed");
    out
}

#[test]
fn a_request_has_the_encoding_and_the_digest_of_the_specification() {
    let bytes = by_hand();
    assert_eq!(request().to_bytes(), Some(bytes.clone()));
    assert_eq!(ApprovalRequest::from_bytes(&bytes), Some(request()));
    let labelled = [&b"medseal/v1/approval-request\0"[..], &bytes].concat();
    let expected = sha256(&SHA256, &labelled);
    assert_eq!(request().digest().unwrap().0, expected.as_ref());
    let full = ApprovalRequest {
        requester: Requester { principal: None, os_user: Some(1000), name: "o".to_owned() },
        reason: Some("why".to_owned()),
        act: Act { tenant: None, concerns: Some([4; 8]), ..act() },
        ..request()
    };
    let bytes = full.to_bytes().unwrap();
    assert_eq!(ApprovalRequest::from_bytes(&bytes), Some(full));
}

#[test]
fn every_other_encoding_is_refused() {
    let bytes = by_hand();
    for cut in 0..bytes.len() {
        assert_eq!(ApprovalRequest::from_bytes(&bytes[..cut]), None, "{cut}");
    }
    assert_eq!(ApprovalRequest::from_bytes(&[&bytes[..], &[0]].concat()), None);
    // needed as a longer number, and a format that is not 1
    let at = bytes.windows(3).position(|w| w == [0x09, 0x02, 0x0a]).unwrap();
    let longer = [&bytes[..=at], &[0x18, 0x02], &bytes[at + 2..]].concat();
    assert_eq!(ApprovalRequest::from_bytes(&longer), None);
    let mut format = bytes.clone();
    format[2] = 2;
    assert_eq!(ApprovalRequest::from_bytes(&format), None);
    // every byte is part of what is signed
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        let read = ApprovalRequest::from_bytes(&altered);
        assert!(read.is_none_or(|r| r.digest() != request().digest()), "byte {at}");
    }
}

#[test]
fn a_request_for_nobody_or_for_one_person_twice_cannot_be_said() {
    let twice =
        request().approvers.into_iter().map(|a| EligibleApprover { principal: [2; 8], ..a });
    let unsorted = request().approvers.into_iter().rev();
    let parameter = ("key".to_owned(), "k".to_owned());
    for impossible in [
        ApprovalRequest { needed: 0, ..request() },
        ApprovalRequest { expires_at: 100, ..request() },
        ApprovalRequest { approvers: twice.collect(), ..request() },
        ApprovalRequest { approvers: unsorted.collect(), ..request() },
        ApprovalRequest {
            act: Act { parameters: vec![parameter.clone(), parameter], ..act() },
            ..request()
        },
    ] {
        assert_eq!((impossible.to_bytes(), impossible.digest()), (None, None), "{impossible:?}");
        assert!(signer(2, 2).sign(&impossible, Verdict::Approve).is_err());
    }
    let mut zero = by_hand();
    let at = zero.windows(3).position(|w| w == [0x09, 0x02, 0x0a]).unwrap();
    zero[at + 1] = 0;
    assert_eq!(ApprovalRequest::from_bytes(&zero), None, "zero approvals are refused when read");
}

#[test]
fn a_statement_says_who_what_and_on_which_request() {
    let signer = signer(2, 2);
    for verdict in [Verdict::Approve, Verdict::Deny] {
        let note = signer.sign(&request(), verdict).unwrap();
        let said = signer.keys().verify(&store(), &note).unwrap();
        assert_eq!((said.approver, said.key), ([2; 8], signer.keys().id()));
        assert_eq!((said.request, said.verdict), (request().id, verdict));
        assert_eq!(said.digest, request().digest().unwrap());
        assert_eq!(Verdict::from_name(verdict.name()), Some(verdict));
        let lines: Vec<&str> = note.lines().collect();
        assert_eq!(lines[0], "medseal/approval/v1");
        assert_eq!(lines[4], format!("verdict {}", verdict.name()));
        assert_eq!(lines[5], "approver 0202020202020202");
    }
    assert_eq!(Verdict::from_name("maybe"), None);
}

#[test]
fn a_statement_that_was_altered_stripped_or_made_by_others_is_refused() {
    let (ours, other) = (signer(2, 2), signer(3, 3));
    let note = ours.sign(&request(), Verdict::Approve).unwrap();
    let refused = |note: &str| ours.keys().verify(&store(), note).is_err();
    assert!(!refused(&note));
    assert!(refused(&note.replace("verdict approve", "verdict deny")));
    assert!(refused(&note.replace("0202020202020202\nkeys", "0303030303030303\nkeys")));
    assert!(refused(&note.replace(&request().id.to_string(), &RequestId([8; 16]).to_string())));
    assert!(refused(&note.replace("store 0", "store 1")));
    assert!(refused(&format!("x{note}")));
    assert!(refused(""));
    // either signature alone is not enough
    let lines: Vec<&str> = note.split_inclusive('\n').collect();
    for signature in [8, 9] {
        let mut stripped = lines.clone();
        stripped.remove(signature);
        assert!(refused(&stripped.concat()), "without line {signature}");
    }
    // another's, and one's own under another key, for another store or principal
    assert!(refused(&other.sign(&request(), Verdict::Approve).unwrap()));
    assert!(refused(&signer(2, 4).sign(&request(), Verdict::Approve).unwrap()));
    let elsewhere = StoreId::parse("00000000-0000-4000-8000-000000000001").unwrap();
    assert!(ours.keys().verify(&elsewhere, &note).is_err());
    let seed = ApproverSeed::from_slice(&[2; 32]).unwrap();
    let there = ApproverSigner::new(&elsewhere, [2; 8], &seed).unwrap();
    assert_ne!(there.keys().id(), ours.keys().id());
}

/// The Ed25519 key by a KDF and a library call that share no code with the crate's.
#[test]
fn keys_are_derived_for_one_principal_of_one_store() {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    let context = [store().as_str().as_bytes(), &[2; 8]].concat();
    let seed = kdf(&[2; 32], "medseal/v1/approver-ed25519", &context, 32);
    let expected = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    let vkeys = signer(2, 2).keys().to_vkeys();
    let encoded = vkeys.lines().next().unwrap().splitn(3, '+').nth(2).unwrap().to_owned();
    let raw = STANDARD.encode([&[1][..], expected.public_key().as_ref()].concat());
    assert_eq!(encoded, raw);
    let ids = [signer(2, 2), signer(3, 2), signer(2, 3)].map(|signer| signer.keys().id());
    assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2]);
}

#[test]
fn public_keys_have_one_text() {
    let keys = signer(2, 2).keys().clone();
    let text = keys.to_vkeys();
    assert_eq!(ApproverKeys::from_vkeys(&text), Some(keys.clone()));
    assert_eq!(keys.principal(), [2; 8]);
    assert_eq!(ApproverKeyId::parse(&keys.id().to_string()), Some(keys.id()));
    assert!(text.starts_with("medseal/approver/0202020202020202+"), "{text}");
    let swapped = {
        let (first, second) = text.trim_end().split_once('\n').unwrap();
        format!("{second}\n{first}\n")
    };
    let other = signer(3, 3).keys().to_vkeys();
    let mixed = format!("{}\n{}\n", text.lines().next().unwrap(), other.lines().last().unwrap());
    for bad in [
        "",
        "\n",
        &swapped,
        &mixed,
        text.trim_end(),
        &format!("{text}\n"),
        &text.replace("02+", "03+"),
        &text.replace("medseal/approver", "medseal/audit"),
    ] {
        assert_eq!(ApproverKeys::from_vkeys(bad), None, "{bad}");
    }
}

#[test]
fn ids_are_random_and_have_one_spelling() {
    let mut random = Counting::default();
    let (one, other) =
        (RequestId::generate(&mut random).unwrap(), RequestId::generate(&mut random).unwrap());
    assert_ne!(one, other);
    assert_eq!(RequestId::parse(&one.to_string()), Some(one));
    for bad in ["", "07", &"A".repeat(32), &"g".repeat(32), &"0".repeat(33)] {
        assert_eq!(RequestId::parse(bad), None, "{bad}");
    }
}

#[test]
fn requesters_are_told_apart_by_what_is_stable() {
    let who = |principal, os_user, name: &str| Requester { principal, os_user, name: name.into() };
    assert!(who(Some([1; 8]), None, "a").is(&who(Some([1; 8]), Some(5), "b")));
    assert!(!who(Some([1; 8]), None, "a").is(&who(Some([2; 8]), None, "a")));
    assert!(who(None, Some(5), "a").is(&who(None, Some(5), "b")));
    assert!(!who(None, Some(5), "a").is(&who(None, Some(6), "a")));
    assert!(!who(None, None, "a").is(&who(None, None, "a")));
    assert!(!who(None, Some(5), "a").is(&who(Some([1; 8]), Some(5), "a")));
}

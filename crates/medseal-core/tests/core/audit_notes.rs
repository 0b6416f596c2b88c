//! Checkpoints, verifier keys, cosignatures and proofs as text. The oracle of the formats is the
//! Python verifier; here stands what must be refused.

use medseal_core::audit::{
    Checkpoint, Frontier, LogId, LogKeys, LogSigner, OpenedCheckpoint, RejectionKind, TlogProof,
    WitnessKeys, WitnessSigner, inclusion_proof, leaf_hash,
};
use medseal_core::secret::LogSeed;

const LOG: LogId = LogId([7; 16]);

fn signer(byte: u8) -> LogSigner {
    LogSigner::new(LOG, &LogSeed::from_slice(&[byte; 32]).unwrap()).unwrap()
}

fn refusal(keys: &LogKeys, note: &str) -> RejectionKind {
    keys.verify(note).unwrap_err().kind
}

#[test]
fn a_checkpoint_needs_both_signatures() {
    let signer = signer(1);
    let keys = signer.keys();
    let note = signer.sign(41, &[9; 32], 1_700_000_000).unwrap();
    let expected = Checkpoint { log: LOG, size: 41, root: [9; 32], time: 1_700_000_000 };
    assert_eq!(keys.verify(&note), Ok(expected));
    assert_eq!(OpenedCheckpoint::parse(&note).unwrap().unverified, expected);
    let lines: Vec<&str> = note.split_inclusive('\n').collect();
    assert_eq!(lines.len(), 7);
    assert_eq!(refusal(keys, &lines[..6].concat()), RejectionKind::MlDsa87Signature);
    let without_first = [&lines[..5], &lines[6..]].concat().concat();
    assert_eq!(refusal(keys, &without_first), RejectionKind::Ed25519Signature);
    let twice = format!("{note}{}", lines[5]);
    assert_eq!(refusal(keys, &twice), RejectionKind::Ed25519Signature);
    assert!(keys.verify(&format!("{note}\u{2014} witness AAAAAAAA\n")).is_ok(), "others' lines");
}

#[test]
fn an_altered_checkpoint_is_refused() {
    let own = signer(1);
    let keys = own.keys();
    let note = own.sign(41, &[9; 32], 5).unwrap();
    let altered = [
        note.replacen("\n41\n", "\n42\n", 1),
        note.replacen("\n41\n", "\n041\n", 1),
        note.replacen("time=5", "time=6", 1),
        note.replacen("CQkJ", "CQkK", 1),
        note.replacen("\n\n", "\nmore\n\n", 1),
        note.replacen("\n\n", "\n", 1),
        note.replacen('\n', "\r\n", 1),
        note.trim_end().to_owned(),
        String::new(),
    ];
    for text in altered {
        assert!(keys.verify(&text).is_err(), "{text}");
    }
    let other = signer(2);
    assert_eq!(refusal(other.keys(), &note), RejectionKind::CheckpointMalformed);
    // the same text with its key names, signed by somebody else
    let forged = other.sign(41, &[9; 32], 5).unwrap();
    let (text, _) = note.split_once("\n\n").unwrap();
    let (_, signatures) = forged.split_once("\n\n").unwrap();
    let mixed = format!("{text}\n\n{signatures}");
    assert_eq!(refusal(keys, &mixed), RejectionKind::Ed25519Signature);
}

#[test]
fn verifier_keys_come_back_from_their_text() {
    let signer = signer(3);
    let text = signer.keys().to_vkeys();
    assert_eq!(LogKeys::from_vkeys(&text).as_ref(), Ok(signer.keys()));
    let lines: Vec<&str> = text.lines().collect();
    assert!(LogKeys::from_vkeys(lines[0]).is_err());
    assert!(LogKeys::from_vkeys(lines[1]).is_err());
    let mut wrong_id = text.clone();
    let at = text.find('+').unwrap() + 1;
    wrong_id.replace_range(at..at + 8, "00000000");
    assert!(LogKeys::from_vkeys(&wrong_id).is_err());
    let other = LogSigner::new(LogId([8; 16]), &LogSeed::from_slice(&[3; 32]).unwrap()).unwrap();
    let foreign = other.keys().to_vkeys();
    let mixed = format!("{}\n{}", lines[0], foreign.lines().nth(1).unwrap());
    assert!(LogKeys::from_vkeys(&mixed).is_err(), "keys of two logs");
    assert!(LogKeys::new(LOG, &[0; 31], &[0; 2592]).is_none());
    assert!(LogKeys::new(LOG, &[0; 32], &[0; 2591]).is_none());
}

#[test]
fn log_ids_are_lower_case_hexadecimal() {
    assert_eq!(LogId::from_origin(&LOG.origin()), Some(LOG));
    assert_eq!(LOG.origin(), format!("medseal/audit/{}", "07".repeat(16)));
    for wrong in ["", "07", &"0G".repeat(16), &"0A".repeat(16), &"07".repeat(17)] {
        assert_eq!(LogId::parse(wrong), None, "{wrong}");
    }
    assert_eq!(LogId::from_origin("other/0707"), None);
}

#[test]
fn a_cosignature_is_the_witness_own_and_of_this_checkpoint() {
    let own = signer(1);
    let note = own.sign(41, &[9; 32], 5).unwrap();
    let checkpoint = own.keys().verify(&note).unwrap();
    let witness = WitnessSigner::new("witness.example", &[4; 32]).unwrap();
    let line = witness.cosign(&checkpoint, 77).unwrap();
    let cosigned = format!("{note}{line}");
    let keys = WitnessKeys::from_vkey(&witness.keys().to_vkey()).unwrap();
    assert_eq!(keys.verify(&cosigned, &checkpoint), Ok(77));
    assert!(own.keys().verify(&cosigned).is_ok());
    assert!(keys.verify(&note, &checkpoint).is_err());
    let other = Checkpoint { size: 42, ..checkpoint };
    assert!(keys.verify(&cosigned, &other).is_err());
    let impostor = WitnessSigner::new("witness.example", &[5; 32]).unwrap();
    let line = impostor.cosign(&checkpoint, 77).unwrap();
    assert!(keys.verify(&format!("{note}{line}"), &checkpoint).is_err());
    assert!(WitnessSigner::new("a b", &[4; 32]).is_err());
    assert!(WitnessSigner::new("a+b", &[4; 32]).is_err());
    assert!(WitnessSigner::new("", &[4; 32]).is_err());
    assert!(WitnessKeys::from_vkey(own.keys().to_vkeys().lines().next().unwrap()).is_err());
}

#[test]
fn a_proof_as_text_is_verified_whole() {
    let entries: Vec<Vec<u8>> = (0..7).map(|i| vec![i; 9]).collect();
    let leaves: Vec<_> = entries.iter().map(|e| leaf_hash(e)).collect();
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    let own = signer(1);
    let checkpoint = own.sign(7, &frontier.root(), 5).unwrap();
    let path = inclusion_proof(&leaves, 4).unwrap();
    let proof = TlogProof { entry: entries[4].clone(), index: 4, path, checkpoint };
    let text = proof.to_text();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra BAQEBAQEBAQE\nindex 4\n"));
    assert_eq!(TlogProof::parse(&text), Ok(proof.clone()));
    assert!(proof.verify(own.keys()).is_ok());
    let code = |text: &str| match TlogProof::parse(text).and_then(|p| p.verify(own.keys())) {
        Ok(_) => "none",
        Err(rejection) => rejection.code(),
    };
    assert_eq!(code(&text.replacen("index 4", "index 3", 1)), "AUDIT_PROOF_REJECTED");
    assert_eq!(code(&text.replacen("extra BAQE", "extra BAQF", 1)), "AUDIT_PROOF_REJECTED");
    assert_eq!(code(&text.replacen("index 4", "index 04", 1)), "AUDIT_PROOF_REJECTED");
    assert_eq!(code(&text.replacen("@v1", "@v2", 1)), "AUDIT_PROOF_REJECTED");
    assert_eq!(code(&text.replacen("\n7\n", "\n8\n", 1)), "AUDIT_SIGNATURE_REJECTED");
    assert!(proof.verify(signer(2).keys()).is_err());
}

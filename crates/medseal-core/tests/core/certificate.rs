//! The certificate of erasure: both signatures, one text, and everything else refused.

use medseal_core::audit::{ErasureCertificate, LogId, LogSigner, NOT_COVERED};
use medseal_core::operation::{Operation, OperationItems};
use medseal_core::secret::LogSeed;
use medseal_core::{StoreId, SubjectHandle};

const LOG: LogId = LogId([7; 16]);

fn signer(byte: u8) -> LogSigner {
    LogSigner::new(LOG, &LogSeed::from_slice(&[byte; 32]).unwrap()).unwrap()
}

fn certificate() -> ErasureCertificate {
    ErasureCertificate {
        id: [1; 16],
        log: LOG,
        store: StoreId::parse("00000000-0000-4000-8000-000000000001").unwrap(),
        tenant: "default".to_owned(),
        subject: SubjectHandle([2; 16]),
        live: 1_773_532_800,
        complete: Some(1_782_864_000),
        principal: "os-user:1000".to_owned(),
        entry: [3; 32],
        pseudonyms: 1,
        reason: "request of 2026-03-14".to_owned(),
    }
}

#[test]
fn the_text_is_the_one_of_the_specification() {
    let own = signer(1);
    let note = own.certify(&certificate()).unwrap();
    let keys = own.keys().to_vkeys();
    let ids: Vec<&str> = keys.lines().map(|line| line.split('+').nth(1).unwrap()).collect();
    let text = format!(
        "medseal/erasure-certificate/v1\ncertificate {}\nlog {}\n\
         store 00000000-0000-4000-8000-000000000001\ntenant default\nsubject {}\n\
         live 2026-03-15T00:00:00Z\ncomplete 2026-07-01T00:00:00Z\nprincipal os-user:1000\n\
         entry {}\npseudonyms 1\nnot-covered {NOT_COVERED}\nreason request of 2026-03-14\n\
         keys {},{}\n\n",
        "01".repeat(16),
        "07".repeat(16),
        "02".repeat(16),
        "03".repeat(32),
        ids[0],
        ids[1]
    );
    assert!(note.starts_with(&text), "{note}");
    assert_eq!(own.keys().verify_certificate(&note), Ok(certificate()));
    let live_only = ErasureCertificate { complete: None, ..certificate() };
    let note = own.certify(&live_only).unwrap();
    assert!(note.contains("\ncomplete never\n"));
    assert_eq!(own.keys().verify_certificate(&note), Ok(live_only));
}

#[test]
fn a_certificate_that_was_altered_or_stripped_is_refused() {
    let own = signer(1);
    let note = own.certify(&certificate()).unwrap();
    let lines: Vec<&str> = note.split_inclusive('\n').collect();
    assert_eq!(lines.len(), 17);
    let stripped = |without: usize| -> String {
        lines.iter().enumerate().filter(|(at, _)| *at != without).map(|(_, line)| *line).collect()
    };
    let altered = [
        stripped(15),
        stripped(16),
        stripped(0),
        stripped(7),
        note.replacen("2026-07-01", "2026-05-01", 1),
        note.replacen("2026-07-01T00:00:00Z", "2026-07-01T00:00:00+00:00", 1),
        note.replacen("pseudonyms 1", "pseudonyms 01", 1),
        note.replacen("tenant default", "tenant other", 1),
        note.replacen("tenant-keys ", "", 1),
        note.replacen("/v1\n", "/v2\n", 1),
        note.replacen("\nkeys ", "\nmore 1\nkeys ", 1),
        note.trim_end().to_owned(),
        String::new(),
    ];
    for text in altered {
        let refused = own.keys().verify_certificate(&text).unwrap_err();
        assert!(
            ["CERTIFICATE_REJECTED", "AUDIT_SIGNATURE_REJECTED"].contains(&refused.code()),
            "{text}"
        );
        assert_eq!(refused.place.to_string(), "certificate");
    }
    assert!(signer(2).keys().verify_certificate(&note).is_err(), "another log's keys");
}

/// Neither kind of signed text passes as the other.
#[test]
fn a_checkpoint_is_no_certificate_and_a_certificate_no_checkpoint() {
    let own = signer(1);
    let checkpoint = own.sign(41, &[9; 32], 5).unwrap();
    assert!(own.keys().verify_certificate(&checkpoint).is_err());
    assert!(own.keys().verify(&own.certify(&certificate()).unwrap()).is_err());
}

#[test]
fn what_a_line_cannot_say_is_not_signed() {
    let own = signer(1);
    let long = "x".repeat(1025);
    for reason in ["", "two\nlines", "\u{1b}[31m", &long] {
        let certificate = ErasureCertificate { reason: reason.to_owned(), ..certificate() };
        assert!(own.certify(&certificate).is_err(), "{reason:?}");
    }
    let foreign = ErasureCertificate { log: LogId([8; 16]), ..certificate() };
    assert!(own.certify(&foreign).is_err());
    let absurd = ErasureCertificate { live: i64::MAX, ..certificate() };
    assert!(own.certify(&absurd).is_err());
}

#[test]
fn it_names_its_entry_by_the_operations_digest() {
    let digest = OperationItems::new(Operation::EraseSubject, 1, [0; 32]).digest();
    let own = ErasureCertificate { entry: digest.to_bytes(), ..certificate() };
    assert!(own.is_of(&digest) && !certificate().is_of(&digest));
}

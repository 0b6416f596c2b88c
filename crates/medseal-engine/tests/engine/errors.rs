//! `docs/errors.md` against the code: every code has its section, and the exit code there is that of
//! its class.

use medseal_core::audit::{Rejection, RejectionKind, RejectionPlace};
use medseal_core::operation::Operation;
use medseal_core::selftest::SelftestFailure;
use medseal_core::{Error, MalformedKind, MisuseKind};
use medseal_engine::approvals::{ApprovalError, RequestId};
use medseal_engine::escrow::EscrowError;
use medseal_engine::health::{DocumentFault, HealthError, Position, ProfileFault};
use medseal_engine::{EngineError as E, ErrorClass};
use medseal_kms::KmsError as K;
use medseal_policy::approval::{Given, Shortfall};
use medseal_policy::{DecisionId, Denied, PolicyError, Reason};
use medseal_store::{RolledBack, StoreError as S};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind::NotFound;

const PAGE: &str = include_str!("../../../../docs/errors.md");
/// Where the codes stand, so that none is forgotten below.
const SOURCES: [&str; 8] = [
    include_str!("../../src/approvals/error.rs"),
    include_str!("../../src/escrow/error.rs"),
    include_str!("../../../medseal-policy/src/error.rs"),
    include_str!("../../../medseal-core/src/audit/rejection.rs"),
    include_str!("../../src/error.rs"),
    include_str!("../../../medseal-core/src/error.rs"),
    include_str!("../../../medseal-kms/src/error.rs"),
    include_str!("../../../medseal-store/src/error.rs"),
];
/// Codes that no error of the engine has: of the command line.
const OF_OTHERS: [&str; 1] = ["USAGE"];

/// One error of each code.
fn errors() -> Vec<E> {
    let mut all = vec![
        E::Core(Error::Rejected),
        E::Core(MalformedKind::Text.into()),
        E::Core(MisuseKind::ValueType.into()),
        E::Core(MisuseKind::ContextName.into()),
        E::Core(Error::Random),
        denied(Reason::NoRule),
        denied(Reason::PurposeRequired),
        denied(Reason::OverBudget),
        E::NoSuchKey(String::new()),
        E::KeyExists(String::new()),
        E::KeyVersionUnknown,
        E::KeyPurpose(String::new()),
        E::Name("a name"),
        E::ReasonTooLong,
        E::RecordRequired,
        E::RecordNotBound,
        E::FieldConflict { collection: String::new(), field: String::new() },
        E::NotAvailable("this"),
        E::ProductionRefuses("this"),
        E::PlaintextWhereProtected,
        E::AlreadyEncrypted,
        E::VerificationFailed,
        E::Selftest(SelftestFailure::Randomness),
        E::AuditUnavailable(NotFound),
        E::ProofMismatch,
        E::PassphraseNeeded,
        E::HomeMissing,
        E::HomeExists,
        E::HomeNotEmpty,
        E::Io { what: "this", kind: NotFound },
        E::LineTooLong { line: 1, limit: 1 },
        E::EpochKeyWrong(1),
        E::PseudonymUnknown,
        E::NotOneCell,
        E::HomeUnreadable(NotFound),
        E::RecordAndNoRecord,
        E::FileKeySuite,
        E::SourceChanged,
        E::BeyondTheEnd("this"),
        E::FileNeeded("this"),
        E::Archive { entry: 1, what: "this" },
        E::TargetExists,
        E::ArrayInvalid("this"),
        E::SubjectRequired,
        E::SubjectNotBound,
        E::SubjectUnknown,
        E::SubjectErased,
        E::SubjectNotErased,
        E::SubjectHeld(String::new()),
        E::SubjectHold("this"),
        E::ReasonInvalid,
    ];
    all.extend(of_the_audit_log());
    all.extend(of_an_escrow());
    all.extend(of_approvals());
    all.extend(of_principals());
    all.extend(refusals());
    all.extend(of_adapters());
    all.extend(of_documents());
    all
}

fn of_an_escrow() -> [E; 7] {
    [
        EscrowError::Terms("this"),
        EscrowError::ShareMalformed,
        EscrowError::ShareRejected { custodian: String::new() },
        EscrowError::SharesRejected,
        EscrowError::TooFewShares { needed: 2, given: 1 },
        EscrowError::OtherStore,
        EscrowError::RootNotLost,
    ]
    .map(E::Escrow)
}

fn of_approvals() -> Vec<E> {
    let request = RequestId([0; 16]);
    let given = Given { needed: 2, given: 1 };
    let why = [
        Shortfall::Executed,
        Shortfall::Withdrawn,
        Shortfall::Expired,
        Shortfall::Other,
        Shortfall::NotTheRequester,
        Shortfall::OtherParameters,
        Shortfall::StateChanged,
        Shortfall::Denied,
        Shortfall::Missing(given),
    ];
    let void = why.map(|why| ApprovalError::Void { request, why });
    let others = [
        ApprovalError::Required { request, given, expires: String::new() },
        ApprovalError::Denied(request),
        ApprovalError::NotFound(String::new()),
        ApprovalError::TooFewApprovers { needed: 2, eligible: 1 },
        ApprovalError::OwnName,
        ApprovalError::NotEligible,
        ApprovalError::Given,
        ApprovalError::NotTheRequester,
        ApprovalError::KeyMalformed,
        ApprovalError::KeyRejected,
    ];
    void.into_iter().chain(others).map(E::Approval).collect()
}

fn denied(reason: Reason) -> E {
    let (operation, principal) = (Operation::Decrypt, String::new());
    let items = medseal_core::operation::OperationItems::new(operation, 1, [0; 32]);
    let decision = DecisionId::of(items.digest());
    let (group, purpose, rules) = (<_>::default(), None, Vec::new());
    E::Denied(Box::new(Denied { operation, principal, group, purpose, reason, rules, decision }))
}

fn of_principals() -> Vec<E> {
    let at = medseal_policy::Position { line: 1, column: 1 };
    let faults = medseal_policy::PolicyFault::ALL;
    let policies = faults.map(|fault| PolicyError { fault, at, detail: String::new() });
    let mut all: Vec<E> = policies.map(E::Policy).into();
    let name = String::new;
    all.extend([
        E::TokenRejected,
        E::NoSuchToken(name()),
        E::NoSuchPrincipal(name()),
        E::PrincipalExists(name()),
        E::PrincipalDisabled(name()),
        E::OsUserTaken(name()),
        E::RoleUnknown(name()),
        E::LastAdmin,
        E::CaseInvalid,
        E::BreakGlassReason,
        E::BreakGlassNotNeeded,
        E::NoSuchEmergency(name()),
        E::ReviewRefused,
    ]);
    all
}

fn of_the_audit_log() -> Vec<E> {
    let kinds = [
        RejectionKind::EntryLog,
        RejectionKind::Root,
        RejectionKind::PublicKey,
        RejectionKind::Proof,
        RejectionKind::CertificateMalformed,
    ];
    let rejections =
        kinds.map(|kind| Error::Audit(Rejection { place: RejectionPlace::Proof, kind }));
    let mut all: Vec<E> = rejections.into_iter().map(E::Core).collect();
    all.push(E::AuditBroken { place: String::new(), what: "this" });
    all.push(E::AuditFile { place: String::new(), what: "this" });
    all.push(E::NoSuchEntry(1));
    all.push(E::NoEntries);
    all.push(E::ExportDetails);
    all
}

fn refusals() -> impl Iterator<Item = E> {
    use medseal_core::keyring::{Refusal, State};
    let refusals = [
        Refusal::NoSuchVersion,
        Refusal::NoPrimary,
        Refusal::DoesNotDecrypt(State::Destroyed),
        Refusal::DoesNotDecrypt(State::Suspended),
        Refusal::WrongState(State::Active),
        Refusal::IsPrimary,
        Refusal::TooEarly(0),
        Refusal::DuplicateId,
        Refusal::TooManyVersions,
    ];
    refusals.into_iter().map(|refusal| E::Key { key: String::new(), refusal })
}

fn of_adapters() -> Vec<E> {
    let of_store = [
        S::Unavailable("this"),
        S::Conflict,
        S::RowRejected { table: "keys", key: String::new() },
        S::Corrupt { table: "keys" },
        S::Damaged,
        S::RolledBack(RolledBack::RootRemoved),
        S::SchemaNewer { found: 2, known: 1 },
        S::NotAStore,
        S::Exists,
    ];
    let of_kms = [
        K::Rejected,
        K::FilePermissions,
        K::FileMalformed,
        K::File(NotFound),
        K::Parameters,
        K::PassphraseTooShort,
        K::Environment,
        K::EpochKeyMissing(1),
        K::Random,
    ];
    of_store.map(E::Store).into_iter().chain(of_kms.map(E::Kms)).collect()
}

fn of_documents() -> impl Iterator<Item = E> {
    let at = Position { line: 1, column: 1 };
    let documents =
        DocumentFault::ALL.iter().map(move |fault| HealthError::Document { fault: *fault, at });
    let profiles = ProfileFault::ALL.iter().map(|fault| HealthError::Profile {
        fault: *fault,
        at: None,
        detail: String::new(),
    });
    documents.chain(profiles).map(E::Document)
}

fn exit_code(class: ErrorClass) -> u8 {
    match class {
        ErrorClass::Rejected => 1,
        ErrorClass::Usage => 2,
        ErrorClass::Malformed => 3,
        ErrorClass::KeyState => 4,
        ErrorClass::Denied => 5,
        ErrorClass::Unavailable => 6,
    }
}

/// The exit codes that the page gives for each code. One has two: the command line reads files too.
fn documented() -> BTreeMap<&'static str, Vec<u8>> {
    let sections = PAGE.split("\n## ").skip(1);
    let section = |section: &'static str| {
        let exit = section.lines().find_map(|line| line.strip_prefix("Exit code: ")).unwrap_or("");
        let digits = exit.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0');
        (section.lines().next().unwrap_or_default(), digits.collect())
    };
    sections.map(section).collect()
}

#[test]
fn the_exit_code_on_the_page_is_that_of_the_class() {
    let documented = documented();
    for error in errors() {
        let (code, exit) = (error.code(), exit_code(error.class()));
        let page = documented.get(code).map(Vec::as_slice);
        let expected: &[u8] = if code == "IO_FAILED" { &[2, 6] } else { &[exit] };
        assert_eq!(page, Some(expected), "{code}");
        assert!(expected.contains(&exit), "{code}");
    }
}

#[test]
fn page_and_code_know_the_same_codes() {
    let ours: BTreeSet<&str> = errors().iter().map(E::code).collect();
    let page: BTreeSet<&str> = documented().into_keys().collect();
    let others = BTreeSet::from(OF_OTHERS);
    assert_eq!(page, &ours | &others);
    let literals = SOURCES.iter().flat_map(|source| source.split('"').skip(1).step_by(2));
    let is_code = |text: &&str| {
        text.contains('_') && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
    };
    let written: BTreeSet<&str> = literals.filter(is_code).collect();
    assert!(written.len() > 40, "{written:?}");
    assert_eq!(written.difference(&ours).count(), 0, "{:?}", &written - &ours);
}

//! Keyrings to rows and back, and rows whose words nobody knows.

use medseal_core::keyring::{Cause, KeyVersion, Keyring, Purpose, RotationPolicy, State};
use medseal_core::row_mac::Column;
use medseal_core::{KeyVersionId, Suite};
use medseal_store::{
    ApprovalRequestRecord, KeyRecord, KeyVersionRecord, PrincipalRecord, PrincipalState, Record,
    RequestState, RoleGrantRecord, StoreError, keyring,
};

fn policies() -> Vec<RotationPolicy> {
    let (times, counts) = ([None, Some(0), Some(i64::MAX)], [None, Some(0), Some(1 << 62)]);
    let mut out = Vec::new();
    for period in times {
        for next_time in times {
            for max_messages in counts {
                for max_bytes in counts {
                    out.push(RotationPolicy { period, next_time, max_messages, max_bytes });
                }
            }
        }
    }
    out
}

/// Every state with every cause and suite, in one key.
fn versions() -> Vec<KeyVersion> {
    let mut out: Vec<KeyVersion> = Vec::new();
    for state in State::ALL {
        for cause in [None, Some(Cause::Compromise), Some(Cause::Superseded)] {
            for (suite, moment) in Suite::ALL.into_iter().zip([None, Some(-7)]) {
                let number = u32::try_from(out.len()).unwrap() + 1;
                let id = KeyVersionId(u64::from(number).to_be_bytes());
                let (activated_at, destroy_after) = (moment, moment.map(|at| at * 2));
                let version = KeyVersion {
                    number,
                    id,
                    suite,
                    state,
                    cause,
                    created_at: i64::MIN,
                    activated_at,
                    destroy_after,
                };
                out.push(version);
            }
        }
    }
    out
}

fn there_and_back<R: Record>(record: &R) -> R {
    R::from_columns(record.to_columns()).unwrap()
}

#[test]
fn keyrings_come_back_with_every_state_and_policy() {
    for purpose in [Purpose::Field, Purpose::File] {
        for policy in policies() {
            let ring = Keyring { purpose, primary: 3, versions: versions(), policy };
            let key = there_and_back(&KeyRecord::new("t", "k", &ring, 5, Some("why")));
            let rows = ring.versions.iter().map(|v| KeyVersionRecord::new("t", "k", v, None));
            let rows: Vec<_> = rows.map(|row| there_and_back(&row)).collect();
            assert_eq!(keyring(&key, &rows), Ok(ring));
        }
    }
}

#[test]
fn records_come_back_with_and_without_a_reason() {
    let ring = Keyring {
        purpose: Purpose::File,
        primary: 1,
        versions: versions(),
        policy: RotationPolicy::default(),
    };
    for reason in [None, Some(""), Some("lost laptop")] {
        let key = KeyRecord::new("t", "k", &ring, -1, reason);
        assert_eq!(there_and_back(&key), key);
        for version in versions() {
            let row = KeyVersionRecord::new("t", "k", &version, reason);
            assert_eq!(there_and_back(&row), row);
        }
    }
}

/// Text order is number order up to the last number there can be.
#[test]
fn numbers_are_ten_digits() {
    for (number, text) in [(1, "0000000001"), (10, "0000000010"), (u32::MAX, "4294967295")] {
        let version = KeyVersion { number, ..versions().remove(0) };
        let columns = KeyVersionRecord::new("t", "k", &version, None).to_columns();
        assert_eq!(columns[2], Column::Text(text.to_owned()));
    }
}

fn is_corrupt<R: Record + std::fmt::Debug>(record: &R, name: &str, value: Column) {
    let table = R::table();
    let at = table.columns.iter().position(|(column, _)| *column == name).unwrap();
    let mut columns = record.to_columns();
    columns[at] = value.clone();
    let corrupt = StoreError::Corrupt { table: table.name };
    assert_eq!(R::from_columns(columns).err(), Some(corrupt), "{name} = {value:?}");
}

#[test]
fn unknown_words_are_corrupt() {
    let text = |text: &str| Column::Text(text.to_owned());
    let version = KeyVersionRecord::new("t", "k", &versions()[0], None);
    let long_id = "0".repeat(17);
    for (name, words) in [
        ("number", ["", "one", "-000000001", "4294967296"]),
        ("key_version_id", ["", "00000000000000AA", "000000000000000g", &long_id]),
        ("suite", ["", "AES-256-GCM", "aes-128-gcm", "1"]),
        ("state", ["", "Active", "active ", "retired"]),
        ("cause", ["", "Compromise", "theft", "superseded\n"]),
    ] {
        words.into_iter().for_each(|word| is_corrupt(&version, name, text(word)));
        is_corrupt(&version, name, Column::Integer(1));
    }
    let ring = Keyring {
        purpose: Purpose::Field,
        primary: 1,
        versions: versions(),
        policy: RotationPolicy::default(),
    };
    let key = KeyRecord::new("t", "k", &ring, 0, None);
    ["", "Field", "files"].into_iter().for_each(|word| is_corrupt(&key, "purpose", text(word)));
    for number in [-1, 1 << 32] {
        is_corrupt(&key, "primary_version", Column::Integer(number));
    }
    for name in ["tenant", "name", "purpose", "primary_version", "created_at"] {
        is_corrupt(&key, name, Column::Null);
    }
}

#[test]
fn unknown_states_of_principals_and_grants_are_corrupt() {
    let text = |text: &str| Column::Text(text.to_owned());
    let principal = PrincipalRecord {
        name: "n".to_owned(),
        principal_id: String::new(),
        kind: "person".to_owned(),
        tenant: None,
        os_user: None,
        state: PrincipalState::Active,
        created_at: 0,
        reason: None,
    };
    let (principal_id, changed_by) = (String::new(), String::new());
    let role = "admin".to_owned();
    let grant = RoleGrantRecord { principal_id, role, granted: true, changed_by, changed_at: 0 };
    for word in ["", "Active", "active ", "granted", "on"] {
        is_corrupt(&principal, "state", text(word));
    }
    for word in ["", "Granted", "active", "yes"] {
        is_corrupt(&grant, "state", text(word));
    }
    is_corrupt(&principal, "os_user", text("0"));
    is_corrupt(&grant, "role", Column::Null);
}

#[test]
fn unknown_states_of_requests_are_corrupt() {
    let text = |text: &str| Column::Text(text.to_owned());
    let (request_id, request, state) = (String::new(), Vec::new(), RequestState::Open);
    let (closed_by, closed_at) = (None, None);
    let request = ApprovalRequestRecord { request_id, request, state, closed_by, closed_at };
    for word in ["", "Open", "open ", "approved", "closed"] {
        is_corrupt(&request, "state", text(word));
    }
    is_corrupt(&request, "request", text("bytes"));
}

#[test]
fn too_few_columns_are_corrupt() {
    let version = KeyVersionRecord::new("t", "k", &versions()[0], None);
    for len in 0..version.to_columns().len() {
        let mut columns = version.to_columns();
        columns.truncate(len);
        assert!(KeyVersionRecord::from_columns(columns).is_err(), "{len} columns");
    }
}

#[test]
fn a_key_without_all_its_versions_is_corrupt() {
    let rows: Vec<_> =
        versions().iter().take(3).map(|v| KeyVersionRecord::new("t", "k", v, None)).collect();
    let versions = versions().into_iter().take(3).collect();
    let policy = RotationPolicy::default();
    let ring = Keyring { purpose: Purpose::Field, primary: 3, versions, policy };
    let key = KeyRecord::new("t", "k", &ring, 0, None);
    assert!(keyring(&key, &rows).is_ok());
    let picks: [&[usize]; 8] =
        [&[], &[0], &[0, 1], &[1, 2], &[0, 2], &[1, 0, 2], &[0, 0, 1, 2], &[0, 1, 1]];
    for pick in picks {
        let picked: Vec<_> = pick.iter().map(|&i| rows[i].clone()).collect();
        assert_eq!(keyring(&key, &picked), Err(StoreError::Corrupt { table: "keys" }), "{pick:?}");
    }
    for primary in [0, 4] {
        let key = KeyRecord { primary, ..key.clone() };
        assert_eq!(keyring(&key, &rows), Err(StoreError::Corrupt { table: "keys" }));
    }
}

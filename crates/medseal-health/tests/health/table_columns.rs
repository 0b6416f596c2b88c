//! Column names as words, and what the built-in profile makes of names people use.

use std::sync::Arc;

use medseal_health::HealthError;
use medseal_health::table::{
    ColumnCover, ColumnPlacement, Encoding, TableLimits, TableProfile, TableRecord, TableScanner,
};

fn scanner(profile: TableProfile) -> TableScanner {
    TableScanner::new(Arc::new(profile), None, Encoding::Utf8, TableLimits::default())
}

/// The header of one column, as a quoted cell.
fn header(name: &str) -> String {
    format!("\"{}\",\"~\"\n", name.replace('"', "\"\""))
}

fn matches(pattern: &str, name: &str) -> bool {
    let profile = TableProfile::from_toml(&format!(
        "profile = 't'\nrevision = 1\n[table]\nrecord = 'none'\n[[column]]\nlike = ['{pattern}']\n\
         placement = 'inline'\nclass = 'x'\n"
    ));
    let mut scanner = scanner(profile.unwrap());
    assert_eq!(scanner.scan(header(name).as_bytes(), true).refused, None);
    scanner.columns()[0].placement() == ColumnPlacement::Inline
}

#[test]
fn patterns_compare_words() {
    for (pattern, yes, no) in [
        (
            "first name",
            &[
                "first name",
                "FIRST_NAME",
                "firstName",
                "FirstName",
                "first-name",
                "firstname",
                "FIRSTNAME",
                "patient first name",
                "PatientFirstName",
                "first_name_2",
                "First.Name",
            ][..],
            &["first", "name", "first visit name", "name first", "firstnames", "sfirst name"][..],
        ),
        (
            "=first",
            &["first", "FIRST", " first ", "First_"],
            &["first name", "the first", "firsts"],
        ),
        (
            "lat",
            &["lat", "LAT", "home_lat", "lat2", "HomeLat"],
            &["latest", "flat", "late", "latitude", "la x", "la te"],
        ),
        ("ip", &["ip", "IPAddress", "client_ip", "clientIP"], &["ship", "zip", "ips", "equip"]),
        ("=plan", &["plan", "Plan"], &["planet", "plan type", "care plan"]),
        (
            "email",
            &["email", "e-mail", "E_MAIL", "eMail", "workEmail"],
            &["mail", "emails", "female mail"],
        ),
        ("zip code", &["zip code", "ZIPCODE", "zipCode"], &["zip", "code", "gzip code"]),
        ("address", &["address1", "Address2", "HomeAddress"], &["addressee", "addresses"]),
        ("straße", &["Straße", "heim straße"], &["strasse"]),
        ("ssn", &["SSN", "patientSSN", "SSNLast4", "e.SSN"], &["ssns", "mssn", "assn"]),
    ] {
        for name in yes {
            assert!(matches(pattern, name), "`{pattern}` and {name:?}");
        }
        for name in no {
            assert!(!matches(pattern, name), "`{pattern}` and {name:?}");
        }
    }
}

fn cover(names: &str) -> Result<Vec<(String, String)>, HealthError> {
    let profile = TableProfile::builtin("columns").unwrap();
    let mut scanner = scanner(profile).without_identities();
    scanner.scan(names.as_bytes(), true).refused.map_or(Ok(()), Err)?;
    let shown = scanner.columns().iter().map(|column| {
        let shown = match column.cover() {
            ColumnCover::Record => "record",
            ColumnCover::Subject => "subject",
            ColumnCover::Unnamed => "-",
            _ => column.class(),
        };
        (column.name().to_owned(), shown.to_owned())
    });
    Ok(shown.collect())
}

#[test]
fn the_profile_columns_knows_the_names_people_use() {
    for (class, names) in [
        ("record", "Id patient_id PatientID PATIENT uuid"),
        (
            "identifier",
            "SSN social_security_number Social MRN medicalRecordNumber medical_record \
          insurance_id MemberID policyNumber subscriber driversLicense DRIVERS license_no PASSPORT",
        ),
        (
            "name",
            "FIRST first_name firstName LAST lastName MAIDEN maiden_name middleName full_name \
          patient_name name surname emergencyContact",
        ),
        ("demographic", "DOB date_of_birth BIRTHDATE birthDate BirthPlace DEATHDATE"),
        ("contact", "phone PhoneNumber home_phone TEL mobile fax email e-mail ip ip_address"),
        (
            "address",
            "ADDRESS address1 street StreetName CITY zip ZIPCODE postal_code LAT LON \
          longitude county",
        ),
        ("clinical", "notes Note progress_notes subjective Objective assessment PLAN"),
        (
            "-",
            "PREFIX SUFFIX GENDER RACE latest ship planet ethnicity description code state \
          value units encounter first_visit last_updated plan_type telemetry ratio station \
          capacity ip_visits classification manuscript",
        ),
    ] {
        for name in names.split_whitespace() {
            let covered = cover(&format!("{name},~\n")).unwrap();
            assert_eq!(covered[0].1, class, "{name}");
        }
    }
}

#[test]
fn the_first_rule_counts_and_the_others_are_told() {
    let profile = TableProfile::from_toml(
        "profile = 't'\nrevision = 1\n[table]\nrecord = 'none'\nunnamed = 'encrypt'\n\
         [[column]]\nlike = ['name']\nplacement = 'keep'\nclass = 'x'\n\
         [[column]]\nlike = ['first']\nplacement = 'inline'\nclass = 'y'\n\
         [[column]]\nlike = ['first name']\nplacement = 'keep'\nclass = 'x'\n\
         [[column]]\nnames = ['nowhere']\nlike = ['no where']\nplacement = 'keep'\nclass = 'x'\n",
    );
    let mut scanner = scanner(profile.unwrap());
    assert_eq!(scanner.unmatched_patterns(), [""; 0]);
    assert_eq!(scanner.scan(b"first name,first,other\na,,\n,\"\",\n", true).refused, None);
    let [both, first, other] = scanner.columns() else { panic!("three columns") };
    assert_eq!(both.cover(), ColumnCover::Rule(0, ColumnPlacement::Keep));
    assert_eq!((both.overruled(), first.overruled()), (&[1][..], &[][..]));
    assert_eq!((other.cover(), other.class()), (ColumnCover::UnnamedEncrypted, "unclassified"));
    assert_eq!(scanner.unmatched_patterns(), ["nowhere", "no where"]);
    assert_eq!(scanner.filled(), [1, 1, 0]);
}

#[test]
fn columns_that_were_named_must_be_there() {
    let refusal = |names: &[&str], record: &[&str], table: &str| {
        let record = record.iter().map(|name| match name.strip_prefix('~') {
            Some(like) => medseal_health::table::NamePattern::like(like).unwrap(),
            None => medseal_health::table::NamePattern::exact(name),
        });
        let record = TableRecord::Column(record.collect());
        let profile = TableProfile::from_columns(names, record).unwrap();
        scanner(profile).scan(table.as_bytes(), true).refused.map(|error| error.to_string())
    };
    assert_eq!(refusal(&["SSN"], &["Id"], "Id,SSN\n"), None);
    let missing = refusal(&["SSN", "Sssn"], &["Id"], "Id,SSN\n").unwrap();
    assert!(missing.contains("`Sssn`"), "{missing}");
    assert!(refusal(&["ssn"], &["Id"], "Id,SSN\n").is_some(), "names are compared as they stand");
    let missing = refusal(&["SSN"], &["id", "~=key"], "Id,SSN\n").unwrap();
    assert!(missing.contains("`id`, `=key`"), "{missing}");
    assert_eq!(refusal(&["SSN"], &["x", "~=id"], "Id,SSN\n"), None);
    let unclear = refusal(&["SSN"], &["~id"], "patient id,visit id,SSN\n").unwrap();
    assert!(unclear.contains("several columns"), "{unclear}");
}

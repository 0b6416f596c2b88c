//! Tables: byte identity, refusals with their place, whole rows only.

use crate::support::{Fixture, bound, code, encrypt, fixture, lose_log, operations, scope, with};
use medseal_engine::fields::{FieldDefinition, Target};
use medseal_engine::health::table::{Delimiter, Encoding, NamePattern, TableProfile, TableRecord};
use medseal_engine::tables::{
    Action, TableForm, TableJob, TableReport, scan_table_for_plaintext, table_coverage,
};
use medseal_engine::{
    Binding, EngineError, Environment, ErrorClass, Flags, Options, RotationPolicy, Value,
    ValueType, VerifyAfterEncrypt,
};
use pollster::block_on;
use std::sync::Arc;

const TABLE: &str = "\u{feff}id,ssn,\"last name\",free\r\n\
    p1,000-12-3456,\"O\"\"Hara, Ann\",x\r\n\n\
    \"p2\",\"\",\"two\nlines\",\"y\"\rp3,,  padded  ,\"\"";

fn profile(record: bool) -> Arc<TableProfile> {
    let record = match record {
        true => TableRecord::Column(vec![NamePattern::exact("id")]),
        false => TableRecord::Unbound,
    };
    Arc::new(TableProfile::from_columns(&["ssn", "last name"], record).unwrap())
}

fn from_toml(rules: &str) -> Arc<TableProfile> {
    let head = "profile = 't'\nrevision = 1\n[table]\nrecord = { names = ['id'] }\n";
    Arc::new(TableProfile::from_toml(&format!("{head}{rules}")).unwrap())
}

fn job(action: Action) -> TableJob {
    TableJob {
        action,
        profile: profile(true),
        collection: "patients".to_owned(),
        tenant: "default".to_owned(),
        migrating: false,
        form: TableForm::default(),
    }
}

fn run(f: &Fixture, job: &TableJob, input: &[u8]) -> (Vec<u8>, Result<TableReport, EngineError>) {
    let (mut out, mut seen) = (Vec::new(), 0);
    let mut progress = |bytes| seen = bytes;
    let report = block_on(f.engine.run_table(job, &mut &*input, &mut out, &mut progress));
    assert!(report.as_ref().is_ok_and(|report| report.bytes_read == seen) || report.is_err());
    (out, report)
}

fn ok(f: &Fixture, job: &TableJob, input: impl AsRef<[u8]>) -> String {
    let (out, report) = run(f, job, input.as_ref());
    report.unwrap();
    String::from_utf8(out).unwrap()
}

fn refused(f: &Fixture, job: &TableJob, input: impl AsRef<[u8]>) -> (String, String, &'static str) {
    let (out, report) = run(f, job, input.as_ref());
    let error = report.unwrap_err();
    (String::from_utf8(out).unwrap(), error.to_string(), error.code())
}

#[test]
fn a_table_comes_back_byte_for_byte() {
    let f = fixture();
    let (encrypted, report) = run(&f, &job(Action::Encrypt), TABLE.as_bytes());
    let encrypted = String::from_utf8(encrypted).unwrap();
    for gone in ["000-12", "Hara", "two", "padded"] {
        assert!(!encrypted.contains(gone), "{gone}");
    }
    assert!(encrypted.starts_with("\u{feff}id,ssn,\"last name\",free\r\np1,ms1:"));
    assert!(encrypted.contains(",x\r\n\n\"p2\",ms1:") && encrypted.contains(",\"y\"\rp3,,ms1:"));
    let report = report.unwrap();
    assert_eq!((report.rows, report.values, report.unchanged), (3, 5, 0));
    let columns: Vec<_> = report.columns.iter().map(|c| (c.column.as_str(), c.values)).collect();
    assert_eq!(columns, [("ssn", 2), ("last name", 3)]);
    assert_eq!(ok(&f, &job(Action::Decrypt), &encrypted), TABLE);
    assert!(matches!(
        block_on(f.engine.list_fields("default")).unwrap().as_slice(),
        [a, b] if a.field == "last name" && a.record_bound && b.field == "ssn"
    ));
}

/// The `at`-th cell of line `line`, both from 0.
fn cell(table: &str, line: usize, at: usize) -> String {
    table.lines().nth(line).unwrap().split(',').nth(at).unwrap().to_owned()
}

#[test]
fn a_cell_opens_in_its_row_and_column_only() {
    let f = fixture();
    let table = "id,ssn,last name\np1,A,B\np2,C,D\np1,E,F\n";
    let sealed = ok(&f, &job(Action::Encrypt), table);
    let [a, b, c] = [(1, 1), (1, 2), (2, 1)].map(|(line, at)| cell(&sealed, line, at));
    let swap = |x: &str, y: &str| sealed.replace(x, "#").replace(y, x).replace('#', y);
    for (swapped, whole_rows) in [
        (swap(&a, &c), 0),
        (swap(&a, &b), 0),
        (sealed.replace("\np2,", "\np3,"), 1),
        (sealed.replace(&c, &a), 1),
        (sealed.replace("id,ssn,last name", "id,last name,ssn"), 0),
    ] {
        let (out, message, code) = refused(&f, &job(Action::Decrypt), &swapped);
        assert_eq!((out.lines().count(), code), (1 + whole_rows, "REJECTED"), "{message}");
        assert!(message.starts_with(&format!("line {}, column 4", 2 + whole_rows)), "{message}");
    }
    // what is promised: rows of the same record are interchangeable within a column
    let same_record = swap(&a, &cell(&sealed, 3, 1));
    let opened = ok(&f, &job(Action::Decrypt), &same_record);
    assert_eq!(opened, "id,ssn,last name\np1,E,B\np2,C,D\np1,A,F\n");
    // order and place of columns and rows are free, as long as names and ids stay
    let lines: Vec<&str> = sealed.lines().collect();
    let reordered = [lines[0], lines[2], lines[1], lines[3]].join("\n");
    let opened = ok(&f, &job(Action::Decrypt), reordered);
    assert_eq!(opened, "id,ssn,last name\np2,C,D\np1,A,B\np1,E,F");
    let other = TableJob { collection: "people".to_owned(), ..job(Action::Decrypt) };
    assert_eq!(refused(&f, &other, &sealed).2, "REJECTED");
    let unbound = TableJob { profile: profile(false), ..job(Action::Decrypt) };
    assert_eq!(refused(&f, &unbound, &sealed).2, "FIELD_CONFLICT");
}

/// One encrypted value of the field `ssn` of record `p1`, in a table.
fn spliced(f: &Fixture, value: &Value<'_>) -> String {
    let scope = scope("patients", "ssn");
    let target = bound(&scope, "p1");
    let envelope = block_on(f.engine.encrypt_value(&target, None, value)).unwrap();
    format!("id,ssn,last name\np1,{},\n", medseal_engine::inspect::to_text(&envelope))
}

#[test]
fn only_what_was_a_cell_becomes_a_cell() {
    let f = fixture();
    ok(&f, &job(Action::Encrypt), "id,ssn,last name\np1,a,b\n");
    for kind in [ValueType::String, ValueType::Json, ValueType::Integer] {
        let spliced = spliced(&f, &Value::parse(kind, b"12").unwrap());
        let (out, _, code) = refused(&f, &job(Action::Decrypt), &spliced);
        assert_eq!((out.as_str(), code), ("id,ssn,last name\n", "REJECTED"), "{kind:?}");
    }
    for injected in [&b"a,b"[..], b"a\np2,x,y", b"\"a", b"a\"", b"", b"a\0", b"\xE9", b"\"a\",b"] {
        let spliced = spliced(&f, &Value::bytes(injected));
        let (out, message, code) = refused(&f, &job(Action::Decrypt), &spliced);
        assert_eq!((out.as_str(), code), ("id,ssn,last name\n", "CELL_NOT_RESTORABLE"));
        assert!(message.starts_with("line 2, column 4"), "{message}");
        block_on(f.engine.rotate_key("default", "default", None, None)).unwrap();
        let (_, _, code) = refused(&f, &job(Action::Reencrypt), &spliced);
        assert_eq!(code, "CELL_NOT_RESTORABLE");
    }
    let cell = spliced(&f, &Value::bytes(b"\"a,b\""));
    assert_eq!(ok(&f, &job(Action::Decrypt), cell), "id,ssn,last name\np1,\"a,b\",\n");
}

#[test]
fn reencryption_moves_everything_once() {
    let f = fixture();
    let old = ok(&f, &job(Action::Encrypt), TABLE);
    assert_eq!(ok(&f, &job(Action::Reencrypt), &old), old);
    block_on(f.engine.rotate_key("default", "default", None, None)).unwrap();
    let (new, report) = run(&f, &job(Action::Reencrypt), old.as_bytes());
    assert_eq!(report.unwrap().values, 5);
    let new = String::from_utf8(new).unwrap();
    assert_ne!(new, old);
    let mixed = format!(
        "{}\n{}",
        "id,ssn,last name",
        [&old, &new]
            .map(|table| {
                let (ssn, name) = (cell(table, 1, 1), cell(table, 1, 2));
                format!("p1,{ssn},\"{name}\"\n")
            })
            .concat()
    );
    let (again, report) = run(&f, &job(Action::Reencrypt), mixed.as_bytes());
    let report = report.unwrap();
    assert_eq!((report.values, report.unchanged), (2, 2));
    let again = String::from_utf8(again).unwrap();
    assert_eq!(again.lines().nth(2), mixed.lines().nth(2), "current cells keep their bytes");
    assert_eq!(ok(&f, &job(Action::Decrypt), &new), TABLE);
}

#[test]
fn what_is_in_its_target_form_is_refused_unless_migrating() {
    let f = fixture();
    let rows = "id,ssn,last name\np1,a,b\n";
    let encrypted = ok(&f, &job(Action::Encrypt), rows);
    let quoted =
        encrypted.replace("ms1:", "\"ms1:").replace(",\"", "\",\"").replacen("p1\"", "p1", 1);
    let quoted = quoted.trim_end().to_owned() + "\"\n";
    assert_eq!(ok(&f, &job(Action::Decrypt), &quoted), rows, "tools that quote every cell");
    for sealed in [&encrypted, &quoted] {
        let (out, message, code) = refused(&f, &job(Action::Encrypt), sealed);
        assert_eq!((out.as_str(), code), ("id,ssn,last name\n", "ALREADY_ENCRYPTED"));
        assert!(message.starts_with("line 2, column 4"), "{message}");
    }
    let (out, _, code) = refused(&f, &job(Action::Decrypt), rows);
    assert_eq!((out.as_str(), code), ("id,ssn,last name\n", "PLAINTEXT_WHERE_PROTECTED"));
    let migrating = |action| TableJob { migrating: true, ..job(action) };
    let (same, report) = run(&f, &migrating(Action::Encrypt), encrypted.as_bytes());
    assert_eq!((same, report.unwrap().unchanged), (encrypted.clone().into_bytes(), 2));
    assert_eq!(ok(&f, &migrating(Action::Decrypt), rows), rows);
    let half = encrypted.replace(&cell(&encrypted, 1, 1), "a");
    let whole = ok(&f, &migrating(Action::Encrypt), half);
    assert_eq!(ok(&f, &job(Action::Decrypt), whole), rows);
}

#[test]
fn whole_rows_before_a_bad_one_are_written_and_nothing_after() {
    let f = fixture();
    let table = "id,ssn,last name\na,1,2\n\nb,3,4\nc,5\nd,6,7\n";
    let (out, message, code) = refused(&f, &job(Action::Encrypt), table);
    assert_eq!((out.lines().count(), code), (4, "CSV_CELL_COUNT"));
    assert!(message.starts_with("line 5, column 1"), "{message}");
    let back = ok(&f, &job(Action::Decrypt), &out);
    assert_eq!(back, "id,ssn,last name\na,1,2\n\nb,3,4\n");
    // the second cell of a row is rejected: nothing of the row, and nothing after it
    let moved = out.replace(&cell(&out, 3, 2), &cell(&out, 1, 2));
    let (out, message, code) = refused(&f, &job(Action::Decrypt), moved);
    assert_eq!((out.as_str(), code), ("id,ssn,last name\na,1,2\n\n", "REJECTED"));
    assert!(message.starts_with("line 4, column"), "{message}");
    for (table, code) in [
        ("", "CSV_EMPTY"),
        ("id,ssn,last name\n,1,\n", "RECORD_ID_MISSING"),
        ("id,ssn\na,1\n", "COLUMN_MISSING"),
        ("ssn,last name\na,1\n", "RECORD_COLUMN_MISSING"),
    ] {
        let (out, report) = run(&f, &job(Action::Encrypt), table.as_bytes());
        let error = report.unwrap_err();
        let usage = code.starts_with("COLUMN") || code.starts_with("RECORD_COLUMN");
        let class = if usage { ErrorClass::Usage } else { ErrorClass::Malformed };
        assert_eq!((error.code(), error.class()), (code, class));
        assert!(!String::from_utf8(out).unwrap().contains(",1"));
    }
}

#[test]
fn many_rows_go_through_in_batches() {
    let f = fixture();
    let rows = (0..5_000).map(|i| {
        let filler = "x".repeat(i % 500);
        format!("p{i},{i:09},\"{filler}\n{i}\",{filler}\r\n")
    });
    let table = "id,ssn,last name,free\r\n".to_owned() + &rows.collect::<String>();
    assert!(table.len() > 2 << 20);
    let sealed = ok(&f, &job(Action::Encrypt), &table);
    assert_eq!(ok(&f, &job(Action::Decrypt), &sealed), table);
    let entries = operations(&f.home);
    let of = |operation: &str| entries.iter().filter(|entry| *entry == operation).count();
    assert!(of("encrypt") > 2 && of("decrypt") > 2, "one entry a batch");
    // a row that is larger than a batch
    let long = format!("id,ssn,last name\np1,{},\"\n\"\np2,b,c\n", "y".repeat(3 << 20));
    let sealed = ok(&f, &job(Action::Encrypt), &long);
    assert_eq!(ok(&f, &job(Action::Decrypt), &sealed), long);
}

#[test]
fn rules_of_a_profile_are_followed() {
    let f = fixture();
    let key = crate::keys::new_key("lab", RotationPolicy::default());
    block_on(f.engine.create_key(&key, None)).unwrap();
    let profile = from_toml(
        "unnamed = 'keep'\n\
         [[column]]\nlike = ['ssn']\nplacement = 'inline'\nclass = 'identifier'\nkey = 'lab'\n\
         [[column]]\nlike = ['note']\nplacement = 'inline'\nclass = 'clinical'\npadded = true\n\
         [[column]]\nlike = ['debug']\nplacement = 'remove'\nclass = 'internal'\n",
    );
    let of = |action| TableJob { profile: Arc::clone(&profile), ..job(action) };
    let table = "debug,id,SSN,note\nt,p1,1,a\n\"\",p2,2,abc\n,p3,,\n";
    let (sealed, report) = run(&f, &of(Action::Encrypt), table.as_bytes());
    let sealed = String::from_utf8(sealed).unwrap();
    assert!(sealed.starts_with("debug,id,SSN,note\n,p1,ms1:") && sealed.ends_with("\n,p3,,\n"));
    assert_eq!(cell(&sealed, 1, 3).len(), cell(&sealed, 2, 3).len(), "padded");
    let report = report.unwrap();
    let counts: Vec<_> = report.columns.iter().map(|c| (c.column.as_str(), c.values)).collect();
    assert_eq!(counts, [("debug", 2), ("SSN", 2), ("note", 2)]);
    assert!(report.unmatched_patterns.is_empty());
    let opened = ok(&f, &of(Action::Decrypt), &sealed);
    assert_eq!(opened, "debug,id,SSN,note\n,p1,1,a\n,p2,2,abc\n,p3,,\n");
    let fields = block_on(f.engine.list_fields("default")).unwrap();
    let fields: Vec<_> = fields.iter().map(|f| (&*f.field, &*f.key, &*f.class)).collect();
    assert_eq!(fields, [("SSN", "lab", "identifier"), ("note", "default", "clinical")]);
    let (_, _, code) = refused(&f, &of(Action::Decrypt), sealed.replace("\n,p1", "\nt,p1"));
    assert_eq!(code, "PLAINTEXT_WHERE_PROTECTED", "a removed column that has content again");
}

#[test]
fn a_profile_that_disagrees_with_a_definition_is_refused() {
    let f = fixture();
    let definition = FieldDefinition {
        key: "default".to_owned(),
        class: "general".to_owned(),
        flags: Flags::UNBOUND,
        placement: "inline".to_owned(),
        profile: None,
    };
    block_on(f.engine.define_field(&scope("patients", "ssn"), &definition)).unwrap();
    let (out, message, code) = refused(&f, &job(Action::Encrypt), "id,last name,ssn\np1,a,b\n");
    assert_eq!((out.as_str(), code), ("", "FIELD_CONFLICT"));
    assert!(message.starts_with("line 2, column 6"), "{message}");
    let unbound = TableJob { profile: profile(false), ..job(Action::Encrypt) };
    let sealed = ok(&f, &unbound, "ssn,last name\na,b\nc,d\n");
    let opened = TableJob { action: Action::Decrypt, ..unbound };
    let lines: Vec<&str> = sealed.lines().collect();
    let (a, c) = (cell(&sealed, 1, 0), cell(&sealed, 2, 0));
    let swapped = sealed.replace(&a, "#").replace(&c, &a).replace('#', &c);
    assert_eq!(ok(&f, &opened, swapped), "ssn,last name\nc,b\na,d\n", "bound to no record");
    assert_eq!(lines.len(), 3);
}

#[test]
fn delimiter_and_encoding_belong_to_the_table() {
    let f = fixture();
    let with = |action, delimiter, encoding| TableJob {
        form: TableForm { delimiter, encoding },
        ..job(action)
    };
    let semicolons = "id;ssn;last name\np1;a,b;c\n";
    let sealed = ok(&f, &job(Action::Encrypt), semicolons);
    assert!(sealed.starts_with("id;ssn;last name\np1;ms1:"));
    assert_eq!(ok(&f, &job(Action::Decrypt), &sealed), semicolons);
    let commas = sealed.replace(';', ",");
    let (_, _, code) = refused(&f, &job(Action::Decrypt), commas);
    assert_eq!(code, "CELL_NOT_RESTORABLE", "`a,b` would be two cells");
    let tabs = with(Action::Encrypt, Some(Delimiter::Tab), Encoding::Utf8);
    assert_eq!(refused(&f, &tabs, semicolons).2, "COLUMN_MISSING");

    let latin = b"id,ssn,last name\nj\xF6rg,1,M\xFCller\n";
    assert_eq!(refused(&f, &job(Action::Encrypt), latin).2, "CSV_INVALID_UTF8");
    let as_latin = |action| with(action, None, Encoding::Latin1);
    let (sealed, report) = run(&f, &as_latin(Action::Encrypt), latin);
    report.unwrap();
    assert_eq!(run(&f, &as_latin(Action::Decrypt), &sealed).0, latin);
    // ids are bound as text: a table converted to UTF-8 opens where its cells allow it
    let converted: String = sealed.iter().map(|&byte| char::from(byte)).collect();
    let (out, message, code) = refused(&f, &job(Action::Decrypt), &converted);
    assert_eq!((out.as_str(), code), ("id,ssn,last name\n", "CELL_NOT_RESTORABLE"), "{message}");
    assert!(message.starts_with("line 2, column"), "{message}");
}

#[test]
fn faults_are_noticed_before_anything_is_written() {
    let flip_last = |out: &mut [u8]| out.iter_mut().last().into_iter().for_each(|b| *b ^= 1);
    let verify_after_encrypt = VerifyAfterEncrypt::Always;
    let options = Options { verify_after_encrypt, ..Options::default() };
    let mut f = with(Environment::Development, options);
    let table = "id,ssn,last name\np1,a,b\n";
    let sealed = ok(&f, &job(Action::Encrypt), table);
    f.engine.inject_fault(flip_last);
    let (out, message, code) = refused(&f, &job(Action::Encrypt), table);
    assert_eq!((out.as_str(), code), ("id,ssn,last name\n", "VERIFICATION_FAILED"));
    assert!(message.starts_with("line 2, column 4"), "{message}");

    lose_log(&f.home);
    for (action, input) in [(Action::Decrypt, &*sealed), (Action::Encrypt, table)] {
        let (out, _, code) = refused(&f, &job(action), input);
        assert_eq!((out.as_str(), code), ("", "AUDIT_UNAVAILABLE"));
    }
}

#[test]
fn usage_is_counted() {
    let f = fixture();
    ok(&f, &job(Action::Encrypt), "id,ssn,last name\np1,abc,de\np2,,f\n");
    let key = block_on(f.engine.show_key("default", "default")).unwrap();
    assert_eq!((key.versions[0].messages, key.versions[0].bytes), (3, 6));
}

#[test]
fn a_single_value_and_a_cell_are_bound_alike() {
    let f = fixture();
    let sealed = ok(&f, &job(Action::Encrypt), "id,ssn,last name\np1,abc,\n");
    let scope = scope("patients", "ssn");
    let envelope = medseal_engine::inspect::from_text(cell(&sealed, 1, 1).as_bytes()).unwrap();
    let target =
        Target { scope: &scope, binding: Binding::record("p1"), subject: None, no_record: false };
    let opened = block_on(f.engine.decrypt_value(&target, &envelope)).unwrap();
    assert_eq!((opened.value_type(), opened.as_bytes()), (ValueType::Bytes, &b"abc"[..]));
    assert_eq!(code(block_on(f.engine.decrypt_value(&bound(&scope, "p2"), &envelope))), "REJECTED");
    assert_ne!(encrypt(&f.engine, &target, "abc"), envelope);
}

#[test]
fn coverage_and_scan_need_no_key_and_no_record() {
    let profile = from_toml(
        "[[column]]\nnames = ['ssn', 'gone']\nplacement = 'inline'\nclass = 'x'\n\
         [[column]]\nlike = ['ssn']\nplacement = 'keep'\nclass = 'y'\n\
         [[column]]\nlike = ['debug']\nplacement = 'remove'\nclass = 'x'\n\
         [[column]]\nlike = ['sex']\nplacement = 'keep'\nclass = 'y'\n",
    );
    let form = TableForm::default();
    let table = "id,ssn,debug,sex,other\n1,a,b,c,\n2,ms1:AA,,,\"\"\n,\"ms1:\",,,e\n";
    let columns = table_coverage(Arc::clone(&profile), form, &mut table.as_bytes()).unwrap();
    let shown: Vec<_> = columns.iter().map(|c| (&*c.column, c.count, c.cover)).collect();
    let expected = [
        ("id", 2, "record"),
        ("ssn", 3, "inline"),
        ("debug", 1, "remove"),
        ("sex", 1, "keep"),
        ("other", 2, "none"),
    ];
    assert_eq!(shown, expected);
    assert_eq!(
        (columns[1].class.as_deref(), &*columns[1].overruled),
        (Some("x"), &["ssn".to_owned()][..])
    );
    let mut findings = Vec::new();
    let mut report = |finding| findings.push(finding);
    let looked = Arc::clone(&profile);
    scan_table_for_plaintext(looked, form, &mut table.as_bytes(), &mut report).unwrap();
    let found: Vec<_> = findings.iter().map(|f| (&*f.path, f.line, f.column, f.found)).collect();
    let expected = [
        ("ssn", 2, 3, "plaintext"),
        ("debug", 2, 5, "plaintext"),
        ("ssn", 3, 3, "malformed"),
        ("ssn", 4, 2, "malformed"),
    ];
    assert_eq!(found, expected);
    let nobody = "ssn\na\n";
    assert!(table_coverage(Arc::clone(&profile), form, &mut nobody.as_bytes()).is_ok());
    let broken = "id,ssn\n1,a\n2\n";
    let mut count = 0;
    let mut report = |_| count += 1;
    let broken = scan_table_for_plaintext(profile, form, &mut broken.as_bytes(), &mut report);
    let error = broken.unwrap_err();
    assert_eq!((error.code(), error.class()), ("CSV_CELL_COUNT", ErrorClass::Malformed));
    assert_eq!(count, 1, "what stands before the refused row");
}

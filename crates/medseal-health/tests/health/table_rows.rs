//! Tables as text: what is found, what is refused and where.

use std::sync::Arc;

use medseal_health::HealthError;
use medseal_health::table::{
    Delimiter, Dialect, Encoding, TableLimits, TableProfile, TableScanner,
};

const PROFILE: &str = "profile = 't'\nrevision = 1\n[table]\ncollection = 'c'\n\
    record = { names = ['id'] }\n[[column]]\nnames = ['ssn', 'name']\nplacement = 'inline'\n\
    class = 'x'\n[[column]]\nnames = ['debug']\nplacement = 'remove'\nclass = 'y'\n";

fn scanner_of(encoding: Encoding, limits: TableLimits) -> TableScanner {
    let profile = Arc::new(TableProfile::from_toml(PROFILE).unwrap());
    TableScanner::new(profile, None, encoding, limits)
}

/// `record:column=cell` of each protected cell.
fn found(table: impl AsRef<[u8]>) -> Result<Vec<String>, HealthError> {
    found_as(Encoding::Utf8, table.as_ref())
}

fn found_as(encoding: Encoding, table: &[u8]) -> Result<Vec<String>, HealthError> {
    let mut scanner = scanner_of(encoding, TableLimits::default());
    let rows = scanner.scan(table, true);
    rows.refused.clone().map_or(Ok(()), Err)?;
    let cells = rows.rows.iter().flat_map(|row| {
        let record = row.record.as_deref().unwrap_or("-");
        let spans = rows.spans_of(row).iter();
        let shown = spans.map(|span| {
            let name = scanner.columns()[span.field.index()].name();
            let cell = String::from_utf8_lossy(&table[span.cell.clone()]);
            format!("{record}:{name}={cell}")
        });
        shown.collect::<Vec<_>>()
    });
    Ok(cells.collect())
}

#[test]
fn cells_are_found_with_their_quotes() {
    let cases: &[(&str, &[&str])] = &[
        ("id,ssn\n1,a\n", &["1:ssn=a"]),
        ("id,ssn\r\n1,a\r\n2,b", &["1:ssn=a", "2:ssn=b"]),
        ("id,ssn\r1,a\r2,b\r", &["1:ssn=a", "2:ssn=b"]),
        ("\u{feff}ssn,id\na,1\n", &["1:ssn=a"]),
        ("\u{feff}\"ssn\",\"id\"\n\"a\",\"1\"\n", &["1:ssn=\"a\""]),
        ("\n\r\nid,ssn\n\n1,a\n\r\n\r\n2,b\n\n", &["1:ssn=a", "2:ssn=b"]),
        ("id,ssn\n1,\"a\nb\r\nc\"\n", &["1:ssn=\"a\nb\r\nc\""]),
        ("id,ssn\n1,\"say \"\"a\"\", b\"\n", &["1:ssn=\"say \"\"a\"\", b\""]),
        ("id;ssn\n1;a,b\n", &["1:ssn=a,b"]),
        ("id\tssn\n1\t a \n", &["1:ssn= a "]),
        ("id|ssn\n1|'a|b'\n", &[]),
        ("\"id\",\"a,b\",ssn\n\"x \"\"y\",,z\n", &["x \"y:ssn=z"]),
        ("id,ssn,name\n1,,\"\"\n", &["1:name=\"\""]),
        ("id,ssn\n,\n1,\n", &[]),
        ("id,debug,ssn\n1,x,y\n2,,\n", &["1:debug=x", "1:ssn=y"]),
        ("ssn\n", &[]),
        ("id,ssn\n1,-\n1,=1+1\n", &["1:ssn=-", "1:ssn==1+1"]),
        ("id,ssn\n001,02155\n1,2155\n", &["001:ssn=02155", "1:ssn=2155"]),
    ];
    for (table, expected) in cases {
        match found(table) {
            Ok(found) => assert_eq!(&found, expected, "{table:?}"),
            Err(error) => assert!(expected.is_empty(), "{table:?}: {error}"),
        }
    }
    assert!(found("id,ssn\n,\n1,\n").is_ok(), "a row without protected cells needs no id");
}

#[test]
fn names_and_ids_of_many_countries() {
    let table = "id,name,ssn\nא1,\"כהן, שרה\",ישראל\n２,王小明,𠮷野家\n3,Ærøskøbing,e\u{301}\n\
                 4,O'Brien-Zoë,+49 (0)30 1234\n5,محمد,👩‍⚕️\n";
    let found = found(table).unwrap();
    assert_eq!(found[0], "א1:name=\"כהן, שרה\"");
    assert_eq!(found[3], "２:ssn=𠮷野家");
    assert_eq!(found[5], "3:ssn=e\u{301}");
    assert_eq!(found.len(), 10);
}

#[track_caller]
fn refuse(table: impl AsRef<[u8]>, code: &str, line: u64, column: u64) {
    let table = table.as_ref();
    let shown = String::from_utf8_lossy(table);
    let error = found(table).expect_err(&shown);
    let at = error.position().unwrap();
    assert_eq!((error.code(), at.line, at.column), (code, line, column), "{shown:?}: {error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[test]
fn malformed_tables_are_refused_with_their_place() {
    refuse("", "CSV_EMPTY", 1, 1);
    refuse("\n\r\n\n", "CSV_EMPTY", 4, 1);
    refuse("\u{feff}", "CSV_EMPTY", 1, 4);
    refuse("id,ssn\n1,\"secret\n2,b\n", "CSV_UNTERMINATED_QUOTE", 2, 3);
    refuse("id,\"ssn\n1,a\n", "CSV_UNTERMINATED_QUOTE", 1, 4);
    refuse("id,ssn\n1,\"secret\"x\n", "CSV_TEXT_AFTER_QUOTE", 2, 11);
    refuse("id,ssn\n1,\"secret\" \n", "CSV_TEXT_AFTER_QUOTE", 2, 11);
    refuse("id,ssn\n1,\"secret\";2\n", "CSV_TEXT_AFTER_QUOTE", 2, 11);
    refuse("id,ssn\n1,5' 10\"\n", "CSV_BARE_QUOTE", 2, 8);
    refuse("id,ssn\n1, \"secret\"\n", "CSV_BARE_QUOTE", 2, 4);
    refuse("id,ssn\n1,\"a\nb\"\n2,secret,x\n", "CSV_CELL_COUNT", 4, 1);
    refuse("id,ssn\n1\n", "CSV_CELL_COUNT", 2, 1);
    refuse("id,ssn\r1,a\r2\r", "CSV_CELL_COUNT", 3, 1);
    refuse("id,ssn\n \n", "CSV_CELL_COUNT", 2, 1);
    refuse("id,ssn,ssn\n", "CSV_HEADER_TWICE", 1, 8);
    refuse("id,ssn,\"ssn\"\n", "CSV_HEADER_TWICE", 1, 8);
    refuse("id,,ssn\n", "CSV_HEADER_EMPTY", 1, 4);
    refuse("id,ssn,\n", "CSV_HEADER_EMPTY", 1, 8);
    refuse("id,\" \",ssn\n", "CSV_HEADER_EMPTY", 1, 4);
    refuse("id,ssn;name\n", "CSV_DELIMITER_UNCLEAR", 1, 7);
    refuse("id,ssn\n1,a\n2,secret\0\n", "CSV_NUL", 3, 9);
    refuse("id,ssn\n1,a\n2,\"\0\n", "CSV_UNTERMINATED_QUOTE", 3, 3);
    refuse(b"id,ssn\n1,secret\xE9\n", "CSV_INVALID_UTF8", 2, 9);
    refuse(b"id,ss\xC0\x80\n", "CSV_INVALID_UTF8", 1, 6);
    refuse(b"id,ssn\n1,a\n2,b\xE2\x82", "CSV_INVALID_UTF8", 3, 4);
    refuse(b"id,ssn\n\xE91,a\n", "CSV_INVALID_UTF8", 2, 1);
    refuse(b"\xFF\xFEi\0d\0,\0s\0", "CSV_UTF16", 1, 1);
    refuse(b"\xFE\xFF\0i\0d", "CSV_UTF16", 1, 1);
    refuse(b"i\0d\0,\0s\0", "CSV_UTF16", 1, 1);
    refuse(b"\0i\0d\0,\0s", "CSV_UTF16", 1, 1);
    refuse("id,ssn\n,secret\n", "RECORD_ID_MISSING", 2, 1);
    refuse("ssn,id\nsecret,\"\"\n", "RECORD_ID_MISSING", 2, 8);
    refuse(format!("id,ssn\n{},a\n", "x".repeat(1025)), "RECORD_ID_INVALID", 2, 1);
    assert!(found(format!("id,ssn\n{},a\n", "x".repeat(1024))).is_ok());
    assert!(found("id,ssn\n1,a\nb\0,\n").is_err(), "everywhere, not in protected cells alone");
}

#[test]
fn the_first_fault_of_a_table_is_told() {
    refuse(b"id,ssn\n1,\xFF\n2,a\"b\n", "CSV_INVALID_UTF8", 2, 3);
    refuse(b"id,ssn\n1,a\"b\n2,\xFF\n", "CSV_BARE_QUOTE", 2, 4);
    refuse(b"id,ssn\n1,\xFF\x00\n", "CSV_INVALID_UTF8", 2, 3);
    refuse(b"id,ssn\n1,\x00\xFF\n", "CSV_NUL", 2, 3);
}

#[test]
fn rows_before_the_fault_are_given() {
    let mut scanner = scanner_of(Encoding::Utf8, TableLimits::default());
    let rows = scanner.scan(b"id,ssn\n1,a\n2,b\n3\n4,c\n", true);
    assert_eq!((rows.count, rows.bytes, rows.rows.len()), (2, 15, 2));
    assert!(rows.refused.is_some());
}

#[test]
fn what_does_not_fit_the_profile_is_a_matter_of_usage() {
    assert_eq!(found("ssn,x\n1,2\n").unwrap_err().code(), "RECORD_COLUMN_MISSING");
    let protected = PROFILE.replace("['id']", "['ssn']");
    let profile = Arc::new(TableProfile::from_toml(&protected).unwrap());
    let limits = TableLimits::default();
    let mut scanner = TableScanner::new(profile, None, Encoding::Utf8, limits);
    let error = scanner.scan(b"id,ssn\n", true).refused.unwrap();
    assert_eq!((error.code(), error.position().unwrap().column), ("IDENTITY_PROTECTED", 4));
    let refusing = PROFILE
        .replace("[[column]]\nnames = ['ssn'", "unnamed = 'refuse'\n[[column]]\nnames = ['ssn'");
    let profile = Arc::new(TableProfile::from_toml(&refusing).unwrap());
    let mut scanner = TableScanner::new(profile, None, Encoding::Utf8, limits);
    let error = scanner.scan(b"id,ssn,other\n", true).refused.unwrap();
    assert_eq!((error.code(), error.position().unwrap().column), ("UNNAMED_VALUE", 8));
}

#[test]
fn a_long_row_costs_bounded_memory() {
    let limits = TableLimits { max_row_bytes: 20 };
    let refused = |table: &[u8], at_end| {
        let rows = scanner_of(Encoding::Utf8, limits).scan(table, at_end);
        rows.refused.map(|error| (error.code(), error.position().unwrap().line))
    };
    let row = |length: usize| format!("id,ssn\n1,{}\n", "x".repeat(length));
    assert_eq!(refused(row(17).as_bytes(), true), None);
    assert_eq!(refused(row(18).as_bytes(), true), Some(("CSV_ROW_TOO_LARGE", 2)));
    assert_eq!(refused(b"id,ssn\n1,\"xxxxxxxxxxxxxxxxx", false), None);
    let open = refused(b"id,ssn\n1,\"xxxxxxxxxxxxxxxxxx", false);
    assert_eq!(open, Some(("CSV_ROW_TOO_LARGE", 2)));
    let header = format!("{}\n", "x".repeat(20));
    assert_eq!(refused(header.as_bytes(), true), Some(("CSV_ROW_TOO_LARGE", 1)));
    assert_eq!(refused(&[b'x'; 21], false), Some(("CSV_ROW_TOO_LARGE", 1)));
    assert_eq!(refused(&[b'\n'; 22], false), Some(("CSV_ROW_TOO_LARGE", 1)));
    let wide: Vec<String> = (0..16_385).map(|n| format!("c{n}")).collect();
    let mut scanner = scanner_of(Encoding::Utf8, TableLimits::default());
    let error = scanner.scan(wide.join(",").as_bytes(), true).refused.unwrap();
    assert_eq!(error.code(), "CSV_TOO_MANY_COLUMNS");
}

/// Bytes and their characters as Python's `cp1252` and `latin-1` know them; the five bytes that
/// `cp1252` does not know are those of WHATWG.
#[test]
fn single_byte_encodings() {
    let table = b"id,name\n\x80\xE9\x9F\x81,M\xFCller \x93x\x94\n";
    assert_eq!(found(table).unwrap_err().code(), "CSV_INVALID_UTF8");
    let of = |encoding| found_as(encoding, table).unwrap()[0].split(':').next().unwrap().to_owned();
    assert_eq!(of(Encoding::Windows1252), "\u{20ac}é\u{178}\u{81}");
    assert_eq!(of(Encoding::Latin1), "\u{80}é\u{9f}\u{81}");
    let marked = b"\xEF\xBB\xBFid,name\n1,2\n";
    assert_eq!(found_as(Encoding::Latin1, marked).unwrap_err().code(), "CSV_ENCODING_MARK");
    let nul = found_as(Encoding::Latin1, b"id,name\n\xE9,\0\n").unwrap_err();
    assert_eq!((nul.code(), nul.position().unwrap().column), ("CSV_NUL", 3));
    let all: Vec<u8> = (0x80..=0x9F).collect();
    let table = [b"id,name\n", &all[..], b",x\n"].concat();
    let id = found_as(Encoding::Windows1252, &table).unwrap()[0].replace(":name=x", "");
    let known = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";
    assert_eq!(id, known);
}

#[test]
fn one_cell_or_not() {
    let dialect = |delimiter, encoding| Dialect { delimiter, encoding };
    let comma = dialect(Delimiter::Comma, Encoding::Utf8);
    for good in ["a", " ", "\"\"", "\"a,b\n\"\"\"", "a;b", "ms1:", "=1+1", "\u{feff}"] {
        assert!(comma.is_one_cell(good.as_bytes()), "{good:?}");
    }
    for bad in
        ["", "a,b", "a\n", "a\r", "\"a", "a\"", "\"a\"b", "\"a\",\"b\"", "\n", "a\0", "\"\0\""]
    {
        assert!(!comma.is_one_cell(bad.as_bytes()), "{bad:?}");
    }
    assert!(!comma.is_one_cell(b"\xE9"));
    assert!(dialect(Delimiter::Comma, Encoding::Latin1).is_one_cell(b"\xE9"));
    assert!(!dialect(Delimiter::Semicolon, Encoding::Utf8).is_one_cell(b"a;b"));
}

#[test]
fn positions_count_every_kind_of_line_end() {
    let table = b"id,ssn\r\n\"a\rb\nc\r\nd\",x\r1\n";
    let mut scanner = scanner_of(Encoding::Utf8, TableLimits::default());
    let mut read = 8;
    let first = scanner.scan(&table[..read], false);
    assert_eq!(first.bytes, 8);
    read = table.len();
    let rows = scanner.scan(&table[first.bytes..read], true);
    let at = rows.refused.clone().unwrap().position().unwrap();
    assert_eq!((at.line, at.column), (6, 1));
    let span = &rows.spans[0];
    let at = rows.position(&table[8..], span.cell.start);
    assert_eq!((at.line, at.column), (5, 4));
}

/// `record/subject` of each row with protected cells.
fn subjects(head: &str, table: &str) -> Result<Vec<String>, &'static str> {
    let profile = PROFILE.replace("record = { names = ['id'] }", head);
    let profile = TableProfile::from_toml(&profile).map_err(|error| error.code())?;
    let limits = TableLimits::default();
    let mut scanner = TableScanner::new(Arc::new(profile), None, Encoding::Utf8, limits);
    let rows = scanner.scan(table.as_bytes(), true);
    rows.refused.clone().map_or(Ok(()), Err).map_err(|error| error.code())?;
    let of = |id: &Option<String>| id.clone().unwrap_or_else(|| "-".to_owned());
    Ok(rows.rows.iter().map(|row| format!("{}/{}", of(&row.record), of(&row.subject))).collect())
}

#[test]
fn rows_have_the_subject_of_their_column() {
    let head = "record = { names = ['id'] }\nsubject = { names = ['Patient'], like = ['mrn'] }";
    let two = "id,ssn,Patient,MRN\n1,a,\"p, 1\",x\n2,b,p2,x\n";
    assert_eq!(subjects(head, two).unwrap(), ["1/p, 1", "2/p2"]);
    assert_eq!(subjects(head, "mrn,id,ssn\nx,1,a\n").unwrap(), ["1/x"]);
    assert_eq!(subjects(head, "id,ssn\n1,a\n"), Err("SUBJECT_COLUMN_MISSING"));
    assert_eq!(subjects(head, "id,ssn,mrn,the mrn\n1,a,b,c\n"), Err("SUBJECT_COLUMN_UNCLEAR"));
    assert_eq!(subjects(head, "id,ssn,mrn\n1,a,\n"), Err("SUBJECT_MISSING"));
    assert_eq!(subjects(head, "id,ssn,mrn\n1,,\n").unwrap(), Vec::<String>::new());
    let long = format!("id,ssn,mrn\n1,a,{}\n", "x".repeat(1025));
    assert_eq!(subjects(head, &long), Err("SUBJECT_INVALID"));
    let same = "record = { names = ['id'] }\nsubject = { names = ['id'] }";
    assert_eq!(subjects(same, "id,ssn\n7,a\n").unwrap(), ["7/7"]);
    let hidden = "record = { names = ['id'] }\nsubject = { names = ['ssn'] }";
    assert_eq!(subjects(hidden, "id,ssn\n7,a\n"), Err("IDENTITY_PROTECTED"));
    for none in ["record = 'none'", "record = 'none'\nsubject = 'none'"] {
        assert_eq!(subjects(none, "id,ssn\n7,a\n").unwrap(), ["-/-"]);
    }
    let empty = "record = 'none'\nsubject = {}";
    assert_eq!(subjects(empty, "id,ssn\n7,a\n"), Err("PROFILE_SYNTAX"));
}

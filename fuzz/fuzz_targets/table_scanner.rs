//! What the table scanner accepts is what the crate `csv` sees; what it leads to write is a table
//! with the same columns, rows and records; and the size of reads does not matter.
//!
//! The first byte chooses the delimiter. A crash file becomes a test in
//! `crates/medseal-health/tests/health/table_rows.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use medseal_health::table::{Delimiter, Rows};

#[path = "../../crates/medseal-health/tests/health/table_oracle.rs"]
mod oracle;

const RULES: &str = r#"
profile = "fuzz"
revision = 1
[table]
collection = "c"
record = { like = ["id"] }
[[column]]
like = ["a", "b"]
placement = "inline"
class = "x"
[[column]]
like = ["r"]
placement = "remove"
class = "x"
"#;

/// The table as an engine writes it.
fn sealed(table: &[u8], rows: &Rows) -> Vec<u8> {
    let (mut out, mut copied) = (Vec::new(), 0);
    for span in &rows.spans {
        assert!(copied <= span.cell.start && span.cell.start < span.cell.end);
        out.extend_from_slice(&table[copied..span.cell.start]);
        out.extend_from_slice(b"ms1:");
        copied = span.cell.end;
    }
    out.extend_from_slice(&table[copied..rows.bytes]);
    out
}

/// Record and columns of each row with protected cells.
fn names(rows: &Rows) -> Vec<(Option<String>, Vec<usize>)> {
    let columns = |row| rows.spans_of(row).iter().map(|span| span.field.index()).collect();
    rows.rows.iter().map(|row| (row.record.clone(), columns(row))).collect()
}

fn check_reads(table: &[u8], delimiter: Delimiter, whole: &Rows) {
    let mut scanner = oracle::scanner(RULES, delimiter);
    let (mut done, mut read, mut found) = (0, 0, Vec::new());
    let refused = loop {
        let rows = scanner.scan(&table[done..read], read == table.len());
        found.extend(names(&rows));
        done += rows.bytes;
        if rows.refused.is_some() || read == table.len() {
            break rows.refused;
        }
        read = (read + 1 + read % 7).min(table.len());
    };
    assert_eq!((done, &refused), (whole.bytes, &whole.refused));
    assert_eq!(found, names(whole));
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, table)) = input.split_first() else { return };
    let delimiter = Delimiter::ALL[usize::from(choice) % 4];
    oracle::check(table, delimiter);
    let mut scanner = oracle::scanner(RULES, delimiter);
    let rows = scanner.scan(table, true);
    check_reads(table, delimiter, &rows);
    if rows.bytes == 0 {
        return;
    }
    let dialect = scanner.dialect().expect("a header");
    for span in &rows.spans {
        assert!(dialect.is_one_cell(&table[span.cell.clone()]));
    }
    // Who decrypts reads all names from the encrypted table.
    let sealed = sealed(table, &rows);
    let again = oracle::scanner(RULES, delimiter).scan(&sealed, true);
    assert!(again.refused.is_none());
    assert_eq!((names(&again), again.count), (names(&rows), rows.count));
});

//! The crate `csv` as a second opinion on where cells are.
//!
//! It accepts more than ours (quotes anywhere, rows of any length), so what ours accepts is compared
//! cell by cell, and what ours refuses for its shape must look odd to it too.

use std::sync::Arc;

use medseal_health::table::{Delimiter, Encoding, Rows, TableLimits, TableProfile, TableScanner};

/// Finds every cell.
pub(crate) const ALL: &str = "profile = 'all'\nrevision = 1\n[table]\ncollection = 'c'\n\
     record = 'none'\nunnamed = 'encrypt'\n";

pub(crate) fn scanner(profile: &str, delimiter: Delimiter) -> TableScanner {
    let profile = Arc::new(TableProfile::from_toml(profile).expect("a profile"));
    TableScanner::new(profile, Some(delimiter), Encoding::Utf8, TableLimits::default())
}

/// The text of a cell.
pub(crate) fn text(cell: &[u8]) -> String {
    let text = String::from_utf8(cell.to_vec()).expect("UTF-8");
    match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => text,
    }
}

/// Column and text of all cells that are not empty, in order.
fn ours(table: &[u8], rows: &Rows) -> Vec<(usize, String)> {
    let cells = rows.spans.iter().map(|s| (s.field.index(), text(&table[s.cell.clone()])));
    cells.filter(|(_, text)| !text.is_empty()).collect()
}

/// All records, the header first; none when it is not UTF-8.
fn theirs(table: &[u8], delimiter: Delimiter) -> Option<Vec<csv::StringRecord>> {
    reader(delimiter).from_reader(table).into_records().collect::<Result<_, _>>().ok()
}

fn reader(delimiter: Delimiter) -> csv::ReaderBuilder {
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false).flexible(true).delimiter(delimiter.byte());
    reader
}

/// Compares both on one table.
pub(crate) fn check(table: &[u8], delimiter: Delimiter) {
    let mut scanner = scanner(ALL, delimiter);
    let rows = scanner.scan(table, true);
    let records = theirs(table, delimiter);
    let shown = String::from_utf8_lossy(table);
    let code = rows.refused.as_ref().map(|error| error.code());
    let Some(code) = code else {
        let records = records.unwrap_or_else(|| panic!("they refuse: {shown:?}"));
        let names: Vec<&str> = scanner.columns().iter().map(|column| column.name()).collect();
        assert_eq!(records.first().map(|r| r.iter().collect()), Some(names), "{shown:?}");
        let cells = records.iter().skip(1).flat_map(|record| {
            assert_eq!(record.len(), scanner.columns().len(), "{shown:?}");
            record.iter().map(str::to_owned).enumerate().collect::<Vec<_>>()
        });
        let theirs: Vec<_> = cells.filter(|(_, text)| !text.is_empty()).collect();
        assert_eq!(ours(table, &rows), theirs, "{shown:?}");
        assert_eq!(rows.count, records.len() as u64 - 1, "{shown:?}");
        assert_eq!(rows.bytes, table.len(), "{shown:?}");
        return;
    };
    match code {
        "CSV_EMPTY" => assert!(records.is_none_or(|r| r.is_empty()), "{shown:?}"),
        "CSV_CELL_COUNT" => {
            let records = reader(delimiter).from_reader(table).into_byte_records();
            let lengths: Vec<usize> = records.map(|record| record.unwrap().len()).collect();
            assert!(lengths.iter().any(|length| Some(length) != lengths.first()), "{shown:?}");
        }
        "CSV_INVALID_UTF8" => assert!(std::str::from_utf8(table).is_err(), "{shown:?}"),
        "CSV_NUL" | "CSV_UTF16" => {
            assert!(table.contains(&0) || table[0] >= 0xFE, "{shown:?}");
        }
        "CSV_BARE_QUOTE" | "CSV_TEXT_AFTER_QUOTE" | "CSV_UNTERMINATED_QUOTE" => {
            assert!(table.contains(&b'"'), "{shown:?}");
        }
        "CSV_HEADER_TWICE" | "CSV_HEADER_EMPTY" => {}
        other => panic!("{other}: {shown:?}"),
    }
}

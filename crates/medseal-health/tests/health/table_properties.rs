//! Properties over generated tables, with the crate `csv` as the model.

use medseal_health::table::Delimiter;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::table_oracle::{ALL, check, scanner, text};

fn delimiter() -> impl Strategy<Value = Delimiter> {
    proptest::sample::select(&Delimiter::ALL[..])
}

/// Pieces that break tables in interesting ways, and some that do not.
const PIECES: &[&[u8]] = &[
    b"\"",
    b"\"\"",
    b",",
    b";",
    b"\t",
    b"|",
    b"\r",
    b"\n",
    b"\r\n",
    b" ",
    b"a",
    b"b",
    b"ms1:",
    "é".as_bytes(),
    b"\xFF",
    b"\xEF\xBB\xBF",
    b"0",
];

fn soup() -> impl Strategy<Value = Vec<u8>> {
    let piece = proptest::sample::select(PIECES);
    (any::<bool>(), vec(piece, 0..40)).prop_map(|(header, pieces)| {
        let head: &[u8] = if header { b"x,y\n" } else { b"" };
        [head, &pieces.concat()].concat()
    })
}

/// A cell as it is written: quoted where it has to be, and sometimes where it need not be.
fn cell(delimiter: Delimiter) -> impl Strategy<Value = String> {
    let text = "[a-z \"\r\n,;\t|é\u{202e}😀]{0,12}";
    (text, any::<bool>()).prop_map(move |(text, quote)| {
        let special = ['"', '\r', '\n', char::from(delimiter.byte())];
        if quote || text.contains(special) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text
        }
    })
}

const ENDINGS: &[&str] = &["\n", "\r\n", "\r", "\n\n", "\r\n\r\n"];

/// A table of three columns that is well formed, and its cells.
fn table() -> impl Strategy<Value = (Delimiter, String, Vec<String>)> {
    delimiter().prop_flat_map(|delimiter| {
        let row = vec(cell(delimiter), 3);
        let rows = vec((row, proptest::sample::select(ENDINGS)), 0..8);
        (Just(delimiter), any::<bool>(), rows, any::<bool>()).prop_map(
            |(delimiter, marked, rows, ended)| {
                let separator = char::from(delimiter.byte()).to_string();
                let mark = if marked { "\u{feff}" } else { "" };
                let mut text = format!("{mark}{}\n", ["A", "\"B, b\"", "C"].join(&separator));
                let mut cells = Vec::new();
                for (at, (row, ending)) in rows.iter().enumerate() {
                    text += &row.join(&separator);
                    text += if at + 1 < rows.len() || ended { ending } else { "" };
                    cells.extend(row.iter().filter(|cell| !cell.is_empty()).cloned());
                }
                (delimiter, text, cells)
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn what_is_accepted_is_what_the_csv_crate_sees(table in soup(), delimiter in delimiter()) {
        check(&table, delimiter);
    }

    #[test]
    fn well_formed_tables_are_accepted_cell_by_cell((delimiter, table, cells) in table()) {
        check(table.as_bytes(), delimiter);
        let mut scanner = scanner(ALL, delimiter);
        let rows = scanner.scan(table.as_bytes(), true);
        prop_assert!(rows.refused.is_none(), "{:?} {table:?}", rows.refused);
        let found: Vec<&str> = rows.spans.iter().map(|span| &table[span.cell.clone()]).collect();
        prop_assert_eq!(&found, &cells);
        let dialect = scanner.dialect().unwrap();
        for cell in &cells {
            prop_assert!(dialect.is_one_cell(cell.as_bytes()), "{cell:?}");
            prop_assert_eq!(text(cell.as_bytes()).is_empty(), cell == "\"\"");
        }
    }

    #[test]
    fn the_size_of_reads_does_not_matter(
        table in prop_oneof![soup(), table().prop_map(|(_, t, _)| t.into_bytes())],
        sizes in vec(1_usize..9, 1..30),
    ) {
        let whole = scanner(ALL, Delimiter::Comma).scan(&table, true);
        let expected: Vec<_> = whole.spans.iter().map(|s| (s.cell.clone(), s.field)).collect();
        let mut scanner = scanner(ALL, Delimiter::Comma);
        let (mut done, mut read, mut found) = (0, 0, Vec::new());
        let mut sizes = sizes.iter().cycle();
        let refused = loop {
            let at_end = read >= table.len();
            let rows = scanner.scan(&table[done..read], at_end);
            found.extend(rows.spans.iter().map(|s| {
                (s.cell.start + done..s.cell.end + done, s.field)
            }));
            done += rows.bytes;
            if rows.refused.is_some() || at_end {
                break rows.refused;
            }
            read = (read + sizes.next().unwrap()).min(table.len());
        };
        prop_assert_eq!(found, expected);
        prop_assert_eq!(done, whole.bytes);
        prop_assert_eq!(refused, whole.refused);
    }

    #[test]
    fn one_cell_is_one_cell(bytes in soup(), delimiter in delimiter()) {
        let dialect = medseal_health::table::Dialect { delimiter, encoding: Default::default() };
        if dialect.is_one_cell(&bytes) {
            let separator = [delimiter.byte()];
            let table = [&b"A"[..], b"B", b"C"].join(&separator[..]);
            let row = [&b"x"[..], &bytes, b"y"].join(&separator[..]);
            let table = [table, row].join(&b'\n');
            let rows = scanner(ALL, delimiter).scan(&table, true);
            prop_assert!(rows.refused.is_none());
            prop_assert_eq!(rows.spans.len(), 3);
            prop_assert_eq!(&table[rows.spans[1].cell.clone()], &bytes[..]);
        }
    }
}

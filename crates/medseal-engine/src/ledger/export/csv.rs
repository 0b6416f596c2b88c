//! Comma-separated values (RFC 4180) that a spreadsheet does not take for formulas.
//!
//! A cell may end up in a spreadsheet, which takes `=`, `+`, `-`, `@`, a tab or a carriage return at its
//! start for a formula; such cells start with an apostrophe here, as OWASP advises.

/// One row with its line end.
pub(crate) fn row<C: AsRef<str>>(cells: &[C]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| harmless_cell(cell.as_ref())).collect();
    cells.join(",") + "\r\n"
}

/// A cell that no program takes for a formula, quoted where the grammar asks for it.
fn harmless_cell(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::harmless_cell;

    #[test]
    fn formulas_and_delimiters_are_made_harmless() {
        for (cell, expected) in [
            ("plain", "plain"),
            ("", ""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("a,b", "\"a,b\""),
            ("=\"x\",1", "\"'=\"\"x\"\",1\""),
            ("a\nb", "\"a\nb\""),
        ] {
            assert_eq!(harmless_cell(cell), expected);
        }
    }
}

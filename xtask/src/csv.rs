//! Comma-separated values with RFC 4180 quoting: as much of it as two tables need.

/// The records of a table; a record is its fields.
pub(crate) fn parse(text: &str) -> Vec<Vec<String>> {
    let mut reader = Reader::default();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if reader.quoted && characters.peek() == Some(&'"') => {
                characters.next();
                reader.field.push('"');
            }
            '"' => reader.quoted = !reader.quoted,
            ',' if !reader.quoted => reader.end_field(),
            '\n' if !reader.quoted => reader.end_record(),
            '\r' if !reader.quoted => {}
            other => reader.field.push(other),
        }
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    records: Vec<Vec<String>>,
    record: Vec<String>,
    field: String,
    quoted: bool,
}

impl Reader {
    fn end_field(&mut self) {
        self.record.push(std::mem::take(&mut self.field));
    }

    fn end_record(&mut self) {
        self.end_field();
        self.records.push(std::mem::take(&mut self.record));
    }

    fn finish(mut self) -> Vec<Vec<String>> {
        if !self.field.is_empty() || !self.record.is_empty() {
            self.end_record();
        }
        self.records
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn quotes_commas_and_line_breaks_inside_fields() {
        let records = parse("a,b\r\n\"1,\"\"2\"\"\",\"x\ny\"\nlast,");
        assert_eq!(records, [["a", "b"], ["1,\"2\"", "x\ny"], ["last", ""]]);
    }
}

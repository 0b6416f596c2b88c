//! Lines of NDJSON and how it is told from JSON.

use medseal_health::ndjson::{Format, Lines, detect};

/// Reads `text` in chunks, keeping what is not complete, as an engine would.
fn read(text: &[u8], chunk: usize) -> Vec<(u64, String, String)> {
    let mut lines = Lines::new();
    let mut buffer = Vec::new();
    let mut out = Vec::new();
    let mut chunks = text.chunks(chunk).peekable();
    loop {
        let part = chunks.next();
        buffer.extend_from_slice(part.unwrap_or_default());
        let at_end = part.is_none();
        let mut start = 0;
        while let Some(line) = lines.next(&buffer[start..], at_end) {
            start += line.bytes();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            out.push((line.number, text(line.content), text(line.ending)));
        }
        buffer.drain(..start);
        if at_end {
            assert!(buffer.is_empty());
            return out;
        }
    }
}

#[test]
fn lines_are_the_same_for_every_chunk_size() {
    let text = b"{}\n\n[1]\r\n \r\n\r\nlast\r";
    let expect = [
        (1, "{}", "\n"),
        (2, "", "\n"),
        (3, "[1]", "\r\n"),
        (4, " ", "\r\n"),
        (5, "", "\r\n"),
        (6, "last\r", ""),
    ];
    for chunk in 1..=text.len() {
        let lines = read(text, chunk);
        let lines: Vec<_> = lines.iter().map(|(n, c, e)| (*n, &c[..], &e[..])).collect();
        assert_eq!(lines, expect, "{chunk}");
    }
    assert_eq!(read(b"", 4), []);
    assert_eq!(read(b"\n", 4).len(), 1);
    assert_eq!(read(b"a\nb\n", 1).len(), 2);
}

#[test]
fn blank_lines_are_known() {
    let blank = |text: &[u8]| Lines::new().next(text, true).unwrap().is_blank();
    assert!(blank(b"\n") && blank(b" \t\r\n") && blank(b"  "));
    assert!(!blank(b" 1\n") && !blank(b"\x0b\n"));
}

#[test]
fn formats_are_told_apart() {
    for (text, expect) in [
        ("", Format::Json),
        ("{}", Format::Json),
        ("{}\n", Format::Json),
        ("{}\n \r\n", Format::Json),
        ("{}\n{}", Format::Ndjson),
        ("\n{}\r\n\n[1]", Format::Ndjson),
        ("{}\n{\"cut", Format::Ndjson),
        ("[1]\n[2]\n", Format::Ndjson),
        ("{\n}\n", Format::Json),
        ("[1,\n2]\n", Format::Json),
        ("1\n2\n", Format::Json),
        ("{\"a\":1,\n\"b\":{}}\n", Format::Json),
        ("x\n{}", Format::Json),
        ("{} {}\n{}", Format::Json),
    ] {
        assert_eq!(detect(text.as_bytes()), expect, "{text:?}");
    }
}

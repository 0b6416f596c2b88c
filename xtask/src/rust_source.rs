//! Just enough reading of Rust to judge a source file: code without its comments and literals,
//! where its tests stand, and how long its functions are.
//!
//! A scanner over characters, not a parser: it may be fooled by macros that write braces
//! unevenly, which `cargo fmt` would refuse anyway.

use std::ops::Range;
use std::path::Path;

/// A source file with every comment, string and character literal blanked. Offsets and line
/// numbers stay those of the file.
pub(crate) struct Code(Vec<u8>);

pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) length: usize,
}

impl Code {
    pub(crate) fn of(source: &str) -> Self {
        let mut code = source.as_bytes().to_vec();
        let mut at = 0;
        while at < code.len() {
            let end = at + hidden_length(&code[at..], at.checked_sub(1).map(|before| code[before]));
            let visible = end == at;
            for byte in &mut code[at..end] {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
            at = if visible { at + 1 } else { end };
        }
        Self(code)
    }

    /// The places where `word` stands as a word of its own.
    pub(crate) fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.0.windows(word.len()).enumerate().filter_map(move |(at, window)| {
            let before = at.checked_sub(1).map(|before| self.0[before]);
            let after = self.0.get(at + word.len()).copied();
            let whole = !before.is_some_and(in_word) && !after.is_some_and(in_word);
            (window == word.as_bytes() && whole).then_some(at)
        })
    }

    /// The line, counted from 1.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.0[..at].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    pub(crate) fn text(&self, range: Range<usize>) -> String {
        String::from_utf8_lossy(&self.0[range]).into_owned()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The block `{…}` that opens at or after `from`, or `None` if `;` ends the item first.
    pub(crate) fn block(&self, from: usize) -> Option<Range<usize>> {
        let open = self.opening(from)?;
        let mut depth = 0_usize;
        for (at, byte) in self.0.iter().enumerate().skip(open) {
            match byte {
                b'{' => depth += 1,
                b'}' if depth == 1 => return Some(open..at + 1),
                b'}' => depth -= 1,
                _ => {}
            }
        }
        None
    }

    fn opening(&self, from: usize) -> Option<usize> {
        let mut brackets = 0_i32;
        for (at, byte) in self.0.iter().enumerate().skip(from) {
            match byte {
                b'(' | b'[' => brackets += 1,
                b')' | b']' => brackets -= 1,
                b'{' if brackets == 0 => return Some(at),
                b';' if brackets == 0 => return None,
                _ => {}
            }
        }
        None
    }

    pub(crate) fn functions(&self) -> Vec<Function> {
        self.words("fn").filter_map(|at| self.function(at)).collect()
    }

    fn function(&self, at: usize) -> Option<Function> {
        let rest = self.0.get(at + 3..)?;
        let name: String =
            rest.iter().take_while(|byte| in_word(**byte)).map(|byte| char::from(*byte)).collect();
        let block = self.block(at)?;
        let (line, last) = (self.line(at), self.line(block.end));
        (!name.is_empty()).then_some(Function { name, line, length: last + 1 - line })
    }

    /// The lines of the blocks marked `#[cfg(test)]`.
    pub(crate) fn test_lines(&self) -> Vec<Range<usize>> {
        let marks = self.words("#[cfg(test)]");
        marks
            .filter_map(|at| {
                let block = self.block(at + "#[cfg(test)]".len())?;
                Some(self.line(at)..self.line(block.end) + 1)
            })
            .collect()
    }

    /// The same code with its test blocks blanked as well.
    pub(crate) fn without_tests(mut self) -> Self {
        let tests = self.test_lines();
        let mut line = 1;
        for byte in &mut self.0 {
            if *byte == b'\n' {
                line += 1;
            } else if tests.iter().any(|range| range.contains(&line)) {
                *byte = b' ';
            }
        }
        self
    }
}

/// Whether a whole file is test code: `tests.rs`, or anything below a folder `tests`.
pub(crate) fn is_test_file(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests")
        || path.file_name().is_some_and(|name| name == "tests.rs")
}

fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// How many bytes from here on are a comment or a literal; 0 if code stands here.
fn hidden_length(code: &[u8], before: Option<u8>) -> usize {
    match code {
        [b'/', b'/', ..] => code.iter().position(|byte| *byte == b'\n').unwrap_or(code.len()),
        [b'/', b'*', ..] => block_comment(code),
        [b'"', ..] => string(code),
        [b'\'', ..] => character(code),
        [b'r', b'"' | b'#', ..] if !before.is_some_and(|byte| in_word(byte) && byte != b'b') => {
            raw_string(code)
        }
        _ => 0,
    }
}

fn block_comment(code: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at + 1 < code.len() {
        match &code[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" if depth == 1 => return at + 2,
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    code.len()
}

fn string(code: &[u8]) -> usize {
    let mut at = 1;
    while at < code.len() {
        match code[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    code.len()
}

/// A character literal; 0 for a lifetime, which has no closing quote.
fn character(code: &[u8]) -> usize {
    if code.get(1) == Some(&b'\\') {
        let closing = code.iter().skip(3).position(|byte| *byte == b'\'');
        return closing.map_or(code.len(), |at| at + 4);
    }
    // One character is at most four bytes of UTF-8.
    let first = code.get(1).copied().unwrap_or(0);
    let width = match first {
        0..0x80 => 1,
        0x80..0xE0 => 2,
        0xE0..0xF0 => 3,
        _ => 4,
    };
    if code.get(1 + width) == Some(&b'\'') { width + 2 } else { 0 }
}

fn raw_string(code: &[u8]) -> usize {
    let hashes = code.iter().skip(1).take_while(|byte| **byte == b'#').count();
    if code.get(1 + hashes) != Some(&b'"') {
        return 0; // a raw identifier
    }
    let end: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let body = 2 + hashes;
    let closing = code[body..].windows(end.len()).position(|window| window == end);
    closing.map_or(code.len(), |at| body + at + end.len())
}

#[cfg(test)]
mod tests {
    use super::Code;

    fn code(source: &str) -> String {
        let code = Code::of(source);
        code.text(0..code.len()).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_literals_are_blank() {
        assert_eq!(code("a // unsafe\nb /* x /* y */ z */ c"), "a b c");
        assert_eq!(code(r##"f("a \" unsafe", r#"un"safe"#, b'\'', '"', '\u{41}', 'é')"##), {
            "f( , , b , , , )"
        });
        assert_eq!(code("br\"unsafe\" x"), "b x");
    }

    #[test]
    fn lifetimes_and_raw_identifiers_stay() {
        assert_eq!(code("fn f<'a>(x: &'a str, r#type: u8)"), "fn f<'a>(x: &'a str, r#type: u8)");
    }

    #[test]
    fn length_of_functions_counts_from_fn_to_brace() {
        let source = "fn a(x: [u8; 2]) {\n  \"}\";\n}\ntrait T { fn b(); fn c() {} }";
        let found: Vec<_> = Code::of(source)
            .functions()
            .iter()
            .map(|f| (f.name.clone(), f.line, f.length))
            .collect();
        assert_eq!(found, [("a".to_owned(), 1, 3), ("c".to_owned(), 4, 1)]);
    }

    #[test]
    fn a_module_of_tests_in_a_file_of_its_own_is_no_block() {
        let source = "#[cfg(test)]\nmod tests;\nfn a() {}\n#[cfg(test)]\nmod more {\n}\n";
        assert_eq!(Code::of(source).test_lines().first(), Some(&(4..7)));
        assert!(code("x").contains('x'));
        assert!(!Code::of(source).without_tests().text(0..30).contains("more"));
    }
}

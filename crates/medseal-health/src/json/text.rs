//! The characters that the body of a JSON string stands for.
//!
//! Only for bodies that [`super::lex`] has accepted: nothing is checked again here.

use std::borrow::Cow;
use std::str::Chars;

/// Iterates over the unescaped characters of a string body.
#[derive(Debug, Clone)]
pub(crate) struct Unescaped<'a> {
    rest: Chars<'a>,
}

impl<'a> Unescaped<'a> {
    pub(crate) fn new(body: &'a str) -> Self {
        Self { rest: body.chars() }
    }

    fn unit(&mut self) -> u32 {
        let mut digits = self.rest.by_ref().take(4);
        digits.try_fold(0, |unit, c| Some(unit << 4 | c.to_digit(16)?)).unwrap_or_default()
    }

    fn code_point(&mut self) -> char {
        let first = self.unit();
        let code = if (0xD800..0xDC00).contains(&first) {
            self.rest.nth(1);
            0x10000 + ((first - 0xD800) << 10) + (self.unit() & 0x3FF)
        } else {
            first
        };
        char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}

impl Iterator for Unescaped<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if c != '\\' {
            return Some(c);
        }
        Some(match self.rest.next()? {
            'u' => self.code_point(),
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            other => other,
        })
    }
}

/// The text of a string body, borrowed when it has no escapes.
pub(crate) fn unescape(body: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', body.as_bytes()).is_none() {
        Cow::Borrowed(body)
    } else {
        Cow::Owned(Unescaped::new(body).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn agrees_with_serde_json() {
        for body in [
            "",
            "plain é",
            r#"\"\\\/\b\f\n\r\t"#,
            r"\u0061\u00e9\u20AC",
            r"a\ud83d\ude00b\uD800\uDC00",
            r"\u0000\uffff",
            r"x\\u0041",
        ] {
            let expected: String = serde_json::from_str(&format!("\"{body}\"")).unwrap();
            assert_eq!(unescape(body), expected, "{body}");
        }
    }
}

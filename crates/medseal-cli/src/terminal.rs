//! What goes to a terminal: the one place where text that a user or a document gave is made harmless.
//!
//! A file name or a key of a document may carry an escape sequence that moves the cursor, recolours
//! or hides what stands around it, or a mark that turns the order of letters. Shown, such characters
//! are written out. Data itself (`output::write`) passes as it is: it is what was asked for.

use std::borrow::Cow;

/// The text as one line: control characters, line ends included, and marks of writing direction are
/// written as escapes.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(is_active) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => out.extend(character.escape_default()),
            _ if is_active(character) => out.extend(character.escape_unicode()),
            _ => out.push(character),
        }
    }
    Cow::Owned(out)
}

/// JSON text in which the same characters are JSON escapes: `serde_json` leaves those from U+007F on.
pub(crate) fn harmless_json(json: &str) -> Cow<'_, str> {
    if !json.contains(is_active) {
        return Cow::Borrowed(json);
    }
    let active = json.chars().filter(|character| is_active(*character)).count();
    // the exact room: text that grows would leave copies of a value in memory
    let mut out = String::with_capacity(json.len() + 6 * active);
    for character in json.chars() {
        if is_active(character) {
            out.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// One line on standard error, where everything that is not the output goes.
pub(crate) fn say(text: &str) {
    eprintln!("medseal: {}", harmless(text));
}

/// One JSON value on standard error.
pub(crate) fn say_json(value: &serde_json::Value) {
    eprintln!("{}", harmless_json(&value.to_string()));
}

/// Whether a terminal acts on this character instead of showing it.
pub(crate) fn is_active(character: char) -> bool {
    // all are below U+10000, so that one JSON escape holds each
    let direction = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || direction
}

#[cfg(test)]
mod tests {
    use super::{harmless, harmless_json};

    #[test]
    fn what_a_terminal_acts_on_is_written_out() {
        assert_eq!(harmless("a\u{1b}[31mb\nc\u{9b}d\u{7f}"), "a\\u{1b}[31mb\\nc\\u{9b}d\\u{7f}");
        assert_eq!(harmless("x\u{202e}y"), "x\\u{202e}y");
    }

    #[test]
    fn other_text_is_as_it_was() {
        for text in ["", "Müller 🦠", "\\u{1b}", "日本語"] {
            assert_eq!(harmless(text), text);
            assert_eq!(harmless_json(text), text);
        }
    }

    #[test]
    fn json_stays_json() {
        let text = "a\u{9b}31m\u{202e}\u{7f}\u{1b}";
        let json = serde_json::to_string(text).unwrap();
        let shown = harmless_json(&json);
        assert!(!shown.contains(super::is_active), "{shown}");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
    }
}

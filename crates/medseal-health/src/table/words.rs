//! Column names as words, and patterns on words.
//!
//! `FIRST_NAME`, `firstName`, `first name` and `FirstName` are the same two words. A pattern compares
//! whole words, so that `lat` is not found in `latest` nor `ip` in `ship`; and it compares them
//! joined, so that `zip code` also finds `ZIPCODE` and `email` finds `e-mail`.

/// A column's name, cut into lower-case words.
pub(super) struct Words(Vec<String>);

impl Words {
    /// Words are runs of letters or of digits; a capital after a small letter starts a new one, and
    /// so does the last of several capitals before a small letter (`IPAddress`).
    pub(super) fn of(name: &str) -> Self {
        let characters: Vec<char> = name.chars().collect();
        let mut words = vec![String::new()];
        for (at, &character) in characters.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|at| characters.get(at));
            let boundary = before.is_none_or(|&before| {
                is_boundary(before, character, characters.get(at + 1).copied())
            });
            if boundary {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut().filter(|_| character.is_alphanumeric()) {
                word.extend(character.to_lowercase());
            }
        }
        words.retain(|word| !word.is_empty());
        Self(words)
    }
}

fn is_boundary(before: char, character: char, after: Option<char>) -> bool {
    if !before.is_alphanumeric() || !character.is_alphanumeric() {
        return true;
    }
    let digits = before.is_numeric() != character.is_numeric();
    let camel = before.is_lowercase() && character.is_uppercase();
    let acronym = before.is_uppercase()
        && character.is_uppercase()
        && after.is_some_and(|after| after.is_lowercase());
    digits || camel || acronym
}

/// Some words in a row, or a whole name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WordPattern {
    /// The words without what separates them.
    joined: String,
    /// The name must be these words and no others.
    whole: bool,
}

impl WordPattern {
    /// Reads `first name` or `=first name`: words in lower case with one space between.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (words, whole) = match text.strip_prefix('=') {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let word = |word: &str| {
            !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() && !c.is_uppercase())
        };
        let good = words.split(' ').all(word);
        good.then(|| Self { joined: words.replace(' ', ""), whole })
    }

    pub(super) fn matches(&self, name: &Words) -> bool {
        let Words(words) = name;
        if self.whole {
            return is_joined(words, &self.joined) == Some(words.len());
        }
        (0..words.len())
            .any(|from| words.get(from..).is_some_and(|w| is_joined(w, &self.joined).is_some()))
    }
}

/// How many of the first words make up `joined`, if any number does.
fn is_joined(words: &[String], joined: &str) -> Option<usize> {
    let mut rest = joined;
    for (taken, word) in words.iter().enumerate() {
        if rest.is_empty() {
            return Some(taken);
        }
        rest = rest.strip_prefix(word.as_str())?;
    }
    rest.is_empty().then_some(words.len())
}

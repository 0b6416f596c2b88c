//! One JSON document per line: cutting a byte buffer into lines, and telling the two forms apart.
//!
//! The caller reads and keeps the buffer; nothing here copies. Only LF ends a line. A CR before it
//! belongs to the line ending and is given back with it, so that files keep their endings.

use std::fmt;
use std::sync::Arc;

use crate::profile::Profile;
use crate::scanner::{Limits, Scanner};

/// How documents stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON document.
    Json,
    /// One JSON document per line.
    Ndjson,
}

/// One line of a file. Its `Debug` form shows the number, not the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Line<'b> {
    /// Its number, from 1.
    pub number: u64,
    /// Its bytes without the ending; scan them with [`crate::HealthError::at_line`].
    pub content: &'b [u8],
    /// LF, CR LF, or nothing for a last line that lacks it.
    pub ending: &'b [u8],
}

impl fmt::Debug for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Line<'_> {
    /// Bytes of content and ending together: how far the caller advances in its buffer.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.content.len() + self.ending.len()
    }

    /// Nothing but JSON white space: such a line is copied, not scanned.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.content.iter().all(|byte| b" \t\r\n".contains(byte))
    }
}

/// Cuts a growing buffer into lines.
///
/// ```
/// # use medseal_health::ndjson::Lines;
/// let mut lines = Lines::new();
/// let mut rest: &[u8] = b"{}\r\n[1";
/// let line = lines.next(rest, false).unwrap();
/// assert_eq!((line.number, line.content, line.ending), (1, &b"{}"[..], &b"\r\n"[..]));
/// rest = &rest[line.bytes()..];
/// assert_eq!(lines.next(rest, false), None); // read more, then ask again
/// assert_eq!(lines.next(b"[1]", true).unwrap().number, 2);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Lines {
    given: u64,
    searched: usize,
}

impl Lines {
    /// Starts before the first line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next line of `buffer`, which starts with the first byte not yet given out.
    ///
    /// None means that the line is not complete: give the same bytes and more, or `at_end` when
    /// there are no more. At the end, none means that all is given out. Bytes that were searched
    /// once are not searched again, so a long line costs linear time.
    pub fn next<'b>(&mut self, buffer: &'b [u8], at_end: bool) -> Option<Line<'b>> {
        let unsearched = buffer.get(self.searched..).unwrap_or_default();
        let Some(found) = memchr::memchr(b'\n', unsearched) else {
            self.searched = buffer.len();
            let last = at_end && !buffer.is_empty();
            return last.then(|| self.line(buffer, buffer.len()));
        };
        let feed = self.searched + found;
        let carriage_return = feed > 0 && buffer[feed - 1] == b'\r';
        Some(self.line(&buffer[..=feed], feed - usize::from(carriage_return)))
    }

    fn line<'b>(&mut self, line: &'b [u8], content: usize) -> Line<'b> {
        self.given += 1;
        self.searched = 0;
        let (content, ending) = line.split_at(content);
        Line { number: self.given, content, ending }
    }
}

/// Tells the form of a file from its first bytes.
///
/// NDJSON when the first line that is not blank is a complete object or array and anything but
/// white space follows it. So `prefix` has to reach past the first line; if it does not, or the
/// file has one line only, the answer is JSON, which reads a single line just as well.
#[must_use]
pub fn detect(prefix: &[u8]) -> Format {
    let mut lines = Lines::new();
    let mut rest = prefix;
    while let Some(line) = lines.next(rest, true) {
        rest = rest.get(line.bytes()..).unwrap_or_default();
        if !line.is_blank() {
            let more = !rest.iter().all(|byte| b" \t\r\n".contains(byte));
            return if more && is_container(line.content) { Format::Ndjson } else { Format::Json };
        }
    }
    Format::Json
}

fn is_container(line: &[u8]) -> bool {
    let first = line.iter().find(|byte| !b" \t\r\n".contains(byte));
    matches!(first, Some(b'{' | b'['))
        && Scanner::new(Arc::new(Profile::nothing()), Limits::default()).scan(line).is_ok()
}

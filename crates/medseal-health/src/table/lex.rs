//! Cuts one row into cells.
//!
//! A cell is quoted when its first byte is a quote; then everything up to the closing quote belongs
//! to it, with a doubled quote for one. Otherwise it runs to the next delimiter or line end. LF, CR LF
//! and CR alone end a row. Blanks beside a delimiter belong to the cell (RFC 4180).

use std::ops::Range;

use super::dialect::Delimiter;
use crate::error::DocumentFault;

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lexed {
    /// Its cells end at `end`; the next row starts at `next`, after the line end.
    Row { end: usize, next: usize },
    /// More bytes are needed to say.
    Incomplete,
}

/// A fault and the byte where it is.
pub(super) type Fault = (DocumentFault, usize);

pub(super) struct Lexer {
    delimiter: u8,
    /// Bytes that end an unquoted run: delimiter, quote, CR, LF.
    special: [bool; 256],
}

/// How a cell ended.
enum CellEnd {
    At(usize),
    Incomplete,
}

impl Lexer {
    pub(super) fn new(delimiter: Delimiter) -> Self {
        let delimiter = delimiter.byte();
        let mut special = [false; 256];
        for byte in [delimiter, b'"', b'\r', b'\n'] {
            special[usize::from(byte)] = true;
        }
        Self { delimiter, special }
    }

    /// Reads the row that starts at `start`; its cells are put into `cells`.
    pub(super) fn row(
        &self,
        bytes: &[u8],
        start: usize,
        at_end: bool,
        cells: &mut Vec<Range<usize>>,
    ) -> Result<Lexed, Fault> {
        cells.clear();
        let mut from = start;
        loop {
            let end = match self.cell(bytes, from, at_end)? {
                CellEnd::At(end) => end,
                CellEnd::Incomplete => return Ok(Lexed::Incomplete),
            };
            cells.push(from..end);
            match bytes.get(end) {
                Some(&byte) if byte == self.delimiter => from = end + 1,
                Some(b'\n') => return Ok(Lexed::Row { end, next: end + 1 }),
                Some(_) => return Ok(after_carriage_return(bytes, end, at_end)),
                None if at_end => return Ok(Lexed::Row { end, next: end }),
                None => return Ok(Lexed::Incomplete),
            }
        }
    }

    fn cell(&self, bytes: &[u8], start: usize, at_end: bool) -> Result<CellEnd, Fault> {
        if bytes.get(start) == Some(&b'"') {
            return self.quoted(bytes, start, at_end);
        }
        let rest = bytes.get(start..).unwrap_or_default();
        let run = rest.iter().position(|&byte| self.special[usize::from(byte)]);
        let end = start + run.unwrap_or(rest.len());
        if bytes.get(end) == Some(&b'"') {
            return Err((DocumentFault::CsvBareQuote, end));
        }
        Ok(CellEnd::At(end))
    }

    fn quoted(&self, bytes: &[u8], start: usize, at_end: bool) -> Result<CellEnd, Fault> {
        let mut from = start + 1;
        loop {
            let rest = bytes.get(from..).unwrap_or_default();
            let Some(found) = memchr::memchr(b'"', rest) else {
                let open = Err((DocumentFault::CsvUnterminatedQuote, start));
                return if at_end { open } else { Ok(CellEnd::Incomplete) };
            };
            let after = from + found + 1;
            match bytes.get(after) {
                Some(b'"') => from = after + 1,
                Some(&byte) if byte != self.delimiter && byte != b'\n' && byte != b'\r' => {
                    return Err((DocumentFault::CsvTextAfterQuote, after));
                }
                None if !at_end => return Ok(CellEnd::Incomplete),
                _ => return Ok(CellEnd::At(after)),
            }
        }
    }
}

/// CR LF is one line end, so a CR that is the last byte read so far cannot be judged yet.
pub(super) fn after_carriage_return(bytes: &[u8], end: usize, at_end: bool) -> Lexed {
    match bytes.get(end + 1) {
        Some(b'\n') => Lexed::Row { end, next: end + 2 },
        None if !at_end => Lexed::Incomplete,
        _ => Lexed::Row { end, next: end + 1 },
    }
}

/// The kinds of delimiter that stand outside quotes in the row at the start of `bytes`, each with
/// the byte where it first stands; none when the row is not complete.
pub(super) fn delimiters_of_first_row(
    bytes: &[u8],
    at_end: bool,
) -> Option<Vec<(Delimiter, usize)>> {
    let mut found: Vec<(Delimiter, usize)> = Vec::new();
    let mut quoted = false;
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => return Some(found),
            _ if quoted => {}
            _ => {
                let delimiter = Delimiter::of(byte);
                let new = delimiter.filter(|d| !found.iter().any(|(known, _)| known == d));
                found.extend(new.map(|delimiter| (delimiter, at)));
            }
        }
    }
    at_end.then_some(found)
}

//! Tables of delimited text (RFC 4180 and its relatives): which cells are protected, and where they
//! stand.
//!
//! A [`TableProfile`] says which columns are protected, by their names. A [`TableScanner`] reads the
//! header once and then whole rows, checks them completely and reports the byte range of each
//! protected cell, quotes included; whoever replaces those ranges copies every other byte, so that
//! quoting, line ends and a byte order mark come back as they were.
//!
//! Strict on purpose: where readers of CSV disagree (a quote inside an unquoted cell, a row with
//! another number of cells), a value could be seen by one reader under another column than the one
//! that was protected. Such tables are refused with their line and never passed through.

mod columns;
mod dialect;
mod lex;
mod profile;
mod rows;
mod scanner;
mod words;

pub use columns::{Column, ColumnCover};
pub use dialect::{Delimiter, Dialect, Encoding};
pub use profile::{ColumnPlacement, ColumnRule, NamePattern, TableProfile, TableRecord};
pub use rows::{CellSpan, Row, Rows};
pub use scanner::{TableLimits, TableScanner};

//! The one error type of this crate: a stable code, a place and a remedy.
//!
//! A message must never contain a value or a key of a health document, because messages end up in
//! logs. Text of a *profile* may be repeated: it is configuration, written by an administrator.

use std::fmt;

/// A place in a text: both numbers start at 1, and columns count bytes, not characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, separated by LF.
    pub line: u64,
    /// Byte within the line.
    pub column: u64,
}

impl Position {
    /// The position of byte `offset` of `text`; takes time linear in `offset`.
    pub(crate) fn of(text: &[u8], offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = memchr::memchr_iter(b'\n', before).count() as u64 + 1;
        let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        Self { line, column: (before.len() - start) as u64 + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Everything that can go wrong in this crate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HealthError {
    /// A document was refused.
    #[error("{at}: {}; {}", fault.what(), fault.remedy())]
    Document {
        /// What is wrong with it.
        fault: DocumentFault,
        /// Where.
        at: Position,
    },
    /// A profile, selector or field path was refused.
    #[error("{}{}: {detail}; {}", Place(*at), fault.what(), fault.remedy())]
    Profile {
        /// What is wrong with it.
        fault: ProfileFault,
        /// Where in the TOML text, or in the selector when it stood alone.
        at: Option<Position>,
        /// The particular of this case; text of the profile, never of a document.
        detail: String,
    },
}

struct Place(Option<Position>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |at| write!(f, "{at}: "))
    }
}

impl HealthError {
    pub(crate) fn profile(fault: ProfileFault, detail: impl Into<String>) -> Self {
        Self::Profile { fault, at: None, detail: detail.into() }
    }

    /// The stable code, anchor of `docs/errors.md`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Document { fault, .. } => fault.code(),
            Self::Profile { fault, .. } => fault.code(),
        }
    }

    /// What the user can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Document { fault, .. } => fault.remedy(),
            Self::Profile { fault, .. } => fault.remedy(),
        }
    }

    /// Where the fault is, if it has a place.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Document { at, .. } => Some(*at),
            Self::Profile { at, .. } => *at,
        }
    }

    /// The same error for a document whose first line is line `line` of its file (from 1).
    #[must_use]
    pub fn at_line(mut self, line: u64) -> Self {
        if let Self::Document { at, .. } = &mut self {
            at.line = at.line.saturating_add(line.saturating_sub(1));
        }
        self
    }

    /// The same error, placed in a profile's text.
    pub(crate) fn placed(mut self, place: Position) -> Self {
        if let Self::Profile { at, .. } = &mut self {
            *at = Some(place);
        }
        self
    }
}

/// One row per fault: variant, code, what, remedy.
macro_rules! faults {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident $code:literal $what:literal $remedy:literal)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// The stable code, anchor of `docs/errors.md`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What is wrong, in a few words.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self { $(Self::$variant => $what,)* }
            }

            /// What the user can do about it.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }

            /// Every fault, for the error reference.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
        }
    };
}

faults! {
    /// Why a document was refused.
    DocumentFault {
        /// Nothing but white space.
        JsonEmpty "JSON_EMPTY" "the document is empty" "give one JSON value"
        /// U+FEFF at the start.
        JsonBom "JSON_BOM" "the document starts with a byte order mark" "remove the first three bytes"
        /// Bytes that are no UTF-8.
        JsonInvalidUtf8 "JSON_INVALID_UTF8" "the bytes are not UTF-8" "convert the document to UTF-8"
        /// A byte that the grammar does not allow here.
        JsonSyntax "JSON_SYNTAX" "this character is not allowed here" "correct the JSON syntax (RFC 8259)"
        /// The document stops before its value is complete.
        JsonTruncated "JSON_TRUNCATED" "the document ends in the middle of a value" "send the document whole"
        /// A number that RFC 8259 does not know.
        JsonNumber "JSON_NUMBER" "a number is malformed" "write it as in RFC 8259: no leading zeros, digits on both sides of the point"
        /// A backslash followed by something that is no escape.
        JsonEscape "JSON_ESCAPE" "an escape in a string is malformed" "use an escape of RFC 8259, such as \\n or \\u00e9"
        /// A raw control character within a string.
        JsonControlCharacter "JSON_CONTROL_CHARACTER" "a string contains a raw control character" "write it as an escape, such as \\n or \\u0001"
        /// Half of a surrogate pair in an escape.
        JsonLoneSurrogate "JSON_LONE_SURROGATE" "an escape is half of a surrogate pair" "write both halves, or the character itself"
        /// Something follows the value.
        JsonTrailingData "JSON_TRAILING_DATA" "more data follows the end of the document" "remove it, or read the input as NDJSON, one document per line"
        /// The same key twice, after unescaping.
        JsonDuplicateKey "JSON_DUPLICATE_KEY" "a key stands twice in one object" "keep one of the two: readers disagree about which one counts"
        /// More nesting than the limit.
        JsonTooDeep "JSON_TOO_DEEP" "the document is nested too deep" "flatten it or raise the depth limit"
        /// More bytes than the limit.
        DocumentTooLarge "DOCUMENT_TOO_LARGE" "the document is larger than the limit" "split it into records (NDJSON), or encrypt it as a file"
        /// A protected value whose path is longer than a bound context may be.
        PathTooLong "PATH_TOO_LONG" "the path of a protected value is longer than 1024 bytes" "protect a container nearer to the root, or shorten the keys"
        /// More distinct protected paths than the table holds.
        TooManyFields "TOO_MANY_FIELDS" "the documents have more than 65536 distinct protected paths" "protect the object whose keys vary as a whole, by naming its own path"
        /// A root with protected values and no record id.
        RecordIdMissing "RECORD_ID_MISSING" "a record with protected values has no record id" "add the id, name its path under `record` in the profile, or set record = \"none\""
        /// A root with protected values and no collection.
        CollectionMissing "COLLECTION_MISSING" "a record with protected values has no collection" "add it, or give `otherwise` under `collection` in the profile"
        /// The value at the record path cannot be an id.
        RecordIdInvalid "RECORD_ID_INVALID" "the record id is not a string of 1 to 1024 bytes or an integer" "correct the id or the `record` path of the profile"
        /// A root with protected values and no subject, nor one around it.
        SubjectMissing "SUBJECT_MISSING" "a record with protected values has no subject" "add the patient's id, or name its path under `subject` in the profile"
        /// The value at the subject path cannot be an id.
        SubjectInvalid "SUBJECT_INVALID" "the subject is not a string of 1 to 1024 bytes or an integer" "correct the id or the `subject` path of the profile"
        /// The value at the collection path cannot be a collection.
        CollectionInvalid "COLLECTION_INVALID" "the collection is not a string of 1 to 1024 bytes or an integer" "correct it or the `collection` path of the profile"
        /// The id or collection stands within a protected value.
        IdentityProtected "IDENTITY_PROTECTED" "the record's identity stands inside a protected value" "it must stay readable: add a `keep` rule for it first, or protect less"
        /// The id of a resource, or one in a reference, that is written with escapes.
        IdEscaped "ID_ESCAPED" "the id of a resource is written with escapes" "write its characters themselves"
        /// A masked element that also has a value, or a choice of types that is made twice.
        MaskedTwice "MASKED_TWICE" "an element has two values" "keep one of the two"
        /// A value that no rule names, under `unnamed = "refuse"`.
        UnnamedValue "UNNAMED_VALUE" "no rule of the profile names this value" "add a rule for it (`keep` if it may stay readable)"
        /// A table without a header row.
        CsvEmpty "CSV_EMPTY" "the table is empty" "give a header row with the names of the columns"
        /// UTF-16 instead of bytes of text.
        CsvUtf16 "CSV_UTF16" "the table is written in UTF-16" "convert it to UTF-8"
        /// A UTF-8 mark and a single-byte encoding.
        CsvEncodingMark "CSV_ENCODING_MARK" "the table starts with the byte order mark of UTF-8, and another encoding was named" "leave the encoding out"
        /// Bytes that are no UTF-8.
        CsvInvalidUtf8 "CSV_INVALID_UTF8" "the bytes are not UTF-8" "convert the table, or name its encoding: latin1 or windows-1252"
        /// A NUL byte.
        CsvNul "CSV_NUL" "the table contains a NUL byte" "remove it: readers cut text there, or drop it"
        /// A quote that is opened and never closed.
        CsvUnterminatedQuote "CSV_UNTERMINATED_QUOTE" "a quoted cell is never closed" "close the quote that opens here, or send the table whole"
        /// Something between a closing quote and the next delimiter.
        CsvTextAfterQuote "CSV_TEXT_AFTER_QUOTE" "text follows the closing quote of a cell" "double the quotes that belong to the cell, or name the delimiter"
        /// A quote within a cell that is not quoted.
        CsvBareQuote "CSV_BARE_QUOTE" "a quote stands inside a cell that is not quoted" "quote the cell and double the quotes in it: readers disagree about what this means"
        /// A row with another number of cells.
        CsvCellCount "CSV_CELL_COUNT" "the row has another number of cells than the header" "correct the row, or name the delimiter"
        /// A column without a name.
        CsvHeaderEmpty "CSV_HEADER_EMPTY" "a column has no name" "name it: cells are bound to the name of their column"
        /// Two columns of one name.
        CsvHeaderTwice "CSV_HEADER_TWICE" "two columns have the same name" "rename one: cells are bound to the name of their column"
        /// More bytes in a row than the limit.
        CsvRowTooLarge "CSV_ROW_TOO_LARGE" "the row is longer than the limit" "look for a quote that is not closed; data of this size belongs into a file of its own"
        /// More columns than the limit.
        CsvTooManyColumns "CSV_TOO_MANY_COLUMNS" "the table has more than 16384 columns" "split it"
        /// A header with several kinds of delimiters.
        CsvDelimiterUnclear "CSV_DELIMITER_UNCLEAR" "the header contains several kinds of delimiters" "name the delimiter: comma, semicolon, tab or pipe"
    }
}

faults! {
    /// Why a profile, a selector or a field path was refused.
    ProfileFault {
        /// Not TOML, an unknown key, a wrong type or an ill-formed name.
        Syntax "PROFILE_SYNTAX" "the profile is malformed" "correct it; `docs/profiles.md` shows every key"
        /// Parts of the profile that contradict one another.
        Conflict "PROFILE_CONFLICT" "the profile contradicts itself" "remove one of the two"
        /// Selectors whose combination needs too large a table.
        TooComplex "PROFILE_TOO_COMPLEX" "the selectors combine into too many states" "use fewer selectors with `**` in the middle"
        /// A selector that cannot be read.
        Selector "SELECTOR_SYNTAX" "the selector is malformed" "write it like `name[*].given[*]`, `**.family`, `*.id` or `\"odd key\".x`"
        /// A pattern of column names that cannot be read.
        ColumnPattern "COLUMN_PATTERN_SYNTAX" "the pattern of column names is malformed" "write words in lower case with one space between, such as `first name`, or `=first` for a whole name"
        /// A column that was named and is not in the table.
        ColumnMissing "COLUMN_MISSING" "the table has no column of this name" "write the name as it stands in the header, letter by letter"
        /// No column names the record.
        RecordColumnMissing "RECORD_COLUMN_MISSING" "no column of the table names the record" "name the record column, or say that cells are bound to no record"
        /// Several columns could name the record.
        RecordColumnUnclear "RECORD_COLUMN_UNCLEAR" "several columns of the table could name the record" "name the record column"
        /// No column names the subject.
        SubjectColumnMissing "SUBJECT_COLUMN_MISSING" "no column of the table names the subject" "name the column of patients' ids"
        /// Several columns could name the subject.
        SubjectColumnUnclear "SUBJECT_COLUMN_UNCLEAR" "several columns of the table could name the subject" "name the column of patients' ids"
        /// A path that is not in its one canonical form.
        FieldPath "FIELD_PATH_SYNTAX" "the field path is malformed" "write it as the scanner reports it, such as `name[*].family`"
    }
}

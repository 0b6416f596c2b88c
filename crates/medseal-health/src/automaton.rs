//! All selectors of a profile as one table: a step in a document is one look-up.
//!
//! Each selector is a chain of positions; a set of positions is a state (subset construction, done
//! when the profile is loaded). Record roots are part of it: entering one drops the positions of
//! the outer record's rules and starts them afresh, while the patterns of roots keep running, as
//! they are relative to the document.
//!
//! Keys of documents that no selector names are all one symbol, so the table does not grow with
//! the documents, and two keys of different patients cost the same.

use crate::path::Token;

mod single;
mod sparse;
mod subsets;
mod symbols;
mod typed;

use sparse::Sparse;
pub(crate) use symbols::Symbols;
pub(crate) use typed::{Resources, Role, Typed};

/// A row of the table.
pub(crate) type State = u32;

/// The most entries of the table (4 bytes each).
const MAX_ENTRIES: usize = 1 << 20;
/// Column of array elements.
const ELEMENTS: usize = 0;
/// Column of keys that no pattern names.
const OTHER: usize = 1;
/// First column of a named key.
const NAMED: usize = 2;

/// What a pattern is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A record starts here; relative to the document.
    Root,
    /// Selector number, the number of its rule and which values that rule takes.
    Rule { selector: u32, rule: u16, types: Types },
    /// The collection.
    Collection,
    /// The record id, with its rank among the alternatives.
    Record(u8),
    /// The subject, with its rank among the alternatives.
    Subject(u8),
}

/// Which values a rule takes. Scalars always: what it encrypts becomes a string, which it has to
/// find again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Types {
    pub(crate) objects: bool,
    pub(crate) arrays: bool,
}

/// What holds for a value in a state.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meaning {
    /// It is a record root within the document. The document's own value is one too, but may share
    /// its state with inner values, so that is the scanner's to know.
    pub(crate) root: bool,
    /// The first rule that names it, if it is a scalar.
    pub(crate) scalar: Option<u16>,
    /// The first rule that names it, if it is an object.
    pub(crate) object: Option<u16>,
    /// The first rule that names it, if it is an array.
    pub(crate) array: Option<u16>,
    /// It is the collection of its record.
    pub(crate) collection: bool,
    /// It is the record's id, by this alternative.
    pub(crate) record: Option<u8>,
    /// It is the record's subject, by this alternative.
    pub(crate) subject: Option<u8>,
    /// All selectors that name it, also those that lose.
    pub(crate) selectors: Vec<u32>,
    /// What a type of FHIR makes of it; then nothing above is set.
    pub(crate) typed: Option<Box<Typed>>,
}

impl Meaning {
    /// Nothing in the profile speaks of it, if it is a scalar.
    fn is_plain(&self) -> bool {
        if let Some(typed) = &self.typed {
            return typed.is_plain();
        }
        !(self.root || self.scalar.is_some() || self.is_identity())
    }

    /// Adds the purpose of a pattern that is complete here.
    fn add(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Root => self.root = true,
            Purpose::Collection => self.collection = true,
            Purpose::Record(rank) => self.record = first(self.record, rank),
            Purpose::Subject(rank) => self.subject = first(self.subject, rank),
            Purpose::Rule { selector, rule, types } => self.add_rule(selector, rule, types),
        }
    }

    fn add_rule(&mut self, selector: u32, rule: u16, types: Types) {
        self.selectors.push(selector);
        self.scalar = first(self.scalar, rule);
        if types.objects {
            self.object = first(self.object, rule);
        }
        if types.arrays {
            self.array = first(self.array, rule);
        }
    }

    pub(crate) fn is_identity(&self) -> bool {
        self.collection || self.record.is_some() || self.subject.is_some()
    }
}

/// Where each step leads.
#[derive(Debug)]
enum Table {
    /// A row for each state, for the few keys of a profile of paths.
    Dense { width: usize, rows: Vec<State> },
    /// Only the steps there are, for the thousands of keys of FHIR.
    Sparse(Sparse),
}

/// The compiled selectors of a profile.
#[derive(Debug)]
pub(crate) struct Automaton {
    symbols: Symbols,
    table: Table,
    plain: Vec<bool>,
    plain_containers: Vec<bool>,
    one_path: Vec<bool>,
    meanings: Vec<Meaning>,
}

impl Automaton {
    /// The state of a document's own value.
    pub(crate) const START: State = 0;

    /// Compiles patterns; none when the table would become too large.
    pub(crate) fn new(patterns: &[(Purpose, &[Token])]) -> Option<Self> {
        subsets::Builder::new(patterns).build()
    }

    /// Knows one state, in which nothing has a meaning.
    pub(crate) fn nothing() -> Self {
        let table = Table::Dense { width: NAMED, rows: vec![Self::START; NAMED] };
        let symbols = Symbols::new(std::iter::empty());
        Self::assemble(symbols, table, vec![false], vec![Meaning::default()])
    }

    /// From single steps. A key without one leads to `other`, and elements are in the state of
    /// their array.
    pub(crate) fn sparse(
        symbols: Symbols,
        steps: &[(State, usize, State)],
        other: State,
        meanings: Vec<Meaning>,
    ) -> Self {
        let one_path = vec![false; meanings.len()];
        Self::assemble(symbols, Table::Sparse(Sparse::new(steps, other)), one_path, meanings)
    }

    fn assemble(
        symbols: Symbols,
        table: Table,
        one_path: Vec<bool>,
        meanings: Vec<Meaning>,
    ) -> Self {
        let plain = meanings.iter().map(Meaning::is_plain).collect();
        let containers = meanings.iter().map(|meaning| match &meaning.typed {
            Some(typed) => typed.is_plain_container(),
            None => meaning.is_plain(),
        });
        let plain_containers = containers.collect();
        Self { symbols, table, plain, plain_containers, one_path, meanings }
    }

    /// The state of the value of a key. `same` compares the key with a named one.
    #[inline(always)]
    pub(crate) fn key(&self, from: State, hash: u64, same: impl Fn(&str) -> bool) -> State {
        self.step(from, self.symbols.find(hash, same).unwrap_or(OTHER))
    }

    /// The state of an array's elements.
    #[inline(always)]
    pub(crate) fn elements(&self, from: State) -> State {
        self.step(from, ELEMENTS)
    }

    #[inline(always)]
    fn step(&self, from: State, column: usize) -> State {
        match &self.table {
            Table::Dense { width, rows } => rows[from as usize * width + column],
            Table::Sparse(_) if column == ELEMENTS => from,
            Table::Sparse(sparse) => sparse.step(from, column),
        }
    }

    /// Nothing in the profile speaks of a value in this state.
    #[inline(always)]
    pub(crate) fn is_plain(&self, state: State) -> bool {
        self.plain[state as usize]
    }

    /// Nothing in the profile speaks of an object or array in this state.
    #[inline(always)]
    pub(crate) fn is_plain_container(&self, state: State) -> bool {
        self.plain_containers[state as usize]
    }

    /// All values in this state have the same path from their record root.
    pub(crate) fn has_one_path(&self, state: State) -> bool {
        self.one_path[state as usize]
    }

    pub(crate) fn meaning(&self, state: State) -> &Meaning {
        &self.meanings[state as usize]
    }

    /// What holds in each state.
    pub(crate) fn meanings(&self) -> &[Meaning] {
        &self.meanings
    }
}

fn first<T: Ord>(known: Option<T>, new: T) -> Option<T> {
    match known {
        Some(known) if known < new => Some(known),
        _ => Some(new),
    }
}

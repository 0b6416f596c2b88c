//! Makes the table: subset construction over the positions of all patterns.
//!
//! Runs once per profile. A profile of hundreds of `**` selectors makes hundreds of thousands of
//! sets, so a set is a row of bits and nothing is looked up twice.

use std::collections::HashMap;

use super::symbols::Symbols;
use super::{Automaton, ELEMENTS, MAX_ENTRIES, Meaning, NAMED, Purpose, State, Table, single};
use crate::path::Token;

/// A set of positions, as bits.
type Set = Box<[u64]>;

/// What a position of a pattern waits for.
#[derive(Debug, Clone, Copy)]
enum Step {
    Elements,
    AnyKey,
    AnyDepth,
    /// The key of this column.
    Named(usize),
    /// Nothing: the pattern is complete.
    End(Purpose),
}

pub(super) struct Builder {
    symbols: Symbols,
    steps: Vec<Step>,
    /// Where each pattern starts.
    firsts: Vec<usize>,
    /// The positions at which a record root is complete.
    root_ends: Set,
    /// All positions of the patterns of roots.
    root_positions: Set,
    known: HashMap<Set, State>,
    sets: Vec<Set>,
}

impl Builder {
    pub(super) fn new(patterns: &[(Purpose, &[Token])]) -> Self {
        let tokens = patterns.iter().flat_map(|(_, tokens)| tokens.iter());
        let symbols = Symbols::new(tokens.clone().filter_map(|token| match token {
            Token::Key(key) => Some(key.as_str()),
            _ => None,
        }));
        let positions = tokens.count() + patterns.len();
        let empty: Set = vec![0; positions.div_ceil(64)].into();
        let mut builder = Self {
            symbols,
            steps: Vec::with_capacity(positions),
            firsts: Vec::new(),
            root_ends: empty.clone(),
            root_positions: empty,
            known: HashMap::new(),
            sets: Vec::new(),
        };
        patterns.iter().for_each(|(purpose, tokens)| builder.add(*purpose, tokens));
        builder
    }

    fn add(&mut self, purpose: Purpose, tokens: &[Token]) {
        let first = self.steps.len();
        self.firsts.push(first);
        self.steps.extend(tokens.iter().map(|token| match token {
            Token::Elements => Step::Elements,
            Token::AnyKey => Step::AnyKey,
            Token::AnyDepth => Step::AnyDepth,
            Token::Key(key) => Step::Named(self.symbols.column(key)),
        }));
        if purpose == Purpose::Root {
            put(&mut self.root_ends, self.steps.len());
            (first..=self.steps.len()).for_each(|at| put(&mut self.root_positions, at));
        }
        self.steps.push(Step::End(purpose));
    }

    /// None when the table would become too large.
    pub(super) fn build(mut self) -> Option<Automaton> {
        let width = NAMED + self.symbols.len();
        let start = self.start();
        self.state(start);
        let mut table = Vec::new();
        let mut next = 0;
        while next < self.sets.len() {
            if table.len() + width > MAX_ENTRIES {
                return None;
            }
            let set = self.sets[next].clone();
            self.row(&set, width, &mut table);
            next += 1;
        }
        let meanings: Vec<_> = self.sets.iter().map(|set| self.meaning(set)).collect();
        let one_path = single::one_path(&table, width, &meanings);
        let table = Table::Dense { width, rows: table };
        Some(Automaton::assemble(self.symbols, table, one_path, meanings))
    }

    /// Every pattern at its beginning.
    fn start(&self) -> Set {
        let mut set = self.empty();
        self.firsts.iter().for_each(|&first| self.insert(&mut set, first));
        set
    }

    /// One row: most keys lead where an unnamed key leads.
    fn row(&mut self, set: &Set, width: usize, table: &mut Vec<State>) {
        let mut elements = self.empty();
        let mut other = self.empty();
        let mut named: Vec<(usize, usize)> = Vec::new();
        for position in ones(set) {
            match self.steps[position] {
                Step::Elements => self.insert(&mut elements, position + 1),
                Step::AnyKey => self.insert(&mut other, position + 1),
                Step::AnyDepth => {
                    self.insert(&mut elements, position);
                    self.insert(&mut other, position);
                }
                Step::Named(column) => named.push((column, position + 1)),
                Step::End(_) => {}
            }
        }
        named.sort_unstable();
        let row = table.len();
        let elements = self.entered(elements);
        let unnamed = self.entered(other.clone());
        table.resize(row + width, unnamed);
        table[row + ELEMENTS] = elements;
        for group in named.chunk_by(|a, b| a.0 == b.0) {
            let mut set = other.clone();
            group.iter().for_each(|&(_, position)| self.insert(&mut set, position));
            table[row + group[0].0] = self.entered(set);
        }
    }

    /// The state of a set, after a record root in it has had its effect: the other patterns start
    /// again.
    fn entered(&mut self, mut set: Set) -> State {
        if set.iter().zip(&self.root_ends).any(|(set, ends)| set & ends != 0) {
            set.iter_mut().zip(&self.root_positions).for_each(|(set, roots)| *set &= roots);
            for &first in &self.firsts {
                if !has(&self.root_positions, first) {
                    self.insert(&mut set, first);
                }
            }
        }
        self.state(set)
    }

    fn state(&mut self, set: Set) -> State {
        if let Some(&state) = self.known.get(&set) {
            return state;
        }
        let state = self.sets.len() as State;
        self.sets.push(set.clone());
        self.known.insert(set, state);
        state
    }

    fn meaning(&self, set: &Set) -> Meaning {
        let mut meaning = Meaning::default();
        for position in ones(set) {
            if let Step::End(purpose) = self.steps[position] {
                meaning.add(purpose);
            }
        }
        meaning
    }

    fn empty(&self) -> Set {
        vec![0; self.steps.len().div_ceil(64)].into()
    }

    /// Adds a position and, since `**` matches nothing too, the one after it.
    fn insert(&self, set: &mut Set, position: usize) {
        put(set, position);
        if matches!(self.steps[position], Step::AnyDepth) {
            self.insert(set, position + 1);
        }
    }
}

fn put(set: &mut Set, position: usize) {
    set[position / 64] |= 1 << (position % 64);
}

fn has(set: &Set, position: usize) -> bool {
    set[position / 64] >> (position % 64) & 1 == 1
}

fn ones(set: &[u64]) -> impl Iterator<Item = usize> {
    set.iter().enumerate().flat_map(|(index, &word)| {
        let rest = std::iter::successors((word != 0).then_some(word), |word| {
            let rest = word & (word - 1);
            (rest != 0).then_some(rest)
        });
        rest.map(move |word| index * 64 + word.trailing_zeros() as usize)
    })
}

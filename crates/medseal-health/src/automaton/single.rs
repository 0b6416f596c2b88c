//! Which states say a value's path completely, so that the path need not be built again.
//!
//! A state does when every way to it from a record root has the same steps, all of them named by
//! selectors. That is so for `name[*].family`, and never for `**.ssn`.

use std::collections::HashMap;

use super::{Automaton, Meaning, OTHER, State};

/// What is known of the paths that lead to a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Paths {
    None,
    /// The one path of this number; 0 is the record root's.
    One(u32),
    Many,
}

/// For each state whether it has one path.
pub(super) fn one_path(table: &[State], width: usize, meanings: &[Meaning]) -> Vec<bool> {
    let mut search = Search { paths: vec![Paths::None; meanings.len()], ..Search::default() };
    search.reach(Automaton::START, Paths::One(0));
    while let Some(state) = search.changed.pop() {
        let from = state as usize * width;
        let row = &table[from..from + width];
        let here = search.paths[state as usize];
        for (column, &to) in row.iter().enumerate() {
            // Most columns lead where an unnamed key leads; once is enough.
            if column == OTHER || to != row[OTHER] {
                let there = search.longer(here, column);
                let root = meanings[to as usize].root;
                search.reach(to, if root { Paths::One(0) } else { there });
            }
        }
    }
    search.paths.iter().map(|paths| matches!(paths, Paths::One(_))).collect()
}

#[derive(Default)]
struct Search {
    paths: Vec<Paths>,
    numbers: HashMap<(u32, usize), u32>,
    changed: Vec<State>,
}

impl Search {
    fn longer(&mut self, paths: Paths, column: usize) -> Paths {
        match paths {
            Paths::One(path) if column != OTHER => {
                let next = self.numbers.len() as u32 + 1;
                Paths::One(*self.numbers.entry((path, column)).or_insert(next))
            }
            _ => Paths::Many,
        }
    }

    /// A state changes at most twice, from none to one to many; so this ends.
    fn reach(&mut self, state: State, paths: Paths) {
        let known = &mut self.paths[state as usize];
        let merged = match *known {
            Paths::None => paths,
            same if same == paths => return,
            _ => Paths::Many,
        };
        if *known != merged {
            *known = merged;
            self.changed.push(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use crate::automaton::{Automaton, Purpose, State, Types};
    use crate::json::hash;
    use crate::path::{Token, tokens};

    const ALL: Types = Types { objects: true, arrays: true };

    /// An automaton of rules, and of roots that are marked by `!`.
    fn automaton(selectors: &[&str]) -> Automaton {
        let tokens: Vec<(Purpose, Vec<Token>)> = (0..)
            .zip(selectors)
            .map(|(selector, text)| match text.strip_prefix('!') {
                Some(root) => (Purpose::Root, tokens(root).unwrap()),
                None => (Purpose::Rule { selector, rule: 0, types: ALL }, tokens(text).unwrap()),
            })
            .collect();
        let patterns: Vec<_> = tokens.iter().map(|(p, tokens)| (*p, &tokens[..])).collect();
        Automaton::new(&patterns).unwrap()
    }

    /// The state after these steps, and the path from the last record root.
    fn walk<'p>(automaton: &Automaton, path: &[&'p str]) -> (State, Vec<&'p str>) {
        let mut state = Automaton::START;
        let mut relative = Vec::new();
        for &step in path {
            relative.push(step);
            state = match step {
                "[*]" => automaton.elements(state),
                key => automaton.key(state, hash::of_key(key.as_bytes()), |other| other == key),
            };
            if automaton.meaning(state).root {
                relative.clear();
            }
        }
        (state, relative)
    }

    #[test]
    fn literal_selectors_have_one_path() {
        let automaton = automaton(&["name[*].family", "**.ssn", "!entry[*].resource", "*.city"]);
        let one_path = |path: &[&str]| automaton.has_one_path(walk(&automaton, path).0);
        assert!(one_path(&["name", "[*]", "family"]));
        assert!(one_path(&["entry", "[*]", "resource", "name", "[*]", "family"]));
        assert!(!one_path(&["a", "b", "ssn"]));
        assert!(!one_path(&["a", "city"]));
    }

    const SELECTORS: &[&str] = &[
        "a", "a.b", "**.a", "*.b", "a[*].b", "**.a.b", "a.**.b", "b.*.a", "**[*].a", "$", "!a",
        "!**.b", "!a[*]", "!*.a",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn states_of_one_path_have_one_path(
            selectors in vec(select(SELECTORS), 1..5),
            paths in vec(vec(select(vec!["a", "b", "c", "[*]"]), 0..5), 20..40),
        ) {
            let automaton = automaton(&selectors);
            let mut seen = std::collections::HashMap::new();
            for path in &paths {
                let (state, relative) = walk(&automaton, path);
                if automaton.has_one_path(state) {
                    prop_assert_eq!(seen.entry(state).or_insert_with(|| relative.clone()), &relative);
                }
            }
        }
    }
}

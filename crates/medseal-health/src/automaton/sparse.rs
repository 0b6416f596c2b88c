//! Steps as a hash table: FHIR has thousands of keys, of which each type knows a few.

use super::State;

/// An open-addressed table, at most half full.
#[derive(Debug)]
pub(super) struct Sparse {
    slots: Vec<(u64, State)>,
    other: State,
}

/// No state and column are this.
const FREE: u64 = u64::MAX;

impl Sparse {
    pub(super) fn new(steps: &[(State, usize, State)], other: State) -> Self {
        let slots = vec![(FREE, other); (steps.len() * 2).next_power_of_two().max(64)];
        let mut sparse = Self { slots, other };
        for &(from, column, to) in steps {
            let word = word(from, column);
            let mut slot = sparse.first(word);
            while ![FREE, word].contains(&sparse.slots[slot].0) {
                slot = (slot + 1) & (sparse.slots.len() - 1);
            }
            sparse.slots[slot] = (word, to);
        }
        sparse
    }

    #[inline(always)]
    pub(super) fn step(&self, from: State, column: usize) -> State {
        let word = word(from, column);
        let mut slot = self.first(word);
        loop {
            let (found, to) = self.slots[slot];
            if found == word {
                return to;
            }
            if found == FREE {
                return self.other;
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    #[inline(always)]
    fn first(&self, word: u64) -> usize {
        let mixed = word.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 32) as usize & (self.slots.len() - 1)
    }
}

#[inline(always)]
fn word(from: State, column: usize) -> u64 {
    u64::from(from) << 32 | column as u64
}

#[cfg(test)]
mod tests {
    use super::Sparse;

    #[test]
    fn every_step_is_found_and_nothing_else() {
        let steps: Vec<_> = (0..5000_u32).map(|n| (n % 70, (n / 70) as usize + 2, n)).collect();
        let sparse = Sparse::new(&steps, 9_999);
        for &(from, column, to) in &steps {
            assert_eq!(sparse.step(from, column), to);
        }
        assert_eq!(
            (sparse.step(0, 1), sparse.step(70, 2), sparse.step(0, 99)),
            (9_999, 9_999, 9_999)
        );
    }
}

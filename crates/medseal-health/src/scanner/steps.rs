//! Which field a step from a container leads to, so that a path is not written again for each value.
//!
//! A cache, as large at the end as at the start: documents choose their keys. What is not in it,
//! because another step took its place, is found by its path and put in again. Each step that is
//! put in gets a number of its own, by which the steps below it know it; so none of them is taken
//! for one below another step that stood in the same place.

use super::frame::Container;
use crate::fields::FieldId;

/// Steps that are kept; a power of two.
const KEPT: usize = 2048;
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

/// The number of a record's own place; steps are numbered from 1.
pub(super) const RECORD: u64 = 0;

/// From a container to an item in it.
pub(super) struct Step {
    /// Its own number.
    pub(super) number: u64,
    /// The field of the item, once somebody asked for it.
    pub(super) field: Option<FieldId>,
    from: u64,
    container: Container,
    /// As written; empty for all elements of an array.
    key: String,
}

/// The steps that were met last.
#[derive(Default)]
pub(super) struct Steps {
    slots: Vec<Step>,
    taken: u64,
}

impl Steps {
    /// The step to an item; `hash` is that of its key.
    #[inline]
    pub(super) fn take(
        &mut self,
        from: u64,
        container: Container,
        key: &str,
        hash: u32,
    ) -> &mut Step {
        if self.slots.is_empty() {
            self.slots.resize_with(KEPT, Step::none);
        }
        let mixed = (from ^ u64::from(hash) << 32).wrapping_mul(MULTIPLIER);
        let step = &mut self.slots[(mixed >> 32) as usize % KEPT];
        if step.from != from || step.container != container || step.key != key {
            self.taken += 1;
            step.become_new(self.taken, from, container, key);
        }
        step
    }
}

impl Step {
    /// The document's own value, to which no step leads.
    fn none() -> Self {
        let (container, key) = (Container::Document, String::new());
        Self { number: RECORD, field: None, from: RECORD, container, key }
    }

    #[inline(never)]
    fn become_new(&mut self, number: u64, from: u64, container: Container, key: &str) {
        (self.number, self.field, self.from, self.container) = (number, None, from, container);
        self.key.clear();
        self.key.push_str(key);
    }
}

#[cfg(test)]
mod tests {
    use super::{Container, KEPT, RECORD, Steps};
    use crate::fields::FieldId;

    #[test]
    fn a_step_is_known_again_and_never_mistaken() {
        let mut steps = Steps::default();
        let name = steps.take(RECORD, Container::Object, "name", 7).number;
        steps.take(name, Container::Object, "family", 8).field = Some(FieldId(3));
        assert_eq!(steps.take(RECORD, Container::Object, "name", 7).number, name);
        assert_eq!(steps.take(name, Container::Object, "family", 8).field, Some(FieldId(3)));
        // another key, another container, another place: with the same hash
        assert_eq!(steps.take(name, Container::Object, "given", 8).field, None);
        assert_eq!(steps.take(name, Container::Array, "", 8).field, None);
        assert_eq!(steps.take(RECORD, Container::Object, "family", 8).field, None);
    }

    #[test]
    fn a_step_that_was_driven_out_comes_back_under_another_number() {
        let mut steps = Steps::default();
        let before = steps.take(RECORD, Container::Object, "name", 7).number;
        for hash in 0..8 * KEPT as u32 {
            steps.take(RECORD, Container::Object, &format!("k{hash}"), hash);
        }
        assert_eq!(steps.slots.len(), KEPT);
        let after = steps.take(RECORD, Container::Object, "name", 7).number;
        assert_ne!(before, after);
    }
}

//! What was decided before, for one set of roles under one policy.
//!
//! Whoever changes policy or roles advances the store's epoch, and with the epoch the engine makes a
//! new authority with an empty cache: nothing here can outlive what it was computed from.

use crate::policy::{Policy, Question, Verdict};
use crate::purpose::Purpose;
use medseal_core::operation::{Group, Operation};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// Past this the cache is emptied: names come from callers, and memory must not grow with them.
const MOST: usize = 4096;

struct Known {
    operation: Operation,
    purpose: Purpose,
    group: Group,
    verdict: Verdict,
}

/// Verdicts by question.
#[derive(Default)]
pub(crate) struct Cache {
    state: RandomState,
    known: Vec<Known>,
    /// Places in `known` by the hash of the question.
    places: HashMap<u64, usize>,
    /// The place of the last answer: the next question is mostly the same, and comparing is cheaper
    /// than hashing.
    recent: usize,
}

impl Known {
    fn answers(&self, question: &Question<'_>) -> bool {
        let Question { operation, purpose, group } = *question;
        self.operation == operation && self.purpose == purpose && self.group == *group
    }
}

impl Cache {
    /// The rules' verdict.
    pub(crate) fn verdict(
        &mut self,
        policy: &Policy,
        roles: u64,
        question: &Question<'_>,
    ) -> &Verdict {
        if !self.known.get(self.recent).is_some_and(|known| known.answers(question)) {
            self.recent = self.find(policy, roles, question);
        }
        self.known.get(self.recent).map_or(&Verdict::NoRule, |known| &known.verdict)
    }

    fn find(&mut self, policy: &Policy, roles: u64, question: &Question<'_>) -> usize {
        let Question { operation, purpose, group } = *question;
        let hash = self.state.hash_one((operation, purpose, group));
        if let Some(place) = self.places.get(&hash).copied()
            && self.known.get(place).is_some_and(|known| known.answers(question))
        {
            return place;
        }
        if self.known.len() >= MOST {
            self.known.clear();
            self.places.clear();
        }
        let verdict = policy.verdict(roles, question);
        self.known.push(Known { operation, purpose, group: group.clone(), verdict });
        // of two questions with one hash the later is found
        self.places.insert(hash, self.known.len() - 1);
        self.known.len() - 1
    }
}

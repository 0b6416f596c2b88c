//! The answers of one batch. All who wait for them are woken by one system call: told one by one,
//! the last of many would wait for as many of them.

use super::Answer;
use crate::error::EngineError;
use std::io::ErrorKind;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Where the threads of one batch wait.
#[derive(Default)]
pub(super) struct Answers {
    state: Mutex<State>,
    given: Condvar,
}

#[derive(Default)]
enum State {
    #[default]
    Pending,
    /// By number.
    Given(Vec<Option<Answer>>),
    /// The writing thread is gone; whether the entries are on disk is not known.
    Gone,
}

impl Answers {
    /// The answer with this number; `None` when there is none within `patience`.
    pub(super) fn wait(&self, number: usize, patience: Duration) -> Option<Answer> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = |state: &mut State| matches!(state, State::Pending);
        let waited = self.given.wait_timeout_while(state, patience, pending);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match &mut *state {
            State::Pending => None,
            State::Given(answers) => answers.get_mut(number).and_then(Option::take),
            State::Gone => Some(Err(EngineError::AuditUnavailable(ErrorKind::Interrupted))),
        }
    }

    fn end(&self, end: State) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*state, State::Pending) {
            return;
        }
        *state = end;
        drop(state);
        self.given.notify_all();
    }
}

/// Who has to answer a batch. When it is dropped nobody waits any more, whatever happened.
pub(super) struct Answering(pub(super) Arc<Answers>);

impl Answering {
    pub(super) fn give(self, given: Vec<(usize, Answer)>) {
        let many = given.iter().map(|(number, _)| number + 1).max().unwrap_or(0);
        let mut answers: Vec<Option<Answer>> = (0..many).map(|_| None).collect();
        for (number, answer) in given {
            if let Some(place) = answers.get_mut(number) {
                *place = Some(answer);
            }
        }
        self.0.end(State::Given(answers));
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.end(State::Gone);
    }
}

//! Batches of one run on several threads, and what becomes of them in the order of the input.
//!
//! Each thread has a worker of its own, which takes the next batch when it is done with one. After
//! the first failure in the order of the input nothing more is given out; what was begun behind it
//! is thrown away.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// One for each core. Twice as many would hide the wait for the disk to have each entry, and hold
/// twice the memory.
pub(crate) fn workers() -> std::ops::Range<usize> {
    0..thread::available_parallelism().map_or(1, usize::from)
}

/// Whether there is more than one core.
pub(crate) fn worth_it() -> bool {
    workers().len() > 1
}

/// Takes from `next`, works, and hands each result to `deliver`, in the order in which the work was
/// taken.
///
/// # Errors
/// The first error of `next` or `deliver` in that order.
pub(crate) fn run<W: Send, C, M: Send, E: Send>(
    workers: &mut [W],
    next: impl FnMut() -> Result<Option<C>, E> + Send,
    work: impl Fn(&mut W, C) -> M + Sync,
    deliver: impl FnMut(M) -> Result<(), E> + Send,
) -> Result<(), E> {
    let line = Line {
        taking: Mutex::new(Taking { next, taken: 0, ended: false }),
        giving: Mutex::new(Giving { deliver, waiting: BTreeMap::new(), given: 0, ended: None }),
        given: Condvar::new(),
        room: workers.len(),
    };
    thread::scope(|scope| {
        for worker in workers {
            let (line, work) = (&line, &work);
            scope.spawn(move || {
                let _fault = EndOnFault(line);
                while let Some((number, batch)) = line.take() {
                    let made = batch.map(|batch| work(worker, batch));
                    line.give(number, made);
                }
            });
        }
    });
    let giving = line.giving.into_inner().unwrap_or_else(PoisonError::into_inner);
    giving.ended.unwrap_or(Ok(()))
}

/// Where batches are taken from, and where they go.
struct Line<N, D, M, E> {
    taking: Mutex<Taking<N>>,
    giving: Mutex<Giving<D, M, E>>,
    given: Condvar,
    /// So many results may wait for one before them.
    room: usize,
}

struct Taking<N> {
    next: N,
    taken: u64,
    ended: bool,
}

struct Giving<D, M, E> {
    deliver: D,
    waiting: BTreeMap<u64, Result<M, E>>,
    given: u64,
    /// Nothing is given out any more.
    ended: Option<Result<(), E>>,
}

impl<C, N, D, M, E> Line<N, D, M, E>
where
    N: FnMut() -> Result<Option<C>, E>,
    D: FnMut(M) -> Result<(), E>,
{
    /// The next batch with its number; an error of the input stands in its place.
    fn take(&self) -> Option<(u64, Result<C, E>)> {
        let mut taking = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
        if taking.ended || self.giving().ended.is_some() {
            return None;
        }
        let batch = (taking.next)().transpose();
        taking.ended = !matches!(batch, Some(Ok(_)));
        let number = taking.taken;
        taking.taken += 1;
        batch.map(|batch| (number, batch))
    }

    /// Gives out a result and those that waited for it, or leaves it waiting.
    fn give(&self, number: u64, made: Result<M, E>) {
        let mut giving = self.giving();
        giving.waiting.insert(number, made);
        while giving.ended.is_none() {
            let turn = giving.given;
            let Some(made) = giving.waiting.remove(&turn) else { break };
            giving.given += 1;
            if let Err(error) = made.and_then(|made| (giving.deliver)(made)) {
                giving.ended = Some(Err(error));
            }
        }
        self.given.notify_all();
        // whoever holds the turn never waits here: its own result is given out above
        while giving.ended.is_none() && giving.waiting.len() >= self.room {
            giving = self.given.wait(giving).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<N, D, M, E> Line<N, D, M, E> {
    fn giving(&self) -> MutexGuard<'_, Giving<D, M, E>> {
        self.giving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets nobody wait for a thread that panicked; the scope panics then.
struct EndOnFault<'l, N, D, M, E>(&'l Line<N, D, M, E>);

impl<N, D, M, E> Drop for EndOnFault<'_, N, D, M, E> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.giving().ended.get_or_insert(Ok(()));
            self.0.given.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::run;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Runs over numbers: `fails` says at which one reading, and at which one delivering fails.
    fn numbers(count: u32, reading: Option<u32>, giving: Option<u32>) -> (Vec<u32>, Option<u32>) {
        let (mut input, mut out) = (0..count, Vec::new());
        let next = || match input.next() {
            Some(number) if Some(number) == reading => Err(number),
            number => Ok(number),
        };
        // the first of each four takes longest
        let work = |done: &mut u64, number: u32| {
            *done += (0..(3 - number % 4) * 50_000).fold(0, |sum, n| std::hint::black_box(sum ^ n))
                as u64;
            number
        };
        let deliver = |number| {
            if Some(number) == giving {
                return Err(number);
            }
            out.push(number);
            Ok(())
        };
        let failed = run(&mut [0, 0, 0], next, work, deliver).err();
        (out, failed)
    }

    #[test]
    fn results_come_in_the_order_of_the_input() {
        assert_eq!(numbers(0, None, None), (vec![], None));
        assert_eq!(numbers(200, None, None), ((0..200).collect(), None));
    }

    #[test]
    fn nothing_is_given_out_behind_a_failure() {
        for at in [0, 1, 7, 99] {
            assert_eq!(numbers(100, Some(at), None), ((0..at).collect(), Some(at)));
            assert_eq!(numbers(100, None, Some(at)), ((0..at).collect(), Some(at)));
        }
        // the first in the order of the input counts
        assert_eq!(numbers(100, Some(50), Some(20)), ((0..20).collect(), Some(20)));
    }

    #[test]
    fn a_fault_in_a_worker_is_one_of_the_run() {
        let taken = AtomicUsize::new(0);
        let fault = std::panic::catch_unwind(|| {
            let next = || Ok::<_, ()>(Some(taken.fetch_add(1, Ordering::Relaxed)));
            let work = |_: &mut (), number| assert!(number != 5, "a fault");
            run(&mut [(), ()], next, work, Ok)
        });
        assert!(fault.is_err());
    }
}

//! Consecutive parts of one batch, each worked on by a thread of its own, and the results in order.
//!
//! Only work that changes nothing shared goes here: keys are resolved, decided on and recorded before.

use std::thread;

/// Below this a second thread costs more than it saves.
const LEAST_BYTES: usize = 64 << 10;

/// Cuts items into as many runs as there are cores, of about the same weight in bytes each.
pub(crate) fn cut<T>(items: &[T], bytes: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let total: usize = items.iter().map(&bytes).sum();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let parts = cores.min(total / LEAST_BYTES).max(1);
    let (mut out, mut rest) = (Vec::with_capacity(parts), items);
    for left in (1..=parts).rev() {
        let weight: usize = rest.iter().map(&bytes).sum();
        let (mut taken, mut count) = (0, 0);
        while count < rest.len() && (left == 1 || taken < weight / left) {
            taken += rest.get(count).map_or(0, &bytes);
            count += 1;
        }
        let (part, behind) = rest.split_at(count);
        out.push(part);
        rest = behind;
    }
    out
}

/// Works on every part, on the first in this thread.
pub(crate) fn in_lanes<T: Sync, R: Send>(
    parts: &[&[T]],
    work: impl Fn(&[T]) -> R + Sync,
) -> Vec<R> {
    let Some((own, others)) = parts.split_first() else { return Vec::new() };
    thread::scope(|scope| {
        let work = &work;
        let others: Vec<_> = others.iter().map(|part| scope.spawn(move || work(part))).collect();
        let mut results = vec![work(own)];
        for other in others {
            match other.join() {
                Ok(result) => results.push(result),
                Err(fault) => std::panic::resume_unwind(fault),
            }
        }
        results
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_in_one_part_and_in_its_place() {
        for count in [0, 1, 2, 3, 7, 100] {
            let items: Vec<usize> = (0..count).collect();
            let parts = cut(&items, |item| 1 + item * LEAST_BYTES);
            assert!(!parts.is_empty());
            assert_eq!(parts.concat(), items);
            assert_eq!(in_lanes(&parts, |part| part.to_vec()).concat(), items);
        }
        assert_eq!(cut(&[1, 2, 3], |_| 10).len(), 1, "too little for two");
    }

    #[test]
    #[should_panic(expected = "a fault")]
    fn a_fault_in_a_lane_is_one_of_the_run() {
        let items = [LEAST_BYTES; 8];
        let (first, second) = items.split_at(4);
        in_lanes(&[first, second], |part| assert!(part.as_ptr() == items.as_ptr(), "a fault"));
    }
}

//! One write and one sync for all threads that wait, and an end to waiting.
//!
//! A thread of its own writes: whoever comes while it syncs is written with the next sync. That one
//! starts at once, unless the disk is slow and many were there lately: then those who just got their
//! answers may come back in time for it ([`gathering`]). The thread that asks never enters a system
//! call that may hang: it waits for its answer until a deadline, and what was not taken up by then is
//! taken back. A disk that hangs makes every operation fail in time, and the first write that returns
//! makes the log work again.

mod answers;

use super::draft::Draft;
use super::writer::Writer;
use crate::error::EngineError;
use answers::{Answering, Answers};
use std::io::ErrorKind;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long an operation waits for its entry to be on disk. Longer than a disk that is merely busy
/// takes; shorter than what waits for the operation gives up after.
const DEADLINE: Duration = Duration::from_secs(10);

/// For so long a write waits for others at most.
const LONGEST_GATHERING: Duration = Duration::from_millis(1);

type Answer = Result<(), EngineError>;

/// The queue in front of a [`Writer`].
pub(super) struct Group {
    shared: Arc<Shared>,
    deadline: Duration,
}

struct Shared {
    queue: Mutex<Queue>,
    /// Something arrived, or nothing will any more.
    arrived: Condvar,
    writer: Mutex<Writer>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    /// Of the batch that is waiting.
    answers: Arc<Answers>,
    /// How many have come to this batch, those who gave up included.
    came: usize,
    /// How many must wait before the thread wants to know.
    wanted: usize,
    /// The process whose thread serves the queue: a child of `fork` has the queue and no thread.
    served_by: Option<u32>,
    /// Since when the thread is at work.
    busy_since: Option<Instant>,
    ended: bool,
    /// Told when the thread is gone.
    gone: Option<Receiver<()>>,
}

struct Waiting {
    /// Which answer of its batch is its own.
    number: usize,
    task: Task,
}

/// What is written with one sync.
struct Batch {
    waiting: Vec<Waiting>,
    answers: Answering,
}

enum Task {
    Append(Draft),
    Examine,
    Sign,
}

impl Group {
    pub(super) fn new(writer: Writer) -> Self {
        Self::with_deadline(writer, DEADLINE)
    }

    pub(super) fn with_deadline(writer: Writer, deadline: Duration) -> Self {
        let (queue, arrived, writer) = (Mutex::default(), Condvar::new(), Mutex::new(writer));
        Self { shared: Arc::new(Shared { queue, arrived, writer }), deadline }
    }

    /// Returns when the entry is on disk.
    pub(super) fn append(&self, draft: Draft) -> Answer {
        self.ask(Task::Append(draft))
    }

    /// Whether an entry could be written now.
    pub(super) fn examine(&self) -> Answer {
        self.ask(Task::Examine)
    }

    /// Appends many entries of one thread with one write; for measurements.
    pub(super) fn append_all(&self, drafts: &[Draft]) -> Answer {
        let mut writer = self.shared.writer();
        writer.append(drafts).into_iter().collect::<Result<(), _>>()?;
        drafts.last().into_iter().for_each(|last| writer.sign_if_due(last.time));
        Ok(())
    }

    /// Signs what is there.
    pub(super) fn sign(&self) -> Answer {
        self.ask(Task::Sign)
    }

    fn ask(&self, task: Task) -> Answer {
        let (answers, number) = self.enqueue(task)?;
        answers.wait(number, self.deadline).unwrap_or_else(|| {
            self.take_back(&answers, number);
            Err(EngineError::AuditUnavailable(ErrorKind::TimedOut))
        })
    }

    fn enqueue(&self, task: Task) -> Result<(Arc<Answers>, usize), EngineError> {
        let mut queue = self.shared.queue();
        if queue.served_by != Some(std::process::id()) {
            self.begin_serving(&mut queue)?;
        }
        // a disk that has hung for so long hangs for this one too
        if queue.busy_since.is_some_and(|since| since.elapsed() > self.deadline) {
            return Err(EngineError::AuditUnavailable(ErrorKind::TimedOut));
        }
        let number = queue.came;
        queue.came += 1;
        queue.waiting.push(Waiting { number, task });
        let answers = Arc::clone(&queue.answers);
        let wakes = queue.busy_since.is_none() && queue.waiting.len() >= queue.wanted;
        drop(queue);
        if wakes {
            self.shared.arrived.notify_one();
        }
        Ok((answers, number))
    }

    /// An operation that was refused should leave no entry that says it was permitted.
    fn take_back(&self, answers: &Arc<Answers>, number: usize) {
        let mut queue = self.shared.queue();
        if Arc::ptr_eq(&queue.answers, answers) {
            queue.waiting.retain(|waiting| waiting.number != number);
        }
    }

    fn begin_serving(&self, queue: &mut Queue) -> Result<(), EngineError> {
        let (told, gone) = sync_channel(0);
        let shared = Arc::clone(&self.shared);
        let serve = move || {
            let _told_last = told;
            let left = Left(&shared);
            shared.serve();
            drop(left);
        };
        let started = thread::Builder::new().name("audit".to_owned()).spawn(serve);
        started.map_err(|error| EngineError::AuditUnavailable(error.kind()))?;
        *queue =
            Queue { served_by: Some(std::process::id()), gone: Some(gone), ..Queue::default() };
        Ok(())
    }
}

impl Drop for Group {
    /// Waits until the log is signed, unless the disk hangs: then the thread is left to it.
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        queue.ended = true;
        let own_thread = queue.served_by == Some(std::process::id());
        let busy = queue.busy_since.map_or(Duration::ZERO, |since| since.elapsed());
        let gone = queue.gone.take().filter(|_| own_thread);
        drop(queue);
        self.shared.arrived.notify_one();
        if let Some(gone) = gone {
            let _ = gone.recv_timeout(self.deadline.saturating_sub(busy));
        }
    }
}

/// How long to wait for those who were just answered by a write that `took` so long. All come back
/// within a millisecond. On a disk that takes no longer they come back while the others' entries are
/// written, and waiting would leave the disk idle.
fn gathering(took: Duration) -> Duration {
    if took < LONGEST_GATHERING { Duration::ZERO } else { (took / 2).min(LONGEST_GATHERING) }
}

/// However the thread ends, nobody waits for it afterwards.
struct Left<'s>(&'s Shared);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        (queue.served_by, queue.busy_since) = (None, None);
        queue.waiting.clear();
        drop(Answering(std::mem::take(&mut queue.answers)));
    }
}

impl Shared {
    /// What the thread does: takes all that waits, writes it, answers, until nothing can come.
    fn serve(&self) {
        let (mut lately, mut took) = (0, Duration::ZERO);
        while let Some(batch) = self.next_batch(lately, took) {
            lately = batch.waiting.len();
            let start = Instant::now();
            self.work(batch);
            took = start.elapsed();
        }
        self.writer().end();
    }

    /// All that waits. `lately` were just answered, by a write that `took` so long.
    fn next_batch(&self, lately: usize, took: Duration) -> Option<Batch> {
        let mut queue = self.queue();
        queue.busy_since = None;
        queue.wanted = lately + queue.waiting.len();
        let patience = gathering(took);
        if queue.wanted > 1 && !patience.is_zero() {
            let missing = |queue: &mut Queue| queue.waiting.len() < queue.wanted && !queue.ended;
            let waited = self.arrived.wait_timeout_while(queue, patience, missing);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        queue.wanted = 1;
        while queue.waiting.is_empty() {
            if queue.ended {
                return None;
            }
            queue = self.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.busy_since = Some(Instant::now());
        queue.came = 0;
        let answers = Answering(std::mem::take(&mut queue.answers));
        let room = Vec::with_capacity(queue.waiting.len());
        Some(Batch { waiting: std::mem::replace(&mut queue.waiting, room), answers })
    }

    fn work(&self, Batch { waiting, answers }: Batch) {
        let mut writer = self.writer();
        let (mut drafts, mut numbers) = (Vec::with_capacity(waiting.len()), Vec::new());
        let mut given = Vec::with_capacity(waiting.len());
        for Waiting { number, task } in waiting {
            match task {
                Task::Append(draft) => {
                    drafts.push(draft);
                    numbers.push(number);
                }
                Task::Examine => given.push((number, writer.examine())),
                Task::Sign => given.push((number, writer.sign())),
            }
        }
        given.extend(numbers.into_iter().zip(writer.append(&drafts)));
        answers.give(given);
        if let Some(last) = drafts.last() {
            writer.sign_if_due(last.time);
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;

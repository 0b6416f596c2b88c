//! One write and one sync for all threads that wait, and an end to waiting.
//!
//! A thread of its own writes: whoever comes while it syncs is written with the next sync, which
//! starts at once. So an idle log answers after one sync and a busy one after two at most, without a
//! timer. The thread that asks never enters a system call that may hang: it waits for its answer
//! until a deadline, and what was not taken up by then is taken back. A disk that hangs makes every
//! operation fail in time, and the first write that returns makes the log work again.

use super::draft::Draft;
use super::writer::Writer;
use crate::error::EngineError;
use std::io::ErrorKind;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long an operation waits for its entry to be on disk. Longer than a disk that is merely busy
/// takes; shorter than what waits for the operation gives up after.
const DEADLINE: Duration = Duration::from_secs(10);

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
    /// The process whose thread serves the queue: a child of `fork` has the queue and no thread.
    served_by: Option<u32>,
    /// Since when the thread is at work.
    busy_since: Option<Instant>,
    next_number: u64,
    ended: bool,
    /// Told when the thread is gone.
    gone: Option<Receiver<()>>,
}

struct Waiting {
    number: u64,
    task: Task,
    sender: SyncSender<Answer>,
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

    /// Appends many entries of one thread, and signs; for measurements.
    pub(super) fn append_all(&self, drafts: &[Draft]) -> Answer {
        let mut writer = self.shared.writer();
        writer.append(drafts).into_iter().collect::<Result<(), _>>()?;
        writer.sign()
    }

    /// Signs what is there.
    pub(super) fn sign(&self) -> Answer {
        self.ask(Task::Sign)
    }

    fn ask(&self, task: Task) -> Answer {
        let (sender, receiver) = sync_channel(1);
        let number = self.enqueue(task, sender)?;
        match receiver.recv_timeout(self.deadline) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => {
                self.take_back(number);
                Err(EngineError::AuditUnavailable(ErrorKind::TimedOut))
            }
            // the writing thread is gone; whether the entry is on disk is not known
            Err(RecvTimeoutError::Disconnected) => {
                Err(EngineError::AuditUnavailable(ErrorKind::Interrupted))
            }
        }
    }

    fn enqueue(&self, task: Task, sender: SyncSender<Answer>) -> Result<u64, EngineError> {
        let mut queue = self.shared.queue();
        if queue.served_by != Some(std::process::id()) {
            self.begin_serving(&mut queue)?;
        }
        // a disk that has hung for so long hangs for this one too
        if queue.busy_since.is_some_and(|since| since.elapsed() > self.deadline) {
            return Err(EngineError::AuditUnavailable(ErrorKind::TimedOut));
        }
        queue.next_number += 1;
        let number = queue.next_number;
        queue.waiting.push(Waiting { number, task, sender });
        if queue.busy_since.is_none() {
            self.shared.arrived.notify_one();
        }
        Ok(number)
    }

    /// An operation that was refused should leave no entry that says it was permitted.
    fn take_back(&self, number: u64) {
        self.shared.queue().waiting.retain(|waiting| waiting.number != number);
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

/// However the thread ends, nobody waits for it afterwards.
struct Left<'s>(&'s Shared);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        (queue.served_by, queue.busy_since) = (None, None);
        queue.waiting.clear();
    }
}

impl Shared {
    /// What the thread does: takes all that waits, writes it, answers, until nothing can come.
    fn serve(&self) {
        while let Some(batch) = self.next_batch() {
            self.work(batch);
        }
        self.writer().end();
    }

    fn next_batch(&self) -> Option<Vec<Waiting>> {
        let mut queue = self.queue();
        queue.busy_since = None;
        while queue.waiting.is_empty() {
            if queue.ended {
                return None;
            }
            queue = self.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.busy_since = Some(Instant::now());
        Some(std::mem::take(&mut queue.waiting))
    }

    fn work(&self, batch: Vec<Waiting>) {
        let mut writer = self.writer();
        let (mut drafts, mut senders) = (Vec::with_capacity(batch.len()), Vec::new());
        for Waiting { task, sender, .. } in batch {
            match task {
                Task::Append(draft) => {
                    drafts.push(draft);
                    senders.push(sender);
                }
                Task::Examine => drop(sender.try_send(writer.examine())),
                Task::Sign => drop(sender.try_send(writer.sign())),
            }
        }
        let results = writer.append(&drafts);
        for (sender, result) in senders.into_iter().zip(results) {
            // a receiver is gone only when its thread gave up
            let _ = sender.try_send(result);
        }
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

//! One write and one sync for all threads that wait.
//!
//! Whoever finds nobody writing writes at once, for itself. Whoever comes meanwhile queues, and
//! when the write is done the first of the queue writes for the whole queue. So an idle log answers
//! after one sync and a busy one after two at most, without a timer and without a thread of its own.

use super::draft::Draft;
use super::writer::Writer;
use crate::error::EngineError;
use medseal_core::audit::ErasureCertificate;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The queue in front of a [`Writer`].
pub(super) struct Group {
    queue: Mutex<Queue>,
    writer: Mutex<Writer>,
}

#[derive(Default)]
struct Queue {
    writing: bool,
    waiting: Vec<Waiting>,
}

struct Waiting {
    draft: Draft,
    sender: SyncSender<Message>,
}

enum Message {
    Done(Result<(), EngineError>),
    /// The queue is yours; your own draft is the first in it.
    Write,
}

impl Group {
    pub(super) fn new(writer: Writer) -> Self {
        Self { queue: Mutex::default(), writer: Mutex::new(writer) }
    }

    /// Returns when the entry is on disk.
    pub(super) fn append(&self, draft: Draft) -> Result<(), EngineError> {
        let (sender, receiver) = sync_channel(1);
        if self.enqueue(Waiting { draft, sender }) {
            return self.write(&receiver);
        }
        match receiver.recv() {
            Ok(Message::Done(result)) => result,
            Ok(Message::Write) => self.write(&receiver),
            // the writing thread is gone; whether the entry is on disk is not known
            Err(_) => Err(EngineError::AuditUnavailable(std::io::ErrorKind::Interrupted)),
        }
    }

    /// Appends many entries of one thread, and signs; for measurements.
    pub(super) fn append_all(&self, drafts: &[Draft]) -> Result<(), EngineError> {
        let mut writer = self.writer();
        writer.append(drafts).into_iter().collect::<Result<(), _>>()?;
        writer.sign()
    }

    /// Signs what is there.
    pub(super) fn sign(&self) -> Result<(), EngineError> {
        self.writer().sign()
    }

    pub(super) fn certify(&self, certificate: &ErasureCertificate) -> Result<String, EngineError> {
        self.writer().certify(certificate)
    }

    pub(super) fn examine(&self) -> Result<(), EngineError> {
        self.writer().examine()
    }

    /// Whether this thread is to write.
    fn enqueue(&self, waiting: Waiting) -> bool {
        let mut queue = self.queue();
        queue.waiting.push(waiting);
        !std::mem::replace(&mut queue.writing, true)
    }

    /// Writes the whole queue, whose first draft is this thread's own.
    fn write(&self, own: &Receiver<Message>) -> Result<(), EngineError> {
        let turn = Turn(self);
        let mut writer = self.writer();
        let batch = std::mem::take(&mut self.queue().waiting);
        let (drafts, senders): (Vec<Draft>, Vec<_>) =
            batch.into_iter().map(|w| (w.draft, w.sender)).unzip();
        let time = drafts.last().map_or(0, |draft| draft.time);
        let results = writer.append(&drafts);
        for (sender, result) in senders.into_iter().zip(results) {
            // a receiver is gone only when its thread is
            let _ = sender.try_send(Message::Done(result));
        }
        writer.sign_if_due(time);
        drop(writer);
        drop(turn);
        match own.try_recv() {
            Ok(Message::Done(result)) => result,
            _ => Err(EngineError::AuditUnavailable(std::io::ErrorKind::Interrupted)),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to write; passes it on however the thread leaves, so that nobody waits for ever.
struct Turn<'g>(&'g Group);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        match queue.waiting.first() {
            Some(first) => {
                let _ = first.sender.try_send(Message::Write);
            }
            None => queue.writing = false,
        }
    }
}

//! What an entry says, encoded before it has its place.
//!
//! Many threads make entries and one gives them their places, while all others wait for it: what can
//! be done before must not be done then. The bytes are those of [`Entry::encode_into`].

use super::entry::{Entry, Event, LogId, MAX_ENTRY_BYTES, write_place};
use super::rejection::{Rejection, RejectionKind, RejectionPlace};
use minicbor::Encoder;

/// The longest place: a map's head, and six members with their numbers.
const MAX_PLACE_BYTES: usize = 64;

/// Where an entry stands and when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryPlace {
    /// The log.
    pub log: LogId,
    /// Its place in the log, from 0.
    pub sequence: u64,
    /// Seconds since 1970.
    pub time: u64,
    /// The size of the newest checkpoint that the writer knew.
    pub signed: u64,
}

/// An entry without its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedEvent {
    kind: u64,
    members: u64,
    bytes: Vec<u8>,
}

impl EncodedEvent {
    /// Encodes what an entry says.
    ///
    /// # Errors
    /// [`RejectionKind::EntryMalformed`] for what the schema cannot hold.
    pub fn new(event: &Event<'_>) -> Result<Self, Rejection> {
        let refused = Rejection::new(RejectionPlace::NewEntry, RejectionKind::EntryMalformed);
        let mut bytes = Vec::with_capacity(320);
        let written = event.write(&mut Encoder::new(&mut bytes));
        let fits = event.is_permitted() && bytes.len() + MAX_PLACE_BYTES <= MAX_ENTRY_BYTES;
        let whole = written.is_ok() && fits;
        let (kind, members) = (event.kind(), event.members());
        whole.then_some(Self { kind, members, bytes }).ok_or(refused)
    }

    /// Appends the entry that stands at `place` to `out`.
    pub fn encode_at(&self, place: &EntryPlace, out: &mut Vec<u8>) {
        // writing to memory cannot fail
        let _ = write_place(&mut Encoder::new(&mut *out), place, (self.kind, self.members));
        out.extend_from_slice(&self.bytes);
    }
}

impl Entry<'_> {
    /// Where it stands.
    pub fn place(&self) -> EntryPlace {
        let Self { log, sequence, time, signed, .. } = *self;
        EntryPlace { log, sequence, time, signed }
    }
}

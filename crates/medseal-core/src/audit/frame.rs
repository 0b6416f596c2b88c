//! How an entry stands in a segment, with its encrypted details behind it.
//!
//! ```text
//! u16be entry length ‖ u32be details length ‖ entry ‖ details
//! ```
//! Both in one file: one write and one sync make them durable together, and details can be erased
//! in place without moving an entry.

use super::encoded::{EncodedEvent, EntryPlace};
use super::entry::MAX_ENTRY_BYTES;
use std::ops::Range;

/// Bytes before the entry.
pub const FRAME_HEADER_BYTES: usize = 6;

/// The two lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Of the entry.
    pub entry: usize,
    /// Of the details.
    pub details: usize,
}

impl FrameHeader {
    /// Reads the header; `None` for lengths that no writer makes.
    pub fn parse(bytes: &[u8; FRAME_HEADER_BYTES]) -> Option<Self> {
        let [e1, e2, d1, d2, d3, d4] = *bytes;
        let entry = usize::from(u16::from_be_bytes([e1, e2]));
        let details = u32::from_be_bytes([d1, d2, d3, d4]) as usize;
        ((1..=MAX_ENTRY_BYTES).contains(&entry)).then_some(Self { entry, details })
    }

    /// Entry and details together.
    pub fn body(&self) -> usize {
        self.entry + self.details
    }
}

/// Appends a frame; `None` when one of the two is too long.
pub fn push_frame(out: &mut Vec<u8>, entry: &[u8], details: &[u8]) -> Option<()> {
    let length = u16::try_from(entry.len()).ok()?;
    let details_length = u32::try_from(details.len()).ok()?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&details_length.to_be_bytes());
    out.extend_from_slice(entry);
    out.extend_from_slice(details);
    Some(())
}

/// Appends the frame of an entry that gets its place now, and says where in `out` the entry stands;
/// `None`, and nothing is appended, when the details are too long.
pub fn push_frame_of(
    out: &mut Vec<u8>,
    place: &EntryPlace,
    event: &EncodedEvent,
    details: &[u8],
) -> Option<Range<usize>> {
    let details_length = u32::try_from(details.len()).ok()?;
    let start = out.len() + FRAME_HEADER_BYTES;
    out.extend_from_slice(&[0; FRAME_HEADER_BYTES]);
    event.encode_at(place, out);
    let entry = start..out.len();
    let length = u16::try_from(entry.len()).unwrap_or(u16::MAX);
    let header = out.get_mut(start - FRAME_HEADER_BYTES..start)?;
    let (entry_length, rest) = header.split_at_mut(2);
    entry_length.copy_from_slice(&length.to_be_bytes());
    rest.copy_from_slice(&details_length.to_be_bytes());
    out.extend_from_slice(details);
    Some(entry)
}

/// Entry, details and the rest behind the first frame; `None` when there is no whole one.
pub fn split_frame(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (header, behind) = bytes.split_first_chunk()?;
    let header = FrameHeader::parse(header)?;
    let (entry, behind) = behind.split_at_checked(header.entry)?;
    let (details, rest) = behind.split_at_checked(header.details)?;
    Some((entry, details, rest))
}

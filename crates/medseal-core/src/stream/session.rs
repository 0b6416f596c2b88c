//! Sessions: streams whose order and end are bound (`spec/stream.md`, Session).
//!
//! ```text
//! frame = u8 final ‖ LP(stream)      pairs: final = 0|1, seq = 0, 1, 2 …, session = salt of frame 0
//! ```
//! A [`SessionWriter`] numbers frames itself and is used up by the last one, so no caller can give
//! a number twice or go on behind the end. A [`SessionReader`] expects the next number, or opens a
//! frame whose number the caller knows.

use super::header::{Prefix, StreamFlags};
use super::key::StreamKey;
use super::layout::{BodyLayout, SALT_BYTES, sealed_body_len};
use super::metadata::Metadata;
use crate::context::Binding;
use crate::wiped::Wiped;
use crate::{Error, MalformedKind, MisuseKind, Random};

/// Bytes in front of a frame's stream.
pub const FRAME_HEADER_BYTES: usize = 5;
const RESERVED: [&str; 4] = ["final", "part", "seq", "session"];

/// What tells one session of a place from another: the salt of its frame 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionId([u8; SALT_BYTES]);

impl SessionId {
    /// The session that begins with this frame.
    pub fn of_first(prefix: &Prefix<'_>) -> Self {
        Self(prefix.salt)
    }

    fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Which frame of a session a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Its number, from 0.
    pub seq: u64,
    /// No frame follows.
    pub last: bool,
    /// The session; `None` in frame 0, which begins it.
    pub session: Option<SessionId>,
}

/// What a stream is bound to beside its scope.
#[derive(Debug, Clone, Copy, Default)]
pub struct StreamPlace<'a> {
    /// Record, row version and the caller's pairs.
    pub binding: Binding<'a>,
    /// For a stream that is a frame of a session.
    pub frame: Option<Frame>,
}

impl<'a> StreamPlace<'a> {
    /// A stream that is no frame.
    pub fn whole(binding: Binding<'a>) -> Self {
        Self { binding, frame: None }
    }

    pub(super) fn with_binding<T>(
        &self,
        bound: impl FnOnce(&Binding<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.with_pairs(None, bound)
    }

    pub(super) fn with_metadata_binding<T>(
        &self,
        bound: impl FnOnce(&Binding<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.with_pairs(Some(("part", "meta")), bound)
    }

    fn with_pairs<T>(
        &self,
        part: Option<(&str, &str)>,
        bound: impl FnOnce(&Binding<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.binding.pairs.iter().any(|(name, _)| RESERVED.contains(name)) {
            return Err(MisuseKind::ReservedName.into());
        }
        let seq = self.frame.map(|frame| frame.seq.to_string());
        let session = self.frame.and_then(|frame| frame.session).map(SessionId::to_hex);
        let last = self.frame.map(|frame| if frame.last { "1" } else { "0" });
        let own = [
            part,
            last.map(|last| ("final", last)),
            seq.as_deref().map(|seq| ("seq", seq)),
            session.as_deref().map(|session| ("session", session)),
        ];
        let mut pairs = self.binding.pairs.to_vec();
        for pair in own.into_iter().flatten() {
            let at = pairs.partition_point(|(name, _)| *name < pair.0);
            pairs.insert(at, pair);
        }
        bound(&Binding { pairs: &pairs, ..self.binding })
    }
}

/// The five bytes in front of a frame's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// No frame follows; authenticated only once the frame was opened.
    pub last: bool,
    /// Bytes of its stream.
    pub stream_len: u32,
}

impl FrameHeader {
    /// Reads the five bytes.
    ///
    /// # Errors
    /// [`MalformedKind::Frame`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let Some((&[last, l1, l2, l3, l4], _)) = bytes.split_first_chunk() else {
            return Err(MalformedKind::Frame.into());
        };
        if last > 1 {
            return Err(MalformedKind::Frame.into());
        }
        Ok(Self { last: last == 1, stream_len: u32::from_be_bytes([l1, l2, l3, l4]) })
    }

    fn to_bytes(self) -> [u8; FRAME_HEADER_BYTES] {
        let [l1, l2, l3, l4] = self.stream_len.to_be_bytes();
        [u8::from(self.last), l1, l2, l3, l4]
    }
}

/// Writes the frames of one session in their order.
pub struct SessionWriter<'k> {
    key: &'k StreamKey,
    flags: StreamFlags,
    seq: u64,
    session: Option<SessionId>,
}

impl<'k> SessionWriter<'k> {
    /// A session that has no frame yet.
    pub fn new(key: &'k StreamKey, flags: StreamFlags) -> Self {
        Self { key, flags, seq: 0, session: None }
    }

    /// Appends a frame that another one follows.
    ///
    /// # Errors
    /// As [`StreamKey::seal`], and [`MisuseKind::StreamLength`] above 4 GiB.
    pub fn write(
        &mut self,
        binding: &Binding<'_>,
        metadata: &Metadata,
        content: &[u8],
        random: &mut impl Random,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.append(false, binding, metadata, content, random, out)
    }

    /// Appends the last frame.
    ///
    /// # Errors
    /// As [`SessionWriter::write`].
    pub fn finish(
        mut self,
        binding: &Binding<'_>,
        metadata: &Metadata,
        content: &[u8],
        random: &mut impl Random,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.append(true, binding, metadata, content, random, out)
    }

    fn append(
        &mut self,
        last: bool,
        binding: &Binding<'_>,
        metadata: &Metadata,
        content: &[u8],
        random: &mut impl Random,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let start = out.len();
        let frame = Frame { seq: self.seq, last, session: self.session };
        let place = StreamPlace { binding: *binding, frame: Some(frame) };
        out.extend_from_slice(&[0; FRAME_HEADER_BYTES]);
        let result = self.append_stream(&place, metadata, content, random, out, start);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    fn append_stream(
        &mut self,
        place: &StreamPlace<'_>,
        metadata: &Metadata,
        content: &[u8],
        random: &mut impl Random,
        out: &mut Vec<u8>,
        start: usize,
    ) -> Result<(), Error> {
        let at = start + FRAME_HEADER_BYTES;
        let sealer = self.key.seal(self.flags, place, metadata, random, out)?;
        let first = SessionId::of_first(&Prefix::parse(out.get(at..).unwrap_or_default())?);
        let body = usize::try_from(sealed_body_len(content.len() as u64)).unwrap_or(usize::MAX);
        let stream_len = u32::try_from((out.len() - at).saturating_add(body))
            .map_err(|_| MisuseKind::StreamLength)?;
        sealer.seal_all(content, out)?;
        let last = place.frame.is_some_and(|frame| frame.last);
        let header = FrameHeader { last, stream_len }.to_bytes();
        for (slot, byte) in out.iter_mut().skip(start).zip(header) {
            *slot = byte;
        }
        self.session.get_or_insert(first);
        self.seq += 1;
        Ok(())
    }
}

/// Opens the frames of one session.
pub struct SessionReader<'k> {
    key: &'k StreamKey,
    required: StreamFlags,
    next: u64,
    session: Option<SessionId>,
}

impl<'k> SessionReader<'k> {
    /// A reader at frame 0.
    pub fn new(key: &'k StreamKey, required: StreamFlags) -> Self {
        Self { key, required, next: 0, session: None }
    }

    /// A reader at frame `seq` of the session that begins with `first`.
    pub fn at(key: &'k StreamKey, required: StreamFlags, seq: u64, first: SessionId) -> Self {
        Self { key, required, next: seq, session: (seq > 0).then_some(first) }
    }

    /// Opens the next frame: its metadata and content, wiped when dropped.
    ///
    /// # Errors
    /// [`Error::Malformed`], or [`Error::Rejected`] for a frame that is not the next of this
    /// session.
    pub fn open(
        &mut self,
        binding: &Binding<'_>,
        header: FrameHeader,
        stream: &[u8],
    ) -> Result<(Metadata, FrameContent), Error> {
        let prefix = Prefix::parse(stream)?;
        let frame = Frame { seq: self.next, last: header.last, session: self.session };
        let place = StreamPlace { binding: *binding, frame: Some(frame) };
        let body = stream.get(prefix.byte_len()..).unwrap_or_default();
        let layout = BodyLayout::of_sealed(body.len() as u64)?;
        let (metadata, opener) = self.key.open(self.required, &place, &prefix)?;
        metadata.check_size(layout.content)?;
        let content = opener.open_all(layout, body)?;
        self.session.get_or_insert(SessionId::of_first(&prefix));
        self.next += 1;
        Ok((metadata, FrameContent(content)))
    }
}

/// The content of a frame, wiped when dropped; `Debug` prints nothing of it.
pub struct FrameContent(Wiped<Vec<u8>>);

impl FrameContent {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for FrameContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FrameContent(..)")
    }
}

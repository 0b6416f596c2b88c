//! Sessions of arrays: chunks of one shape, one after another, whose order and end are bound.
//!
//! A session is read and written in order; memory holds one array or two. One frame can be read
//! alone from a file.

use super::sink::{Sink, WRITING};
use super::source::{Source, fill};
use super::{ArrayLayout, FileJob, Progress};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Admitted;
use crate::random::BufferedRandom;
use medseal_core::keyring::Usage;
use medseal_core::stream::{
    FRAME_HEADER_BYTES, FrameHeader, Prefix, SessionId, SessionReader, SessionWriter, StreamFlags,
    StreamKey,
};
use medseal_core::{Error, MalformedKind};
use medseal_policy::{Decrypt, Op, Verify};
use serde::Serialize;
use std::io::{BufReader, Read, Write};
use zeroize::Zeroizing;

/// The largest array of a session.
const MAX_ARRAY_BYTES: u64 = 1 << 30;
const BUFFER_BYTES: usize = 1 << 18;

/// What a run over a session did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SessionReport {
    /// Frames.
    pub frames: u64,
    /// Bytes of content.
    pub content_bytes: u64,
}

impl Engine {
    /// Encrypts arrays that follow one another as one session.
    ///
    /// # Errors
    /// As [`Engine::encrypt_file`]; [`EngineError::ArrayInvalid`] when the input is not a whole
    /// number of arrays, at least one.
    pub async fn encrypt_session(
        &self,
        job: &FileJob<'_>,
        layout: &ArrayLayout,
        source: Source,
        mut sink: Sink,
        progress: Progress<'_>,
    ) -> Result<SessionReport, EngineError> {
        let bytes = layout.bytes()?;
        if bytes == 0 || bytes > MAX_ARRAY_BYTES {
            return Err(EngineError::ArrayInvalid("an array of a session has 1 byte to 1 GiB"));
        }
        let resolved = self.stream_for_encrypting(&job.target, job.key).await?;
        let mut input = reader(source)?;
        let mut arrays = Arrays::new(&mut *input, usize::try_from(bytes).unwrap_or(usize::MAX))?;
        let mut writer = Some(SessionWriter::new(&resolved.key, resolved.flags));
        let mut check = FrameCheck { key: &resolved.key, flags: resolved.flags, first: None };
        let (binding, metadata) = (job.target.binding, layout.metadata());
        let (mut frame, mut report) = (Vec::new(), SessionReport::default());
        let random = &mut BufferedRandom;
        while let Some(mut open) = writer.take() {
            frame.clear();
            if arrays.advance()? {
                open.write(&binding, &metadata, arrays.current(), random, &mut frame)?;
                writer = Some(open);
            } else {
                open.finish(&binding, &metadata, arrays.current(), random, &mut frame)?;
            }
            check.remember(&frame)?;
            if self.must_verify()? {
                check.compare(job, report.frames, &frame, arrays.current())?;
            }
            sink.writer()?.write_all(&frame).map_err(EngineError::io(WRITING))?;
            report.frames += 1;
            report.content_bytes += bytes;
            progress(report.content_bytes);
        }
        sink.finish()?;
        let usage = Usage { messages: report.frames, bytes: report.content_bytes };
        self.add_usage(resolved.key.id(), usage).await?;
        Ok(report)
    }

    /// Decrypts a session; its arrays follow one another in the output.
    ///
    /// # Errors
    /// As [`Engine::decrypt_file`], with the frame.
    pub async fn decrypt_session(
        &self,
        job: &FileJob<'_>,
        source: Source,
        mut sink: Sink,
        progress: Progress<'_>,
    ) -> Result<SessionReport, EngineError> {
        let mut write =
            |bytes: &[u8]| sink.writer()?.write_all(bytes).map_err(EngineError::io(WRITING));
        let report = self.walk_session::<Decrypt>(job, source, &mut write, progress).await?;
        sink.finish()?;
        Ok(report)
    }

    /// Opens every frame and gives nothing out.
    ///
    /// # Errors
    /// As [`Engine::decrypt_session`].
    pub async fn verify_session(
        &self,
        job: &FileJob<'_>,
        source: Source,
        progress: Progress<'_>,
    ) -> Result<SessionReport, EngineError> {
        self.walk_session::<Verify>(job, source, &mut |_| Ok(()), progress).await
    }

    /// Decrypts frame `seq` of a session in a file.
    ///
    /// # Errors
    /// As [`Engine::decrypt_session`]; [`EngineError::FileNeeded`] for a pipe,
    /// [`EngineError::BeyondTheEnd`].
    pub async fn read_session(
        &self,
        job: &FileJob<'_>,
        source: Source,
        seq: u64,
        mut sink: Sink,
    ) -> Result<SessionReport, EngineError> {
        let Source::File(file) = source else { return Err(EngineError::FileNeeded("a frame")) };
        let mut input = BufReader::with_capacity(BUFFER_BYTES, file.file);
        let first = Frame::read(&mut input, 0)?.ok_or(malformed(0, 0))?;
        let first_id = SessionId::of_first(&first.prefix()?);
        let wanted = if seq == 0 { first } else { skip_to(&mut input, seq, &first)? };
        let open = self.open_session::<Decrypt>(job, &wanted).await?;
        let mut reader = SessionReader::at(&open.key, open.flags, seq, first_id);
        let content = wanted.open(&mut reader, job, &open.admitted)?;
        let content_bytes = content.as_bytes().len() as u64;
        sink.writer()?.write_all(content.as_bytes()).map_err(EngineError::io(WRITING))?;
        sink.finish()?;
        Ok(SessionReport { frames: 1, content_bytes })
    }

    async fn walk_session<O: Op>(
        &self,
        job: &FileJob<'_>,
        source: Source,
        give: &mut (dyn FnMut(&[u8]) -> Result<(), EngineError> + Send),
        progress: Progress<'_>,
    ) -> Result<SessionReport, EngineError> {
        let mut input = reader(source)?;
        let mut frame = Frame::read(&mut *input, 0)?.ok_or(malformed(0, 0))?;
        let open = self.open_session::<O>(job, &frame).await?;
        let mut reader = SessionReader::new(&open.key, open.flags);
        let mut report = SessionReport::default();
        loop {
            let content = frame.open(&mut reader, job, &open.admitted)?;
            give(content.as_bytes())?;
            report.frames += 1;
            report.content_bytes += content.as_bytes().len() as u64;
            let next = frame.end();
            progress(next);
            let following = Frame::read_after(&mut *input, report.frames, next)?;
            match (frame.header.last, following) {
                (true, None) => return Ok(report),
                (false, Some(following)) => frame = following,
                // no end, or something behind it
                (_, found) => {
                    let offset = found.map_or(next, |frame| frame.offset);
                    return Err(malformed(report.frames, offset));
                }
            }
        }
    }

    async fn open_session<O: Op>(
        &self,
        job: &FileJob<'_>,
        frame: &Frame,
    ) -> Result<OpenSession, EngineError> {
        let header = frame.prefix()?.header();
        let resolved = self.stream_for_opening(&job.target, header).await?;
        let admitted = self.prove_stream::<O>(&resolved, &job.target).await?;
        Ok(OpenSession { admitted, key: resolved.key, flags: resolved.flags })
    }
}

/// Opens again what was just sealed, where the options ask for it.
struct FrameCheck<'k> {
    key: &'k StreamKey,
    flags: StreamFlags,
    first: Option<SessionId>,
}

impl FrameCheck<'_> {
    fn remember(&mut self, frame: &[u8]) -> Result<(), EngineError> {
        if self.first.is_none() {
            let stream = frame.get(FRAME_HEADER_BYTES..).unwrap_or_default();
            self.first = Some(SessionId::of_first(&Prefix::parse(stream)?));
        }
        Ok(())
    }

    fn compare(
        &self,
        job: &FileJob<'_>,
        seq: u64,
        frame: &[u8],
        content: &[u8],
    ) -> Result<(), EngineError> {
        let Some(first) = self.first else { return Err(EngineError::VerificationFailed) };
        let mut reader = SessionReader::at(self.key, self.flags, seq, first);
        let stream = frame.get(FRAME_HEADER_BYTES..).unwrap_or_default();
        let opened = FrameHeader::parse(frame)
            .and_then(|header| reader.open(&job.target.binding, header, stream));
        match opened {
            Ok((_, opened)) if opened.as_bytes() == content => Ok(()),
            _ => Err(EngineError::VerificationFailed),
        }
    }
}

/// A session's key, after its use was decided on and recorded.
struct OpenSession {
    admitted: Admitted,
    key: StreamKey,
    flags: StreamFlags,
}

fn malformed(frame: u64, offset: u64) -> EngineError {
    EngineError::AtFrame { frame, offset, source: MalformedKind::Frame.into() }
}

/// A frame as it was read; nothing of it is authentic.
struct Frame {
    seq: u64,
    offset: u64,
    header: FrameHeader,
    stream: Vec<u8>,
}

impl Frame {
    /// Reads a frame at the beginning; `None` where the input ends.
    fn read(input: &mut (impl Read + ?Sized), seq: u64) -> Result<Option<Self>, EngineError> {
        Self::read_after(input, seq, 0)
    }

    /// The same at `offset`.
    fn read_after(
        input: &mut (impl Read + ?Sized),
        seq: u64,
        offset: u64,
    ) -> Result<Option<Self>, EngineError> {
        let Some(header) = read_header(input, seq, offset)? else { return Ok(None) };
        // the length is a claim: memory grows with what is there, not with what is claimed
        let mut stream = Vec::new();
        let io = EngineError::io("reading the input");
        input.take(u64::from(header.stream_len)).read_to_end(&mut stream).map_err(io)?;
        if stream.len() as u64 != u64::from(header.stream_len) {
            return Err(malformed(seq, offset));
        }
        Ok(Some(Self { seq, offset, header, stream }))
    }

    fn end(&self) -> u64 {
        self.offset + FRAME_HEADER_BYTES as u64 + self.stream.len() as u64
    }

    fn prefix(&self) -> Result<Prefix<'_>, EngineError> {
        Prefix::parse(&self.stream).map_err(|source| self.at(source))
    }

    fn at(&self, source: Error) -> EngineError {
        EngineError::AtFrame { frame: self.seq, offset: self.offset, source }
    }

    /// The only call of the core's decryption of frames.
    fn open(
        &self,
        reader: &mut SessionReader<'_>,
        job: &FileJob<'_>,
        _admitted: &Admitted,
    ) -> Result<medseal_core::stream::FrameContent, EngineError> {
        let opened = reader.open(&job.target.binding, self.header, &self.stream);
        opened.map(|(_, content)| content).map_err(|source| self.at(source))
    }
}

pub(super) fn read_header(
    input: &mut (impl Read + ?Sized),
    seq: u64,
    offset: u64,
) -> Result<Option<FrameHeader>, EngineError> {
    let mut bytes = [0; FRAME_HEADER_BYTES];
    let mut read = 0;
    while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match input.read(rest).map_err(EngineError::io("reading the input"))? {
            0 => break,
            n => read += n,
        }
    }
    match read {
        0 => Ok(None),
        _ => {
            let header = FrameHeader::parse(bytes.get(..read).unwrap_or_default());
            header.map(Some).map_err(|_| malformed(seq, offset))
        }
    }
}

/// Goes over the frames between the first and frame `seq` by their lengths.
fn skip_to(
    input: &mut BufReader<std::fs::File>,
    seq: u64,
    first: &Frame,
) -> Result<Frame, EngineError> {
    let (mut offset, mut last) = (first.end(), first.header.last);
    for number in 1..=seq {
        if last {
            return Err(EngineError::BeyondTheEnd("the frame"));
        }
        if number == seq {
            return Frame::read_after(input, seq, offset)?.ok_or(malformed(seq, offset));
        }
        let header = read_header(input, number, offset)?.ok_or(malformed(number, offset))?;
        let length = i64::from(header.stream_len);
        input.seek_relative(length).map_err(EngineError::io("reading the input"))?;
        offset += FRAME_HEADER_BYTES as u64 + u64::from(header.stream_len);
        last = header.last;
    }
    Err(EngineError::BeyondTheEnd("the frame"))
}

/// Arrays of one size, read one ahead, so that the last is known as such.
struct Arrays<'i> {
    input: &'i mut (dyn Read + Send),
    current: Zeroizing<Vec<u8>>,
    ahead: Zeroizing<Vec<u8>>,
    ahead_is_there: bool,
}

impl<'i> Arrays<'i> {
    fn new(input: &'i mut (dyn Read + Send), bytes: usize) -> Result<Self, EngineError> {
        let empty = || Zeroizing::new(vec![0; bytes]);
        let mut arrays = Self { input, current: empty(), ahead: empty(), ahead_is_there: false };
        arrays.read_ahead()?;
        if arrays.ahead_is_there {
            return Ok(arrays);
        }
        Err(EngineError::ArrayInvalid("there is none in the input"))
    }

    fn read_ahead(&mut self) -> Result<(), EngineError> {
        let read = fill(self.input, &mut self.ahead)?;
        if read > 0 && read < self.ahead.len() {
            return Err(EngineError::ArrayInvalid("the input ends inside one"));
        }
        self.ahead_is_there = read > 0;
        Ok(())
    }

    /// Moves on; says whether another array follows.
    fn advance(&mut self) -> Result<bool, EngineError> {
        std::mem::swap(&mut self.current, &mut self.ahead);
        self.read_ahead()?;
        Ok(self.ahead_is_there)
    }

    fn current(&self) -> &[u8] {
        &self.current
    }
}

pub(super) fn reader(source: Source) -> Result<Box<dyn Read + Send>, EngineError> {
    match source {
        Source::File(file) => Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, file.file))),
        Source::Pipe(pipe) => Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, pipe))),
        Source::Directory { .. } => Err(EngineError::ArrayInvalid("the input is a directory")),
    }
}

impl Sink {
    fn writer(&mut self) -> Result<&mut (dyn Write + Send), EngineError> {
        match self {
            Sink::File(file) => Ok(file),
            Sink::Pipe(pipe) => Ok(&mut **pipe),
            Sink::Path(_) => Err(EngineError::FileNeeded("this output")),
        }
    }
}

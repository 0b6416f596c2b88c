//! Decrypting and verifying one stream.

use super::encrypting::Input;
use super::sink::{Lane, Sink, Turns};
use super::source::{RegularFile, Source, fill};
use super::work::{BLOCK_CHUNKS, Task, run};
use super::{FileJob, FileReport, Kind, Progress, archive};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::gate::Admitted;
use crate::replace_file::ReplaceFile;
use medseal_core::stream::{
    Block, BodyLayout, CHUNK_BYTES, Metadata, Opener, Prefix, SEALED_CHUNK_BYTES, StreamPlace,
    chunk_offset, sealed_body_len,
};
use medseal_core::{Error, MalformedKind};
use medseal_policy::{Decrypt, Op, Verify};
use std::io::Read;
use std::sync::{Mutex, MutexGuard, PoisonError};

const BLOCK_SEALED_BYTES: usize = BLOCK_CHUNKS * SEALED_CHUNK_BYTES;

impl Engine {
    /// Decrypts a stream into a sink. `progress` is told the bytes of the stream so far.
    ///
    /// # Errors
    /// [`Error::Rejected`] for another place or altered bytes, with the chunk where there is one;
    /// a key whose state does not decrypt; an unwritable ledger. To a pipe the chunks before the
    /// bad one were written, to a file nothing.
    pub async fn decrypt_file(
        &self,
        job: &FileJob<'_>,
        source: Source,
        sink: Sink,
        progress: Progress<'_>,
    ) -> Result<FileReport, EngineError> {
        let (stream, source) = self.open_stream::<Decrypt>(job, source).await?;
        stream.decrypt(source, sink, progress)
    }

    /// Opens every chunk of a stream and gives nothing out.
    ///
    /// # Errors
    /// As [`Engine::decrypt_file`].
    pub async fn verify_file(
        &self,
        job: &FileJob<'_>,
        source: Source,
        progress: Progress<'_>,
    ) -> Result<FileReport, EngineError> {
        let (stream, source) = self.open_stream::<Verify>(job, source).await?;
        stream.run(source, Lane::Nowhere, progress)
    }

    /// Reads the prefix, decides and records, and only then opens the metadata.
    pub(super) async fn open_stream<O: Op>(
        &self,
        job: &FileJob<'_>,
        mut source: Source,
    ) -> Result<(OpenStream, Source), EngineError> {
        let bytes = read_prefix(&mut source)?;
        let prefix = Prefix::parse(&bytes)?;
        let layout = match &source {
            Source::File(file) => {
                Some(BodyLayout::of_sealed(file.len.saturating_sub(bytes.len() as u64))?)
            }
            _ => None,
        };
        let resolved = self.stream_for_opening(&job.target, prefix.header()).await?;
        let admitted = self.prove_stream::<O>(&resolved, &job.target).await?;
        let place = StreamPlace::whole(job.target.binding);
        let (metadata, opener) = resolved.key.open(resolved.flags, &place, &prefix)?;
        let start = bytes.len() as u64;
        let stream = OpenStream { _admitted: admitted, metadata, opener, layout, start };
        if let Some(layout) = layout {
            // a file of another length than was announced: its last chunk is not the last
            let last = |source| stream.at_chunk(layout.chunks - 1, source);
            stream.metadata.check_size(layout.content).map_err(last)?;
        }
        Ok((stream, source))
    }
}

/// A stream whose commitment was right and whose metadata is open.
pub(super) struct OpenStream {
    _admitted: Admitted,
    pub(super) metadata: Metadata,
    pub(super) opener: Opener,
    /// of a file, whose length is known
    pub(super) layout: Option<BodyLayout>,
    /// where the first chunk stands
    pub(super) start: u64,
}

impl OpenStream {
    /// Names a chunk and where it stands.
    pub(super) fn at_chunk(&self, chunk: u64, source: Error) -> EngineError {
        EngineError::AtChunk { chunk, offset: self.start + chunk_offset(chunk), source }
    }

    fn decrypt(
        self,
        source: Source,
        mut sink: Sink,
        progress: Progress<'_>,
    ) -> Result<FileReport, EngineError> {
        if let Sink::Path(path) = &sink {
            if self.metadata.kind.as_deref() == Some(Kind::Directory.name()) {
                let path = path.clone();
                return archive::extract(&path, |pipe| {
                    self.run(source, Lane::Turns(Turns::new(pipe)), progress)
                });
            }
            sink = Sink::File(ReplaceFile::create(path)?);
        }
        let report = self.run(source, Lane::of(&mut sink)?, progress)?;
        sink.finish()?;
        Ok(report)
    }

    fn run(
        &self,
        source: Source,
        lane: Lane<'_>,
        progress: Progress<'_>,
    ) -> Result<FileReport, EngineError> {
        let content = match source {
            Source::File(file) => {
                let task = Decrypting::new(self, Input::Offsets(&file), lane);
                run(&task, Some(file.len), progress)?;
                file.check_unchanged()?;
                task.content()
            }
            Source::Pipe(mut pipe) => {
                let task = Decrypting::new(self, Input::Order(&mut *pipe), lane);
                run(&task, None, progress)?;
                task.content()
            }
            Source::Directory { .. } => return Err(malformed(MalformedKind::Magic)),
        };
        let stream_bytes = self.start + sealed_body_len(content);
        let kind = self.metadata.kind.clone();
        Ok(FileReport { content_bytes: content, stream_bytes, kind, entries: None })
    }
}

fn malformed(kind: MalformedKind) -> EngineError {
    Error::from(kind).into()
}

/// Everything in front of the first chunk. Its length is checked before it is allocated.
pub(super) fn read_prefix(source: &mut Source) -> Result<Vec<u8>, EngineError> {
    match source {
        Source::File(file) => prefix_by(|offset, out| {
            let there = offset + out.len() as u64 <= file.len;
            if there { file.read_exact(out, offset).map(|()| out.len()) } else { Ok(0) }
        }),
        Source::Pipe(pipe) => read_prefix_in_order(&mut **pipe),
        Source::Directory { .. } => Err(malformed(MalformedKind::Magic)),
    }
}

/// The same from where a pipe stands.
pub(super) fn read_prefix_in_order(pipe: &mut (dyn Read + Send)) -> Result<Vec<u8>, EngineError> {
    prefix_by(|_, out| fill(pipe, out))
}

fn prefix_by(
    mut read: impl FnMut(u64, &mut [u8]) -> Result<usize, EngineError>,
) -> Result<Vec<u8>, EngineError> {
    let mut bytes = vec![0; Prefix::FIXED_BYTES];
    if read(0, &mut bytes)? < bytes.len() {
        // says "not a stream" rather than "too short" where that shows already
        Prefix::len_of(&bytes)?;
        return Err(malformed(MalformedKind::Truncated));
    }
    bytes.resize(Prefix::len_of(&bytes)?, 0);
    let rest = bytes.get_mut(Prefix::FIXED_BYTES..).unwrap_or_default();
    if read(Prefix::FIXED_BYTES as u64, rest)? < rest.len() {
        return Err(malformed(MalformedKind::Truncated));
    }
    Ok(bytes)
}

struct Decrypting<'i, 'l> {
    state: Mutex<State<'i>>,
    file: Option<&'i RegularFile>,
    stream: &'i OpenStream,
    lane: Lane<'l>,
}

struct State<'a> {
    input: Input<'a>,
    /// the first chunk that nobody has
    next: u64,
    content: u64,
    ended: bool,
}

struct Piece {
    first: u64,
    /// bytes of whole chunks, the last one short or not
    sealed: usize,
    end: End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Full chunks; more must follow.
    No,
    /// The short chunk is here.
    Yes,
    /// The input ended without a short chunk.
    CutOff,
}

impl<'i, 'l> Decrypting<'i, 'l> {
    fn new(stream: &'i OpenStream, input: Input<'i>, lane: Lane<'l>) -> Self {
        let file = match &input {
            Input::Offsets(file) => Some(*file),
            Input::Order(_) => None,
        };
        let state = State { input, next: 0, content: 0, ended: false };
        Self { state: Mutex::new(state), file, stream, lane }
    }

    fn state(&self) -> MutexGuard<'_, State<'i>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn content(&self) -> u64 {
        self.state().content
    }

    fn open(&self, seq: u64, piece: &Piece, block: &mut Block) -> Result<(), EngineError> {
        let opened = self.stream.opener.open(piece.first, block);
        let offset = piece.first * CHUNK_BYTES as u64;
        match (opened, piece.end) {
            (Ok(()), End::Yes) => {
                let content = offset + block.opened_len() as u64;
                let last = piece.first + (piece.sealed / SEALED_CHUNK_BYTES) as u64;
                let named = |source| self.stream.at_chunk(last, source);
                self.stream.metadata.check_size(content).map_err(named)?;
                self.lane.write_opened(seq, offset, block)
            }
            (Ok(()), End::No) => self.lane.write_opened(seq, offset, block),
            (Ok(()), End::CutOff) => {
                self.lane.write_opened_and_close(seq, offset, block)?;
                let chunk = piece.first + (block.opened_len() / CHUNK_BYTES) as u64;
                Err(self.stream.at_chunk(chunk, MalformedKind::NoEnd.into()))
            }
            (Err(rejected), _) => {
                // what opened before it is true content, and a pipe has a right to it
                self.lane.write_opened_and_close(seq, offset, block)?;
                Err(self.stream.at_chunk(rejected.chunk, Error::Rejected))
            }
        }
    }
}

impl Task for Decrypting<'_, '_> {
    type Piece = Piece;

    fn take(&self, block: &mut Block) -> Result<Option<Piece>, EngineError> {
        let state = &mut *self.state();
        if state.ended {
            return Ok(None);
        }
        let first = state.next;
        let read = match &mut state.input {
            Input::Offsets(file) => {
                let body = file.len.saturating_sub(self.stream.start);
                let rest = body.saturating_sub(chunk_offset(first));
                usize::try_from(rest).unwrap_or(usize::MAX).min(BLOCK_SEALED_BYTES)
            }
            Input::Order(pipe) => read_sealed(&mut **pipe, block)?,
        };
        let short = read % SEALED_CHUNK_BYTES;
        let (end, sealed) = match BodyLayout::of_sealed(read as u64) {
            _ if read == BLOCK_SEALED_BYTES => (End::No, read),
            Ok(_) => (End::Yes, read),
            Err(_) => (End::CutOff, read - short),
        };
        block.truncate_sealed(sealed);
        state.ended = end != End::No;
        state.next += (read / SEALED_CHUNK_BYTES) as u64;
        let tags = sealed.div_ceil(SEALED_CHUNK_BYTES) * (SEALED_CHUNK_BYTES - CHUNK_BYTES);
        state.content += (sealed - tags) as u64;
        Ok(Some(Piece { first, sealed, end }))
    }

    fn work(&self, seq: u64, piece: Piece, block: &mut Block) -> Result<u64, EngineError> {
        if let Some(file) = self.file {
            let offset = self.stream.start + chunk_offset(piece.first);
            file.read_exact(block.sealed_room(piece.sealed), offset)?;
        }
        self.open(seq, &piece, block)?;
        Ok(piece.sealed as u64)
    }

    fn failed(&self, seq: u64) {
        self.lane.close_at(seq);
    }

    fn abandoned(&self) {
        self.lane.close_now();
    }
}

fn read_sealed(pipe: &mut (dyn Read + Send), block: &mut Block) -> Result<usize, EngineError> {
    fill(pipe, block.sealed_room(BLOCK_SEALED_BYTES))
}

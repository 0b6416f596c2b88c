//! Encrypting one file, pipe or directory.

use super::keys::ResolvedStream;
use super::sink::{Lane, Sink};
use super::source::{RegularFile, Source, fill_content};
use super::work::{BLOCK_BYTES, BLOCK_CHUNKS, Task, run};
use super::{Description, FileJob, FileReport, Kind, Progress, archive, kind};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::random::BufferedRandom;
use medseal_core::keyring::Usage;
use medseal_core::stream::{
    Block, Metadata, Opener, Prefix, SealRun, Sealer, StreamPlace, chunk_offset,
};
use std::io::{Cursor, Read};
use std::sync::{Mutex, MutexGuard, PoisonError};

impl Engine {
    /// Encrypts a source into a sink. `progress` is told the bytes read so far.
    ///
    /// # Errors
    /// [`EngineError::RecordRequired`], a key without an active version, an unwritable ledger,
    /// [`EngineError::SourceChanged`], or what reading and writing answer. A file then is not there.
    pub async fn encrypt_file(
        &self,
        job: &FileJob<'_>,
        description: &Description,
        source: Source,
        mut sink: Sink,
        progress: Progress<'_>,
    ) -> Result<FileReport, EngineError> {
        let prepared = prepare(source, description)?;
        let resolved = self.stream_for_encrypting(&job.target, job.key).await?;
        let place = StreamPlace::whole(job.target.binding);
        let mut prefix = Vec::new();
        let metadata = &prepared.metadata;
        let random = &mut BufferedRandom;
        let sealer = resolved.key.seal(resolved.flags, &place, metadata, random, &mut prefix)?;
        let check = self.check_for(&resolved, &place, &prefix)?;
        let report = encrypt(prepared, sealer, check, &prefix, &mut sink, progress)?;
        sink.finish()?;
        let usage = Usage { messages: 1, bytes: report.content_bytes };
        self.add_usage(resolved.key.id(), usage).await?;
        Ok(report)
    }

    /// What opens again what was just sealed, where the options ask for it.
    fn check_for(
        &self,
        resolved: &ResolvedStream,
        place: &StreamPlace<'_>,
        prefix: &[u8],
    ) -> Result<Option<Check>, EngineError> {
        if !self.must_verify()? {
            return Ok(None);
        }
        let prefix = Prefix::parse(prefix)?;
        let (_, opener) = resolved
            .key
            .open(resolved.flags, place, &prefix)
            .map_err(|_| EngineError::VerificationFailed)?;
        Ok(Some(Check {
            opener,
            #[cfg(feature = "fault-injection")]
            fault: self.fault,
        }))
    }
}

/// What opens again what was just sealed.
struct Check {
    opener: Opener,
    #[cfg(feature = "fault-injection")]
    fault: Option<fn(&mut [u8])>,
}

/// A source whose description is known.
struct Prepared {
    source: Source,
    metadata: Metadata,
    archive: Option<archive::Plan>,
}

/// Reads as much of the source as its description needs.
fn prepare(source: Source, description: &Description) -> Result<Prepared, EngineError> {
    match source {
        Source::File(file) => {
            let metadata = kind::describe_file(&file, description)?;
            Ok(Prepared { source: Source::File(file), metadata, archive: None })
        }
        Source::Pipe(mut pipe) => {
            let mut start = vec![0; kind::START_BYTES];
            let read = super::source::fill(&mut *pipe, &mut start)?;
            start.truncate(read);
            let metadata = kind::describe_pipe(&start, description)?;
            let source = Source::Pipe(Box::new(Cursor::new(start).chain(pipe)));
            Ok(Prepared { source, metadata, archive: None })
        }
        Source::Directory { path, name } => {
            let plan = archive::Plan::of(&path)?;
            let kind = Some(Kind::Directory.name().to_owned());
            let name = name.map(Into::into);
            let metadata = Metadata { name, kind, ..Metadata::default() };
            let source = Source::Directory { path, name: None };
            Ok(Prepared { source, metadata, archive: Some(plan) })
        }
    }
}

fn encrypt(
    prepared: Prepared,
    sealer: Sealer,
    check: Option<Check>,
    prefix: &[u8],
    sink: &mut Sink,
    progress: Progress<'_>,
) -> Result<FileReport, EngineError> {
    let mut report = FileReport { kind: prepared.metadata.kind.clone(), ..FileReport::default() };
    sink.write_prefix(prefix)?;
    let lane = Lane::of(sink)?;
    let start = prefix.len() as u64;
    match (prepared.source, prepared.archive) {
        (Source::File(file), _) => {
            let task = Encrypting::new(Input::Offsets(&file), sealer, check, lane, start);
            run(&task, Some(file.len), progress)?;
            file.check_unchanged()?;
            report.content_bytes = task.content();
        }
        (Source::Pipe(mut pipe), _) => {
            let task = Encrypting::new(Input::Order(&mut *pipe), sealer, check, lane, start);
            run(&task, None, progress)?;
            report.content_bytes = task.content();
        }
        (Source::Directory { path, .. }, plan) => {
            let plan = plan.ok_or(EngineError::FileNeeded("a directory"))?;
            report.entries = Some(plan.entries());
            report.content_bytes = archive::with_archive(&path, plan, |pipe| {
                let task = Encrypting::new(Input::Order(pipe), sealer, check, lane, start);
                run(&task, None, progress)?;
                Ok(task.content())
            })?;
        }
    }
    report.stream_bytes = start + medseal_core::stream::sealed_body_len(report.content_bytes);
    Ok(report)
}

/// Where content is read.
pub(super) enum Input<'i> {
    Offsets(&'i RegularFile),
    Order(&'i mut (dyn Read + Send)),
}

struct Encrypting<'i, 'l> {
    state: Mutex<State<'i>>,
    /// the same file as in the state, for reading without its lock
    file: Option<&'i RegularFile>,
    check: Option<Check>,
    lane: Lane<'l>,
    /// where the first chunk stands in the output
    start: u64,
}

struct State<'a> {
    /// gone with the last run
    sealer: Option<Sealer>,
    input: Input<'a>,
    content: u64,
}

struct Piece {
    run: SealRun,
    /// where the content stands in the file
    offset: u64,
}

impl<'i, 'l> Encrypting<'i, 'l> {
    fn new(
        input: Input<'i>,
        sealer: Sealer,
        check: Option<Check>,
        lane: Lane<'l>,
        start: u64,
    ) -> Self {
        let file = match &input {
            Input::Offsets(file) => Some(*file),
            Input::Order(_) => None,
        };
        let state = Mutex::new(State { sealer: Some(sealer), input, content: 0 });
        Self { state, file, check, lane, start }
    }

    fn state(&self) -> MutexGuard<'_, State<'i>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn content(&self) -> u64 {
        self.state().content
    }

    /// Opens a copy of what was sealed; GCM's tag says that it holds what was given.
    fn check_sealed(&self, first: u64, block: &Block) -> Result<(), EngineError> {
        let Some(check) = &self.check else { return Ok(()) };
        let mut copy = Block::with_chunks(BLOCK_CHUNKS);
        let room = copy.sealed_room(block.sealed().len());
        room.copy_from_slice(block.sealed());
        #[cfg(feature = "fault-injection")]
        if let Some(fault) = check.fault {
            fault(room);
        }
        check.opener.open(first, &mut copy).map_err(|_| EngineError::VerificationFailed)
    }
}

impl Task for Encrypting<'_, '_> {
    type Piece = Piece;

    fn take(&self, block: &mut Block) -> Result<Option<Piece>, EngineError> {
        let state = &mut *self.state();
        let Some(mut sealer) = state.sealer.take() else { return Ok(None) };
        let offset = state.content;
        let len = match &mut state.input {
            Input::Offsets(file) => {
                let rest = file.len.saturating_sub(offset);
                usize::try_from(rest).unwrap_or(usize::MAX).min(BLOCK_BYTES)
            }
            Input::Order(pipe) => fill_content(&mut **pipe, block, BLOCK_BYTES)?,
        };
        state.content += len as u64;
        let run = if len == BLOCK_BYTES {
            let run = sealer.run(BLOCK_CHUNKS)?;
            state.sealer = Some(sealer);
            run
        } else {
            sealer.last_run(len)?
        };
        Ok(Some(Piece { run, offset }))
    }

    fn work(&self, seq: u64, piece: Piece, block: &mut Block) -> Result<u64, EngineError> {
        let (first, len) = (piece.run.first(), piece.run.content_len());
        if let Some(file) = self.file {
            file.read_content(block, piece.offset, len)?;
        }
        piece.run.seal(block)?;
        self.check_sealed(first, block)?;
        self.lane.write_sealed(seq, self.start + chunk_offset(first), block)?;
        Ok(len as u64)
    }

    fn failed(&self, seq: u64) {
        self.lane.close_at(seq);
    }

    fn abandoned(&self) {
        self.lane.close_now();
    }
}

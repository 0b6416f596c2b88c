//! What a file says without any key: of a stream or session its frame, of a plain file its kind.

use super::decrypting::{read_prefix, read_prefix_in_order};
use super::kind::{Kind, START_BYTES};
use super::source::{Source, fill};
use crate::error::EngineError;
use medseal_core::stream::{BodyLayout, FRAME_HEADER_BYTES, FrameHeader, Prefix, StreamHeader};
use medseal_core::{Error, MalformedKind};
use serde::Serialize;
use std::io::{self, Cursor, Read};

/// The readable parts of a file. Nothing of an encrypted one is authenticated.
#[derive(Debug, Clone, Serialize)]
pub struct StreamInspection {
    /// `stream, version 1`, `session, version 1` or `plain`.
    pub format: &'static str,
    /// Bytes of input.
    pub bytes: u64,
    /// Bytes of content.
    pub content_bytes: u64,
    /// The body's construction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suite: Option<&'static str>,
    /// The key version that can open it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_version_id: Option<String>,
    /// Bound to a record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record_bound: Option<bool>,
    /// Bound to a subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_bound: Option<bool>,
    /// Bytes of the encrypted metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata_bytes: Option<usize>,
    /// Chunks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunks: Option<u64>,
    /// Frames of a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<u64>,
    /// What a plain file is. An encrypted one keeps that to itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// How a plain npy file's array lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub array: Option<String>,
}

/// Whether bytes claim to be a stream or a session.
pub fn is_stream(start: &[u8]) -> bool {
    is_one_stream(start) || is_session(start)
}

fn is_one_stream(start: &[u8]) -> bool {
    start.starts_with(&[medseal_core::envelope::MAGIC, medseal_core::stream::FORMAT_STREAM])
}

fn is_session(start: &[u8]) -> bool {
    let inside = start.get(FRAME_HEADER_BYTES..).unwrap_or_default();
    FrameHeader::parse(start).is_ok() && is_one_stream(inside)
}

/// Reads what can be read without a key.
///
/// # Errors
/// [`Error::Malformed`] for what begins like a stream and is none.
pub fn inspect_file(source: Source) -> Result<StreamInspection, EngineError> {
    let (start, source) = peek(source)?;
    if is_one_stream(&start) {
        return inspect_stream(source);
    }
    if is_session(&start) {
        return inspect_session(source);
    }
    let name = match &source {
        Source::File(file) => file.name.clone(),
        _ => None,
    };
    let len = source.len();
    let kind = Kind::of(&start, name.as_deref());
    let array = match kind {
        Kind::Npy => super::npy::describe(&start, len).ok().map(|m| describe_array(&m)),
        _ => None,
    };
    let bytes = count(source)?;
    Ok(StreamInspection { kind: Some(kind.name()), array, ..nothing("plain", bytes) })
}

fn nothing(format: &'static str, bytes: u64) -> StreamInspection {
    StreamInspection {
        format,
        bytes,
        content_bytes: bytes,
        suite: None,
        key_version_id: None,
        record_bound: None,
        subject_bound: None,
        metadata_bytes: None,
        chunks: None,
        frames: None,
        kind: None,
        array: None,
    }
}

fn of_header(inspection: StreamInspection, header: StreamHeader) -> StreamInspection {
    StreamInspection {
        suite: Some("cobblestone-256"),
        key_version_id: Some(header.id.to_string()),
        record_bound: Some(header.flags.record_bound()),
        subject_bound: Some(header.flags.subject_bound()),
        ..inspection
    }
}

fn describe_array(metadata: &medseal_core::stream::Metadata) -> String {
    let shape: Vec<String> = metadata.shape.iter().flatten().map(u64::to_string).collect();
    let dtype = metadata.dtype.map_or("opaque", |dtype| dtype.name());
    let byte_order = metadata.byte_order.map_or("none", |order| order.name());
    let order = metadata.order.map_or("c", |order| order.name());
    format!("{dtype}, {byte_order}, shape ({}), order {order}", shape.join(", "))
}

/// The first bytes, and the source as it was.
fn peek(source: Source) -> Result<(Vec<u8>, Source), EngineError> {
    let mut start = vec![0; START_BYTES];
    match source {
        Source::File(file) => {
            let len = usize::try_from(file.len).unwrap_or(usize::MAX).min(START_BYTES);
            start.truncate(len);
            file.read_exact(&mut start, 0)?;
            Ok((start, Source::File(file)))
        }
        Source::Pipe(mut pipe) => {
            let read = fill(&mut *pipe, &mut start)?;
            start.truncate(read);
            let again = Cursor::new(start.clone()).chain(pipe);
            Ok((start, Source::Pipe(Box::new(again))))
        }
        Source::Directory { .. } => {
            Err(EngineError::io("reading the input")(io::ErrorKind::IsADirectory.into()))
        }
    }
}

/// Bytes of a source, read to its end if need be.
fn count(source: Source) -> Result<u64, EngineError> {
    match source {
        Source::File(file) => Ok(file.len),
        Source::Pipe(mut pipe) => {
            io::copy(&mut pipe, &mut io::sink()).map_err(EngineError::io("reading the input"))
        }
        Source::Directory { .. } => Ok(0),
    }
}

fn inspect_stream(mut source: Source) -> Result<StreamInspection, EngineError> {
    let bytes = read_prefix(&mut source)?;
    let prefix = Prefix::parse(&bytes)?;
    let total = match &source {
        Source::File(file) => file.len,
        // the prefix was taken from the pipe already
        _ => bytes.len() as u64 + count(source)?,
    };
    let layout = BodyLayout::of_sealed(total - bytes.len() as u64)?;
    Ok(StreamInspection {
        content_bytes: layout.content,
        metadata_bytes: Some(prefix.metadata_len()),
        chunks: Some(layout.chunks),
        ..of_header(nothing("stream, version 1", total), prefix.header())
    })
}

fn inspect_session(source: Source) -> Result<StreamInspection, EngineError> {
    let mut input = super::session::reader(source)?;
    let (mut bytes, mut content, mut frames) = (0, 0, 0);
    let (mut header, mut ended) = (None, false);
    while let Some(frame) = super::session::read_header(&mut *input, frames, bytes)? {
        let named = |source: Error| EngineError::AtFrame { frame: frames, offset: bytes, source };
        let mut stream = (&mut *input).take(u64::from(frame.stream_len));
        let prefix =
            read_prefix_in_order(&mut stream).map_err(|_| named(MalformedKind::Frame.into()))?;
        let parsed = Prefix::parse(&prefix).map_err(named)?;
        let rest =
            io::copy(&mut stream, &mut io::sink()).map_err(EngineError::io("reading the input"))?;
        let layout = BodyLayout::of_sealed(rest).map_err(named)?;
        let len = prefix.len() as u64 + rest;
        if len != u64::from(frame.stream_len) || ended {
            return Err(named(MalformedKind::Frame.into()));
        }
        header.get_or_insert(parsed.header());
        content += layout.content;
        bytes += FRAME_HEADER_BYTES as u64 + len;
        frames += 1;
        ended = frame.last;
    }
    let Some(header) = header.filter(|_| ended) else {
        let source = MalformedKind::Frame.into();
        return Err(EngineError::AtFrame { frame: frames, offset: bytes, source });
    };
    let inspection = nothing("session, version 1", bytes);
    Ok(StreamInspection {
        content_bytes: content,
        frames: Some(frames),
        ..of_header(inspection, header)
    })
}

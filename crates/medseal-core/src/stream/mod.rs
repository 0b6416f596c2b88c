//! Streams, version 1: files, signals and arrays of any size (`spec/stream.md`).
//!
//! ```text
//! F8 02 11 flags kvid8 ‖ LP(metadata envelope) ‖ salt24 ‖ commitment32 ‖ chunk ‖ chunk ‖ …
//! ```
//! Everything from the salt on is an unmodified Cobblestone-256 message. The commitment covers key,
//! header, metadata and the whole context and is compared before anything is opened.
//!
//! No caller gives a salt or nonce. A [`Sealer`] deals out chunk numbers, each once, as
//! [`SealRun`]s, which several threads may use at the same time; a [`Block`] gives out plaintext
//! only of chunks that were opened.

mod block;
mod header;
mod key;
mod layout;
mod metadata;
mod opening;
mod sealing;
mod session;

pub use block::{Block, PlaintextRoom};
pub use header::{FORMAT_STREAM, Prefix, STREAM_SUITE, StreamFlags, StreamHeader};
pub(crate) use key::METADATA_SUITE;
pub use key::StreamKey;
pub use layout::{
    BODY_PREFIX_BYTES, BodyLayout, CHUNK_BYTES, MAX_CHUNKS, SEALED_CHUNK_BYTES, chunk_offset,
    sealed_body_len,
};
pub use metadata::{ByteOrder, Dtype, Metadata, Order};
pub use opening::{ChunkRejected, Opener};
pub use sealing::{SealRun, Sealer};
pub use session::{
    FRAME_HEADER_BYTES, Frame, FrameContent, FrameHeader, SessionId, SessionReader, SessionWriter,
    StreamPlace,
};

//! Files of any size as streams (`spec/stream.md`): encrypting, decrypting, verifying, reading a
//! range, inspecting.
//!
//! Work goes in blocks of 1 MiB on all cores, in constant memory. Of a file that lies on disk
//! blocks are read and written at their own offsets; of a pipe they are read and written in order
//! and only what is in between runs at the same time. Nothing of a chunk that did not open is
//! written anywhere. To a file all or nothing appears; to a pipe what opened, and then the error.
//!
//! A run that was killed starts over: it must never go on where it stopped, because the file may
//! be another one by then and two contents under one key and nonce give both away.

mod archive;
mod array;
mod bridge;
mod decrypting;
mod encrypting;
mod inspect;
mod keys;
mod kind;
mod npy;
mod range;
mod session;
mod sink;
mod source;
mod work;

pub use array::ArrayLayout;
pub use inspect::{StreamInspection, inspect_file, is_stream};
pub use keys::{DEFAULT_COLLECTION, DEFAULT_FIELD, DEFAULT_FILE_KEY};
pub use kind::Kind;
pub use medseal_core::stream::{ByteOrder, Dtype, Metadata, Order};
pub use range::ByteRange;
pub use session::SessionReport;
pub use sink::Sink;
pub use source::Source;

use crate::fields::Target;
use serde::Serialize;

/// What to encrypt a file with.
#[derive(Debug, Clone, Default)]
pub struct Description {
    /// What the content is, where the caller knows it; else its first bytes tell.
    pub kind: Option<Kind>,
    /// How a raw array lies.
    pub array: Option<ArrayLayout>,
}

/// One file to work on.
#[derive(Debug, Clone, Copy)]
pub struct FileJob<'a> {
    /// Where its content belongs.
    pub target: Target<'a>,
    /// The key that encrypts; `None` for the definition's, else `files`.
    pub key: Option<&'a str>,
}

/// What a run did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FileReport {
    /// Bytes of content.
    pub content_bytes: u64,
    /// Bytes of the stream.
    pub stream_bytes: u64,
    /// What the content is, as the metadata says.
    pub kind: Option<String>,
    /// Files and directories, of an archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
}

/// Told the bytes of input that were dealt with so far.
pub type Progress<'p> = &'p mut (dyn FnMut(u64) + Send);

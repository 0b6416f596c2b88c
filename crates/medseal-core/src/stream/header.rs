//! What stands in front of the chunks, readable without a key.

use super::layout::{COMMITMENT_BYTES, SALT_BYTES};
use crate::envelope::{Envelope, Flags, MAGIC};
use crate::{Error, KeyVersionId, MalformedKind, MisuseKind};

/// Format byte of a stream.
pub const FORMAT_STREAM: u8 = 0x02;
/// Suite byte of a stream: a Cobblestone-256 body.
pub const STREAM_SUITE: u8 = 0x11;

const RECORD: u8 = 0x02;
const SUBJECT: u8 = 0x08;
const RECIPIENTS: u8 = 0x10;

/// The shortest metadata envelope holds `{}`.
pub(super) const MIN_METADATA_BYTES: usize = 87;
pub(super) const MAX_METADATA_BYTES: usize = 65_536;

/// The flags of a stream: what it is bound to beside its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamFlags(u8);

impl StreamFlags {
    /// Bound to tenant, collection and field only.
    pub const UNBOUND: StreamFlags = StreamFlags(0);
    /// Bound to a record as well.
    pub const RECORD_BOUND: StreamFlags = StreamFlags(RECORD);

    /// Reads the flag byte.
    ///
    /// # Errors
    /// [`MalformedKind::Recipients`] for b4, [`MalformedKind::Flags`] for other reserved bits.
    pub fn from_byte(byte: u8) -> Result<Self, Error> {
        if byte & !(RECORD | SUBJECT | RECIPIENTS) != 0 {
            return Err(MalformedKind::Flags.into());
        }
        if byte & RECIPIENTS != 0 {
            return Err(MalformedKind::Recipients.into());
        }
        Ok(Self(byte))
    }

    /// The flags of a field definition, for streams of that field.
    ///
    /// # Errors
    /// [`MisuseKind::Flags`] for padded fields and those with a token: a stream is neither.
    pub fn of_definition(flags: Flags) -> Result<Self, Error> {
        Self::from_byte(flags.to_byte()).map_err(|_| MisuseKind::Flags.into())
    }

    /// The byte in the header.
    pub fn to_byte(self) -> u8 {
        self.0
    }

    /// b1: bound to a record.
    pub fn record_bound(self) -> bool {
        self.0 & RECORD != 0
    }

    /// b3: under the subject's data key, bound to the subject.
    pub fn subject_bound(self) -> bool {
        self.0 & SUBJECT != 0
    }

    /// The flags of the metadata envelope: the same bits in the field envelope's vocabulary.
    pub(super) fn of_metadata(self) -> Result<Flags, Error> {
        Flags::from_byte(self.0)
    }
}

/// Flags and key version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamHeader {
    /// The flags; must equal those that the field demands.
    pub flags: StreamFlags,
    /// The one key version that can open this stream.
    pub id: KeyVersionId,
}

impl StreamHeader {
    /// Length of the header.
    pub const BYTES: usize = 12;

    /// Reads the first twelve bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`], each kind for its own reason.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let header: &[u8; Self::BYTES] = bytes.first_chunk().ok_or(MalformedKind::Truncated)?;
        let [magic, format, suite, flags, id @ ..] = *header;
        if magic != MAGIC {
            return Err(MalformedKind::Magic.into());
        }
        if format != FORMAT_STREAM {
            return Err(MalformedKind::Format.into());
        }
        if suite != STREAM_SUITE {
            return Err(MalformedKind::Suite.into());
        }
        Ok(Self { flags: StreamFlags::from_byte(flags)?, id: KeyVersionId(id) })
    }

    /// The twelve bytes.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        out[..4].copy_from_slice(&[MAGIC, FORMAT_STREAM, STREAM_SUITE, self.flags.to_byte()]);
        out[4..].copy_from_slice(&self.id.0);
        out
    }
}

/// Everything in front of the first chunk; nothing about it is authenticated yet.
#[derive(Debug, Clone, Copy)]
pub struct Prefix<'a> {
    header: StreamHeader,
    pub(super) header_bytes: &'a [u8],
    pub(super) metadata_bytes: &'a [u8],
    pub(super) metadata: Envelope<'a>,
    pub(super) salt: [u8; SALT_BYTES],
    pub(super) commitment: &'a [u8],
}

impl<'a> Prefix<'a> {
    /// How many bytes tell how long a prefix is.
    pub const FIXED_BYTES: usize = StreamHeader::BYTES + 4;

    /// How many bytes the prefix has, from its first [`Prefix::FIXED_BYTES`]: bounded, so that a
    /// reader may allocate them.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn len_of(fixed: &[u8]) -> Result<usize, Error> {
        StreamHeader::parse(fixed)?;
        let length = fixed.get(StreamHeader::BYTES..).and_then(|rest| rest.first_chunk());
        let length = u32::from_be_bytes(*length.ok_or(MalformedKind::Truncated)?);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if !(MIN_METADATA_BYTES..=MAX_METADATA_BYTES).contains(&length) {
            return Err(MalformedKind::Truncated.into());
        }
        Ok(Self::FIXED_BYTES + length + SALT_BYTES + COMMITMENT_BYTES)
    }

    /// Reads a prefix from the beginning of `bytes`, which may go on with chunks.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let header = StreamHeader::parse(bytes)?;
        let len = Self::len_of(bytes)?;
        let prefix = bytes.get(..len).ok_or(MalformedKind::Truncated)?;
        let (front, body) = prefix.split_at(len - SALT_BYTES - COMMITMENT_BYTES);
        let (header_bytes, metadata) = front.split_at(StreamHeader::BYTES);
        let metadata_bytes = metadata.get(4..).unwrap_or_default();
        let (salt, commitment) = body.split_first_chunk().ok_or(MalformedKind::Truncated)?;
        let metadata = Envelope::parse(metadata_bytes)?;
        Ok(Self { header, header_bytes, metadata_bytes, metadata, salt: *salt, commitment })
    }

    /// Flags and key version.
    pub fn header(&self) -> StreamHeader {
        self.header
    }

    /// Bytes of the prefix; the first chunk stands behind them.
    pub fn byte_len(&self) -> usize {
        Self::FIXED_BYTES + self.metadata_bytes.len() + SALT_BYTES + COMMITMENT_BYTES
    }

    /// Bytes of the metadata envelope.
    pub fn metadata_len(&self) -> usize {
        self.metadata_bytes.len()
    }
}

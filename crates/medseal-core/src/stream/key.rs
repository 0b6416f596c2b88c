//! The key of the streams of one field, and what a stream is bound to.
//!
//! A [`StreamKey`] has the field key of the metadata inside, so that neither can be used without
//! the other and metadata is never taken for a value of the field.

use super::header::{Prefix, StreamFlags, StreamHeader};
use super::layout::{COMMITMENT_BYTES, SALT_BYTES};
use super::metadata::Metadata;
use super::opening::Opener;
use super::sealing::Sealer;
use super::session::StreamPlace;
use crate::context::{Binding, Scope, encode_into};
use crate::envelope::Value;
use crate::kdf::{Label, derive};
use crate::key_schedule::FieldKey;
use crate::primitives::aead::{ChunkCipher, NONCE_BYTES};
use crate::primitives::hmac_sha256::HmacKey;
use crate::primitives::{constant_time_equal, hkdf_sha512, sha256};
use crate::{Error, KeyVersionId, MisuseKind, Random, Suite};

/// The suite of metadata envelopes, and so of every key version that makes streams.
pub(crate) const METADATA_SUITE: Suite = Suite::Aes256Gcm;

const CONSTRUCTION: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";
const CONTEXT_PREFIX: &[u8] = b"medseal/v1/stream\0";
/// Message key, base nonce, commitment.
const OKM_BYTES: usize = 32 + NONCE_BYTES + COMMITMENT_BYTES;

/// The key of the streams of one field under one key version.
pub struct StreamKey {
    hmac: HmacKey,
    metadata: FieldKey,
}

/// One key schedule and base nonce: all that chunks of one stream need.
pub(super) struct ChunkKey {
    pub(super) cipher: ChunkCipher,
    base_nonce: [u8; NONCE_BYTES],
}

impl ChunkKey {
    /// The base nonce XORed with the chunk's number.
    pub(super) fn nonce(&self, number: u64) -> [u8; NONCE_BYTES] {
        let mut nonce = self.base_nonce;
        for (byte, counter) in nonce.iter_mut().skip(NONCE_BYTES - 8).zip(number.to_be_bytes()) {
            *byte ^= counter;
        }
        nonce
    }
}

impl Drop for ChunkKey {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.base_nonce);
    }
}

impl StreamKey {
    pub(crate) fn new(hmac: HmacKey, metadata: FieldKey) -> Self {
        Self { hmac, metadata }
    }

    /// The key version this key belongs to.
    pub fn id(&self) -> KeyVersionId {
        self.metadata.id()
    }

    /// Tenant, collection and field.
    pub fn scope(&self) -> &Scope {
        self.metadata.scope()
    }

    /// Starts a stream: appends everything in front of the first chunk to `out`.
    ///
    /// `flags` are the field definition's. On an error `out` is as long as before.
    ///
    /// # Errors
    /// [`Error::Misuse`] when flags, place and key level contradict one another, or the metadata
    /// is out of bounds; [`Error::Random`].
    pub fn seal(
        &self,
        flags: StreamFlags,
        place: &StreamPlace<'_>,
        metadata: &Metadata,
        random: &mut impl Random,
        out: &mut Vec<u8>,
    ) -> Result<Sealer, Error> {
        self.check_flags(flags, &place.binding)?;
        let start = out.len();
        let result = self.append_prefix(flags, place, metadata, random, out);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    fn append_prefix(
        &self,
        flags: StreamFlags,
        place: &StreamPlace<'_>,
        metadata: &Metadata,
        random: &mut impl Random,
        out: &mut Vec<u8>,
    ) -> Result<Sealer, Error> {
        let header = StreamHeader { flags, id: self.id() }.to_bytes();
        let mut envelope = Vec::with_capacity(256);
        self.seal_metadata(flags, place, metadata, random, &mut envelope)?;
        let mut salt = [0; SALT_BYTES];
        random.fill(&mut salt)?;
        let (key, commitment) = self.chunk_key(&header, &envelope, &salt, place)?;
        out.extend_from_slice(&header);
        crate::length_prefix::push_length_prefixed(out, &envelope);
        out.extend_from_slice(&salt);
        out.extend_from_slice(&commitment);
        Ok(Sealer::new(key))
    }

    fn seal_metadata(
        &self,
        flags: StreamFlags,
        place: &StreamPlace<'_>,
        metadata: &Metadata,
        random: &mut impl Random,
        envelope: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let text = metadata.to_text()?;
        let value = Value::json(&text);
        let flags = flags.of_metadata()?;
        place.with_metadata_binding(|binding| {
            self.metadata.encrypt_into(flags, binding, None, &value, random, envelope)
        })
    }

    /// Opens a stream: compares the commitment, then opens the metadata.
    ///
    /// `required` are the flags that the field demands; what must be bound is never the header's
    /// to say.
    ///
    /// # Errors
    /// [`Error::Rejected`] for everything that is not exactly right.
    pub fn open(
        &self,
        required: StreamFlags,
        place: &StreamPlace<'_>,
        prefix: &Prefix<'_>,
    ) -> Result<(Metadata, Opener), Error> {
        let header = prefix.header();
        let named = header.id == self.id() && header.flags == required;
        if !named || self.check_flags(required, &place.binding).is_err() {
            return Err(Error::Rejected);
        }
        let (key, commitment) =
            self.chunk_key(prefix.header_bytes, prefix.metadata_bytes, &prefix.salt, place)?;
        if !constant_time_equal(&commitment, prefix.commitment) {
            return Err(Error::Rejected);
        }
        let flags = required.of_metadata()?;
        let opened = place.with_metadata_binding(|binding| {
            self.metadata.decrypt(flags, binding, &prefix.metadata)
        })?;
        let metadata = Metadata::from_plaintext(&opened)?;
        Ok((metadata, Opener::new(key)))
    }

    fn chunk_key(
        &self,
        header: &[u8],
        metadata: &[u8],
        salt: &[u8; SALT_BYTES],
        place: &StreamPlace<'_>,
    ) -> Result<(ChunkKey, [u8; COMMITMENT_BYTES]), Error> {
        let mut context = Vec::with_capacity(192);
        place.with_binding(|binding| {
            encode_into(self.scope(), self.metadata.subject(), binding, &mut context)
        })?;
        let input_key = derive::<32>(&self.hmac, Label::Stream, &[header]);
        let digest = sha256(metadata);
        let info = [CONSTRUCTION, salt, CONTEXT_PREFIX, header, &digest, &context];
        let okm = hkdf_sha512::expand::<OKM_BYTES>(&input_key, &info)?;
        let (key, rest) = okm.split_first_chunk().ok_or(Error::Rejected)?;
        let (base_nonce, rest) = rest.split_first_chunk().ok_or(Error::Rejected)?;
        let commitment = rest.first_chunk().ok_or(Error::Rejected)?;
        let key = ChunkKey { cipher: ChunkCipher::new(key)?, base_nonce: *base_nonce };
        Ok((key, *commitment))
    }

    fn check_flags(&self, flags: StreamFlags, binding: &Binding<'_>) -> Result<(), Error> {
        if flags.subject_bound() != self.metadata.subject().is_some() {
            return Err(MisuseKind::KeyLevel.into());
        }
        if flags.record_bound() != binding.record.is_some() {
            return Err(MisuseKind::FlagsAndContext.into());
        }
        Ok(())
    }
}

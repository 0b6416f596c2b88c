//! A 32 × 1000 array of f32, as one stream, beside the cipher alone.
//!
//! The baseline encrypts the same 128 000 bytes in one message with a resident key, in place in an
//! owned output, which is the least that any format costs. It is taken with AES-256-GCM of
//! aws-lc-rs, the fastest of the providers here on long data (`spec/envelope.md`, Speed).

use super::{Measurement, check, interleave};
use crate::error::EngineError;
use crate::random::BufferedRandom;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use medseal_core::context::{Binding, Scope};
use medseal_core::secret::Kek;
use medseal_core::stream::{
    ByteOrder, Dtype, FRAME_HEADER_BYTES, FrameHeader, Metadata, Order, SessionReader,
    SessionWriter, StreamFlags, StreamKey,
};
use medseal_core::{Error, KeyVersionId, Random, Suite};
use std::hint::black_box;

const BYTES: usize = 128_000;
const RECORD: &str = "session/0000042";

fn stream_key() -> Result<StreamKey, Error> {
    let kek = Kek::from_slice(&[7; 32]).ok_or(Error::Rejected)?;
    let dek = kek.tenant_dek(KeyVersionId([7; 8]), Suite::Aes256Gcm, "tenant-01");
    dek.stream_key(Scope::new("tenant-01", "eeg", "samples")?)
}

fn metadata() -> Metadata {
    Metadata {
        kind: Some("array".to_owned()),
        size: Some(BYTES as u64),
        dtype: Some(Dtype::F32),
        byte_order: Some(ByteOrder::Little),
        shape: Some(vec![32, 1000]),
        order: Some(Order::C),
        ..Metadata::default()
    }
}

fn seal(key: &StreamKey, metadata: &Metadata, content: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(BYTES + 1024);
    let writer = SessionWriter::new(key, StreamFlags::RECORD_BOUND);
    let binding = Binding::record(RECORD);
    writer.finish(&binding, metadata, content, &mut BufferedRandom, &mut out)?;
    Ok(out)
}

fn open(key: &StreamKey, frame: &[u8]) -> Result<medseal_core::stream::FrameContent, Error> {
    let header = FrameHeader::parse(frame)?;
    let stream = frame.get(FRAME_HEADER_BYTES..).unwrap_or_default();
    let mut reader = SessionReader::new(key, StreamFlags::RECORD_BOUND);
    Ok(reader.open(&Binding::record(RECORD), header, stream)?.1)
}

/// The cipher and nothing else.
struct Bare(LessSafeKey);

impl Bare {
    fn new() -> Result<Self, Error> {
        let key = UnboundKey::new(&AES_256_GCM, &[7; 32]).map_err(|_| Error::Rejected)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    fn seal(&self, content: &[u8]) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; 12];
        BufferedRandom.fill(&mut nonce)?;
        let mut out = Vec::with_capacity(BYTES + 1024);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(content);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::empty(), &mut out[12..])
            .map_err(|_| Error::Rejected)?;
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let (nonce, rest) = sealed.split_first_chunk().ok_or(Error::Rejected)?;
        let (ciphertext, tag) =
            rest.split_at_checked(rest.len().saturating_sub(16)).ok_or(Error::Rejected)?;
        let mut out = vec![0; ciphertext.len()];
        self.0
            .open_separate_gather(
                Nonce::assume_unique_for_key(*nonce),
                Aad::empty(),
                ciphertext,
                tag,
                &mut out,
            )
            .map_err(|_| Error::Rejected)?;
        Ok(out)
    }
}

pub(super) fn run(case: &str, encrypting: bool) -> Result<Measurement, EngineError> {
    let (key, bare, metadata) = (stream_key()?, Bare::new()?, metadata());
    let content: Vec<u8> = (0..BYTES).map(|i| (i * 31 + i / 7) as u8).collect();
    let (frame, sealed) = (seal(&key, &metadata, &content)?, bare.seal(&content)?);
    check(open(&key, &frame)?.as_bytes() == content && bare.open(&sealed)? == content)?;
    let mut flipped = frame.clone();
    flipped.iter_mut().last().into_iter().for_each(|byte| *byte ^= 1);
    check(open(&key, &flipped).is_err())?;
    let measured = || {
        if encrypting {
            drop(black_box(seal(&key, &metadata, black_box(&content))));
        } else {
            drop(black_box(open(&key, black_box(&frame))));
        }
    };
    let baseline = || {
        if encrypting {
            drop(black_box(bare.seal(black_box(&content))));
        } else {
            drop(black_box(bare.open(black_box(&sealed))));
        }
    };
    let against = "a bare message with a resident key";
    Ok(interleave(case, BYTES, 1, against, measured, baseline))
}

//! Known answers and round trips for every suite and for streams; a failure blocks the creation of keys.
//!
//! The worked vector's bytes come from outside this code: two Python implementations agree on them
//! (`vectors/README.md`).

use crate::context::{Binding, Scope};
use crate::envelope::{Envelope, Flags, Value};
use crate::key_schedule::FieldKey;
use crate::secret::{Kek, SubjectSecret};
use crate::stream::{
    Block, CHUNK_BYTES, Metadata, Prefix, SEALED_CHUNK_BYTES, StreamFlags, StreamKey, StreamPlace,
};
use crate::{Error, KeyVersionId, Random, RandomFailure, Suite};

/// Which self-test failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SelftestFailure {
    /// The worked vector came out differently.
    #[error("known answer of {0} differs")]
    KnownAnswer(&'static str),
    /// A value did not come back, or a forged one opened.
    #[error("round trip of {0} failed")]
    RoundTrip(&'static str),
    /// The random source repeats itself or is stuck.
    #[error("the source of randomness is not healthy")]
    Randomness,
}

/// What was checked, in order.
pub const CHECKS: [&str; 7] = [
    "known answer aes-256-gcm",
    "known answer chacha20-poly1305",
    "round trip aes-256-gcm",
    "round trip chacha20-poly1305",
    "known answer stream",
    "round trip stream",
    "randomness",
];

/// Runs every check with randomness from `random`.
///
/// # Errors
/// The first failure.
pub fn run(random: &mut impl Random) -> Result<(), SelftestFailure> {
    for suite in Suite::ALL {
        known_answer(suite).map_err(|_| SelftestFailure::KnownAnswer(suite.name()))?;
    }
    for suite in Suite::ALL {
        round_trip(suite, random).map_err(|_| SelftestFailure::RoundTrip(suite.name()))?;
    }
    known_stream().map_err(|_| SelftestFailure::KnownAnswer(STREAM))?;
    stream_round_trip(random).map_err(|_| SelftestFailure::RoundTrip(STREAM))?;
    check_randomness(random)
}

/// Repetition count over 64 draws of 16 bytes: a stuck or replayed source shows at once.
fn check_randomness(random: &mut impl Random) -> Result<(), SelftestFailure> {
    let mut seen = [[0u8; 16]; 64];
    for i in 0..seen.len() {
        let mut draw = [0; 16];
        random.fill(&mut draw).map_err(|RandomFailure| SelftestFailure::Randomness)?;
        if draw == [0; 16] || seen[..i].contains(&draw) {
            return Err(SelftestFailure::Randomness);
        }
        seen[i] = draw;
    }
    Ok(())
}

/// Deals out prepared bytes; used for known answers only.
struct Prepared<'a>(&'a [u8]);

impl Random for Prepared<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomFailure> {
        let (now, later) = self.0.split_at_checked(out.len()).ok_or(RandomFailure)?;
        out.copy_from_slice(now);
        self.0 = later;
        Ok(())
    }
}

const RECORD: &str = "018f3c2e-7b7a-7cc2-98ab-0123456789ab";

fn worked_key(suite: Suite) -> Result<FieldKey, Error> {
    let kek: [u8; 32] = std::array::from_fn(|i| i as u8);
    let kek = Kek::from_slice(&kek).ok_or(Error::Rejected)?;
    let secret = SubjectSecret::from_slice(&[0xd0; 32]).ok_or(Error::Rejected)?;
    let id = KeyVersionId([1, 2, 3, 4, 5, 6, 7, 8]);
    kek.subject_dek(id, suite, "clinic-7", "pat-1", &secret)?.field_key(Scope::new(
        "clinic-7",
        "patient",
        "name.family",
    )?)
}

fn known_answer(suite: Suite) -> Result<(), Error> {
    let mut dealt = [0; 24];
    (0..12).for_each(|i| {
        dealt[i] = 0xa0 + i as u8;
        dealt[12 + i] = 0xc0 + i as u8;
    });
    let flags = Flags::new(false, true, false, true)?;
    let (binding, mut out) = (Binding::record(RECORD), Vec::new());
    let value = Value::string("Doe");
    worked_key(suite)?.encrypt_into(
        flags,
        &binding,
        None,
        &value,
        &mut Prepared(&dealt),
        &mut out,
    )?;
    let expected: &[u8] = match suite {
        Suite::Aes256Gcm => &WORKED_AES_256_GCM,
        Suite::ChaCha20Poly1305 => &WORKED_CHACHA20_POLY1305,
    };
    if out == expected { Ok(()) } else { Err(Error::Rejected) }
}

fn round_trip(suite: Suite, random: &mut impl Random) -> Result<(), Error> {
    let flags = Flags::new(true, true, false, true)?;
    let (key, binding, mut out) = (worked_key(suite)?, Binding::record(RECORD), Vec::new());
    key.encrypt_into(flags, &binding, None, &Value::string("Doe"), random, &mut out)?;
    let opened = key.decrypt(flags, &binding, &Envelope::parse(&out)?)?;
    if opened.as_bytes() != b"Doe" {
        return Err(Error::Rejected);
    }
    let last = out.len() - 1;
    out[last] ^= 1;
    match key.decrypt(flags, &binding, &Envelope::parse(&out)?) {
        Err(Error::Rejected) => Ok(()),
        _ => Err(Error::Misuse(crate::MisuseKind::Flags)),
    }
}

const STREAM: &str = "stream";

fn worked_stream_key() -> Result<StreamKey, Error> {
    let kek: [u8; 32] = std::array::from_fn(|i| i as u8);
    let kek = Kek::from_slice(&kek).ok_or(Error::Rejected)?;
    let secret = SubjectSecret::from_slice(&[0xd0; 32]).ok_or(Error::Rejected)?;
    let id = KeyVersionId([1, 2, 3, 4, 5, 6, 7, 8]);
    let dek = kek.subject_dek(id, Suite::Aes256Gcm, "clinic-7", "pat-1", &secret)?;
    dek.stream_key(Scope::new("clinic-7", "patient", "name.family")?)
}

/// Opens the worked stream and takes it apart wrongly once.
fn known_stream() -> Result<(), Error> {
    let mut stream = WORKED_STREAM;
    if open_stream(&stream)? != *b"hello" {
        return Err(Error::Rejected);
    }
    if let Some(last) = stream.last_mut() {
        *last ^= 1;
    }
    match open_stream(&stream) {
        Err(Error::Rejected) => Ok(()),
        _ => Err(Error::Misuse(crate::MisuseKind::Flags)),
    }
}

fn stream_round_trip(random: &mut impl Random) -> Result<(), Error> {
    let flags = StreamFlags::from_byte(0x0a)?;
    let place = StreamPlace::whole(Binding::record(RECORD));
    let (mut out, content) = (Vec::new(), [7; CHUNK_BYTES + 1]);
    let metadata = Metadata { size: Some(content.len() as u64), ..Metadata::default() };
    let sealer = worked_stream_key()?.seal(flags, &place, &metadata, random, &mut out)?;
    sealer.seal_all(&content, &mut out)?;
    if open_stream(&out)? == content { Ok(()) } else { Err(Error::Rejected) }
}

fn open_stream(stream: &[u8]) -> Result<Vec<u8>, Error> {
    let prefix = Prefix::parse(stream)?;
    let place = StreamPlace::whole(Binding::record(RECORD));
    let flags = StreamFlags::from_byte(0x0a)?;
    let (_, opener) = worked_stream_key()?.open(flags, &place, &prefix)?;
    let body = stream.get(prefix.byte_len()..).unwrap_or_default();
    let mut block = Block::with_chunks(body.len().div_ceil(SEALED_CHUNK_BYTES));
    block.sealed_room(body.len()).copy_from_slice(body);
    opener.open(0, &mut block).map_err(|_| Error::Rejected)?;
    Ok(block.opened().collect::<Vec<_>>().concat())
}

/// The worked stream (`spec/stream.md`, Worked vector).
#[rustfmt::skip]
const WORKED_STREAM: [u8; 222] = [
    0xf8, 0x02, 0x11, 0x0a, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x00, 0x00, 0x00, 0x81,
    0xf8, 0x01, 0x01, 0x0a, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0xb8, 0xc6, 0xad, 0x73,
    0xe4, 0x61, 0x1d, 0x51, 0xf7, 0x5d, 0x5b, 0x9e, 0xa5, 0x6a, 0x58, 0x0e, 0x74, 0x3e, 0xc7, 0x75,
    0xf3, 0xbf, 0x6f, 0xaa, 0xd7, 0xfa, 0x2e, 0xb2, 0xee, 0x57, 0x35, 0x7c, 0x64, 0x24, 0x40, 0x64,
    0xd1, 0xbd, 0x4e, 0xde, 0x66, 0xbf, 0x7d, 0xe3, 0x20, 0x35, 0xee, 0x4a, 0x46, 0xd8, 0x5d, 0x6f,
    0x9a, 0x17, 0x4d, 0x55, 0xf8, 0xf5, 0x11, 0x48, 0x95, 0xf3, 0x63, 0x96, 0x9d, 0xc9, 0x15, 0x0a,
    0xb5, 0x96, 0x9a, 0xb2, 0x6d, 0x5c, 0x7c, 0xd2, 0x3f, 0xf9, 0x48, 0x9b, 0x7d, 0xe3, 0xcf, 0xa2,
    0xf6, 0x72, 0xac, 0x53, 0xed, 0x5e, 0x8d, 0xdf, 0x1c, 0x3e, 0x53, 0xd6, 0x1a, 0x22, 0xdd, 0x54,
    0x06, 0xe0, 0x29, 0x1d, 0x8e, 0xeb, 0x40, 0xa7, 0xb6, 0x2e, 0x2c, 0x3b, 0x3b, 0xfd, 0xbd, 0x18,
    0xb8, 0x29, 0x38, 0x20, 0x54, 0xad, 0xa0, 0x4d, 0xdb, 0x09, 0xe4, 0x94, 0x02, 0x91, 0x29, 0xcd,
    0x1f, 0xf8, 0xc3, 0x89, 0x4c, 0x1e, 0x15, 0xbe, 0xaf, 0x47, 0x43, 0xda, 0xcd, 0xcc, 0xb3, 0x7b,
    0x30, 0x17, 0x31, 0x93, 0x7d, 0x63, 0xb0, 0x8a, 0x97, 0x3e, 0x0f, 0x9a, 0x18, 0xd2, 0x40, 0x5b,
    0x5e, 0x0a, 0xcc, 0x96, 0xa2, 0x15, 0xcf, 0x02, 0x2c, 0xdc, 0x29, 0xab, 0x41, 0x64, 0x13, 0x93,
    0xdd, 0x75, 0x9a, 0xbd, 0xea, 0x3b, 0xaf, 0x34, 0x9e, 0x1e, 0x2c, 0x7a, 0xcb, 0x20,
];

/// Envelope of the worked vector, suite 0x01 (`spec/envelope.md`, Worked vector).
#[rustfmt::skip]
const WORKED_AES_256_GCM: [u8; 88] = [
    0xf8, 0x01, 0x01, 0x0a, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0xa0, 0xa1, 0xa2, 0xa3,
    0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7,
    0xc8, 0xc9, 0xca, 0xcb, 0x6d, 0x36, 0xae, 0xfe, 0x9f, 0x15, 0xad, 0x84, 0x83, 0x23, 0xf6, 0xb9,
    0x83, 0xfe, 0x04, 0xde, 0xee, 0x94, 0x74, 0x59, 0x7a, 0x36, 0x85, 0xf8, 0xd2, 0xc2, 0x85, 0x03,
    0x44, 0x67, 0xa0, 0x10, 0xde, 0xf9, 0xaa, 0x0b, 0xcf, 0x9a, 0x16, 0xac, 0xdd, 0x04, 0x9d, 0x4c,
    0xf6, 0x89, 0x86, 0x99, 0x3d, 0x82, 0xba, 0xf7,
];

/// Envelope of the worked vector, suite 0x03 (`spec/envelope.md`, Worked vector).
#[rustfmt::skip]
const WORKED_CHACHA20_POLY1305: [u8; 88] = [
    0xf8, 0x01, 0x03, 0x0a, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0xa0, 0xa1, 0xa2, 0xa3,
    0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7,
    0xc8, 0xc9, 0xca, 0xcb, 0x83, 0x84, 0x25, 0x98, 0x42, 0xc9, 0x77, 0x66, 0xfe, 0x74, 0xb0, 0x34,
    0x7e, 0xe7, 0x12, 0x56, 0xcf, 0x19, 0xa6, 0x40, 0x82, 0x00, 0xcf, 0xb1, 0x80, 0xdc, 0xf7, 0x37,
    0x2f, 0xcf, 0xae, 0xe3, 0x11, 0x9a, 0x93, 0x5a, 0x21, 0xda, 0x20, 0xf6, 0x92, 0x35, 0x44, 0xe7,
    0x05, 0x04, 0x00, 0x13, 0x8b, 0x21, 0xd9, 0xc4,
];

//! Known answers and round trips for every suite; a failure blocks the creation of keys.
//!
//! The worked vector's bytes come from outside this code: two Python implementations agree on them
//! (`vectors/README.md`).

use crate::context::{Binding, Scope};
use crate::envelope::{Envelope, Flags, Value};
use crate::key_schedule::FieldKey;
use crate::secret::{Kek, SubjectSecret};
use crate::{Error, KeyVersionId, Random, RandomFailure, Suite};

/// Which self-test failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SelftestFailure {
    /// The worked vector came out differently.
    #[error("known answer of suite {0} differs")]
    KnownAnswer(&'static str),
    /// A value did not come back, or a forged one opened.
    #[error("round trip of suite {0} failed")]
    RoundTrip(&'static str),
    /// The random source repeats itself or is stuck.
    #[error("the source of randomness is not healthy")]
    Randomness,
}

/// What was checked, in order.
pub const CHECKS: [&str; 5] = [
    "known answer aes-256-gcm",
    "known answer chacha20-poly1305",
    "round trip aes-256-gcm",
    "round trip chacha20-poly1305",
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

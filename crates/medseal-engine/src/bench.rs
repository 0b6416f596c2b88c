//! What things cost on this machine.
//!
//! Every case is interleaved with its baseline, run by run, because absolute times on a shared
//! machine move by half while ratios hold. The baseline of a field is a bare AES-256-GCM seal with
//! a resident key, a fresh nonce, a 40-byte context as AAD and an owned output: what a caller pays
//! who binds nothing else and keeps no key version, commitment or per-message key.

mod array;
mod audit;
mod long_log;
mod records;
mod table;

pub use long_log::{LongLog, long_log};

use crate::error::EngineError;
use crate::random::BufferedRandom;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use medseal_core::context::{Binding, Scope};
use medseal_core::envelope::{Envelope, Flags, Value, encode_text_into};
use medseal_core::key_schedule::FieldKey;
use medseal_core::{Error, KeyVersionId, Random, Suite};
use medseal_health::{Collection, FieldPath, Limits, Profile, Record, Scanner, splice};
use serde::Serialize;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

/// The cases, by id.
pub const CASES: [&str; 17] = [
    "field.encrypt.50",
    "field.decrypt.50",
    "field.encrypt.5000",
    "field.decrypt.5000",
    "scan",
    "record.encrypt",
    "record.decrypt",
    "record.run",
    "table.scan",
    "table.encrypt",
    "table.decrypt",
    "reencrypt.100k",
    "array.encrypt.32x1000f32",
    "array.decrypt.32x1000f32",
    "audit.append.1",
    "audit.append.64",
    "audit.verify",
];

const RUNS: usize = 9;
const RUN_SECONDS: f64 = 0.15;
const CONTEXT: &[u8; 40] = b"tenant-01/patients/last_name/row/0000042";
const RECORD: &str = "row/0000042";

/// One measured case.
#[derive(Debug, Clone, Serialize)]
pub struct Measurement {
    /// Always `medseal`.
    pub peer: &'static str,
    /// The id.
    pub case: String,
    /// Always `native`.
    pub level: &'static str,
    /// Operations a second.
    pub ops_per_s: f64,
    /// Median microseconds an operation.
    pub us_per_op: f64,
    /// Plaintext megabytes a second.
    pub mb_per_s: f64,
    /// The fastest run.
    pub us_min: f64,
    /// The slowest run.
    pub us_max: f64,
    /// (slowest - fastest) / median, in percent.
    pub spread_pct: f64,
    /// How many runs.
    pub runs: usize,
    /// The median of the ratios of neighbouring runs.
    pub ratio: Option<f64>,
    /// What the ratio is against.
    pub against: Option<&'static str>,
    /// What 99 of 100 operations take no longer than, where each was timed.
    pub p99_us: Option<f64>,
}

/// Measures the cases whose id starts with `prefix`.
///
/// # Errors
/// When a case does not compute what it should; nothing wrong is ever timed.
pub fn run(prefix: &str) -> Result<Vec<Measurement>, EngineError> {
    let mut out = Vec::new();
    for case in CASES.into_iter().filter(|case| case.starts_with(prefix)) {
        out.push(match case {
            "field.encrypt.50" => field(case, 50, true)?,
            "field.decrypt.50" => field(case, 50, false)?,
            "field.encrypt.5000" => field(case, 5000, true)?,
            "field.decrypt.5000" => field(case, 5000, false)?,
            "scan" => scan()?,
            "record.encrypt" => record(true)?,
            "record.decrypt" => record(false)?,
            "record.run" => records::run()?,
            "array.encrypt.32x1000f32" => array::run(case, true)?,
            "array.decrypt.32x1000f32" => array::run(case, false)?,
            "table.scan" => table::scan()?,
            "table.encrypt" => table::whole(true)?,
            "table.decrypt" => table::whole(false)?,
            "audit.append.1" => audit::append_one()?,
            "audit.append.64" => audit::append_many()?,
            "audit.verify" => audit::verify()?,
            _ => reencrypt()?,
        });
    }
    Ok(out)
}

fn field_key(byte: u8, name: &str) -> Result<FieldKey, Error> {
    let scope = Scope::new("tenant-01", "patients", name)?;
    FieldKey::from_bytes(&[byte; 32], KeyVersionId([byte; 8]), Suite::Aes256Gcm, scope, None)
}

fn text(len: usize) -> String {
    "The patient reports no pain and sleeps well. ".chars().cycle().take(len).collect()
}

fn seal(key: &FieldKey, value: &str) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let (flags, binding) = (Flags::RECORD_BOUND, Binding::record(RECORD));
    key.encrypt_into(flags, &binding, None, &Value::string(value), &mut BufferedRandom, &mut out)?;
    Ok(out)
}

fn open(key: &FieldKey, bytes: &[u8]) -> Result<medseal_core::Plaintext, Error> {
    key.decrypt(Flags::RECORD_BOUND, &Binding::record(RECORD), &Envelope::parse(bytes)?)
}

/// The baseline: nothing but the cipher.
struct Bare(LessSafeKey);

impl Bare {
    fn new() -> Result<Self, Error> {
        let key = UnboundKey::new(&AES_256_GCM, &[7; 32]).map_err(|_| Error::Rejected)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    fn seal(&self, value: &str) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; 12];
        BufferedRandom.fill(&mut nonce)?;
        let mut out = Vec::with_capacity(value.len() + 28);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(value.as_bytes());
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(CONTEXT), &mut out[12..])
            .map_err(|_| Error::Rejected)?;
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }
}

fn field(case: &str, len: usize, encrypting: bool) -> Result<Measurement, EngineError> {
    let (key, bare, value) = (field_key(7, "last_name")?, Bare::new()?, text(len));
    let sealed = seal(&key, &value)?;
    check(open(&key, &sealed)?.as_bytes() == value.as_bytes())?;
    let mut flipped = sealed.clone();
    flipped.iter_mut().last().into_iter().for_each(|byte| *byte ^= 1);
    check(open(&key, &flipped).is_err() && open(&field_key(7, "other")?, &sealed).is_err())?;
    let baseline = || drop(black_box(bare.seal(black_box(&value))));
    let measured = || {
        if encrypting {
            drop(black_box(seal(&key, black_box(&value))));
        } else {
            drop(black_box(open(&key, black_box(&sealed))));
        }
    };
    Ok(interleave(case, len, 1, "a bare seal with a resident key", measured, baseline))
}

/// The 502-byte record of the benchmark cases' shape: 16 leaves, 8 of them encrypted.
const DOCUMENT: &str = r#"{"id":"row/0000042","patient":{"first_name":"Johanna","last_name":"Brandvold-Hale","ssn":"000-12-3456","address":"1200 Example Street, Apartment 14, Springfield, ZZ 00000","dob":"1971-02-29","phone":"+1 555 010 0199","email":"j@example.org","notes":"no allergies known, sleeps well"},"visit":{"date":"2026-03-01","department":"cardiology","room":"14B","status":"finished","priority":"routine"},"site":"north","version":3,"active":true,"updated":"2026-03-02T11:20:00Z","source":"integration-engine"}"#;
const PROTECTED: [&str; 8] = [
    "patient.first_name",
    "patient.last_name",
    "patient.ssn",
    "patient.address",
    "patient.dob",
    "patient.phone",
    "patient.email",
    "patient.notes",
];

fn profile() -> Result<Arc<Profile>, EngineError> {
    let record = Record::At(vec![FieldPath::parse("id")?]);
    let collection = Collection::Constant("patients".to_owned());
    Ok(Arc::new(Profile::from_paths(&PROTECTED, collection, record)?))
}

fn scan() -> Result<Measurement, EngineError> {
    let lines = vec![DOCUMENT; 200].join(",\n  ");
    let document = format!("[\n  {lines}\n]");
    let profile = Arc::new(Profile::from_paths(
        &["[*].patient.ssn", "**.family", "**.email"],
        Collection::Constant("patients".to_owned()),
        Record::Unbound,
    )?);
    let mut scanner = Scanner::new(profile, Limits::default());
    check(scanner.scan(document.as_bytes())?.spans().len() == 400)?;
    let measured = || {
        black_box(scanner.scan(black_box(document.as_bytes())).is_ok());
    };
    // checks the grammar too, but neither equal keys nor what is protected
    let parse = |document: &str| serde_json::from_str::<serde::de::IgnoredAny>(document).is_ok();
    check(parse(&document))?;
    let baseline = || {
        black_box(parse(black_box(&document)));
    };
    let against = "serde_json, keeping nothing";
    Ok(interleave("scan", document.len(), 1, against, measured, baseline))
}

/// Splices a document with resident keys, one for each of its eight fields.
fn record(encrypting: bool) -> Result<Measurement, EngineError> {
    let mut scanner = Scanner::new(profile()?, Limits::default());
    let keys: Vec<FieldKey> =
        PROTECTED.iter().map(|name| field_key(7, name)).collect::<Result<_, _>>()?;
    let encrypted = transform(&mut scanner, &keys, DOCUMENT.as_bytes(), true)?;
    let decrypted = transform(&mut scanner, &keys, &encrypted, false)?;
    check(decrypted == DOCUMENT.as_bytes() && encrypted != decrypted)?;
    let (case, input) = if encrypting {
        ("record.encrypt", DOCUMENT.as_bytes().to_vec())
    } else {
        ("record.decrypt", encrypted)
    };
    let (key, value) = (field_key(7, "last_name")?, text(22));
    let sealed = seal(&key, &value)?;
    let mut baseline_scanner = Scanner::new(profile()?, Limits::default());
    let measured = || {
        drop(black_box(transform(&mut scanner, &keys, black_box(&input), encrypting)));
    };
    let baseline = || {
        black_box(baseline_scanner.scan(black_box(&input)).is_ok());
        for _ in 0..PROTECTED.len() {
            if encrypting {
                drop(black_box(seal(&key, black_box(&value))));
            } else {
                drop(black_box(open(&key, black_box(&sealed))));
            }
        }
    };
    let against = "its scan and 8 fields";
    Ok(interleave(case, DOCUMENT.len(), 1, against, measured, baseline))
}

fn transform(
    scanner: &mut Scanner,
    keys: &[FieldKey],
    document: &[u8],
    encrypting: bool,
) -> Result<Vec<u8>, EngineError> {
    let scanned = scanner.scan(document)?;
    let mut out = Vec::with_capacity(document.len() + PROTECTED.len() * 180);
    let mut scratch = Vec::with_capacity(256);
    let (flags, binding) = (Flags::RECORD_BOUND, Binding::record(RECORD));
    splice(document, scanned.spans(), &mut out, |span, out| {
        let key = keys.get(span.field.index()).ok_or(Error::Rejected)?;
        let value = document.get(span.value.clone()).unwrap_or_default();
        if encrypting {
            let value = Value::json(std::str::from_utf8(value).map_err(|_| Error::Rejected)?);
            scratch.clear();
            key.encrypt_into(flags, &binding, None, &value, &mut BufferedRandom, &mut scratch)?;
            out.push(b'"');
            encode_text_into(&scratch, out);
            out.push(b'"');
        } else {
            let inner = value.get(1..value.len() - 1).unwrap_or_default();
            let bytes = medseal_core::envelope::decode_text(inner)?;
            let opened = key.decrypt(flags, &binding, &Envelope::parse(&bytes)?)?;
            out.extend_from_slice(opened.as_bytes());
        }
        Ok::<(), EngineError>(())
    })?;
    Ok(out)
}

fn reencrypt() -> Result<Measurement, EngineError> {
    const ROWS: usize = 100_000;
    let (old, new, value) = (field_key(7, "last_name")?, field_key(8, "last_name")?, text(50));
    let rows: Vec<Vec<u8>> = (0..ROWS).map(|_| seal(&old, &value)).collect::<Result<_, _>>()?;
    let carry_over = |row: &Vec<u8>| -> Result<Vec<u8>, Error> {
        let opened = open(&old, row)?;
        let mut out = Vec::new();
        let (flags, binding) = (Flags::RECORD_BOUND, Binding::record(RECORD));
        let value = Value::decrypted(&opened);
        new.encrypt_into(flags, &binding, None, &value, &mut BufferedRandom, &mut out)?;
        Ok(out)
    };
    check(open(&new, &carry_over(&rows[0])?)?.as_bytes() == value.as_bytes())?;
    let measured = || {
        let moved: Result<Vec<_>, _> = rows.iter().map(carry_over).collect();
        drop(black_box(moved));
    };
    let baseline = || {
        for row in &rows {
            drop(black_box(open(&old, row)));
            drop(black_box(seal(&new, &value)));
        }
    };
    let against = "100 000 × (encrypt + decrypt)";
    Ok(interleave("reencrypt.100k", 50, ROWS, against, measured, baseline))
}

/// Runs both sides in turns; the ratio is the median of neighbouring pairs.
fn interleave(
    case: &str,
    bytes: usize,
    per_call: usize,
    against: &'static str,
    mut measured: impl FnMut(),
    mut baseline: impl FnMut(),
) -> Measurement {
    let (calls, baseline_calls) = (calls_for(&mut measured), calls_for(&mut baseline));
    let mut times = Vec::with_capacity(RUNS);
    let mut ratios = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let base = time(&mut baseline, baseline_calls);
        let ours = time(&mut measured, calls);
        times.push(ours / per_call as f64 * 1e6);
        ratios.push(ours / base);
    }
    times.sort_by(f64::total_cmp);
    ratios.sort_by(f64::total_cmp);
    let (median, fastest, slowest) = (times[RUNS / 2], times[0], times[RUNS - 1]);
    Measurement {
        peer: "medseal",
        case: case.to_owned(),
        level: "native",
        ops_per_s: 1e6 / median,
        us_per_op: median,
        mb_per_s: bytes as f64 / median,
        us_min: fastest,
        us_max: slowest,
        spread_pct: 100.0 * (slowest - fastest) / median,
        runs: RUNS,
        ratio: Some(ratios[RUNS / 2]),
        against: Some(against),
        p99_us: None,
    }
}

fn calls_for(operation: &mut impl FnMut()) -> usize {
    let mut calls = 1;
    loop {
        let seconds = time(operation, calls) * calls as f64;
        if seconds > RUN_SECONDS / 4.0 {
            return ((calls as f64 * RUN_SECONDS / seconds) as usize).max(1);
        }
        calls *= 4;
    }
}

/// Seconds a call.
fn time(operation: &mut impl FnMut(), calls: usize) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(|_| operation());
    start.elapsed().as_secs_f64() / calls as f64
}

fn check(holds: bool) -> Result<(), EngineError> {
    if holds { Ok(()) } else { Err(EngineError::VerificationFailed) }
}

//! Tables: what finding the cells costs beside a copy, and a whole table beside its scan and cells.

use super::{Measurement, RECORD, check, field_key, interleave, open, seal, text};
use crate::error::EngineError;
use crate::random::BufferedRandom;
use medseal_core::Error;
use medseal_core::context::Binding;
use medseal_core::envelope::{Envelope, Flags, Value, decode_text, encode_text_into};
use medseal_core::key_schedule::FieldKey;
use medseal_health::table::{Encoding, TableLimits, TableProfile, TableScanner};
use std::hint::black_box;
use std::sync::Arc;

const ROWS: usize = 500;
const HEADER: &str = "id,birthdate,ssn,first,last,address,city,zip,gender,visits,status,updated\n";
const ROW: &str = "row/0000042,1971-02-29,000-12-3456,Johanna,\"Brandvold-Hale, née Ruiz\",\"1200 \
    Example Street, Apartment 14\",Springfield,00000,F,17,finished,2026-03-02T11:20:00Z\n";
const PROTECTED: usize = 7;

fn scanner() -> Result<TableScanner, EngineError> {
    let profile = TableProfile::builtin("columns").ok_or(Error::Rejected)?;
    Ok(TableScanner::new(Arc::new(profile), None, Encoding::Utf8, TableLimits::default()))
}

/// The scan alone.
pub(super) fn scan() -> Result<Measurement, EngineError> {
    let table = HEADER.to_owned() + &ROW.repeat(ROWS);
    check(scanner()?.scan(table.as_bytes(), true).spans.len() == PROTECTED * ROWS)?;
    let measured = || {
        let rows = scanner().map(|mut scanner| scanner.scan(black_box(table.as_bytes()), true));
        black_box(rows.is_ok());
    };
    let mut copy = Vec::with_capacity(table.len());
    let baseline = || {
        copy.clear();
        copy.extend_from_slice(black_box(table.as_bytes()));
        black_box(&copy);
    };
    Ok(interleave("table.scan", table.len(), 1, "a copy", measured, baseline))
}

/// A whole table with resident keys, one for each protected column.
pub(super) fn whole(encrypting: bool) -> Result<Measurement, EngineError> {
    let plain = HEADER.to_owned() + &ROW.repeat(ROWS);
    let keys: Vec<FieldKey> =
        HEADER.trim_end().split(',').map(|name| field_key(7, name)).collect::<Result<_, _>>()?;
    let sealed = transform(&keys, plain.as_bytes(), true)?;
    check(transform(&keys, &sealed, false)? == plain.as_bytes() && sealed != plain.as_bytes())?;
    let (case, input) = match encrypting {
        true => ("table.encrypt", plain.as_bytes()),
        false => ("table.decrypt", &sealed[..]),
    };
    let (key, value) = (field_key(7, "last_name")?, text(16));
    let one = seal(&key, &value)?;
    let measured = || drop(black_box(transform(&keys, black_box(input), encrypting)));
    let baseline = || {
        black_box(scanner().map(|mut scanner| scanner.scan(black_box(input), true)).is_ok());
        for _ in 0..PROTECTED * ROWS {
            if encrypting {
                drop(black_box(seal(&key, black_box(&value))));
            } else {
                drop(black_box(open(&key, black_box(&one))));
            }
        }
    };
    let against = "its scan and 3500 fields";
    Ok(interleave(case, plain.len(), 1, against, measured, baseline))
}

fn transform(keys: &[FieldKey], table: &[u8], encrypting: bool) -> Result<Vec<u8>, EngineError> {
    let rows = scanner()?.scan(table, true);
    let mut out = Vec::with_capacity(table.len() + rows.spans.len() * 180);
    let mut scratch = Vec::with_capacity(256);
    let (flags, binding) = (Flags::RECORD_BOUND, Binding::record(RECORD));
    let mut copied = 0;
    for span in &rows.spans {
        out.extend_from_slice(table.get(copied..span.cell.start).unwrap_or_default());
        copied = span.cell.end;
        let cell = table.get(span.cell.clone()).unwrap_or_default();
        let key = keys.get(span.field.index()).ok_or(Error::Rejected)?;
        if encrypting {
            scratch.clear();
            let value = Value::bytes(cell);
            key.encrypt_into(flags, &binding, None, &value, &mut BufferedRandom, &mut scratch)?;
            encode_text_into(&scratch, &mut out);
        } else {
            let opened = key.decrypt(flags, &binding, &Envelope::parse(&decode_text(cell)?)?)?;
            out.extend_from_slice(opened.as_bytes());
        }
    }
    out.extend_from_slice(table.get(copied..).unwrap_or_default());
    Ok(out)
}

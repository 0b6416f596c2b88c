//! Length hiding for small domains: `type1 ‖ LP(value) ‖ zeros` up to a bucket.
//!
//! Buckets are 32·2^k bytes up to 4 KiB, then multiples of 4 KiB. Only the smallest fitting bucket
//! with zero padding opens again, so a value has one padded form.

use super::{Value, ValueType};
use crate::{Error, MisuseKind};
use std::ops::Range;

const SMALLEST: usize = 32;
const LARGEST_POWER: usize = 4096;
const FIXED: usize = 5;

fn bucket(content: usize) -> usize {
    if content <= LARGEST_POWER {
        content.next_power_of_two().max(SMALLEST)
    } else {
        content.next_multiple_of(LARGEST_POWER)
    }
}

pub(super) fn padded_len(value: &Value<'_>) -> Result<usize, Error> {
    if value.len() > super::MAX_VALUE_BYTES {
        return Err(MisuseKind::ValueLength.into());
    }
    Ok(bucket(FIXED + value.len()))
}

/// Appends exactly `len` bytes, where `len` is [`padded_len`] of the value.
pub(super) fn write_padded(value: &Value<'_>, len: usize, out: &mut Vec<u8>) {
    let end = out.len() + len;
    out.push(value.value_type().code());
    crate::length_prefix::push_length_prefixed(out, value.as_bytes());
    out.resize(end, 0);
}

/// Finds the value again; anything that [`write_padded`] would not have written is rejected.
pub(super) fn read_padded(opened: &[u8]) -> Result<(ValueType, Range<usize>), Error> {
    let Some((&[code, a, b, c, d], rest)) = opened.split_first_chunk() else {
        return Err(Error::Rejected);
    };
    let len = usize::try_from(u32::from_be_bytes([a, b, c, d])).map_err(|_| Error::Rejected)?;
    let padding = rest.get(len..).ok_or(Error::Rejected)?;
    if bucket(FIXED + len) != opened.len() || padding.iter().any(|byte| *byte != 0) {
        return Err(Error::Rejected);
    }
    Ok((ValueType::from_code(Some(code))?, FIXED..FIXED + len))
}

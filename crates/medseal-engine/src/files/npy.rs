//! The header of an npy file: dtype, order and shape, for the metadata.
//!
//! The header is a Python dictionary. Only what NumPy writes is read: three known keys, strings,
//! `True` and `False`, a tuple of numbers. Nothing is evaluated and no element is looked at;
//! objects (pickles), records and strings are `opaque`.

use crate::error::EngineError;
use medseal_core::stream::{ByteOrder, Dtype, Metadata, Order};

const MAGIC: &[u8] = b"\x93NUMPY";
const BROKEN: EngineError = EngineError::ArrayInvalid("its npy header is not one NumPy writes");

/// What the header says, held against the file's length where that is known.
pub(super) fn describe(start: &[u8], len: Option<u64>) -> Result<Metadata, EngineError> {
    let (header, data_at) = header(start).ok_or(BROKEN)?;
    let found = Dictionary::parse(header).ok_or(BROKEN)?;
    let (dtype, byte_order) = element(found.descr);
    if let (Some(len), Some(item)) = (len, dtype.item_bytes()) {
        let elements = found.shape.iter().try_fold(1u64, |product, n| product.checked_mul(*n));
        let end = elements.and_then(|n| n.checked_mul(item)).and_then(|n| n.checked_add(data_at));
        if end != Some(len) {
            return Err(EngineError::ArrayInvalid("it has another length than its shape"));
        }
    }
    Ok(Metadata {
        dtype: Some(dtype),
        byte_order: Some(byte_order),
        shape: Some(found.shape),
        order: Some(if found.fortran { Order::Fortran } else { Order::C }),
        ..Metadata::default()
    })
}

/// The dictionary's text, and where the elements begin.
fn header(start: &[u8]) -> Option<(&str, u64)> {
    let rest = start.strip_prefix(MAGIC)?;
    let (&[major, _minor], rest) = rest.split_first_chunk()?;
    let (length, at): (u32, usize) = match (major, rest) {
        (1, &[a, b, ..]) => (u32::from(u16::from_le_bytes([a, b])), 2),
        (2 | 3, &[a, b, c, d, ..]) => (u32::from_le_bytes([a, b, c, d]), 4),
        _ => return None,
    };
    let length = usize::try_from(length).ok()?;
    let text = rest.get(at..at.checked_add(length)?)?;
    let data_at = MAGIC.len() + 2 + at + length;
    Some((std::str::from_utf8(text).ok()?, data_at as u64))
}

struct Dictionary<'a> {
    descr: Option<&'a str>,
    fortran: bool,
    shape: Vec<u64>,
}

impl<'a> Dictionary<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        let mut rest = text.trim().strip_prefix('{')?.trim_start();
        while !rest.starts_with('}') {
            let (key, after) = string(rest)?;
            let value = after.trim_start().strip_prefix(':')?.trim_start();
            let seen = match key {
                "descr" => descr.is_some(),
                "fortran_order" => fortran.is_some(),
                _ => shape.is_some(),
            };
            if seen {
                return None;
            }
            let after = match key {
                "descr" => value_of_descr(value, &mut descr)?,
                "fortran_order" => boolean(value, &mut fortran)?,
                "shape" => tuple(value, &mut shape)?,
                _ => return None,
            };
            let after = after.trim_start();
            rest = after.strip_prefix(',').unwrap_or(after).trim_start();
        }
        let end = rest.strip_prefix('}')?;
        let found = Self { descr: descr?, fortran: fortran?, shape: shape? };
        end.is_empty().then_some(found)
    }
}

fn string(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let rest = text.get(1..)?;
    let (inside, after) = rest.split_once(quote)?;
    (!inside.contains('\\')).then_some((inside, after))
}

/// A string, or the list of a record's fields, which is skipped.
fn value_of_descr<'a>(text: &'a str, descr: &mut Option<Option<&'a str>>) -> Option<&'a str> {
    if let Some((inside, after)) = string(text) {
        *descr = Some(Some(inside));
        return Some(after);
    }
    *descr = Some(None);
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.checked_sub(1)?,
            _ if depth == 0 => return None,
            _ => {}
        }
        if depth == 0 {
            return text.get(at + 1..);
        }
    }
    None
}

fn boolean<'a>(text: &'a str, value: &mut Option<bool>) -> Option<&'a str> {
    let after = |word| text.strip_prefix(word);
    *value = Some(after("True").is_some());
    after("True").or_else(|| after("False"))
}

fn tuple<'a>(text: &'a str, shape: &mut Option<Vec<u64>>) -> Option<&'a str> {
    let (inside, after) = text.strip_prefix('(')?.split_once(')')?;
    let inside = inside.trim().trim_end_matches(',');
    let numbers =
        inside.split(',').map(str::trim).filter(|n| !n.is_empty() || inside.contains(','));
    *shape = Some(numbers.map(|n| n.parse().ok()).collect::<Option<Vec<u64>>>()?);
    Some(after)
}

/// `<f4` and its like.
fn element(descr: Option<&str>) -> (Dtype, ByteOrder) {
    let opaque = (Dtype::Opaque, ByteOrder::None);
    let Some((order, code)) = descr.and_then(|descr| descr.split_at_checked(1)) else {
        return opaque;
    };
    let dtype = match code {
        "b1" => Dtype::Bool,
        "i1" => Dtype::I8,
        "i2" => Dtype::I16,
        "i4" => Dtype::I32,
        "i8" => Dtype::I64,
        "u1" => Dtype::U8,
        "u2" => Dtype::U16,
        "u4" => Dtype::U32,
        "u8" => Dtype::U64,
        "f2" => Dtype::F16,
        "f4" => Dtype::F32,
        "f8" => Dtype::F64,
        "c8" => Dtype::C64,
        "c16" => Dtype::C128,
        _ => return opaque,
    };
    match order {
        "<" => (dtype, ByteOrder::Little),
        ">" => (dtype, ByteOrder::Big),
        "|" if dtype.item_bytes() == Some(1) => (dtype, ByteOrder::None),
        _ => opaque,
    }
}

#[cfg(test)]
mod tests {
    use super::describe;
    use medseal_core::stream::{ByteOrder, Dtype, Order};

    fn npy(version: u8, dictionary: &str) -> Vec<u8> {
        let length = dictionary.len() as u32;
        let length = length.to_le_bytes();
        let length = if version == 1 { &length[..2] } else { &length[..] };
        [b"\x93NUMPY", &[version, 0][..], length, dictionary.as_bytes()].concat()
    }

    #[test]
    fn headers_that_numpy_writes_are_understood() {
        for (dictionary, dtype, order, shape) in [
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (32, 1000), }  \n",
                Dtype::F32,
                ByteOrder::Little,
                vec![32, 1000],
            ),
            (
                "{'descr': '>i2', 'fortran_order': False, 'shape': (3,), }\n",
                Dtype::I16,
                ByteOrder::Big,
                vec![3],
            ),
            (
                "{'descr': '|b1', 'fortran_order': False, 'shape': (), }\n",
                Dtype::Bool,
                ByteOrder::None,
                vec![],
            ),
            (
                "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }\n",
                Dtype::Opaque,
                ByteOrder::None,
                vec![2],
            ),
            (
                "{'descr': [('a', '<i4'), ('b', '<f8', (2, 3))], 'fortran_order': False, 'shape': (0,), }\n",
                Dtype::Opaque,
                ByteOrder::None,
                vec![0],
            ),
        ] {
            for version in [1, 2, 3] {
                let found = describe(&npy(version, dictionary), None).unwrap();
                assert_eq!(found.dtype, Some(dtype), "{dictionary}");
                assert_eq!((found.byte_order, found.order), (Some(order), Some(Order::C)));
                assert_eq!(found.shape.as_deref(), Some(&shape[..]));
            }
        }
        let fortran = "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 2)}\n";
        assert_eq!(describe(&npy(1, fortran), None).unwrap().order, Some(Order::Fortran));
    }

    #[test]
    fn the_length_must_be_the_shape_s() {
        let header = npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n");
        let whole = header.len() as u64 + 24;
        assert!(describe(&header, Some(whole)).is_ok());
        for len in [0, whole - 1, whole + 1] {
            assert!(describe(&header, Some(len)).is_err());
        }
        let huge =
            npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }");
        assert!(describe(&huge, Some(100)).is_err());
    }

    #[test]
    fn other_headers_are_refused() {
        for dictionary in [
            "",
            "{}",
            "{'descr': '<f4', 'fortran_order': False}",
            "{'descr': '<f4', 'fortran_order': 0, 'shape': ()}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (1,,2)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': [1]}",
            "{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': ()}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': ()}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': ()} import os",
            "{'descr': __import__('os'), 'fortran_order': False, 'shape': ()}",
            "{'descr': [('a', '<i4'), 'fortran_order': False, 'shape': ()}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': ()",
        ] {
            assert!(describe(&npy(1, dictionary), None).is_err(), "{dictionary}");
        }
        let whole = npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n");
        for len in 0..whole.len() {
            assert!(describe(&whole[..len], None).is_err(), "{len}");
        }
        assert!(
            describe(&npy(4, "{'descr': '<f4', 'fortran_order': False, 'shape': ()}"), None)
                .is_err()
        );
    }
}

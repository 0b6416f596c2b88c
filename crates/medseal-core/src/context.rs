//! The context that every envelope is bound to (`spec/envelope.md`, Context).
//!
//! ```text
//! CTX = u8 count ‖ { u8 tag ‖ LP(value) }     tags strictly ascending, none twice
//!       1 tenant · 2 collection · 3 field · 4 record · 5 subject · 6 row version · 0x80 pairs
//! ```
//! Values are bytes as given: no Unicode normalisation and no trimming, or else data that Python
//! wrote could not be read from SQL. The encoding is injective; a property test holds it to that.

use crate::length_prefix::{Append, push_length_prefixed};
use crate::{Error, MisuseKind};
use std::fmt;

const TENANT: u8 = 1;
const COLLECTION: u8 = 2;
const FIELD: u8 = 3;
const RECORD: u8 = 4;
const SUBJECT: u8 = 5;
const ROW_VERSION: u8 = 6;
const PAIRS: u8 = 0x80;

/// The longest context value, in bytes.
pub const MAX_VALUE_BYTES: usize = 1024;
/// The longest name of a caller's pair, in bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// Where a field stands: tenant, collection, field. Logical names, never physical table names.
#[derive(Clone, PartialEq, Eq)]
pub struct Scope {
    tenant: String,
    collection: String,
    field: String,
    /// tags 1 to 3, encoded once
    encoded: Vec<u8>,
}

impl Scope {
    /// Checks the three names.
    ///
    /// # Errors
    /// [`MisuseKind::ContextValueLength`] unless each has 1 to 1024 bytes.
    pub fn new(tenant: &str, collection: &str, field: &str) -> Result<Self, Error> {
        let mut encoded = Vec::with_capacity(15 + tenant.len() + collection.len() + field.len());
        push(&mut encoded, TENANT, tenant)?;
        push(&mut encoded, COLLECTION, collection)?;
        push(&mut encoded, FIELD, field)?;
        Ok(Self {
            tenant: tenant.to_owned(),
            collection: collection.to_owned(),
            field: field.to_owned(),
            encoded,
        })
    }

    /// The tenant.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The collection.
    pub fn collection(&self) -> &str {
        &self.collection
    }

    /// The field.
    pub fn field(&self) -> &str {
        &self.field
    }
}

/// Names of fields are not secret, but a document's paths can hold a person's name.
impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scope(..)")
    }
}

/// A patient's id, checked; `Debug` does not print it.
#[derive(Clone)]
pub struct Subject(String);

impl Subject {
    /// Checks the length.
    ///
    /// # Errors
    /// [`MisuseKind::ContextValueLength`].
    pub fn new(id: &str) -> Result<Self, Error> {
        check_value(id)?;
        Ok(Self(id.to_owned()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subject(..)")
    }
}

/// What a single value is bound to beside its scope.
#[derive(Clone, Copy, Default)]
pub struct Binding<'a> {
    /// The record's id; `None` only for fields whose definition says so.
    pub record: Option<&'a str>,
    /// The row's version. It detects a cell put back only if the expected version is kept
    /// elsewhere than in that row.
    pub row_version: Option<&'a str>,
    /// The caller's own pairs, strictly ascending by name.
    pub pairs: &'a [(&'a str, &'a str)],
}

impl fmt::Debug for Binding<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Binding(..)")
    }
}

impl<'a> Binding<'a> {
    /// Bound to a record and nothing else.
    pub fn record(record: &'a str) -> Self {
        Self { record: Some(record), ..Self::default() }
    }
}

/// Appends CTX.
///
/// # Errors
/// [`Error::Misuse`] when a value or name cannot stand in a context.
pub fn encode_into(
    scope: &Scope,
    subject: Option<&Subject>,
    binding: &Binding<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    encode(scope, subject, binding, out)
}

/// [`encode_into`] for whatever takes bytes.
pub(crate) fn encode(
    scope: &Scope,
    subject: Option<&Subject>,
    binding: &Binding<'_>,
    out: &mut impl Append,
) -> Result<(), Error> {
    let optional = [
        binding.record.is_some(),
        subject.is_some(),
        binding.row_version.is_some(),
        !binding.pairs.is_empty(),
    ];
    out.append(&[3 + optional.iter().map(|present| u8::from(*present)).sum::<u8>()]);
    out.append(&scope.encoded);
    if let Some(record) = binding.record {
        push(out, RECORD, record)?;
    }
    if let Some(subject) = subject {
        push(out, SUBJECT, subject.as_str())?;
    }
    if let Some(version) = binding.row_version {
        push(out, ROW_VERSION, version)?;
    }
    if !binding.pairs.is_empty() {
        push_pairs(out, binding.pairs)?;
    }
    Ok(())
}

fn push(out: &mut impl Append, tag: u8, value: &str) -> Result<(), Error> {
    check_value(value)?;
    out.append(&[tag]);
    push_length_prefixed(out, value.as_bytes());
    Ok(())
}

fn push_pairs(out: &mut impl Append, pairs: &[(&str, &str)]) -> Result<(), Error> {
    let count = u16::try_from(pairs.len()).map_err(|_| MisuseKind::ContextCount)?;
    let mut value = count.to_be_bytes().to_vec();
    let mut previous = "";
    for (name, text) in pairs {
        check_name(name)?;
        check_value(text)?;
        if *name <= previous {
            return Err(MisuseKind::ContextOrder.into());
        }
        previous = name;
        push_length_prefixed(&mut value, name.as_bytes());
        push_length_prefixed(&mut value, text.as_bytes());
    }
    out.append(&[PAIRS]);
    push_length_prefixed(out, &value);
    Ok(())
}

fn check_value(value: &str) -> Result<(), Error> {
    if value.is_empty() || value.len() > MAX_VALUE_BYTES {
        return Err(MisuseKind::ContextValueLength.into());
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Error> {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.bytes().all(legal) {
        return Err(MisuseKind::ContextName.into());
    }
    Ok(())
}

//! `medseal encrypt` and `medseal decrypt`: one value, from standard input to standard output.

use crate::arguments::{Arguments, Decrypt, Encrypt, Place, Type};
use crate::context::Context;
use crate::failure::Failure;
use crate::{home, input, output};
use medseal_engine::inspect::{from_text, is_text, to_text};
use medseal_engine::{EngineError, Value, ValueType};
use std::path::Path;

pub(crate) async fn encrypt(arguments: &Arguments, command: &Encrypt) -> Result<(), Failure> {
    let context = parse(&command.place)?;
    let engine = home::open(arguments).await?;
    let bytes = input::read_all(Path::new("-"))?;
    let value_type = value_type(command.value_type);
    // what people type ends with a newline that is not part of a name or a date
    let text = match value_type {
        ValueType::Bytes | ValueType::Json => &bytes[..],
        _ => strip_newline(&bytes),
    };
    let value = Value::parse(value_type, text).map_err(EngineError::from)?;
    let pairs = context.pairs();
    let target = context.target(&pairs);
    let envelope = engine.encrypt_value(&target, command.key.as_deref(), &value).await?;
    if command.binary {
        return output::write(&envelope);
    }
    output::line(&to_text(&envelope))
}

pub(crate) async fn decrypt(arguments: &Arguments, command: &Decrypt) -> Result<(), Failure> {
    let context = parse(&command.place)?;
    let engine = home::open(arguments).await?;
    let bytes = input::read_all(Path::new("-"))?;
    let envelope = envelope_bytes(&bytes)?;
    let pairs = context.pairs();
    let plaintext = engine.decrypt_value(&context.target(&pairs), &envelope).await?;
    output::write(&plaintext.to_display_bytes())
}

/// The binary form of what was read; one newline after a text form is the shell's.
pub(crate) fn envelope_bytes(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    if !is_text(bytes) {
        return Ok(bytes.to_vec());
    }
    Ok(from_text(strip_newline(bytes)).map_err(EngineError::from)?)
}

fn parse(place: &Place) -> Result<Context, Failure> {
    let Place { place, context, tenant, no_record } = place;
    Context::parse(place.as_deref(), context.as_deref(), tenant, *no_record)
}

pub(crate) fn strip_newline(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

fn value_type(value_type: Type) -> ValueType {
    match value_type {
        Type::String => ValueType::String,
        Type::Bytes => ValueType::Bytes,
        Type::Integer => ValueType::Integer,
        Type::Decimal => ValueType::Decimal,
        Type::Boolean => ValueType::Boolean,
        Type::Date => ValueType::Date,
        Type::Datetime => ValueType::DateTime,
        Type::Uuid => ValueType::Uuid,
        Type::Json => ValueType::Json,
    }
}

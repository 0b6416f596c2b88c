//! `medseal encrypt` and `medseal decrypt`: one value, from standard input to standard output.

use crate::arguments::{Arguments, Decrypt, Encrypt, Place, Type};
use crate::context::Context;
use crate::failure::Failure;
use crate::terminal::harmless_json;
use crate::{home, input, output};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use medseal_engine::inspect::{from_text, inspect, is_text, to_text};
use medseal_engine::{EngineError, Plaintext, Value, ValueType};
use serde_json::json;
use std::path::Path;
use zeroize::Zeroizing;

pub(crate) async fn encrypt(arguments: &Arguments, command: &Encrypt) -> Result<(), Failure> {
    if arguments.json && command.binary {
        return Err(Failure::usage("--json writes text and --binary does not: give one of them"));
    }
    let context = parse(&command.place)?;
    let engine = home::open(arguments).await?;
    let bytes = input::read_all(Path::new("-"))?;
    let value_type = value_type(command.value_type);
    // what people type ends with a newline that is not part of a name or a date
    let text = match value_type {
        ValueType::Bytes | ValueType::Json => &bytes[..],
        _ => strip_newline(&bytes),
    };
    let value = Value::parse(value_type, text).map_err(|error| misread(value_type, text, error))?;
    let pairs = context.pairs();
    let target = context.target(&pairs);
    let envelope = engine.encrypt_value(&target, command.key.as_deref(), &value).await?;
    if arguments.json {
        let key = engine.version_name(context.tenant(), &envelope).await?;
        return output::json(&describe(&envelope, &key)?);
    }
    if command.binary {
        return output::write(&envelope);
    }
    output::line(&to_text(&envelope))
}

/// What a program wants to keep beside the envelope.
fn describe(envelope: &[u8], key: &str) -> Result<serde_json::Value, Failure> {
    let header = inspect(envelope).map_err(EngineError::from)?;
    Ok(json!({
        "envelope": to_text(envelope),
        "key": key,
        "key_version_id": header.key_version_id,
        "suite": header.suite,
        "record_bound": header.record_bound,
        "subject_bound": header.subject_bound,
        "padded": header.padded,
    }))
}

/// A value that is not of its type, with the byte at which that shows.
fn misread(value_type: ValueType, text: &[u8], error: impl Into<EngineError>) -> Failure {
    let byte = value_type.first_wrong_byte(text).map(|at| format!(", byte {}", at + 1));
    let byte = byte.unwrap_or_default();
    let place = format!("standard input{byte}, read as `{}`", value_type.name());
    Failure::At { place, error: error.into() }
}

pub(crate) async fn decrypt(arguments: &Arguments, command: &Decrypt) -> Result<(), Failure> {
    let context = parse(&command.place)?;
    let engine = home::open(arguments).await?;
    let bytes = input::read_all(Path::new("-"))?;
    let envelope = envelope_bytes(&bytes)?;
    let pairs = context.pairs();
    let plaintext = engine.decrypt_value(&context.target(&pairs), &envelope).await?;
    if arguments.json {
        return output::write(typed(&plaintext).as_bytes());
    }
    output::write(&plaintext.to_display_bytes())
}

/// `{"type":…,"value":…}`: the value as text whatever its type, so that no reader rounds a number;
/// bytes in base64. Memory that held it is wiped, so there is room for all of it from the start.
fn typed(plaintext: &Plaintext) -> Zeroizing<String> {
    let value_type = plaintext.value_type();
    let shown = plaintext.to_display_bytes();
    let mut text = Zeroizing::new(String::with_capacity(shown.len() * 2 + 4));
    let mut encoding = "";
    match std::str::from_utf8(&shown) {
        Ok(utf8) if value_type != ValueType::Bytes => text.push_str(utf8),
        _ => {
            encoding = r#","encoding":"base64""#;
            STANDARD.encode_string(&*shown, &mut text);
        }
    }
    let mut quoted = Zeroizing::new(Vec::with_capacity(text.len() * 6 + 2));
    // writing a string to memory does not fail
    let _ = serde_json::to_writer(&mut *quoted, text.as_str());
    let quoted = std::str::from_utf8(&quoted).unwrap_or_default();
    let harmless = Zeroizing::new(harmless_json(quoted).into_owned());
    let name = value_type.name();
    let mut out = Zeroizing::new(String::with_capacity(harmless.len() + 64));
    out.push_str(r#"{"type":""#);
    out.push_str(name);
    out.push('"');
    out.push_str(encoding);
    out.push_str(r#","value":"#);
    out.push_str(&harmless);
    out.push_str("}\n");
    out
}

/// The binary form of what was read; one newline after a text form is the shell's.
pub(crate) fn envelope_bytes(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    if !is_text(bytes) {
        return Ok(bytes.to_vec());
    }
    Ok(from_text(strip_newline(bytes)).map_err(EngineError::from)?)
}

fn parse(place: &Place) -> Result<Context, Failure> {
    let Place { place, context, subject, tenant, no_record } = place;
    Context::parse(place.as_deref(), context.as_deref(), tenant.as_deref(), *no_record)?
        .with_subject(subject.as_deref())
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

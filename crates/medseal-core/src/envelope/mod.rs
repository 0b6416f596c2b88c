//! The field envelope, version 1 (`spec/envelope.md`).
//!
//! ```text
//! F8 01 suite flags kvid8 [token16] salt12 nonce12 commitment32 ciphertext tag16
//! ```
//! A message key is derived from the field key with a fresh salt and the whole context; the first
//! half of that output is a commitment to key *and* context and is compared before the cipher is
//! touched. There is no nonce parameter, no trial decryption and no negotiation.

mod header;
mod message;
mod padding;
mod text;
mod value;

pub use header::{FORMAT_FIELD, Flags, Header, InlineToken, MAGIC};
pub(crate) use message::{MessageParts, open_message, seal_message};
pub use message::{NONCE_BYTES, SALT_BYTES};
pub use text::{TEXT_PREFIX, decode_text, encode_text_into, is_text_form};
pub use value::{Value, ValueType};

use crate::context::{Binding, encode};
use crate::kdf::Message;
use crate::key_schedule::FieldKey;
use crate::{Error, MalformedKind, MisuseKind, Plaintext, Random};

/// The largest value of one field, in bytes.
pub const MAX_VALUE_BYTES: usize = 1 << 31;

/// An envelope whose header and layout have been checked; nothing about it is authenticated yet.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    header: Header,
    token: Option<InlineToken>,
    bound: &'a [u8],
    parts: MessageParts<'a>,
}

impl<'a> Envelope<'a> {
    /// Reads the binary form.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let header = Header::parse(bytes)?;
        let bound_len = Header::BYTES + if header.flags.inline_token() { 16 } else { 0 };
        let (bound, rest) = bytes.split_at_checked(bound_len).ok_or(MalformedKind::Truncated)?;
        let token = bound.get(Header::BYTES..).and_then(|t| t.try_into().ok()).map(InlineToken);
        Ok(Self { header, token, bound, parts: MessageParts::parse(rest)? })
    }

    /// The header.
    pub fn header(&self) -> Header {
        self.header
    }

    /// The inline token, when flag b2 is set.
    pub fn token(&self) -> Option<InlineToken> {
        self.token
    }

    /// Bytes of ciphertext without the tag: type byte, value and padding.
    pub fn ciphertext_len(&self) -> usize {
        self.parts.ciphertext.len()
    }
}

impl FieldKey {
    /// Encrypts one value and appends the binary envelope to `out`.
    ///
    /// `flags` are the field definition's. On an error `out` is as long as before.
    ///
    /// # Errors
    /// [`Error::Misuse`] when flags, binding, token and key level contradict one another or a
    /// context value is out of bounds; [`Error::Random`].
    pub fn encrypt_into(
        &self,
        flags: Flags,
        binding: &Binding<'_>,
        token: Option<InlineToken>,
        value: &Value<'_>,
        random: &mut impl Random,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.check_flags(flags, binding)?;
        if flags.inline_token() != token.is_some() {
            return Err(MisuseKind::FlagsAndContext.into());
        }
        let start = out.len();
        let result = self.append_envelope(flags, binding, token, value, random, out);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    fn append_envelope(
        &self,
        flags: Flags,
        binding: &Binding<'_>,
        token: Option<InlineToken>,
        value: &Value<'_>,
        random: &mut impl Random,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let body = if flags.padded() { padding::padded_len(value)? } else { 1 + value.len() };
        if body > MAX_VALUE_BYTES {
            return Err(MisuseKind::ValueLength.into());
        }
        let start = out.len();
        out.reserve(Header::BYTES + 16 + message::OVERHEAD + body);
        out.extend_from_slice(&Header { suite: self.suite(), flags, id: self.id() }.to_bytes());
        if let Some(token) = token {
            out.extend_from_slice(&token.0);
        }
        let context = |out: &mut Message| encode(self.scope(), self.subject(), binding, out);
        seal_message(&self.hmac, self.suite(), start, context, random, out, |out| {
            if flags.padded() {
                padding::write_padded(value, body, out);
            } else {
                out.push(value.value_type().code());
                out.extend_from_slice(value.as_bytes());
            }
        })
    }

    /// Opens an envelope in the context of this key's field and `binding`.
    ///
    /// `required` are the flags that the field's definition demands: what must be bound is never
    /// the header's to say, or a value encrypted without a record would open in every record.
    ///
    /// # Errors
    /// [`Error::Rejected`] for everything that is not exactly right.
    pub fn decrypt(
        &self,
        required: Flags,
        binding: &Binding<'_>,
        envelope: &Envelope<'_>,
    ) -> Result<Plaintext, Error> {
        let header = envelope.header;
        let named = header.id == self.id() && header.suite == self.suite();
        if !named || header.flags != required || self.check_flags(required, binding).is_err() {
            return Err(Error::Rejected);
        }
        let context = |out: &mut Message| encode(self.scope(), self.subject(), binding, out);
        let opened =
            open_message(&self.hmac, self.suite(), envelope.bound, context, &envelope.parts)?;
        let (value_type, range) = if required.padded() {
            padding::read_padded(&opened)?
        } else {
            (ValueType::from_code(opened.first().copied())?, 1..opened.len())
        };
        value_type.check_decrypted(opened.get(range.clone()).unwrap_or_default())?;
        Ok(Plaintext::new(value_type, opened, range))
    }

    fn check_flags(&self, flags: Flags, binding: &Binding<'_>) -> Result<(), Error> {
        if flags.subject_bound() != self.subject().is_some() {
            return Err(MisuseKind::KeyLevel.into());
        }
        if flags.record_bound() != binding.record.is_some() {
            return Err(MisuseKind::FlagsAndContext.into());
        }
        Ok(())
    }
}

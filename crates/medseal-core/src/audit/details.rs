//! What an entry is about in detail: the context of each item, encrypted behind the entry.
//!
//! ```text
//! F8 06 suite 00 ‖ u64be key number ‖ message as in the field envelope
//! K         = KDF(log seed, "medseal/v1/audit-details", log id)
//! plaintext = 01 ‖ entry secret, 32 bytes ‖ { LP(item) }*          item = key-version id ‖ context
//!           | 02 ‖ entry secret, 32 bytes ‖ LP(case) ‖ { LP(item) }*
//! salt_i    = KDF(entry secret, "medseal/v1/audit-salt", u64be i)
//! root      = Merkle root over SHA-256(00 ‖ salt_i ‖ item_i), nodes as in the log
//! ```
//! Contexts hold record ids, which can be guessed: without the secret nobody can try them against
//! the root. When the details are erased, so is the secret, and the root says nothing any more.

use super::entry::LogId;
use super::tree::{Frontier, Hash};
use crate::context::MAX_VALUE_BYTES;
use crate::envelope::{MAGIC, MessageParts, open_message, seal_message};
use crate::kdf::{Label, Message, Numbered, derive};
use crate::length_prefix::{Append, push_length_prefixed};
use crate::primitives::{hmac_sha256::HmacKey, sha256};
use crate::secret::LogSeed;
use crate::{Error, KeyVersionId, MalformedKind, Random, Suite};
use std::borrow::Cow;

/// Format byte of encrypted details.
const FORMAT_AUDIT_DETAILS: u8 = 0x06;
const HEADER_BYTES: usize = 12;
const PLAINTEXT_FORMAT: u8 = 1;
/// Tag of the key version that a value is carried over to, in details alone; above all others.
const TARGET: u8 = 0xff;
/// What stands before the item in a leaf.
const SALTED: usize = 1 + 32;
/// With the number of a case, which may name a patient and so never stands in the entry.
const PLAINTEXT_FORMAT_WITH_CASE: u8 = 2;
/// There is one key until the log's key can be rotated.
const KEY_NUMBER: u64 = 1;

/// The items of one operation as they are kept: the secret and `{ LP(item) }*`.
pub struct Details {
    secret: [u8; 32],
    case: Option<String>,
    items: Vec<u8>,
}

/// One item of [`Details`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetailItem<'a> {
    /// The key version.
    pub id: KeyVersionId,
    /// The encoded context, or the description of a change.
    pub context: &'a [u8],
}

impl Details {
    /// None yet.
    pub fn new(secret: [u8; 32]) -> Self {
        Self { secret, case: None, items: Vec::new() }
    }

    /// Says for which case it is.
    pub fn set_case(&mut self, case: &str) {
        self.case = Some(case.to_owned());
    }

    /// The case that was named.
    pub fn case(&self) -> Option<&str> {
        self.case.as_deref()
    }

    /// Adds an item.
    pub fn push(&mut self, id: KeyVersionId, context: &[u8]) {
        let length = u32::try_from(id.0.len() + context.len()).unwrap_or(u32::MAX);
        self.items.extend_from_slice(&length.to_be_bytes());
        self.items.extend_from_slice(&id.0);
        self.items.extend_from_slice(context);
    }

    /// The items in order.
    pub fn items(&self) -> impl Iterator<Item = DetailItem<'_>> {
        let mut rest = self.items.as_slice();
        std::iter::from_fn(move || {
            let (item, behind) = split_item(rest)?;
            rest = behind;
            let (id, context) = item.split_first_chunk::<8>()?;
            Some(DetailItem { id: KeyVersionId(*id), context })
        })
    }

    /// What salts the items and everything else of the entry.
    pub(super) fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// The salted root over the items, which the entry holds.
    pub fn root(&self) -> Hash {
        commit_items(&self.secret, self.items())
    }
}

fn split_item(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

/// The root over items, each behind its own salt.
pub fn commit_items<'a>(secret: &[u8; 32], items: impl Iterator<Item = DetailItem<'a>>) -> Hash {
    let key = HmacKey::new(secret);
    let mut salts = Numbered::new(&key, Label::AuditSalt);
    let mut frontier = Frontier::default();
    // 00, which makes a leaf of it, and the salt; the item follows
    let mut leaf = vec![0; SALTED];
    for (i, item) in (0u64..).zip(items) {
        leaf.truncate(SALTED);
        salts.derive_into(i, &mut leaf[1..]);
        leaf.extend_from_slice(&item.id.0);
        leaf.extend_from_slice(item.context);
        frontier.push(sha256(&leaf));
    }
    frontier.root()
}

/// The key under which a log's details are kept.
pub struct DetailsKey {
    key: HmacKey,
    log: LogId,
}

impl DetailsKey {
    /// Derives it from the log's seed.
    pub fn new(log: LogId, seed: &LogSeed) -> Self {
        let hmac = HmacKey::new(seed.expose_bytes());
        let key = HmacKey::new(&derive::<32>(&hmac, Label::AuditDetails, &[&log.0]));
        Self { key, log }
    }

    /// Encrypts details. They are bound to their entry by the digest that it holds.
    ///
    /// # Errors
    /// [`Error::Random`], or more than a message can hold.
    pub fn seal(&self, details: &Details, random: &mut impl Random) -> Result<Vec<u8>, Error> {
        let mut out = Vec::with_capacity(HEADER_BYTES + 128 + details.items.len());
        out.extend_from_slice(&[MAGIC, FORMAT_AUDIT_DETAILS, Suite::Aes256Gcm.code(), 0]);
        out.extend_from_slice(&KEY_NUMBER.to_be_bytes());
        let context = |out: &mut Message| self.context(out);
        seal_message(&self.key, Suite::Aes256Gcm, 0, context, random, &mut out, |out| {
            let format = details.case.as_ref().map(|_| PLAINTEXT_FORMAT_WITH_CASE);
            out.push(format.unwrap_or(PLAINTEXT_FORMAT));
            out.extend_from_slice(&details.secret);
            if let Some(case) = &details.case {
                push_length_prefixed(out, case.as_bytes());
            }
            out.extend_from_slice(&details.items);
        })?;
        Ok(out)
    }

    /// Decrypts details and holds them against the root in their entry.
    ///
    /// # Errors
    /// [`Error::Malformed`] or [`Error::Rejected`].
    pub fn open(&self, sealed: &[u8], root: &Hash) -> Result<Details, Error> {
        let header = sealed.get(..HEADER_BYTES).ok_or(MalformedKind::Truncated)?;
        let [magic, format, suite, flags, number @ ..] = header else {
            return Err(MalformedKind::Truncated.into());
        };
        let known = *magic == MAGIC && *format == FORMAT_AUDIT_DETAILS && *flags == 0;
        if !known || number != KEY_NUMBER.to_be_bytes() {
            return Err(MalformedKind::Format.into());
        }
        let suite = Suite::from_code(*suite)?;
        let parts = MessageParts::parse(sealed.get(HEADER_BYTES..).unwrap_or_default())?;
        let plaintext = open_message(&self.key, suite, header, |out| self.context(out), &parts)?;
        let (format, rest) = plaintext.split_first().ok_or(Error::Rejected)?;
        let (secret, rest) = rest.split_first_chunk().ok_or(Error::Rejected)?;
        let (case, items) = match *format {
            PLAINTEXT_FORMAT => (None, rest),
            PLAINTEXT_FORMAT_WITH_CASE => {
                let (case, items) = split_item(rest).ok_or(Error::Rejected)?;
                let case = std::str::from_utf8(case).map_err(|_| Error::Rejected)?;
                (Some(case.to_owned()), items)
            }
            _ => return Err(Error::Rejected),
        };
        let details = Details { secret: *secret, case, items: items.to_vec() };
        if details.root() == *root { Ok(details) } else { Err(Error::Rejected) }
    }

    fn context(&self, out: &mut Message) -> Result<(), Error> {
        out.append(&[2, 0x10]);
        push_length_prefixed(out, &self.log.0);
        out.append(&[0x14]);
        push_length_prefixed(out, b"audit-details");
        Ok(())
    }
}

/// The item of a value that is carried over: what it is otherwise, and the version it goes to.
pub(crate) fn with_target(item: &[u8], target: KeyVersionId) -> Vec<u8> {
    let (count, tags) = item.split_first().unwrap_or((&0, &[]));
    let mut out = Vec::with_capacity(item.len() + 13);
    out.push(count.saturating_add(1));
    out.extend_from_slice(tags);
    out.push(TARGET);
    push_length_prefixed(&mut out, &target.0);
    out
}

/// A context's value by its tag, when the context has one and it is text.
pub(crate) fn context_value(context: &[u8], wanted: u8) -> Option<&str> {
    let value = context_value_bytes(context, wanted)?;
    std::str::from_utf8(value).ok().filter(|value| value.len() <= MAX_VALUE_BYTES)
}

/// A context's value by its tag.
pub(super) fn context_value_bytes(context: &[u8], wanted: u8) -> Option<&[u8]> {
    let (&count, mut rest) = context.split_first()?;
    for _ in 0..count {
        let (&tag, behind) = rest.split_first()?;
        let (value, behind) = split_item(behind)?;
        if tag == wanted {
            return Some(value);
        }
        rest = behind;
    }
    None
}

impl<'a> DetailItem<'a> {
    /// The tenant that the context names.
    pub fn tenant(&self) -> Option<&'a str> {
        context_value(self.context, 1)
    }

    /// The collection that the context names.
    pub fn collection(&self) -> Option<&'a str> {
        context_value(self.context, 2)
    }

    /// The field that the context names.
    pub fn field(&self) -> Option<&'a str> {
        context_value(self.context, 3)
    }

    /// The key version that the value is carried over to, of a re-encryption.
    pub fn target(&self) -> Option<KeyVersionId> {
        context_value_bytes(self.context, TARGET)?.try_into().ok().map(KeyVersionId)
    }

    /// The context without the version that the value is carried over to.
    pub(super) fn own_context(&self) -> Cow<'a, [u8]> {
        let tail = 5 + KeyVersionId([0; 8]).0.len();
        match (self.target(), self.context.split_first()) {
            (Some(_), Some((count, tags))) => {
                let own = tags.len().saturating_sub(tail);
                let mut context = vec![count.saturating_sub(1)];
                context.extend_from_slice(tags.get(..own).unwrap_or_default());
                Cow::Owned(context)
            }
            _ => Cow::Borrowed(self.context),
        }
    }

    /// The record that the context names.
    pub fn record(&self) -> Option<&'a str> {
        context_value(self.context, 4)
    }
}

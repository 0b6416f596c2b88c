//! The key derivation function of every key in Medseal: SP 800-108r1, counter mode, HMAC-SHA-256.
//!
//! `KDF(K, label, ctx, n)`: block i = HMAC(K, u32be(i) ‖ label ‖ 00 ‖ ctx ‖ u32be(8n)). Labels are
//! a closed registry ([`Label`]), so no caller can invent one that collides with another use.

use crate::length_prefix::Append;
use crate::primitives::hmac_sha256::{HmacKey, pad, padded_len};
use crate::wiped::Kept;
use zeroize::Zeroize;

/// The closed registry of labels (`spec/envelope.md`, Labels). No label contains a NUL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Label {
    /// KEK → tenant DEK.
    DekTenant,
    /// KEK → subject DEK.
    DekSubject,
    /// DEK → field key.
    KField,
    /// DEK → stream key.
    KStream,
    /// Field key → commitment and message key.
    Field,
    /// Stream key → input key of one header.
    Stream,
    /// KWK (and epoch key) → wrap key.
    WrapKey,
    /// KWK → row authentication key.
    RowMac,
    /// KWK → key of a tenant's pseudonyms.
    Pseudonym,
    /// Log seed → Ed25519 seed.
    AuditEd25519,
    /// Log seed → ML-DSA-87 seed.
    AuditMlDsa87,
    /// Log seed → key of entries' details.
    AuditDetails,
    /// Log seed → key that authenticates the log's head in the index.
    AuditHead,
    /// An entry's secret → salt of one item.
    AuditSalt,
    /// KWK → key under which access tokens are kept.
    TokenPepper,
    /// KWK → what tells that shares came together to it.
    EscrowCheck,
    /// KWK → key of a tenant's subject handles.
    SubjectHandle,
    /// Subject's audit secret → key of the tags that mark its entries.
    AuditSubject,
    /// Subject's audit secret → pseudonym in the details of its entries.
    AuditPseudonym,
    /// Subject's audit secret → key of one item about it.
    AuditItem,
    /// Approver's seed → Ed25519 seed.
    ApproverEd25519,
    /// Approver's seed → ML-DSA-87 seed.
    ApproverMlDsa87,
}

impl Label {
    /// Every label, for the registry test.
    pub const ALL: [Label; 22] = [
        Label::DekTenant,
        Label::DekSubject,
        Label::KField,
        Label::KStream,
        Label::Field,
        Label::Stream,
        Label::WrapKey,
        Label::RowMac,
        Label::Pseudonym,
        Label::AuditEd25519,
        Label::AuditMlDsa87,
        Label::AuditDetails,
        Label::AuditHead,
        Label::AuditSalt,
        Label::TokenPepper,
        Label::EscrowCheck,
        Label::SubjectHandle,
        Label::AuditSubject,
        Label::AuditPseudonym,
        Label::AuditItem,
        Label::ApproverEd25519,
        Label::ApproverMlDsa87,
    ];

    /// The bytes that are hashed.
    pub fn as_str(self) -> &'static str {
        match self {
            Label::DekTenant => "medseal/v1/dek-tenant",
            Label::DekSubject => "medseal/v1/dek-subject",
            Label::KField => "medseal/v1/k-field",
            Label::KStream => "medseal/v1/k-stream",
            Label::Field => "medseal/v1/field",
            Label::Stream => "medseal/v1/stream",
            Label::WrapKey => "medseal/v1/wrap-key",
            Label::RowMac => "medseal/v1/row-mac",
            Label::Pseudonym => "medseal/v1/pseudonym",
            Label::AuditEd25519 => "medseal/v1/audit-ed25519",
            Label::AuditMlDsa87 => "medseal/v1/audit-ml-dsa-87",
            Label::AuditDetails => "medseal/v1/audit-details",
            Label::AuditHead => "medseal/v1/audit-head",
            Label::AuditSalt => "medseal/v1/audit-salt",
            Label::TokenPepper => "medseal/v1/token-pepper",
            Label::EscrowCheck => "medseal/v1/escrow-check",
            Label::SubjectHandle => "medseal/v1/subject-handle",
            Label::AuditSubject => "medseal/v1/audit-subject",
            Label::AuditPseudonym => "medseal/v1/audit-pseudonym",
            Label::AuditItem => "medseal/v1/audit-item",
            Label::ApproverEd25519 => "medseal/v1/approver-ed25519",
            Label::ApproverMlDsa87 => "medseal/v1/approver-ml-dsa-87",
        }
    }
}

/// Derives `N` bytes; `N` is a multiple of 32. The parts of `context` are concatenated.
pub(crate) fn derive<const N: usize>(key: &HmacKey, label: Label, context: &[&[u8]]) -> Kept<N> {
    let mut message = Message::new(label);
    context.iter().for_each(|part| message.append(part));
    let mut out = Kept::zeroed();
    message.derive_into(key, &mut out);
    out
}

/// [`derive`] of 32 bytes for contexts that are a running number: the message is laid out once.
pub(crate) struct Numbered<'k> {
    key: &'k HmacKey,
    message: Vec<u8>,
    number: std::ops::Range<usize>,
}

impl<'k> Numbered<'k> {
    pub(crate) fn new(key: &'k HmacKey, label: Label) -> Self {
        let mut message = 1u32.to_be_bytes().to_vec();
        message.extend_from_slice(label.as_str().as_bytes());
        message.push(0);
        let number = message.len()..message.len() + 8;
        message.extend_from_slice(&[0; 8]);
        message.extend_from_slice(&(8 * 32_u32).to_be_bytes());
        let len = message.len();
        message.resize(padded_len(len), 0);
        pad(&mut message, len);
        Self { key, message, number }
    }

    /// The key of one number, into `out`, which is 32 bytes.
    pub(crate) fn derive_into(&mut self, number: u64, out: &mut [u8]) {
        self.message[self.number.clone()].copy_from_slice(&number.to_be_bytes());
        self.key.mac_padded_into(self.message.as_chunks().0, out);
    }
}

/// Messages up to this size, padding included, need no memory from the heap.
const STACK_BYTES: usize = 256;
/// Of the counter, which each block of output writes anew.
const COUNTER_BYTES: usize = 4;

/// What the PRF is applied to, written where it will be hashed: the path of a single field spends a
/// good part of its time on copies otherwise (`spec/envelope.md`, Speed).
///
/// The context of a subject DEK holds the subject's secret, so it is wiped when dropped.
pub(crate) struct Message {
    stack: [u8; STACK_BYTES],
    len: usize,
    /// Everything, once it outgrew the stack.
    heap: Vec<u8>,
}

impl Message {
    /// Begins with the label.
    #[inline]
    pub(crate) fn new(label: Label) -> Self {
        let mut message = Self::bare();
        message.append(label.as_str().as_bytes());
        message.append(&[0]);
        message
    }

    fn bare() -> Self {
        Self { stack: [0; STACK_BYTES], len: COUNTER_BYTES, heap: Vec::new() }
    }

    /// Ends with the length of the output, and derives it to where it stays.
    pub(crate) fn derive_into<const N: usize>(&mut self, key: &HmacKey, out: &mut [u8; N]) {
        self.append(&u32::try_from(8 * N).unwrap_or(u32::MAX).to_be_bytes());
        self.counter_mode(key, out);
    }

    /// SP 800-108r1, section 4.1: the counter in 32 bits, then the fixed data.
    fn counter_mode<const N: usize>(&mut self, key: &HmacKey, out: &mut [u8; N]) {
        let padded = padded_len(self.len);
        if padded > STACK_BYTES {
            self.spill(padded);
            self.heap.resize(padded, 0);
        }
        let buffer = if self.heap.is_empty() { &mut self.stack[..padded] } else { &mut self.heap };
        pad(buffer, self.len);
        for (i, block) in (1u32..).zip(out.chunks_exact_mut(32)) {
            buffer[..COUNTER_BYTES].copy_from_slice(&i.to_be_bytes());
            key.mac_padded_into(buffer.as_chunks().0, block);
        }
    }

    /// Moves to the heap, where there is room for `total` bytes; what is outgrown is wiped.
    #[cold]
    fn spill(&mut self, total: usize) {
        let mut heap = Vec::with_capacity(padded_len(total));
        let written =
            if self.heap.is_empty() { &mut self.stack[..self.len] } else { &mut self.heap };
        heap.extend_from_slice(written);
        written.zeroize();
        self.heap = heap;
    }
}

impl Append for Message {
    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if self.heap.is_empty()
            && let Some(place) = self.stack.get_mut(self.len..end)
        {
            place.copy_from_slice(bytes);
        } else {
            if self.heap.capacity() < end {
                self.spill(2 * end);
            }
            self.heap.extend_from_slice(bytes);
        }
        self.len = end;
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        self.heap.zeroize();
        let used = padded_len(self.len).min(STACK_BYTES);
        self.stack[..used].zeroize();
    }
}

/// Counter mode over fixed data that NIST's vectors give, by the code that every key goes through.
#[cfg(test)]
pub(crate) fn counter_mode_of<const N: usize>(key: &HmacKey, fixed: &[u8]) -> Kept<N> {
    let (mut message, mut out) = (Message::bare(), Kept::zeroed());
    message.append(fixed);
    message.counter_mode(key, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::hmac;

    #[test]
    fn numbered_keys_are_those_of_the_construction() {
        let (key, oracle) = (HmacKey::new(&[9; 32]), hmac::Key::new(hmac::HMAC_SHA256, &[9; 32]));
        let mut numbered = Numbered::new(&key, Label::AuditSalt);
        let mut salt = [0; 32];
        for number in [0, 1, 255, 256, u64::MAX, 7] {
            numbered.derive_into(number, &mut salt);
            let mut message = b"\0\0\0\x01medseal/v1/audit-salt\0".to_vec();
            message.extend_from_slice(&number.to_be_bytes());
            message.extend_from_slice(&[0, 0, 1, 0]);
            assert_eq!(salt, hmac::sign(&oracle, &message).as_ref());
        }
    }

    /// The construction of SP 800-108r1 by another library's HMAC, for every length on both sides of
    /// the room on the stack, however the message was cut into parts.
    #[test]
    fn a_message_is_hashed_as_written_whatever_its_length_and_parts() {
        let (key, oracle) = (HmacKey::new(&[9; 32]), hmac::Key::new(hmac::HMAC_SHA256, &[9; 32]));
        let context: Vec<u8> = (0..700u32).map(|i| (i % 251) as u8).collect();
        for len in 0..context.len() {
            let mut fixed = b"medseal/v1/field\0".to_vec();
            fixed.extend_from_slice(&context[..len]);
            fixed.extend_from_slice(&512u32.to_be_bytes());
            let mut expected = Vec::new();
            for i in 1u32..=2 {
                let block = [&i.to_be_bytes()[..], &fixed].concat();
                expected.extend_from_slice(hmac::sign(&oracle, &block).as_ref());
            }
            for cut in [len.max(1), 1, 37, 240] {
                let parts: Vec<&[u8]> = context[..len].chunks(cut).collect();
                assert_eq!(derive::<64>(&key, Label::Field, &parts)[..], expected, "{len}/{cut}");
            }
        }
    }
}

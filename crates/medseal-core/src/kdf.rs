//! The key derivation function of every key in Medseal: SP 800-108r1, counter mode, HMAC-SHA-256.
//!
//! `KDF(K, label, ctx, n)`: block i = HMAC(K, u32be(i) ‖ label ‖ 00 ‖ ctx ‖ u32be(8n)). Labels are
//! a closed registry ([`Label`]), so no caller can invent one that collides with another use.

use crate::primitives::hmac_sha256::{HmacKey, pad, padded_len};
use crate::wiped::Wiped;
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
    /// KWK → key of a tenant's subject handles.
    SubjectHandle,
    /// Subject's audit secret → key of the tags that mark its entries.
    AuditSubject,
    /// Subject's audit secret → pseudonym in the details of its entries.
    AuditPseudonym,
    /// Subject's audit secret → key of one item about it.
    AuditItem,
}

impl Label {
    /// Every label, for the registry test.
    pub const ALL: [Label; 18] = [
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
        Label::SubjectHandle,
        Label::AuditSubject,
        Label::AuditPseudonym,
        Label::AuditItem,
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
            Label::SubjectHandle => "medseal/v1/subject-handle",
            Label::AuditSubject => "medseal/v1/audit-subject",
            Label::AuditPseudonym => "medseal/v1/audit-pseudonym",
            Label::AuditItem => "medseal/v1/audit-item",
        }
    }
}

/// Messages up to this size are laid out on the stack.
const STACK_BYTES: usize = 512;

/// Derives `N` bytes; `N` is a multiple of 32. The parts of `context` are concatenated.
pub(crate) fn derive<const N: usize>(
    key: &HmacKey,
    label: Label,
    context: &[&[u8]],
) -> Wiped<[u8; N]> {
    let bits = u32::try_from(8 * N).unwrap_or(u32::MAX).to_be_bytes();
    let before: [&[u8]; 2] = [label.as_str().as_bytes(), &[0]];
    counter_mode(key, [&before[..], context, &[&bits[..]]])
}

/// SP 800-108r1, section 4.1: the counter in 32 bits, then the fixed data, whose parts are
/// concatenated. NIST's vectors give the fixed data as a whole.
fn counter_mode<const N: usize>(key: &HmacKey, fixed: [&[&[u8]]; 3]) -> Wiped<[u8; N]> {
    let parts = || fixed.iter().copied().flatten();
    let len = 4 + parts().map(|part| part.len()).sum::<usize>();
    let padded = padded_len(len);
    let mut stack = [0; STACK_BYTES];
    let mut heap = Vec::new();
    let buffer = match stack.get_mut(..padded) {
        Some(buffer) => buffer,
        None => {
            heap.resize(padded, 0);
            &mut heap[..]
        }
    };
    let mut at = 4;
    for part in parts() {
        buffer[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    pad(buffer, len);
    let mut out = Wiped::new([0; N]);
    for (i, block) in (1u32..).zip(out.chunks_exact_mut(32)) {
        buffer[..4].copy_from_slice(&i.to_be_bytes());
        key.mac_padded_into(buffer.as_chunks().0, block);
    }
    // the context of a subject DEK holds the subject's secret
    buffer.zeroize();
    out
}

/// Counter mode over fixed data that NIST's vectors give, by the code that every key goes through.
#[cfg(test)]
pub(crate) fn counter_mode_of<const N: usize>(key: &HmacKey, fixed: &[u8]) -> Wiped<[u8; N]> {
    counter_mode(key, [&[fixed], &[], &[]])
}

//! `LP(x) = u32be(len x) ‖ x`, the only way two variable parts ever stand side by side.

/// What bytes are appended to: a buffer, or the message of a key derivation.
pub(crate) trait Append {
    /// Appends.
    fn append(&mut self, bytes: &[u8]);
}

impl Append for Vec<u8> {
    fn append(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Appends `LP(value)`.
///
/// Values are bounded far below 4 GiB before they come here (context values by 1024 bytes), so the
/// saturating conversion is unreachable; it keeps the function total.
pub(crate) fn push_length_prefixed(out: &mut impl Append, value: &[u8]) {
    out.append(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.append(value);
}

/// Appends `LP` of each value in turn.
pub(crate) fn length_prefixed(values: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(values.iter().map(|value| value.len() + 4).sum());
    values.iter().for_each(|value| push_length_prefixed(&mut out, value));
    out
}

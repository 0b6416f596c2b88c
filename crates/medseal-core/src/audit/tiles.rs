//! Paths and bundles of the C2SP tlog-tiles layout, for a log that is served to others.

use super::rejection::{Rejection, RejectionKind};

/// How many hashes or entries a full tile has.
pub const TILE_WIDTH: u64 = 256;

/// `tile/<level>/<number>[.p/<width>]` of the tile that holds `width` hashes.
pub fn tile_path(level: u8, number: u64, width: u64) -> String {
    format!("tile/{level}/{}", number_path(number, width))
}

/// `tile/entries/<number>[.p/<width>]` of the bundle that holds `width` entries.
pub fn entries_path(number: u64, width: u64) -> String {
    format!("tile/entries/{}", number_path(number, width))
}

fn number_path(number: u64, width: u64) -> String {
    let (mut path, mut rest) = (format!("{:03}", number % 1000), number / 1000);
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    if width < TILE_WIDTH { format!("{path}.p/{width}") } else { path }
}

/// Appends one entry to a bundle: `u16be length ‖ entry`.
///
/// # Errors
/// [`RejectionKind::EntryMalformed`] for an entry that no bundle can hold.
pub fn push_to_bundle(bundle: &mut Vec<u8>, index: u64, entry: &[u8]) -> Result<(), Rejection> {
    let refused = || Rejection::entry(index, RejectionKind::EntryMalformed);
    let length = u16::try_from(entry.len()).map_err(|_| refused())?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

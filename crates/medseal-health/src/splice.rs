//! Puts replacements where spans were and copies everything else.

use crate::profile::Placement;
use crate::scanner::Span;

/// Appends `document` to `out` with every span replaced.
///
/// `replace` appends what stands for the span's value (a JSON value, quotes included); it is not
/// called for spans of placement `remove`, whose removal range is left out. `spans` are those of a
/// scan of this very document, or some of them in the same order: leaving out an `inline` span
/// keeps its value, but `remove` spans must be given all or none, because the comma that goes with
/// each was chosen for all of them.
///
/// # Errors
/// The first error of `replace`; `out` then ends in the middle of the document and must not be
/// used.
pub fn splice<'s, E>(
    document: &[u8],
    spans: impl IntoIterator<Item = &'s Span>,
    out: &mut Vec<u8>,
    mut replace: impl FnMut(&Span, &mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let mut copied = 0;
    for span in spans {
        let gone = span.replaced();
        out.extend_from_slice(document.get(copied..gone.start).unwrap_or_default());
        if span.placement != Placement::Remove {
            replace(span, out)?;
        }
        copied = gone.end;
    }
    out.extend_from_slice(document.get(copied..).unwrap_or_default());
    Ok(())
}

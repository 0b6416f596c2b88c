//! `medseal inspect`: what an envelope says without any key.

use crate::arguments::{Arguments, Inspect};
use crate::failure::Failure;
use crate::{input, output};
use medseal_engine::{EngineError, inspect};

pub(crate) fn run(arguments: &Arguments, command: &Inspect) -> Result<(), Failure> {
    let bytes = input::read_all(&command.input)?;
    let found = inspect::inspect(&bytes).map_err(EngineError::from)?;
    if arguments.json {
        return output::json(&found);
    }
    let yes = |flag: bool| if flag { "yes" } else { "no" };
    output::text(&format!(
        "{}, {} form, {} bytes ({} of ciphertext)\nsuite           {}\nkey version id  {}\n\
         record-bound    {}\nsubject-bound   {}\npadded          {}\ninline token    {}\n\
         text prefix     {}   the same for all values of this key version and flags",
        found.format,
        found.form,
        found.envelope_bytes,
        found.ciphertext_bytes,
        found.suite,
        found.key_version_id,
        yes(found.record_bound),
        yes(found.subject_bound),
        yes(found.padded),
        yes(found.inline_token),
        found.text_prefix,
    ))
}

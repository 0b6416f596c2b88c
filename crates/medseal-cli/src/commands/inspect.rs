//! `medseal inspect`: what an envelope or stream says without any key.

use super::file;
use crate::arguments::file::File;
use crate::arguments::{Arguments, Inspect};
use crate::failure::Failure;
use crate::{input, output};
use medseal_engine::files::{Source, inspect_file, is_stream};
use medseal_engine::{EngineError, inspect};
use std::io::Cursor;
use std::path::Path;

pub(crate) async fn run(arguments: &Arguments, command: &Inspect) -> Result<(), Failure> {
    let named = command.input != Path::new("-");
    if named && is_stream(&input::start_of(&command.input)?) {
        return file::run(arguments, &File::Inspect { input: command.input.clone() }).await;
    }
    let bytes = input::read_all(&command.input)?;
    if is_stream(&bytes) {
        let source = Source::Pipe(Box::new(Cursor::new(bytes.to_vec())));
        return file::show(arguments, &inspect_file(source)?);
    }
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

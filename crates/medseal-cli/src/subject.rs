//! Patients' ids, from a file or from the terminal and never from the command line, where every
//! process can see them and the shell remembers them.

use crate::failure::Failure;
use std::io::IsTerminal;

const REMEDY: &str = "a subject's id does not stand on the command line: write it into a file and \
                      give @FILE, or leave it out and type it at the terminal";

/// `@FILE`, or typed without an echo. `given` are all arguments in the id's place, so that none of
/// them ends up in a message of the grammar.
pub(crate) fn read(given: &[String]) -> Result<String, Failure> {
    match given {
        [] if std::io::stderr().is_terminal() => {
            let typed = rpassword::prompt_password("Subject's id: ")?;
            checked(&typed)
        }
        [one] => from_file(one),
        _ => Err(Failure::usage(REMEDY)),
    }
}

/// The id in the file after `@`; one line end after it is not part of it.
pub(crate) fn from_file(given: &str) -> Result<String, Failure> {
    let path = given.strip_prefix('@').filter(|path| !path.is_empty() && *path != "-");
    let path = path.ok_or_else(|| Failure::usage(REMEDY))?;
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Read { path: path.to_owned(), kind: error.kind() })?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    checked(line.strip_suffix('\r').unwrap_or(line))
}

fn checked(id: &str) -> Result<String, Failure> {
    if id.is_empty() || id.len() > 1024 || id.contains(['\n', '\r']) {
        return Err(Failure::usage("a subject's id is one line of 1 to 1024 bytes"));
    }
    Ok(id.to_owned())
}

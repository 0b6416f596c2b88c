//! Arguments that the grammar refuses, told like every other failure.

use crate::failure::Failure;
use crate::terminal;
use clap::error::ErrorKind;
use std::ffi::OsString;
use std::process::ExitCode;

/// Prints help, the version or what is wrong with the arguments, and gives the exit code.
pub(crate) fn report(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if asks_for_json(&arguments) {
        return Failure::usage(summary(error)).report(true);
    }
    // the grammar repeats arguments as they are, and styles them
    if arguments.iter().any(|given| given.to_string_lossy().contains(terminal::is_active)) {
        return Failure::usage(summary(error)).report(false);
    }
    let _ = error.print();
    ExitCode::from(2)
}

/// The arguments were not understood, so this looks at them as words.
fn asks_for_json(arguments: &[OsString]) -> bool {
    arguments.iter().take_while(|given| *given != "--").any(|given| given == "--json")
}

/// What is wrong as one line, without the usage that follows it.
fn summary(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "a command is missing; `medseal help` lists them".to_owned();
    }
    let text = error.render().to_string();
    let end = ["\n\nUsage:", "\n\nFor more information"].iter().filter_map(|mark| text.find(mark));
    let what = text.get(..end.min().unwrap_or(text.len())).unwrap_or(&text);
    let what = what.strip_prefix("error:").unwrap_or(what);
    what.split_whitespace().collect::<Vec<_>>().join(" ")
}

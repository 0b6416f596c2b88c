//! The `medseal` command: a thin surface on the engine.
//!
//! It parses arguments, opens a home, calls one engine operation and prints. It must not decide
//! anything the engine does not, touch a key, or print a value in an error.

mod arguments;
mod commands;
mod context;
mod duration;
mod failure;
mod home;
mod input;
mod os_user;
mod output;
mod progress;
mod refused_arguments;
mod subject;
mod terminal;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match arguments::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refused_arguments::report(&error),
    };
    let json = arguments.json;
    match pollster::block_on(commands::run(arguments)) {
        Ok(code) => code,
        Err(failure) => failure.report(json),
    }
}

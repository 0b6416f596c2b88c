//! One file per command; each opens a home, calls the engine once and prints.

mod algorithms;
mod approval;
mod audit;
mod bench;
mod demo;
mod doctor;
mod escrow;
mod explain;
mod export;
mod field;
mod file;
mod impact;
mod init;
mod inspect;
mod key;
mod manual;
mod policy;
mod principal;
mod record;
mod reencrypt;
mod scan;
mod subject;
mod table;
mod value;

use crate::arguments::{Arguments, Command};
use crate::failure::Failure;
use std::process::ExitCode;

/// Runs one command.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    match &arguments.command {
        Command::Init(command) => init::run(&arguments, command).await?,
        Command::Key(command) => key::run(&arguments, command).await?,
        Command::Field(command) => field::run(&arguments, command).await?,
        Command::Encrypt(command) => value::encrypt(&arguments, command).await?,
        Command::Decrypt(command) => value::decrypt(&arguments, command).await?,
        Command::Record(command) => record::run(&arguments, command).await?,
        Command::File(command) => file::run(&arguments, command).await?,
        Command::Array(command) => file::run_array(&arguments, command).await?,
        Command::Table(command) => table::run(&arguments, command).await?,
        Command::Reencrypt(command) => reencrypt::run(&arguments, command).await?,
        Command::Inspect(command) => inspect::run(&arguments, command).await?,
        Command::Scan(command) => return scan::run(&arguments, command),
        Command::Subject(command) => subject::run(&arguments, command).await?,
        Command::Audit(command) => audit::run(&arguments, command).await?,
        Command::Escrow(command) => escrow::run(&arguments, command).await?,
        Command::Principal(command) => principal::run(&arguments, command).await?,
        Command::Role(command) => principal::run_role(&arguments, command).await?,
        Command::Token(command) => principal::run_token(&arguments, command).await?,
        Command::Approval(command) => approval::run(&arguments, command).await?,
        Command::BreakGlass(command) => principal::run_break_glass(&arguments, command).await?,
        Command::Policy(command) => return policy::run(&arguments, command).await,
        Command::Demo => demo::run(&arguments).await?,
        Command::Doctor => return doctor::run(&arguments).await,
        Command::Selftest => doctor::selftest(&arguments)?,
        Command::Explain { code } => explain::run(&arguments, code)?,
        Command::Bench(command) => bench::run(&arguments, command)?,
        Command::Algorithms => algorithms::run(&arguments)?,
        Command::Completions { shell } => manual::completions(*shell)?,
        Command::Manual(command) => manual::run(command)?,
    }
    Ok(ExitCode::SUCCESS)
}
